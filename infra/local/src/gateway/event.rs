//! One request with its ids, and the two events that API Gateway makes of it.

use api::Entropy;
use base64::{Engine, prelude::BASE64_URL_SAFE};
use model::Timestamp;
use routes::Route;
use serde_json::{Map, Value, json};

use super::{routing, stringified};
use crate::message::HttpRequest;

const ACCOUNT: &str = "123456789012";
const API: &str = "local00000";
const REGION: &str = "us-east-1";
const STAGE: &str = "v1";

/// Not passed on: they concern one connection, or are set by API Gateway itself.
const DROPPED: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request on its way.
#[derive(Debug)]
pub(super) struct Exchange {
    request: HttpRequest,
    route: Option<&'static Route>,
    path_parameters: Map<String, Value>,
    request_id: String,
    extended_request_id: String,
    context: Value,
}

impl Exchange {
    pub(super) fn begin(request: HttpRequest, now: Timestamp, entropy: Entropy) -> Exchange {
        let random = uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid();
        // As in AWS, the plain id can be chosen by the client.
        let request_id = request
            .last("x-amzn-requestid")
            .map_or_else(|| random.to_string(), str::to_owned);
        let (route, path_parameters) = routing::find(&request.method, &request.path).unzip();
        let mut exchange = Exchange {
            route,
            path_parameters: path_parameters.unwrap_or_default(),
            request_id,
            extended_request_id: BASE64_URL_SAFE.encode(entropy.bytes::<11>()),
            context: Value::Null,
            request,
        };
        exchange.context = exchange.request_context(now);
        exchange
    }

    pub(super) fn route(&self) -> Option<&'static Route> {
        self.route
    }

    pub(super) fn method(&self) -> &str {
        &self.request.method
    }

    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }

    pub(super) fn extended_request_id(&self) -> &str {
        &self.extended_request_id
    }

    /// What `$context` stands for in a gateway response.
    pub(super) fn context(&self) -> &Value {
        &self.context
    }

    pub(super) fn head_length(&self) -> usize {
        let HttpRequest {
            method,
            path,
            query,
            headers,
            ..
        } = &self.request;
        let values: usize = headers.iter().map(|(_, value)| value.len()).sum();
        method.len() + path.len() + query.len() + values
    }

    pub(super) fn body_length(&self) -> usize {
        self.request.body.len()
    }

    /// The request was decided on: the functions and the templates see the context.
    pub(super) fn authorized(&mut self, principal_id: &str, context: Map<String, Value>) {
        let mut fields: Map<String, Value> = context
            .into_iter()
            .map(|(name, value)| (name, stringified(value)))
            .collect();
        fields.insert("principalId".to_owned(), principal_id.into());
        fields.insert("integrationLatency".to_owned(), 0.into());
        self.context["authorizer"] = fields.into();
    }

    pub(super) fn method_arn(&self) -> String {
        let HttpRequest { method, path, .. } = &self.request;
        format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/{STAGE}/{method}{path}")
    }

    /// The event of the Lambda proxy integration: absent maps are `null`.
    pub(super) fn proxy_event(&self) -> Value {
        let or_null = |map: Map<String, Value>| {
            if map.is_empty() {
                Value::Null
            } else {
                map.into()
            }
        };
        let (headers, multi_value_headers) = self.headers();
        let (query, multi_value_query) = self.query();
        let body = &self.request.body;
        json!({
            "resource": self.resource(),
            "path": self.request.path,
            "httpMethod": self.request.method,
            "headers": headers,
            "multiValueHeaders": multi_value_headers,
            "queryStringParameters": or_null(query),
            "multiValueQueryStringParameters": or_null(multi_value_query),
            "pathParameters": or_null(self.path_parameters.clone()),
            "stageVariables": null,
            "requestContext": self.context,
            // No media type is binary in this API: a body is text, whatever its bytes are.
            "body": (!body.is_empty()).then(|| String::from_utf8_lossy(body)),
            "isBase64Encoded": false,
        })
    }

    /// The REQUEST authorizer's event: absent maps are empty, and there is no body.
    pub(super) fn authorizer_event(&self) -> Value {
        let (headers, multi_value_headers) = self.headers();
        let (query, multi_value_query) = self.query();
        json!({
            "type": "REQUEST",
            "methodArn": self.method_arn(),
            "resource": self.resource(),
            "path": self.request.path,
            "httpMethod": self.request.method,
            "headers": headers,
            "multiValueHeaders": multi_value_headers,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": multi_value_query,
            "pathParameters": self.path_parameters,
            "stageVariables": {},
            "requestContext": self.context,
        })
    }

    /// Empty without a route.
    pub(super) fn resource(&self) -> &'static str {
        self.route.map_or("", |route| route.path)
    }

    fn request_context(&self, now: Timestamp) -> Value {
        json!({
            "accountId": ACCOUNT,
            "apiId": API,
            "deploymentId": "local0",
            "domainName": format!("{API}.execute-api.{REGION}.amazonaws.com"),
            "domainPrefix": API,
            "extendedRequestId": self.extended_request_id,
            "httpMethod": self.request.method,
            "identity": {
                "accessKey": null,
                "accountId": null,
                "caller": null,
                "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "principalOrgId": null,
                "sourceIp": self.request.source_ip,
                "user": null,
                "userAgent": self.request.last("user-agent"),
                "userArn": null,
            },
            "operationName": self.route.map(|route| route.operation),
            "path": format!("/{STAGE}{}", self.request.path),
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": clf_time(now),
            "requestTimeEpoch": now.millis(),
            "resourceId": "local0",
            "resourcePath": self.resource(),
            "stage": STAGE,
        })
    }

    fn headers(&self) -> (Map<String, Value>, Map<String, Value>) {
        let HttpRequest {
            headers, source_ip, ..
        } = &self.request;
        let forwarded = match self.request.last("x-forwarded-for") {
            Some(claimed) => format!("{claimed}, {source_ip}"),
            None => source_ip.clone(),
        };
        let set = [
            ("x-forwarded-for", forwarded),
            ("x-forwarded-port", "443".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
        ];
        let sent = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let kept = sent.filter(|(name, _)| {
            let mut dropped = DROPPED.iter().chain(set.iter().map(|(name, _)| name));
            !dropped.any(|dropped| name.eq_ignore_ascii_case(dropped))
        });
        maps(kept.chain(set.clone()))
    }

    /// Decoded, `+` as a space.
    fn query(&self) -> (Map<String, Value>, Map<String, Value>) {
        let pairs: Vec<_> = url::form_urlencoded::parse(self.request.query.as_bytes())
            .into_owned()
            .collect();
        maps(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        )
    }
}

/// The map in which the last value wins, and the one with all of them.
fn maps<'p>(
    pairs: impl Iterator<Item = (&'p str, String)>,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut single, mut multi) = (Map::new(), Map::new());
    for (name, value) in pairs {
        single.insert(name.to_owned(), value.clone().into());
        let values = multi.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(value.into());
        }
    }
    (single, multi)
}

/// `24/Nov/2026:04:48:53 +0000`, from RFC 3339.
fn clf_time(now: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = now.to_string();
    let month = text[5..7].parse::<usize>().unwrap_or(1);
    format!(
        "{}/{}/{}:{} +0000",
        &text[8..10],
        MONTHS[month - 1],
        &text[..4],
        &text[11..19]
    )
}
