//! The Lambda binary.

use authorizer::Authorizer;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use runtime::{Needs, RuntimeErrors};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Dropped);
    let app = runtime::start(Needs {
        keyring: true,
        issuer: true,
        ..Needs::default()
    })
    .await?;
    let authorizer = &Authorizer::new(app);
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<Box<RawValue>>| async move {
            // API Gateway answers 401 to exactly the message `Unauthorized`, and fails on any other.
            authorizer
                .authorize(&*event.payload)
                .await
                .map_err(|error| Diagnostic {
                    error_type: "AuthorizerError".to_owned(),
                    error_message: error.to_string(),
                })
        },
    ))
    .await
}
