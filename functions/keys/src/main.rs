//! The Lambda binary.

use lambda_http::{Error, service_fn};
use runtime::{Needs, RuntimeErrors};
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs {
        keyring: true,
        cursors: true,
        invitations: true,
        issuer: true,
    })
    .await?;
    lambda_http::run(service_fn(move |request| async move {
        Ok::<_, Infallible>(keys::handle(app, request).await)
    }))
    .await
}
