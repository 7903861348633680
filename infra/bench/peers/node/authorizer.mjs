// A REQUEST authorizer as users of the AWS SDK v3 write one: client at module level (it keeps its connections alive), one strong read.
import { createHash } from "node:crypto";
import { BlockList, isIPv6 } from "node:net";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const scopes = { "GET /jobs": "read:jobs", "GET /jobs/{jobId}": "read:jobs" };
const family = (address) => (isIPv6(address) ? "ipv6" : "ipv4");

const dynamodb = new DynamoDBClient({ maxAttempts: 3 });

export const handler = async (event) => {
  const named = Object.entries(event.headers ?? {}).find(([name]) => name.toLowerCase() === "authorization");
  const [scheme, key] = (named?.[1] ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer" || !key) throw new Error("Unauthorized");
  const digest = createHash("sha256").update(key).digest("hex");
  const { Item: item } = await dynamodb.send(
    new GetItemCommand({ TableName: process.env.PEER_TABLE, Key: { pk: { S: digest } }, ConsistentRead: true }),
  );
  if (item?.state.S !== "ACTIVE") throw new Error("Unauthorized");
  if (Number(item.expiresAt.N) * 1000 <= Date.now()) throw new Error("Unauthorized");
  const allowed = new BlockList();
  for (const listed of item.allowedIps.SS) {
    const [network, length] = listed.split("/");
    allowed.addSubnet(network, Number(length), family(network));
  }
  const address = event.requestContext.identity.sourceIp;
  if (!allowed.check(address, family(address))) throw new Error("Unauthorized");
  const needed = scopes[`${event.httpMethod} ${event.resource}`];
  return {
    principalId: item.keyId.S,
    policyDocument: {
      Version: "2012-10-17",
      Statement: [
        {
          Action: "execute-api:Invoke",
          Effect: item.scopes.SS.includes(needed) ? "Allow" : "Deny",
          Resource: event.methodArn,
        },
      ],
    },
    context: { companyId: item.companyId.S },
  };
};
