#!/usr/bin/env bash
# Brings a stack up, or up to date, in one command: builds, deploys, and fills the secrets that a new stack has empty.
#
#     infra/deploy.sh STACK [PARAMETER=VALUE …]
#
# Needs sam, cargo-lambda, the AWS CLI, and in the environment a region and credentials that may make all of it.
# Given twice it changes nothing more; parameters that are not given stay what they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack=${1:?the name of the stack}
shift
# The AWS CLI and sam each know a region by one of these names.
export AWS_REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:?a region}}
export AWS_DEFAULT_REGION=$AWS_REGION

# What is built must be for the processor that the stack has.
if [[ " $* " != *" Architecture="* ]]; then
    has=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query 'Stacks[0].Parameters[?ParameterKey==`Architecture`].ParameterValue' 2> /dev/null) || has=
    [ -z "$has" ] || set -- "$@" "Architecture=$has"
fi
parameters=()
[ $# = 0 ] || parameters=(--parameter-overrides "$@")
sam build ${parameters[@]+"${parameters[@]}"}
sam deploy --stack-name "$stack" --no-confirm-changeset --no-fail-on-empty-changeset ${parameters[@]+"${parameters[@]}"}

# As `operate` finds a stack: by the environment that the functions have, and credentials in it.
found=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query 'Stacks[0].Outputs[?OutputKey==`OperateEnvironment`].OutputValue')
[[ $found == AWS_REGION=* ]] || { echo "the stack says nothing of itself: $found" >&2; exit 1; }
for pair in $found; do
    export "${pair?}"
done
credentials=$(aws configure export-credentials --format env)
eval "$credentials"
for secret in keys cursors sessions; do
    printf '%s: ' "$secret"
    cargo run --quiet --locked -p operate --features lambda -- secret "$secret" fill
done
aws cloudformation describe-stacks --stack-name "$stack" --output table \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]'
