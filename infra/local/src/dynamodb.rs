//! The embedded DynamoDB for other tools of this machine, behind an access key id that only `local.json` knows.

use embedded::Engine;
use serde_json::json;
use std::fmt;

use crate::message::{HttpRequest, HttpResponse};

pub struct DynamoDb {
    engine: Engine,
    access_key_id: String,
}

impl DynamoDb {
    pub fn new(engine: Engine, access_key_id: String) -> DynamoDb {
        DynamoDb {
            engine,
            access_key_id,
        }
    }

    /// One call of the JSON protocol. The signature itself isn't checked: the id is the secret.
    pub fn handle(&self, request: &HttpRequest) -> HttpResponse {
        let target = match (
            request.method.as_str(),
            request.path.as_str(),
            request.last("x-amz-target"),
        ) {
            ("POST", "/", Some(target)) => target,
            _ => {
                return error(
                    404,
                    "com.amazon.coral.service#UnknownOperationException",
                    "Only the JSON protocol is spoken here.",
                );
            }
        };
        let credential = request.last("authorization").and_then(credential);
        if credential != Some(self.access_key_id.as_str()) {
            let message = "The security token included in the request is invalid.";
            return error(
                403,
                "com.amazon.coral.service#UnrecognizedClientException",
                message,
            );
        }
        let (status, body) = self.engine.dispatch(target, &request.body);
        HttpResponse::new(status, "application/x-amz-json-1.0", body)
    }
}

/// The access key id in `AWS4-HMAC-SHA256 Credential=<id>/<date>/…`.
fn credential(authorization: &str) -> Option<&str> {
    let (_, rest) = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")?
        .split_once("Credential=")?;
    Some(rest.split_once('/')?.0)
}

fn error(status: u16, kind: &str, message: &str) -> HttpResponse {
    let body = json!({ "__type": kind, "message": message });
    HttpResponse::new(status, "application/x-amz-json-1.0", body.to_string())
}

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDb").finish_non_exhaustive()
    }
}
