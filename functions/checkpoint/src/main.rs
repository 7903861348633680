//! The Lambda binary.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::{Kms, Needs, RuntimeErrors, S3};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        checkpoint_signer: Some(Kms::KEY),
        checkpoints: Some(S3::BUCKET),
        ..Needs::default()
    };
    let app = &runtime::start(needs).await?;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<Value>| async move {
        let counter = checkpoint::make(app).await?;
        Ok::<_, Error>(json!({ "counter": counter }))
    }))
    .await
}
