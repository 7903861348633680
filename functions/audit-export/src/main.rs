//! The Lambda binary.

use runtime::{Error, Needs, RuntimeErrors};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        export_signer: true,
        ..Needs::default()
    };
    runtime::serve_streamed(needs, audit_export::handle).await
}
