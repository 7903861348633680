"""A REQUEST authorizer as boto3's users write one: client at module level, connection kept alive, one strong read."""

import hashlib
import ipaddress
import os
import time

import boto3
from botocore.config import Config

TABLE = os.environ["PEER_TABLE"]
SCOPES = {"GET /jobs": "read:jobs", "GET /jobs/{jobId}": "read:jobs"}

dynamodb = boto3.client(
    "dynamodb",
    config=Config(tcp_keepalive=True, retries={"mode": "standard", "max_attempts": 3}),
)


def handler(event, context):
    headers = {name.lower(): value for name, value in (event["headers"] or {}).items()}
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise Exception("Unauthorized")
    digest = hashlib.sha256(key.encode()).hexdigest()
    item = dynamodb.get_item(
        TableName=TABLE, Key={"pk": {"S": digest}}, ConsistentRead=True
    ).get("Item")
    if item is None or item["state"]["S"] != "ACTIVE":
        raise Exception("Unauthorized")
    if int(item["expiresAt"]["N"]) <= time.time():
        raise Exception("Unauthorized")
    address = ipaddress.ip_address(event["requestContext"]["identity"]["sourceIp"])
    if not any(address in ipaddress.ip_network(listed) for listed in item["allowedIps"]["SS"]):
        raise Exception("Unauthorized")
    needed = SCOPES.get(f"{event['httpMethod']} {event['resource']}")
    return {
        "principalId": item["keyId"]["S"],
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if needed in item["scopes"]["SS"] else "Deny",
                    "Resource": event["methodArn"],
                }
            ],
        },
        "context": {"companyId": item["companyId"]["S"]},
    }
