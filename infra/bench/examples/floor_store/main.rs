//! Floor (b): floor (a), and for each event one signed GetItem on a connection that is kept.

#[path = "../floor/runtime_api.rs"]
mod runtime_api;

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use runtime_api::{header, receive, serve, variable};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    io::{self, Write},
    net::TcpStream,
    sync::Arc,
};

struct Store {
    stream: StreamOwned<ClientConnection, TcpStream>,
    host: String,
    region: String,
    key_id: String,
    secret: String,
    body: String,
}

fn main() -> io::Result<()> {
    let mut store = Store::connect()?;
    serve(|head| {
        let now = header(head, "lambda-runtime-deadline-ms").unwrap_or_default();
        store.get_item(now.parse().map_err(io::Error::other)?)
    })
}

impl Store {
    fn connect() -> io::Result<Store> {
        let endpoint = variable("DYNAMODB_ENDPOINT")?;
        let host = endpoint.trim_start_matches("https://").to_owned();
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(variable("DYNAMODB_CA_FILE")?);
        roots
            .add(authority.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = host.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let socket = TcpStream::connect(&host)?;
        socket.set_nodelay(true)?;
        let table = variable("KEYS_TABLE")?;
        Ok(Store {
            stream: StreamOwned::new(connection, socket),
            host,
            region: variable("AWS_REGION")?,
            key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret: variable("AWS_SECRET_ACCESS_KEY")?,
            body: format!(
                r#"{{"TableName":"{table}","Key":{{"pk":{{"S":"WARM"}},"sk":{{"S":"WARM"}}}},"ConsistentRead":true}}"#
            ),
        })
    }

    fn get_item(&mut self, now: i64) -> io::Result<()> {
        let authorization = self.sign(now)?;
        let Store { host, body, .. } = self;
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\n\
             X-Amz-Target: DynamoDB_20120810.GetItem\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        self.stream.flush()?;
        let (head, _item) = receive(&mut self.stream)?;
        match head.starts_with("HTTP/1.1 200 ") {
            true => Ok(()),
            false => Err(io::Error::other(head)),
        }
    }

    /// Signature version 4: the lines of its two headers.
    fn sign(&self, now: i64) -> io::Result<String> {
        let now = DateTime::from_timestamp_millis(now).ok_or(io::ErrorKind::InvalidData)?;
        let (date, time) = (now.format("%Y%m%d"), now.format("%Y%m%dT%H%M%SZ"));
        let names = "host;x-amz-date;x-amz-target";
        let canonical = format!(
            "POST\n/\n\nhost:{}\nx-amz-date:{time}\nx-amz-target:DynamoDB_20120810.GetItem\n\n{names}\n{}",
            self.host,
            hex(&Sha256::digest(self.body.as_bytes()))
        );
        let scope = format!("{date}/{}/dynamodb/aws4_request", self.region);
        let canonical = hex(&Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part);
        }
        let signature = hex(&mac(&key, &to_sign));
        Ok(format!(
            "X-Amz-Date: {time}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}\r\n",
            self.key_id
        ))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
