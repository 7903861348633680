//! Secrets by reference: an ARN of Secrets Manager, or `file:<path>` on a developer's machine.

use auth::SecretDocument;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use std::{
    fmt::{self, Display},
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

use crate::{StartError, local, required};

/// Where the secret is that an environment variable refers to.
#[derive(Debug)]
pub struct SecretPlace {
    variable: &'static str,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Managed {
        client: aws_sdk_secretsmanager::Client,
        id: String,
    },
}

/// A secret as it was read.
pub struct ReadSecret {
    pub document: SecretDocument,
    version: Version,
}

/// Says nothing of the secret.
impl fmt::Debug for ReadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadSecret")
    }
}

enum Version {
    Text(Zeroizing<String>),
    Id(String),
}

/// Reads the secret that an environment variable refers to.
pub(crate) async fn read(
    config: &SdkConfig,
    variable: &'static str,
) -> Result<SecretDocument, StartError> {
    Ok(SecretPlace::of(config, variable)?.read().await?.document)
}

const CURRENT: &str = "AWSCURRENT";

impl SecretPlace {
    /// # Errors
    /// The variable is missing, or refers to what can't be.
    pub fn find(variable: &'static str) -> Result<SecretPlace, StartError> {
        SecretPlace::of(&crate::sdk_config()?, variable)
    }

    fn of(config: &SdkConfig, variable: &'static str) -> Result<SecretPlace, StartError> {
        let reference = required(variable)?;
        let place = match local::file(variable, &reference)? {
            Some(path) => Place::File(path.into()),
            None => Place::Managed {
                client: aws_sdk_secretsmanager::Client::new(config),
                id: reference,
            },
        };
        Ok(SecretPlace { variable, place })
    }

    pub async fn read(&self) -> Result<ReadSecret, StartError> {
        let (text, version) = match &self.place {
            Place::File(path) => {
                let text = fs::read_to_string(path).map_err(|error| self.fault(error))?;
                let text = Zeroizing::new(text);
                (text.clone(), Version::Text(text))
            }
            Place::Managed { client, id } => {
                let sent = client.get_secret_value().secret_id(id).send().await;
                let value = sent.map_err(|error| self.fault(code(&error)))?;
                let text = value.secret_string;
                let text = text.ok_or_else(|| self.fault("it holds no text"))?;
                (
                    Zeroizing::new(text),
                    Version::Id(value.version_id.unwrap_or_default()),
                )
            }
        };
        let document = SecretDocument::from_json(&text).map_err(|error| self.fault(error))?;
        Ok(ReadSecret { document, version })
    }

    /// Puts the first document there.
    ///
    /// # Errors
    /// There is one.
    pub async fn fill(&self, first: &SecretDocument) -> Result<(), StartError> {
        match &self.place {
            Place::File(path) if path.exists() => Err(self.fault("it is filled already")),
            Place::File(path) => write_private(path, &first.to_json()).map_err(|e| self.fault(e)),
            Place::Managed { client, id } => {
                let there = client.get_secret_value().secret_id(id).send().await;
                let Err(error) = there else {
                    return Err(self.fault("it is filled already"));
                };
                // So a secret says that it has no version yet.
                if code(&error) != "ResourceNotFoundException" {
                    return Err(self.fault(code(&error)));
                }
                let put = client.put_secret_value().secret_id(id);
                let put = put.secret_string(first.to_json().as_str()).send().await;
                put.map(drop).map_err(|error| self.fault(code(&error)))
            }
        }
    }

    /// Puts the document there as it is now, in the place of what was read.
    ///
    /// # Errors
    /// Somebody else has changed it meanwhile, or it can't be written: it is as it was.
    pub async fn replace(&self, read: ReadSecret) -> Result<(), StartError> {
        let ReadSecret { document, version } = read;
        let changed = || self.fault("somebody else has changed it meanwhile");
        match (&self.place, version) {
            (Place::File(path), Version::Text(before)) => {
                let now = fs::read_to_string(path).map(Zeroizing::new);
                if now.map_err(|error| self.fault(error))? != before {
                    return Err(changed());
                }
                write_private(path, &document.to_json()).map_err(|error| self.fault(error))
            }
            (Place::Managed { client, id }, Version::Id(before)) => {
                let put = client
                    .put_secret_value()
                    .secret_id(id)
                    .secret_string(document.to_json().as_str())
                    // Nobody reads it under this name.
                    .version_stages("PROPOSED")
                    .send()
                    .await
                    .map_err(|error| self.fault(code(&error)))?;
                // The condition: only from the version that was read does the label move.
                client
                    .update_secret_version_stage()
                    .secret_id(id)
                    .version_stage(CURRENT)
                    .remove_from_version_id(before)
                    .set_move_to_version_id(put.version_id)
                    .send()
                    .await
                    .map(drop)
                    .map_err(|error| match code(&error) {
                        "InvalidParameterException" => changed(),
                        other => self.fault(other),
                    })
            }
            _ => Err(changed()),
        }
    }

    fn fault(&self, why: impl Display) -> StartError {
        StartError::Secret(self.variable, why.to_string())
    }
}

/// The code alone: the rest of an error may hold the answer, and the answer is the secret.
fn code(error: &impl ProvideErrorMetadata) -> &str {
    error.code().unwrap_or("no answer")
}

/// In one step, for its user alone.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, path)
}
