//! API Gateway's REQUEST event: the few members that the decision reads.

use auth::{Asked, GivenReason, MethodArn, NamedCompany, NamedPartner};
use model::{Rule, UserAgent};
use routes::{Route, Tenant};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::{collections::HashMap, fmt};
use zeroize::Zeroizing;

use crate::AuthorizerError;

/// What was asked, by whom in the caller's own words.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    pub(crate) bearer: Bearer,
    pub(crate) method_arn: String,
    /// The extended request id: a label.
    pub(crate) id: String,
    /// Of the plain one, which the client may have chosen.
    pub(crate) plain_digest: String,
    pub(crate) user_agent: Option<UserAgent>,
}

/// The credential, by its looks.
pub(crate) enum Bearer {
    Key(Zeroizing<String>),
    Token(Zeroizing<String>),
    None,
}

impl Request {
    pub(crate) fn read<'de>(event: impl Deserializer<'de>) -> Result<Request, AuthorizerError> {
        let event = Event::read(event)?;
        let context = &event.request_context;
        MethodArn::parse(&event.method_arn).map_err(|_| AuthorizerError::Event("methodArn"))?;
        let route = routes::find(&context.http_method, &context.resource_path)
            .ok_or(AuthorizerError::Event("resourcePath"))?;
        Request::of(route, event)
    }

    /// A request for this very route, by whoever has read who asks: there is no gateway, and so no policy.
    pub(crate) fn signed_in(
        route: &'static Route,
        event: Value,
    ) -> Result<Request, AuthorizerError> {
        let request = Request::of(route, Event::read(event)?)?;
        Ok(Request {
            bearer: Bearer::None,
            ..request
        })
    }

    fn of(route: &'static Route, event: Event) -> Result<Request, AuthorizerError> {
        let context = event.request_context;
        let address = context
            .identity
            .source_ip
            .parse()
            .map_err(|_| AuthorizerError::Event("sourceIp"))?;
        let mut headers = event.multi_value_headers.unwrap_or_default();
        let mut query = event
            .multi_value_query_string_parameters
            .unwrap_or_default();
        let in_path = event.path_parameters.unwrap_or_default();
        let in_path = |name| {
            let sent: Option<&String> = in_path.get(name);
            sent.map(|sent| api::path_parameter(sent).into_owned())
        };
        let mut named = query.remove("companyId").unwrap_or_default();
        if route.tenant == Tenant::PathCompany {
            let in_path = in_path("companyId").unwrap_or_default();
            // Named again in the query it must be the same one, and once.
            if named.len() == 1 && named[0] == in_path {
                named.clear();
            }
            named.push(in_path);
        }
        let company = match named.as_slice() {
            [] => NamedCompany::Absent,
            [one] => one
                .parse()
                .map_or(NamedCompany::Unusable, NamedCompany::One),
            _ => NamedCompany::Unusable,
        };
        let partner = match route.tenant {
            Tenant::PathPartner => in_path("partnerId").into_iter().collect(),
            _ => query.remove("partnerId").unwrap_or_default(),
        };
        let partner = match partner.as_slice() {
            [] => NamedPartner::Absent,
            [one] => one
                .parse()
                .map_or(NamedPartner::Unusable, NamedPartner::One),
            _ => NamedPartner::Unusable,
        };
        let plain_digest = store::request_digest(&context.request_id);
        Ok(Request {
            asked: Asked {
                route,
                address,
                company,
                partner,
                reason: reason(&headers),
            },
            bearer: Bearer::read(&mut headers),
            method_arn: event.method_arn,
            id: context
                .extended_request_id
                .filter(|id| is_label(id))
                .or_else(|| Some(context.request_id.clone()).filter(|id| is_label(id)))
                .unwrap_or_else(|| plain_digest.clone()),
            plain_digest,
            user_agent: context
                .identity
                .user_agent
                .and_then(|header| UserAgent::of_header(&header)),
        })
    }
}

/// Given twice it is unusable, as the credential is: readers disagree about which one counts.
fn reason(headers: &HashMap<String, Vec<String>>) -> GivenReason {
    let mut values = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-admin-reason"))
        .flat_map(|(_, values)| values);
    match (values.next(), values.next()) {
        (None, _) => GivenReason::Absent,
        // White space around it is no part of a header's value.
        (Some(value), None) => value
            .trim_matches([' ', '\t'])
            .parse()
            .map_or_else(GivenReason::Unusable, GivenReason::Given),
        (Some(_), Some(_)) => GivenReason::Unusable(Rule::Repeated),
    }
}

/// Whether the id can be shown, stored and searched for as it is.
fn is_label(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_=+/".contains(&byte))
}

impl Bearer {
    /// Reads the multi-value map: it alone shows a header that was sent twice.
    fn read(headers: &mut HashMap<String, Vec<String>>) -> Bearer {
        let mut values = headers
            .iter_mut()
            .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .flat_map(|(_, values)| values.drain(..).map(Zeroizing::new));
        let (Some(value), None) = (values.next(), values.next()) else {
            return Bearer::None;
        };
        match value.split_once(' ') {
            Some((scheme, rest))
                if scheme.eq_ignore_ascii_case("bearer")
                    && !rest.is_empty()
                    && !rest.contains([' ', ',']) =>
            {
                let rest = Zeroizing::new(rest.to_owned());
                if rest.starts_with("sk_") {
                    Bearer::Key(rest)
                } else {
                    Bearer::Token(rest)
                }
            }
            _ => Bearer::None,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bearer::Key(_) => "Key(…)",
            Bearer::Token(_) => "Token(…)",
            Bearer::None => "None",
        })
    }
}

impl Event {
    fn read<'de>(event: impl Deserializer<'de>) -> Result<Event, AuthorizerError> {
        Event::deserialize(event).map_err(|_| AuthorizerError::Event("not a REQUEST event"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    /// Absent where no gateway asks.
    #[serde(default)]
    method_arn: String,
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
    multi_value_query_string_parameters: Option<HashMap<String, Vec<String>>>,
    path_parameters: Option<HashMap<String, String>>,
    request_context: Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    request_id: String,
    extended_request_id: Option<String>,
    resource_path: String,
    http_method: String,
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: String,
    user_agent: Option<String>,
}
