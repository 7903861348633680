#!/usr/bin/env bash
# Installs the peers that the product is measured beside, in pinned versions, outside of the clone.
# `install.sh` installs and packs what it can, and says what it can't; `install.sh list` prints name and folder of those that are there.
# Needs node and npm, python3 with pip, cmake, autoconf, automake, libtool, make, g++ (the Node Runtime Interface Client is compiled), cargo; nginx is looked for in PATH.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/instaview/peers"
# Transitive dependencies are those of this day.
before=2026-11-30
node_version=24.22.3
peers=(runtime node better-auth offline python cedar)

# A peer's folder, another one for other pins.
folder() {
    case $1 in
        runtime) echo "$cache/runtime-$node_version" ;;
        python) echo "$cache/python-$(cat "$here"/python/*.txt | sha256sum | cut -c1-12)" ;;
        cedar) echo "$cache/cedar-$(cat "$here/cedar/Cargo.lock" "$here"/cedar/src/*.rs | sha256sum | cut -c1-12)" ;;
        *) echo "$cache/$1-$(sha256sum < "$here/$1/package.json" | cut -c1-12)" ;;
    esac
}

npm_install() {
    npm install --silent --no-audit --no-fund --no-package-lock --before="$before" "$@"
}

# Node of the version that Lambda runs, headers included.
install_runtime() {
    local machine
    case $(uname -m) in
        x86_64) machine=x64 ;;
        aarch64) machine=arm64 ;;
        *) return 1 ;;
    esac
    npm_install --prefix . "node-linux-$machine@$node_version"
    mv "node_modules/node-linux-$machine"/{bin,include} .
    rm -rf node_modules package.json
}

install_node() {
    local runtime
    runtime=$(folder runtime)
    PATH="$runtime/bin:$PATH" npm_config_nodedir="$runtime" npm_install
}

install_better_auth() { npm_install --ignore-scripts; }

install_offline() { npm_install --ignore-scripts; }

install_python() {
    # The program itself: a version manager's stand-in would be measured along.
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" python3
    sed -n 's/^boto3==//p' "$here/python/package.txt" > versions
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target package -r "$here/python/package.txt"
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target runtime -r "$here/python/runtime.txt"
}

install_cedar() {
    cargo build --quiet --release --locked --manifest-path "$here/cedar/Cargo.toml" --target-dir target
    cp target/release/peer-cedar .
    rm -rf target
}

# Our own sources, as their users deploy them: bundled and minified, or beside their packages.
pack() {
    local folder
    folder=$(folder "$1")
    [ -e "$folder/complete" ] || return 0
    cd "$folder"
    case $1 in
        node)
            cp "$here/node/authorizer.mjs" .
            node_modules/.bin/esbuild authorizer.mjs --bundle --minify --platform=node --target=node24 --format=esm \
                --banner:js='import{createRequire}from"node:module";const require=createRequire(import.meta.url);' \
                --outfile=package/authorizer.mjs --log-level=error
            python3 -m zipfile -c package.zip package/authorizer.mjs
            ;;
        python)
            cp "$here/python/authorizer.py" package/
            python3 -m compileall -q package runtime
            (cd package && python3 -m zipfile -c ../package.zip *)
            ;;
        better-auth) cp "$here"/better-auth/*.mjs . ;;
        offline)
            cp "$here"/offline/{serverless.yml,authorizer.mjs,jobs.mjs} .
            cp "$here/node/authorizer.mjs" deployed.mjs
            ;;
    esac
}

list() {
    local peer folder
    for peer in "${peers[@]}"; do
        folder=$(folder "$peer")
        if [ -e "$folder/complete" ]; then printf '%s\t%s\n' "$peer" "$folder"; fi
    done
}

install() {
    local folder status=0
    folder=$(folder "$1")
    if [ ! -e "$folder/complete" ]; then
        echo "peers: installing $1 …" >&2
        rm -rf "$folder"
        mkdir -p "$folder"
        [ ! -e "$here/$1/package.json" ] || cp "$here/$1/package.json" "$folder/"
        # A shell of its own, so that -e counts in it.
        bash -euo pipefail -c "$(declare -f folder npm_install "install_${1//-/_}"); $(declare -p here cache before node_version); cd '$folder'; install_${1//-/_}" \
            > "$folder/install.log" 2>&1 || status=$?
        if [ "$status" != 0 ]; then
            echo "peers: $1 can't be installed and will be skipped; $folder/install.log says why" >&2
            return 0
        fi
        touch "$folder/complete"
    fi
}

case "${1:-}" in
    list) list ;;
    '')
        for peer in "${peers[@]}"; do install "$peer"; done
        for peer in "${peers[@]}"; do (pack "$peer"); done
        command -v nginx > /dev/null || echo 'peers: nginx is missing: apt-get install --no-install-recommends nginx-light' >&2
        list
        ;;
    *)
        echo "usage: $0 [list]" >&2
        exit 2
        ;;
esac
