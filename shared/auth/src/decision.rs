//! The decision: a pure function of what the row said, what was asked, and the time.
//!
//! The row may be a stale hint. That is safe, because an acceptance is only a [`Commit`]: a conditional write that proves the same facts while it counts the request, and because the caller re-reads the row before it believes a refusal.

use model::{
    Actor, AdminReason, AllowedIps, CompanyId, GrantState, KeyId, KeyKind, KeyState, Owner,
    PartnerId, PersonId, RateLimit, Reason, Rule, Timestamp,
};
use routes::{Access, Role, Route, Scope, ScopeSet, Tenant};
use std::{collections::BTreeMap, fmt, net::IpAddr};

use crate::{AccessToken, Keyring, PresentedKey, StoredSecret};

/// What a request asks for, read from the gateway's event.
#[derive(Debug, Clone)]
pub struct Asked {
    pub route: &'static Route,
    /// The gateway's own word (`requestContext.identity.sourceIp`), never a header's.
    pub address: IpAddr,
    pub company: NamedCompany,
    pub partner: NamedPartner,
    pub reason: GivenReason,
}

/// The header `X-Admin-Reason`: whoever sends it acts as an administrator, and as nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenReason {
    Absent,
    Given(AdminReason),
    /// Which rule it breaks.
    Unusable(Rule),
}

/// The company that the request names: in the path where the route has it there, in `companyId` otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamedCompany {
    Absent,
    One(CompanyId),
    /// No company's id, or given twice: readers disagree about which one counts, so none does. Or two of them, in path and query.
    Unusable,
}

/// The partner that the request names: in the path where the route has it there, in `partnerId` otherwise, by which people say whom they act for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamedPartner {
    Absent,
    One(PartnerId),
    /// No partner's id, or given twice.
    Unusable,
}

/// A key's row.
#[derive(Debug, Clone)]
pub struct KeyFacts {
    pub id: KeyId,
    pub kind: KeyKind,
    pub owner: Owner,
    pub state: KeyState,
    /// Where the row still tells how it came into its state.
    pub since: Option<Since>,
    pub expires_at: Option<Timestamp>,
    pub allowed_ips: Option<AllowedIps>,
    pub scopes: ScopeSet,
    pub limits: RateLimit,
    /// One, or two while a rotation's overlap lasts; the newest last.
    pub secrets: Vec<SecretFacts>,
    pub counted: Counted,
}

/// Who brought a key into its state, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    pub at: Timestamp,
    pub by: Actor,
    /// At most 200 characters.
    pub reason: Option<String>,
}

/// One secret of a key.
#[derive(Debug, Clone)]
pub struct SecretFacts {
    pub stored: StoredSecret,
    pub suffix: String,
    pub created_at: Timestamp,
    /// Of one that was replaced.
    pub valid_until: Option<Timestamp>,
    /// Somebody ended it: no clock has a say any more.
    pub ended: bool,
}

impl SecretFacts {
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && self.valid_until.is_none_or(|end| end > now)
    }
}

/// A membership's row.
#[derive(Debug, Clone)]
pub struct MemberFacts {
    pub person: PersonId,
    pub owner: Owner,
    pub role: Role,
    /// The row of a membership that ended stays, so that its version goes on: no hint of the old one is ever right again.
    pub ended: bool,
    pub counted: Counted,
}

/// An administrator's row.
#[derive(Debug, Clone)]
pub struct AdministratorFacts {
    pub person: PersonId,
    /// The row of a former administrator stays, as that of a membership does.
    pub ended: bool,
    pub counted: Counted,
}

/// The company's side of a partner's right to act for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub state: GrantState,
    /// When it came into this state.
    pub since: Timestamp,
    /// May be fewer than the key's: the intersection counts.
    pub scopes: ScopeSet,
}

/// What every row that counts requests has.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Raised by every change of the facts, and by nothing else.
    pub version: u64,
    /// The stamp of the last request that was counted.
    pub nonce: Nonce,
    pub windows: BTreeMap<Window, u64>,
}

/// 16 random bytes, new in each decision: whoever finds its own on the row knows that its write was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nonce(pub [u8; 16]);

/// One fixed window of the clock, named after itself, so that nothing is ever reset and a slow clock can't roll it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    pub unit: Unit,
    /// Whole units since the Unix epoch.
    pub index: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    pub const fn seconds(self) -> i64 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
        }
    }
}

impl Window {
    pub fn at(unit: Unit, now: Timestamp) -> Window {
        Window {
            unit,
            index: now.seconds().div_euclid(unit.seconds()),
        }
    }

    /// The first Unix second after the window.
    pub const fn end(self) -> i64 {
        (self.index + 1) * self.unit.seconds()
    }

    /// Whether no process, its clock within 2 s of true time, can still count in it: also a write that was decided at its very end was made, or given up, since.
    ///
    /// No longer: a window is 13 bytes of a row of which 1 KB costs one unit, and a limit per second leaves one a second.
    fn is_over(self, now: Timestamp) -> bool {
        now.seconds() >= self.end() + SKEW_MARGIN_SECONDS + WRITE_SECONDS
    }

    /// From an attribute's name; `None` if it isn't a window's.
    pub fn parse(attribute: &str) -> Option<Window> {
        let unit = match attribute.as_bytes().first()? {
            b's' => Unit::Second,
            b'm' => Unit::Minute,
            b'h' => Unit::Hour,
            _ => return None,
        };
        let digits = &attribute[1..];
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Window {
            unit,
            index: digits.parse().ok()?,
        })
    }
}

impl fmt::Display for Window {
    /// The attribute's name: `m29384756`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => 's',
            Unit::Minute => 'm',
            Unit::Hour => 'h',
        };
        write!(f, "{unit}{}", self.index)
    }
}

/// What follows from the facts.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The caller must not be let through. Believe it only on a row that was just read.
    Refuse(Refusal),
    /// An ATS key needs the grant of this company before anything can be said.
    NeedGrant(CompanyId),
    /// Let through if, and only if, this write is applied.
    Commit(Commit),
}

impl Decision {
    /// A refusal of a request that was made with this secret, and could do with this warning.
    fn by_secret(self, secret_suffix: Option<String>, warning: Warning) -> Decision {
        match self {
            Decision::Refuse(refusal) => Decision::Refuse(Refusal {
                secret_suffix,
                warning: Box::new(warning),
                ..refusal
            }),
            other => other,
        }
    }
}

/// Why not, and what the client gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub reason: Reason,
    pub answer: Answer,
    /// The reason in words with the facts at this moment, for the members of the owner only.
    pub message: String,
    /// The suffix of the secret that was presented, where it is one of the key's.
    pub secret_suffix: Option<String>,
    /// What goes into headers of a verdict's answer, as it would of an accepted request's.
    pub warning: Box<Warning>,
}

/// The three ways in which the gateway can answer a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The one 401.
    Unauthorized,
    /// A 403 that the gateway renders from a Deny.
    Forbidden(Forbidden),
    /// Allowed through, for the function to answer at once.
    Verdict(Verdict),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    Scope(Scope),
    Role(Role),
    Credential(Credential),
    StaleSignIn,
    /// The person is no administrator, or the handler finds that only one may do this.
    Administrator,
}

/// The kind of credential that a route wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    ApiKey,
    AtsKey,
    Person,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    CompanyRequired,
    CompanyDenied,
    /// A company and a partner.
    TwoOwners,
    RateLimited(RateLimited),
    /// An administrator doesn't say why, or not as the rule wants it.
    Reason(Rule),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// Seconds.
    pub retry_after: i64,
    pub limit: u32,
    /// Unix seconds.
    pub reset: i64,
    /// The refusing window with the later end.
    pub window: Window,
}

/// The write that counts the request and proves the facts it was decided on.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The write fails unless the row still has this version; `None` where the row has no facts (a person's own).
    pub version: Option<u64>,
    pub count: Vec<(Window, u32)>,
    /// Windows that nobody can count in any more.
    pub forget: Vec<Window>,
    /// The company that the request acts in.
    pub company: Option<CompanyId>,
    /// Of an administrator's request alone.
    pub administering: Option<Administering>,
    pub scopes: ScopeSet,
    pub role: Option<Role>,
    pub secret_suffix: Option<String>,
    pub warning: Warning,
}

/// What the user of a key should know before it is too late: it goes into headers of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warning {
    /// When the secret that was used ends, because it was replaced.
    pub rotate_by: Option<Timestamp>,
    /// When the key expires, where that is at most [`WARNED_BEFORE_MILLIS`] ahead.
    pub expires_at: Option<Timestamp>,
}

/// How long before a key expires its users are told.
pub const WARNED_BEFORE_MILLIS: i64 = 30 * 86_400_000;

/// Whose things an administrator's request is about, and why it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administering {
    pub owner: Owner,
    pub reason: AdminReason,
}

impl KeyFacts {
    /// Decides in the contract's order: the first fault wins.
    ///
    /// `grant` is `None` until it was read, `Some(None)` when there is none.
    pub fn decide(
        &self,
        presented: &PresentedKey,
        keyring: &Keyring,
        asked: &Asked,
        grant: Option<Option<Grant>>,
        now: Timestamp,
    ) -> Decision {
        let mut matched = None;
        for secret in &self.secrets {
            // No early exit: all dead secrets take the same time.
            if keyring.matches(presented, &secret.stored) {
                matched = Some(secret);
            }
        }
        let Some(secret) = matched else {
            return unauthorized(Reason::WrongSecret, self.wrong_secret(presented), None);
        };
        let suffix = Some(secret.suffix.clone());
        match self.state {
            KeyState::Active => {}
            KeyState::Suspended => {
                return unauthorized(Reason::Suspended, self.how("suspended"), suffix);
            }
            KeyState::Revoked => {
                return unauthorized(Reason::Revoked, self.how("revoked"), suffix);
            }
        }
        if let Some(expiry) = self.expires_at.filter(|expiry| *expiry <= now) {
            return unauthorized(
                Reason::Expired,
                format!("the key expired at {expiry}"),
                suffix,
            );
        }
        if !secret.is_live(now) {
            let end = secret.valid_until.unwrap_or(now);
            let message = format!(
                "the secret …{} was replaced, and its overlap ended at {end}",
                secret.suffix
            );
            return unauthorized(Reason::Expired, message, suffix);
        }
        if let Some(list) = self
            .allowed_ips
            .as_ref()
            .filter(|list| !list.contain(asked.address))
        {
            let address = asked.address.to_canonical();
            let message = format!("address {address} is not in {}", first_of(list.texts()));
            return unauthorized(Reason::Address, message, suffix);
        }

        if asked.route.tenant == Tenant::NewCompany && self.owner.company().is_some() {
            let message = "only a partner's key makes companies".to_owned();
            return forbidden(Forbidden::Credential(Credential::AtsKey), message, suffix);
        }
        match asked.route.access {
            Access::Scope(scope) if !self.scopes.contains(scope) => {
                let message = scope_missing(scope, "key", self.scopes);
                return forbidden(Forbidden::Scope(scope), message, suffix);
            }
            Access::Scope(_) | Access::AnyPrincipal | Access::SelfKey => {}
            Access::Role(_) | Access::Person | Access::Administrator => {
                let message = "the route is for people, and a key can never manage keys".to_owned();
                return forbidden(Forbidden::Credential(Credential::Person), message, suffix);
            }
            // The gateway asks no authorizer about it; whoever is asked all the same lets nobody through.
            Access::Public => {
                return unauthorized(
                    Reason::CredentialKind,
                    "the route takes no credential".to_owned(),
                    suffix,
                );
            }
        }

        let warning = Warning {
            rotate_by: secret.valid_until,
            expires_at: self
                .expires_at
                .filter(|expiry| expiry.millis() - now.millis() <= WARNED_BEFORE_MILLIS),
        };
        let (company, scopes) = if asked.route.needs_tenant() {
            match self.company(asked, grant) {
                Ok(decided) => decided,
                Err(decision) => return decision.by_secret(suffix, warning),
            }
        } else {
            (self.owner.company(), self.scopes)
        };
        match self.counted.count(self.limits, now) {
            Err(limited) => Decision::Refuse(limited).by_secret(suffix, warning),
            Ok((count, forget)) => Decision::Commit(Commit {
                version: Some(self.counted.version),
                count,
                forget,
                company,
                administering: None,
                scopes,
                role: None,
                secret_suffix: suffix,
                warning,
            }),
        }
    }

    /// The company to act in and the scopes that count there, or what else follows. A partner's key may act in none where the route lets it.
    fn company(
        &self,
        asked: &Asked,
        grant: Option<Option<Grant>>,
    ) -> Result<(Option<CompanyId>, ScopeSet), Box<Decision>> {
        let refuse = |refusal| Err(Box::new(Decision::Refuse(refusal)));
        if let Owner::Company(own) = self.owner {
            return match asked.company {
                NamedCompany::Absent => Ok((Some(own), self.scopes)),
                NamedCompany::One(named) if named == own => Ok((Some(own), self.scopes)),
                // Which one stays unsaid: an answer never holds another company's id.
                NamedCompany::One(_) => refuse(denied(
                    Reason::Company,
                    format!("the key belongs to the company {own}, and the request names another"),
                )),
                NamedCompany::Unusable => refuse(denied(Reason::Company, UNUSABLE)),
            };
        }
        if asked.route.tenant == Tenant::NewCompany {
            return Ok((None, self.scopes));
        }
        let named = match named(asked) {
            Ok(Some(named)) => named,
            Ok(None) if asked.route.tenant == Tenant::AnyCompany => {
                return Ok((None, self.scopes));
            }
            Ok(None) => return refuse(missing("an ATS key names the company in companyId")),
            Err(refusal) => return refuse(refusal),
        };
        let Some(grant) = grant else {
            return Err(Box::new(Decision::NeedGrant(named)));
        };
        let grant = match grant {
            Some(grant) if grant.state == GrantState::Active => grant,
            Some(Grant { state, since, .. }) => {
                let how = match state {
                    GrantState::Ended => "ended",
                    GrantState::Active | GrantState::Suspended => "was suspended",
                };
                let message = format!("the grant of the company {named} {how} at {since}");
                return refuse(denied(Reason::Grant, message));
            }
            None => {
                let message = "no grant links the partner and the company that the request names";
                return refuse(denied(Reason::Grant, message));
            }
        };
        let scopes = self.scopes.intersection(grant.scopes);
        match asked.route.access {
            Access::Scope(scope) if !scopes.contains(scope) => Err(Box::new(forbidden(
                Forbidden::Scope(scope),
                scope_missing(scope, "grant", grant.scopes),
                None,
            ))),
            _ => Ok((Some(named), scopes)),
        }
    }

    /// By whom the key was suspended or revoked, when and why, where the row tells.
    fn how(&self, what: &str) -> String {
        let Some(Since { at, by, reason }) = &self.since else {
            return format!("the key is {what}");
        };
        let mut message = format!("the key was {what} at {at} by {} {}", by.kind, by.id);
        if let Some(reason) = reason {
            message.push_str(&format!(": {reason}"));
        }
        message
    }

    fn wrong_secret(&self, presented: &PresentedKey) -> String {
        let known = self.secrets.iter().map(|secret| match secret.valid_until {
            None => format!("…{}", secret.suffix),
            Some(end) => format!("…{} (until {end})", secret.suffix),
        });
        let known = match self.secrets.is_empty() {
            true => "none".to_owned(),
            false => first_of(known),
        };
        format!(
            "the key's id is right and the secret …{} is not; it has {known}",
            presented.suffix()
        )
    }
}

/// The first ten, and how many more there are: a message has a length.
fn first_of(all: impl Iterator<Item = String>) -> String {
    const MOST: usize = 10;
    let mut all: Vec<_> = all.collect();
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    match more {
        0 => all.join(", "),
        more => format!("{} and {more} more", all.join(", ")),
    }
}

impl MemberFacts {
    /// As [`KeyFacts::decide`]; the token was verified and is no [`stale_sign_in`], and the membership found by the company that the request names or by being the only one.
    pub fn decide(&self, asked: &Asked, now: Timestamp) -> Decision {
        if self.ended {
            return Decision::Refuse(no_membership());
        }
        if let Err(refusal) = person_may(asked, Some(self.role)) {
            return *refusal;
        }
        if self.owner.company().is_none() && asked.route.tenant != Tenant::Owner {
            return Decision::Refuse(denied(
                Reason::Company,
                "the route is about a company, and the person acts for a partner",
            ));
        }
        match self.counted.count(RateLimit::PERSON, now) {
            Err(limited) => Decision::Refuse(limited),
            Ok((count, forget)) => Decision::Commit(Commit {
                version: Some(self.counted.version),
                count,
                forget,
                company: self.owner.company(),
                administering: None,
                scopes: ScopeSet::EMPTY,
                role: Some(self.role),
                secret_suffix: None,
                warning: Warning::default(),
            }),
        }
    }
}

impl AdministratorFacts {
    /// As [`KeyFacts::decide`], for a request that is made as an administrator; the token was verified and is no [`stale_sign_in`].
    pub fn decide(&self, asked: &Asked, now: Timestamp) -> Decision {
        if self.ended {
            return Decision::Refuse(no_administrator());
        }
        let owner = match administered(asked) {
            Ok(owner) => owner,
            Err(refusal) => return Decision::Refuse(refusal),
        };
        let (count, forget) = match self.counted.count(RateLimit::PERSON, now) {
            Ok(counting) => counting,
            Err(limited) => return Decision::Refuse(limited),
        };
        let refused = |rule| {
            Decision::Refuse(Refusal {
                reason: Reason::Role,
                answer: Answer::Verdict(Verdict::Reason(rule)),
                message: "an administrator says why in X-Admin-Reason".to_owned(),
                secret_suffix: None,
                warning: Box::default(),
            })
        };
        let reason = match &asked.reason {
            GivenReason::Given(reason) => reason.clone(),
            GivenReason::Absent => return refused(Rule::Required),
            GivenReason::Unusable(rule) => return refused(*rule),
        };
        Decision::Commit(Commit {
            version: Some(self.counted.version),
            count,
            forget,
            company: owner.company(),
            administering: Some(Administering { owner, reason }),
            scopes: ScopeSet::EMPTY,
            role: None,
            secret_suffix: None,
            warning: Warning::default(),
        })
    }
}

/// In what capacity a person asks: the reason tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// By a membership, or by nothing but the token.
    Ordinary,
    Administrator,
    /// As an administrator, for whom the route isn't.
    NotForAdministrators,
}

impl Asked {
    pub fn capacity(&self) -> Capacity {
        let gives_reason = self.reason != GivenReason::Absent;
        match (self.route.for_administrators(), self.route.access) {
            (_, Access::Administrator) => Capacity::Administrator,
            (Some(_), _) if gives_reason => Capacity::Administrator,
            (None, _) if gives_reason => Capacity::NotForAdministrators,
            _ => Capacity::Ordinary,
        }
    }
}

/// Whose chain an administrator's request belongs to: the company's or partner's that it names, and the system's where the route is about neither.
fn administered(asked: &Asked) -> Result<Owner, Refusal> {
    let unnamed =
        || missing("an administrator names the company in companyId, or a partner in partnerId");
    match asked.route.for_administrators() {
        Some(Tenant::System | Tenant::NewCompany) => Ok(Owner::System),
        // A path that names no partner is told by the handler.
        Some(Tenant::PathPartner) => Ok(match asked.partner {
            NamedPartner::One(partner) => Owner::Partner(partner),
            NamedPartner::Absent | NamedPartner::Unusable => Owner::System,
        }),
        Some(Tenant::Owner) => named_owner(asked)?.ok_or_else(unnamed),
        Some(Tenant::Company | Tenant::PathCompany | Tenant::AnyCompany) => {
            named(asked)?.map(Owner::Company).ok_or_else(unnamed)
        }
        None => Err(no_membership()),
    }
}

/// Decides for a person where no membership is involved: on routes for anybody, and on those that no person may use.
///
/// `counted` is the person's own row, if there is one.
pub fn decide_person(counted: &Counted, asked: &Asked, now: Timestamp) -> Decision {
    if let Err(refusal) = person_may(asked, None) {
        return *refusal;
    }
    match counted.count(RateLimit::PERSON, now) {
        Err(limited) => Decision::Refuse(limited),
        Ok((count, forget)) => Decision::Commit(Commit {
            version: None,
            count,
            forget,
            company: None,
            administering: None,
            scopes: ScopeSet::EMPTY,
            role: None,
            secret_suffix: None,
            warning: Warning::default(),
        }),
    }
}

/// Which membership a person's request is about.
///
/// # Errors
/// The refusal, when the request names its owner in a way that can't be followed.
pub fn named_owner(asked: &Asked) -> Result<Option<Owner>, Refusal> {
    match (asked.company, asked.partner) {
        (_, NamedPartner::Absent) => Ok(named(asked)?.map(Owner::Company)),
        (NamedCompany::Absent, NamedPartner::One(partner)) => Ok(Some(Owner::Partner(partner))),
        (NamedCompany::Absent, NamedPartner::Unusable) => Err(denied(
            Reason::Company,
            "partnerId names no partner, or was given more than once",
        )),
        _ => Err(Refusal {
            answer: Answer::Verdict(Verdict::TwoOwners),
            ..denied(
                Reason::Company,
                "companyId and partnerId can't be given together",
            )
        }),
    }
}

/// The refusal of a person who has no membership in the company that the request names, or none at all.
pub fn no_membership() -> Refusal {
    denied(Reason::Company, "the person is no member of the company")
}

/// The refusal of a person who asks as an administrator and is none.
pub fn no_administrator() -> Refusal {
    Refusal {
        reason: Reason::Role,
        answer: Answer::Forbidden(Forbidden::Administrator),
        message: "the person is no administrator".to_owned(),
        secret_suffix: None,
        warning: Box::default(),
    }
}

/// The refusal of a person who has several memberships and names none.
pub fn several_memberships() -> Refusal {
    missing("a person with several companies names one in companyId, or a partner in partnerId")
}

/// The refusal of a management write by somebody who signed in too long ago: the first of the 403s, because no row has a say in it.
pub fn stale_sign_in(token: &AccessToken, asked: &Asked, now: Timestamp) -> Option<Refusal> {
    let managed = matches!(asked.route.access, Access::Role(_) | Access::Administrator);
    let writes = managed && !asked.route.method.is_read();
    let stale = now.millis() - token.auth_time > MAX_AUTH_AGE_SECONDS * 1000;
    (writes && stale).then(|| Refusal {
        reason: Reason::StaleSignIn,
        answer: Answer::Forbidden(Forbidden::StaleSignIn),
        message: match Timestamp::from_millis(token.auth_time) {
            Some(at) => format!("the person signed in at {at}, more than 12 hours ago"),
            None => "the person signed in more than 12 hours ago".to_owned(),
        },
        secret_suffix: None,
        warning: Box::default(),
    })
}

/// Management writes need a sign-in at most this old.
pub const MAX_AUTH_AGE_SECONDS: i64 = 43_200;

fn person_may(asked: &Asked, role: Option<Role>) -> Result<(), Box<Decision>> {
    let refuse = |lacks, message| Err(Box::new(forbidden(lacks, message, None)));
    match asked.route.access {
        Access::Scope(_) | Access::SelfKey | Access::Public => refuse(
            Forbidden::Credential(Credential::ApiKey),
            "the route is for API keys; people use the dashboard".to_owned(),
        ),
        Access::Role(least) if role.is_none_or(|role| role < least) => refuse(
            Forbidden::Role(least),
            match role {
                Some(role) => format!(
                    "the route needs the role {}; the person is {}",
                    least.as_str(),
                    role.as_str()
                ),
                None => format!("the route needs the role {}", least.as_str()),
            },
        ),
        Access::Role(_) | Access::Person | Access::AnyPrincipal => Ok(()),
        Access::Administrator => refuse(
            Forbidden::Administrator,
            "the route is for administrators".to_owned(),
        ),
    }
}

/// Windows to count in with their limits, and windows to forget.
type Counting = (Vec<(Window, u32)>, Vec<Window>);

impl Counted {
    /// The windows to count in with their limits, and those to forget; or the refusal while one of them is full.
    fn count(&self, limits: RateLimit, now: Timestamp) -> Result<Counting, Refusal> {
        let count = windows(limits, now);
        let full = count
            .iter()
            .filter(|(window, limit)| self.used(*window) >= u64::from(*limit))
            .max_by_key(|(window, _)| window.end());
        if let Some((window, limit)) = full {
            return Err(rate_limited(*window, *limit, now));
        }
        let forget = self
            .windows
            .keys()
            .copied()
            .filter(|window| window.is_over(now))
            .collect();
        Ok((count, forget))
    }

    /// Requests counted in the window.
    pub fn used(&self, window: Window) -> u64 {
        self.windows.get(&window).copied().unwrap_or_default()
    }
}

/// The windows that a request at `now` counts in, and their limits.
pub fn windows(limits: RateLimit, now: Timestamp) -> Vec<(Window, u32)> {
    let mut windows = vec![
        (Window::at(Unit::Minute, now), limits.per_minute),
        (Window::at(Unit::Hour, now), limits.per_hour),
    ];
    windows.extend(
        limits
            .per_second
            .map(|limit| (Window::at(Unit::Second, now), limit)),
    );
    windows
}

/// Twice the clock skew that we allow, so that by then the window has rolled on every process.
const SKEW_MARGIN_SECONDS: i64 = 4;
/// How long the write may take, with all that it is sent again: whoever makes it gives up then.
pub const WRITE_SECONDS: i64 = 3;

fn rate_limited(window: Window, limit: u32, now: Timestamp) -> Refusal {
    let left = window.end() * 1000 - now.millis();
    let unit = match window.unit {
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
    };
    let until = Timestamp::from_millis(window.end() * 1000).unwrap_or(now);
    Refusal {
        reason: Reason::RateLimit,
        answer: Answer::Verdict(Verdict::RateLimited(RateLimited {
            retry_after: left.div_euclid(1000)
                + i64::from(left.rem_euclid(1000) > 0)
                + SKEW_MARGIN_SECONDS,
            limit,
            reset: window.end(),
            window,
        })),
        message: format!("all {limit} requests of the {unit} until {until} were accepted"),
        secret_suffix: None,
        warning: Box::default(),
    }
}

const UNUSABLE: &str = "companyId names no company, was given more than once, or is not the path's";

/// The company that the request names.
fn named(asked: &Asked) -> Result<Option<CompanyId>, Refusal> {
    match asked.company {
        NamedCompany::Absent => Ok(None),
        NamedCompany::One(id) => Ok(Some(id)),
        NamedCompany::Unusable => Err(denied(Reason::Company, UNUSABLE)),
    }
}

fn unauthorized(reason: Reason, message: String, secret_suffix: Option<String>) -> Decision {
    Decision::Refuse(Refusal {
        reason,
        answer: Answer::Unauthorized,
        message,
        secret_suffix,
        warning: Box::default(),
    })
}

fn forbidden(forbidden: Forbidden, message: String, secret_suffix: Option<String>) -> Decision {
    let reason = match forbidden {
        Forbidden::Scope(_) => Reason::Scope,
        Forbidden::Role(_) | Forbidden::Administrator => Reason::Role,
        Forbidden::Credential(_) => Reason::CredentialKind,
        Forbidden::StaleSignIn => Reason::StaleSignIn,
    };
    Decision::Refuse(Refusal {
        reason,
        answer: Answer::Forbidden(forbidden),
        message,
        secret_suffix,
        warning: Box::default(),
    })
}

fn missing(message: &str) -> Refusal {
    Refusal {
        reason: Reason::CompanyMissing,
        answer: Answer::Verdict(Verdict::CompanyRequired),
        message: message.to_owned(),
        secret_suffix: None,
        warning: Box::default(),
    }
}

fn denied(reason: Reason, message: impl Into<String>) -> Refusal {
    Refusal {
        reason,
        answer: Answer::Verdict(Verdict::CompanyDenied),
        message: message.into(),
        secret_suffix: None,
        warning: Box::default(),
    }
}

fn scope_missing(scope: Scope, whose: &str, has: ScopeSet) -> String {
    let scope = scope.as_str();
    let has: Vec<_> = has.iter().map(Scope::as_str).collect();
    match has.as_slice() {
        [] => format!("needs {scope}; the {whose} has no scope"),
        has => format!("needs {scope}; the {whose} has {}", has.join(", ")),
    }
}

#[cfg(test)]
mod tests;
