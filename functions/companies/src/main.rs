//! The Lambda binary.

use lambda_http::{Error, service_fn};
use runtime::{Needs, RuntimeErrors};
use std::convert::Infallible;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let app = &runtime::start(Needs {
        cursors: true,
        ..Needs::default()
    })
    .await?;
    lambda_http::run(service_fn(move |request| async move {
        Ok::<_, Infallible>(companies::handle(app, request).await)
    }))
    .await
}
