//! The system behind its sockets.

use local::{Options, Site};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> TempDir {
        let path = std::env::temp_dir().join(format!("local-{name}-{}", std::process::id()));
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_bus_takes_reports_as_json_and_shows_what_it_could_not_deliver() {
    let site = start(None).await;
    let post = |content_type: &str, body: &str| {
        format!(
            "POST /dev/events HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let report =
        r#"{"source":"instaview.interview-engine","detail-type":"InterviewReport","detail":{}}"#;
    let other = r#"{"source":"somebody.else","detail-type":"InterviewReport","detail":{}}"#;
    for (content_type, body, expected) in [
        ("text/plain", report, 415),
        ("application/json", "{", 400),
        ("application/json", other, 422),
        ("application/json", report, 422),
    ] {
        let (status, received) = send(&site.facts.api_url, &post(content_type, body)).await;
        assert_eq!(status, expected, "{received}");
    }
    let list = "GET /dev/events/failures HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n";
    let (status, received) = send(&site.facts.api_url, list).await;
    assert_eq!(status, 200);
    assert_eq!(received.matches("\"reason\"").count(), 1, "{received}");
    assert!(received.contains("/eventId Required"), "{received}");
    site.stop().await;
}

struct Running {
    facts: local::Facts,
    stop: watch::Sender<bool>,
    serving: JoinHandle<anyhow::Result<()>>,
}

async fn start(data_dir: Option<&Path>) -> Running {
    let options = Options {
        data_dir: data_dir.map(Path::to_owned),
        ..Options::default()
    };
    let site = Site::start(options).await.expect("a site");
    let facts = site.facts().clone();
    let (stop, stopped) = watch::channel(false);
    Running {
        facts,
        stop,
        serving: tokio::spawn(site.serve(stopped)),
    }
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        self.serving.await.expect("no panic").expect("stopped");
    }

    fn key(&self) -> &str {
        self.facts.demo_key.as_deref().expect("seeded")
    }
}

/// Status and everything that was received.
async fn send(url: &str, request: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = request.replace("{host}", address);
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut received = String::new();
    stream
        .read_to_string(&mut received)
        .await
        .expect("received");
    let status = received
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), received)
}

#[tokio::test]
async fn a_second_start_keeps_everything() {
    let dir = TempDir::new("second-start");
    let first = start(Some(&dir.0)).await;
    let (key, companies) = (first.key().to_owned(), first.facts.companies.clone());
    let ats_key_before = first.facts.demo_ats_key.clone();
    assert!(
        Site::start(Options {
            data_dir: Some(dir.0.clone()),
            ..Options::default()
        })
        .await
        .is_err()
    );
    first.stop().await;

    let second = start(Some(&dir.0)).await;
    assert_eq!(second.key(), key);
    for (company, before) in second.facts.companies.iter().zip(companies) {
        assert_eq!((company.id, &company.name), (before.id, &before.name));
    }
    let list = format!(
        "GET /jobs HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    let (status, received) = send(&second.facts.api_url, &list).await;
    assert_eq!(status, 200);
    assert!(received.contains("\"total\":12,"), "{received}");
    // The partner's key acts for both companies.
    let ats_key = second.facts.demo_ats_key.as_deref().expect("seeded");
    assert_eq!(Some(ats_key), ats_key_before.as_deref());
    let list = format!(
        "GET /companies HTTP/1.1\r\nhost: {{host}}\r\nauthorization: Bearer {ats_key}\r\nconnection: close\r\n\r\n"
    );
    let (status, received) = send(&second.facts.api_url, &list).await;
    assert_eq!(status, 200);
    for company in &second.facts.companies {
        assert!(received.contains(&company.id.to_string()), "{received}");
    }
    second.stop().await;

    for entry in fs::read_dir(&dir.0).expect("the directory") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        if entry.path().is_dir() {
            assert_eq!(mode, 0o700, "{}", entry.path().display());
            continue;
        }
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        let holds_key = fs::read(entry.path())
            .expect("content")
            .windows(key.len())
            .any(|found| found == key.as_bytes());
        assert_eq!(
            holds_key,
            entry.file_name() == "local.json",
            "{}",
            entry.path().display()
        );
    }
    let mode = fs::metadata(&dir.0).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[tokio::test]
async fn loopback_is_not_trusted() {
    let running = start(None).await;
    let facts = &running.facts;
    let urls = [&facts.api_url, &facts.issuer_url, &facts.dynamodb_url];
    for url in urls {
        let rebound = "GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
        assert_eq!(send(url, rebound).await.0, 421, "{url}");
        for foreign in ["origin: https://evil.example", "sec-fetch-site: cross-site"] {
            let post = format!(
                "POST / HTTP/1.1\r\nhost: {{host}}\r\n{foreign}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            let (status, received) = send(url, &post).await;
            assert_eq!(status, 403, "{url} {foreign}");
            assert!(!received.to_lowercase().contains("access-control"));
        }
    }
    let id = &facts.dynamodb_access_key_id;
    for (authorization, status) in [
        (String::new(), 403),
        (
            "authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101/x/dynamodb/aws4_request\r\n"
                .to_owned(),
            403,
        ),
        (
            format!(
                "authorization: AWS4-HMAC-SHA256 Credential={id}/20260101/x/dynamodb/aws4_request\r\n"
            ),
            200,
        ),
    ] {
        let list = format!(
            "POST / HTTP/1.1\r\nhost: {{host}}\r\n{authorization}x-amz-target: DynamoDB_20120810.ListTables\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        assert_eq!(
            send(&facts.dynamodb_url, &list).await.0,
            status,
            "{authorization}"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn the_document_is_served_without_a_script() {
    let running = start(None).await;
    for path in ["/docs", "/openapi.json"] {
        let get = format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\n\r\n");
        let (status, received) = send(&running.facts.api_url, &get).await;
        assert_eq!(status, 200);
        assert!(!received.contains("<script") && received.contains("CreateJob"));
    }
    running.stop().await;
}

/// The answer's `field`, wherever it stands.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\n\r\n")
}

fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {{host}}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn mail_ends_in_the_outbox_and_is_still_there_after_a_second_start() {
    let dir = TempDir::new("outbox");
    let first = start(Some(&dir.0)).await;
    let form = "grant_type=password&client_id=instaview-local&username=owner@acme.example&password=instaview";
    let signed_in = post(
        "/token",
        "content-type: application/x-www-form-urlencoded\r\n",
        form,
    );
    let (_, tokens) = send(&first.facts.issuer_url, &signed_in).await;
    let token = field(&tokens, "access_token").expect("a token");
    let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    let body = r#"{"email":"grace@acme.example","role":"ADMIN"}"#;
    let (status, received) = send(&first.facts.api_url, &post("/members", &headers, body)).await;
    assert_eq!(status, 201, "{received}");
    let mut letters = String::new();
    for _ in 0..200 {
        let (status, received) = send(&first.facts.api_url, &get("/dev/outbox")).await;
        assert_eq!(status, 200);
        let (_, body) = received.split_once("\r\n\r\n").expect("a body");
        letters = body.to_owned();
        if field(&letters, "to").is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(field(&letters, "to"), Some("grace@acme.example"));
    let text = field(&letters, "text").expect("a text");
    let link = format!("{}/dashboard/invitations/", first.facts.api_url);
    for said in [link.as_str(), "owner@acme.example", "Acme", "role Admin"] {
        assert!(text.contains(said), "{text}");
    }
    for name in ["subject", "messageId", "at"] {
        assert!(field(&letters, name).is_some(), "{name}");
    }
    // It is there to be read.
    let (status, _) = send(&first.facts.api_url, &post("/dev/outbox", &headers, "{}")).await;
    assert_eq!(status, 404);
    first.stop().await;

    let second = start(Some(&dir.0)).await;
    let (_, received) = send(&second.facts.api_url, &get("/dev/outbox")).await;
    assert!(received.ends_with(&letters), "{received}");
    second.stop().await;
    let mode = fs::metadata(dir.0.join("outbox.json"))
        .expect("the outbox")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
