#!/usr/bin/env bash
# People at the dashboard, in real Chromium, against the built product: `tests/browser.sh [part of a test's name]`.
# Needs chromium, chromedriver and npm; the pictures are in tests/browser/screenshots/ afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# With its licence, and never in the clone.
axe_version=4.14.1
axe="${XDG_CACHE_HOME:-$HOME/.cache}/instaview/axe-core-$axe_version"

if ! { command -v chromium && command -v chromedriver; } > /dev/null; then
    echo 'Install Chromium first: apt-get install --no-install-recommends chromium chromium-driver' >&2
    exit 1
fi

if [ ! -e "$axe/axe.min.js" ]; then
    if ! command -v npm > /dev/null; then
        echo 'Install npm first, for axe-core: apt-get install --no-install-recommends npm' >&2
        exit 1
    fi
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    # npm checks what it gets against the registry's own digest.
    (cd "$unpacked" && npm pack --silent "axe-core@$axe_version" > /dev/null && tar -xzf axe-core-*.tgz)
    mkdir -p "$axe"
    mv "$unpacked/package/LICENSE" "$unpacked/package/axe.min.js" "$axe/"
fi
export AXE_CORE="$axe/axe.min.js"

# As `cargo run` builds it.
cargo build --quiet --locked --bin local
# More browsers than that at once, and each waits for the others.
cargo test --quiet --locked -p browser --features browser --test people -- --test-threads=2 "$@"
