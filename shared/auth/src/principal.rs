//! Who a request acts as, and the string map in which the authorizer tells the functions.

use model::{AdminReason, CompanyId, KeyId, KeyKind, Owner, PersonId, RateLimit, Timestamp};
use routes::{Role, ScopeSet};
use std::{collections::BTreeMap, str::FromStr};

use crate::{
    Answer, Commit, Counted, Credential, Forbidden, MAX_AUTH_AGE_SECONDS, RateLimited, Refusal,
    Verdict, Warning, Window,
    decision::{Unit, windows},
};

#[cfg(test)]
mod tests;

/// Proof that the authorizer let a request through: who it is, and the one company that it acts in.
///
/// Made by this crate alone, from a decision that was committed or from the context that tells of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    who: Who,
    owner: Option<Owner>,
    company: Option<CompanyId>,
    scopes: ScopeSet,
    role: Option<Role>,
    operation: String,
    rate: Vec<RateState>,
    warning: Warning,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    Key {
        id: KeyId,
        kind: KeyKind,
        secret_suffix: String,
    },
    Person {
        id: PersonId,
    },
    /// Whatever else the person may be, the request was made as an administrator, and the record of it is durable.
    Administrator {
        id: PersonId,
        reason: AdminReason,
    },
    /// Ourselves, after a change that somebody else made.
    System,
}

/// One window's state after the request was counted: the `X-RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    pub unit: Unit,
    pub limit: u32,
    pub remaining: u64,
    /// Unix seconds.
    pub reset: i64,
}

impl Principal {
    /// After the commit was applied; `counted` is the row as the write left it.
    pub fn committed(
        who: Who,
        owner: Option<Owner>,
        commit: &Commit,
        operation: &str,
        limits: RateLimit,
        counted: &Counted,
        now: Timestamp,
    ) -> Principal {
        let rate = windows(limits, now)
            .into_iter()
            .filter(|(window, _)| window.unit != Unit::Second)
            .map(|(window, limit)| rate_state(window, limit, counted))
            .collect();
        Principal {
            who,
            owner,
            company: commit.company,
            scopes: commit.scopes,
            role: commit.role,
            operation: operation.to_owned(),
            rate,
            warning: commit.warning,
        }
    }

    /// For what follows from a row of our own: of a stream, a task or a note. It is nobody's request, so no context tells of it, and clippy keeps it from whatever answers clients.
    pub fn system(company: CompanyId, operation: &str) -> Principal {
        Principal {
            who: Who::System,
            owner: Some(Owner::Company(company)),
            company: Some(company),
            scopes: ScopeSet::EMPTY,
            role: None,
            operation: operation.to_owned(),
            rate: Vec::new(),
            warning: Warning::default(),
        }
    }

    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Whose chain the principal's own doings stand in: a key's owner, the membership's, or whom an administrator acts for.
    pub fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// The decided company, where the route needs one.
    pub fn company(&self) -> Option<CompanyId> {
        self.company
    }

    pub fn scopes(&self) -> ScopeSet {
        self.scopes
    }

    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// The operation that was decided on; the function compares it with the one it was routed to.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    pub fn rate(&self) -> &[RateState] {
        &self.rate
    }

    /// What every answer to this request tells of the key that made it.
    pub fn warning(&self) -> Warning {
        self.warning
    }

    /// The owner of an idempotency key, and the actor of an event.
    pub fn id(&self) -> String {
        match &self.who {
            Who::Key { id, .. } => id.to_string(),
            Who::Person { id } | Who::Administrator { id, .. } => id.to_string(),
            Who::System => "system".to_owned(),
        }
    }

    pub fn actor(&self) -> model::Actor {
        let kind = match self.who {
            Who::Key { .. } => model::ActorKind::Key,
            Who::Person { .. } => model::ActorKind::User,
            Who::Administrator { .. } => model::ActorKind::Admin,
            Who::System => model::ActorKind::System,
        };
        model::Actor {
            kind,
            id: self.id(),
        }
    }
}

fn rate_state(window: Window, limit: u32, counted: &Counted) -> RateState {
    RateState {
        unit: window.unit,
        limit,
        remaining: u64::from(limit).saturating_sub(counted.used(window)),
        reset: window.end(),
    }
}

/// The authorizer's context: strings only, because API Gateway makes strings of everything.
pub type Context = BTreeMap<String, String>;

/// What a function learns from the context.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Accepted(Principal),
    /// To be answered at once; holds nothing that a principal could be made from. The warning is two instants of the key's.
    Verdict(Verdict, Warning),
}

/// The context is absent, cut or unknown: the request must not reach a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the authorizer's context can't be read")]
pub struct UnreadableContext;

impl Heard {
    /// # Errors
    /// Everything that the authorizer doesn't write.
    pub fn read(field: impl Fn(&str) -> Option<String>) -> Result<Heard, UnreadableContext> {
        let text = |name: &str| field(name).ok_or(UnreadableContext);
        let verdict = match text("verdict")?.as_str() {
            "ok" => return Ok(Heard::Accepted(principal(&field)?)),
            "company_required" => Verdict::CompanyRequired,
            "reason" => Verdict::Reason(parse(text("rule")?)?),
            "two_owners" => Verdict::TwoOwners,
            "company_denied" => Verdict::CompanyDenied,
            "rate_limited" => {
                let reset = parse(text("reset")?)?;
                Verdict::RateLimited(RateLimited {
                    retry_after: parse(text("retryAfter")?)?,
                    limit: parse(text("limit")?)?,
                    reset,
                    // Which window refused matters to the denial alone, and that is written.
                    window: Window {
                        unit: Unit::Second,
                        index: reset - 1,
                    },
                })
            }
            _ => return Err(UnreadableContext),
        };
        Ok(Heard::Verdict(verdict, warning(&field)?))
    }
}

fn warning(field: &impl Fn(&str) -> Option<String>) -> Result<Warning, UnreadableContext> {
    Ok(Warning {
        rotate_by: field("rotateBy").map(parse).transpose()?,
        expires_at: field("expiresAt").map(parse).transpose()?,
    })
}

fn principal(field: &impl Fn(&str) -> Option<String>) -> Result<Principal, UnreadableContext> {
    let text = |name: &str| field(name).ok_or(UnreadableContext);
    let who = match text("kind")?.as_str() {
        "KEY" => Who::Key {
            id: parse(text("keyId")?)?,
            kind: parse(text("keyKind")?)?,
            secret_suffix: text("secretSuffix")?,
        },
        "PERSON" => Who::Person {
            id: parse(text("personId")?)?,
        },
        "ADMINISTRATOR" => Who::Administrator {
            id: parse(text("personId")?)?,
            reason: parse(text("reason")?)?,
        },
        _ => return Err(UnreadableContext),
    };
    let role = match field("role") {
        Some(role) => Some(Role::parse(&role).ok_or(UnreadableContext)?),
        None => None,
    };
    let rate = [Unit::Minute, Unit::Hour].into_iter().map(|unit| {
        let part = |what: &str| text(&format!("{what}{}", unit_name(unit)));
        Ok(RateState {
            unit,
            limit: parse(part("limit")?)?,
            remaining: parse(part("remaining")?)?,
            reset: parse(part("reset")?)?,
        })
    });
    Ok(Principal {
        who,
        owner: field("owner").map(parse).transpose()?,
        company: field("company").map(parse).transpose()?,
        scopes: ScopeSet::from_stored(text("scopes")?.split_ascii_whitespace()),
        role,
        operation: text("operation")?,
        rate: rate.collect::<Result<_, _>>()?,
        warning: warning(field)?,
    })
}

fn parse<T: FromStr>(text: String) -> Result<T, UnreadableContext> {
    text.parse().map_err(|_| UnreadableContext)
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Second => "Second",
        Unit::Minute => "Minute",
        Unit::Hour => "Hour",
    }
}

impl From<&Principal> for Context {
    fn from(principal: &Principal) -> Context {
        let mut context = Context::new();
        let mut set = |name: &str, value: String| context.insert(name.to_owned(), value);
        set("verdict", "ok".to_owned());
        match &principal.who {
            Who::Key {
                id,
                kind,
                secret_suffix,
            } => {
                set("kind", "KEY".to_owned());
                set("keyId", id.to_string());
                set("keyKind", kind.to_string());
                set("secretSuffix", secret_suffix.clone());
            }
            Who::Person { id } => {
                set("kind", "PERSON".to_owned());
                set("personId", id.to_string());
            }
            Who::Administrator { id, reason } => {
                set("kind", "ADMINISTRATOR".to_owned());
                set("personId", id.to_string());
                set("reason", reason.to_string());
            }
            // Read as a kind that nobody knows.
            Who::System => {
                set("kind", "SYSTEM".to_owned());
            }
        }
        if let Some(role) = principal.role {
            set("role", role.as_str().to_owned());
        }
        if let Some(owner) = principal.owner {
            set("owner", owner.to_string());
        }
        if let Some(company) = principal.company {
            set("company", company.to_string());
        }
        let scopes: Vec<_> = principal.scopes.iter().map(routes::Scope::as_str).collect();
        set("scopes", scopes.join(" "));
        set("operation", principal.operation.clone());
        for rate in &principal.rate {
            let unit = unit_name(rate.unit);
            set(&format!("limit{unit}"), rate.limit.to_string());
            set(&format!("remaining{unit}"), rate.remaining.to_string());
            set(&format!("reset{unit}"), rate.reset.to_string());
        }
        context.extend(principal.warning.fields());
        context
    }
}

impl Warning {
    fn fields(self) -> impl Iterator<Item = (String, String)> {
        let Warning {
            rotate_by,
            expires_at,
        } = self;
        let fields = [("rotateBy", rotate_by), ("expiresAt", expires_at)];
        fields
            .into_iter()
            .filter_map(|(name, at)| Some((name.to_owned(), at?.to_string())))
    }
}

impl Refusal {
    /// The context that goes with a verdict or a Deny; `None` for the 401, which has none.
    ///
    /// A verdict's has the warning, too: the function that answers writes it into headers. A Deny's fields are put into the gateway's template without any escaping, so they are closed words, numbers and the time only.
    pub fn context(&self, now: Timestamp) -> Option<Context> {
        let mut context = Context::new();
        let mut set = |name: &str, value: String| context.insert(name.to_owned(), value);
        match self.answer {
            Answer::Unauthorized => return None,
            Answer::Verdict(Verdict::CompanyRequired) => {
                set("verdict", "company_required".to_owned());
            }
            Answer::Verdict(Verdict::TwoOwners) => {
                set("verdict", "two_owners".to_owned());
            }
            Answer::Verdict(Verdict::CompanyDenied) => {
                set("verdict", "company_denied".to_owned());
            }
            Answer::Verdict(Verdict::Reason(rule)) => {
                set("verdict", "reason".to_owned());
                set("rule", rule.to_string());
            }
            Answer::Verdict(Verdict::RateLimited(limited)) => {
                set("verdict", "rate_limited".to_owned());
                set("retryAfter", limited.retry_after.to_string());
                set("limit", limited.limit.to_string());
                set("reset", limited.reset.to_string());
            }
            Answer::Forbidden(forbidden) => {
                let (name, value) = forbidden.detail();
                set("verdict", "forbidden".to_owned());
                set("detailName", name.to_owned());
                set("detailValue", value);
                set("at", now.to_string());
            }
        }
        if matches!(self.answer, Answer::Verdict(_)) {
            context.extend(self.warning.fields());
        }
        Some(context)
    }
}

impl Forbidden {
    /// The one member of `details`: its name, and its value as JSON.
    pub fn detail(self) -> (&'static str, String) {
        match self {
            Forbidden::Scope(scope) => ("requiredScope", format!("\"{}\"", scope.as_str())),
            Forbidden::Role(role) => ("requiredRole", format!("\"{}\"", role.as_str())),
            Forbidden::Administrator => ("requiredRole", "\"ADMINISTRATOR\"".to_owned()),
            Forbidden::Credential(Credential::ApiKey) => {
                ("requiredCredential", "\"API_KEY\"".to_owned())
            }
            Forbidden::Credential(Credential::AtsKey) => {
                ("requiredCredential", "\"ATS_KEY\"".to_owned())
            }
            Forbidden::Credential(Credential::Person) => {
                ("requiredCredential", "\"PERSON\"".to_owned())
            }
            Forbidden::StaleSignIn => ("maxAuthAge", MAX_AUTH_AGE_SECONDS.to_string()),
        }
    }
}
