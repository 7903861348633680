//! The Lambda binary.

use audit::{Held, Kept, handle};
use chrono::Duration;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors, S3};
use serde_json::Value;

/// How long a redrive, or the hour's turn, goes on beginning things, of the 60 seconds that the template gives an invocation.
const TURN: Duration = Duration::seconds(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        quarantine: Some(S3::BUCKET),
        failures: Some(S3::BUCKET),
        ..Needs::default()
    };
    let app = &runtime::start(needs).await?;
    let missing = "without its buckets it can't start";
    let kept = &Kept {
        quarantine: Held(app.quarantine.clone().ok_or(missing)?),
        failures: app.failures.clone().ok_or(missing)?,
    };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let nonce = || app.entropy.bytes();
        let end = app.clock.now().plus(TURN);
        let is_over = || app.clock.now() >= end;
        Ok::<_, Error>(handle(&app.table, kept, event.payload, nonce, is_over).await?)
    }))
    .await
}
