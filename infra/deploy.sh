#!/usr/bin/env bash
# Brings a stack up, or up to date, in one command: builds, deploys, and fills the secrets that a new stack has empty.
#
#     infra/deploy.sh STACK [--parameter-overrides …, and whatever else `sam deploy` takes]
#
# Needs sam, cargo-lambda, the AWS CLI, and credentials that may make all of it. Given twice it changes nothing more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stack=${1:?the name of the stack}
shift

sam build
sam deploy --stack-name "$stack" --no-confirm-changeset --no-fail-on-empty-changeset "$@"

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
