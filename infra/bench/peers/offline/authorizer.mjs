// The Node authorizer as it is, with the one thing that serverless-offline doesn't tell an authorizer: the caller's address.
import { handler as deployed } from "./deployed.mjs";

export const handler = (event) =>
  deployed({ ...event, requestContext: { ...event.requestContext, identity: { sourceIp: "127.0.0.1" } } });
