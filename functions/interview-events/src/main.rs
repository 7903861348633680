//! The Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs::default()).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let taken = interview_events::handle(app, event.payload).await;
        taken.map(|_| ()).map_err(Error::from)
    }))
    .await
}
