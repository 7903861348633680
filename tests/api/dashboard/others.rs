//! Companies never meet on pages either: what is another company's is what never existed.

use routes::Operation;
use tests::{
    TestApp,
    browser::{Browser, Page as Shown},
};

use super::{all_pages, owner_of};
use crate::requests::Objects;

/// What doesn't differ from one request to the next.
fn comparable(page: &Shown, id: &str) -> (u16, String) {
    let request = page.raw.header("x-request-id").expect("a request id");
    let html = page.html.replace(request, "REQUEST").replace(id, "ID");
    (page.status, html)
}

#[tokio::test]
async fn another_companys_object_on_ones_own_pages_is_one_that_never_existed() {
    let app = TestApp::calm().await;
    let (own, other) = (app.company("Initech").await, app.company("Globex").await);
    let theirs = Objects::of(&app, &other, "Theirs").await;
    let ours = Objects::of(&app, &own, "Ours").await;
    let never = Objects::nowhere();
    let mut browser = Browser::signed_in(&app, "owner@initech.example").await;
    let owner = owner_of(&own);
    let mut seen = 0;
    for page in all_pages().filter(|page| page.route().method.is_read()) {
        let route = page.route();
        let mut parameters = route.parameters().filter(|name| *name != "owner");
        // An event's number is of the chain whose page it stands on.
        let (Some(name), true) = (
            parameters.next().filter(|name| *name != "seq"),
            route.path.contains("/o/"),
        ) else {
            continue;
        };
        if route.path.starts_with("/dashboard/admin") {
            continue;
        }
        let mut look = async |id: &str| {
            let target = route.path.replace("{owner}", &owner);
            browser
                .get(&target.replace(&format!("{{{name}}}"), id))
                .await
        };
        let met = look(theirs.id(name)).await;
        let missing = look(never.id(name)).await;
        assert_eq!(met.status, 404, "{page:?}: {}", met.text());
        assert_eq!(
            comparable(&met, theirs.id(name)),
            comparable(&missing, never.id(name)),
            "{page:?}"
        );
        let mine = look(ours.id(name)).await;
        assert_eq!(mine.status, 200, "{page:?}: {}", mine.text());
        seen += 1;
    }
    assert!(seen >= 10, "{seen} pages");
}
