//! The Lambda binary.

use audit::{Consumer, LogOnly, consume};
use aws_lambda_events::event::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors};
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs::default()).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| async move {
        let consumer = Consumer {
            table: &app.table,
            quarantine: &LogOnly,
        };
        Ok::<_, Infallible>(consume(&consumer, event.payload, app.entropy.bytes()).await)
    }))
    .await
}
