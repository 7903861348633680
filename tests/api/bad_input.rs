//! What can't be read or breaks a rule gets the contract's error, and changes nothing.

use local::HttpRequest;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Answer, Caller, Company, TestApp, job};

const KIB: usize = 1024;

struct World {
    app: TestApp,
    acme: Company,
    key: Caller,
    /// The path of the key.
    api_key: String,
    /// The path of a job.
    job: String,
}

impl World {
    async fn new() -> World {
        let app = TestApp::start().await;
        let acme = app.company("Acme").await;
        let key = app.key_with(&acme, json!({})).await;
        let api_key = format!("/api-keys/{}", key.id);
        let key = key.caller;
        let made = app.post(&key, "/jobs", &job()).await;
        let job = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
        World {
            app,
            acme,
            key,
            api_key,
            job,
        }
    }

    /// Everything that a refused request could have changed.
    async fn everything(&self) -> [Value; 2] {
        let jobs = self.app.get(&self.key, "/jobs?limit=100").await;
        let keys = self.app.get(&self.acme.owner, "/api-keys?limit=100").await;
        assert_eq!((jobs.status, keys.status), (200, 200));
        let mut keys = keys.data().clone();
        for key in keys["items"].as_array_mut().expect("items") {
            // Requests are counted on the key.
            key["lastUsedAt"].take();
            key["secrets"][0]["lastUsedAt"].take();
        }
        [jobs.data().clone(), keys]
    }

    /// The changes of a key that may go without a body.
    fn actions(&self) -> [(&Caller, &str, String); 3] {
        ["suspend", "resume", "revoke"].map(|action| {
            let target = format!("{}/{action}", self.api_key);
            (&self.acme.owner, "POST", target)
        })
    }

    /// Sends the body to every operation that takes one; the answers are the same, and repeat nothing of it.
    async fn send_body(&self, content_type: Option<&str>, body: &[u8]) -> Answer {
        let owner = &self.acme.owner;
        let mut targets = vec![
            (&self.key, "POST", "/jobs".to_owned()),
            (&self.key, "PATCH", self.job.clone()),
            (owner, "POST", "/api-keys".to_owned()),
            (owner, "PATCH", self.api_key.clone()),
        ];
        if !body.is_empty() {
            targets.extend(self.actions());
        }
        let mut first: Option<Answer> = None;
        for (caller, method, target) in targets {
            let mut request = caller.request(method, &target);
            request = match content_type {
                Some(content_type) => request.body(content_type, body),
                None => HttpRequest {
                    body: body.into(),
                    ..request
                },
            };
            let answer = self.app.send(request).await;
            assert!(!answer.raw.text().contains("Canary"), "{method} {target}");
            let first = first.get_or_insert_with(|| answer.clone());
            assert_eq!(
                (answer.status, answer.faults()),
                (first.status, first.faults()),
                "{method} {target}"
            );
        }
        first.expect("an answer")
    }
}

/// The envelope of every error.
fn assert_error(answer: &Answer, status: u16, code: &str, case: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (status, code),
        "{case}: {}",
        answer.body
    );
    assert_eq!(answer.body["success"], false, "{case}");
    assert_eq!(answer.body["data"], Value::Null, "{case}");
    assert!(answer.details().is_object(), "{case}");
    assert!(
        answer
            .header("x-request-id")
            .is_some_and(|id| !id.is_empty()),
        "{case}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
}

#[tokio::test]
async fn what_is_not_json_is_refused_as_json_without_repeating_it() {
    let world = World::new().await;
    let before = world.everything().await;
    let deep_arrays = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep_objects = "{\"a\":".repeat(30_000) + "1" + &"}".repeat(30_000);
    let text = |title: &str| format!("{{\"title\":\"{title}\"}}");
    let bodies: [(&str, Vec<u8>); 24] = [
        ("nothing", Vec::new()),
        ("white space", b" \n".to_vec()),
        ("a cut object", b"{\"title\":\"Canary".to_vec()),
        ("a cut escape", b"{\"title\":\"Canary\\u00".to_vec()),
        ("two values", b"{} {}".to_vec()),
        ("a trailing comma", b"{\"title\":\"Canary\",}".to_vec()),
        ("single quotes", b"{'title':'Canary'}".to_vec()),
        ("a comment", b"{/*Canary*/}".to_vec()),
        ("NaN", b"{\"metadata\":{\"a\":NaN}}".to_vec()),
        ("a leading zero", b"{\"metadata\":{\"a\":01}}".to_vec()),
        (
            "too large a number",
            b"{\"metadata\":{\"a\":1e400}}".to_vec(),
        ),
        (
            "too small a number",
            b"{\"salary\":{\"min\":-1e400}}".to_vec(),
        ),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("UTF-16", b"{\0}\0".to_vec()),
        ("a raw NUL", text("Canary \0 text").into_bytes()),
        ("a raw line break", text("Canary \n text").into_bytes()),
        ("a lone surrogate", text("Canary \\ud800").into_bytes()),
        (
            "a lone low surrogate",
            text("Canary \\udc00 x").into_bytes(),
        ),
        (
            "swapped surrogates",
            text("Canary \\udc00\\ud800").into_bytes(),
        ),
        (
            "a double name",
            b"{\"title\":\"Canary 1\",\"title\":\"Canary 2\"}".to_vec(),
        ),
        (
            "a double name inside",
            b"{\"metadata\":{\"a\":[{\"b\":1,\"\\u0062\":2}]}}".to_vec(),
        ),
        (
            "invalid UTF-8 outside a text",
            b"{\xff\"title\":\"Canary\"}".to_vec(),
        ),
        ("deep arrays", deep_arrays.into_bytes()),
        ("deep objects", deep_objects.into_bytes()),
    ];
    for (case, body) in bodies {
        let answer = world.send_body(Some("application/json"), &body).await;
        assert_error(&answer, 400, "VALIDATION_ERROR", case);
        assert_eq!(answer.faults(), [" json"], "{case}");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn json_of_another_shape_is_refused_by_type() {
    let world = World::new().await;
    let before = world.everything().await;
    for body in ["[]", "\"text\"", "1", "null", "true", "[{}]"] {
        let answer = world
            .send_body(Some("application/json"), body.as_bytes())
            .await;
        assert_error(&answer, 400, "VALIDATION_ERROR", body);
        assert_eq!(answer.faults(), [" type"], "{body}");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn numbers_beyond_64_bits_are_read_or_refused_and_never_wrap() {
    let world = World::new().await;
    for (number, fault) in [
        ("9223372036854775807", "/salary/max range"),
        ("9223372036854775808", "/salary/max range"),
        ("18446744073709551616", "/salary/max range"),
        ("-9223372036854775809", "/salary/max range"),
        ("1e308", "/salary/max range"),
        ("1000000000000.1", "/salary/max range"),
    ] {
        let body = format!(
            r#"{{"title":"A title","description":"A description","status":"OPEN","salary":{{"max":{number},"currency":"EUR","period":"DAILY"}}}}"#
        );
        let answer = world.app.send(
            world
                .key
                .request("POST", "/jobs")
                .body("application/json", body),
        );
        assert_eq!(answer.await.faults(), [fault], "{number}");
    }
    for number in [
        "18446744073709551616",
        "1e308",
        "-9223372036854775809",
        "1e-400",
        "-0",
    ] {
        let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
        let request = world
            .key
            .request("PATCH", &world.job)
            .body("application/json", body);
        let answer = world.app.send(request).await;
        assert_eq!(answer.status, 200, "{number}: {}", answer.body);
        let expected: f64 = number.parse().expect("a number");
        assert_eq!(
            answer.data()["metadata"]["n"].as_f64(),
            Some(expected),
            "{number}"
        );
    }
}

#[tokio::test]
async fn values_that_fit_no_field_of_a_key_or_of_a_reason_are_refused_where_they_stand() {
    let world = World::new().await;
    let before = world.everything().await;
    let change = [(&world.acme.owner, "PATCH", world.api_key.clone())];
    let of_fields = [
        (r#"{"name":9223372036854775808}"#, "/name type"),
        (r#"{"expiresAt":18446744073709551616}"#, "/expiresAt type"),
        (r#"{"expiresAt":-9223372036854775809}"#, "/expiresAt type"),
        (r#"{"allowedIPs":[1e308]}"#, "/allowedIPs/0 type"),
        (r#"{"scopes":[["read:jobs"]]}"#, "/scopes/0 type"),
        (r#"{"scopes":["read:jobs\u0000"]}"#, "/scopes/0 enum"),
        (
            r#"{"rateLimit":{"perMinute":1e308}}"#,
            "/rateLimit unknown_field",
        ),
    ];
    let of_reasons = [
        (r#"{"reason":1e308}"#, "/reason type"),
        (r#"{"reason":["x"]}"#, "/reason type"),
        (r#"{"reason":"a\u0000b"}"#, "/reason format"),
        (r#"{"name":"x"}"#, "/name unknown_field"),
    ];
    for (targets, cases) in [
        (&change[..], &of_fields[..]),
        (&world.actions()[..], &of_reasons[..]),
    ] {
        for ((caller, method, target), (body, fault)) in targets
            .iter()
            .flat_map(|target| cases.iter().map(move |case| (target, case)))
        {
            let request = caller
                .request(method, target)
                .body("application/json", *body);
            let answer = world.app.send(request).await;
            let case = format!("{method} {target} {body:.70}");
            assert_error(&answer, 400, "VALIDATION_ERROR", &case);
            assert_eq!(answer.faults(), [*fault], "{case}");
        }
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_body_of_256_kib_is_read_and_one_byte_more_is_413_before_its_type_and_content() {
    let world = World::new().await;
    let padded = |length: usize| {
        let text = job().to_string();
        let spaces = " ".repeat(length - text.len());
        text + &spaces
    };
    let largest = padded(256 * KIB);
    let request = world
        .key
        .request("POST", "/jobs")
        .body("application/json", largest);
    assert_eq!(world.app.send(request).await.status, 201);
    let before = world.everything().await;
    for (case, content_type, body) in [
        (
            "one byte more",
            Some("application/json"),
            padded(256 * KIB + 1).into_bytes(),
        ),
        (
            "300 KiB",
            Some("application/json"),
            padded(300 * KIB).into_bytes(),
        ),
        (
            "300 KiB of no JSON",
            Some("application/json"),
            vec![b'{'; 300 * KIB],
        ),
        (
            "300 KiB of another type",
            Some("text/plain"),
            vec![b'x'; 300 * KIB],
        ),
        ("300 KiB of no type", None, vec![b'x'; 300 * KIB]),
        // Bytes count, not characters.
        (
            "64 Ki four-byte characters and a byte",
            Some("application/json"),
            {
                let mut body = "🦀".repeat(64 * KIB).into_bytes();
                body.push(b' ');
                body
            },
        ),
    ] {
        let answer = world.send_body(content_type, &body).await;
        assert_error(&answer, 413, "PAYLOAD_TOO_LARGE", case);
    }
    let request = world.key.request("DELETE", &world.job);
    let answer = world
        .app
        .send(request.body("application/json", vec![b' '; 300 * KIB]))
        .await;
    assert_error(&answer, 413, "PAYLOAD_TOO_LARGE", "DELETE");
    assert_eq!(world.everything().await, before);
    // What reads reads no body.
    let request = world
        .key
        .request("GET", &world.job)
        .body("text/plain", vec![b'x'; 300 * KIB]);
    assert_eq!(world.app.send(request).await.status, 200);
}

#[tokio::test]
async fn a_body_of_no_or_another_type_is_415_before_its_content() {
    let world = World::new().await;
    let before = world.everything().await;
    for content_type in [
        None,
        Some(""),
        Some("text/json"),
        Some("text/plain"),
        Some("application/xml"),
        Some("application/jsonx"),
        Some("application/problem+json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json; charset=utf-16"),
        Some("application/json, text/plain"),
    ] {
        for body in [job().to_string(), "{".to_owned()] {
            let answer = world.send_body(content_type, body.as_bytes()).await;
            let case = format!("{content_type:?}");
            assert_error(&answer, 415, "UNSUPPORTED_MEDIA_TYPE", &case);
        }
    }
    let request = world
        .key
        .request("DELETE", &world.job)
        .body("text/plain", "x");
    assert_error(
        &world.app.send(request).await,
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "DELETE",
    );
    assert_eq!(world.everything().await, before);
    for content_type in ["APPLICATION/JSON", "application/json; charset=\"UTF-8\""] {
        let request = world
            .key
            .request("POST", "/jobs")
            .body(content_type, job().to_string());
        assert_eq!(world.app.send(request).await.status, 201, "{content_type}");
    }
}

#[tokio::test]
async fn an_id_of_another_spelling_or_kind_is_400_and_a_missing_object_404() {
    let world = World::new().await;
    let before = world.everything().await;
    let id = world.job.strip_prefix("/jobs/").expect("a path");
    let twisted = [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        format!("{id}0"),
        format!("{id}%20"),
        format!("{id}%00"),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        // A UUIDv4.
        "3d0ca315-aff9-4fc2-be61-3b76b9a2d798".to_owned(),
        "1".to_owned(),
        // The id of a key.
        "AbCd1234".to_owned(),
        "..".to_owned(),
        "%2e%2e%2fapi-keys".to_owned(),
        "%ff".to_owned(),
        "self".to_owned(),
    ];
    for id in twisted {
        for (method, body) in [("GET", None), ("PATCH", Some(json!({}))), ("DELETE", None)] {
            let mut request = world.key.request(method, &format!("/jobs/{id}"));
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = world.app.send(request).await;
            assert_error(&answer, 400, "VALIDATION_ERROR", &format!("{method} {id}"));
            assert_eq!(answer.faults().len(), 1, "{method} {id}");
            assert!(answer.faults()[0].ends_with(" format"), "{method} {id}");
        }
    }
    // A company's id is a UUIDv7 as a job's is: well formed, and no job.
    let answer = world
        .app
        .get(&world.key, &format!("/jobs/{}", world.acme.id))
        .await;
    assert_error(&answer, 404, "RESOURCE_NOT_FOUND", "a company's id");
    for id in [
        id,
        "AbCd123",
        "AbCd12345",
        "AbCd-234",
        "AbCd123%00",
        "%C3%A9bCd123",
        "..",
    ] {
        let path = format!("/api-keys/{id}");
        let owner = &world.acme.owner;
        let mut requests = vec![
            owner.request("GET", &path),
            owner.request("PATCH", &path).json(&json!({})),
        ];
        for action in ["suspend", "resume", "revoke"] {
            requests.push(owner.request("POST", &format!("{path}/{action}")));
        }
        for request in requests {
            let case = format!("{request:?}");
            let answer = world.app.send(request).await;
            assert_error(&answer, 400, "VALIDATION_ERROR", &case);
            assert_eq!(answer.faults(), ["keyId format"], "{case}");
        }
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn query_values_out_of_their_range_are_refused_all_at_once() {
    let world = World::new().await;
    let before = world.everything().await;
    for (query, faults) in [
        ("limit=0", vec!["?limit range"]),
        ("limit=101", vec!["?limit range"]),
        ("limit=-1", vec!["?limit range"]),
        ("limit=abc", vec!["?limit range"]),
        ("limit=1.5", vec!["?limit range"]),
        ("limit=", vec!["?limit range"]),
        ("limit=99999999999999999999", vec!["?limit range"]),
        ("limit=%00", vec!["?limit range"]),
        ("page=0", vec!["?page range"]),
        ("page=-1", vec!["?page range"]),
        ("page=x", vec!["?page range"]),
        ("page=18446744073709551615", vec!["?page range"]),
        ("page=502", vec!["?page range"]),
        ("page=102&limit=100", vec!["?page range"]),
        ("page=10002&limit=1", vec!["?page range"]),
        ("page=1&cursor=x", vec!["?cursor conflict_with"]),
        ("cursor=x", vec!["?cursor cursor"]),
        ("cursor=", vec!["?cursor cursor"]),
        ("cursor=%00", vec!["?cursor cursor"]),
        ("cursor=x&limit=0", vec!["?cursor cursor", "?limit range"]),
        (
            "cursor=x&page=0&status=x&q=",
            vec!["?cursor cursor", "?page range", "?q length", "?status enum"],
        ),
        ("status=open", vec!["?status enum"]),
        ("status=", vec!["?status enum"]),
        ("q=", vec!["?q length"]),
        ("limit=1&limit=1", vec!["?limit repeated"]),
        ("page=1&page=2", vec!["?page repeated"]),
        ("cursor=a&cursor=b", vec!["?cursor repeated"]),
        ("status=OPEN&status=OPEN", vec!["?status repeated"]),
        ("q=a&q=b", vec!["?q repeated"]),
        ("q=a&%71=b", vec!["?q repeated"]),
        (
            "limit=0&page=x&status=x&q=",
            vec!["?limit range", "?page range", "?q length", "?status enum"],
        ),
    ] {
        let answer = world.app.get(&world.key, &format!("/jobs?{query}")).await;
        assert_error(&answer, 400, "VALIDATION_ERROR", query);
        let mut found = answer.faults();
        found.sort();
        assert_eq!(found, faults, "{query}");
    }
    // So far page mode goes; and what we don't read is nobody's fault.
    for query in [
        "page=501",
        "page=101&limit=100",
        "page=10001&limit=1",
        "sort=x&sort=y",
        "Limit=0",
    ] {
        let answer = world.app.get(&world.key, &format!("/jobs?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    }
    let far = world.app.get(&world.key, "/jobs?page=502").await;
    let message = &far.details()["errors"][0]["message"];
    assert!(
        message.as_str().is_some_and(|text| text.contains("cursor")),
        "{message}"
    );
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_header_or_company_given_twice_is_refused() {
    let world = World::new().await;
    let before = world.everything().await;
    let key = world.key.credential.as_deref().expect("a key");
    let twice = world.key.request("GET", "/jobs").bearer(key);
    assert_error(
        &world.app.send(twice).await,
        401,
        "INVALID_API_KEY",
        "Authorization",
    );
    let twice = world
        .key
        .request("POST", "/jobs")
        .json(&job())
        .header("Authorization", "Bearer x");
    assert_error(
        &world.app.send(twice).await,
        401,
        "INVALID_API_KEY",
        "Authorization",
    );
    let id = world.acme.id;
    for (caller, path) in [(&world.key, "/jobs"), (&world.acme.owner, "/api-keys")] {
        let once = world
            .app
            .get(caller, &format!("{path}?companyId={id}"))
            .await;
        assert_eq!(once.status, 200, "{path}");
        let twice = format!("{path}?companyId={id}&companyId={id}");
        let twice = world.app.get(caller, &twice).await;
        assert_error(&twice, 403, "RESOURCE_ACCESS_DENIED", path);
    }
    let twice = format!("/jobs?companyId={id}&companyId={id}");
    let twice = world.app.post(&world.key, &twice, &job()).await;
    assert_error(&twice, 403, "RESOURCE_ACCESS_DENIED", "POST");
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_cursor_opens_in_its_company_operation_and_filter_only_and_for_7_days() {
    let mut world = World::new().await;
    for _ in 0..2 {
        assert_eq!(
            world.app.post(&world.key, "/jobs", &job()).await.status,
            201
        );
        world.app.key_with(&world.acme, json!({})).await;
    }
    let globex = world.app.company("Globex").await;
    let theirs = world.app.key_with(&globex, json!({})).await;
    assert_eq!(
        world.app.post(&theirs.caller, "/jobs", &job()).await.status,
        201
    );
    let cursor = async |caller: &Caller, target: &str| {
        let list = world.app.get(caller, target).await;
        let cursor = list.data()["pagination"]["nextCursor"].as_str();
        cursor
            .unwrap_or_else(|| panic!("{target} goes on: {}", list.body))
            .to_owned()
    };
    let plain = cursor(&world.key, "/jobs?limit=1").await;
    let open = cursor(&world.key, "/jobs?limit=1&status=OPEN").await;
    let senior = cursor(&world.key, "/jobs?limit=1&q=senior").await;
    let of_keys = cursor(&world.acme.owner, "/api-keys?limit=1").await;

    let refused = async |caller: &Caller, target: String, case: &str| {
        let answer = world.app.get(caller, &target).await;
        assert_error(&answer, 400, "VALIDATION_ERROR", case);
        assert_eq!(answer.faults(), ["?cursor cursor"], "{case}");
    };
    refused(
        &theirs.caller,
        format!("/jobs?cursor={plain}"),
        "another company",
    )
    .await;
    refused(
        &world.acme.owner,
        format!("/api-keys?cursor={plain}"),
        "another operation",
    )
    .await;
    refused(
        &world.key,
        format!("/jobs?cursor={of_keys}"),
        "another operation",
    )
    .await;
    refused(
        &world.key,
        format!("/jobs?status=OPEN&cursor={plain}"),
        "a filter more",
    )
    .await;
    refused(
        &world.key,
        format!("/jobs?status=CLOSED&cursor={open}"),
        "another filter",
    )
    .await;
    refused(&world.key, format!("/jobs?cursor={open}"), "a filter less").await;
    refused(
        &world.key,
        format!("/jobs?q=senio&cursor={senior}"),
        "another word",
    )
    .await;
    refused(
        &world.key,
        format!("/jobs?q=senior&status=OPEN&cursor={senior}"),
        "one more",
    )
    .await;
    refused(&world.key, format!("/jobs?cursor={plain}%3D"), "padded").await;
    refused(&world.key, format!("/jobs?cursor={}", &plain[1..]), "cut").await;
    for at in (0..plain.len()).step_by(7) {
        let mut changed = plain.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("ASCII");
        refused(
            &world.key,
            format!("/jobs?cursor={changed}"),
            "tampered with",
        )
        .await;
    }

    // Another key of the company, another limit, and nearly a week later.
    let other = world.app.key_with(&world.acme, json!({})).await.caller;
    world.app.advance(Duration::from_secs(7 * 86_400 - 60));
    for (target, cursor) in [
        ("/jobs?limit=5", &plain),
        ("/jobs?limit=5&status=OPEN", &open),
        ("/jobs?limit=5&q=SENIOR", &senior),
    ] {
        let next = world
            .app
            .get(&other, &format!("{target}&cursor={cursor}"))
            .await;
        assert_eq!(next.status, 200, "{target}: {}", next.body);
        assert_eq!(
            next.data()["items"].as_array().map(Vec::len),
            Some(2),
            "{target}"
        );
    }
    world.app.advance(Duration::from_secs(60));
    let late = world
        .app
        .get(&other, &format!("/jobs?cursor={plain}"))
        .await;
    assert_eq!(late.faults(), ["?cursor cursor"]);
    world.acme.owner = world.app.person("owner@acme.example");
    let late = world
        .app
        .get(&world.acme.owner, &format!("/api-keys?cursor={of_keys}"))
        .await;
    assert_eq!(late.faults(), ["?cursor cursor"]);
}

#[tokio::test]
async fn a_text_may_hold_what_unicode_has_and_comes_back_as_it_was() {
    let world = World::new().await;
    for title in [
        "Größe & <b>bold</b> \"quoted\" \\ back",
        "日本語のエンジニア募集中です",
        "👩🏽‍💻👩🏽‍💻 engineer",
        "مهندس برمجيات أول",
        "\u{feff}\u{200b} zero width",
        "e\u{301} is not \u{e9}",
        "\u{10ffff}\u{e000}\u{fffd}xx",
    ] {
        let mut body = job();
        body["title"] = json!(title);
        let made = world.app.post(&world.key, "/jobs", &body).await;
        assert_eq!(made.status, 201, "{title}: {}", made.body);
        let path = format!("/jobs/{}", made.data()["id"].as_str().expect("an id"));
        assert_eq!(
            world.app.get(&world.key, &path).await.data()["title"],
            title
        );
        let word = title.split_whitespace().next().expect("a word");
        let q: String = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let found = world.app.get(&world.key, &format!("/jobs?q={q}")).await;
        assert_eq!(found.data()["items"], json!([made.data()]), "{title}");
    }
}
