#!/usr/bin/env bash
# Deletes a stack and all that it leaves behind on purpose: tables, buckets, people, secrets, keys, failed reports. Nothing of it comes back.
#
#     infra/delete.sh STACK STACK
#
# The name twice, so that it is meant. Needs sam, the AWS CLI and jq.
set -euo pipefail
stack=${1:?the name of the stack}
[ "${2-}" = "$stack" ] || { echo "say the name twice" >&2; exit 2; }

resources() {
    aws cloudformation describe-stack-resources --stack-name "$stack" --output text \
        --query "StackResources[?ResourceType=='$1'].PhysicalResourceId"
}

# While the stack is there: afterwards nothing says what was its own.
tables=$(resources AWS::DynamoDB::Table)
buckets=$(resources AWS::S3::Bucket)
pools=$(resources AWS::Cognito::UserPool)
secrets=$(resources AWS::SecretsManager::Secret)
keys=$(resources AWS::KMS::Key)
queues=$(resources AWS::SQS::Queue)

sam delete --stack-name "$stack" --no-prompts

for table in $tables; do
    aws dynamodb update-table --table-name "$table" --no-deletion-protection-enabled > /dev/null
    aws dynamodb wait table-exists --table-name "$table"
    aws dynamodb delete-table --table-name "$table" > /dev/null
done
locked=()
for bucket in $buckets; do
    # Checkpoints are versions under a lock; by GOVERNANCE whoever may bypass it can remove them, by COMPLIANCE nobody before it ends.
    bypass=()
    ! aws s3api get-object-lock-configuration --bucket "$bucket" > /dev/null 2>&1 || bypass=(--bypass-governance-retention)
    while page=$(aws s3api list-object-versions --bucket "$bucket" --max-items 1000 --output json |
        jq -c '{Objects: [(.Versions // []) + (.DeleteMarkers // []) | .[] | {Key, VersionId}], Quiet: true}') &&
        [ "$(jq '.Objects | length' <<< "$page")" != 0 ]; do
        kept=$(aws s3api delete-objects --bucket "$bucket" "${bypass[@]}" --delete "$page" --output json)
        [ -z "$kept" ] || [ "$(jq '.Errors // [] | length' <<< "$kept")" = 0 ] || break
    done
    aws s3api delete-bucket --bucket "$bucket" || locked+=("$bucket")
done
for pool in $pools; do
    aws cognito-idp update-user-pool --user-pool-id "$pool" --deletion-protection INACTIVE
    aws cognito-idp delete-user-pool --user-pool-id "$pool"
done
for secret in $secrets; do
    aws secretsmanager delete-secret --secret-id "$secret" --force-delete-without-recovery > /dev/null
done
for key in $keys; do
    # The shortest that KMS takes.
    aws kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 > /dev/null
done
for queue in $queues; do
    # That of missed turns went with the stack.
    aws sqs delete-queue --queue-url "$queue" 2> /dev/null || true
done
for bucket in "${locked[@]}"; do
    echo "$bucket is not empty: its checkpoints are locked" >&2
done
[ ${#locked[@]} = 0 ]
