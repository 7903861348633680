//! What the API's calls made, as members see it.

use serde_json::json;
use tests::{TestApp, browser::Browser};

#[tokio::test]
async fn candidates_of_more_jobs_than_can_be_named_at_once_are_a_page() {
    const JOBS_OF_ONE: usize = 20;
    // What the API names in one request.
    const NAMED: usize = 100;
    let app = TestApp::start().await;
    let acme = app.company("Acme").await;
    let key = app.key_with(&acme, json!({})).await;
    for number in 0..=NAMED / JOBS_OF_ONE {
        let mut jobs = Vec::new();
        for _ in 0..JOBS_OF_ONE {
            let made = app.post(&key.caller, "/jobs", &tests::job()).await;
            assert_eq!(made.status, 201, "{}", made.body);
            jobs.push(made.data()["id"].clone());
        }
        let candidate = json!({
            "firstName": "Chiara", "lastName": format!("Papadopoulou-{number}"),
            "email": format!("chiara.{number}@candidates.example"),
            "gdprExpiryDate": "2099-12-31", "jobIds": jobs,
        });
        let made = app.post(&key.caller, "/candidates", &candidate).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let mut owner = Browser::signed_in(&app, "owner@acme.example").await;
    let page = format!("/dashboard/o/c-{}/candidates", acme.id);
    let page = owner.get(&page).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert!(page.says("Papadopoulou-0") && page.says("Papadopoulou-5"));
}
