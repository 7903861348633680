#!/usr/bin/env bash
# Deletes a stack and all that it leaves behind on purpose: tables, buckets, people, secrets, keys, failed reports. Nothing of it comes back.
#
#     infra/delete.sh STACK STACK
#
# The name twice, so that it is meant. Needs sam, the AWS CLI, jq, and in the environment a region and credentials that may do all of it.
# Where it broke off, give the stack's id instead, which it says first: CloudFormation forgets a name with its stack, and an id after 90 days.
set -euo pipefail
stack=${1:?the name of the stack}
[ "${2-}" = "$stack" ] || { echo "say the name twice" >&2; exit 2; }
# The AWS CLI and sam each know a region by one of these names.
export AWS_REGION=${AWS_REGION:-${AWS_DEFAULT_REGION:?a region}}
export AWS_DEFAULT_REGION=$AWS_REGION

found=$(aws cloudformation describe-stacks --stack-name "$stack" --output text \
    --query 'Stacks[0].[StackId, StackName, StackStatus]')
read -r id name status <<< "$found"
echo "$id"
[ "$status" = DELETE_COMPLETE ] || sam delete --stack-name "$name" --no-prompts

# By the id a deleted stack still says what it has left.
resources() {
    aws cloudformation list-stack-resources --stack-name "$id" --output text \
        --query "StackResourceSummaries[?ResourceType=='$1' && PhysicalResourceId].[PhysicalResourceId]"
}
# Calls; false where the thing is gone already, or soon will be.
there() {
    local said
    said=$("$@" 2>&1 > /dev/null) && return
    case $said in
        *NotFound* | *'Not Found'* | *NonExistent* | *KMSInvalidState*) return 1 ;;
        *) echo "$said" >&2; exit 1 ;;
    esac
}

tables=$(resources AWS::DynamoDB::Table)
for table in $tables; do
    there aws dynamodb update-table --table-name "$table" --no-deletion-protection-enabled || continue
    aws dynamodb wait table-exists --table-name "$table"
    aws dynamodb delete-table --table-name "$table" > /dev/null
done
locked=()
buckets=$(resources AWS::S3::Bucket)
for bucket in $buckets; do
    there aws s3api head-bucket --bucket "$bucket" || continue
    # Checkpoints are versions under a lock; by GOVERNANCE whoever may bypass it can remove them, by COMPLIANCE nobody before it ends.
    bypass=()
    ! aws s3api get-object-lock-configuration --bucket "$bucket" > /dev/null 2>&1 || bypass=(--bypass-governance-retention)
    # As many as one argument holds, which is 128 KB on Linux.
    while page=$(aws s3api list-object-versions --bucket "$bucket" --max-items 500 --output json |
        jq -c '{Objects: [(.Versions // []) + (.DeleteMarkers // []) | .[] | {Key, VersionId}], Quiet: true}') &&
        [ "$(jq '.Objects | length' <<< "$page")" != 0 ]; do
        kept=$(aws s3api delete-objects --bucket "$bucket" ${bypass[@]+"${bypass[@]}"} --delete "$page" --output json)
        [ -z "$kept" ] || [ "$(jq '.Errors // [] | length' <<< "$kept")" = 0 ] || break
    done
    aws s3api delete-bucket --bucket "$bucket" || locked+=("$bucket")
done
pools=$(resources AWS::Cognito::UserPool)
for pool in $pools; do
    # The call sets back what it isn't given, and refuses where one of these two stands without the other.
    there aws cognito-idp update-user-pool --user-pool-id "$pool" --deletion-protection INACTIVE \
        --auto-verified-attributes email \
        --user-attribute-update-settings AttributesRequireVerificationBeforeUpdate=email || continue
    aws cognito-idp delete-user-pool --user-pool-id "$pool"
done
secrets=$(resources AWS::SecretsManager::Secret)
for secret in $secrets; do
    there aws secretsmanager delete-secret --secret-id "$secret" --force-delete-without-recovery || true
done
keys=$(resources AWS::KMS::Key)
for key in $keys; do
    # The shortest that KMS takes.
    there aws kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 || true
done
queues=$(resources AWS::SQS::Queue)
for queue in $queues; do
    # That of missed turns went with the stack.
    there aws sqs delete-queue --queue-url "$queue" || true
done
for bucket in ${locked[@]+"${locked[@]}"}; do
    echo "$bucket is not empty: its checkpoints are locked" >&2
done
[ ${#locked[@]} = 0 ]
