#!/usr/bin/env bash
# Fuzzes everything that reads what others write: `tests/fuzz.sh [runs] [target …]`, 100,000 runs of each without a word.
# Needs cargo-fuzz and a C++ compiler. What it finds lies in tests/apart/fuzz/artifacts, and is run again by `cargo fuzz run`, as it says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${1:-100000}
shift || true
fuzz=tests/apart/fuzz
# Instrumented, and so apart from all other builds.
target="${CARGO_TARGET_DIR:-target}/apart"
options=(--fuzz-dir "$fuzz" --dev --sanitizer none --no-cfg-fuzzing --target-dir "$target")
# Stable compilers instrument, too, once they are told to.
export RUSTC_BOOTSTRAP=1

[ $# -gt 0 ] || set -- $(cargo fuzz list --fuzz-dir "$fuzz")
# The committed lock file is the product's; a stale one must not be mended unseen.
cargo metadata --locked --format-version 1 --manifest-path tests/apart/Cargo.toml > /dev/null
cargo fuzz build "${options[@]}"
found=$(mktemp -d)
# Each run in a group of its own, so that none outlives the script.
set -m
trap 'for group in $(jobs -p); do kill -- "-$group" || true; done; wait; rm -rf "$found"' EXIT

# The first folder takes what is new, so that the committed one stays small; a seed makes a short run the same each time.
run() {
    mkdir "$found/$1"
    cargo fuzz run "${options[@]}" "$1" "$found/$1" "$fuzz/corpus/$1" -- \
        -runs="$runs" -seed="${FUZZ_SEED:-1}" -max_len=8192 -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 2>&1 | grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse)' | sed "s/^/$1: /"
}

# As many at once as there are cores; the first failure ends the script.
for name in "$@"; do
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
    run "$name" &
done
while [ -n "$(jobs -p)" ]; do
    wait -n
done
