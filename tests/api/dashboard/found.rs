//! Whose a found key is: only what is safe to show of it ever leaves the browser.

use tests::{ADMINISTRATOR, TestApp, browser::Browser};

use super::{keys_of, make_key, owner_of};

/// As a browser cuts what is pasted into an input that takes no more.
fn cut(page: &tests::browser::Page, name: &str, pasted: &str) -> String {
    let input = page.html.split("<input").find(|input| {
        let tag = input.split('>').next().unwrap_or_default();
        tag.contains(&format!("name=\"{name}\""))
    });
    let tag = input.expect("the input").split('>').next().expect("a tag");
    let (_, most) = tag.split_once("maxlength=\"").expect("a length");
    let most = most.split('"').next().and_then(|most| most.parse().ok());
    pasted.chars().take(most.expect("a number")).collect()
}

#[tokio::test]
async fn a_pasted_key_is_cut_to_what_is_safe_before_it_is_sent() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut owner = Browser::signed_in(&app, "owner@initech.example").await;
    let (key, _) = make_key(&mut owner, &company, "Job board").await;
    app.administrator().await;
    let mut boss = Browser::signed_in(&app, ADMINISTRATOR).await;
    let form = boss.get("/dashboard/admin").await;
    let reason = [("reason", "Ticket 4711: a found key")];
    boss.submit(&form, "/dashboard/admin", &reason).await;

    let administered = format!("/dashboard/admin/o/{}/keys", owner_of(&company));
    for (browser, list) in [(&mut owner, &keys_of(&company)), (&mut boss, &administered)] {
        let page = browser.get(list).await;
        let sent = cut(&page, "key", &key);
        assert_eq!(sent, &key[..13], "{list}");
        let found = browser.get(&format!("{list}?q=&key={sent}")).await;
        assert!(
            found.text().contains("Job board"),
            "{list}: {}",
            found.text()
        );
        let other = format!("{list}?key=sk_ivAAAAAAAA");
        assert!(!browser.get(&other).await.text().contains("Job board"));
        // Whatever was sent all the same is found, and goes no further.
        for name in ["q", "key"] {
            let found = browser.get(&format!("{list}?{name}={key}")).await;
            assert!(found.text().contains("Job board"), "{list} {name}");
            assert!(!found.html.contains(&key[13..]), "{list} {name}");
        }
    }
    let audit = owner
        .get(&keys_of(&company).replace("/keys", "/audit"))
        .await;
    assert_eq!(cut(&audit, "key", &key), &key[..13]);
}

#[tokio::test]
async fn the_way_through_a_list_carries_no_secret() {
    let app = TestApp::calm().await;
    let company = app.company("Initech").await;
    let mut owner = Browser::signed_in(&app, "owner@initech.example").await;
    for _ in 0..25 {
        app.key_with(&company, serde_json::json!({ "name": "sk_ivAbCdEfGh" }))
            .await;
    }
    let secret = "sk_ivAbCdEfGhSECRETSECRETSECRETSECRETSECRETSEC";
    let list = owner
        .get(&format!("{}?q={secret}", keys_of(&company)))
        .await;
    assert!(list.html.contains("rel=\"next\""), "{}", list.text());
    assert!(!list.html.contains("SECRET"));
}
