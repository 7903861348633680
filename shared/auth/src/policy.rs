//! What the authorizer answers API Gateway: which operations of this stage the caller reaches.

pub mod iam;

use routes::{Access, Role, Route, ScopeSet};
use serde::{Deserialize, Serialize};

/// Allows exactly the given routes, each path parameter as `*`; without any route it denies everything.
///
/// The policy is coarse: IAM's `*` spans `/` and may be empty, so `POST/api-keys/*/revoke` also covers `POST/api-keys/self/revoke`.
/// The function that answers therefore checks access again, on the route that API Gateway chose.
pub fn policy<'r>(
    arn: &MethodArn<'_>,
    routes: impl IntoIterator<Item = &'r Route>,
) -> PolicyDocument {
    let resources: Vec<String> = routes
        .into_iter()
        .map(|route| {
            format!(
                "{}/{}{}{}",
                arn.stage,
                route.method.as_str(),
                starred(route.path),
                arn.slash
            )
        })
        .collect();
    // IAM knows no statement without resources.
    if resources.is_empty() {
        return deny(arn);
    }
    PolicyDocument::one(Effect::Allow, resources)
}

/// Denies every operation of the stage, whatever was asked for: the path of the request is the caller's own text and stays out of the policy.
pub fn deny(arn: &MethodArn<'_>) -> PolicyDocument {
    PolicyDocument::one(Effect::Deny, vec![format!("{}/*", arn.stage)])
}

/// The routes that a key with these scopes may call.
pub fn reach_of_key(scopes: ScopeSet) -> impl Iterator<Item = &'static Route> + Clone {
    routes::all().filter(move |route| match route.access {
        Access::Scope(scope) => scopes.contains(scope),
        Access::AnyPrincipal | Access::SelfKey => true,
        // A public route has no authorizer to be allowed by.
        Access::Role(_) | Access::Person | Access::Administrator | Access::Public => false,
    })
}

/// The routes that a person may call with this role in the company or partner they act for, or with none.
pub fn reach_of_person(role: Option<Role>) -> impl Iterator<Item = &'static Route> + Clone {
    routes::all().filter(move |route| match route.access {
        Access::Role(needed) => role.is_some_and(|role| role >= needed),
        Access::Person | Access::AnyPrincipal => true,
        Access::Scope(_) | Access::SelfKey | Access::Administrator | Access::Public => false,
    })
}

/// The routes that an administrator may call as one.
pub fn reach_of_administrator() -> impl Iterator<Item = &'static Route> + Clone {
    routes::all().filter(|route| route.for_administrators().is_some())
}

fn starred(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "*" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// The API and stage that an authorizer event's `methodArn` names: `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{METHOD}/{path}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodArn<'a> {
    /// Everything up to the stage.
    stage: &'a str,
    /// What the path has behind its last segment, `/` or nothing: API Gateway finds the same resource by both, and compares the policy with what was sent.
    slash: &'static str,
}

impl<'a> MethodArn<'a> {
    /// Takes nothing before the method that could be a wildcard; method and path are the caller's, and of the path only its end is looked at.
    pub fn parse(text: &'a str) -> Result<MethodArn<'a>, InvalidMethodArn> {
        let mut fields = text.splitn(6, ':');
        let mut field = || fields.next().ok_or(InvalidMethodArn);
        let (arn, partition, service) = (field()?, field()?, field()?);
        let (region, account, resource) = (field()?, field()?, field()?);
        let mut parts = resource.splitn(4, '/');
        let mut part = || parts.next().ok_or(InvalidMethodArn);
        let (api, stage, method) = (part()?, part()?, part()?);
        let word = |text: &str, and: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || and.contains(c))
        };
        let good = arn == "arn"
            && (partition == "aws" || partition.starts_with("aws-"))
            && word(partition, "-")
            && service == "execute-api"
            && word(region, "-")
            && word(account, "")
            && word(api, "")
            && word(stage, "_-")
            && word(method, "");
        if !good {
            return Err(InvalidMethodArn);
        }
        let slash = if parts.next().is_some_and(|path| path.ends_with('/')) {
            "/"
        } else {
            ""
        };
        let before_stage = text.len() - resource.len();
        let length = before_stage + api.len() + 1 + stage.len();
        Ok(MethodArn {
            stage: &text[..length],
            slash,
        })
    }
}

/// The event's `methodArn` is not one; the authorizer must fail, never allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the methodArn is malformed")]
pub struct InvalidMethodArn;

/// An IAM policy in JSON's spelling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    pub version: String,
    pub statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// Of a stranger's policy we would otherwise drop a `Condition` or `NotResource` unseen.
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Statement {
    pub action: Vec<String>,
    pub effect: Effect,
    pub resource: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    Allow,
    Deny,
}

impl PolicyDocument {
    fn one(effect: Effect, resource: Vec<String>) -> PolicyDocument {
        PolicyDocument {
            version: "2012-10-17".to_owned(),
            statement: vec![Statement {
                action: vec![iam::INVOKE.to_owned()],
                effect,
                resource,
            }],
        }
    }
}

#[cfg(test)]
mod tests;
