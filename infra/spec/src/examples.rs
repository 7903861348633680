//! Realistic bodies and answers. Answers are values of the model's own types, so that they can't drift from what is sent.

use model::{
    Actor, ActorKind, AgentFields, AgentId, AlertSettings, AlertSettingsFields, ApiKey,
    ApiKeyFields, BillingSystem, Body, CandidateFields, CandidateId, CandidateRecord, ChainHash,
    CompanyAccount, CompanyFields, CompanyId, CompanyRecord, CompanyUsage, CostKey, CostKeyUsage,
    Denial, Event, EventFacts, EventType, GrantRequest, GrantState, Granularity, InterviewId,
    InterviewRecord, InterviewStatus, JobFields, JobId, KeyId, KeyKind, KeyStatus, KeySuggestions,
    KeyUsage, KeyUsageReport, Member, MemberId, MemberStatus, Notice, NoticeKind, Outcome, Owner,
    Partner, PartnerGrant, PartnerRequest, Plan, PlanRequest, Reason, RoleText, SecretView,
    Timestamp, UsageReport, View,
};
use routes::{Role, Scope};
use serde::Serialize;
use serde_json::{Value, json};
use std::str::FromStr;
use trail::{AuditKey, AuditKeys, Checkpoint, ExportHead, Heads, KeyUse, OwnedHead, SigningKey};

pub(crate) const AT: &str = "2026-01-31T12:00:00.000Z";
const LATER: &str = "2026-02-03T08:15:30.250Z";
pub(crate) const CANDIDATE: &str = "019c13b0-3a80-7d41-a5c2-6e8f0b1d2c34";
pub(crate) const AGENT: &str = "019c13b1-9c20-7b52-8d63-1f2a3b4c5d6e";
pub(crate) const JOB: &str = "019c13a6-7f00-7c3e-9b1d-2f4a6c8e0b12";
pub(crate) const INTERVIEW: &str = "019c13b4-5e10-7c63-9f74-3a4b5c6d7e8f";
pub(crate) const COMPANY: &str = "019c0e52-1d40-7a61-8c2f-5b7d9e1f3a60";
pub(crate) const NOTICE: &str = "019c2f10-4a00-7d31-8b52-4d6f80ac2e31";
pub(crate) const PARTNER: &str = "019c0e60-7c80-7f32-9a41-3c5e7f9b1d20";
pub(crate) const PERSON: &str = "7d1f0c5a9e3b48d2860c4fe17ab2935c";
pub(crate) const TOKEN: &str =
    "AAAAAUMBnA5SHUB6YYwvW32eHzpgAZwTuC9AfhWKlgscLT5PUFDYWOCYXsx_YEGKrwzFq1h_QsJXCohAlanozKzQ9lRc";
pub(crate) const KEY: &str = "4fGk8Lm2";
const SUFFIX: &str = "q7Zd";
const ADDRESS: &str = "203.0.113.7";
pub(crate) const REQUEST: &str = "XkT1bGq4FiAEMbw=";

pub(crate) fn new_job() -> Value {
    json!({
        "title": "Senior Rust Engineer",
        "description": "You build the services that our recruiters rely on.",
        "status": "OPEN",
        "jobUrl": "https://example.com/jobs/rust",
        "requiredSkills": ["Rust", "AWS"],
        "niceToHaveSkills": ["DynamoDB"],
        "languageRequirements": [{ "language": "EN", "proficiency": "C1" }],
        "education": ["BACHELOR_LEVEL"],
        "experience": "FIVE_TO_10_YEARS",
        "contractType": "FULL_TIME",
        "location": { "workMode": "HYBRID", "city": "Prague", "countryCode": "CZ" },
        "salary": { "min": 90000, "max": 120000, "currency": "EUR", "period": "YEARLY" },
        "metadata": { "atsId": "R-1042" },
    })
}

pub(crate) fn job_patch() -> Value {
    json!({ "status": "CLOSED", "salary": null })
}

pub(crate) fn job() -> Value {
    view(parsed::<JobId>(JOB), read::<JobFields>(new_job()))
}

pub(crate) fn new_account() -> Value {
    json!({ "name": "Acme", "plan": "ENTERPRISE", "ownerEmail": "owner@acme.example" })
}

pub(crate) fn new_partner() -> Value {
    json!({ "name": "Hirebridge", "companyLimit": 250, "ownerEmail": "owner@hirebridge.example" })
}

pub(crate) fn partner_patch() -> Value {
    json!({ "companyLimit": 500 })
}

pub(crate) fn partner() -> Value {
    let fields = read::<PartnerRequest>(new_partner()).into_parts().0;
    wire(&Partner {
        id: parsed(PARTNER),
        plan: fields.plan(),
        company_limit: fields.company_limit(),
        key_limit: fields.key_limit(),
        name: fields.name,
        version: 1,
        created_at: at(AT),
        updated_at: at(AT),
    })
}

pub(crate) fn plan_request() -> Value {
    json!({ "plan": "ENTERPRISE", "perMinute": 1200, "perHour": 60000, "perSecond": 40, "keyLimit": 2000 })
}

pub(crate) fn account() -> Value {
    let limits = read::<PlanRequest>(plan_request()).limits();
    wire(&CompanyAccount {
        id: parsed(COMPANY),
        company_id: parsed(COMPANY),
        name: read::<CompanyFields>(json!({ "name": "Acme" })).name,
        plan: limits.plan,
        rate_limit: limits.rate_limit,
        key_limit: limits.key_limit,
        minutes_per_month: limits.minutes_per_month,
        version: 3,
        created_at: at(AT),
        updated_at: at(LATER),
    })
}

pub(crate) fn new_candidate() -> Value {
    json!({
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@candidates.example",
        "gdprExpiryDate": "2027-01-31",
        "jobIds": [JOB],
    })
}

pub(crate) fn candidate_patch() -> Value {
    json!({ "status": "IN_PROCESS", "phoneNumber": "+4915112345678" })
}

pub(crate) fn candidate() -> Value {
    let fields = CandidateRecord::from(read::<CandidateFields>(new_candidate()));
    view(parsed::<CandidateId>(CANDIDATE), fields)
}

pub(crate) fn new_agent() -> Value {
    json!({
        "name": "First conversation",
        "type": "ONLINE",
        "focus": "SCREENING",
        "language": "EN",
        "duration": 20,
        "questions": ["What drew you to this job?"],
        "voiceId": "EMMA",
    })
}

pub(crate) fn agent_patch() -> Value {
    json!({ "duration": 30, "voiceId": null })
}

pub(crate) fn agent() -> Value {
    let fields = read::<AgentFields>(new_agent());
    view(parsed::<AgentId>(AGENT), fields)
}

pub(crate) fn new_interview() -> Value {
    json!({
        "candidate": {
            "firstName": "Ada",
            "lastName": "Lovelace",
            "email": "ada@candidates.example",
            "gdprExpiryDate": "2027-01-31",
            "jobIds": [JOB],
        },
        "agentId": AGENT,
        "scheduledAt": "2026-02-02T10:00:00+01:00",
    })
}

pub(crate) fn interview_patch() -> Value {
    json!({ "status": "CANCELLED" })
}

pub(crate) fn interview() -> Value {
    let fields = InterviewRecord {
        candidate_id: parsed(CANDIDATE),
        agent_id: parsed(AGENT),
        job_id: Some(parsed(JOB)),
        scheduled_at: at("2026-02-02T10:00:00+01:00").into(),
        is_test: false,
        metadata: None,
        status: InterviewStatus::Scheduled,
        duration_minutes: None,
        finished_at: None,
        analysis: None,
    };
    view(parsed::<InterviewId>(INTERVIEW), fields)
}

pub(crate) fn usage() -> Value {
    let breakdown = [CostKeyUsage {
        cost_key: CostKey::InterviewMinutes,
        minutes_used: 57,
        events: 3,
    }];
    wire(&UsageReport {
        companies: vec![CompanyUsage {
            company_id: company(),
            company_name: "Acme".to_owned(),
            billing_system: BillingSystem::Minutes,
            total_minutes_used: 57,
            total_interviews: 3,
            breakdown: breakdown.clone(),
        }],
        total_minutes_used: 57,
        total_interviews: 3,
        breakdown,
    })
}

pub(crate) fn new_company() -> Value {
    json!({
        "name": "Initech",
        "description": "Software for offices.",
        "ownerEmail": "owner@initech.example",
    })
}

pub(crate) fn company_patch() -> Value {
    json!({ "description": "Software for offices and factories." })
}

pub(crate) fn company_view() -> Value {
    let mut fields = new_company();
    if let Value::Object(members) = &mut fields {
        members.remove("ownerEmail");
    }
    let fields = CompanyRecord {
        fields: read::<CompanyFields>(fields),
        plan: Plan::Business,
    };
    view(company(), fields)
}

pub(crate) fn new_invitation() -> Value {
    json!({ "email": "grace@acme.example", "role": "MEMBER" })
}

pub(crate) fn member(status: MemberStatus) -> Value {
    let invited = status == MemberStatus::Invited;
    wire(&Member {
        id: match invited {
            true => MemberId::Invitation(parsed("019c13b8-2f40-7e15-8a96-0b1c2d3e4f50")),
            false => MemberId::Person(parsed(PERSON)),
        },
        company_id: Some(company()),
        partner_id: None,
        email: "grace@acme.example".to_owned(),
        role: RoleText(Role::Member),
        status,
        expires_at: invited.then(|| at("2026-02-09T08:00:00Z")),
        version: 1,
        created_at: at("2026-02-02T08:00:00Z"),
        updated_at: at("2026-02-02T08:00:00Z"),
    })
}

fn view<Id: Serialize, Fields: Serialize>(id: Id, fields: Fields) -> Value {
    wire(&View {
        id,
        company_id: company(),
        version: 1,
        created_at: at(AT),
        updated_at: at(AT),
        fields,
    })
}

/// The object after the patch, in its next version.
pub(crate) fn patched(mut object: Value, patch: &Value) -> Value {
    if let (Value::Object(object), Value::Object(patch)) = (&mut object, patch) {
        for (name, value) in patch {
            match value {
                Value::Null => object.remove(name),
                value => object.insert(name.clone(), value.clone()),
            };
        }
        object.insert("version".to_owned(), 2.into());
        object.insert("updatedAt".to_owned(), LATER.into());
    }
    object
}

pub(crate) fn new_api_key() -> Value {
    json!({
        "name": "Careers site",
        "scopes": ["read:jobs", "write:jobs"],
        "expiresAt": "2027-01-31T12:00:00.000Z",
        "allowedIPs": ["203.0.113.0/24", "2001:db8::/48"],
    })
}

pub(crate) fn api_key_patch() -> Value {
    json!({ "scopes": ["read:jobs"], "allowedIPs": null })
}

pub(crate) fn reason() -> Value {
    json!({ "reason": "Found in a public repository" })
}

pub(crate) fn api_key(status: KeyStatus) -> Value {
    wire(&ApiKey {
        id: parsed::<KeyId>(KEY),
        prefix: format!("sk_iv{KEY}"),
        kind: KeyKind::Standard,
        company_id: Some(company()),
        partner_id: None,
        status,
        fields: read::<ApiKeyFields>(new_api_key()),
        rate_limit: Plan::Business.rate_limit(),
        created_at: at(AT),
        created_by: Actor {
            kind: ActorKind::User,
            id: PERSON.to_owned(),
        },
        last_used_at: Some(at(LATER)),
        last_used_ip: Some(ADDRESS.to_owned()),
        secret_age_days: 2,
        secrets: vec![SecretView {
            suffix: SUFFIX.to_owned(),
            created_at: at(AT),
            valid_until: None,
            last_used_at: Some(at(LATER)),
            last_used_ip: Some(ADDRESS.to_owned()),
        }],
        version: 3,
    })
}

/// Of [`overlapping_secrets`].
pub(crate) const OVERLAP_END: &str = "2026-02-07T12:00:00.000Z";

pub(crate) fn overlapping_secrets() -> Value {
    json!([
        { "suffix": SUFFIX, "createdAt": AT, "validUntil": OVERLAP_END, "lastUsedAt": LATER, "lastUsedIp": ADDRESS },
        { "suffix": "x7Kq", "createdAt": LATER },
    ])
}

pub(crate) fn lockdown_report() -> Value {
    let key = api_key(KeyStatus::Revoked);
    json!({
        "dryRun": false,
        "keys": [{ "id": key["id"], "name": key["name"], "prefix": key["prefix"] }],
        "grants": [{ "partnerId": PARTNER }],
    })
}

pub(crate) fn created_api_key() -> Value {
    let mut created = api_key(KeyStatus::Active);
    if let Value::Object(members) = &mut created {
        members.remove("lastUsedAt");
        members.remove("lastUsedIp");
    }
    created["version"] = 1.into();
    created["secretAgeDays"] = 0.into();
    created["secrets"] = json!([{ "suffix": SUFFIX, "createdAt": AT }]);
    // Its tag and checksum are wrong: no scanner takes it for a key.
    created["key"] = format!("sk_iv{KEY}EXAMPLEexampleEXAMPLEx0000000{SUFFIX}").into();
    created
}

pub(crate) fn notice() -> Value {
    wire(&Notice {
        id: parsed(NOTICE),
        company_id: Some(company()),
        partner_id: None,
        kind: NoticeKind::KeyExpires,
        at: at(AT),
        key_id: Some(parsed(KEY)),
        message: "The API key \"Job board\" (sk_ivZk8Q2rTd) expires in 7 days, on 1 December 2026, 00:00 UTC. Give it a later expiry, or replace it before then.".to_owned(),
        read: false,
        version: 1,
        created_at: at(AT),
        updated_at: at(AT),
    })
}

pub(crate) fn alert_settings() -> Value {
    let body = json!({
        "disabled": ["ALERT_WOKE"],
        "recipients": ["owner@acme.example"],
        "volumeFactor": 10,
    });
    let fields = AlertSettingsFields::read(body, at(AT)).expect("a valid example");
    wire(&AlertSettings {
        company_id: Some(company()),
        partner_id: None,
        volume_factor: fields.volume_factor(),
        disabled: fields.disabled,
        recipients: fields.recipients,
        version: 2,
        updated_at: Some(at(AT)),
    })
}

pub(crate) fn new_grant() -> Value {
    json!({ "partnerId": PARTNER, "scopes": ["read:jobs", "write:candidates"] })
}

pub(crate) fn grant(status: GrantState) -> Value {
    let GrantRequest { partner_id, scopes } = read(new_grant());
    wire(&PartnerGrant {
        partner_id,
        company_id: company(),
        status,
        scopes: scopes.unwrap_or_default(),
        version: 2,
        created_at: at(AT),
        updated_at: at(LATER),
    })
}

pub(crate) fn denial() -> Value {
    wire(&Denial {
        request_id: REQUEST.to_owned(),
        at: at(LATER),
        status: 401,
        reason: Reason::Address,
        message: "address 198.51.100.4 is not in 203.0.113.0/24, 2001:db8::/48".to_owned(),
        operation: "ListJobs".to_owned(),
        source_ip: "198.51.100.4".to_owned(),
        key_id: Some(parsed(KEY)),
        secret_suffix: Some(SUFFIX.to_owned()),
        company_id: Some(company()),
        suppressed: false,
        count: None,
    })
}

pub(crate) fn event() -> Value {
    let facts = request();
    let owner = facts.owner;
    let link: Event = facts.chained(1, ChainHash::genesis(owner));
    wire(&link)
}

fn request() -> EventFacts {
    let owner = Owner::Company(company());
    EventFacts {
        id: format!("KEY#{KEY}@17"),
        at: at(LATER),
        owner,
        kind: EventType::AuthenticationSucceeded,
        outcome: Outcome::Success,
        actor: Actor::key(parsed(KEY)),
        key_id: Some(parsed(KEY)),
        secret_suffix: Some(SUFFIX.to_owned()),
        company_id: Some(company()),
        source_ip: Some(ADDRESS.to_owned()),
        user_agent: "python-requests/2.32.3".parse().ok(),
        request_id: Some(REQUEST.to_owned()),
        operation: Some("ListJobs".to_owned()),
        reason: None,
        count: None,
        suppressed: None,
        changes: None,
    }
}

/// One hour of a key that is being rotated.
pub(crate) fn key_usage() -> Value {
    let mut hour = KeyUsage::default();
    let mut facts = request();
    hour.count(&facts);
    facts.kind = EventType::AuthorizationDenied;
    facts.outcome = Outcome::Refused;
    facts.reason = Some(Reason::Scope.to_string());
    facts.operation = Some("DeleteJob".to_owned());
    hour.count(&facts);
    let secret = |suffix: &str, valid_until| SecretView {
        suffix: suffix.to_owned(),
        created_at: at(AT),
        valid_until,
        last_used_at: None,
        last_used_ip: None,
    };
    let secrets = [
        secret(SUFFIX, Some(at("2026-02-04T08:00:00.000Z"))),
        secret("0Ab3", None),
    ];
    let start = at("2026-02-03T08:00:00.000Z");
    let end = at("2026-02-03T09:00:00.000Z");
    wire(&KeyUsageReport::new(
        parsed(KEY),
        Granularity::Hour,
        (start, end),
        &[(start, hour)],
        &secrets,
        at(LATER),
    ))
}

pub(crate) fn key_suggestions() -> Value {
    let mut usage = KeyUsage::default();
    usage.count(&request());
    let scopes = [Scope::ReadJobs, Scope::WriteJobs].into_iter().collect();
    let since = at("2026-02-01T08:00:00.000Z");
    let until = at("2026-03-03T08:15:30.250Z");
    wire(&KeySuggestions::new(
        parsed(KEY),
        at(AT),
        scopes,
        &usage,
        (since, until),
    ))
}

fn audit_key(used_for: KeyUse) -> SigningKey {
    // Nothing real is signed with them.
    SigningKey::new(&[used_for as u8; 32])
}

pub(crate) fn audit_keys() -> Value {
    let keys = [KeyUse::Export, KeyUse::Checkpoint]
        .map(|used_for| AuditKey::new(used_for, audit_key(used_for).public()));
    wire(&AuditKeys { keys: keys.into() })
}

pub(crate) fn checkpoint() -> Value {
    let owner = Owner::Company(company());
    let heads = Heads {
        seed: ChainHash::genesis(Owner::System),
        heads: vec![OwnedHead {
            owner,
            seq: 1,
            hash: ChainHash::genesis(owner),
        }],
    };
    let checkpoint = Checkpoint::new(None, &heads, at(LATER));
    let key = audit_key(KeyUse::Checkpoint);
    let signature = key.sign(&checkpoint.message());
    wire(
        &checkpoint
            .signed(key.public(), &signature)
            .of(owner, &heads),
    )
}

pub(crate) fn signed_head() -> Value {
    let owner = Owner::Company(company());
    let genesis = ChainHash::genesis(owner);
    let head = ExportHead {
        owner,
        from_seq: 1,
        to_seq: 0,
        prev_hash: genesis,
        hash: genesis,
        chain_seq: 0,
        chain_hash: genesis,
        at: at(LATER),
        next_from_seq: None,
    };
    let key = audit_key(KeyUse::Export);
    let signature = key.sign(&head.message());
    wire(&head.signed(key.public(), &signature))
}

pub(crate) fn whoami() -> Value {
    let key = api_key(KeyStatus::Active);
    json!({
        "kind": "API_KEY",
        "id": KEY,
        "key": {
            "prefix": key["prefix"],
            "name": key["name"],
            "type": key["type"],
            "scopes": key["scopes"],
            "expiresAt": key["expiresAt"],
        },
        "companyId": COMPANY,
        "rateLimit": key["rateLimit"],
    })
}

/// A page that holds this one object.
pub(crate) fn page(item: Value) -> Value {
    json!({
        "items": [item],
        "pagination": {
            "total": 1,
            "totalIsLowerBound": false,
            "page": 1,
            "limit": 20,
            "totalPages": 1,
            "hasNextPage": false,
            "hasPreviousPage": false,
            "nextCursor": null,
        },
    })
}

fn company() -> CompanyId {
    parsed(COMPANY)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("the example's times are RFC 3339")
}

fn parsed<T: FromStr<Err = model::InvalidId>>(text: &str) -> T {
    text.parse().expect("the example's ids are well-formed")
}

fn read<T: Body>(body: Value) -> T {
    T::read(body, at(AT)).expect("the example's body keeps the rules")
}

fn wire(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("the model's types always serialize")
}
