//! The Lambda binary.

use runtime::{Error, Needs, RuntimeErrors};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        cursors: true,
        audit_keys: true,
        checkpoints: true,
        ..Needs::default()
    };
    runtime::serve(needs, audit_log::handle).await
}
