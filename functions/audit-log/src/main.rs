//! The Lambda binary.

use runtime::{Error, Kms, Needs, RuntimeErrors, S3};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        cursors: true,
        audit_keys: Some(Kms::KEY),
        checkpoints: Some(S3::BUCKET),
        ..Needs::default()
    };
    runtime::serve(needs, audit_log::handle).await
}
