//! What a first start finds: two companies with people, Acme's jobs, candidates, agents and interviews, a partner, and keys to try.

use anyhow::{Context, bail, ensure};
use api::App;
use model::{
    Actor, ActorKind, ApiKeyFields, Body, CompanyFields, CompanyId, KeyId, KeyKind, Owner,
    PartnerId, Plan, RateLimit,
};
use routes::{Role, ScopeSet};
use serde_json::{Value, json};
use store::{Membership, NewAdministrator, NewCompany, NewKey, NewPartner, Stamp, StoreError};

use crate::{message::HttpRequest, system::System};

mod demo;

pub use demo::FEWEST_REQUESTS;
pub(crate) use demo::demo_data;

const ACME: &str = "Acme";
const GLOBEX: &str = "Globex";
const OWNER_OF_ACME: &str = "owner@acme.example";
const MEMBER_OF_ACME: &str = "member@acme.example";
const OWNER_OF_GLOBEX: &str = "owner@globex.example";
const HIREBRIDGE: &str = "Hirebridge";
const OWNER_OF_HIREBRIDGE: &str = "owner@hirebridge.example";
/// Nobody's member: somebody to invite.
const NEWCOMER: &str = "newcomer@acme.example";
/// A member of nothing.
const ADMINISTRATOR: &str = "admin@instaview.example";

/// Who may sign in.
pub(crate) fn addresses() -> Vec<String> {
    [
        OWNER_OF_ACME,
        MEMBER_OF_ACME,
        OWNER_OF_GLOBEX,
        OWNER_OF_HIREBRIDGE,
        NEWCOMER,
        ADMINISTRATOR,
    ]
    .map(str::to_owned)
    .into()
}

/// The companies of a first start; their ids are chosen before anything is written, so that a seed that was cut off can be finished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Companies {
    pub(crate) acme: CompanyId,
    pub(crate) globex: CompanyId,
}

impl Companies {
    pub(crate) fn new(app: &App) -> Companies {
        Companies {
            acme: company_id(app),
            globex: company_id(app),
        }
    }

    /// Ids and names.
    pub(crate) fn named(&self) -> [(CompanyId, &'static str); 2] {
        [(self.acme, ACME), (self.globex, GLOBEX)]
    }

    /// Makes what is missing. `demo`: Acme's own limits, on ENTERPRISE.
    pub(crate) async fn make(
        &self,
        system: &System,
        demo: Option<RateLimit>,
    ) -> anyhow::Result<()> {
        let plan = if demo.is_some() {
            Plan::Enterprise
        } else {
            Plan::Scale
        };
        let of_acme = [(OWNER_OF_ACME, Role::Owner), (MEMBER_OF_ACME, Role::Member)];
        found(system, self.acme, ACME, plan, demo, &of_acme).await?;
        let of_globex = [(OWNER_OF_GLOBEX, Role::Owner)];
        found(system, self.globex, GLOBEX, Plan::Starter, None, &of_globex).await
    }

    /// Gives the people their roles under the issuer's present name: a person is who an issuer says, so another port makes other people.
    pub(crate) async fn welcome(&self, system: &System) -> anyhow::Result<()> {
        for (company, email, role) in [
            (self.acme, OWNER_OF_ACME, Role::Owner),
            (self.acme, MEMBER_OF_ACME, Role::Member),
            (self.globex, OWNER_OF_GLOBEX, Role::Owner),
        ] {
            member(system, company, email, role).await?;
        }
        Ok(())
    }

    /// Acme's key with every scope.
    pub(crate) async fn demo_key(&self, system: &System) -> anyhow::Result<SeededKey> {
        let fields = json!({ "name": "Demo key", "scopes": ScopeSet::all() });
        key(system, self.acme, OWNER_OF_ACME, &fields).await
    }
}

/// The partner of a first start; its id is chosen like the companies'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DemoPartner(pub(crate) PartnerId);

impl DemoPartner {
    pub(crate) const NAME: &str = HIREBRIDGE;

    pub(crate) fn new(app: &App) -> DemoPartner {
        DemoPartner(partner_id(app))
    }

    /// Makes what is missing.
    pub(crate) async fn make(self, system: &System) -> anyhow::Result<()> {
        let owner = [(OWNER_OF_HIREBRIDGE, Role::Owner)];
        match found_partner(system, self.0, HIREBRIDGE, &owner).await {
            Ok(()) | Err(StoreError::Conflict) => self.welcome(system).await,
            Err(error) => Err(error).context("a partner"),
        }
    }

    /// As [`Companies::welcome`].
    pub(crate) async fn welcome(self, system: &System) -> anyhow::Result<()> {
        let owner = Owner::Partner(self.0);
        join(system, owner, OWNER_OF_HIREBRIDGE, Role::Owner).await
    }

    /// A key with every scope.
    pub(crate) async fn key(self, system: &System) -> anyhow::Result<SeededKey> {
        ats_key(system, self.0, ScopeSet::all(), Plan::Scale.rate_limit()).await
    }

    /// Lets it act for both companies, as their owners, who have just signed in.
    pub(crate) async fn grants(self, system: &System) -> anyhow::Result<()> {
        for owner in [OWNER_OF_ACME, OWNER_OF_GLOBEX] {
            let now = system.app().clock.now();
            let token = system.issuer().token_for(owner, now).access_token;
            let request = HttpRequest::new("POST", "/partner-grants")
                .bearer(&token)
                .json(&json!({ "partnerId": self.0 }));
            let response = system.in_process_gateway().call(request).await;
            // 409: a seed that was cut off has made it.
            ensure!(
                matches!(response.status, 201 | 409),
                "a grant: {}",
                response.status
            );
        }
        Ok(())
    }
}

/// A key that was just made; its plaintext stands nowhere else.
pub struct SeededKey {
    pub id: KeyId,
    pub plaintext: String,
}

/// Makes a company with people; `rate_limit` counts on ENTERPRISE alone.
pub async fn company(
    system: &System,
    name: &str,
    plan: Plan,
    rate_limit: Option<RateLimit>,
    members: &[(&str, Role)],
) -> anyhow::Result<CompanyId> {
    let id = company_id(system.app());
    found(system, id, name, plan, rate_limit, members).await?;
    Ok(id)
}

/// Makes a partner with people.
pub async fn partner(
    system: &System,
    name: &str,
    members: &[(&str, Role)],
) -> anyhow::Result<PartnerId> {
    let id = partner_id(system.app());
    found_partner(system, id, name, members)
        .await
        .context("a partner")?;
    Ok(id)
}

fn partner_id(app: &App) -> PartnerId {
    PartnerId::new(app.clock.now(), app.entropy.bytes())
}

async fn found_partner(
    system: &System,
    id: PartnerId,
    name: &str,
    members: &[(&str, Role)],
) -> Result<(), StoreError> {
    let app = system.app();
    let name = serde_json::from_value(json!(name)).map_err(|_| StoreError::Corrupt("name"))?;
    let partner = NewPartner {
        id,
        name,
        plan: Plan::Scale,
        rate_limit: None,
        company_limit: 100,
        key_limit: 50,
    };
    let members: Vec<_> = members
        .iter()
        .map(|(email, role)| membership(system, Owner::Partner(id), email, *role))
        .collect();
    app.table
        .create_partner(&partner, &members, &stamp(app, "CreatePartner"))
        .await
}

/// Issues an ATS key of the partner.
pub async fn ats_key(
    system: &System,
    partner: PartnerId,
    scopes: ScopeSet,
    limits: RateLimit,
) -> anyhow::Result<SeededKey> {
    let app = system.app();
    let partner = app.table.find_partner(partner).await?;
    let partner = partner.context("no such partner")?;
    let id = KeyId::new(app.entropy.bytes());
    let keyring = app.keyring.as_deref().context("no keyring")?;
    let keyring = keyring.current(app.clock.now()).await;
    let (plain, secret) = keyring.mint(KeyKind::Ats, id, app.entropy.bytes());
    let fields = json!({ "name": "ATS key", "scopes": scopes });
    let fields = ApiKeyFields::read(fields, app.clock.now())
        .map_err(|_| anyhow::anyhow!("no fields of a key"))?;
    let new = NewKey {
        id,
        kind: KeyKind::Ats,
        fields,
        limits,
        secret: Some((secret, plain.suffix().to_owned())),
        stamp: stamp(app, "CreateApiKey"),
    };
    app.table
        .create_ats_key(&partner, &new, None)
        .await
        .context("an ATS key")?;
    Ok(SeededKey {
        id,
        plaintext: plain.expose().to_owned(),
    })
}

/// Makes a person an administrator, unless they are one.
pub async fn administrator(system: &System, email: &str) -> anyhow::Result<()> {
    let new = NewAdministrator {
        person: system.issuer().person(email),
        email: email.to_owned(),
    };
    let app = system.app();
    let stamp = stamp(app, "CreateAdministrator");
    match app.table.create_administrator(&new, &stamp).await {
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error).context("an administrator"),
    }
}

/// The person who manages the local system.
pub(crate) async fn welcome_administrator(system: &System) -> anyhow::Result<()> {
    administrator(system, ADMINISTRATOR).await
}

/// Gives a person a role, unless they have one.
pub async fn member(
    system: &System,
    company: CompanyId,
    email: &str,
    role: Role,
) -> anyhow::Result<()> {
    join(system, Owner::Company(company), email, role).await
}

/// The same in a company or a partner.
pub async fn join(system: &System, owner: Owner, email: &str, role: Role) -> anyhow::Result<()> {
    let member = membership(system, owner, email, role);
    match system
        .app()
        .table
        .create_member(&member, &stamp(system.app(), "CreateMember"))
        .await
    {
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        // Each start on another port brings its own people.
        Err(StoreError::Full) => bail!(
            "{owner} has no room for {email} of another issuer: start on the port that the data directory was used with"
        ),
        Err(error) => Err(error).context("a membership"),
    }
}

/// Makes a key through the API, as `owner`, who has just signed in; `fields` are the request's body.
pub async fn key(
    system: &System,
    company: CompanyId,
    owner: &str,
    fields: &Value,
) -> anyhow::Result<SeededKey> {
    let token = system
        .issuer()
        .token_for(owner, system.app().clock.now())
        .access_token;
    let request = HttpRequest::new("POST", &format!("/api-keys?companyId={company}"))
        .bearer(&token)
        .json(fields);
    let data = send(system, request, 201).await.context("a key")?;
    let text = |name: &str| {
        data[name]
            .as_str()
            .with_context(|| format!("a key without {name}"))
    };
    Ok(SeededKey {
        id: text("id")?.parse()?,
        plaintext: text("key")?.to_owned(),
    })
}

/// The answer's `data`.
async fn send(system: &System, request: HttpRequest, status: u16) -> anyhow::Result<Value> {
    // A Lambda Invoke endpoint may not be there yet.
    let response = system.in_process_gateway().call(request).await;
    let mut body = response.json()?;
    if response.status != status {
        bail!("{} {}", response.status, body["error"]);
    }
    Ok(body["data"].take())
}

async fn found(
    system: &System,
    id: CompanyId,
    name: &str,
    plan: Plan,
    rate_limit: Option<RateLimit>,
    members: &[(&str, Role)],
) -> anyhow::Result<()> {
    ensure!(
        rate_limit.is_none_or(RateLimit::is_valid),
        "the limits break the rule for perSecond"
    );
    let now = system.app().clock.now();
    let fields = CompanyFields::read(json!({ "name": name }), now)
        .map_err(|_| anyhow::anyhow!("{name} is no name"))?;
    let company = NewCompany {
        id,
        fields,
        plan,
        rate_limit,
        key_limit: None,
        minutes_per_month: None,
    };
    let members: Vec<_> = members
        .iter()
        .map(|(email, role)| membership(system, Owner::Company(id), email, *role))
        .collect();
    let app = system.app();
    match app
        .table
        .create_company(&company, &members, &stamp(app, "CreateCompany"))
        .await
    {
        // A seed that was cut off has made it.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error).context("a company"),
    }
}

fn company_id(app: &App) -> CompanyId {
    CompanyId::new(app.clock.now(), app.entropy.bytes())
}

fn membership(system: &System, owner: Owner, email: &str, role: Role) -> Membership {
    Membership {
        person: system.issuer().person(email),
        owner,
        role,
        email: email.to_owned(),
    }
}

fn stamp(app: &App, operation: &str) -> Stamp {
    Stamp {
        actor: Actor {
            kind: ActorKind::System,
            id: "seed".to_owned(),
        },
        at: app.clock.now(),
        source_ip: None,
        request_id: None,
        operation: operation.to_owned(),
        reason: None,
        nonce: app.entropy.bytes(),
    }
}

/// The plaintext is a credential.
impl std::fmt::Debug for SeededKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeededKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
