//! Loopback is not trusted. Any page that the user opens can reach these ports.

use std::net::{IpAddr, TcpStream, UdpSocket};

use crate::{
    client::{Response, raw, send},
    process::{Place, Server},
};

const LISTENERS: [&str; 3] = ["apiUrl", "issuerUrl", "dynamodbUrl"];

fn status(url: &str, request: &str) -> u16 {
    raw(url, request).expect("an answer").status
}

#[test]
fn every_listener_answers_to_its_own_name_alone() {
    let place = Place::new("host");
    let server = Server::ephemeral(&place, &[]);
    for listener in LISTENERS {
        let url = server.fact(listener);
        let port = url.rsplit(':').next().expect("a port");
        let ask = |head: &str| status(url, &format!("{head}\r\nconnection: close\r\n\r\n"));
        let foreign = [
            "host: evil.example".to_owned(),
            format!("host: evil.example:{port}"),
            format!("host: 127.0.0.1.evil.example:{port}"),
            format!("host: 127.0.0.1:{port}@evil.example"),
            format!("host: 0.0.0.0:{port}"),
            format!("host: 127.0.0.2:{port}"),
            "host: 127.0.0.1".to_owned(),
            "host: localhost:1".to_owned(),
            "host:".to_owned(),
            "accept: */*".to_owned(),
            "host: {host}\r\nhost: evil.example".to_owned(),
        ];
        for host in &foreign {
            for line in ["GET / HTTP/1.1", "POST / HTTP/1.1", "GET /health HTTP/1.0"] {
                let status = ask(&format!("{line}\r\n{host}"));
                assert_eq!(status, 421, "{listener}: {line} {host}");
            }
        }
        // The target's own authority overrules the header.
        let absolute = |target: &str| ask(&format!("GET {target} HTTP/1.1\r\nhost: {{host}}"));
        for target in [
            "http://evil.example/",
            "http://evil.example/.well-known/jwks.json",
            "https://127.0.0.1/",
            "http://127.0.0.1:1/jobs",
        ] {
            assert_eq!(absolute(target), 421, "{listener}: {target}");
        }
        for name in ["127.0.0.1", "localhost", "[::1]"] {
            let status = ask(&format!("GET / HTTP/1.1\r\nhost: {name}:{port}"));
            assert_eq!(status, 404, "{listener}: {name}");
        }
        assert_eq!(absolute(&format!("{url}/")), 404, "{listener}");
    }
    let absolute = "GET http://{host}/health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n";
    assert_eq!(status(server.fact("apiUrl"), absolute), 200);
}

#[test]
fn no_listener_is_reached_from_outside() {
    let place = Place::new("outside");
    let server = Server::ephemeral(&place, &[]);
    // No packet is sent: it only chooses the address that one would be sent from.
    let own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        Ok(socket.local_addr()?.ip())
    });
    let own = own
        .ok()
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let other: IpAddr = [127, 0, 0, 2].into();
    for listener in LISTENERS {
        let port = server.fact(listener).rsplit(':').next().expect("a port");
        let port: u16 = port.parse().expect("a number");
        for address in own.into_iter().chain([other]) {
            assert!(TcpStream::connect((address, port)).is_err(), "{address}");
        }
    }
}

#[test]
fn a_foreign_page_changes_nothing_and_reads_nothing() {
    let place = Place::new("foreign-page");
    let server = Server::ephemeral(&place, &[]);
    let bearer = format!("Bearer {}", server.fact("demoKey"));
    let form = "grant_type=password&username=owner@acme.example&password=instaview&client_id=instaview-local";
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/dynamodb/aws4_request",
        server.fact("dynamodbAccessKeyId")
    );
    // Each would be carried out, were it not for where it comes from.
    let calls = [
        (
            "apiUrl",
            "/jobs",
            crate::story::JOB,
            vec![
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
            ],
            201,
        ),
        (
            "issuerUrl",
            "/token",
            form,
            vec![("content-type", "application/x-www-form-urlencoded")],
            200,
        ),
        (
            "dynamodbUrl",
            "/",
            "{}",
            vec![
                ("authorization", credential.as_str()),
                ("x-amz-target", "DynamoDB_20120810.ListTables"),
            ],
            200,
        ),
    ];
    for (listener, target, body, headers, carried_out) in calls {
        let url = server.fact(listener);
        let other = server.fact(if listener == "apiUrl" {
            "issuerUrl"
        } else {
            "apiUrl"
        });
        let post = |more: &[(&str, &str)]| -> Response {
            let headers = [headers.as_slice(), more].concat();
            send(url, "POST", target, &headers, body).expect("an answer")
        };
        for foreign in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", other),
            ("origin", &url.replace("http:", "https:")),
            ("sec-fetch-site", "cross-site"),
        ] {
            assert_eq!(post(&[foreign]).status, 403, "{listener}: {foreign:?}");
        }
        let twice = [("origin", url), ("origin", "https://evil.example")];
        assert_eq!(post(&twice).status, 403, "{listener}");
        for own in [
            ("origin", url),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "none"),
        ] {
            assert_eq!(post(&[own]).status, carried_out, "{listener}: {own:?}");
        }
        // The client fails the test at any access-control header.
        let preflight = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization, content-type",
            ),
        ];
        let preflight = send(url, "OPTIONS", target, &preflight, "").expect("an answer");
        assert!(preflight.status >= 400, "{listener}");
        let page = [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ];
        for path in [
            "/docs",
            "/openapi.json",
            "/.well-known/jwks.json",
            "/health",
            target,
        ] {
            send(url, "GET", path, &page, "").expect("an answer");
        }
    }
    // Three of ours, none of theirs, twelve of the seed.
    assert_eq!(
        server.demo().data(200, "GET", "/jobs", "")["pagination"]["total"],
        15
    );
}

#[test]
fn dynamodb_wants_the_key_of_local_json() {
    let place = Place::new("dynamodb");
    let server = Server::ephemeral(&place, &[]);
    let own = server.fact("dynamodbAccessKeyId");
    let signed = |id: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential={id}/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00"
        )
    };
    let call = |authorization: Option<&str>, target: &str| {
        let mut headers = vec![("x-amz-target", target)];
        headers.extend(authorization.map(|value| ("authorization", value)));
        send(server.fact("dynamodbUrl"), "POST", "/", &headers, "{}").expect("an answer")
    };
    let list = "DynamoDB_20120810.ListTables";
    for foreign in [
        None,
        Some(signed("AKIAIOSFODNN7EXAMPLE")),
        Some(signed("")),
        Some(signed(&own[..own.len() - 1])),
        Some(signed(&own.to_lowercase())),
        Some(format!("Bearer {own}")),
        Some(own.to_owned()),
    ] {
        for target in [
            list,
            "DynamoDB_20120810.Scan",
            "DynamoDBStreams_20120810.ListStreams",
        ] {
            let answer = call(foreign.as_deref(), target);
            assert_eq!(answer.status, 403, "{foreign:?} {}", answer.text());
        }
    }
    let answer = call(Some(&signed(own)), list);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json()["TableNames"].as_array().map(Vec::len),
        Some(5)
    );
}

#[test]
fn a_form_reaches_no_development_route() {
    let place = Place::new("dev");
    let server = Server::ephemeral(&place, &[]);
    for media in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data",
    ] {
        for path in ["/dev/", "/dev/mail", "/dev/clock"] {
            let answer = send(
                server.fact("apiUrl"),
                "POST",
                path,
                &[("content-type", media)],
                "a=b",
            );
            assert_eq!(answer.expect("an answer").status, 415, "{path} {media}");
        }
    }
}
