//! What the route table doesn't say of an operation: query, body, answer. One exhaustive match a function, so that a new route doesn't compile until it is described.

use model::{
    Acceptance, AccountRequest, Agent, AgentFields, AgentId, AgentPatch, AlertSettings,
    AlertSettingsFields, ApiKey, ApiKeyChange, ApiKeyRequest, Candidate, CandidateFields,
    CandidateId, CandidatePatch, CandidateStatus, Company, CompanyAccount, CompanyId, CompanyPatch,
    CompanyRequest, Denial, DryRunReport, Event, EventType, GrantRequest, GrantState, Granularity,
    Integer, Interview, InterviewPatch, InterviewStatus, InvitationRequest, Job, JobFields, JobId,
    JobPatch, JobStatus, KeyId, KeyKind, KeyStatus, KeySuggestions, KeyUsageReport, Member,
    MemberId, MemberStatus, Name, NewInterview, Nothing, Notice, Outcome, Owner, Partner,
    PartnerGrant, PartnerId, PartnerPatch, PartnerRequest, PlanRequest, RateLimit, RoleChange,
    Timestamp, UsageReport,
};
use routes::{
    Operation, Role, Route, ScopeSet, agents, audit_export, audit_log, billing, candidates,
    companies, interviews, jobs, keys,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use trail::{AuditKeys, OwnCheckpoint, SignedHead};

use crate::{
    examples::{
        self, AGENT, CANDIDATE, COMPANY, INTERVIEW, JOB, KEY, NOTICE, PARTNER, PERSON, REQUEST,
        TOKEN,
    },
    schemas::Schemas,
};

/// An operation as a client meets it.
pub(crate) struct Described {
    /// Query parameters of its own, in OpenAPI's form.
    pub(crate) query: Vec<Value>,
    pub(crate) body: Option<RequestBody>,
    pub(crate) status: u16,
    /// Schema of the envelope's `data`.
    pub(crate) data: Value,
    /// Of `data`.
    pub(crate) example: Value,
    /// Whether the answer is one object with a version, told as `ETag`.
    pub(crate) versioned: bool,
    /// Whether a state machine can forbid it.
    pub(crate) transition: bool,
    /// Whether the plan's minutes can refuse it.
    pub(crate) billed: bool,
    pub(crate) note: &'static str,
}

pub(crate) struct RequestBody {
    pub(crate) schema: Value,
    pub(crate) required: bool,
    pub(crate) example: Value,
}

/// A function's operations, as a group of the document.
pub(crate) struct Group {
    pub(crate) function: &'static str,
    pub(crate) about: &'static str,
    pub(crate) operations: Vec<(&'static Route, Described)>,
}

/// Every function that answers clients.
pub(crate) fn groups(schemas: &mut Schemas) -> Vec<Group> {
    vec![
        group(
            "jobs",
            "The company's jobs. For API keys.",
            schemas,
            jobs_operation,
        ),
        group(
            "candidates",
            "The company's candidates. For API keys.",
            schemas,
            candidates_operation,
        ),
        group(
            "agents",
            "The company's agents, who lead interviews. For API keys.",
            schemas,
            agents_operation,
        ),
        group(
            "interviews",
            "The company's interviews, made with what they refer to if need be. For API keys.",
            schemas,
            interviews_operation,
        ),
        group(
            "billing",
            "What the company's interviews took. For API keys.",
            schemas,
            billing_operation,
        ),
        group(
            "companies",
            "Companies. For API keys: a STANDARD key sees its own, an ATS key those that granted its partner.",
            schemas,
            companies_operation,
        ),
        group(
            "keys",
            "API keys and explanations of refusals. For people; a key can never manage keys. Partners, companies and their plans, for administrators.",
            schemas,
            keys_operation,
        ),
        group(
            "audit-log",
            "The company's chain of audit events, and what it is checked with. For people.",
            schemas,
            audit_log_operation,
        ),
        group(
            "audit-export",
            "The company's chain of audit events as a file that can be checked. For people.",
            schemas,
            audit_export_operation,
        ),
    ]
}

/// A date, or an instant.
fn moment(schemas: &mut Schemas) -> Value {
    let instant = schemas.part::<Timestamp>();
    json!({ "anyOf": [instant, { "type": "string", "format": "date" }] })
}

fn group<O: Operation>(
    function: &'static str,
    about: &'static str,
    schemas: &mut Schemas,
    describe: fn(O, &mut Schemas) -> Described,
) -> Group {
    let operations = O::ALL
        .iter()
        .map(|(operation, route)| (route, describe(*operation, schemas)));
    Group {
        function,
        about,
        operations: operations.collect(),
    }
}

/// What differs between the five operations of one kind of object.
struct Kind {
    list: &'static str,
    query: Vec<Value>,
    view: Value,
    new: Value,
    patch: Value,
    example: Value,
    new_example: Value,
    patch_example: Value,
}

#[derive(Clone, Copy)]
enum Verb {
    List,
    Create,
    Get,
    Update,
    Delete,
}

fn object_operation(verb: Verb, kind: Kind, schemas: &mut Schemas) -> Described {
    match verb {
        Verb::List => Described {
            query: kind.query,
            ..answers(
                page(schemas, kind.list, &kind.view),
                examples::page(kind.example),
            )
        },
        Verb::Create => Described {
            body: Some(RequestBody {
                schema: kind.new,
                required: true,
                example: kind.new_example,
            }),
            status: 201,
            versioned: true,
            ..answers(kind.view, kind.example)
        },
        Verb::Get => Described {
            versioned: true,
            ..answers(kind.view, kind.example)
        },
        Verb::Update => Described {
            example: examples::patched(kind.example.clone(), &kind.patch_example),
            body: Some(RequestBody {
                schema: kind.patch,
                required: true,
                example: kind.patch_example,
            }),
            versioned: true,
            ..answers(kind.view, Value::Null)
        },
        Verb::Delete => Described {
            note: "A second deletion is 404.",
            ..answers(json!({ "type": "boolean", "const": true }), true.into())
        },
    }
}

fn jobs_operation(operation: jobs::Operation, schemas: &mut Schemas) -> Described {
    use jobs::Operation::*;
    let verb = match operation {
        ListJobs => Verb::List,
        CreateJob => Verb::Create,
        GetJob => Verb::Get,
        UpdateJob => Verb::Update,
        DeleteJob => Verb::Delete,
    };
    let kind = Kind {
        list: "JobPage",
        query: list_query([
            parameter(
                "status",
                "Only jobs in this state.",
                schemas.part::<JobStatus>(),
            ),
            parameter(
                "q",
                "Only jobs with a word of the title (one of the first 10) that starts so; case doesn't matter.",
                json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
            ),
        ]),
        view: schemas.answer::<Job>("Job"),
        new: schemas.new_object::<JobFields>("NewJob"),
        patch: schemas.patch::<JobPatch>("JobPatch"),
        example: examples::job(),
        new_example: examples::new_job(),
        patch_example: examples::job_patch(),
    };
    object_operation(verb, kind, schemas)
}

fn candidates_operation(operation: candidates::Operation, schemas: &mut Schemas) -> Described {
    use candidates::Operation::*;
    let verb = match operation {
        EraseCandidate => {
            return Described {
                body: Some(RequestBody {
                    schema: schemas.part::<Nothing>(),
                    required: false,
                    example: json!({}),
                }),
                note: "Lists, searches and kept answers forget the candidate, too; what stays is a tombstone with its id. Streams hold it for 24 hours more, the bucket of failed batches for 14 days, and backups for at most 35.",
                ..answers(json!({ "type": "boolean", "const": true }), true.into())
            };
        }
        ListCandidates => Verb::List,
        CreateCandidate => Verb::Create,
        GetCandidate => Verb::Get,
        UpdateCandidate => Verb::Update,
        DeleteCandidate => Verb::Delete,
    };
    let kind = Kind {
        list: "CandidatePage",
        query: list_query([
            parameter(
                "jobId",
                "Only candidates of this job.",
                schemas.part::<JobId>(),
            ),
            parameter(
                "status",
                "Only candidates in this state.",
                schemas.part::<CandidateStatus>(),
            ),
            parameter(
                "q",
                "Only candidates with a word of a name (one of the first 3 of each) or an e-mail address that starts so; case doesn't matter.",
                json!({ "type": "string", "minLength": 1, "maxLength": 254 }),
            ),
        ]),
        view: schemas.answer::<Candidate>("Candidate"),
        new: schemas.new_object::<CandidateFields>("NewCandidate"),
        patch: schemas.patch::<CandidatePatch>("CandidatePatch"),
        example: examples::candidate(),
        new_example: examples::new_candidate(),
        patch_example: examples::candidate_patch(),
    };
    object_operation(verb, kind, schemas)
}

fn agents_operation(operation: agents::Operation, schemas: &mut Schemas) -> Described {
    use agents::Operation::*;
    let verb = match operation {
        ListAgents => Verb::List,
        CreateAgent => Verb::Create,
        GetAgent => Verb::Get,
        UpdateAgent => Verb::Update,
        DeleteAgent => Verb::Delete,
    };
    let kind = Kind {
        list: "AgentPage",
        query: list_query([]),
        view: schemas.answer::<Agent>("Agent"),
        new: schemas.new_object::<AgentFields>("NewAgent"),
        patch: schemas.patch::<AgentPatch>("AgentPatch"),
        example: examples::agent(),
        new_example: examples::new_agent(),
        patch_example: examples::agent_patch(),
    };
    object_operation(verb, kind, schemas)
}

fn interviews_operation(operation: interviews::Operation, schemas: &mut Schemas) -> Described {
    use interviews::Operation::*;
    let kind = Kind {
        list: "InterviewPage",
        query: list_query([
            parameter(
                "candidateId",
                "Only interviews with this candidate.",
                schemas.part::<CandidateId>(),
            ),
            parameter(
                "agentId",
                "Only interviews by this agent.",
                schemas.part::<AgentId>(),
            ),
            parameter(
                "jobId",
                "Only interviews about this job.",
                schemas.part::<JobId>(),
            ),
            parameter(
                "status",
                "Only interviews in this state.",
                schemas.part::<InterviewStatus>(),
            ),
        ]),
        view: schemas.answer::<Interview>("Interview"),
        new: schemas.new_object::<NewInterview>("NewInterview"),
        patch: schemas.patch::<InterviewPatch>("InterviewPatch"),
        example: examples::interview(),
        new_example: examples::new_interview(),
        patch_example: examples::interview_patch(),
    };
    match operation {
        ListInterviews => object_operation(Verb::List, kind, schemas),
        CreateInterview => Described {
            billed: true,
            note: "The agent's `duration` is reserved in the month of `scheduledAt` (UTC) until the interview is over.",
            ..object_operation(Verb::Create, kind, schemas)
        },
        GetInterview => object_operation(Verb::Get, kind, schemas),
        UpdateInterview => Described {
            transition: true,
            billed: true,
            note: "Only while it is SCHEDULED; what changes nothing is always allowed.",
            ..object_operation(Verb::Update, kind, schemas)
        },
    }
}

fn billing_operation(operation: billing::Operation, schemas: &mut Schemas) -> Described {
    use billing::Operation::*;
    match operation {
        GetUsage => Described {
            query: vec![
                parameter(
                    "start",
                    "What was billed from this instant, or the beginning of this day in UTC, on; absent: 30 days before `end`.",
                    moment(schemas),
                ),
                parameter(
                    "end",
                    "What was billed before this; at most 366 days after `start`; absent: now.",
                    moment(schemas),
                ),
            ],
            note: "An interview is billed when it is completed; tests are not. An ATS key without `companyId` is told of all companies that its partner manages, of the youngest 100.",
            ..answers(
                schemas.answer::<UsageReport>("UsageReport"),
                examples::usage(),
            )
        },
    }
}

fn companies_operation(operation: companies::Operation, schemas: &mut Schemas) -> Described {
    use companies::Operation::*;
    let verb = match operation {
        ListCompanies => Verb::List,
        CreateCompany => Verb::Create,
        GetCompany => Verb::Get,
        UpdateCompany => Verb::Update,
        FoundCompany => {
            return Described {
                body: Some(RequestBody {
                    schema: schemas.new_object::<AccountRequest>("NewCompanyAccount"),
                    required: true,
                    example: examples::new_account(),
                }),
                status: 201,
                versioned: true,
                note: "Numbers of its own a company gets with its plan.",
                ..answers(
                    schemas.answer::<CompanyAccount>("CompanyAccount"),
                    examples::account(),
                )
            };
        }
    };
    let kind = Kind {
        list: "CompanyPage",
        query: list_query([]),
        view: schemas.answer::<Company>("Company"),
        new: schemas.new_object::<CompanyRequest>("NewCompany"),
        patch: schemas.patch::<CompanyPatch>("CompanyPatch"),
        example: examples::company_view(),
        new_example: examples::new_company(),
        patch_example: examples::company_patch(),
    };
    object_operation(verb, kind, schemas)
}

fn keys_operation(operation: keys::Operation, schemas: &mut Schemas) -> Described {
    use keys::Operation::*;
    let key = schemas.answer::<ApiKey>("ApiKey");
    let action = |schemas: &mut Schemas, status| Described {
        body: Some(RequestBody {
            schema: schemas.patch::<Action>("Action"),
            required: false,
            example: examples::reason(),
        }),
        versioned: true,
        transition: true,
        ..answers(key.clone(), examples::api_key(status))
    };
    match operation {
        ListApiKeys => Described {
            query: list_query([
                parameter(
                    "status",
                    "Only keys with this status.",
                    schemas.part::<KeyStatus>(),
                ),
                parameter(
                    "q",
                    "Only keys whose prefix starts so, or whose name contains it.",
                    json!({ "type": "string", "minLength": 1 }),
                ),
            ]),
            ..answers(
                page(schemas, "ApiKeyPage", &key),
                examples::page(examples::api_key(KeyStatus::Active)),
            )
        },
        CreateApiKey => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<ApiKeyRequest>("NewApiKey"),
                required: true,
                example: examples::new_api_key(),
            }),
            status: 201,
            versioned: true,
            note: "Store `key` now: it is never shown again. A replay by `Idempotency-Key` has `key: null` and `keyUnavailable: true`. An ATS key is made with `key: null`: the partner's own people obtain its secret by rotating it.",
            ..answers(created_api_key(schemas), examples::created_api_key())
        },
        GetApiKey => Described {
            versioned: true,
            ..answers(key, examples::api_key(KeyStatus::Active))
        },
        UpdateApiKey => {
            let report = schemas.answer::<DryRunReport>("DryRunReport");
            let mut changed = examples::api_key(KeyStatus::Active);
            changed["scopes"] = json!(["read:jobs"]);
            changed["version"] = 4.into();
            if let Value::Object(members) = &mut changed {
                members.remove("allowedIPs");
            }
            Described {
                body: Some(RequestBody {
                    schema: schemas.patch::<ApiKeyChange>("ApiKeyPatch"),
                    required: true,
                    example: examples::api_key_patch(),
                }),
                versioned: true,
                transition: true,
                note: "What is tightened holds for every request that reaches us after the answer. With `dryRun: true` the change is checked as ever, nothing is changed, and the answer says which requests of the last 7 days it would have refused; one may be counted by its scope and by its address.",
                ..answers(json!({ "oneOf": [key, report] }), changed)
            }
        }
        GetApiKeyUsage => Described {
            query: vec![
                parameter(
                    "granularity",
                    "`hour` (kept for 90 days, with addresses) or `day` (kept for two years, without); absent: `hour`.",
                    schemas.part::<Granularity>(),
                ),
                parameter(
                    "start",
                    "From the hour or day (UTC) of this instant on; absent: a day before `end` by hour, 30 days by day.",
                    moment(schemas),
                ),
                parameter(
                    "end",
                    "Up to the hour or day that begins before this, at most 31 days after `start` by hour and 366 by day; absent: now.",
                    moment(schemas),
                ),
            ],
            note: "Usage follows the requests by the stream, normally within 10 seconds. Accepted requests are exact; refusals are at least so many where `refusedIsLowerBound` says so. `totals.secrets` shows who still uses an old secret.",
            ..answers(
                schemas.answer::<KeyUsageReport>("KeyUsageReport"),
                examples::key_usage(),
            )
        },
        GetApiKeySuggestions => Described {
            note: "What was seen in the last 30 days, or since the key was made. An allowlist is suggested for what is known of networks: `otherRequests` came from others.",
            ..answers(
                schemas.answer::<KeySuggestions>("KeySuggestions"),
                examples::key_suggestions(),
            )
        },
        SuspendApiKey => action(schemas, KeyStatus::Suspended),
        ResumeApiKey => action(schemas, KeyStatus::Active),
        RotateApiKey => Described {
            body: Some(RequestBody {
                schema: schemas.patch::<Rotation>("Rotation"),
                required: false,
                example: json!({ "overlapSeconds": 3600 }),
            }),
            versioned: true,
            transition: true,
            note: "The id stays. At most two secrets are live. During an overlap either `overlapSeconds: 0` ends both, or `replaceUnused: true` replaces the newer one if it was never used, as after an answer that was lost; anything else is 409 `OVERLAP`. Store `key` now: it is never shown again. A replay by `Idempotency-Key` has `key: null` and `keyUnavailable: true`.",
            ..answers(created_api_key(schemas), examples::created_api_key())
        },
        UpdateOverlap => {
            let mut moved = examples::api_key(KeyStatus::Active);
            moved["secrets"] = examples::overlapping_secrets();
            moved["version"] = 4.into();
            Described {
                body: Some(RequestBody {
                    schema: schemas.new_object::<Overlap>("Overlap"),
                    required: true,
                    example: json!({ "validUntil": examples::OVERLAP_END }),
                }),
                versioned: true,
                transition: true,
                note: "At most 30 days after the rotation. Without an overlap it is 409 `OVERLAP`. What is ended holds for every request that reaches us after the answer.",
                ..answers(key, moved)
            }
        }
        RevokeAllApiKeys => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<Lockdown>("Lockdown"),
                required: true,
                example: json!({ "dryRun": false, "reason": "A laptop was stolen" }),
            }),
            note: "Suspended and expired keys are revoked, too, and keys with `write:companies` also by an ADMIN. Meanwhile no key is made and no grant is made or resumed: 409 `LOCKED`. What takes longer than a few seconds is a 503 and goes on by itself; the same request sent again goes on, too, and its report is the whole one.",
            ..answers(lockdown_report(schemas), examples::lockdown_report())
        },
        RevokeApiKey => action(schemas, KeyStatus::Revoked),
        RevokeOwnApiKey => Described {
            // A key that can make this request is live, and a live one may always be revoked.
            transition: false,
            ..action(schemas, KeyStatus::Revoked)
        },
        ListMembers => {
            let member = schemas.answer::<Member>("Member");
            Described {
                query: list_query([]),
                note: "Those who are invited are listed until they accept, or the invitation ends.",
                ..answers(
                    page(schemas, "MemberPage", &member),
                    examples::page(examples::member(MemberStatus::Active)),
                )
            }
        }
        InviteMember => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<InvitationRequest>("NewInvitation"),
                required: true,
                example: examples::new_invitation(),
            }),
            status: 201,
            versioned: true,
            note: "An invitation stands for 7 days and is used once. Only owners invite others than MEMBERs. At most 20 a day and inviter. It stands only while its inviter could still make it.",
            ..answers(
                schemas.answer::<Member>("Member"),
                examples::member(MemberStatus::Invited),
            )
        },
        UpdateMember => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<RoleChange>("RoleChange"),
                required: true,
                example: json!({ "role": "ADMIN" }),
            }),
            versioned: true,
            note: "The last OWNER stays one.",
            ..answers(
                schemas.answer::<Member>("Member"),
                examples::member(MemberStatus::Active),
            )
        },
        DeleteMember => Described {
            note: "The last OWNER stays. Whoever is removed is refused from the next request on.",
            ..answers(json!({ "type": "boolean", "const": true }), true.into())
        },
        AcceptInvitation => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<Acceptance>("Acceptance"),
                required: true,
                example: json!({ "idToken": "eyJhbGciOi…" }),
            }),
            versioned: true,
            note: "The ID token is the bearer's own, at most 5 minutes old, and says that the invited address is verified. Whatever is wrong with the invitation or the address, the 404 is the same.",
            ..answers(
                schemas.answer::<Member>("Member"),
                examples::member(MemberStatus::Active),
            )
        },
        ListNotices => {
            let notice = schemas.answer::<Notice>("Notice");
            let unread = parameter(
                "unread",
                "With `true`, only notices that nobody has read.",
                json!({ "type": "boolean" }),
            );
            Described {
                query: list_query([unread]),
                note: "30, 14, 7 and 1 days before a key's expiry and at it; 90 days after its newest secret was made, and every 30 days from then on; and what the rules over usage have found (`ALERT_…`). Each is also mailed.",
                ..answers(
                    page(schemas, "NoticePage", &notice),
                    examples::page(examples::notice()),
                )
            }
        }
        UpdateNotice => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<NoticeMark>("NoticeMark"),
                required: true,
                example: json!({ "read": true }),
            }),
            versioned: true,
            ..answers(schemas.answer::<Notice>("Notice"), examples::notice())
        },
        GetAlertSettings => Described {
            versioned: true,
            note: "Until they are set for the first time, everything is on and the version is 0.",
            ..answers(
                schemas.answer::<AlertSettings>("AlertSettings"),
                examples::alert_settings(),
            )
        },
        SetAlertSettings => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<AlertSettingsFields>("NewAlertSettings"),
                required: true,
                example: json!({
                    "disabled": ["ALERT_WOKE"],
                    "recipients": ["owner@acme.example"],
                    "volumeFactor": 10,
                }),
            }),
            versioned: true,
            note: "What is left out is as it is where nothing was ever set. Recipients are members, by their addresses; who is no member any more is mailed no more, and where none of them is, the owners and the key's creator are.",
            ..answers(
                schemas.answer::<AlertSettings>("AlertSettings"),
                examples::alert_settings(),
            )
        },
        ListPartnerGrants => {
            let grant = schemas.answer::<PartnerGrant>("PartnerGrant");
            Described {
                query: list_query([]),
                ..answers(
                    page(schemas, "PartnerGrantPage", &grant),
                    examples::page(examples::grant(GrantState::Active)),
                )
            }
        }
        CreatePartnerGrant => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<GrantRequest>("NewPartnerGrant"),
                required: true,
                example: examples::new_grant(),
            }),
            status: 201,
            versioned: true,
            note: "What ended may be granted anew.",
            ..answers(
                schemas.answer::<PartnerGrant>("PartnerGrant"),
                examples::grant(GrantState::Active),
            )
        },
        SuspendPartnerGrant => grant_action(schemas, GrantState::Suspended),
        ResumePartnerGrant => grant_action(schemas, GrantState::Active),
        EndPartnerGrant => Described {
            // Whatever state a grant is in, it may end.
            transition: false,
            ..grant_action(schemas, GrantState::Ended)
        },
        ListPartners => {
            let partner = schemas.answer::<Partner>("Partner");
            Described {
                query: list_query([]),
                ..answers(
                    page(schemas, "PartnerPage", &partner),
                    examples::page(examples::partner()),
                )
            }
        }
        CreatePartner => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<PartnerRequest>("NewPartner"),
                required: true,
                example: examples::new_partner(),
            }),
            status: 201,
            versioned: true,
            ..answers(schemas.answer::<Partner>("Partner"), examples::partner())
        },
        UpdatePartner => Described {
            body: Some(RequestBody {
                schema: schemas.patch::<PartnerPatch>("PartnerPatch"),
                required: true,
                example: examples::partner_patch(),
            }),
            versioned: true,
            ..answers(
                schemas.answer::<Partner>("Partner"),
                examples::patched(examples::partner(), &examples::partner_patch()),
            )
        },
        ListAllCompanies => {
            let company = schemas.answer::<CompanyAccount>("CompanyAccount");
            Described {
                query: list_query([parameter(
                    "q",
                    "Only companies whose name starts so; case doesn't matter.",
                    json!({ "type": "string", "minLength": 1, "maxLength": 100 }),
                )]),
                ..answers(
                    page(schemas, "CompanyAccountPage", &company),
                    examples::page(examples::account()),
                )
            }
        }
        SetPlan => Described {
            body: Some(RequestBody {
                schema: schemas.new_object::<PlanRequest>("PlanRequest"),
                required: true,
                example: examples::plan_request(),
            }),
            versioned: true,
            note: "The answer comes when every live key of the company has the new limits.",
            ..answers(
                schemas.answer::<CompanyAccount>("CompanyAccount"),
                examples::account(),
            )
        },
        GetDenial => answers(schemas.answer::<Denial>("Denial"), examples::denial()),
        GetWhoami => answers(whoami(schemas), examples::whoami()),
        GetHealth => answers(
            schemas.name(
                "Health",
                json!({
                    "type": "object",
                    "required": ["status", "version"],
                    "properties": {
                        "status": { "type": "string" },
                        "version": { "type": "string" },
                    },
                }),
            ),
            json!({ "status": "ok", "version": "0.1.0" }),
        ),
    }
}

fn grant_action(schemas: &mut Schemas, state: GrantState) -> Described {
    Described {
        body: Some(RequestBody {
            schema: schemas.patch::<Action>("Action"),
            required: false,
            example: examples::reason(),
        }),
        versioned: true,
        transition: true,
        ..answers(
            schemas.answer::<PartnerGrant>("PartnerGrant"),
            examples::grant(state),
        )
    }
}

fn audit_log_operation(operation: audit_log::Operation, schemas: &mut Schemas) -> Described {
    use audit_log::Operation::*;
    match operation {
        ListAuditEvents => {
            let event = schemas.answer::<Event>("AuditEvent");
            let instant = schemas.part::<Timestamp>();
            Described {
                query: list_query([
                    parameter("keyId", "Only events of this key.", schemas.part::<KeyId>()),
                    parameter(
                        "type",
                        "Only events of this type.",
                        schemas.part::<EventType>(),
                    ),
                    parameter(
                        "outcome",
                        "Only events with this outcome.",
                        schemas.part::<Outcome>(),
                    ),
                    parameter(
                        "start",
                        "Only events from this instant on.",
                        instant.clone(),
                    ),
                    parameter("end", "Only events before this instant.", instant),
                ]),
                note: "Follows what happens by a few seconds. With a filter: cursor mode only, `total` and `totalPages` are null, and a page may be short and still have a `nextCursor`.",
                ..answers(
                    page(schemas, "AuditEventPage", &event),
                    examples::page(examples::event()),
                )
            }
        }
        ListAuditCheckpoints => {
            let checkpoint = schemas.answer::<OwnCheckpoint>("AuditCheckpoint");
            let counter = json!({ "type": "integer", "minimum": 0 });
            Described {
                query: list_query([
                    parameter(
                        "from",
                        "Only checkpoints from this counter on.",
                        counter.clone(),
                    ),
                    parameter("to", "Only checkpoints up to this counter.", counter),
                ]),
                note: "One is made every hour. `inclusion` proves that the checkpoint holds where the company's chain ended; it tells nothing of others.",
                ..answers(
                    page(schemas, "AuditCheckpointPage", &checkpoint),
                    examples::page(examples::checkpoint()),
                )
            }
        }
        GetAuditKeys => Described {
            note: "Keep them apart from what they check. A key signs one kind of thing alone.",
            ..answers(
                schemas.answer::<AuditKeys>("AuditKeys"),
                examples::audit_keys(),
            )
        },
    }
}

fn audit_export_operation(operation: audit_export::Operation, schemas: &mut Schemas) -> Described {
    use audit_export::Operation::*;
    match operation {
        ExportAuditEvents => {
            let seq = json!({ "type": "integer", "minimum": 1 });
            let format = json!({ "type": "string", "enum": ["ndjson", "csv"] });
            Described {
                query: vec![
                    parameter(
                        "fromSeq",
                        "The first event; 1 where nothing is said.",
                        seq.clone(),
                    ),
                    parameter(
                        "toSeq",
                        "The last event; the chain's last where nothing is said.",
                        seq,
                    ),
                    parameter(
                        "format",
                        "`ndjson`, which can be checked, or `csv`, for people.",
                        format,
                    ),
                ],
                note: "As `ndjson`, each line is an event as it stands in the chain, and the last line is a signed head. Without that line the export broke off, and doesn't count. At most 100 MB an answer: then `nextFromSeq` in the last line says where to go on. In `csv`, cells that a spreadsheet would take for formulas begin with an apostrophe.",
                ..answers(
                    schemas.answer::<SignedHead>("AuditExportHead"),
                    examples::signed_head(),
                )
            }
        }
    }
}

/// How a rotation is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct Rotation {
    /// How long the secret so far goes on; a day where nothing is said.
    #[serde(default)]
    overlap_seconds: Option<Integer<0, 2_592_000>>,
    /// During an overlap, replaces the newer secret if it was never used; what is left of the overlap stays, unless `overlapSeconds` says otherwise. At other times it says nothing.
    #[serde(default)]
    replace_unused: Option<bool>,
}

/// Another end of an overlap.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct Overlap {
    /// When the secret that was replaced ends; a past or present instant ends it at once.
    valid_until: Timestamp,
}

/// What people change of a notice.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct NoticeMark {
    /// Whether somebody has read it.
    read: bool,
}

/// The kill switch.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct Lockdown {
    /// Only tells what would be ended.
    dry_run: bool,
    #[serde(default)]
    reason: Option<Name<1, 200>>,
    /// Whether grants are suspended, too; absent means true.
    #[serde(default)]
    include_partners: Option<bool>,
}

/// What an action may be told.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Action {
    /// Kept in the audit event.
    #[serde(default)]
    reason: Option<Name<1, 200>>,
}

fn answers(data: Value, example: Value) -> Described {
    Described {
        query: Vec::new(),
        body: None,
        status: 200,
        data,
        example,
        versioned: false,
        transition: false,
        billed: false,
        note: "",
    }
}

/// A query parameter.
fn parameter(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

/// The parameters of every list, then its own.
fn list_query<const N: usize>(own: [Value; N]) -> Vec<Value> {
    ["Limit", "Page", "Cursor"]
        .map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }))
        .into_iter()
        .chain(own)
        .collect()
}

/// Parameters of the path, by their names.
pub(crate) fn path_parameter(name: &str, schemas: &mut Schemas) -> Value {
    let (description, schema, example) = match name {
        "jobId" => ("The job's id.", schemas.part::<JobId>(), JOB),
        "candidateId" => (
            "The candidate's id.",
            schemas.part::<model::CandidateId>(),
            CANDIDATE,
        ),
        "companyId" => ("The company's id.", schemas.part::<CompanyId>(), COMPANY),
        "agentId" => ("The agent's id.", schemas.part::<model::AgentId>(), AGENT),
        "interviewId" => (
            "The interview's id.",
            schemas.part::<model::InterviewId>(),
            INTERVIEW,
        ),
        "memberId" => (
            "The member's id, or the invitation's while it is open.",
            schemas.part::<MemberId>(),
            PERSON,
        ),
        "token" => (
            "The end of the link that was mailed.",
            json!({ "type": "string", "pattern": "^[0-9A-Za-z_-]{92}$" }),
            TOKEN,
        ),
        "noticeId" => (
            "The notice's id.",
            schemas.part::<model::NoticeId>(),
            NOTICE,
        ),
        "partnerId" => ("The partner's id.", schemas.part::<PartnerId>(), PARTNER),
        "keyId" => (
            "The key's id: the 8 characters after `sk_iv` or `sk_ia`.",
            schemas.part::<KeyId>(),
            KEY,
        ),
        "requestId" => (
            "The `X-Request-Id` of the refused request.",
            json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
            REQUEST,
        ),
        other => unreachable!("the path parameter {other} is not described"),
    };
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example })
}

fn page(schemas: &mut Schemas, name: &str, item: &Value) -> Value {
    let count = json!({ "type": ["integer", "null"], "minimum": 0 });
    let pagination = schemas.name(
        "Pagination",
        json!({
            "type": "object",
            "description": "In cursor mode `page` and `hasPreviousPage` are null; `total` and `totalPages` are null where they aren't known. A page of very long objects ends before its limit and goes on as in cursor mode; one that was asked for by its number is a 400 that names `limit`.",
            "required": ["total", "totalIsLowerBound", "page", "limit", "totalPages", "hasNextPage", "hasPreviousPage", "nextCursor"],
            "properties": {
                "total": count,
                "totalIsLowerBound": { "type": "boolean" },
                "page": { "type": ["integer", "null"], "minimum": 1 },
                "limit": { "type": "integer", "minimum": 1, "maximum": 100 },
                "totalPages": count,
                "hasNextPage": { "type": "boolean" },
                "hasPreviousPage": { "type": ["boolean", "null"] },
                "nextCursor": { "type": ["string", "null"] },
            },
        }),
    );
    schemas.name(
        name,
        json!({
            "type": "object",
            "required": ["items", "pagination"],
            "properties": {
                "items": { "type": "array", "items": item, "maxItems": 100 },
                "pagination": pagination,
            },
        }),
    )
}

fn lockdown_report(schemas: &mut Schemas) -> Value {
    let key = json!({
        "type": "object",
        "required": ["id", "name", "prefix"],
        "properties": {
            "id": schemas.part::<KeyId>(),
            "name": schemas.part::<Name<1, 100>>(),
            "prefix": { "type": "string", "description": "The first 13 characters of the key." },
        },
    });
    let grant = json!({
        "type": "object",
        "required": ["partnerId"],
        "properties": { "partnerId": schemas.part::<PartnerId>() },
    });
    schemas.name(
        "LockdownReport",
        json!({
            "type": "object",
            "description": "What was ended, or with `dryRun` would be.",
            "required": ["dryRun", "keys", "grants"],
            "properties": {
                "dryRun": { "type": "boolean" },
                "keys": { "type": "array", "items": key, "description": "Revoked." },
                "grants": { "type": "array", "items": grant, "description": "Suspended." },
            },
        }),
    )
}

/// The one answer that shows a key.
fn created_api_key(schemas: &mut Schemas) -> Value {
    let mut schema = schemas.named("ApiKey");
    schema["description"] = "A key as people see it, and once the key itself.".into();
    schema["properties"]["key"] = json!({
        "type": ["string", "null"],
        "pattern": "^sk_i[va][0-9A-Za-z]{41}$",
        "description": "The key. Null in a replay.",
    });
    schema["properties"]["keyUnavailable"] = json!({
        "type": "boolean",
        "const": true,
        "description": "Only in a replay: the key was shown once and can't be shown again.",
    });
    if let Some(required) = schema["required"].as_array_mut() {
        required.push("key".into());
    }
    schemas.name("CreatedApiKey", schema)
}

fn whoami(schemas: &mut Schemas) -> Value {
    let role = json!({ "type": "string", "enum": Role::ALL.map(Role::as_str) });
    let schema = json!({
        "type": "object",
        "required": ["kind", "id", "rateLimit"],
        "properties": {
            "kind": { "type": "string", "enum": ["API_KEY", "PERSON", "ADMINISTRATOR"] },
            "id": { "type": "string", "description": "The key's or the person's id." },
            "key": {
                "type": "object",
                "required": ["prefix", "name", "type", "scopes"],
                "properties": {
                    "prefix": { "type": "string" },
                    "name": { "type": "string" },
                    "type": schemas.part::<KeyKind>(),
                    "scopes": schemas.part::<ScopeSet>(),
                    "expiresAt": schemas.part::<Option<Timestamp>>(),
                },
            },
            "companyId": schemas.part::<CompanyId>(),
            "partnerId": schemas.part::<PartnerId>(),
            "role": role.clone(),
            "memberships": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["owner", "name", "role"],
                    "properties": {
                        "owner": schemas.part::<Owner>(),
                        "name": { "type": "string" },
                        "role": role,
                    },
                },
            },
            "rateLimit": schemas.part::<RateLimit>(),
        },
    });
    schemas.name("Whoami", schema)
}
