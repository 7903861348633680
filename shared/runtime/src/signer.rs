//! Signatures by a key of KMS, which never leaves it.

use api::{NotSigned, Signer};
use aws_config::SdkConfig;
use aws_sdk_kms::{
    Client,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use std::{pin::Pin, sync::Arc};
use trail::{PublicKey, SigningKey};

use crate::{StartError, local::file, required, secret};

/// The public key of the key that an environment variable names.
pub(crate) async fn public_key(
    config: &SdkConfig,
    name: &'static str,
) -> Result<PublicKey, StartError> {
    if let Some(key) = local(config, name).await? {
        return Ok(key.public());
    }
    let refused = |why: &str| StartError::Key(name, why.to_owned());
    let sent = Client::new(config).get_public_key();
    let sent = sent.key_id(required(name)?).send().await;
    let key = sent.map_err(|error| refused(error.code().unwrap_or("no answer")))?;
    let der = key
        .public_key
        .ok_or_else(|| refused("it has no public key"))?;
    PublicKey::from_der(der.as_ref()).ok_or_else(|| refused("it is not an Ed25519 key"))
}

pub(crate) async fn signer(config: &SdkConfig, name: &'static str) -> Result<Signer, StartError> {
    if let Some(key) = local(config, name).await? {
        let key = Arc::new(key);
        let public = key.public();
        let sign = move |message: Vec<u8>| {
            let key = Arc::clone(&key);
            let signed: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { Ok(key.sign(&message)) });
            signed
        };
        return Ok(Signer::new(public, Arc::new(sign)));
    }
    let public = public_key(config, name).await?;
    let (client, id) = (Client::new(config), required(name)?);
    let sign = move |message: Vec<u8>| {
        let request = client
            .sign()
            .key_id(&id)
            .message(Blob::new(message))
            // The message itself, at most 4 KB: Ed25519 hashes it by its own rule.
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::from("ED25519_SHA_512"));
        let signed: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async move {
            let signed = request.send().await;
            let signed = signed
                .map_err(|error| NotSigned(error.code().unwrap_or("no answer").to_owned()))?;
            let signature = signed.signature.map(Blob::into_inner);
            let signature = signature.and_then(|bytes| bytes.try_into().ok());
            signature.ok_or_else(|| NotSigned("it is no Ed25519 signature".to_owned()))
        });
        signed
    };
    Ok(Signer::new(public, Arc::new(sign)))
}

/// The local system's key, from its file.
async fn local(config: &SdkConfig, name: &'static str) -> Result<Option<SigningKey>, StartError> {
    if file(name, &required(name)?)?.is_none() {
        return Ok(None);
    }
    let document = secret::read(config, name).await?;
    Ok(Some(SigningKey::new(document.newest().1)))
}
