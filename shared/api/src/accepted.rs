//! The proof that a request may reach a handler.

use auth::{Heard, Principal, Who};
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyRequestContext;
use model::{KeyKind, Owner};
use routes::{Access, Operation, Route, Tenant};

use crate::ApiError;

/// A request that was let through: its operation, and who asks. Only this crate makes one.
#[derive(Debug, Clone)]
pub struct Accepted<Op> {
    pub(crate) operation: Op,
    /// `None` on public routes alone.
    pub(crate) principal: Option<Principal>,
}

impl<Op: Operation> Accepted<Op> {
    /// Fails closed: whatever is not plainly an acceptance of this very operation is refused, and no handler hears of it.
    pub(crate) fn check(
        operation: Op,
        context: &ApiGatewayProxyRequestContext,
    ) -> Result<Accepted<Op>, ApiError> {
        let route = operation.route();
        if route.access == Access::Public {
            return Ok(Accepted {
                operation,
                principal: None,
            });
        }
        let fields = &context.authorizer.fields;
        let heard = Heard::read(|name| fields.get(name)?.as_str().map(str::to_owned));
        let principal = match heard {
            Ok(Heard::Accepted(principal)) => principal,
            Ok(Heard::Verdict(verdict)) => return Err(ApiError::from_verdict(verdict)),
            Err(unreadable) => return Err(ApiError::unavailable(unreadable)),
        };
        let by_key = matches!(principal.who(), Who::Key { .. });
        // API Gateway's policy matching is coarser than the table (`*` spans `/`).
        let reached = principal.operation() == route.operation
            && (!route.needs_tenant() || has_tenant(route, &principal))
            && match route.access {
                Access::Scope(scope) => by_key && principal.scopes().contains(scope),
                Access::Role(least) => {
                    !by_key && principal.role().is_some_and(|role| role >= least)
                }
                Access::Person => !by_key,
                Access::SelfKey => by_key,
                Access::AnyPrincipal | Access::Public => true,
            };
        if !reached {
            return Err(ApiError::unavailable(UnexpectedContext));
        }
        Ok(Accepted {
            operation,
            principal: Some(principal),
        })
    }
}

/// Whether the principal stands for whom the route is about.
fn has_tenant(route: &Route, principal: &Principal) -> bool {
    let by_partner = matches!(principal.owner(), Some(Owner::Partner(_)))
        && matches!(
            principal.who(),
            Who::Key {
                kind: KeyKind::Ats,
                ..
            }
        );
    match route.tenant {
        Tenant::Company | Tenant::PathCompany => principal.company().is_some(),
        Tenant::AnyCompany => by_partner || principal.company().is_some(),
        Tenant::NewCompany => by_partner,
        Tenant::Owner => match principal.owner() {
            Some(Owner::Company(company)) => principal.company() == Some(company),
            Some(Owner::Partner(_)) => principal.company().is_none(),
            Some(Owner::System) | None => false,
        },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the authorizer's context tells of another operation")]
struct UnexpectedContext;
