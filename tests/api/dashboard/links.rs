//! Where the dashboard is reached: under a stage's path, or under a domain of one's own.

use api::{App, SignIn};
use embedded::Weather;
use local::HttpRequest;
use routes::Operation;
use tests::{TestApp, browser::Browser};

use super::{all_pages, keys_of, owner_of, path};

/// Address, and what stands in front of each path.
const PLACES: [(&str, &str); 3] = [
    (
        "https://a1b2c3.execute-api.eu-central-1.amazonaws.com",
        "/v1",
    ),
    ("https://keys.hiring.example", ""),
    ("https://hiring.example", "/platform/v1"),
];

#[tokio::test]
async fn every_link_and_form_leads_to_where_the_dashboard_is() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    browser.get(&keys_of(&company)).await;
    let cookie = format!("__Host-instaview={}", browser.session().expect("a session"));
    for (origin, base) in PLACES {
        let gateway = reached_at(&app, &format!("{origin}{base}"));
        let gateway = app.system.another_gateway(gateway).expect("a gateway");
        let mut links = 0;
        for page in all_pages().filter(|page| page.route().method.is_read()) {
            let target = path(page, &owner_of(&company));
            let request = HttpRequest::new("GET", &target).header("cookie", &cookie);
            let answer = tests::ask(&gateway, request).await;
            if let Some(location) = answer.header("location") {
                // The way to the issuer is the one that leads elsewhere.
                let own = location.starts_with(&format!("{base}/dashboard"));
                assert!(own || page == super::Page::SignIn, "{target}: {location}");
            }
            let html = answer.text();
            for attribute in [" href=\"", " action=\"", " src=\""] {
                for rest in html.split(attribute).skip(1) {
                    let to = rest.split('"').next().unwrap_or_default();
                    let here = to.starts_with('#') || to.starts_with(&format!("{base}/"));
                    assert!(here, "{target} leads to {to}");
                    links += 1;
                }
            }
        }
        assert!(links > 300, "{links}");
        let form = HttpRequest::new("GET", &format!("{}/new", keys_of(&company)));
        let form = tests::ask(&gateway, form.header("cookie", &cookie))
            .await
            .text();
        let hidden = |name: &str| {
            let (_, rest) = form
                .split_once(&format!("action=\"{base}{}/new\"", keys_of(&company)))
                .expect("the form");
            let (_, rest) = rest
                .split_once(&format!("name=\"{name}\" value=\""))
                .expect("a member");
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        let body = format!(
            "token={}&once={}&name=Job+board&preset=read",
            hidden("token"),
            hidden("once")
        );
        let request = HttpRequest::new("POST", &format!("{}/new", keys_of(&company)))
            .header("cookie", &cookie)
            .header("origin", origin)
            .body("application/x-www-form-urlencoded", body);
        let made = tests::ask(&gateway, request).await;
        assert_eq!(made.status, 200, "{}", made.text());
        assert!(
            made.text().contains(&format!("curl {origin}{base}/jobs ")),
            "{}",
            made.text()
        );
    }
}

/// What whoever deploys sets as `DashboardUrl`.
fn reached_at(app: &TestApp, url: &str) -> App {
    let app_here = app
        .system
        .another_app(app.app().clock.clone(), &Weather::calm());
    let sign_in = app.app().sign_in.clone().expect("people sign in");
    App {
        sign_in: Some(SignIn {
            dashboard_url: Some(url.parse().expect("an address")),
            ..sign_in
        }),
        ..app_here
    }
}
