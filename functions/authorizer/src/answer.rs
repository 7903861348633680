//! What the authorizer answers API Gateway: a policy, and a context of strings.

use auth::{
    Answer, Context, MethodArn, PolicyDocument, Principal, Refusal, Who, deny, policy,
    reach_of_administrator, reach_of_key, reach_of_person,
};
use model::Timestamp;
use serde::Serialize;

use crate::event::Request;

/// The answer in API Gateway's form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerAnswer {
    pub principal_id: String,
    pub policy_document: PolicyDocument,
    pub context: Context,
}

/// The request was counted: the policy names what the credential reaches.
pub(crate) fn allow(request: &Request, principal: &Principal) -> AuthorizerAnswer {
    let arn = arn(request);
    let policy_document = match principal.who() {
        Who::Key { .. } => policy(&arn, reach_of_key(principal.scopes())),
        Who::Person { .. } => policy(&arn, reach_of_person(principal.role())),
        Who::Administrator { .. } => policy(&arn, reach_of_administrator()),
        Who::System => policy(&arn, Vec::new()),
    };
    AuthorizerAnswer {
        principal_id: principal.id(),
        policy_document,
        context: principal.into(),
    }
}

/// The request was refused, and not by the 401: a Deny that the gateway renders, or a verdict that the function answers with.
pub(crate) fn refuse_to_pass(
    request: &Request,
    refusal: &Refusal,
    caller: &str,
    now: Timestamp,
) -> AuthorizerAnswer {
    let arn = arn(request);
    let policy_document = match refusal.answer {
        Answer::Verdict(_) => policy(&arn, [request.asked.route]),
        Answer::Unauthorized | Answer::Forbidden(_) => deny(&arn),
    };
    AuthorizerAnswer {
        principal_id: caller.to_owned(),
        policy_document,
        context: refusal.context(now).unwrap_or_default(),
    }
}

fn arn(request: &Request) -> MethodArn<'_> {
    MethodArn::parse(&request.method_arn).expect("the event was read with this ARN")
}
