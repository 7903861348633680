//! Somebody at a browser without a script: cookies, links, forms.

use local::{HttpRequest, HttpResponse};
use std::collections::BTreeMap;
use tests::TestApp;

pub(super) struct Visitor<'a> {
    app: &'a TestApp,
    cookies: BTreeMap<String, String>,
}

/// A page as it came.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) html: String,
    /// Of a redirection, without the origin.
    pub(super) to: String,
}

impl Seen {
    pub(super) fn says(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// The hidden members of the form that is sent there.
    pub(super) fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let start = format!("action=\"{action}\"");
        let (_, rest) = self.html.split_once(&start).unwrap_or_else(|| {
            panic!(
                "{}: no form is sent to {action}: {}",
                self.status, self.html
            )
        });
        let (form, _) = rest.split_once("</form>").expect("a form ends");
        let inputs = form.split("<input type=\"hidden\" ").skip(1);
        inputs
            .map(|input| {
                let part = |name: &str| {
                    let (_, rest) = input.split_once(&format!("{name}=\"")).expect("a member");
                    rest.split('"').next().unwrap_or_default().to_owned()
                };
                (part("name"), part("value"))
            })
            .collect()
    }
}

impl<'a> Visitor<'a> {
    /// Nobody yet.
    pub(super) fn new(app: &'a TestApp) -> Visitor<'a> {
        Visitor {
            app,
            cookies: BTreeMap::new(),
        }
    }

    /// Somebody whom the issuer knows.
    pub(super) async fn signed_in(app: &'a TestApp, email: &str) -> Visitor<'a> {
        let mut visitor = Visitor::new(app);
        let landed = visitor.sign_in(email, "/dashboard/sign-in").await;
        assert_eq!(landed.status, 303, "{}", landed.html);
        visitor
    }

    /// From the page that leads to the sign-in to the one that it comes back to.
    pub(super) async fn sign_in(&mut self, email: &str, from: &str) -> Seen {
        let issuer = self.get(from).await;
        assert_eq!(issuer.status, 303, "{}", issuer.html);
        let (_, query) = issuer.to.split_once('?').expect("a query");
        let form = format!(
            "{query}&email={}&password=instaview",
            email.replace('@', "%40")
        );
        let request =
            HttpRequest::new("POST", "/authorize").body("application/x-www-form-urlencoded", form);
        let back = self.app.system.issuer().handle(&request);
        let back = Seen::of(back);
        assert_eq!(back.status, 303, "{}", back.html);
        self.get(&back.to).await
    }

    pub(super) async fn get(&mut self, target: &str) -> Seen {
        self.send(HttpRequest::new("GET", target)).await
    }

    /// Sends the page's form that is sent there, with what was filled in.
    pub(super) async fn submit(
        &mut self,
        page: &Seen,
        action: &str,
        filled: &[(&str, &str)],
    ) -> Seen {
        let mut members = page.hidden(action);
        let filled = filled
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        members.extend(filled);
        self.post(action, &members).await
    }

    pub(super) async fn post(&mut self, action: &str, members: &[(String, String)]) -> Seen {
        let encoded = |text: &str| -> String {
            text.bytes()
                .map(|byte| match byte.is_ascii_alphanumeric() {
                    true => char::from(byte).to_string(),
                    false => format!("%{byte:02X}"),
                })
                .collect()
        };
        let pairs: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let request = HttpRequest::new("POST", action)
            .body("application/x-www-form-urlencoded", pairs.join("&"))
            .header("origin", "http://127.0.0.1:3000")
            .header("sec-fetch-site", "same-origin");
        self.send(request).await
    }

    async fn send(&mut self, mut request: HttpRequest) -> Seen {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", &cookies.join("; "));
        }
        let response = tests::ask(self.app.system.gateway(), request).await;
        let set = response.headers.iter();
        for (_, cookie) in set.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Seen::of(response)
    }
}

impl Seen {
    fn of(response: HttpResponse) -> Seen {
        let to = response.header("location").unwrap_or_default();
        let to = match to.split_once("://") {
            Some((_, rest)) => rest.find('/').map(|at| &rest[at..]).unwrap_or_default(),
            None => to,
        };
        Seen {
            status: response.status,
            to: to.to_owned(),
            html: response.text(),
        }
    }
}
