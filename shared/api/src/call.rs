//! One call of one operation, as its handler gets it.

use auth::{InvitationKeys, InvitationToken, Keyring, Principal, Who};
use chrono::Duration;
use lambda_http::{
    Body, Request, RequestExt, aws_lambda_events::apigw::ApiGatewayProxyRequestContext,
};
use model::{EmailAddress, Owner, Timestamp};
use routes::{Operation, Role};
use serde::Serialize;
use std::sync::Arc;
use store::{
    AdministrationStore, BearerStore, CompanyStore, InvitationRow, NewInvitation, OwnerStore,
    PartnerStore, Stamp,
};

use crate::{Accepted, ApiError, App, Entropy, Input, Reply, TrustedIssuer, body};

/// A request that was let through, with what its handler may need.
#[derive(Debug)]
pub struct Call<'a, Op> {
    pub(crate) app: &'a App,
    /// The instant at which the call is decided: one for all its parts.
    pub now: Timestamp,
    pub(crate) accepted: Accepted<Op>,
    pub(crate) request: &'a Request,
    pub(crate) context: &'a ApiGatewayProxyRequestContext,
}

impl<'a, Op: Operation> Call<'a, Op> {
    /// Accepts a request whose authorizer did, and whose body has a form that can be read.
    pub(crate) fn accept(
        app: &'a App,
        accepted: Accepted<Op>,
        request: &'a Request,
        context: &'a ApiGatewayProxyRequestContext,
        now: Timestamp,
    ) -> Result<Call<'a, Op>, ApiError> {
        check_form(accepted.operation, request)?;
        Ok(Call {
            app,
            now,
            accepted,
            request,
            context,
        })
    }

    pub fn operation(&self) -> Op {
        self.accepted.operation
    }

    /// How long the request has been worked on.
    pub fn lasts(&self) -> Duration {
        self.app.clock.now().since(self.now)
    }

    /// # Errors
    /// Internal on a public route, which has none.
    pub fn principal(&self) -> Result<&Principal, ApiError> {
        self.accepted
            .principal
            .as_ref()
            .ok_or_else(|| ApiError::internal("a public route asks for its principal"))
    }

    /// The rows of the one company that the principal acts in.
    pub fn store(&self) -> Result<CompanyStore, ApiError> {
        self.app
            .table
            .company(self.principal()?)
            .map_err(ApiError::internal)
    }

    /// The rows of the partner that the principal acts for.
    pub fn partner(&self) -> Result<PartnerStore, ApiError> {
        let partner = self.app.table.partner(self.principal()?);
        partner.map_err(ApiError::internal)
    }

    /// What companies and partners have alike, of the one that the principal acts for.
    pub fn owner(&self) -> Result<OwnerStore, ApiError> {
        let owner = self.app.table.owner(self.principal()?);
        owner.map_err(ApiError::internal)
    }

    /// What administrators manage beyond any one company or partner.
    pub fn administration(&self) -> Result<AdministrationStore, ApiError> {
        let administration = self.app.table.administration(self.principal()?);
        administration.map_err(ApiError::internal)
    }

    /// Whether an administrator asks, as one.
    pub fn by_administrator(&self) -> Result<bool, ApiError> {
        Ok(matches!(self.principal()?.who(), Who::Administrator { .. }))
    }

    /// The bearer's own rows, whatever company it acts in.
    pub fn bearer(&self) -> Result<BearerStore, ApiError> {
        Ok(self.app.table.bearer(self.principal()?))
    }

    pub fn entropy(&self) -> Entropy {
        self.app.entropy
    }

    /// What makes keys.
    pub async fn keyring(&self) -> Result<Arc<Keyring>, ApiError> {
        match &self.app.keyring {
            Some(keyring) => Ok(keyring.current(self.now).await),
            None => Err(ApiError::internal("this function has no keyring")),
        }
    }

    /// An invitation to be made in the transaction of this stamp.
    pub fn invitation(
        &self,
        owner: Owner,
        email: &EmailAddress,
        role: Role,
        inviter_name: impl Into<String>,
        stamp: &Stamp,
    ) -> InvitationRow {
        let new = NewInvitation {
            email: email.to_string(),
            role,
            inviter_name: inviter_name.into(),
            random: self.app.entropy.bytes(),
            seed: self.app.entropy.bytes(),
        };
        InvitationRow::new(owner, new, stamp)
    }

    /// What checks the tokens of invitations, and knows this one's generation if anybody does.
    ///
    /// # Errors
    /// 503 where it can't be known now whether a newer generation made it.
    pub async fn invitation_keys(
        &self,
        token: &InvitationToken,
    ) -> Result<Arc<InvitationKeys>, ApiError> {
        let keys = self.app.invitations.as_deref();
        let keys = keys.ok_or_else(|| ApiError::internal("this function reads no invitations"))?;
        let known = keys.current(self.now).await;
        if known.know(token) {
            return Ok(known);
        }
        keys.fresh(self.now).await.map_err(ApiError::unavailable)
    }

    /// Who says who people are.
    pub fn issuer(&self) -> Result<&TrustedIssuer, ApiError> {
        let issuer = self.app.issuer.as_deref();
        issuer.ok_or_else(|| ApiError::internal("this function reads no people's tokens"))
    }

    /// Starts reading what the client sent.
    pub fn input(&self) -> Input<'_> {
        Input::new(
            self.request,
            self.body_bytes(),
            self.operation().route(),
            self.now,
        )
    }

    /// What the changes of this call are stamped with. Why an administrator acts is a reason, too, where the body gives none.
    pub fn stamp(&self, reason: Option<String>) -> Result<Stamp, ApiError> {
        let principal = self.principal()?;
        let reason = reason.or_else(|| match principal.who() {
            Who::Administrator { reason, .. } => Some(reason.to_string()),
            _ => None,
        });
        Ok(Stamp {
            actor: principal.actor(),
            at: self.now,
            source_ip: self.context.identity.source_ip.clone(),
            request_id: Some(request_id(self.context).to_owned()),
            operation: self.operation().route().operation.to_owned(),
            reason,
            nonce: self.app.entropy.bytes(),
        })
    }

    /// The answer of an action or a read.
    pub fn ok(&self, data: &impl Serialize) -> Result<Reply, ApiError> {
        Reply::success(200, data, self.now)
    }

    /// The answer of a POST that made an object.
    pub fn created(&self, data: &impl Serialize) -> Result<Reply, ApiError> {
        Reply::success(201, data, self.now)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    pub(crate) fn body_bytes(&self) -> &'a [u8] {
        body_bytes(self.request)
    }

    pub(crate) fn method_and_path(&self) -> (&str, &str) {
        (self.request.method().as_str(), self.request.raw_http_path())
    }
}

/// Of a body that is going to be read: size first, then type. No body has no type.
pub(crate) fn check_form<Op: Operation>(operation: Op, request: &Request) -> Result<(), ApiError> {
    if operation.route().method.is_read() {
        return Ok(());
    }
    let bytes = body_bytes(request);
    if bytes.len() > body::MAX_BYTES {
        return Err(ApiError::PayloadTooLarge);
    }
    let media_type = request.headers().get("content-type");
    let media_type = media_type.and_then(|value| value.to_str().ok());
    if !bytes.is_empty() && !media_type.is_some_and(is_json) {
        return Err(ApiError::UnsupportedMediaType);
    }
    Ok(())
}

fn body_bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}

/// `application/json`, with no character set but UTF-8.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

/// The gateway's extended request id: a label to show and to search for, never an identity.
pub fn request_id(context: &ApiGatewayProxyRequestContext) -> &str {
    context
        .other
        .get("extendedRequestId")
        .and_then(|id| id.as_str())
        .or(context.request_id.as_deref())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonx",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
