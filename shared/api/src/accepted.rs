//! The proof that a request may reach a handler.

use auth::{Heard, Principal, Verdict, Warning, Who};
use lambda_http::{Request, aws_lambda_events::apigw::ApiGatewayProxyRequestContext};
use model::{KeyKind, Owner};
use routes::{Access, Operation, Tenant};

use crate::{ApiError, App, call::check_form};

/// A request that was let through: its operation, and who asks. Only this crate makes one.
#[derive(Debug, Clone)]
pub struct Accepted<Op> {
    pub(crate) operation: Op,
    /// `None` on public routes alone.
    pub(crate) principal: Option<Principal>,
}

/// A request that was not let through: the answer, and what whoever reads it should know all the same.
#[derive(Debug)]
pub(crate) struct Unaccepted {
    pub(crate) error: ApiError,
    pub(crate) warning: Warning,
}

impl From<ApiError> for Unaccepted {
    fn from(error: ApiError) -> Unaccepted {
        let warning = Warning::default();
        Unaccepted { error, warning }
    }
}

impl<Op: Operation> Accepted<Op> {
    /// Fails closed: whatever is not plainly an acceptance of this very operation is refused, and no handler hears of it.
    pub(crate) fn check(
        operation: Op,
        request: &Request,
        context: &ApiGatewayProxyRequestContext,
    ) -> Result<Accepted<Op>, Unaccepted> {
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
            Ok(Heard::Verdict(verdict @ Verdict::Reason(_), _)) => {
                // The reason is a header: what is wrong with the body's form comes first.
                check_form(operation, request)?;
                return Err(ApiError::from_verdict(verdict).into());
            }
            Ok(Heard::Verdict(verdict, warning)) => {
                let error = ApiError::from_verdict(verdict);
                return Err(Unaccepted { error, warning });
            }
            Err(unreadable) => return Err(ApiError::unavailable(unreadable).into()),
        };
        let by_key = matches!(principal.who(), Who::Key { .. });
        let for_administrators = match principal.who() {
            Who::Administrator { .. } => route.for_administrators(),
            _ => None,
        };
        let tenant = for_administrators.unwrap_or(route.tenant);
        // API Gateway's policy matching is coarser than the table (`*` spans `/`).
        let reached = principal.operation() == route.operation
            && (!route.needs_tenant() || has_tenant(tenant, &principal))
            && match route.access {
                Access::Scope(scope) => by_key && principal.scopes().contains(scope),
                Access::Role(least) => {
                    let by_role = !by_key && principal.role().is_some_and(|role| role >= least);
                    by_role || for_administrators.is_some()
                }
                Access::Administrator => for_administrators.is_some(),
                Access::Person => !by_key,
                Access::SelfKey => by_key,
                Access::AnyPrincipal | Access::Public => true,
            };
        if !reached {
            return Err(ApiError::unavailable(UnexpectedContext).into());
        }
        Ok(Accepted {
            operation,
            principal: Some(principal),
        })
    }
}

impl<Op: Operation> Accepted<Op> {
    /// Whom an administrator acts for is there: nobody's membership or grant has shown it.
    pub(crate) async fn check_owner(self, app: &App) -> Result<Accepted<Op>, ApiError> {
        let tenant = self.operation.route().for_administrators();
        if let Some(principal) = &self.principal
            && matches!(principal.who(), Who::Administrator { .. })
            && matches!(
                tenant,
                Some(Tenant::Owner | Tenant::Company | Tenant::PathCompany)
            )
        {
            let owner = app.table.owner(principal).map_err(ApiError::unavailable)?;
            if !owner.exists().await? {
                return Err(ApiError::CompanyDenied);
            }
        }
        Ok(self)
    }
}

/// Whether the principal stands for whom the route is about.
fn has_tenant(tenant: Tenant, principal: &Principal) -> bool {
    let by_partner = matches!(principal.owner(), Some(Owner::Partner(_)))
        && matches!(
            principal.who(),
            Who::Key {
                kind: KeyKind::Ats,
                ..
            }
        );
    match tenant {
        Tenant::Company | Tenant::PathCompany => principal.company().is_some(),
        Tenant::AnyCompany => by_partner || principal.company().is_some(),
        Tenant::NewCompany => by_partner,
        Tenant::Owner => match principal.owner() {
            Some(Owner::Company(company)) => principal.company() == Some(company),
            Some(Owner::Partner(_)) => principal.company().is_none(),
            Some(Owner::System) | None => false,
        },
        // A path that names no partner is told by the handler.
        Tenant::PathPartner | Tenant::System => principal.company().is_none(),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the authorizer's context tells of another operation")]
struct UnexpectedContext;
