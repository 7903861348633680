//! Two companies on embedded tables, what they do, and what their chains must say of it.

use auth::{Commit, Heard, Nonce, StoredSecret, Unit, Window};
use aws_lambda_events::event::dynamodb::EventRecord;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use embedded::{Engine, Place, StreamRecord, Weather};
use model::{
    Actor, ActorKind, ApiKeyFields, Body, ChainHash, Change, CompanyFields, CompanyId, Denial,
    Event, EventType, JobFields, JobId, KeyId, KeyKind, KeyState, Owner, PartnerId, PersonId, Plan,
    Reason, Timestamp,
};
use routes::{Role, ScopeSet};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::SystemTime,
};
use store::{
    Chain, CompanyStore, DenialRow, Head, LastUse, Membership, NewAdministrator, NewCompany,
    NewKey, RateLimitRow, Stamp, Stored, Table, TableNames,
};

/// SplitMix64.
#[derive(Clone)]
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_be_bytes()[0])
    }
}

/// The seed of a test: from the environment, or this one; printed when the test fails.
pub(crate) fn seed(usual: u64) -> u64 {
    let seed = option_env!("SEED").and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(usual);
    #[expect(clippy::print_stdout, reason = "a failed run must be repeatable")]
    {
        println!("SEED={seed}");
    }
    seed
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) names: TableNames,
    /// In the seed's weather.
    pub(crate) table: Table,
    pub(crate) random: Seeded,
    millis: i64,
    pub(crate) companies: [CompanyId; 2],
    keys: Vec<(usize, KeyId)>,
    jobs: Vec<(usize, Stored<JobFields>)>,
    pub(crate) people: Vec<PersonId>,
    partner: PartnerId,
    /// What each row's events must be, in order: type, and the request's id where there is one.
    pub(crate) expected: BTreeMap<String, Vec<(EventType, Option<String>)>>,
}

pub(crate) const TITLE: &str = "Night nurse";

impl World {
    pub(crate) async fn new(seed: u64) -> World {
        let engine =
            Engine::open(Place::Temporary, Arc::new(|| SystemTime::UNIX_EPOCH)).expect("opens");
        let names = TableNames::with_prefix("test");
        for table in store::definitions(&names) {
            create_table(&engine, &table);
        }
        let mut random = Seeded(seed);
        let millis = 1_790_000_000_000;
        let at = Timestamp::from_millis(millis).expect("in range");
        let companies = [(); 2].map(|()| CompanyId::new(at, random.bytes()));
        let mut world = World {
            table: Table::new(engine.client(Weather::seeded(seed)), names.clone()),
            engine,
            names,
            random,
            millis,
            companies,
            keys: Vec::new(),
            jobs: Vec::new(),
            people: (0..3)
                .map(|n| PersonId::new("issuer", &n.to_string()))
                .collect(),
            partner: PartnerId::new(at, [9; 10]),
            expected: BTreeMap::new(),
        };
        for company in 0..2 {
            world.create_company(company).await;
            world.create_key(company).await;
            world.create_job(company).await;
        }
        world.change_administrator().await;
        world
    }

    /// Something that happens.
    pub(crate) async fn act(&mut self) {
        let company = self.random.below(2);
        match self.random.below(20) {
            0 => self.create_key(company).await,
            1..4 => self.change_key().await,
            4 => self.create_job(company).await,
            5..8 => self.change_job().await,
            8..10 => self.refuse(company).await,
            10 => self.change_member(company).await,
            11..13 => self.count_member(company).await,
            13 => self.count_person().await,
            14 => self.change_administrator().await,
            15..17 => self.count_administrator().await,
            _ => self.count_key().await,
        }
    }

    pub(crate) fn store(&self, company: usize) -> CompanyStore {
        let company = self.companies[company].to_string();
        let context: HashMap<_, _> = [
            ("verdict", "ok"),
            ("kind", "KEY"),
            ("keyId", "00000000"),
            ("keyKind", "STANDARD"),
            ("secretSuffix", "0000"),
            ("company", &company),
            ("scopes", ""),
            ("operation", "ListJobs"),
            ("limitMinute", "1"),
            ("remainingMinute", "1"),
            ("resetMinute", "1"),
            ("limitHour", "1"),
            ("remainingHour", "1"),
            ("resetHour", "1"),
        ]
        .into();
        let heard = Heard::read(|name| context.get(name).map(|text| (*text).to_owned()));
        match heard.expect("a whole context") {
            Heard::Accepted(principal) => self.table.company(&principal).expect("a company"),
            Heard::Verdict(verdict, _) => panic!("{verdict:?}"),
        }
    }

    fn expect(&mut self, row: impl Into<String>, event: EventType, request: Option<String>) {
        self.expected
            .entry(row.into())
            .or_default()
            .push((event, request));
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        self.millis += 1 + self.random.below(1_000) as i64;
        Timestamp::from_millis(self.millis).expect("in range")
    }

    pub(crate) fn stamp(&mut self) -> Stamp {
        Stamp {
            actor: Actor {
                kind: ActorKind::User,
                id: self.people[0].to_string(),
            },
            at: self.now(),
            source_ip: Some("192.0.2.7".to_owned()),
            request_id: Some(self.request_id()),
            operation: "Test".to_owned(),
            reason: None,
            nonce: self.random.bytes(),
        }
    }

    fn request_id(&mut self) -> String {
        format!("r{:016x}", self.random.next())
    }

    async fn create_company(&mut self, company: usize) {
        let id = self.companies[company];
        let stamp = self.stamp();
        let new = NewCompany {
            id,
            fields: CompanyFields::read(json!({ "name": "Clinic" }), stamp.at).expect("valid"),
            plan: Plan::Scale,
            rate_limit: None,
            key_limit: None,
            minutes_per_month: None,
        };
        // Who comes and goes; an only OWNER would have to stay.
        let member = self.membership(company, Role::Admin);
        self.expect(
            format!("COMPANY#{id}/COMPANY"),
            EventType::CompanyCreated,
            stamp.request_id.clone(),
        );
        self.expect(
            member_row(&member),
            EventType::MemberAdded,
            stamp.request_id.clone(),
        );
        self.table
            .create_company(&new, &[member], &stamp)
            .await
            .expect("founded");
    }

    fn membership(&self, company: usize, role: Role) -> Membership {
        Membership {
            person: self.people[company].clone(),
            owner: Owner::Company(self.companies[company]),
            role,
            email: "a@example.com".to_owned(),
        }
    }

    pub(crate) async fn create_key(&mut self, company: usize) {
        let id = KeyId::new(self.random.bytes());
        let new = NewKey {
            id,
            kind: KeyKind::Standard,
            fields: fields(json!({ "name": "CI", "scopes": ["read:jobs"] })),
            limits: Plan::Scale.rate_limit(),
            secret: Some((
                StoredSecret {
                    hmac: [7; 32],
                    generation: 1,
                },
                "abcd".to_owned(),
            )),
            stamp: self.stamp(),
        };
        self.expect(
            format!("KEY#{id}"),
            EventType::KeyCreated,
            new.stamp.request_id.clone(),
        );
        self.store(company)
            .create_key(&new, 1_000, None)
            .await
            .expect("created");
        self.keys.push((company, id));
    }

    async fn change_key(&mut self) {
        let (company, id) = self.keys[self.random.below(self.keys.len())];
        let store = self.store(company);
        let row = store.get_key(id).await.expect("there");
        let stamp = self.stamp();
        let request = stamp.request_id.clone();
        let name = ["CI", "Build", "Nightly"][self.random.below(3)];
        let scopes = [json!(["read:jobs"]), json!(["read:jobs", "write:jobs"])];
        let scopes = &scopes[self.random.below(2)];
        let mut json = json!({ "name": name, "scopes": scopes });
        if self.random.below(2) == 0 {
            json["allowedIPs"] = json!(["192.0.2.0/24"]);
        }
        let state = [KeyState::Active, KeyState::Suspended][self.random.below(2)];
        let change = row.becoming(fields(json), state, stamp.at);
        let (before, after) = (row.fields(), &change.fields);
        let events = [
            (before.name != after.name, EventType::KeyRenamed),
            (before.scopes != after.scopes, EventType::KeyScopesChanged),
            (
                before.allowed_ips != after.allowed_ips,
                EventType::KeyAllowlistChanged,
            ),
            (
                row.facts.state != state && state == KeyState::Active,
                EventType::KeyResumed,
            ),
            (
                row.facts.state != state && state == KeyState::Suspended,
                EventType::KeySuspended,
            ),
        ];
        for (_, event) in events.into_iter().filter(|(changed, _)| *changed) {
            self.expect(format!("KEY#{id}"), event, request.clone());
        }
        store
            .update_key(id, &change, &stamp, None)
            .await
            .expect("changed");
    }

    pub(crate) async fn count_key(&mut self) {
        let key = self.keys[self.random.below(self.keys.len())];
        self.count(key).await;
    }

    pub(crate) async fn count(&mut self, (company, id): (usize, KeyId)) {
        let row = self.table.find_key(id).await.expect("read").expect("there");
        let commit = commit(Some(row.facts.counted.version));
        let (last, nonce) = (self.last_use(Some(self.companies[company])), self.nonce());
        self.expect(
            format!("KEY#{id}"),
            EventType::AuthenticationSucceeded,
            Some(last.request_id.clone()),
        );
        self.table
            .commit_key(id, &commit, nonce, &last)
            .await
            .expect("counted");
    }

    async fn count_member(&mut self, company: usize) {
        let owner = Owner::Company(self.companies[company]);
        let person = self.people[company].clone();
        let Some(row) = self.table.find_member(&person, owner).await.expect("read") else {
            return;
        };
        let commit = commit(Some(row.facts.counted.version));
        let (last, nonce) = (self.last_use(None), self.nonce());
        let name = format!("MEMBER#{person}/{owner}");
        self.expect(
            name,
            EventType::AuthenticationSucceeded,
            Some(last.request_id.clone()),
        );
        self.table
            .commit_member(&person, owner, &commit, nonce, &last)
            .await
            .expect("counted");
    }

    async fn count_person(&mut self) {
        let person = self.people[2].clone();
        let (last, nonce) = (self.last_use(None), self.nonce());
        self.expect(
            format!("PERSON#{person}"),
            EventType::AuthenticationSucceeded,
            Some(last.request_id.clone()),
        );
        self.table
            .commit_person(&person, &commit(None), nonce, &last)
            .await
            .expect("counted");
    }

    /// One row, whose requests stand in the chains of whomever they are about: in turn a company, a partner, nobody.
    async fn count_administrator(&mut self) {
        let person = self.people[2].clone();
        let row = self.table.find_administrator(&person).await;
        let row = row.expect("read").expect("there");
        let company = self.companies[0];
        let partner = self.partner;
        let (company, partner) = match self.random.below(3) {
            0 => (Some(company), None),
            1 => (None, Some(partner)),
            _ => (None, None),
        };
        let mut last = self.last_use(company);
        (last.partner, last.secret_suffix) = (partner, None);
        last.reason = Some("Ticket 4711".to_owned());
        let nonce = self.nonce();
        self.expect(
            format!("ADMIN#{person}/{}", model::hex(&nonce.0)),
            EventType::AdminAccessed,
            Some(last.request_id.clone()),
        );
        let commit = commit(Some(row.facts.counted.version));
        self.table
            .commit_administrator(&person, &commit, nonce, &last)
            .await
            .expect("counted");
    }

    async fn change_administrator(&mut self) {
        let person = self.people[2].clone();
        let stamp = self.stamp();
        let name = format!("ADMIN#{person}/{}", model::hex(&stamp.nonce));
        let row = self.table.find_administrator(&person).await.expect("read");
        match row.filter(|row| !row.facts.ended) {
            Some(row) => {
                self.expect(name, EventType::MemberRemoved, stamp.request_id.clone());
                let ended = self.table.end_administrator(&row, &stamp).await;
                ended.expect("removed");
            }
            None => {
                self.expect(name, EventType::MemberAdded, stamp.request_id.clone());
                let new = NewAdministrator {
                    person,
                    email: "a@example.com".to_owned(),
                };
                let made = self.table.create_administrator(&new, &stamp).await;
                made.expect("added");
            }
        }
    }

    async fn change_member(&mut self, company: usize) {
        let owner = Owner::Company(self.companies[company]);
        let person = self.people[company].clone();
        match self.table.find_member(&person, owner).await.expect("read") {
            Some(row) if !row.facts.ended => {
                let name = format!("MEMBER#{person}/{owner}");
                let stamp = self.stamp();
                self.expect(name, EventType::MemberRemoved, stamp.request_id.clone());
                self.table.end_member(&row, &stamp).await.expect("removed");
            }
            _ => {
                let member = self.membership(company, Role::Admin);
                let stamp = self.stamp();
                self.expect(
                    member_row(&member),
                    EventType::MemberAdded,
                    stamp.request_id.clone(),
                );
                self.table
                    .create_member(&member, &stamp)
                    .await
                    .expect("added");
            }
        }
    }

    async fn create_job(&mut self, company: usize) {
        let stamp = self.stamp();
        let id = JobId::new(stamp.at, self.random.bytes());
        let fields = job(json!({ "x": 0.1, "y": 18_446_744_073_709_551_615_u64 }));
        let job = Stored::new(id, fields, stamp.at);
        let row = format!("COMPANY#{}/JOB#{id}", self.companies[company]);
        self.expect(row, EventType::JobCreated, stamp.request_id.clone());
        self.store(company)
            .create(&job, &stamp, None)
            .await
            .expect("created");
        self.jobs.push((company, job));
    }

    async fn change_job(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let place = self.random.below(self.jobs.len());
        let (company, old) = self.jobs[place].clone();
        let stamp = self.stamp();
        let row = format!("COMPANY#{}/JOB#{}", self.companies[company], old.id);
        if self.random.below(4) == 0 {
            self.expect(row, EventType::JobDeleted, stamp.request_id.clone());
            self.store(company)
                .delete(&old, &stamp)
                .await
                .expect("deleted");
            self.jobs.swap_remove(place);
            return;
        }
        let fields = job(json!({ "n": self.random.below(3) }));
        let new = old.next(fields, stamp.at);
        if new.fields != old.fields {
            self.expect(row, EventType::JobUpdated, stamp.request_id.clone());
        }
        self.store(company)
            .update(&old, &new, &stamp)
            .await
            .expect("updated");
        self.jobs[place].1 = new;
    }

    async fn refuse(&mut self, company: usize) {
        let reason = Reason::ALL[self.random.below(Reason::ALL.len())];
        let row = self.denial(company, reason);
        let (owner, id) = (row.owner, row.denial.request_id.clone());
        let random: [u8; 8] = self.random.bytes();
        if reason == Reason::RateLimit {
            let limit = RateLimitRow {
                window: format!("m{}", self.millis),
                row,
            };
            let name = format!("DENIAL#{owner}/#RATE#00000000#{}", limit.window);
            self.expect(name, EventType::RateLimitExceeded, Some(id));
            self.table
                .create_rate_limit(&limit, random)
                .await
                .expect("kept");
            return;
        }
        let kind = match reason {
            Reason::WrongSecret
            | Reason::Suspended
            | Reason::Revoked
            | Reason::Expired
            | Reason::Address => EventType::AuthenticationFailed,
            _ => EventType::AuthorizationDenied,
        };
        let random_text = model::hex(&random);
        self.expect(format!("DENIAL#{owner}/{id}#{random_text}"), kind, Some(id));
        self.table.create_denial(&row, random).await.expect("kept");
    }

    pub(crate) fn denial(&mut self, company: usize, reason: Reason) -> DenialRow {
        let company = self.companies[company];
        DenialRow {
            owner: Owner::Company(company),
            actor: Actor::key("00000000".parse().expect("an id")),
            denial: Denial {
                request_id: self.request_id(),
                at: self.now(),
                status: 401,
                reason,
                message: "in words".to_owned(),
                operation: "ListJobs".to_owned(),
                source_ip: "192.0.2.9".to_owned(),
                key_id: None,
                secret_suffix: None,
                company_id: Some(company),
                suppressed: false,
                count: None,
            },
            user_agent: None,
            plain_request_digest: "plain".to_owned(),
        }
    }

    pub(crate) fn last_use(&mut self, company: Option<CompanyId>) -> LastUse {
        LastUse {
            at: self.now(),
            source_ip: "192.0.2.8".to_owned(),
            operation: "ListJobs".to_owned(),
            request_id: self.request_id(),
            company,
            partner: None,
            reason: None,
            secret_suffix: Some("abcd".to_owned()),
            user_agent: None,
        }
    }

    pub(crate) fn nonce(&mut self) -> Nonce {
        Nonce(self.random.bytes())
    }

    pub(crate) fn key(&self) -> (usize, KeyId) {
        self.keys[0]
    }

    pub(crate) fn keys_of(&self, company: usize) -> Vec<(usize, KeyId)> {
        let all = self.keys.iter().copied();
        all.filter(|(of, _)| *of == company).collect()
    }

    /// All records of the three streams, oldest first.
    pub(crate) fn records(&self) -> Vec<StreamRecord> {
        let names = &self.names;
        [&names.keys, &names.denials, &names.records]
            .into_iter()
            .flat_map(|table| {
                self.engine
                    .stream_records(table, None, usize::MAX)
                    .expect("a stream")
            })
            .collect()
    }

    /// Any owner's chain, past `store`: a principal reads but its own company's.
    pub(crate) fn chain(&self, owner: Owner) -> Chain {
        let mut query = json!({
            "TableName": self.names.audit,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": format!("CHAIN#{owner}") } },
        });
        let mut events: Vec<Event> = Vec::new();
        loop {
            let packs = self.dispatch("Query", query.clone());
            for pack in packs["Items"].as_array().expect("items") {
                let pack = pack["events"]["B"].as_str().expect("a pack");
                let pack = BASE64_STANDARD.decode(pack).expect("base64");
                let pack = miniz_oxide::inflate::decompress_to_vec_zlib(&pack).expect("zlib");
                events.extend(serde_json::from_slice::<Vec<Event>>(&pack).expect("events"));
            }
            match &packs["LastEvaluatedKey"] {
                Value::Null => break,
                last => query["ExclusiveStartKey"] = last.clone(),
            }
        }
        let head = self.dispatch(
            "GetItem",
            json!({
                "TableName": self.names.audit,
                "Key": { "pk": { "S": format!("HEAD#{owner}") }, "sk": { "S": "HEAD" } },
            }),
        );
        let part = |name: &str, kind: &str| head["Item"][name][kind].as_str();
        let head = Head {
            seq: part("seq", "N").map_or(0, |seq| seq.parse().expect("a number")),
            hash: part("hash", "S").map_or(ChainHash::genesis(owner), |hash| {
                hash.parse().expect("a hash")
            }),
        };
        Chain {
            owner,
            events,
            head,
        }
    }

    /// A row of the keys' table, as the stream shows it.
    pub(crate) fn row(&self, pk: &str) -> Value {
        let found = self.dispatch(
            "Query",
            json!({
                "TableName": self.names.keys,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": { ":pk": { "S": pk } },
            }),
        );
        found["Items"][0].clone()
    }

    pub(crate) fn put_row(&self, row: &Value) {
        self.dispatch(
            "PutItem",
            json!({ "TableName": self.names.keys, "Item": row }),
        );
    }

    /// The tables in calm weather.
    pub(crate) fn calm(&self) -> Table {
        Table::new(self.engine.client(Weather::calm()), self.names.clone())
    }

    pub(crate) fn dispatch(&self, operation: &str, body: Value) -> Value {
        dispatch(&self.engine, operation, body)
    }

    /// The events of all chains, which all verify.
    pub(crate) fn events(&self) -> Vec<Event> {
        let [a, b] = self.companies.map(Owner::Company);
        let mut events = Vec::new();
        for owner in [a, b, Owner::Partner(self.partner), Owner::System] {
            let chain = self.chain(owner);
            chain.verify().expect("holds");
            events.extend(chain.events);
        }
        events
    }

    /// As [`World::assert_exact`], where events came late: in any order, and beside gaps.
    pub(crate) fn assert_all_told(&self) {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in self.events() {
            if event.facts.kind != EventType::AuditGap {
                let row = event.facts.id.split('@').next().unwrap_or_default();
                let told = format!("{:?}", (event.facts.kind, event.facts.request_id));
                found.entry(row.to_owned()).or_default().push(told);
            }
        }
        for events in found.values_mut() {
            events.sort_unstable();
        }
        let mut expected = BTreeMap::new();
        for (row, events) in self
            .expected
            .iter()
            .filter(|(_, events)| !events.is_empty())
        {
            let mut told: Vec<_> = events.iter().map(|told| format!("{told:?}")).collect();
            told.sort_unstable();
            expected.insert(row.clone(), told);
        }
        assert_eq!(found, expected);
    }

    /// Every expected event stands in its chain exactly once, those of one row in order, and no other.
    pub(crate) fn assert_exact(&self) {
        let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut ids = std::collections::HashSet::new();
        for event in self.events() {
            let row = event
                .facts
                .id
                .split('@')
                .next()
                .unwrap_or_default()
                .to_owned();
            found
                .entry(row)
                .or_default()
                .push((event.facts.kind, event.facts.request_id));
            assert!(
                ids.insert(event.facts.id.clone()),
                "{} twice",
                event.facts.id
            );
        }
        let expected: BTreeMap<_, _> = self
            .expected
            .iter()
            .filter(|(_, events)| !events.is_empty())
            .collect();
        for (row, events) in &expected {
            assert_eq!(found.get(*row), Some(*events), "{row}");
        }
        assert_eq!(found.len(), expected.len());
    }
}

pub(crate) fn commit(version: Option<u64>) -> Commit {
    let window = Window {
        unit: Unit::Hour,
        index: 1,
    };
    Commit {
        version,
        count: vec![(window, u32::MAX)],
        forget: Vec::new(),
        company: None,
        administering: None,
        scopes: ScopeSet::EMPTY,
        role: None,
        secret_suffix: None,
        warning: auth::Warning::default(),
    }
}

/// Before everything that is written here.
fn now() -> Timestamp {
    Timestamp::from_millis(0).expect("in range")
}

fn fields(json: Value) -> ApiKeyFields {
    ApiKeyFields::read(json, now()).expect("valid")
}

fn job(metadata: Value) -> JobFields {
    let description = "Works at night in the wards.";
    let body = json!({
        "title": TITLE, "description": description, "status": "OPEN", "metadata": metadata,
    });
    JobFields::read(body, now()).expect("valid")
}

fn member_row(member: &Membership) -> String {
    format!("MEMBER#{}/{}", member.person, member.owner)
}

/// A change's field and values.
pub(crate) fn changed(
    changes: Option<&Vec<Change>>,
    field: &str,
) -> (Option<Value>, Option<Value>) {
    let change = changes
        .into_iter()
        .flatten()
        .find(|change| change.field == field);
    let change = change.expect("changed");
    (change.before.clone(), change.after.clone())
}

pub(crate) fn event(record: &StreamRecord) -> EventRecord {
    record.event().expect("decodes")
}

fn create_table(engine: &Engine, table: &store::TableDefinition) {
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let mut body = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    if table.streamed {
        body["StreamSpecification"] =
            json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
    }
    if let Some((index, sk)) = table.local_index {
        body["AttributeDefinitions"] = json!([attribute("pk"), attribute("sk"), attribute(sk)]);
        body["LocalSecondaryIndexes"] = json!([{
            "IndexName": index,
            "KeySchema": [key("pk", "HASH"), key(sk, "RANGE")],
            "Projection": { "ProjectionType": "ALL" },
        }]);
    }
    dispatch(engine, "CreateTable", body);
}

fn dispatch(engine: &Engine, operation: &str, body: Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let (status, answer) = engine.dispatch(&target, body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}
