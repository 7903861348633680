//! The pages of the local system besides the dashboard.

use browser::{Browser, Site};

/// The application is on 127.0.0.1 and the issuer on `localhost`, so that what comes back has crossed a site.
#[test]
fn the_issuer_signs_people_in_and_sends_them_back() {
    let site = Site::start();
    let person = Browser::new(&site);
    let issuer = site.fact("issuerUrl").replace("127.0.0.1", "localhost");
    let back = site.fact("apiUrl");
    assert!(back.starts_with("http://127.0.0.1:"), "{back}");
    let challenge = "c".repeat(43);
    person.open(&format!(
        "{issuer}/authorize?response_type=code&client_id=instaview-local&scope=openid&state=kept\
         &redirect_uri={back}/health&code_challenge={challenge}&code_challenge_method=S256"
    ));
    person.inspect("issuer");

    person.fill("E-mail", "nobody@acme.example");
    person.fill("Password", "wrong");
    person.click("Sign in");
    person.see("Unknown address or wrong password.");
    person.axe();

    person.give_password("owner@acme.example");
    person.see_path("/health?code=");
    assert!(person.url().ends_with("&state=kept"), "{}", person.url());
}

#[test]
fn docs_show_every_operation_and_where_it_is_explained() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.open("/docs");
    person.see("/api-keys/{keyId}/suspend");
    person.inspect("docs");
    person.click("GET /jobs");
    assert!(person.url().ends_with("#ListJobs"), "{}", person.url());
}

#[test]
fn the_outbox_shows_what_would_have_been_sent() {
    let site = Site::start();
    let person = Browser::new(&site);
    person.open("/dev/outbox");
    person.see("No mail yet.");
    person.inspect("outbox-empty");
}

/// A program needs a key and nothing else; so the stories use theirs.
#[test]
fn a_program_calls_the_api_with_a_key() {
    let site = Site::start();
    let answer = site.call("GET", "/jobs", site.fact("demoKey"), "");
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.json["data"]["pagination"]["total"], 12);
    let refused = site.call("GET", "/jobs", "nothing", "");
    assert_eq!(refused.status, 401);
    assert!(!refused.request_id.is_empty());
}
