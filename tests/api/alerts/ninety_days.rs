//! Ninety days and some of two companies and a partner: whatever is to be told, once and on its day, and nothing else.

use super::{DAY, HOUR, MINUTE};
use model::{
    AlertKind::{
        self, DeadCredential, ManyCompanies, NewNetwork, RateLimit as LimitMet, RefusalBurst,
        Volume, Woke,
    },
    NoticeKind, Plan, RateLimit,
};
use routes::{Scope, ScopeSet};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Caller, Company, Key, Partner, TestApp};

const DAYS: u32 = 95;
const HOME: &str = "198.51.100.7";
const AWAY: &str = "203.0.113.9";
/// What one key of Globex may do in an hour.
const FEW: RateLimit = RateLimit {
    per_minute: 20,
    per_hour: 20,
    per_second: None,
};
/// As the rules have them.
const BURST: usize = 50;
const VOLUME: usize = 500;
const COMPANIES: usize = 25;

/// Day, whose key by name, and the notice's kind.
type Told = (u32, String, String);

struct Town {
    app: TestApp,
    acme: Company,
    globex: Company,
    hirebridge: Partner,
    /// Those that the partner acts for.
    clients: Vec<Company>,
}

impl Town {
    async fn new() -> Town {
        let app = TestApp::calm().await;
        // Each day's requests are of one hour, however slow the machine is.
        let into = app.now().millis().rem_euclid(3_600_000).unsigned_abs();
        app.advance(HOUR + MINUTE - std::time::Duration::from_millis(into));
        let acme = app.company("Acme").await;
        let globex = app.company_on("Globex", Plan::Enterprise, Some(FEW)).await;
        let hirebridge = app.partner("Hirebridge").await;
        let mut clients = Vec::new();
        for number in 0..COMPANIES {
            let client = app.company(&format!("Client{number}")).await;
            app.grant(&client, hirebridge.id).await;
            clients.push(client);
        }
        Town {
            app,
            acme,
            globex,
            hirebridge,
            clients,
        }
    }

    /// A token lives shorter than a day.
    fn owner_of(&self, company: &Company) -> Caller {
        let email = match company.id == self.acme.id {
            true => "owner@acme.example",
            false => "owner@globex.example",
        };
        self.app.person(email).for_company(company.id)
    }

    async fn key(&self, company: &Company, name: &str, more: Value) -> Key {
        let mut fields = json!({ "name": name, "scopes": ScopeSet::from_iter([Scope::ReadJobs]) });
        let all = fields.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        self.app.key_with(company, fields).await
    }

    async fn ask(&self, caller: &Caller, times: usize, status: u16) {
        for _ in 0..times {
            let answer = self.app.get(caller, "/jobs?limit=1").await;
            assert_eq!(answer.status, status, "{}", answer.body);
        }
    }

    async fn change(&self, company: &Company, key: &Key, action: &str, body: Value) {
        let path = format!("/api-keys/{}{action}", key.id);
        let owner = self.owner_of(company);
        let answer = match action {
            "" => self.app.patch(&owner, &path, &body).await,
            _ => self.app.post(&owner, &path, &body).await,
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// All notices of all three: their ids, whose key, and what kind.
    async fn notices(&self) -> Vec<(String, String, String)> {
        let partner = self.app.person("owner@hirebridge.example");
        let callers = [
            self.owner_of(&self.acme),
            self.owner_of(&self.globex),
            partner.for_partner(self.hirebridge.id),
        ];
        let mut all = Vec::new();
        for caller in callers {
            let listed = self.app.get(&caller, "/notices?limit=100").await;
            for item in listed.data()["items"].as_array().expect("items") {
                let text = |name: &str| item[name].as_str().expect("a text").to_owned();
                let message = text("message");
                let name = message.split('"').nth(1).expect("a name").to_owned();
                all.push((text("id"), name, text("kind")));
            }
        }
        all
    }
}

#[tokio::test]
async fn each_notice_and_each_alert_comes_on_its_day_and_none_that_was_cancelled_or_unwanted() {
    let town = Town::new().await;
    let Town {
        app,
        acme,
        globex,
        hirebridge,
        clients,
    } = &town;
    let expiry = |days: i64| app.now().plus(chrono::Duration::days(days));
    let until = json!({ "expiresAt": expiry(40) });
    town.key(acme, "kept", until.clone()).await;
    let moved = town.key(acme, "moved", until.clone()).await;
    let dead = town.key(acme, "dead", until).await;
    let board = town.key(acme, "board", json!({})).await;
    let sleeper = town.key(acme, "sleeper", json!({})).await;
    let narrow = json!({ "scopes": ["write:jobs"] });
    let narrow = town.key(acme, "narrow", narrow).await;
    let bulk = town.key(acme, "bulk", json!({})).await;
    let tight = town.key(globex, "tight", json!({})).await;
    let away = |key: &Key| key.caller.from_address(AWAY);
    assert_eq!(board.caller.address, HOME);

    let (mut seen, mut told) = (BTreeSet::new(), Vec::<Told>::new());
    for day in 0..=DAYS {
        match day {
            0 => {
                let owner = town.owner_of(globex);
                let unwanted = json!({ "disabled": [NewNetwork] });
                let set = owner.request("PUT", "/alert-settings").json(&unwanted);
                assert_eq!(app.send(set).await.status, 200);
            }
            1 => {
                town.ask(&board.caller, 1, 200).await;
                town.ask(&sleeper.caller, 1, 200).await;
                town.ask(&tight.caller, 1, 200).await;
            }
            // They were told of on the day before.
            11 => {
                let later = json!({ "expiresAt": expiry(69) });
                town.change(acme, &moved, "", later).await;
                town.change(acme, &dead, "/revoke", json!({})).await;
            }
            15 => {
                town.ask(&tight.caller, 20, 200).await;
                town.ask(&tight.caller, 3, 429).await;
            }
            // Globex doesn't want to hear of it.
            18 => town.ask(&away(&tight), 1, 200).await,
            20 => town.ask(&away(&board), 2, 200).await,
            22 => {
                for client in clients {
                    let ats = hirebridge.key.caller.for_company(client.id);
                    town.ask(&ats, 1, 200).await;
                }
            }
            25 => town.ask(&bulk.caller, VOLUME, 200).await,
            30 => town.ask(&narrow.caller, BURST, 403).await,
            33 => town.ask(&dead.caller, 2, 401).await,
            45 => town.ask(&sleeper.caller, 3, 200).await,
            // Another secret has its own ninety days.
            60 => town.change(acme, &board, "/rotate", json!({})).await,
            _ => {}
        }
        app.settle().await;
        for (id, name, kind) in town.notices().await {
            if seen.insert(id) {
                told.push((day, name, kind));
            }
        }
        app.advance(DAY);
    }

    let alert = |kind: AlertKind| kind.notice();
    let (expires, expired, old) = (
        NoticeKind::KeyExpires,
        NoticeKind::KeyExpired,
        NoticeKind::SecretOld,
    );
    let expected = [
        (10, "kept", expires),
        (26, "kept", expires),
        (33, "kept", expires),
        (39, "kept", expires),
        (40, "kept", expired),
        (10, "moved", expires),
        (50, "moved", expires),
        (66, "moved", expires),
        (73, "moved", expires),
        (79, "moved", expires),
        (80, "moved", expired),
        (10, "dead", expires),
        (15, "tight", alert(LimitMet)),
        (20, "board", alert(NewNetwork)),
        (22, "ATS key", alert(ManyCompanies)),
        (25, "bulk", alert(Volume)),
        (30, "narrow", alert(RefusalBurst)),
        (33, "dead", alert(DeadCredential)),
        (45, "sleeper", alert(Woke)),
        (90, "sleeper", old),
        (90, "narrow", old),
        (90, "bulk", old),
        (90, "tight", old),
        (90, "ATS key", old),
    ];
    let mut expected: Vec<Told> = expected
        .map(|(day, name, kind)| (day, name.to_owned(), json!(kind)))
        .map(|(day, name, kind)| (day, name, kind.as_str().expect("a text").to_owned()))
        .into();
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    // Each was made to happen.
    let kinds: BTreeSet<_> = told.iter().map(|(.., kind)| kind.as_str()).collect();
    for kind in AlertKind::ALL {
        assert!(kinds.contains(kind.as_str()), "{}", kind.as_str());
    }
    // As often mailed as told.
    let letters = app.system.outbox().letters();
    let notices = letters
        .iter()
        .filter(|letter| letter.message_id.starts_with("notice-"));
    assert_eq!(notices.count(), expected.len());
}
