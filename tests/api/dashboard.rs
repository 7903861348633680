//! The dashboard, as browsers meet it.

mod administrators;
mod busy;
mod costs;
mod forms;
mod found;
mod freshness;
mod invitations;
mod keys;
mod links;
mod members;
mod once;
mod others;
mod partners;
mod place;
mod resources;
mod roles;
mod sessions;

use routes::{Operation, pages::dashboard::Operation as Page};
use tests::{Company, browser::Browser};

/// The pages of a company's owner, with ids that nothing has.
fn path(page: Page, owner: &str) -> String {
    let route = page.route();
    route
        .parameters()
        .fold(route.path.to_owned(), |path, name| {
            let value = match name {
                "owner" => owner,
                "keyId" => "AAAAAAAA",
                "seq" => "1",
                "asset" => "style.css",
                "token" => "none",
                _ => "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b",
            };
            path.replace(&format!("{{{name}}}"), value)
        })
}

fn all_pages() -> impl Iterator<Item = Page> {
    Page::ALL.iter().map(|(page, _)| *page)
}

fn owner_of(company: &Company) -> String {
    format!("c-{}", company.id)
}

fn keys_of(company: &Company) -> String {
    format!("/dashboard/o/{}/keys", owner_of(company))
}

/// Makes a key by the form; the key itself, and its page.
async fn make_key(browser: &mut Browser<'_>, company: &Company, name: &str) -> (String, String) {
    let new = format!("{}/new", keys_of(company));
    let form = browser.get(&new).await;
    let members = [
        ("name", name),
        ("preset", "custom"),
        ("scope", "read:jobs"),
        ("expiry", "30"),
    ];
    let made = browser.submit(&form, "/keys/new", &members).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let key = made.element("key").expect("the key");
    let page = format!("{}/{}", keys_of(company), &key[5..13]);
    (key, page)
}
