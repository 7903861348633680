//! After `keys` was restored to an earlier time: what the chains tell of its rows since is done to them again, so that no revoked key, no member who left and no former administrator comes back to life.
//!
//! A chain knows no secret: one that was made since is lost, and its key is named, so that somebody rotates it.
//! To be run before the restored table has a stream, and after the old one's was consumed to its end: a row goes on at the revision up to which its chain was written.

#[cfg(test)]
mod tests;

use auth::{Counted, MemberFacts, SecretFacts};
use aws_sdk_dynamodb::types::Put;
use model::{
    Actor, ApiKeyFields, EventFacts, EventType, Future, KeyId, KeyKind, KeyState, Owner, PersonId,
    Plan, RateLimit, Timestamp,
};
use routes::Role;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    AdministratorRow, KeyRow, MemberRow, NewKey, OwnerStore, PersonRow, SecretUse, Stamp,
    StoreError, Table,
    item::{Item, n},
    transact::{Transaction, built},
};

/// What was done to one owner's rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Keys whose rows were behind their chain.
    pub keys: Vec<ReplayedKey>,
    /// People whose rows were: members, administrators, and whoever asked outside of any company.
    pub people: Vec<PersonId>,
    /// Keys whose newest secret nobody has: whoever uses that one is refused until the key is rotated. Each call names them, whichever brought the key up.
    pub to_rotate: Vec<KeyId>,
    /// Keys that no event says the making of: they stay unknown, and refused.
    pub lost: Vec<KeyId>,
    /// Members without an address, because no invitation tells it any more: mail doesn't reach them. Each call names them.
    pub unreachable: Vec<PersonId>,
    /// Rows of whose changes not all is known, because their record was never read, named by the call that brings them up. Such a key is suspended.
    pub doubtful: Vec<NamedRow>,
    /// Rows that are what the backup knew, because they can't be read or written.
    pub failed: Vec<NamedRow>,
}

/// A row that somebody must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRow {
    /// As `key Ab3dEf7h`.
    pub row: String,
    pub why: String,
}

/// One key that was brought up to its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayedKey {
    pub id: KeyId,
    pub state: KeyState,
}

/// What a chain has told.
#[derive(Default)]
struct Told {
    keys: BTreeMap<KeyId, Behind<KeyRow>>,
    members: BTreeMap<PersonId, Behind<MemberRow>>,
    visitors: BTreeMap<PersonId, Behind<PersonRow>>,
    administrators: BTreeMap<PersonId, Behind<AdministratorRow>>,
}

/// One owner's turn.
struct Run<Random> {
    store: OwnerStore,
    now: Timestamp,
    random: Random,
    replayed: Replayed,
}

/// What a chain has told of one row since the revision that was restored.
#[derive(Debug)]
struct Behind<Row> {
    row: Option<Row>,
    /// The row is there, and can't be read.
    unreadable: Option<StoreError>,
    /// With their revisions: what was read late stands late in the chain.
    events: Vec<(u64, EventFacts)>,
    /// Requests that were counted.
    counted: u64,
    /// Those of them that tell with which secret, by its suffix.
    uses: BTreeMap<String, SecretUse>,
    /// The revision that made the newest secret of which the chain tells, and when; also one that the row knows.
    newest_secret: Option<(u64, Timestamp)>,
}

impl Table {
    /// Brings the owner's rows in `keys` up to its chain; twice is once. A row that can't be is named, and keeps no other back.
    ///
    /// `random`: new for each call.
    ///
    /// # Errors
    /// The chain can't be read. Another call goes on with what was not done.
    pub async fn replay(
        &self,
        owner: Owner,
        now: Timestamp,
        random: impl Fn() -> [u8; 16],
    ) -> Result<Replayed, StoreError> {
        let store = OwnerStore::new(self.clone(), owner);
        let limits = self.limits_of(&store).await?;
        let Told {
            keys,
            members,
            visitors,
            administrators,
        } = self.told(owner).await?;
        let mut run = Run {
            store,
            now,
            random,
            replayed: Replayed::default(),
        };
        for (id, behind) in keys {
            let done = run.key(id, behind, limits).await;
            run.note(format!("key {id}"), done);
        }
        for (person, behind) in members {
            let done = run.member(&person, behind).await;
            run.note(format!("member {person}"), done);
        }
        for (person, behind) in visitors {
            let done = run.visitor(&person, behind).await;
            run.note(format!("person {person}"), done);
        }
        for (person, behind) in administrators {
            let done = run.administrator(&person, behind).await;
            run.note(format!("administrator {person}"), done);
        }
        Ok(run.replayed)
    }

    /// What the owner's chain tells of each row since it was restored. Most of a chain are requests, which are only counted.
    async fn told(&self, owner: Owner) -> Result<Told, StoreError> {
        let mut told = Told::default();
        self.each_event(owner, async |event| {
            let (seq, facts) = (event.seq, event.facts);
            match subject(&facts) {
                Some(Subject::Key(id, rev)) => {
                    let find = async |id: &KeyId| self.find_key(*id).await;
                    let behind = Behind::met(&mut told.keys, id, find).await;
                    behind.hear(rev, facts, |row| row.rev < rev);
                }
                Some(Subject::Member(person, rev)) => {
                    let find = async |person: &PersonId| self.find_member(person, owner).await;
                    let behind = Behind::met(&mut told.members, person, find).await;
                    behind.hear(rev, facts, |row| row.rev < rev);
                }
                Some(Subject::Visitor(person, rev)) => {
                    let find = async |person: &PersonId| self.find_person(person).await;
                    let behind = Behind::met(&mut told.visitors, person, find).await;
                    behind.hear(rev, facts, |row| row.rev < rev);
                }
                Some(Subject::Administrator(person)) => {
                    let find = async |person: &PersonId| self.find_administrator(person).await;
                    let behind = Behind::met(&mut told.administrators, person, find).await;
                    behind.hear(seq, facts, |_| true);
                }
                None => {}
            }
            Ok(())
        })
        .await?;
        Ok(told)
    }

    /// Of the keys that the owner makes; an ATS key's own can't be known.
    async fn limits_of(&self, store: &OwnerStore) -> Result<RateLimit, StoreError> {
        let Some(row) = self.find(&self.names.records, store.key("COMPANY")).await? else {
            return Ok(Plan::Scale.rate_limit());
        };
        crate::limits::read_limits(&row)
    }
}

impl<Random: Fn() -> [u8; 16]> Run<Random> {
    fn note(&mut self, row: String, done: Result<(), StoreError>) {
        if let Err(error) = done {
            let why = error.to_string();
            self.replayed.failed.push(NamedRow { row, why });
        }
    }

    async fn key(
        &mut self,
        id: KeyId,
        behind: Behind<KeyRow>,
        limits: RateLimit,
    ) -> Result<(), StoreError> {
        let behind = behind.readable()?;
        let from = behind.row.as_ref().map(|row| row.rev);
        let name = format!("KEY#{id}");
        let (rev, missing) = self.store.table.taken_in(&name, from.unwrap_or(0)).await?;
        let newest_secret = behind.newest_secret;
        let row = match behind.row {
            Some(row) if row.rev >= rev => row,
            _ => {
                let owner = self.store.owner();
                let Some(mut row) = behind.brought_up(id, owner, limits, rev, self.now)? else {
                    self.replayed.lost.push(id);
                    return Ok(());
                };
                // It may have been narrowed by what nobody knows.
                if missing.is_some() && row.facts.state == KeyState::Active {
                    row.facts.state = KeyState::Suspended;
                }
                self.put_again(from, row.item()).await?;
                self.doubt(format!("key {id}"), missing);
                let state = row.facts.state;
                self.replayed.keys.push(ReplayedKey { id, state });
                row
            }
        };
        if newest_secret.is_some_and(|(_, made)| row.lacks_secret_of(made)) {
            self.replayed.to_rotate.push(id);
        }
        Ok(())
    }

    async fn member(
        &mut self,
        person: &PersonId,
        behind: Behind<MemberRow>,
    ) -> Result<(), StoreError> {
        let behind = behind.readable()?;
        let owner = self.store.owner();
        let from = behind.row.as_ref().map(|row| row.rev);
        let name = format!("MEMBER#{person}/{owner}");
        let (rev, missing) = self.store.table.taken_in(&name, from.unwrap_or(0)).await?;
        let row = match behind.row {
            Some(row) if row.rev >= rev => row,
            _ => {
                // Who joined since has an address only in the invitation.
                let email = self.store.accepted_by(person).await?.unwrap_or_default();
                let row = behind.brought_up(person, owner, email, rev, self.now)?;
                let Some(row) = row else {
                    return Ok(());
                };
                self.put_again(from, row.whole()).await?;
                self.doubt(format!("member {person}"), missing);
                self.replayed.people.push(person.clone());
                row
            }
        };
        if row.email.is_empty() && !row.facts.ended {
            self.replayed.unreachable.push(person.clone());
        }
        Ok(())
    }

    async fn visitor(
        &mut self,
        person: &PersonId,
        behind: Behind<PersonRow>,
    ) -> Result<(), StoreError> {
        let behind = behind.readable()?;
        let from = behind.row.as_ref().map(|row| row.rev);
        let name = format!("PERSON#{person}");
        // Such a row holds no facts that could be missing.
        let (rev, _) = self.store.table.taken_in(&name, from.unwrap_or(0)).await?;
        if from.is_none_or(|from| from < rev) {
            let row = behind.brought_up(person, rev);
            self.put_again(from, row.item()).await?;
            self.replayed.people.push(person.clone());
        }
        Ok(())
    }

    /// No new one is made: whoever runs the stack is at hand.
    async fn administrator(
        &mut self,
        person: &PersonId,
        behind: Behind<AdministratorRow>,
    ) -> Result<(), StoreError> {
        let behind = behind.readable()?;
        let has_ended = behind.says_ended();
        if let Some(row) = behind.row
            && has_ended
            && !row.facts.ended
        {
            let stamp = stamp(self.now, (self.random)());
            self.store.table.end_administrator(&row, &stamp).await?;
            self.replayed.people.push(person.clone());
        }
        Ok(())
    }

    fn doubt(&mut self, row: String, missing: Option<String>) {
        self.replayed
            .doubtful
            .extend(missing.map(|missing| NamedRow {
                row,
                why: format!("no record has told of its revisions {missing}"),
            }));
    }

    /// Replaces the row that was restored at this revision, or puts one where there is none.
    async fn put_again(&self, from: Option<u64>, row: Item) -> Result<(), StoreError> {
        let table = &self.store.table;
        let put = Put::builder()
            .table_name(&table.names.keys)
            .set_item(Some(row));
        let put = match from {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(from) => put
                .condition_expression("#rev = :from")
                .expression_attribute_names("#rev", "rev")
                .expression_attribute_values(":from", n(from)),
        };
        let mut transaction = Transaction::default();
        transaction.put(put.build().map_err(built)?);
        let put = transaction.commit(table, (self.random)()).await?;
        put.map_err(|_| StoreError::Conflict)
    }
}

/// The row that an event is about.
enum Subject {
    Key(KeyId, u64),
    Member(PersonId, u64),
    /// A person outside of any company.
    Visitor(PersonId, u64),
    Administrator(PersonId),
}

/// From the event's id, `<row>@<rev>` or `<row>@<rev>:<type>`.
fn subject(facts: &EventFacts) -> Option<Subject> {
    let (row, rev) = facts.id.rsplit_once('@')?;
    let rev = rev.split(':').next()?.parse().ok()?;
    match row.split_once('#')? {
        ("KEY", id) => Some(Subject::Key(id.parse().ok()?, rev)),
        ("MEMBER", name) => {
            let (person, _) = name.split_once('/')?;
            Some(Subject::Member(person.parse().ok()?, rev))
        }
        ("PERSON", person) => Some(Subject::Visitor(person.parse().ok()?, rev)),
        ("ADMIN", name) if facts.kind != EventType::AdminAccessed => {
            let (person, _) = name.split_once('/')?;
            Some(Subject::Administrator(person.parse().ok()?))
        }
        _ => None,
    }
}

fn stamp(at: Timestamp, nonce: [u8; 16]) -> Stamp {
    Stamp {
        actor: Actor::system("replay"),
        at,
        source_ip: None,
        request_id: None,
        operation: "Replay".to_owned(),
        reason: None,
        nonce,
    }
}

/// What the event says that a field became.
fn after<T: DeserializeOwned>(facts: &EventFacts, field: &str) -> Result<Option<T>, StoreError> {
    let changes = facts.changes.iter().flatten();
    let mut changes = changes.filter(|change| change.field == field);
    let Some(value) = changes.next().and_then(|change| change.after.clone()) else {
        return Ok(None);
    };
    let read = serde_json::from_value(value);
    read.map(Some).map_err(|_| StoreError::Corrupt("changes"))
}

impl<Row> Behind<Row> {
    /// What was heard of the row so far; at first it is looked up.
    async fn met<K: Ord>(
        all: &mut BTreeMap<K, Behind<Row>>,
        key: K,
        find: impl AsyncFnOnce(&K) -> Result<Option<Row>, StoreError>,
    ) -> &mut Behind<Row> {
        match all.entry(key) {
            Entry::Occupied(met) => met.into_mut(),
            Entry::Vacant(new) => {
                let found = find(new.key()).await;
                new.insert(Behind::of(found))
            }
        }
    }

    fn of(found: Result<Option<Row>, StoreError>) -> Behind<Row> {
        let (row, unreadable) = match found {
            Ok(row) => (row, None),
            Err(error) => (None, Some(error)),
        };
        Behind {
            row,
            unreadable,
            events: Vec::new(),
            counted: 0,
            uses: BTreeMap::new(),
            newest_secret: None,
        }
    }

    /// # Errors
    /// The row is there, and can't be read.
    fn readable(mut self) -> Result<Behind<Row>, StoreError> {
        self.unreadable.take().map_or(Ok(self), Err)
    }

    fn hear(&mut self, rev: u64, facts: EventFacts, is_newer: impl FnOnce(&Row) -> bool) {
        let makes_secret = match facts.kind {
            // An ATS key is issued without one.
            EventType::KeyCreated => !matches!(facts.owner, Owner::Partner(_)),
            kind => kind == EventType::KeyRotated,
        };
        if makes_secret {
            self.newest_secret = self.newest_secret.max(Some((rev, facts.at)));
        }
        if !self.row.as_ref().is_none_or(is_newer) {
            return;
        }
        match facts.kind {
            EventType::AuthenticationSucceeded => {
                self.counted += 1;
                let new = SecretUse {
                    count: 1,
                    at: facts.at,
                    source_ip: facts.source_ip.and_then(|ip| ip.parse().ok()),
                };
                if let Some(suffix) = facts.secret_suffix {
                    add_use(&mut self.uses, suffix, new);
                }
            }
            _ => self.events.push((rev, facts)),
        }
    }
}

fn add_use(uses: &mut BTreeMap<String, SecretUse>, suffix: String, new: SecretUse) {
    let known = uses.entry(suffix);
    known
        .and_modify(|known| *known = known.and(new))
        .or_insert(new);
}

impl Behind<KeyRow> {
    /// The row as its chain says it was at `rev`, with those secrets that it knows; `None` where its making is not told.
    fn brought_up(
        self,
        id: KeyId,
        owner: Owner,
        limits: RateLimit,
        rev: u64,
        now: Timestamp,
    ) -> Result<Option<KeyRow>, StoreError> {
        let events = in_order(self.events);
        let row = match self.row {
            Some(row) => Some(row),
            None => made(id, owner, limits, &events)?,
        };
        let Some(mut row) = row else {
            return Ok(None);
        };
        let restored = row.clone();
        // No event of a key tells of its limits: the company's plan does.
        if row.facts.kind == KeyKind::Standard {
            row.facts.limits = limits;
        }
        let mut secrets: Option<Vec<ToldSecret>> = None;
        for event in &events {
            match event.kind {
                EventType::KeyRenamed => {
                    row.name = after(event, "name")?.ok_or(StoreError::Corrupt("changes"))?;
                }
                EventType::KeyScopesChanged => {
                    row.facts.scopes = after(event, "scopes")?.unwrap_or_default();
                }
                EventType::KeyAllowlistChanged => {
                    row.facts.allowed_ips = after(event, "allowedIPs")?
                }
                EventType::KeyExpiryChanged => row.facts.expires_at = after(event, "expiresAt")?,
                // Revoked is revoked.
                EventType::KeySuspended | EventType::KeyResumed
                    if row.facts.state == KeyState::Revoked => {}
                EventType::KeySuspended => row.facts.state = KeyState::Suspended,
                EventType::KeyResumed => row.facts.state = KeyState::Active,
                EventType::KeyExpired => row.expiry_told = Some(event.at),
                EventType::KeyRevoked => row.facts.state = KeyState::Revoked,
                EventType::KeyRotated => secrets = after(event, "secrets")?.or(secrets),
                EventType::KeyOverlapChanged => {
                    let until: Option<Timestamp> = after(event, "validUntil")?;
                    let known = row.facts.secrets.iter_mut();
                    known
                        .filter(|secret| Some(&secret.suffix) == event.secret_suffix.as_ref())
                        .for_each(|secret| secret.valid_until = until);
                    let told = secrets.iter_mut().flatten();
                    told.filter(|secret| Some(&secret.suffix) == event.secret_suffix.as_ref())
                        .for_each(|secret| secret.valid_until = until);
                }
                _ => {}
            }
        }
        if let Some(told) = secrets {
            let mut known = std::mem::take(&mut row.facts.secrets);
            for ToldSecret {
                suffix,
                valid_until,
            } in told
            {
                let place = known.iter().position(|secret| secret.suffix == suffix);
                row.facts.secrets.extend(place.map(|place| SecretFacts {
                    valid_until,
                    ..known.swap_remove(place)
                }));
            }
        }
        row.rev = rev;
        // No lower than that of any hint. The same one is harmless: whoever holds a hint speaks to the old table.
        row.facts.counted.version = rev;
        row.total += self.counted;
        let secrets = &row.facts.secrets;
        row.uses
            .retain(|suffix, _| secrets.iter().any(|secret| secret.suffix == *suffix));
        // Who rotates it asks whether a secret was ever used.
        for SecretFacts { suffix, .. } in &row.facts.secrets {
            if let Some(&new) = self.uses.get(suffix) {
                add_use(&mut row.uses, suffix.clone(), new);
            }
        }
        row.changed = stamp(now, row.changed.nonce);
        // As the last change left it: what fell due since is still to be told, and what was told is known by its notice.
        let last_change = events.last().map_or(now, |event| event.at);
        row.notice_at = restored.next_notice(row.dates(), last_change);
        Ok(Some(row))
    }
}

impl KeyRow {
    /// Whether the secret that was made at this instant is lost: the live key has neither it nor a newer one.
    fn lacks_secret_of(&self, made: Timestamp) -> bool {
        let mut secrets = self.facts.secrets.iter();
        self.facts.state != KeyState::Revoked && secrets.all(|secret| secret.created_at < made)
    }
}

fn in_order(mut events: Vec<(u64, EventFacts)>) -> Vec<EventFacts> {
    events.sort_by_key(|(rev, _)| *rev);
    events.into_iter().map(|(_, facts)| facts).collect()
}

/// One secret, as events name it.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldSecret {
    suffix: String,
    valid_until: Option<Timestamp>,
}

/// A key that the restored table doesn't know, without its secret.
fn made(
    id: KeyId,
    owner: Owner,
    limits: RateLimit,
    events: &[EventFacts],
) -> Result<Option<KeyRow>, StoreError> {
    let mut events = events.iter();
    let Some(event) = events.find(|event| event.kind == EventType::KeyCreated) else {
        return Ok(None);
    };
    let expires_at: Option<Timestamp> = after(event, "expiresAt")?;
    let new = NewKey {
        id,
        kind: match owner {
            Owner::Partner(_) => KeyKind::Ats,
            Owner::Company(_) | Owner::System => KeyKind::Standard,
        },
        fields: ApiKeyFields {
            name: after(event, "name")?.ok_or(StoreError::Corrupt("changes"))?,
            scopes: after(event, "scopes")?.unwrap_or_default(),
            expires_at: expires_at.map(Future::from),
            allowed_ips: after(event, "allowedIPs")?,
        },
        limits,
        secret: None,
        stamp: Stamp {
            actor: event.actor.clone(),
            ..stamp(event.at, [0; 16])
        },
    };
    Ok(Some(new.row(owner)))
}

impl Behind<MemberRow> {
    /// The row as its chain says it was at `rev`; `None` where nobody says that there ever was one.
    fn brought_up(
        self,
        person: &PersonId,
        owner: Owner,
        email: String,
        rev: u64,
        now: Timestamp,
    ) -> Result<Option<MemberRow>, StoreError> {
        let mut row = self.row;
        for event in &in_order(self.events) {
            let role: Option<Value> = after(event, "role")?;
            let role = role.as_ref().and_then(Value::as_str).and_then(Role::parse);
            match (event.kind, role) {
                (EventType::MemberAdded, Some(role)) => {
                    let row = row.get_or_insert_with(|| MemberRow {
                        facts: MemberFacts {
                            person: person.clone(),
                            owner,
                            role,
                            ended: false,
                            counted: Counted::default(),
                        },
                        email: email.clone(),
                        created_at: event.at,
                        rev,
                        total: 0,
                        last_use: None,
                        changed: stamp(event.at, [0; 16]),
                    });
                    row.facts.role = role;
                    // Who comes back has verified an address anew.
                    if row.facts.ended {
                        row.email.clone_from(&email);
                        row.created_at = event.at;
                    }
                    row.facts.ended = false;
                }
                (EventType::MemberRoleChanged, Some(role)) => {
                    row.iter_mut().for_each(|row| row.facts.role = role);
                }
                (EventType::MemberRemoved, _) => {
                    row.iter_mut().for_each(|row| row.facts.ended = true);
                }
                _ => {}
            }
        }
        Ok(row.map(|mut row| {
            row.rev = rev;
            row.facts.counted.version = rev;
            row.total += self.counted;
            row.changed = stamp(now, row.changed.nonce);
            row
        }))
    }
}

impl Behind<AdministratorRow> {
    /// Whether the person is no administrator any more. Operators' clocks give the events their times, and what was read late stands late in the chain: where time and chain don't agree, nobody is one.
    fn says_ended(&self) -> bool {
        let told = || self.events.iter();
        let (by_chain, by_time) = (
            told().max_by_key(|(seq, _)| *seq),
            told().max_by_key(|(_, event)| event.at),
        );
        let mut last = by_chain.into_iter().chain(by_time);
        last.any(|(_, event)| event.kind == EventType::MemberRemoved)
    }
}

impl Behind<PersonRow> {
    /// The row as it goes on at `rev`; it holds no facts. Of a lower revision the trail would believe that it was told of.
    fn brought_up(self, person: &PersonId, rev: u64) -> PersonRow {
        let before = self.row.map_or(0, |row| row.total);
        PersonRow {
            person: person.clone(),
            counted: Counted::default(),
            rev,
            total: before + self.counted,
            last_use: None,
        }
    }
}
