//! The Lambda binary.

use runtime::{Error, Needs, RuntimeErrors};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_log(RuntimeErrors::Kept);
    let needs = Needs {
        keyring: true,
        cursors: true,
        invitations: true,
        issuer: true,
        ..Needs::default()
    };
    runtime::serve(needs, keys::handle).await
}
