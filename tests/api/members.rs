//! The people of a company or partner, and how they become it.

mod invitations;
mod limits;
mod mail;
mod races;
mod roles;

use routes::Role;
use serde_json::{Value, json};
use tests::{Answer, Caller, Company, Partner, TestApp};

/// A company or a partner, with a person of each role.
struct Owner {
    name: &'static str,
    owner: Caller,
    admin: Caller,
    member: Caller,
}

impl Owner {
    fn by_role(&self) -> [(Role, &Caller); 3] {
        [
            (Role::Member, &self.member),
            (Role::Admin, &self.admin),
            (Role::Owner, &self.owner),
        ]
    }
}

/// One of each kind: whatever holds for a company's people holds for a partner's.
async fn owners(app: &TestApp) -> [Owner; 2] {
    let Company {
        owner,
        admin,
        member,
        ..
    } = app.company("Acme").await;
    let acme = Owner {
        name: "acme",
        owner,
        admin,
        member,
    };
    let Partner {
        owner,
        admin,
        member,
        ..
    } = app.partner("Hirebridge").await;
    let hirebridge = Owner {
        name: "hirebridge",
        owner,
        admin,
        member,
    };
    [acme, hirebridge]
}

async fn invited(app: &TestApp, by: &Caller, email: &str, role: Role) -> Answer {
    let body = json!({ "email": email, "role": role.as_str() });
    app.post(by, "/members", &body).await
}

async fn join(app: &TestApp, by: &Caller, email: &str, role: Role) -> Value {
    let token = app.invite(by, email, role).await;
    let joined = app.accept(email, &token).await;
    assert_eq!(joined.status, 200, "{}", joined.body);
    joined.data().clone()
}

async fn all(app: &TestApp, by: &Caller) -> Vec<Value> {
    let mut all = Vec::new();
    let mut target = "/members?limit=100".to_owned();
    loop {
        let page = app.get(by, &target).await;
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(page.data()["items"].as_array().expect("a list").clone());
        match page.data()["pagination"]["nextCursor"].as_str() {
            Some(cursor) => target = format!("/members?limit=100&cursor={cursor}"),
            None => return all,
        }
    }
}

/// Whoever has this address there.
async fn of(app: &TestApp, by: &Caller, email: &str) -> Value {
    let all = all(app, by).await;
    let found = all.into_iter().find(|member| member["email"] == email);
    found.unwrap_or_else(|| panic!("no {email}"))
}

fn path(member: &Value) -> String {
    format!("/members/{}", member["id"].as_str().expect("an id"))
}

async fn give(app: &TestApp, by: &Caller, member: &Value, role: Role) -> Answer {
    let body = json!({ "role": role.as_str() });
    app.patch(by, &path(member), &body).await
}

async fn remove(app: &TestApp, by: &Caller, member: &Value) -> Answer {
    app.send(by.request("DELETE", &path(member))).await
}

fn reason(answer: &Answer) -> (u16, &str) {
    let reason = answer.details()["reason"].as_str().unwrap_or_default();
    (answer.status, reason)
}
