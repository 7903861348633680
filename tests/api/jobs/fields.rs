//! What a job may hold: each rule of the contract at its edge.

use crate::fields::{Case, assert_complete, check, fault, metadata_cases, text_cases, word_cases};
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
        // One picture for the eye, three scalar values: e, two combining accents.
        ("/title", json!("e\u{301}\u{302}xx"), ""),
        ("/title", json!("e\u{301}\u{302}x"), "/title length"),
        ("/title", json!("NUL \0 here"), "/title format"),
        ("/title", json!(12345), "/title type"),
        ("/title", json!(["Engineer"]), "/title type"),
        ("/title", Value::Null, "/title type"),
        ("/description", json!("Two\nlines\tand a tab"), ""),
        ("/description", Value::Null, "/description type"),
        ("/status", Value::Null, "/status type"),
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
        ("/location", json!({ "workMode": "REMOTE" }), ""),
        ("/location", json!({}), "/location/workMode required"),
        ("/location", json!("REMOTE"), "/location type"),
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
        ("/salary/gross", json!(true), "/salary/gross unknown_field"),
        ("/companyId", json!("x"), "/companyId unknown_field"),
        ("/id", json!("x"), "/id unknown_field"),
        ("/Title", json!("x"), "/Title unknown_field"),
        ("/a~1b~0c", json!("x"), "/a~1b~0c unknown_field"),
    ];
    for list in ["/requiredSkills", "/niceToHaveSkills"] {
        let second: &'static str = match list {
            "/requiredSkills" => "/requiredSkills/1",
            _ => "/niceToHaveSkills/1",
        };
        cases.extend([
            (list, skills(0), ""),
            (list, skills(10), ""),
            (list, skills(11), fault(list, "length")),
            (list, json!("Rust"), fault(list, "type")),
            (list, json!(["Rust", "Rust"]), fault(second, "duplicate")),
            (list, json!(["Rust", "rust"]), ""),
            (list, json!(["Rust", null]), fault(second, "type")),
        ]);
    }
    for (at, min, max) in [
        ("/title", 5, 200),
        ("/description", 10, 5000),
        ("/benefits", 0, 5000),
        ("/requiredSkills/0", 1, 128),
        ("/niceToHaveSkills/0", 1, 128),
        ("/location/street", 1, 200),
        ("/location/city", 1, 100),
        ("/location/postalCode", 1, 20),
    ] {
        cases.extend(text_cases(at, min, max));
    }
    let education = "PRIMARY_EDUCATION SECONDARY_SCHOOL_STUDENT SECONDARY_WITHOUT_DIPLOMA SECONDARY_WITH_DIPLOMA POST_SECONDARY_VOCATIONAL UNIVERSITY_STUDENT BACHELOR_LEVEL MASTER_LEVEL POSTGRADUATE";
    let all: Vec<_> = education.split(' ').collect();
    let too_many = [all.as_slice(), &all[..1]].concat();
    cases.extend([
        ("/education", json!(all), ""),
        ("/education", json!(too_many), "/education length"),
    ]);
    let experience = "NO_EXPERIENCE LESS_THAN_1_YEAR ONE_TO_3_YEARS THREE_TO_5_YEARS FIVE_TO_10_YEARS MORE_THAN_10_YEARS";
    let contract = "FULL_TIME PART_TIME CONTRACT INTERNSHIP TEMPORARY";
    for (at, words) in [
        ("/status", "OPEN CLOSED"),
        ("/education/0", education),
        ("/experience", experience),
        ("/contractType", contract),
        ("/location/workMode", "ONSITE REMOTE HYBRID"),
        ("/salary/period", "HOURLY DAILY MONTHLY YEARLY"),
        ("/languageRequirements/0/proficiency", "A1 A2 B1 B2 C1 C2"),
    ] {
        cases.extend(word_cases(at, words));
    }
    let url = |length: usize| {
        let start = "https://acme.example/";
        json!(format!("{start}{}", "a".repeat(length - start.len())))
    };
    let pay =
        |amount: u64| json!({ "min": amount, "max": amount, "currency": "EUR", "period": "DAILY" });
    let low = json!({ "min": 0, "max": -1, "currency": "EUR", "period": "DAILY" });
    let high = json!({ "min": 1_000_000_000_001u64, "currency": "EUR", "period": "DAILY" });
    cases.extend([
        ("/jobUrl", url(2048), ""),
        ("/jobUrl", url(2049), "/jobUrl length"),
        ("/salary", pay(0), ""),
        ("/salary", pay(1_000_000_000_000), ""),
        ("/salary", low, "/salary/max range"),
        ("/salary", high, "/salary/min range"),
        ("/salary/max", json!("20"), "/salary/max type"),
        ("/salary/currency", json!(978), "/salary/currency type"),
        (
            "/languageRequirements/0",
            json!({ "proficiency": "A1" }),
            "/languageRequirements/0/language required",
        ),
    ]);
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
    cases.push((language, json!(1), "/languageRequirements/0/language type"));
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
        "/location/city",
        "/location/postalCode",
        "/location/countryCode",
        "/salary/min",
        "/salary/max",
    ] {
        cases.push((optional, Value::Null, ""));
    }
    cases.extend(metadata_cases());
    cases
}

#[test]
fn every_rule_of_the_document_has_its_cases() {
    assert_complete("NewJob", &whole(), &cases(), &[]);
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
    check(&app, &key, "/jobs", &whole(), &nulls, cases()).await;
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
