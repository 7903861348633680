//! A browser without a window: cookies, redirections, forms. It runs no script.

use local::{HttpRequest, HttpResponse};
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

use crate::{TestApp, leaks::ask};

/// Somebody's browser.
#[derive(Debug, Clone)]
pub struct Browser<'a> {
    app: &'a TestApp,
    /// By host and name.
    pub cookies: BTreeMap<(String, String), String>,
    /// What it says of where a form stood, sent with every form to the dashboard.
    pub headers: Vec<(&'static str, String)>,
}

/// What the browser shows.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    /// Path and query.
    pub target: String,
    pub html: String,
    pub raw: HttpResponse,
}

/// A form as it stands on a page.
#[derive(Debug, Clone)]
pub struct HtmlForm {
    pub action: String,
    pub members: Vec<(String, String)>,
}

const ORIGIN: &str = "http://127.0.0.1:3000";
const COOKIE: &str = "instaview";

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Browser<'a> {
        Browser {
            app,
            cookies: BTreeMap::new(),
            headers: vec![
                ("origin", ORIGIN.to_owned()),
                ("sec-fetch-site", "same-origin".to_owned()),
            ],
        }
    }

    /// Signs in by the issuer's form, and shows what the dashboard answers then.
    pub async fn signed_in(app: &'a TestApp, email: &str) -> Browser<'a> {
        let mut browser = Browser::new(app);
        let page = browser.sign_in("/dashboard/sign-in", email).await;
        assert_eq!(page.status, 200, "{}", page.html);
        browser
    }

    /// From a page that leads to the sign-in.
    pub async fn sign_in(&mut self, from: &str, email: &str) -> Page {
        let form = self.get(from).await;
        let members = [("email", email), ("password", "instaview")];
        self.submit(&form, "/authorize", &members).await
    }

    pub async fn get(&mut self, target: &str) -> Page {
        let url = Url::parse(ORIGIN).and_then(|origin| origin.join(target));
        self.follow("GET", url.expect("a target"), None).await
    }

    /// Sends the form whose action ends so, some of its members replaced.
    pub async fn submit(&mut self, page: &Page, action: &str, members: &[(&str, &str)]) -> Page {
        let form = page.form(action);
        self.send(page, &form, members).await
    }

    pub async fn send(&mut self, page: &Page, form: &HtmlForm, members: &[(&str, &str)]) -> Page {
        let kept = form.members.iter().filter(|(name, _)| {
            let mut given = members.iter();
            !given.any(|(given, _)| given == name)
        });
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = kept.chain(members.iter().copied()).collect();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        let base = match page.target.starts_with("http") {
            true => page.target.clone(),
            false => format!("{ORIGIN}{}", page.target),
        };
        let base = Url::parse(&base).expect("a URL");
        let url = base.join(&form.action).expect("an action");
        self.follow("POST", url, Some(body)).await
    }

    /// The session's cookie, as the dashboard set it.
    pub fn session(&self) -> Option<&str> {
        let key = ("127.0.0.1".to_owned(), COOKIE.to_owned());
        self.cookies.get(&key).map(String::as_str)
    }

    pub fn set_session(&mut self, value: &str) {
        let key = ("127.0.0.1".to_owned(), COOKIE.to_owned());
        self.cookies.insert(key, value.to_owned());
    }

    async fn follow(&mut self, method: &str, url: Url, body: Option<String>) -> Page {
        const MOST: usize = 10;
        let (mut method, mut url, mut body) = (method.to_owned(), url, body);
        for _ in 0..MOST {
            let answer = self.once(&method, &url, body.take()).await;
            let location = answer.header("location").map(str::to_owned);
            match location.filter(|_| answer.status == 303) {
                None => return Page::read(&url, answer),
                Some(location) => {
                    url = url.join(&location).expect("a location");
                    method = "GET".to_owned();
                }
            }
        }
        panic!("redirected in circles at {url}");
    }

    async fn once(&mut self, method: &str, url: &Url, body: Option<String>) -> HttpResponse {
        let host = url.host_str().expect("a host").to_owned();
        let mut target = url.path().to_owned();
        if let Some(query) = url.query() {
            target = format!("{target}?{query}");
        }
        let mut request = HttpRequest::new(method, &target);
        let cookies = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let cookies: Vec<_> = cookies
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", &cookies.join("; "));
        }
        if let Some(body) = body {
            request = request.body("application/x-www-form-urlencoded", body);
        }
        let issuer = Url::parse(self.app.system.issuer().url()).expect("a URL");
        let answer = if url.origin() == issuer.origin() {
            self.app.system.issuer().handle(&request)
        } else {
            for (name, value) in self.headers.iter().filter(|_| method == "POST") {
                request = request.header(name, value);
            }
            ask(self.app.system.gateway(), request).await
        };
        for (name, value) in &answer.headers {
            if name.eq_ignore_ascii_case("set-cookie") {
                self.keep(&host, value);
            }
        }
        answer
    }

    fn keep(&mut self, host: &str, header: &str) {
        let (pair, attributes) = header.split_once(';').unwrap_or((header, ""));
        let (name, value) = pair.split_once('=').expect("a cookie");
        let key = (host.to_owned(), name.to_owned());
        match attributes.contains("Max-Age=0") {
            true => self.cookies.remove(&key),
            false => self.cookies.insert(key, value.to_owned()),
        };
    }
}

impl Page {
    fn read(url: &Url, raw: HttpResponse) -> Page {
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let target = match url.as_str().starts_with(ORIGIN) {
            true => target,
            false => url.to_string(),
        };
        Page {
            status: raw.status,
            target,
            html: String::from_utf8_lossy(&raw.body).into_owned(),
            raw,
        }
    }

    /// # Panics
    /// Another page is shown, or this one refused.
    #[track_caller]
    pub fn assert_at(&self, target: &str) {
        let shown = (self.status, self.target.as_str());
        assert_eq!(shown, (200, target), "{}", self.text());
    }

    /// In its HTML, as it stands there.
    pub fn says(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// Without tags, white space run together.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut rest = self.html.as_str();
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            text.push(' ');
            rest = rest[at..].split_once('>').map_or("", |(_, rest)| rest);
        }
        text.push_str(rest);
        unescaped(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// # Panics
    /// The page has no form whose action ends so.
    pub fn form(&self, action: &str) -> HtmlForm {
        let forms = self.forms();
        let found = forms.iter().find(|form| form.action.ends_with(action));
        found
            .unwrap_or_else(|| panic!("no form {action} among {forms:?} on {}", self.html))
            .clone()
    }

    /// All forms, with what they would send as they stand.
    pub fn forms(&self) -> Vec<HtmlForm> {
        let forms = self.html.split("<form").skip(1);
        forms
            .map(|form| {
                let form = form.split_once("</form>").map_or(form, |(form, _)| form);
                let (head, content) = form.split_once('>').unwrap_or((form, ""));
                let inputs = content.split("<input").skip(1);
                let members = inputs.filter_map(|input| {
                    let input = input.split_once('>').map_or(input, |(input, _)| input);
                    let kind = attribute(input, "type").unwrap_or_default();
                    let chosen = !matches!(kind.as_str(), "radio" | "checkbox")
                        || input.contains(" checked");
                    let name = attribute(input, "name").filter(|_| chosen)?;
                    Some((name, attribute(input, "value").unwrap_or_default()))
                });
                HtmlForm {
                    action: attribute(head, "action").unwrap_or_default(),
                    members: members.collect(),
                }
            })
            .collect()
    }

    /// What stands in the element of this id, if it holds text alone.
    pub fn element(&self, id: &str) -> Option<String> {
        let (_, rest) = self.html.split_once(&format!("id=\"{id}\""))?;
        let (_, rest) = rest.split_once('>')?;
        Some(unescaped(rest.split_once('<')?.0))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
