//! A certificate authority that lives for one run.

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::TLS13,
};
use std::sync::Arc;

pub(super) struct Authority {
    pub(super) ca_pem: String,
    /// With a certificate for loopback's names.
    pub(super) server: ServerConfig,
}

impl Authority {
    /// P-256 and TLS 1.3, as DynamoDB's endpoints have.
    pub(super) fn new() -> anyhow::Result<Authority> {
        let mut ca = CertificateParams::default();
        // OpenSSL, which Python and Node have, takes a certificate that is named as its issuer for self-signed.
        ca.distinguished_name = DistinguishedName::new();
        ca.distinguished_name
            .push(DnType::CommonName, "bench's authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // Python demands it from 3.13 on, and the key identifier below.
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_key = KeyPair::generate()?;
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let mut certificate = CertificateParams::new(names)?;
        certificate.use_authority_key_identifier_extension = true;
        let certificate = certificate.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .context("no TLS 1.3")?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Authority { ca_pem, server })
    }
}
