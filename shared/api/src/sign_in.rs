//! Where people sign in with a browser.

use std::{fmt, pin::Pin, sync::Arc};

/// The issuer's endpoints, and how they are reached.
#[derive(Clone)]
pub struct SignIn {
    pub issuer: String,
    pub client_id: String,
    pub authorize_url: String,
    pub token_url: String,
    /// Where the dashboard is reached, without a slash at the end, such as `https://app.example`; `None`: where the gateway says.
    pub dashboard_url: Option<String>,
    pub call: HttpCall,
}

/// One request to the issuer.
pub type HttpCall = Arc<dyn Fn(http::Request<Vec<u8>>) -> HttpAnswer + Send + Sync>;

/// What becomes of it.
pub type HttpAnswer =
    Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, HttpFailed>> + Send>>;

/// The issuer gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer gave no answer")]
pub struct HttpFailed;

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
