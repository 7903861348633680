//! Where the dashboard is reached: under a stage, under a name of its own, under another name of this machine.

use local::{HttpRequest, HttpResponse, System};
use tests::TestApp;

async fn get(system: &System, target: &str) -> HttpResponse {
    let request = HttpRequest::new("GET", target);
    system.gateway().call(request).await
}

async fn at(url: &str) -> Result<System, String> {
    let started = System::builder().api_url(url).start().await;
    started.map_err(|error| error.to_string())
}

#[tokio::test]
async fn under_a_stage_every_link_of_every_page_has_it() {
    let system = at("https://api.example/v1").await.expect("it starts");
    let company = "/dashboard/o/c-0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b";
    for (target, status) in [
        ("/dashboard", 200),
        ("/dashboard/callback?code=x&state=y", 400),
        // A partner has it, and the path names a company.
        (&format!("{company}/companies"), 404),
    ] {
        let page = get(&system, target).await;
        assert_eq!(page.status, status, "{target}");
        let html = page.text();
        let links = ["href=\"", "src=\"", "action=\""]
            .iter()
            .flat_map(|start| html.split(start).skip(1));
        let mut seen = 0;
        for link in links {
            assert!(link.starts_with("/v1/dashboard"), "{target}: {link:.60}");
            seen += 1;
        }
        assert!(seen >= 4, "{target}: {html}");
    }
    let away = get(&system, &format!("{company}/keys")).await;
    let to = away.header("location").expect("a location");
    assert!(to.starts_with("/v1/dashboard/sign-in?"), "{to}");
    let issuer = get(&system, "/dashboard/sign-in").await;
    let to = issuer.header("location").expect("a location");
    let back = "redirect_uri=https%3A%2F%2Fapi.example%2Fv1%2Fdashboard%2Fcallback";
    assert!(to.contains(back), "{to}");
}

#[tokio::test]
async fn under_a_stage_a_dashboard_without_its_table_says_so_with_the_stages_links() {
    let system = at("https://api.example/v1").await.expect("it starts");
    let weather = embedded::Weather::script(|_| embedded::Fault::Unreachable);
    system.weather().set(&weather);
    // Whatever looks like a session is looked for.
    let keys = auth::SessionKeys::new(&auth::SecretDocument::generate([1; 32], 0));
    let forged = keys.cookie([2; 32], [3; 32]);
    let request = HttpRequest::new("GET", "/dashboard").header(
        "cookie",
        &format!("__Host-instaview={}", forged.expose().as_str()),
    );
    let page = system.gateway().call(request).await;
    assert_eq!(page.status, 503, "{}", page.text());
    assert!(
        page.text().contains("href=\"/v1/dashboard"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn elsewhere_than_on_loopback_cookies_are_the_hosts_alone_and_need_tls() {
    for url in [
        "https://app.example",
        "https://app.example/",
        "https://API.example:443/v1/",
    ] {
        let system = at(url).await.expect("it starts");
        let begun = get(&system, "/dashboard/sign-in").await;
        let cookie = begun.header("set-cookie").expect("a cookie");
        assert!(cookie.starts_with("__Host-instaview-sign-in="), "{cookie}");
        assert!(
            cookie.contains("; Secure") && cookie.contains("; Path=/;"),
            "{cookie}"
        );
        let home = get(&system, "/dashboard").await.text();
        assert!(!home.contains("=\"//"), "{url}: {home}");
    }
    for url in [
        "http://app.example",
        "http://127.0.0.1.example",
        "http://localhost@app.example",
        "app.example",
        "https://",
        "https://app.example?x=1",
    ] {
        assert!(at(url).await.is_err(), "{url} is no place for sessions");
    }
    for url in [
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        "http://[::1]:3000",
    ] {
        let system = at(url).await.expect("it starts");
        let begun = get(&system, "/dashboard/sign-in").await;
        let cookie = begun.header("set-cookie").expect("a cookie");
        assert!(cookie.starts_with("instaview-sign-in="), "{cookie}");
    }
}

#[tokio::test]
async fn under_another_name_of_this_machine_people_are_sent_to_the_one_that_the_sign_in_comes_back_to()
 {
    let app = TestApp::calm().await;
    let at = async |host: &str, target: &str| {
        let request = HttpRequest::new("GET", target).header("host", host);
        let page = app.system.gateway().call(request).await;
        (page.status, page.header("location").map(str::to_owned))
    };
    for target in [
        "/dashboard",
        "/dashboard/sign-in?to=Home",
        "/dashboard/o/c-1/keys?q=ab",
    ] {
        let (status, to) = at("localhost:3000", target).await;
        assert_eq!(status, 303, "{target}");
        assert_eq!(to, Some(format!("http://127.0.0.1:3000{target}")));
    }
    assert_eq!(at("127.0.0.1:3000", "/dashboard").await.0, 200);
    // What stands in front of the gateway may have sent it under another name.
    let system = self::at("https://app.example").await.expect("it starts");
    let request = HttpRequest::new("GET", "/dashboard").header("host", "origin.example");
    assert_eq!(system.gateway().call(request).await.status, 200);
}
