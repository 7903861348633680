//! The Lambda binary.

use dashboard::Dashboard;
use lambda_http::{run_with_streaming_response, service_fn};
use runtime::{Error, Kms, Needs, RuntimeErrors, S3};
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = runtime::start(Needs {
        keyring: true,
        cursors: true,
        invitations: true,
        issuer: true,
        sessions: true,
        export_signer: Some(Kms::KEY),
        audit_keys: Some(Kms::KEY),
        checkpoints: Some(S3::BUCKET),
        ..Needs::default()
    })
    .await?;
    let dashboard = &Dashboard::new(app);
    run_with_streaming_response(service_fn(move |request| async move {
        Ok::<_, Infallible>(dashboard.answer(request).await)
    }))
    .await
}
