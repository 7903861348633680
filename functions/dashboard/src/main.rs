//! The Lambda binary.

use dashboard::{Dashboard, HttpCall, HttpFailed, SignInConfig};
use lambda_http::{run_with_streaming_response, service_fn};
use runtime::{Error, Needs, RuntimeErrors};
use std::{convert::Infallible, sync::Arc};

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
    let (issuer, sign_in, call) = (
        runtime::issuer()?,
        runtime::sign_in()?,
        runtime::http_call()?,
    );
    let config = SignInConfig {
        issuer: issuer.issuer.clone(),
        client_id: issuer.client_ids.first().cloned().unwrap_or_default(),
        authorize_url: sign_in.authorize_url,
        token_url: sign_in.token_url,
        url: sign_in.dashboard_url,
    };
    let call: HttpCall = Arc::new(move |request| {
        let answer = call(request);
        Box::pin(async { answer.await.ok_or(HttpFailed) })
    });
    let dashboard = Dashboard::new(app, issuer, runtime::fetch_keys()?, config, call);
    let dashboard = &dashboard;
    run_with_streaming_response(service_fn(move |request| async move {
        Ok::<_, Infallible>(dashboard.answer(request).await)
    }))
    .await
}
