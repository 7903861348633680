//! The Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        checkpoint_signer: true,
        checkpoints: true,
        ..Needs::default()
    };
    let app = &runtime::start(needs).await?;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        let counter = checkpoint::make(app).await?;
        Ok::<_, Error>(json!({ "counter": counter }))
    }))
    .await
}
