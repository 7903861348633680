//! A Lambda process: from its environment to an [`App`], once, in the init phase.
//!
//! Invariant: the only crate but `infra/local` that reads the environment; a secret is named there by reference and never stands in it.
//! Knows nothing of operations.
#![cfg(feature = "lambda")]

mod http;
mod local;
mod log;
mod objects;
mod outward;
mod secret;
mod signer;

pub use http::{HttpError, fetch_keys};
pub use lambda_http::Error;
pub use log::{RuntimeErrors, start_log};
pub use objects::S3;
pub use outward::Outward;
pub use secret::{ReadSecret, SecretPlace};
pub use signer::Kms;

use api::{App, Clock, Entropy, Objects, Reloading, SignIn, Source, StreamedBody, TrustedIssuer};
use auth::{InvitationKeys, IssuerConfig, Keyring, SecretDocument, SessionKeys, TokenAlgorithm};
use aws_config::{
    environment::credentials::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use lambda_http::{Body, Request, Response, service_fn};
use std::{convert::Infallible, sync::Arc, time::Duration};
use store::{CursorKeys, Table, TableNames};
use trail::{AuditKey, AuditKeys, KeyUse};

/// What a function has besides tables; the template grants no more secrets.
///
/// A service is named by the code that calls it, so that a program has the code of no other: the authorizer's was 13 MB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    pub keyring: bool,
    pub cursors: bool,
    /// The links of invitations, from the same secret as cursors.
    pub invitations: bool,
    /// What the dashboard's cookies and forms are proved by, and where its people sign in.
    pub sessions: bool,
    /// People's tokens in bodies.
    pub issuer: bool,
    /// The key that signs exports.
    pub export_signer: Option<Kms>,
    /// The key that signs checkpoints.
    pub checkpoint_signer: Option<Kms>,
    /// The public halves of both.
    pub audit_keys: Option<Kms>,
    pub checkpoints: Option<S3>,
    /// Stream records that could not be read.
    pub quarantine: Option<S3>,
    /// Batches that could not be consumed.
    pub failures: Option<S3>,
    /// Mail and the event bus.
    pub outward: Option<Outward>,
    /// Whoever operates the stack may be far away from it, and has time.
    pub patience: bool,
}

/// The process can't start: what is missing or wrong in its environment.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("environment variable {0} is missing")]
    Missing(&'static str),
    #[error("environment variable {0} can't be used: {1}")]
    Unusable(&'static str, String),
    #[error("secret {0}: {1}")]
    Secret(&'static str, String),
    #[error("key {0} can't be used: {1}")]
    Key(&'static str, String),
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Starts a function that answers requests of API Gateway, and lets it answer for as long as the process lives.
///
/// # Errors
/// The process can't start.
pub async fn serve<Answer>(
    needs: Needs,
    handle: impl Fn(&'static App, Request) -> Answer + Send + Sync,
) -> Result<(), Error>
where
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    // It ends with the process.
    let app: &'static App = Box::leak(Box::new(start(needs).await?));
    lambda_http::run(service_fn(|request| {
        let answer = handle(app, request);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// As [`serve`], for a function whose answers are streamed.
///
/// # Errors
/// The process can't start.
pub async fn serve_streamed<Answer>(
    needs: Needs,
    handle: impl Fn(&'static App, Request) -> Answer + Send + Sync,
) -> Result<(), Error>
where
    Answer: Future<Output = Response<StreamedBody>> + Send + 'static,
{
    // It ends with the process.
    let app: &'static App = Box::leak(Box::new(start(needs).await?));
    lambda_http::run_with_streaming_response(service_fn(|request| {
        let answer = handle(app, request);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Builds the process's [`App`]: connections are opened, and secrets read, while init's CPU is free of the memory share.
///
/// # Errors
/// The process can't start; the log says why, since Lambda itself only says that it ended.
pub async fn start(needs: Needs) -> Result<App, StartError> {
    let app = app(needs).await;
    app.inspect_err(|error| tracing::error!(%error, "not started"))
}

async fn app(needs: Needs) -> Result<App, StartError> {
    let config = match needs.patience {
        true => outward::patient(&sdk_config()?),
        false => sdk_config()?,
    };
    let table = Table::new(dynamodb(&config)?, table_names()?);
    let (warm, secrets) = tokio::join!(table.warm_up(), async {
        let keys = document(&config, KEYS, needs.keyring).await?;
        let cursors = document(&config, CURSORS, needs.cursors || needs.invitations).await?;
        let sessions = document(&config, SESSIONS, needs.sessions).await?;
        let sessions =
            sessions.map(|document| reloading(&config, SESSIONS, &document, SessionKeys::new));
        let keyring = keys.map(|keys| reloading(&config, KEYS, &keys, Keyring::new));
        let of_cursors = |needed: bool| cursors.as_ref().filter(|_| needed);
        let invitations = of_cursors(needs.invitations)
            .map(|document| reloading(&config, CURSORS, document, InvitationKeys::new));
        let cursors = of_cursors(needs.cursors)
            .map(|document| reloading(&config, CURSORS, document, CursorKeys::new));
        Ok::<_, StartError>((keyring, cursors, invitations, sessions))
    });
    if let Err(error) = warm {
        // A role that may not read the row has opened the connection all the same; other faults the first request finds out.
        tracing::debug!(error = %error, "the warm-up read failed");
    }
    let (keyring, cursors, invitations, sessions) = secrets?;
    let issuer = match needs.issuer {
        true => Some(Arc::new(TrustedIssuer::new(issuer()?, fetch_keys()?))),
        false => None,
    };
    Ok(App {
        table,
        clock: Clock::system(),
        entropy: Entropy,
        cursors,
        keyring,
        invitations,
        sessions,
        sign_in: match needs.sessions {
            true => Some(sign_in()?),
            false => None,
        },
        issuer,
        mailer: match needs.outward {
            Some(outward) => (outward.mailer)(&config),
            None => None,
        },
        bus: needs.outward.and_then(|outward| (outward.bus)(&config)),
        export_signer: match needs.export_signer {
            Some(kms) => Some((kms.signer)(&config, EXPORT_KEY).await?),
            None => None,
        },
        checkpoint_signer: match needs.checkpoint_signer {
            Some(kms) => Some((kms.signer)(&config, CHECKPOINT_KEY).await?),
            None => None,
        },
        audit_keys: match needs.audit_keys {
            Some(kms) => Some(Arc::new(audit_keys(kms, &config).await?)),
            None => None,
        },
        checkpoints: bucket(needs.checkpoints, &config, CHECKPOINT_BUCKET)?,
        quarantine: bucket(needs.quarantine, &config, QUARANTINE_BUCKET)?,
        failures: bucket(needs.failures, &config, FAILURE_BUCKET)?,
    })
}

fn bucket(
    needed: Option<S3>,
    config: &aws_config::SdkConfig,
    name: &'static str,
) -> Result<Option<Objects>, StartError> {
    needed.map(|s3| (s3.objects)(config, name)).transpose()
}

/// Read once a process: what KMS keeps doesn't change.
async fn audit_keys(kms: Kms, config: &aws_config::SdkConfig) -> Result<AuditKeys, StartError> {
    let (export, checkpoint) = tokio::try_join!(
        (kms.public_key)(config, EXPORT_KEY),
        (kms.public_key)(config, CHECKPOINT_KEY),
    )?;
    Ok(AuditKeys {
        keys: vec![
            AuditKey::new(KeyUse::Export, export),
            AuditKey::new(KeyUse::Checkpoint, checkpoint),
        ],
    })
}

const EXPORT_KEY: &str = "EXPORT_KEY";
const CHECKPOINT_KEY: &str = "CHECKPOINT_KEY";
const CHECKPOINT_BUCKET: &str = "CHECKPOINT_BUCKET";
const FAILURE_BUCKET: &str = "FAILURE_BUCKET";
const QUARANTINE_BUCKET: &str = "QUARANTINE_BUCKET";
const KEYS: &str = "KEYS_SECRET";
const CURSORS: &str = "CURSOR_SECRET";
const DASHBOARD_URL: &str = "DASHBOARD_URL";
const SESSIONS: &str = "SESSION_SECRET";

/// The secret, if it is needed.
async fn document(
    config: &aws_config::SdkConfig,
    name: &'static str,
    needed: bool,
) -> Result<Option<SecretDocument>, StartError> {
    match needed {
        true => Ok(Some(secret::read(config, name).await?)),
        false => Ok(None),
    }
}

/// What is made of a secret, which is read again from where it was read.
fn reloading<T: Send + Sync + 'static>(
    config: &aws_config::SdkConfig,
    name: &'static str,
    first: &SecretDocument,
    make: fn(&SecretDocument) -> T,
) -> Arc<Reloading<T>> {
    let first = make(first);
    let config = config.clone();
    let source: Source<T> = Arc::new(move || {
        let config = config.clone();
        Box::pin(async move {
            secret::read(&config, name)
                .await
                .ok()
                .map(|document| make(&document))
        })
    });
    Arc::new(Reloading::new(first, Clock::system().now(), source))
}

/// Where people sign in to the dashboard.
fn sign_in() -> Result<SignIn, StartError> {
    let IssuerConfig {
        issuer, client_ids, ..
    } = issuer()?;
    Ok(SignIn {
        issuer,
        client_id: client_ids.into_iter().next().unwrap_or_default(),
        authorize_url: required("AUTHORIZE_URL")?,
        token_url: required("TOKEN_URL")?,
        dashboard_url: optional(DASHBOARD_URL)
            .map(|url| {
                url.parse()
                    .map_err(|_| StartError::Unusable(DASHBOARD_URL, url))
            })
            .transpose()?,
        call: http::call()?,
    })
}

/// The issuer of people's tokens.
fn issuer() -> Result<IssuerConfig, StartError> {
    Ok(IssuerConfig {
        issuer: required("ISSUER_URL")?,
        jwks_url: required("JWKS_URL")?,
        client_ids: required("ISSUER_CLIENT_IDS")?
            .split(',')
            .map(str::to_owned)
            .collect(),
        algorithm: match required("ISSUER_ALGORITHM")?.as_str() {
            "RS256" => TokenAlgorithm::Rs256,
            "ES256" => TokenAlgorithm::Es256,
            other => return Err(StartError::Unusable("ISSUER_ALGORITHM", other.to_owned())),
        },
    })
}

fn table_names() -> Result<TableNames, StartError> {
    Ok(TableNames {
        keys: required("KEYS_TABLE")?,
        denials: required("DENIALS_TABLE")?,
        records: required("RECORDS_TABLE")?,
        audit: required("AUDIT_TABLE")?,
        sessions: required("SESSIONS_TABLE")?,
    })
}

/// Credentials are Lambda's own, in the environment: no profile, no SSO, no metadata service is ever asked.
fn sdk_config() -> Result<aws_config::SdkConfig, StartError> {
    Ok(aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(
            aws_credential_types::provider::SharedCredentialsProvider::new(
                EnvironmentVariableCredentialsProvider::new(),
            ),
        )
        .http_client(http::client(None)?)
        // The SDK's default first pause of a second leaves no time for a retry.
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(25)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_millis(500))
                .operation_attempt_timeout(Duration::from_millis(300))
                .operation_timeout(Duration::from_millis(900))
                .build(),
        )
        .sleep_impl(aws_sdk_dynamodb::config::SharedAsyncSleep::new(
            aws_smithy_async::rt::sleep::TokioSleep::new(),
        ))
        .build())
}

fn dynamodb(config: &aws_config::SdkConfig) -> Result<aws_sdk_dynamodb::Client, StartError> {
    let mut builder = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(endpoint) = local::endpoint() {
        builder = builder.endpoint_url(endpoint);
    }
    if let Some(authority) = local::authority()? {
        // This client's alone: what speaks to AWS never trusts it.
        builder = builder.http_client(http::client(Some(authority))?);
    }
    Ok(aws_sdk_dynamodb::Client::from_conf(builder.build()))
}

fn required(name: &'static str) -> Result<String, StartError> {
    optional(name).ok_or(StartError::Missing(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of a Lambda process that reads the environment"
)]
fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
