//! What a job may hold: each rule of contract §5 at its edge.

use crate::fields::{Case, check, emoji, metadata_cases, text};
use serde_json::{Value, json};
use tests::{TestApp, job};

/// A job with every field.
fn whole() -> Value {
    json!({
        "title": "Senior Rust Engineer",
        "description": "You build the services that our recruiters rely on.",
        "status": "OPEN",
        "jobUrl": "https://jobs.acme.example/1",
        "benefits": "Fruit.",
        "requiredSkills": ["Rust"],
        "niceToHaveSkills": ["AWS"],
        "languageRequirements": [{ "language": "EN", "proficiency": "B2" }],
        "education": ["BACHELOR_LEVEL"],
        "experience": "FIVE_TO_10_YEARS",
        "contractType": "FULL_TIME",
        "location": {
            "workMode": "HYBRID",
            "street": "Main Street 1",
            "city": "Prague",
            "postalCode": "110 00",
            "countryCode": "CZ",
        },
        "salary": { "min": 10, "max": 20, "currency": "EUR", "period": "HOURLY" },
        "metadata": { "atsId": "R-1" },
    })
}

fn skills(count: usize) -> Value {
    (0..count).map(|number| format!("Skill {number}")).collect()
}

fn languages(count: usize) -> Value {
    let codes = ["EN", "DE", "FR", "CS", "PL", "JA"];
    let one = |code: &&str| json!({ "language": code, "proficiency": "A1" });
    codes.iter().take(count).map(one).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        ("/title", text(4), "/title length"),
        ("/title", text(5), ""),
        ("/title", text(200), ""),
        ("/title", text(201), "/title length"),
        // Unicode scalar values count, not bytes and not UTF-16 units.
        ("/title", emoji(4), "/title length"),
        ("/title", emoji(5), ""),
        ("/title", emoji(200), ""),
        ("/title", emoji(201), "/title length"),
        // One picture for the eye, three scalar values: e, two combining accents.
        ("/title", json!("e\u{301}\u{302}xx"), ""),
        ("/title", json!("e\u{301}\u{302}x"), "/title length"),
        ("/title", json!("NUL \0 here"), "/title format"),
        ("/title", json!(12345), "/title type"),
        ("/title", json!(["Engineer"]), "/title type"),
        ("/title", Value::Null, "/title type"),
        ("/description", text(9), "/description length"),
        ("/description", text(10), ""),
        ("/description", text(5000), ""),
        ("/description", emoji(5000), ""),
        ("/description", text(5001), "/description length"),
        ("/description", json!("Two\nlines\tand a tab"), ""),
        ("/description", Value::Null, "/description type"),
        ("/status", json!("OPEN"), ""),
        ("/status", json!("CLOSED"), ""),
        ("/status", json!("open"), "/status enum"),
        ("/status", json!("DRAFT"), "/status enum"),
        ("/status", json!(true), "/status type"),
        ("/status", Value::Null, "/status type"),
        ("/benefits", text(0), ""),
        ("/benefits", text(5000), ""),
        ("/benefits", text(5001), "/benefits length"),
        ("/benefits", json!({}), "/benefits type"),
        ("/jobUrl", json!("http://acme.example"), ""),
        ("/jobUrl", json!("HTTPS://acme.example/a?b=c#d"), ""),
        ("/jobUrl", json!("https://[2001:db8::1]:8443/"), ""),
        ("/jobUrl", json!("ftp://acme.example"), "/jobUrl format"),
        ("/jobUrl", json!("javascript:alert(1)"), "/jobUrl format"),
        ("/jobUrl", json!("data:text/html,x"), "/jobUrl format"),
        ("/jobUrl", json!("//acme.example"), "/jobUrl format"),
        ("/jobUrl", json!("/jobs/1"), "/jobUrl format"),
        ("/jobUrl", json!("acme.example"), "/jobUrl format"),
        ("/jobUrl", json!("https://"), "/jobUrl format"),
        ("/jobUrl", json!("https:acme.example"), "/jobUrl format"),
        ("/jobUrl", json!("https:/acme.example"), "/jobUrl format"),
        ("/jobUrl", json!("https:\\\\acme.example"), "/jobUrl format"),
        ("/jobUrl", json!(" https://acme.example"), "/jobUrl format"),
        (
            "/jobUrl",
            json!("https://acme.example/a b"),
            "/jobUrl format",
        ),
        (
            "/jobUrl",
            json!("https://acme.example/\n"),
            "/jobUrl format",
        ),
        ("/jobUrl", json!(""), "/jobUrl length"),
        ("/jobUrl", json!(1), "/jobUrl type"),
        ("/languageRequirements", languages(0), ""),
        ("/languageRequirements", languages(5), ""),
        (
            "/languageRequirements",
            languages(6),
            "/languageRequirements length",
        ),
        (
            "/languageRequirements",
            json!({}),
            "/languageRequirements type",
        ),
        (
            "/languageRequirements/0",
            json!("EN"),
            "/languageRequirements/0 type",
        ),
        (
            "/languageRequirements/0",
            json!({ "language": "EN" }),
            "/languageRequirements/0/proficiency required",
        ),
        (
            "/languageRequirements/0",
            json!({ "language": "EN", "proficiency": "A1", "level": 1 }),
            "/languageRequirements/0/level unknown_field",
        ),
        (
            "/languageRequirements",
            json!([languages(1)[0], languages(1)[0]]),
            "/languageRequirements/1 duplicate",
        ),
        ("/education", json!([]), ""),
        ("/education", json!(["PHD"]), "/education/0 enum"),
        (
            "/education",
            json!(["MASTER_LEVEL", "MASTER_LEVEL"]),
            "/education/1 duplicate",
        ),
        ("/education", json!("MASTER_LEVEL"), "/education type"),
        ("/experience", json!("TEN_YEARS"), "/experience enum"),
        ("/experience", json!(10), "/experience type"),
        ("/contractType", json!("FREELANCE"), "/contractType enum"),
        ("/location", json!({ "workMode": "REMOTE" }), ""),
        ("/location", json!({}), "/location/workMode required"),
        ("/location", json!("REMOTE"), "/location type"),
        (
            "/location/workMode",
            json!("OFFICE"),
            "/location/workMode enum",
        ),
        ("/location/countryCode", json!("DE"), ""),
        (
            "/location/countryCode",
            json!("de"),
            "/location/countryCode enum",
        ),
        (
            "/location/countryCode",
            json!("DEU"),
            "/location/countryCode enum",
        ),
        (
            "/location/countryCode",
            json!("UK"),
            "/location/countryCode enum",
        ),
        (
            "/location/countryCode",
            json!("ZZ"),
            "/location/countryCode enum",
        ),
        (
            "/location/countryCode",
            json!(49),
            "/location/countryCode type",
        ),
        ("/location/zip", json!("1"), "/location/zip unknown_field"),
        ("/salary/min", json!(20), ""),
        ("/salary/min", json!(20.01), "/salary/min conflict_with"),
        ("/salary/max", json!(10), ""),
        ("/salary/max", json!(9), "/salary/min conflict_with"),
        ("/salary/min", json!(0), ""),
        ("/salary/min", json!(12.5), ""),
        ("/salary/max", json!(1_000_000_000_000u64), ""),
        (
            "/salary/max",
            json!(1_000_000_000_001u64),
            "/salary/max range",
        ),
        ("/salary/max", json!(u64::MAX), "/salary/max range"),
        ("/salary/max", json!(1e300), "/salary/max range"),
        ("/salary/min", json!(-1), "/salary/min range"),
        ("/salary/min", json!("10"), "/salary/min type"),
        (
            "/salary",
            json!({ "currency": "EUR", "period": "DAILY" }),
            "",
        ),
        (
            "/salary",
            json!({ "min": 5, "currency": "EUR", "period": "DAILY" }),
            "",
        ),
        (
            "/salary",
            json!({ "max": 5, "currency": "EUR", "period": "DAILY" }),
            "",
        ),
        (
            "/salary",
            json!({ "min": 5, "period": "DAILY" }),
            "/salary/currency required",
        ),
        (
            "/salary",
            json!({ "min": 5, "currency": "EUR" }),
            "/salary/period required",
        ),
        ("/salary", json!([]), "/salary type"),
        ("/salary/currency", json!("JPY"), ""),
        ("/salary/currency", json!("eur"), "/salary/currency enum"),
        ("/salary/currency", json!("EURO"), "/salary/currency enum"),
        ("/salary/currency", json!("BTC"), "/salary/currency enum"),
        ("/salary/period", json!("WEEKLY"), "/salary/period enum"),
        ("/salary/gross", json!(true), "/salary/gross unknown_field"),
        ("/companyId", json!("x"), "/companyId unknown_field"),
        ("/id", json!("x"), "/id unknown_field"),
        ("/Title", json!("x"), "/Title unknown_field"),
        ("/a~1b~0c", json!("x"), "/a~1b~0c unknown_field"),
    ];
    for list in ["/requiredSkills", "/niceToHaveSkills"] {
        let (first, second): (&'static str, &'static str) = match list {
            "/requiredSkills" => ("/requiredSkills/0", "/requiredSkills/1"),
            _ => ("/niceToHaveSkills/0", "/niceToHaveSkills/1"),
        };
        let fault = |at: &str, rule: &str| -> &'static str { format!("{at} {rule}").leak() };
        cases.extend([
            (list, skills(0), ""),
            (list, skills(10), ""),
            (list, skills(11), fault(list, "length")),
            (list, json!("Rust"), fault(list, "type")),
            (list, json!(["Rust", "Rust"]), fault(second, "duplicate")),
            (list, json!(["Rust", "rust"]), ""),
            (list, json!(["Rust", null]), fault(second, "type")),
            (first, text(0), fault(first, "length")),
            (first, text(1), ""),
            (first, text(128), ""),
            (first, emoji(128), ""),
            (first, text(129), fault(first, "length")),
        ]);
    }
    for education in [
        "PRIMARY_EDUCATION",
        "SECONDARY_SCHOOL_STUDENT",
        "SECONDARY_WITHOUT_DIPLOMA",
        "SECONDARY_WITH_DIPLOMA",
        "POST_SECONDARY_VOCATIONAL",
        "UNIVERSITY_STUDENT",
        "BACHELOR_LEVEL",
        "MASTER_LEVEL",
        "POSTGRADUATE",
    ] {
        cases.push(("/education/0", json!(education), ""));
    }
    for experience in [
        "NO_EXPERIENCE",
        "LESS_THAN_1_YEAR",
        "ONE_TO_3_YEARS",
        "THREE_TO_5_YEARS",
        "FIVE_TO_10_YEARS",
        "MORE_THAN_10_YEARS",
    ] {
        cases.push(("/experience", json!(experience), ""));
    }
    for contract in [
        "FULL_TIME",
        "PART_TIME",
        "CONTRACT",
        "INTERNSHIP",
        "TEMPORARY",
    ] {
        cases.push(("/contractType", json!(contract), ""));
    }
    for mode in ["ONSITE", "REMOTE", "HYBRID"] {
        cases.push(("/location/workMode", json!(mode), ""));
    }
    for period in ["HOURLY", "DAILY", "MONTHLY", "YEARLY"] {
        cases.push(("/salary/period", json!(period), ""));
    }
    let proficiency = "/languageRequirements/0/proficiency";
    for level in ["A1", "A2", "B1", "B2", "C1", "C2"] {
        cases.push((proficiency, json!(level), ""));
    }
    cases.push((
        proficiency,
        json!("C3"),
        "/languageRequirements/0/proficiency enum",
    ));
    let language = "/languageRequirements/0/language";
    for (code, fault) in [
        ("DE", ""),
        ("de", "/languageRequirements/0/language enum"),
        ("XX", "/languageRequirements/0/language enum"),
        ("ENG", "/languageRequirements/0/language enum"),
        ("", "/languageRequirements/0/language enum"),
    ] {
        cases.push((language, json!(code), fault));
    }
    for optional in [
        "/jobUrl",
        "/benefits",
        "/experience",
        "/contractType",
        "/location",
        "/salary",
        "/metadata",
        "/requiredSkills",
        "/niceToHaveSkills",
        "/languageRequirements",
        "/education",
        "/location/street",
        "/salary/min",
        "/salary/max",
    ] {
        cases.push((optional, Value::Null, ""));
    }
    cases
}

#[tokio::test]
async fn every_field_keeps_its_rule_at_its_edge_on_create_and_on_patch() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let nulls = json!({
        "requiredSkills": [],
        "niceToHaveSkills": [],
        "languageRequirements": [],
        "education": [],
    });
    let cases = cases().into_iter().chain(metadata_cases());
    check(&app, &key, "/jobs", &whole(), &nulls, cases.collect()).await;
}

#[tokio::test]
async fn a_new_job_without_its_required_fields_is_refused_and_with_them_alone_accepted() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let none = app.post(&key, "/jobs", &json!({})).await;
    assert_eq!(
        none.faults(),
        [
            "/title required",
            "/description required",
            "/status required"
        ]
    );
    let made = app.post(&key, "/jobs", &job()).await;
    assert_eq!(made.status, 201);
    let mut expected = job();
    for list in [
        "requiredSkills",
        "niceToHaveSkills",
        "languageRequirements",
        "education",
    ] {
        expected[list] = json!([]);
    }
    let mut found = made.data().clone();
    let found = found.as_object_mut().expect("an object");
    for common in ["id", "companyId", "version", "createdAt", "updatedAt"] {
        assert!(found.remove(common).is_some(), "{common}");
    }
    assert_eq!(json!(found), expected);
}

#[tokio::test]
async fn all_faults_come_at_once_each_with_its_pointer() {
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await.caller;
    let body = json!({
        "title": "x",
        "description": 1,
        "jobUrl": "ftp://x",
        "requiredSkills": ["", "Rust", "Rust", 5],
        "languageRequirements": [{ "language": "EN", "proficiency": "B2" }, { "language": "xx" }],
        "education": ["NONE"],
        "experience": "LOTS",
        "location": { "workMode": "MARS", "countryCode": "XX", "planet": 4 },
        "salary": { "min": 2, "max": 1, "currency": "eur", "bonus": 1 },
        "metadata": { "a": { "b": { "c": { "d": { "e": {} } } } } },
        "a/b": 1,
        "~": 1,
    });
    let refused = app.post(&key, "/jobs", &body).await;
    assert_eq!((refused.status, refused.code()), (400, "VALIDATION_ERROR"));
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/a~1b unknown_field",
            "/description type",
            "/education/0 enum",
            "/experience enum",
            "/jobUrl format",
            "/languageRequirements/1/language enum",
            "/languageRequirements/1/proficiency required",
            "/location/countryCode enum",
            "/location/planet unknown_field",
            "/location/workMode enum",
            "/metadata depth",
            "/requiredSkills/0 length",
            "/requiredSkills/2 duplicate",
            "/requiredSkills/3 type",
            "/salary/bonus unknown_field",
            "/salary/currency enum",
            "/salary/min conflict_with",
            "/salary/period required",
            "/status required",
            "/title length",
            "/~0 unknown_field",
        ]
    );
    for error in refused.details()["errors"].as_array().expect("errors") {
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
}
