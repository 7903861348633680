//! What one stream record tells: a pure function of the record.

use aws_lambda_events::event::dynamodb::EventRecord;
use model::{
    Actor, ActorKind, AlertSettingsFields, Change, EventFacts, EventType, GrantState,
    InvitationState, KeyState, Outcome, Owner, Reason, Timestamp,
};
use serde_json::{Map, Value, json};
use store::{
    AdministratorRow, DenialKind, DenialRow, Entity, GrantRow, Image, InvitationRow, KeyRow,
    LastUse, MemberRow, ObjectRow, PersonRow, Revision, Source, Stamp, StoreError,
    StoredAlertSettings, TableNames,
};

/// Why a record tells nothing that can be believed. Says no content of the row.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("not a stream of ours")]
    Stream,
    #[error(transparent)]
    Row(#[from] StoreError),
    #[error("the images are not of one row")]
    Images,
    /// A write that went past `store`: nobody else leaves `rev` or `version` as it was.
    #[error("the row changed without a new {0}")]
    Unannounced(&'static str),
    #[error("a row of this kind is never removed")]
    Removed,
}

/// The record as a revision of its row; `None` for rows that only serve others.
///
/// Event ids are `<row>@<rev>`, and `<row>@<rev>:<type>` where one write makes several events.
pub fn revision(names: &TableNames, record: &EventRecord) -> Result<Option<Revision>, Unreadable> {
    let source = source(names, record).ok_or(Unreadable::Stream)?;
    let old = Image::read(source, record.change.old_image.clone())?;
    let new = Image::read(source, record.change.new_image.clone())?;
    let row = new.as_ref().or(old.as_ref()).ok_or(Unreadable::Images)?;
    // An index row and its like have no name.
    let Some(row) = row.name() else {
        return Ok(None);
    };
    if let (Some(old), Some(new)) = (&old, &new)
        && old.name() != new.name()
    {
        return Err(Unreadable::Images);
    }
    let mut told = match (old, new) {
        (old, Some(Image::Key(new))) => match old {
            None => key_created(&new)?,
            Some(Image::Key(old)) => key_changed(&old, &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::Member(new))) => match old {
            None => member_added(&new),
            Some(Image::Member(old)) => member_changed(&old, &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::Person(new))) => match old {
            None => person_counted(0, 0, &new)?,
            Some(Image::Person(old)) => person_counted(old.rev, old.total, &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::Administrator(new))) => match old {
            None => administrator_changed(None, &new)?,
            Some(Image::Administrator(old)) => administrator_changed(Some(&old), &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::Object(new))) => match old {
            None => object_created(&new),
            Some(Image::Object(old)) => object_changed(&old, &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (
            old,
            Some(Image::Grant {
                owner, row: new, ..
            }),
        ) => match old {
            None => grant_changed(owner, None, &new)?,
            Some(Image::Grant { row: old, .. }) => grant_changed(owner, Some(&old), &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::Invitation(new))) => match old {
            None => invitation_changed(None, &new)?,
            Some(Image::Invitation(old)) => invitation_changed(Some(&old), &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        (old, Some(Image::AlertSettings(new))) => match old {
            None => alert_settings_changed(None, &new)?,
            Some(Image::AlertSettings(old)) => alert_settings_changed(Some(&old), &new)?,
            Some(_) => return Err(Unreadable::Images),
        },
        // The table's TTL, a day after it has expired.
        (Some(Image::Invitation(_)), None) => return Ok(None),
        (None, Some(Image::Denial { kind, row, .. })) => match denied(kind, &row) {
            Some(told) => told,
            None => return Ok(None),
        },
        (Some(_), Some(Image::Denial { .. })) => return Err(Unreadable::Unannounced("row")),
        // The table's TTL, 90 days after the event was appended.
        (Some(Image::Denial { .. }), None) => return Ok(None),
        (Some(_), None) => return Err(Unreadable::Removed),
        (_, Some(Image::Silent)) | (None, None) => return Ok(None),
    };
    if told.row.is_empty() {
        told.row = row;
    }
    if told.rev == 0 {
        return Err(Unreadable::Unannounced("rev"));
    }
    let several = told.events.len() > 1;
    for event in &mut told.events {
        event.id = match several {
            true => format!("{}@{}:{}", told.row, told.rev, event.kind),
            false => format!("{}@{}", told.row, told.rev),
        };
    }
    Ok(Some(told))
}

/// `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>`
fn source(names: &TableNames, record: &EventRecord) -> Option<Source> {
    let arn = record.event_source_arn.as_deref()?;
    names.source(arn.split('/').nth(1)?)
}

fn key_created(new: &KeyRow) -> Result<Revision, Unreadable> {
    let event = EventFacts {
        key_id: Some(new.facts.id),
        changes: Some(
            key_fields(new)
                .into_iter()
                .filter_map(|(field, value)| change(field, None, value))
                .collect(),
        ),
        ..by_stamp(new.facts.owner, EventType::KeyCreated, &new.changed)
    };
    Ok(told(new.facts.owner, new.rev, new.changed.at, vec![event]))
}

fn key_changed(old: &KeyRow, new: &KeyRow) -> Result<Revision, Unreadable> {
    follows(old.rev, new.rev)?;
    let owner = new.facts.owner;
    let mut events = Vec::new();
    for ((field, before), (_, after)) in key_fields(old).into_iter().zip(key_fields(new)) {
        events.extend(change(field, before, after).map(|change| {
            let kind = match field {
                "name" => EventType::KeyRenamed,
                "scopes" => EventType::KeyScopesChanged,
                "expiresAt" => EventType::KeyExpiryChanged,
                _ => EventType::KeyAllowlistChanged,
            };
            (kind, change)
        }));
    }
    if old.facts.state != new.facts.state {
        let kind = match new.facts.state {
            KeyState::Active => EventType::KeyResumed,
            KeyState::Suspended => EventType::KeySuspended,
            KeyState::Revoked => EventType::KeyRevoked,
        };
        let (before, after) = (json!(old.facts.state), json!(new.facts.state));
        events.extend(change("state", Some(before), Some(after)).map(|change| (kind, change)));
    }
    let suffixes = |row: &KeyRow| -> Vec<_> {
        let secrets = row.facts.secrets.iter();
        secrets.map(|secret| secret.suffix.clone()).collect()
    };
    // Which secret's end has moved, where the secrets themselves are the same.
    let mut moved = None;
    if suffixes(old) != suffixes(new) {
        let change = change("secrets", Some(secrets(old)), Some(secrets(new)));
        events.extend(change.map(|change| (EventType::KeyRotated, change)));
    } else {
        for (before, after) in old.facts.secrets.iter().zip(&new.facts.secrets) {
            let instant = |end: Option<Timestamp>| end.map(|at| json!(at));
            let (from, to) = (instant(before.valid_until), instant(after.valid_until));
            if let Some(change) = change("validUntil", from, to) {
                events.push((EventType::KeyOverlapChanged, change));
                moved = Some(after.suffix.clone());
            }
        }
    }
    if !events.is_empty() && old.facts.counted.version == new.facts.counted.version {
        return Err(Unreadable::Unannounced("version"));
    }
    let mut events: Vec<_> = events
        .into_iter()
        .map(|(kind, change)| EventFacts {
            key_id: Some(new.facts.id),
            secret_suffix: moved
                .clone()
                .filter(|_| kind == EventType::KeyOverlapChanged),
            changes: Some(vec![change]),
            ..by_stamp(owner, kind, &new.changed)
        })
        .collect();
    // No fact changes when the clock does it.
    let expired = new
        .expiry_told
        .filter(|_| old.expiry_told != new.expiry_told);
    events.extend(expired.map(|at| EventFacts {
        key_id: Some(new.facts.id),
        ..happened(at, owner, EventType::KeyExpired, Actor::system("clock"))
    }));
    let used = used(old.total, new.total, new.last_use.as_ref())?;
    events.extend(used.map(|last| EventFacts {
        key_id: Some(new.facts.id),
        ..authenticated(owner, Actor::key(new.facts.id), last)
    }));
    Ok(Revision {
        counted: used.map(|last| (last.at, new.facts.counted.nonce.0)),
        ..told(owner, new.rev, new.changed.at, events)
    })
}

/// Which secrets there are, by their suffixes.
fn secrets(row: &KeyRow) -> Value {
    let secrets = row
        .facts
        .secrets
        .iter()
        .map(|secret| match secret.valid_until {
            None => json!({ "suffix": secret.suffix }),
            Some(end) => json!({ "suffix": secret.suffix, "validUntil": end }),
        });
    secrets.collect()
}

/// In one order, so that two rows' can be compared one by one.
fn key_fields(row: &KeyRow) -> [(&'static str, Option<Value>); 4] {
    let fields = row.fields();
    [
        ("name", Some(json!(fields.name))),
        ("scopes", Some(json!(fields.scopes))),
        ("expiresAt", fields.expires_at.map(|at| json!(at))),
        ("allowedIPs", fields.allowed_ips.map(|ips| json!(ips))),
    ]
}

fn member_added(new: &MemberRow) -> Revision {
    let event = member_event(new, EventType::MemberAdded, None, Some(new));
    told(new.facts.owner, new.rev, new.changed.at, vec![event])
}

fn member_changed(old: &MemberRow, new: &MemberRow) -> Result<Revision, Unreadable> {
    follows(old.rev, new.rev)?;
    let owner = new.facts.owner;
    let mut events = Vec::new();
    match (old.facts.ended, new.facts.ended) {
        (false, true) => {
            events.push(member_event(new, EventType::MemberRemoved, Some(old), None));
        }
        (true, false) => events.push(member_event(new, EventType::MemberAdded, None, Some(new))),
        (false, false) if old.facts.role != new.facts.role => {
            let kind = EventType::MemberRoleChanged;
            events.push(member_event(new, kind, Some(old), Some(new)));
        }
        (false, false) | (true, true) => {}
    }
    if !events.is_empty() && old.facts.counted.version == new.facts.counted.version {
        return Err(Unreadable::Unannounced("version"));
    }
    let used = used(old.total, new.total, new.last_use.as_ref())?;
    events.extend(used.map(|last| authenticated(owner, user(&new.facts.person), last)));
    Ok(Revision {
        counted: used.map(|last| (last.at, new.facts.counted.nonce.0)),
        ..told(owner, new.rev, new.changed.at, events)
    })
}

/// The role before and after, and whose it is.
fn member_event(
    row: &MemberRow,
    kind: EventType,
    before: Option<&MemberRow>,
    after: Option<&MemberRow>,
) -> EventFacts {
    let role = |row: &MemberRow| json!(row.facts.role.as_str());
    EventFacts {
        changes: Some(vec![
            person(row),
            Change {
                field: "role".to_owned(),
                before: before.map(role),
                after: after.map(role),
            },
        ]),
        ..by_stamp(row.facts.owner, kind, &row.changed)
    }
}

/// Which person a member's event is about.
fn person(row: &MemberRow) -> Change {
    Change {
        field: "person".to_owned(),
        before: None,
        after: Some(json!(row.facts.person)),
    }
}

fn person_counted(rev: u64, total: u64, new: &PersonRow) -> Result<Revision, Unreadable> {
    follows(rev, new.rev)?;
    let used = used(total, new.total, new.last_use.as_ref())?;
    // Nothing but requests changes such a row.
    let last = used.ok_or(Unreadable::Unannounced("total"))?;
    let event = authenticated(Owner::System, user(&new.person), last);
    Ok(Revision {
        counted: Some((last.at, new.counted.nonce.0)),
        ..told(Owner::System, new.rev, last.at, vec![event])
    })
}

/// One row tells in many chains, so its revisions have no order in any of them: each is a row of its own, named by its write's stamp.
/// A write that was applied twice, because its answer was lost, is so told once.
fn administrator_changed(
    old: Option<&AdministratorRow>,
    new: &AdministratorRow,
) -> Result<Revision, Unreadable> {
    follows(old.map_or(0, |old| old.rev), new.rev)?;
    let (was, is) = (old.is_some_and(|old| !old.facts.ended), !new.facts.ended);
    if was != is {
        if old.is_some_and(|old| old.facts.counted.version == new.facts.counted.version) {
            return Err(Unreadable::Unannounced("version"));
        }
        let role = |there: bool| there.then(|| json!("ADMINISTRATOR"));
        let kind = match is {
            true => EventType::MemberAdded,
            false => EventType::MemberRemoved,
        };
        let changes = [
            change("person", None, Some(json!(new.facts.person))),
            change("role", role(was), role(is)),
        ];
        let event = EventFacts {
            changes: Some(changes.into_iter().flatten().collect()),
            ..by_stamp(Owner::System, kind, &new.changed)
        };
        let row = of_stamp(new, new.changed.nonce);
        return Ok(Revision {
            row,
            ..told(Owner::System, 1, new.changed.at, vec![event])
        });
    }
    let used = used(
        old.map_or(0, |old| old.total),
        new.total,
        new.last_use.as_ref(),
    )?;
    let last = used.ok_or(Unreadable::Unannounced("total"))?;
    let owner = match (last.company, last.partner) {
        (Some(company), _) => Owner::Company(company),
        (None, Some(partner)) => Owner::Partner(partner),
        (None, None) => Owner::System,
    };
    let actor = Actor {
        kind: ActorKind::Admin,
        id: new.facts.person.to_string(),
    };
    let event = EventFacts {
        kind: EventType::AdminAccessed,
        reason: last.reason.clone(),
        ..authenticated(owner, actor, last)
    };
    Ok(Revision {
        row: of_stamp(new, new.facts.counted.nonce.0),
        ..told(owner, 1, last.at, vec![event])
    })
}

fn of_stamp(row: &AdministratorRow, stamp: [u8; 16]) -> String {
    format!("ADMIN#{}/{}", row.facts.person, model::hex(&stamp))
}

/// Both sides hear of it, each of its own row.
fn grant_changed(
    owner: Owner,
    old: Option<&GrantRow>,
    new: &GrantRow,
) -> Result<Revision, Unreadable> {
    follows(old.map_or(0, |old| old.rev), new.rev)?;
    let before = old.map(|old| old.state);
    let kind = match (before, new.state) {
        // What ended begins anew, as another grant.
        (None | Some(GrantState::Ended), GrantState::Active) => EventType::GrantCreated,
        (_, GrantState::Active) => EventType::GrantResumed,
        (_, GrantState::Suspended) => EventType::GrantSuspended,
        (_, GrantState::Ended) => EventType::GrantEnded,
    };
    if old.is_some_and(|old| old.version == new.version) {
        return Err(Unreadable::Unannounced("version"));
    }
    if before == Some(new.state) {
        return Ok(told(owner, new.rev, new.changed.at, vec![]));
    }
    let field = |field: &str, before: Option<Value>, after: Value| Change {
        field: field.to_owned(),
        before,
        after: Some(after),
    };
    let mut changes = vec![
        field("partnerId", None, json!(new.partner)),
        field("companyId", None, json!(new.company)),
        field("status", before.map(|state| json!(state)), json!(new.state)),
    ];
    if kind == EventType::GrantCreated {
        changes.push(field("scopes", None, json!(new.scopes)));
    }
    let event = EventFacts {
        company_id: Some(new.company),
        changes: Some(changes),
        ..by_stamp(owner, kind, &new.changed)
    };
    Ok(told(owner, new.rev, new.changed.at, vec![event]))
}

/// Whom it invites is named as a field alone: an event outlives the invitation by years.
fn invitation_changed(
    old: Option<&InvitationRow>,
    new: &InvitationRow,
) -> Result<Revision, Unreadable> {
    follows(old.map_or(0, |old| old.rev), new.rev)?;
    if old.is_some_and(|old| old.version == new.version) {
        return Err(Unreadable::Unannounced("version"));
    }
    let role = |row: &InvitationRow| json!(row.role.as_str());
    let kind = match (old, new.state) {
        (None, _) => EventType::InvitationCreated,
        (_, InvitationState::Open) => EventType::InvitationRoleChanged,
        (_, InvitationState::Accepted) => EventType::InvitationAccepted,
        (_, InvitationState::Withdrawn) => EventType::InvitationWithdrawn,
    };
    let named = |field: &str, before: Option<Value>, after: Option<Value>| Change {
        field: field.to_owned(),
        before,
        after,
    };
    let mut changes = vec![named("invitationId", None, Some(json!(new.id)))];
    match old {
        None => {
            changes.push(named("email", None, None));
            changes.push(named("role", None, Some(role(new))));
        }
        Some(old) => changes.extend(change("role", Some(role(old)), Some(role(new)))),
    }
    let event = EventFacts {
        changes: Some(changes),
        ..by_stamp(new.owner, kind, &new.changed)
    };
    Ok(told(new.owner, new.rev, new.changed.at, vec![event]))
}

/// Whom they are mailed to is named as a field alone: addresses are people's.
fn alert_settings_changed(
    old: Option<&StoredAlertSettings>,
    new: &StoredAlertSettings,
) -> Result<Revision, Unreadable> {
    follows(old.map_or(0, |old| old.version), new.version)?;
    let stamp = new.changed.as_ref();
    let stamp = stamp.ok_or(Unreadable::Row(StoreError::Corrupt("changed")))?;
    let nothing = AlertSettingsFields::default();
    let (before, after) = (old.map_or(&nothing, |old| &old.fields), &new.fields);
    let disabled = change(
        "disabled",
        Some(json!(before.disabled)),
        Some(json!(after.disabled)),
    );
    let volume_factor = change(
        "volumeFactor",
        Some(json!(before.volume_factor())),
        Some(json!(after.volume_factor())),
    );
    let recipients = (before.recipients != after.recipients).then(|| Change {
        field: "recipients".to_owned(),
        before: None,
        after: None,
    });
    let changes: Vec<_> = [disabled, recipients, volume_factor]
        .into_iter()
        .flatten()
        .collect();
    let event = (!changes.is_empty()).then(|| EventFacts {
        changes: Some(changes),
        ..by_stamp(new.owner, EventType::CompanyAlertSettingsChanged, stamp)
    });
    let events = event.into_iter().collect();
    Ok(told(new.owner, new.version, stamp.at, events))
}

fn object_created(new: &ObjectRow) -> Revision {
    let kind = match new.entity {
        // Whose it is says the owner: a partner's chain tells of no company but the partner itself.
        Entity::Company | Entity::Partner => EventType::CompanyCreated,
        Entity::Job => EventType::JobCreated,
        Entity::Candidate => EventType::CandidateCreated,
        Entity::Agent => EventType::AgentCreated,
        Entity::Interview => EventType::InterviewCreated,
    };
    let event = object_event(&Map::new(), new, kind);
    told(new.owner, new.rev, new.changed.at, vec![event])
}

fn object_changed(old: &ObjectRow, new: &ObjectRow) -> Result<Revision, Unreadable> {
    follows(old.rev, new.rev)?;
    // Counters of what refers to the object, and what the system tidies up after an event of its own, are no change of the object.
    if old.changed == new.changed {
        return Ok(told(new.owner, new.rev, new.changed.at, vec![]));
    }
    let kind = match (new.entity, new.deleted) {
        (Entity::Company | Entity::Partner, _) => EventType::CompanyUpdated,
        (Entity::Job, false) => EventType::JobUpdated,
        (Entity::Job, true) => EventType::JobDeleted,
        (Entity::Candidate, _) if new.erased => EventType::CandidateErased,
        (Entity::Candidate, false) => EventType::CandidateUpdated,
        (Entity::Candidate, true) => EventType::CandidateDeleted,
        (Entity::Agent, false) => EventType::AgentUpdated,
        (Entity::Agent, true) => EventType::AgentDeleted,
        (Entity::Interview, _) => EventType::InterviewUpdated,
    };
    let event = object_event(&old.fields, new, kind);
    let nothing = event.changes.is_none() && old.deleted == new.deleted && old.erased == new.erased;
    // An update may rewrite what was there.
    let events = if nothing { vec![] } else { vec![event] };
    Ok(told(new.owner, new.rev, new.changed.at, events))
}

fn object_event(before: &Map<String, Value>, new: &ObjectRow, kind: EventType) -> EventFacts {
    // A person's data never stands in an event.
    let personal = matches!(new.entity, Entity::Candidate | Entity::Interview);
    let mut fields: Vec<_> = before.keys().chain(new.fields.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    let changes: Vec<_> = fields
        .into_iter()
        .filter_map(|field| {
            let (before, after) = (before.get(field), new.fields.get(field));
            let change = change(field, before.cloned(), after.cloned())?;
            Some(match personal {
                true => Change {
                    before: None,
                    after: None,
                    ..change
                },
                false => change,
            })
        })
        .collect();
    EventFacts {
        changes: (!changes.is_empty()).then_some(changes),
        ..by_stamp(new.owner, kind, &new.changed)
    }
}

/// `None` for a refusal whose window has an event already.
fn denied(kind: DenialKind, row: &DenialRow) -> Option<Revision> {
    let denial = &row.denial;
    let event_type = match (kind, denial.reason) {
        (DenialKind::Single, Reason::RateLimit) => return None,
        (DenialKind::RateLimit, _) | (_, Reason::RateLimit) => EventType::RateLimitExceeded,
        (
            _,
            Reason::WrongSecret
            | Reason::Suspended
            | Reason::Revoked
            | Reason::Expired
            | Reason::Address,
        ) => EventType::AuthenticationFailed,
        (
            _,
            Reason::Scope
            | Reason::Role
            | Reason::CredentialKind
            | Reason::CompanyMissing
            | Reason::Company
            | Reason::Grant
            | Reason::StaleSignIn,
        ) => EventType::AuthorizationDenied,
    };
    let event = EventFacts {
        outcome: Outcome::Refused,
        key_id: denial.key_id,
        secret_suffix: denial.secret_suffix.clone(),
        company_id: denial.company_id,
        source_ip: Some(denial.source_ip.clone()),
        user_agent: row.user_agent.clone(),
        request_id: Some(denial.request_id.clone()),
        operation: Some(denial.operation.clone()),
        reason: Some(denial.reason.to_string()),
        count: denial.count,
        suppressed: (kind == DenialKind::Suppressed).then_some(true),
        ..happened(denial.at, row.owner, event_type, row.actor.clone())
    };
    Some(told(row.owner, 1, denial.at, vec![event]))
}

/// The request that this write counted.
fn used(before: u64, after: u64, last: Option<&LastUse>) -> Result<Option<&LastUse>, Unreadable> {
    if before == after {
        return Ok(None);
    }
    last.map(Some)
        .ok_or(Unreadable::Row(StoreError::Corrupt("last")))
}

/// Each write raises `rev` by one; what doesn't is no write of ours, and its `rev` would be taken for one that was seen.
fn follows(before: u64, after: u64) -> Result<(), Unreadable> {
    if before.checked_add(1) != Some(after) {
        return Err(Unreadable::Unannounced("rev"));
    }
    Ok(())
}

fn change(field: &str, before: Option<Value>, after: Option<Value>) -> Option<Change> {
    (before != after).then(|| Change {
        field: field.to_owned(),
        before: before.map(hashable),
        after: after.map(hashable),
    })
}

/// Numbers that JSON's readers don't agree on are written as text, or the event's hash would depend on who computes it.
fn hashable(value: Value) -> Value {
    const SAFE: i64 = (1 << 53) - 1;
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (-SAFE..=SAFE).contains(&integer) => Value::Number(number),
            _ => Value::String(number.to_string()),
        },
        Value::Array(values) => values.into_iter().map(hashable).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name, hashable(value)))
            .collect(),
        other => other,
    }
}

fn authenticated(owner: Owner, actor: Actor, last: &LastUse) -> EventFacts {
    EventFacts {
        secret_suffix: last.secret_suffix.clone(),
        company_id: last.company,
        source_ip: Some(last.source_ip.clone()),
        user_agent: last.user_agent.clone(),
        request_id: Some(last.request_id.clone()),
        operation: Some(last.operation.clone()),
        ..happened(last.at, owner, EventType::AuthenticationSucceeded, actor)
    }
}

fn by_stamp(owner: Owner, kind: EventType, stamp: &Stamp) -> EventFacts {
    let Stamp {
        actor,
        at,
        source_ip,
        request_id,
        operation,
        reason,
        nonce: _,
    } = stamp.clone();
    EventFacts {
        // So that `keyId` also finds what a key did.
        key_id: (actor.kind == ActorKind::Key)
            .then(|| actor.id.parse().ok())
            .flatten(),
        company_id: owner.company(),
        source_ip,
        request_id,
        operation: Some(operation),
        reason,
        ..happened(at, owner, kind, actor)
    }
}

fn happened(at: Timestamp, owner: Owner, kind: EventType, actor: Actor) -> EventFacts {
    EventFacts {
        id: String::new(),
        at,
        owner,
        kind,
        outcome: Outcome::Success,
        actor,
        key_id: None,
        secret_suffix: None,
        company_id: owner.company(),
        source_ip: None,
        user_agent: None,
        request_id: None,
        operation: None,
        reason: None,
        count: None,
        suppressed: None,
        changes: None,
    }
}

fn user(person: &model::PersonId) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: person.to_string(),
    }
}

/// Named by the caller.
fn told(owner: Owner, rev: u64, at: Timestamp, events: Vec<EventFacts>) -> Revision {
    Revision {
        owner,
        row: String::new(),
        rev,
        at,
        counted: None,
        events,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_next_revision_follows() {
        assert!(follows(1, 2).is_ok());
        for (before, after) in [(1, 1), (1, 3), (2, 1), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
            assert!(follows(before, after).is_err(), "{before} {after}");
        }
    }
}
