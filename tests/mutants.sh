#!/usr/bin/env bash
# Tests the tests of `auth`: cargo-mutants changes its code in one place at a time, and its tests must fail.
#
#     tests/mutants.sh [K/N]
#
# Of all that compile 95 % must be caught, and in the decision each. K/N is every Nth of the decision alone, from the Kth on, as `.ci/run` takes them.
# Needs `cargo install --locked cargo-mutants@27.1.0`, and the better part of an hour: each mutant is built and tested.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
output=${MUTANTS_OUTPUT:-target/mutants}
mkdir -p "$output"
which=()
if [ $# -gt 0 ]; then
    which=(--file 'shared/auth/src/decision.rs' --file 'shared/auth/src/decision/**' --shard "$1" --sharding round-robin)
fi
# Survivors make it fail with 2, timeouts with 3; what counts is below.
status=0
# A target directory of its own: what is built of mutants must not be taken for ours. And one job: two would share it, and run each other's tests.
export CARGO_TARGET_DIR="$output/target"
# The first test that fails says enough. The stable test runner ends there, too, once it is told to.
export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_DEV_DEBUG=false
cargo mutants --package auth --no-shuffle --jobs 1 --minimum-test-timeout 60 --output "$output" "${which[@]}" \
    -- -- -Z unstable-options --fail-fast || status=$?
case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
python3 - "$output/mutants.out/outcomes.json" << 'END'
import json, sys

outcomes = [o for o in json.load(open(sys.argv[1]))["outcomes"] if o["scenario"] != "Baseline"]
tested = [o for o in outcomes if o["summary"] in ("CaughtMutant", "MissedMutant", "Timeout")]
missed = [o["scenario"]["Mutant"] for o in tested if o["summary"] == "MissedMutant"]
in_decision = [m for m in missed if m["file"].startswith("shared/auth/src/decision")]
if not tested:
    sys.exit("no mutant was tested")
share = 100 * (1 - len(missed) / len(tested))
print(f"{len(tested)} mutants, {share:.1f} % caught, {len(in_decision)} survive in the decision")
if in_decision or share < 95:
    sys.exit("too many survive")
END
