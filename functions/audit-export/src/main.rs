//! The Lambda binary.

use runtime::{Error, Kms, Needs, RuntimeErrors};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        export_signer: Some(Kms::KEY),
        ..Needs::default()
    };
    runtime::serve_streamed(needs, audit_export::handle).await
}
