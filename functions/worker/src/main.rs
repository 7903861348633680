//! The Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Needs, Outward, RuntimeErrors};
use serde_json::Value;
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs {
        invitations: true,
        outward: Some(Outward::MAIL_AND_EVENTS),
        ..Needs::default()
    })
    .await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        Ok::<_, Infallible>(worker::handle(app, event.payload).await)
    }))
    .await
}
