//! Faults at every call of every operation: whatever the store does there, the answer is the operation's own or a 503, in time and after no more than three attempts; said again, the request has one effect.
//!
//! Connections that really break, and bodies of another checksum, are asked through TLS by the bench (`faults`).

#![expect(clippy::print_stdout, reason = "figures, for whoever asks")]

use crate::requests::{Objects, facts, path};
use embedded::{Fault, Weather};
use futures_util::{StreamExt, stream};
use local::{Gateway, HttpRequest};
use routes::{Access, Method, Role, Route, ScopeSet, Tenant};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tests::{Answer, Caller, Company, TestApp, ask};

/// Longer than the second that an attempt gets.
const SLOW: Duration = Duration::from_millis(1_200);

/// Beside those that the SDK asks again for.
const FAULTS: [Fault; 6] = [
    Fault::LoseAnswer,
    Fault::HalfAnswer,
    Fault::Slow(SLOW),
    Fault::SlowAnswer(SLOW),
    Fault::ExpiredCredentials,
    Fault::TransactionConflict,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The first attempt alone.
    First,
    /// Every attempt, and of every call after it.
    FromThenOn,
}

/// Some of the faults at each call, all of them in turn; the long run asks each at each.
#[tokio::test]
async fn whatever_the_store_does_at_a_call_is_the_answer_or_503_and_has_one_effect() {
    fail_everywhere(1).await;
}

/// `most`: how many of the cases of each call.
pub(crate) async fn fail_everywhere(most: usize) {
    let app = TestApp::calm().await;
    let both = [When::First, When::FromThenOn].into_iter();
    let cases = both.flat_map(|when| {
        let faults = Fault::TRIED_AGAIN.into_iter().chain(FAULTS);
        faults.map(move |fault| (fault, when))
    });
    let cases: Vec<_> = cases.collect();
    let routes = routes::all().filter(|route| route.access != Access::Public);
    let asked = stream::iter(routes.enumerate())
        .map(async |(place, route)| {
            // No divisor of their number, so that each is met; from another one on for each operation.
            let mut turn = (place..)
                .step_by(7)
                .map(|number| cases[number % cases.len()]);
            let operation = Operation::new(&app, route).await;
            let before = operation.told().await;
            let calls = operation.calm_calls().await;
            // The write that counts the request at least.
            assert!(calls > 0, "{}", route.operation);
            let once = operation.told().await;
            for at in 0..calls {
                for (fault, when) in turn.by_ref().take(most) {
                    operation.fail(at, fault, when).await;
                }
            }
            let asked = calls as usize * most;
            let all = operation.told().await;
            for (kind, count) in all {
                let before = before.get(kind).copied().unwrap_or_default();
                let once = once.get(kind).copied().unwrap_or_default() - before;
                // Each had one effect; or all of them the same, as on a company itself.
                let may = [once * (1 + asked), once];
                let what = format!("{}: {kind}, {asked} times", route.operation);
                assert!(may.contains(&(count - before)), "{what}: {may:?}, {count}");
            }
            asked
        })
        // Most of the time is waited.
        .buffer_unordered(8)
        .fold(0, async |all, asked| all + asked)
        .await;
    println!("{asked} cases");
    assert!(asked >= 200, "{asked} cases");
}

/// An operation with somebody who may do it, in a company of its own.
struct Operation<'a> {
    app: &'a TestApp,
    route: &'static Route,
    company: Company,
}

/// How often each type of event was told, authentications aside.
type Told = BTreeMap<&'static str, usize>;

impl<'a> Operation<'a> {
    async fn new(app: &'a TestApp, route: &'static Route) -> Operation<'a> {
        let company = app.company(route.operation).await;
        Operation {
            app,
            route,
            company,
        }
    }

    async fn caller(&self) -> Caller {
        match self.route.access {
            _ if self.route.tenant == Tenant::NewCompany => {
                let partner = self.app.partner("Hirebridge").await;
                self.app.ats_key(partner.id, ScopeSet::all()).await.caller
            }
            Access::Scope(_) | Access::SelfKey | Access::Public => {
                self.app.key_with(&self.company, json!({})).await.caller
            }
            Access::Role(_) | Access::Person | Access::AnyPrincipal => self.company.owner.clone(),
            Access::Administrator => self.app.administrator().await,
        }
    }

    /// A valid request about new objects, by somebody who may make it.
    async fn request(&self) -> HttpRequest {
        if self.route.operation == "AcceptInvitation" {
            return self.acceptance().await;
        }
        let objects = Objects::nowhere();
        let objects = objects.renewed(self.app, &self.company, self.route).await;
        let caller = self.caller().await;
        let request = caller.request(self.route.method.as_str(), &path(self.route, &objects));
        let request = match self.route.method {
            Method::Post => request.header("idempotency-key", &unique()),
            _ => request,
        };
        match Objects::fit(self.app, self.route, facts(self.route).body).await {
            Some(body) => request.json(&body),
            None => request,
        }
    }

    /// The one request that wants another person for each object.
    async fn acceptance(&self) -> HttpRequest {
        let email = format!("newcomer-{}@faults.example", unique());
        let inviter = &self.company.owner;
        let token = self.app.invite(inviter, &email, Role::Member).await;
        let target = format!("/invitations/{token}/accept");
        let request = self.app.person(&email).request("POST", &target);
        let request = request.header("idempotency-key", &unique());
        request.json(&json!({ "idToken": self.app.id_token(&email) }))
    }

    /// How many calls it makes when nothing happens.
    async fn calm_calls(&self) -> u32 {
        let request = self.request().await;
        let weather = Weather::calm();
        let answer = self.ask(&weather, request).await;
        self.assert_served(&answer, self.route.operation);
        let calls = weather.take_calls();
        calls.iter().filter(|call| call.attempt == 1).count() as u32
    }

    /// Of a process that has just begun.
    async fn ask(&self, weather: &Weather, request: HttpRequest) -> Answer {
        let system = &self.app.system;
        let app = system.another_app(system.app().clock.clone(), weather);
        let gateway: Gateway = system.another_gateway(app).expect("a gateway");
        Answer::read(ask(&gateway, request).await)
    }

    async fn fail(&self, at: u32, fault: Fault, when: When) {
        let what = format!("{}, call {at}: {fault:?}, {when:?}", self.route.operation);
        let request = self.request().await;
        let calls = AtomicU32::new(0);
        let weather = Weather::script(move |call| {
            let number = match call.attempt {
                1 => calls.fetch_add(1, Ordering::SeqCst),
                _ => calls.load(Ordering::SeqCst) - 1,
            };
            let meets = match when {
                When::First => number == at && call.attempt == 1,
                When::FromThenOn => number >= at,
            };
            if meets { fault } else { Fault::None }
        });
        let began = Instant::now();
        let answer = self.ask(&weather, request.clone()).await;
        let took = began.elapsed();
        let attempts = weather.take_calls();
        let attempts = attempts.iter().map(|call| call.attempt).max();
        assert!(attempts <= Some(3), "{what}: {attempts:?} attempts");
        // Four seconds are what the SDK gives one call; a fault ends the request.
        assert!(took < Duration::from_secs(9), "{what}: {took:?}");
        if answer.status == 503 {
            assert_eq!(answer.code(), "SERVICE_UNAVAILABLE", "{what}");
            assert!(answer.header("retry-after").is_some(), "{what}");
        } else {
            self.assert_served(&answer, &what);
        }

        let again = self.ask(&Weather::calm(), request).await;
        match again.status {
            // It is gone already: the object, the overlap, or the key that asks.
            404 if self.route.method == Method::Delete => {}
            409 if self.route.operation == "UpdateOverlap" => {}
            401 if self.route.access == Access::SelfKey => {}
            _ => self.assert_served(&again, &what),
        }
    }

    fn assert_served(&self, answer: &Answer, what: &str) {
        assert!(
            (200..300).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.body
        );
    }

    async fn told(&self) -> Told {
        self.app.settle().await;
        let chain = self.app.store(&self.company).get_chain().await;
        let mut told = Told::new();
        for event in chain.expect("a chain").events {
            let kind = event.facts.kind.as_str();
            // Those are of requests, whatever comes of them.
            if !kind.starts_with("authentication.") && kind != "admin.accessed" {
                *told.entry(kind).or_default() += 1;
            }
        }
        told
    }
}

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}
