//! Secrets by reference: an ARN of Secrets Manager, or `file:<path>` on a developer's machine.

use auth::SecretDocument;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use std::net::IpAddr;
use zeroize::Zeroizing;

use crate::{StartError, optional, required};

/// Reads the secret that an environment variable refers to.
pub(crate) async fn read(
    config: &SdkConfig,
    name: &'static str,
) -> Result<SecretDocument, StartError> {
    let reference = required(name)?;
    let refused = |why: String| StartError::Secret(name, why);
    let text = match file(name, &reference)? {
        Some(path) => Zeroizing::new(
            std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?,
        ),
        None => {
            let client = aws_sdk_secretsmanager::Client::new(config);
            let sent = client.get_secret_value().secret_id(reference).send().await;
            let value = sent.map_err(|error| {
                // The code alone: the rest of an error may hold the answer, and the answer is the secret.
                refused(error.code().unwrap_or("no answer").to_owned())
            })?;
            Zeroizing::new(
                value
                    .secret_string
                    .ok_or_else(|| refused("it holds no text".to_owned()))?,
            )
        }
    };
    SecretDocument::from_json(&text).map_err(|error| refused(error.to_string()))
}

/// The path, if the reference is one.
///
/// # Errors
/// A file is for the local system alone; a deployed function must never be talked into one.
pub(crate) fn file<'r>(
    name: &'static str,
    reference: &'r str,
) -> Result<Option<&'r str>, StartError> {
    let path = reference.strip_prefix("file:");
    let local = || optional("DYNAMODB_ENDPOINT").is_some_and(|endpoint| is_loopback(&endpoint));
    if path.is_some() && !local() {
        let why = "file: is for a DynamoDB endpoint on loopback only";
        return Err(StartError::Secret(name, why.to_owned()));
    }
    Ok(path)
}

fn is_loopback(endpoint: &str) -> bool {
    let authority = endpoint
        .strip_prefix("http://")
        .unwrap_or_default()
        .trim_end_matches('/');
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_is_loopback() {
        for good in [
            "http://127.0.0.1:3002",
            "http://localhost:8000/",
            "http://[::1]:1",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "",
            "https://dynamodb.eu-west-1.example",
            "http://127.0.0.1.example:80",
            "http://10.0.0.1:80",
            "http://localhost.example",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
