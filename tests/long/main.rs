//! The runs that take too long for every day, with the promises' own numbers: `cargo test -p tests --features long --test long`.

#![expect(
    clippy::print_stdout,
    reason = "seeds and figures, for whoever has to repeat a run"
)]

#[path = "../api/authorization"]
mod authorization {
    mod changes;
    mod growth;
    #[expect(dead_code, reason = "the other tests of the module need the rest")]
    mod process;

    use process::Process;
}

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

/// Reliability R1.
#[test]
fn the_decision_agrees_with_the_model_a_million_times() {
    decision::agree(1_000_000);
}
