//! The Lambda binary.

use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs::default()).await?;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let taken = interview_events::handle(app, event.payload).await;
        // The failed invocation is tried again, and then kept with its event.
        taken.map(drop).map_err(|refused| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: refused.to_string(),
        })
    }))
    .await
}
