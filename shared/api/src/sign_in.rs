//! Where people sign in with a browser.

use std::{fmt, pin::Pin, str::FromStr, sync::Arc};

/// The issuer's endpoints, and how they are reached.
#[derive(Clone)]
pub struct SignIn {
    pub issuer: String,
    pub client_id: String,
    pub authorize_url: String,
    pub token_url: String,
    /// `None`: where the gateway says.
    pub dashboard_url: Option<DashboardUrl>,
    pub call: HttpCall,
}

/// Where the dashboard is reached by browsers, such as `https://app.example`: over TLS, or on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardUrl {
    /// Scheme, host and port, as browsers write them in `Origin`.
    pub origin: String,
    /// In front of every path, such as `/v1`; mostly empty.
    pub base: String,
    /// Plain http, which never leaves this machine.
    pub loopback: bool,
}

/// Sessions would travel in the clear, or links lead elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the dashboard needs an address such as https://app.example, or http on loopback")]
pub struct InvalidDashboardUrl;

impl FromStr for DashboardUrl {
    type Err = InvalidDashboardUrl;

    fn from_str(text: &str) -> Result<DashboardUrl, InvalidDashboardUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidDashboardUrl)?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let host = host.to_ascii_lowercase();
        let base = path.trim_end_matches('/');
        let plain = |text: &str, more: &str| {
            let mut letters = text.chars();
            letters.all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
        };
        // Nobody's name and password, no query, and nothing that a browser would write otherwise.
        if host.is_empty() || !plain(&host, ".-:[]") || !plain(base, "/-._~") || base.contains("//")
        {
            return Err(InvalidDashboardUrl);
        }
        let (host, loopback) = match scheme {
            "https" => (host.strip_suffix(":443").unwrap_or(&host), false),
            "http" if is_loopback(&host) => (host.strip_suffix(":80").unwrap_or(&host), true),
            _ => return Err(InvalidDashboardUrl),
        };
        Ok(DashboardUrl {
            origin: format!("{scheme}://{host}"),
            base: base.to_owned(),
            loopback,
        })
    }
}

impl DashboardUrl {
    /// Where API Gateway says that it was reached.
    pub fn of_gateway(domain: &str, stage: &str) -> DashboardUrl {
        DashboardUrl {
            origin: format!("https://{domain}"),
            base: match stage {
                "" => String::new(),
                stage => format!("/{stage}"),
            },
            loopback: false,
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    names.iter().any(|name| match host.strip_prefix(name) {
        Some("") => true,
        Some(port) => port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    })
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

#[cfg(test)]
mod tests {
    use super::DashboardUrl;

    fn parsed(text: &str) -> Option<(String, String, bool)> {
        let url: DashboardUrl = text.parse().ok()?;
        Some((url.origin, url.base, url.loopback))
    }

    #[test]
    fn it_is_written_as_browsers_write_it() {
        for (text, origin, base, loopback) in [
            ("https://app.example", "https://app.example", "", false),
            ("https://App.Example:443/", "https://app.example", "", false),
            (
                "https://api.example:8443/v1/",
                "https://api.example:8443",
                "/v1",
                false,
            ),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", "", true),
            ("http://localhost:80", "http://localhost", "", true),
            ("http://[::1]:3000", "http://[::1]:3000", "", true),
        ] {
            let expected = (origin.to_owned(), base.to_owned(), loopback);
            assert_eq!(parsed(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn sessions_never_travel_in_the_clear_and_links_lead_nowhere_else() {
        for text in [
            "",
            "app.example",
            "https://",
            "https:///v1",
            "http://app.example",
            "http://127.0.0.1.example",
            "http://127.0.0.1:x",
            "http://localhost@app.example",
            "https://localhost@app.example",
            "https://app.example?x",
            "https://app.example//v1",
            "https://app.example/v 1",
            "ftp://app.example",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
