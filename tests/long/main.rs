//! The runs that take too long for every day, with the promises' own numbers; README says how.

#![expect(
    clippy::print_stdout,
    reason = "seeds and figures, for whoever has to repeat a run"
)]

#[path = "../api/authorization"]
mod authorization {
    mod changes;
    mod fairness;
    mod growth;
    mod limits;
    #[expect(dead_code, reason = "the other tests of the module need the rest")]
    mod process;

    pub(crate) use process::Process;
}

#[path = "../api/dashboard"]
mod dashboard {
    pub(crate) mod busy;
    pub(crate) mod costs;
}

#[path = "../api/faults.rs"]
mod faults;

mod kill_switch;

#[path = "../api/isolation.rs"]
mod isolation;

#[path = "../api/requests.rs"]
#[expect(dead_code, reason = "the other matrices need the rest")]
mod requests;

#[path = "../api/jobs"]
mod jobs {
    mod many;
}

#[path = "../api/one_winner.rs"]
mod one_winner;

#[path = "../api/worker"]
mod worker {
    mod rows;
    mod unassigning;
}

#[path = "../../shared/auth/tests/decision_against_a_naive_model.rs"]
mod decision;

#[path = "../../functions/audit/tests/it"]
mod trail {
    mod capacity;
    pub(crate) mod simulated;
    #[expect(dead_code, reason = "the other tests of the module need the rest")]
    pub(crate) mod world;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_requests_are_counted_told_and_folded_exactly() {
    trail::simulated::agree(1_000_000, trail::world::seed(32)).await;
}

/// One core: a test's runtime has one thread.
#[tokio::test]
async fn the_consumer_appends_and_folds_3000_events_a_second() {
    let speed = trail::simulated::consumed_per_second(50_000, 33).await;
    println!("consumed: {speed:.0} events/s");
    // Without optimization it says nothing.
    if !cfg!(debug_assertions) {
        assert!(speed >= 3_000.0, "{speed:.0} events/s");
    }
}

/// On one thread: its time of a core is the page's.
#[tokio::test]
async fn every_page_is_cheap_with_1000_keys_and_100_000_events() {
    dashboard::costs::every_page_is_cheap(1_000, 100_000).await;
}

/// Each of the 24 cases at each call.
#[tokio::test]
async fn every_fault_at_every_call_of_every_operation_has_one_effect() {
    faults::fail_everywhere(24).await;
}

#[test]
fn the_decision_agrees_with_the_model_a_million_times() {
    decision::agree(1_000_000);
}
