//! What is for this machine alone: it holds only while DynamoDB is on loopback, so that no variable talks a deployed function into it.

use http::Uri;
use std::{fs, net::IpAddr};

use crate::{StartError, optional};

const ENDPOINT: &str = "DYNAMODB_ENDPOINT";
const AUTHORITY: &str = "DYNAMODB_CA_FILE";

/// Where DynamoDB is, if not where AWS has it.
pub(crate) fn endpoint() -> Option<String> {
    optional(ENDPOINT)
}

/// The path, if a secret's reference is one.
///
/// # Errors
/// A file is for the local system alone.
pub(crate) fn file<'r>(
    name: &'static str,
    reference: &'r str,
) -> Result<Option<&'r str>, StartError> {
    let path = reference.strip_prefix("file:");
    if path.is_some() && !is_local(endpoint().as_deref()) {
        let why = "file: is for a DynamoDB endpoint on loopback only";
        return Err(StartError::Secret(name, why.to_owned()));
    }
    Ok(path)
}

/// The certificate that a DynamoDB of this machine is known by, as PEM.
///
/// # Errors
/// DynamoDB isn't on loopback, or the file can't be read.
pub(crate) fn authority() -> Result<Option<Vec<u8>>, StartError> {
    let path = authority_file(optional(AUTHORITY), endpoint().as_deref())?;
    path.map(|path| {
        fs::read(path).map_err(|error| StartError::Unusable(AUTHORITY, error.to_string()))
    })
    .transpose()
}

fn authority_file(
    path: Option<String>,
    endpoint: Option<&str>,
) -> Result<Option<String>, StartError> {
    if path.is_some() && !is_local(endpoint) {
        let why = "it is for a DynamoDB endpoint on loopback only";
        return Err(StartError::Unusable(AUTHORITY, why.to_owned()));
    }
    Ok(path)
}

fn is_local(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(is_loopback)
}

/// Read as the SDK reads it, so that nothing in front of the host passes for it.
fn is_loopback(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    matches!(uri.scheme_str(), Some("http" | "https"))
        && (host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::{authority_file, is_loopback};

    const ELSEWHERE: [&str; 8] = [
        "",
        "https://dynamodb.eu-west-1.example",
        "http://127.0.0.1.example:80",
        "http://10.0.0.1:80",
        "http://localhost.example",
        "http://localhost:80@dynamodb.example",
        "https://127.0.0.1:443@dynamodb.example:443/",
        "ftp://localhost",
    ];

    #[test]
    fn only_loopback_is_loopback() {
        for good in [
            "http://127.0.0.1:3002",
            "http://localhost:8000/",
            "http://[::1]:1",
            "https://localhost:8000",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in ELSEWHERE {
            assert!(!is_loopback(bad), "{bad}");
        }
    }

    #[test]
    fn a_certificate_is_trusted_for_loopback_alone() {
        let file = || Some("ca.pem".to_owned());
        let trusted = authority_file(file(), Some("https://localhost:8000"));
        assert_eq!(trusted.expect("loopback"), file());
        assert!(authority_file(file(), None).is_err());
        for endpoint in ELSEWHERE {
            assert!(
                authority_file(file(), Some(endpoint)).is_err(),
                "{endpoint}"
            );
            let none = authority_file(None, Some(endpoint));
            assert_eq!(none.expect("nothing was asked for"), None);
        }
    }
}
