//! Loopback is not trusted: every web page that the user opens, and every program of the machine, can call it.

use http::{HeaderMap, Method, StatusCode, Uri, header};
use url::{Host, Url};

/// Refuses what a page of another origin could have sent, and names of this machine that are not its own.
///
/// 421 unless `Host` is the listener's own name: a rebound DNS name is told by it.
/// 403 for a foreign `Origin` or a cross-site fetch on anything that may change state.
/// 415 for `/dev/` by a form: a form can't send JSON, and JSON from a page needs a preflight, which nobody answers.
pub fn guard(method: &Method, uri: &Uri, headers: &HeaderMap, port: u16) -> Result<(), StatusCode> {
    let own_host = |host: &str| {
        let host = host.to_ascii_lowercase();
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|name| host == format!("{name}:{port}"))
    };
    // A target with an authority overrules `Host` (RFC 9112 §3.2.2); both must be ours.
    let authority = uri.authority().map(|authority| authority.as_str());
    let host = single(headers, &header::HOST);
    if !host.is_some_and(own_host) || !authority.is_none_or(own_host) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return Ok(());
    }
    let own_origin = |origin: &str| origin.strip_prefix("http://").is_some_and(own_host);
    if headers.contains_key(header::ORIGIN)
        && !single(headers, &header::ORIGIN).is_some_and(own_origin)
    {
        return Err(StatusCode::FORBIDDEN);
    }
    let cross_site = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site == "cross-site");
    if cross_site {
        return Err(StatusCode::FORBIDDEN);
    }
    if uri.path().starts_with("/dev/")
        && single(headers, &header::CONTENT_TYPE) != Some("application/json")
    {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Ok(())
}

/// Whether the address is one of this machine's own loopback names.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The value of a header that was sent once.
fn single<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
        let method = method.parse().expect("a method");
        let uri = target.parse().expect("a target");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().expect("a name");
            map.append(name, value.parse().expect("a value"));
        }
        guard(&method, &uri, &map, 3000).map_or_else(|status| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_the_listeners_own_names_are_answered() {
        for (host, status) in [
            ("127.0.0.1:3000", 200),
            ("localhost:3000", 200),
            ("LOCALHOST:3000", 200),
            ("[::1]:3000", 200),
            ("127.0.0.1", 421),
            ("127.0.0.1:3001", 421),
            ("127.0.0.2:3000", 421),
            ("localhost.:3000", 421),
            ("evil.example:3000", 421),
            ("evil.example", 421),
            ("127.0.0.1:3000@evil.example", 421),
            ("", 421),
        ] {
            assert_eq!(judged("GET", "/jobs", &[("host", host)]), status, "{host}");
        }
        assert_eq!(judged("GET", "/jobs", &[]), 421);
        assert_eq!(
            judged(
                "GET",
                "/",
                &[("host", "127.0.0.1:3000"), ("host", "evil.example")]
            ),
            421
        );
        assert_eq!(
            judged(
                "GET",
                "http://evil.example:3000/",
                &[("host", "127.0.0.1:3000")]
            ),
            421
        );
        assert_eq!(
            judged(
                "GET",
                "http://127.0.0.1:3000/",
                &[("host", "127.0.0.1:3000")]
            ),
            200
        );
    }

    #[test]
    fn a_foreign_page_changes_nothing() {
        for (name, value, status) in [
            ("origin", "http://127.0.0.1:3000", 200),
            ("origin", "http://localhost:3000", 200),
            ("origin", "https://127.0.0.1:3000", 403),
            ("origin", "http://127.0.0.1:3001", 403),
            ("origin", "https://evil.example", 403),
            ("origin", "null", 403),
            ("origin", "", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-origin", 200),
            ("sec-fetch-site", "none", 200),
        ] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "BREW"] {
                let found = judged(
                    method,
                    "/jobs",
                    &[("host", "127.0.0.1:3000"), (name, value)],
                );
                assert_eq!(found, status, "{method} {name}: {value}");
            }
            assert_eq!(
                judged("GET", "/jobs", &[("host", "127.0.0.1:3000"), (name, value)]),
                200
            );
        }
    }

    #[test]
    fn a_form_reaches_no_dev_route() {
        let host = ("host", "127.0.0.1:3000");
        assert_eq!(judged("POST", "/dev/x", &[host]), 415);
        for media in [
            "application/x-www-form-urlencoded",
            "text/plain",
            "application/json; charset=utf-8",
        ] {
            assert_eq!(
                judged("POST", "/dev/x", &[host, ("content-type", media)]),
                415,
                "{media}"
            );
        }
        assert_eq!(
            judged(
                "POST",
                "/dev/x",
                &[host, ("content-type", "application/json")]
            ),
            200
        );
        assert_eq!(judged("GET", "/dev/x", &[host]), 200);
    }
}
