//! The Lambda binary.

use dashboard::Dashboard;
use lambda_http::{run_with_streaming_response, service_fn};
use runtime::{Error, Needs, RuntimeErrors};
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
        export_signer: true,
        audit_keys: true,
        checkpoints: true,
        ..Needs::default()
    })
    .await?;
    let dashboard = &Dashboard::new(app);
    run_with_streaming_response(service_fn(move |request| async move {
        Ok::<_, Infallible>(dashboard.answer(request).await)
    }))
    .await
}
