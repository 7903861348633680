//! What a browser gets, with the headers that every page has.

use api::{Bytes, StreamedBody, whole};
use auth::SessionCookie;
use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use maud::{Markup, html};
use routes::Operation;
use serde_json::Value;
use std::fmt;

use crate::{pages::members::role_name, parts, visit::Visit};

/// One answer to a browser.
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: &'static str,
    body: StreamedBody,
    headers: Vec<(HeaderName, String)>,
    /// Whether it may be kept: nothing that is anybody's.
    kept: bool,
}

/// Why there is no page of the kind that was asked for.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The API's own word.
    Problem(Problem),
    /// Nobody is signed in, or no longer.
    SignIn,
    /// The person has to show anew who they are.
    SignInAnew,
    /// A form that is not of this session, or came from elsewhere.
    Form(&'static str),
    /// A form that was sent before, as it is, and has counted.
    AlreadyDone,
    /// No such page.
    NotFound,
    /// Another role than the session has seen.
    RoleChanged,
    /// Nobody has said yet why they act as an administrator.
    NoReason,
}

/// A refusal of the API.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Value,
}

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

impl Answer {
    pub(crate) fn page(status: u16, page: Markup) -> Answer {
        Answer {
            status,
            content_type: "text/html; charset=utf-8",
            body: whole(Body::Text(page.into_string())),
            headers: Vec::new(),
            kept: false,
        }
    }

    pub(crate) fn streamed(content_type: &'static str, name: &str, body: StreamedBody) -> Answer {
        let file = format!("attachment; filename=\"{name}\"");
        Answer {
            status: 200,
            content_type,
            body,
            headers: vec![(header::CONTENT_DISPOSITION, file)],
            kept: false,
        }
    }

    /// By GET, so that a reload sends no form again.
    pub(crate) fn see(location: &str) -> Answer {
        Answer {
            status: 303,
            ..Answer::page(303, html! {}).with(header::LOCATION, location)
        }
    }

    /// Something that never changes under its name.
    pub(crate) fn asset(content_type: &'static str, bytes: &'static [u8]) -> Answer {
        Answer {
            status: 200,
            content_type,
            body: whole(Body::Binary(Bytes::from_static(bytes).to_vec())),
            headers: Vec::new(),
            kept: true,
        }
    }

    /// `base`: what stands in front of the path of every link.
    pub(crate) fn not_found(base: &str) -> Answer {
        let text = html! { p { "There is no such page." } };
        Answer::page(404, parts::bare(base, "Not found", text))
    }

    pub(crate) fn unavailable(base: &str, error: &dyn std::error::Error) -> Answer {
        tracing::warn!(error = api::chain(error), "no page");
        let text = html! { p { "Something that we need is away just now. Nothing is lost: try again in a moment." } };
        Answer::page(503, parts::bare(base, "One moment", text)).with(header::RETRY_AFTER, "1")
    }

    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn response(self, request_id: &str) -> Response<StreamedBody> {
        let Answer {
            status,
            content_type,
            body,
            headers,
            kept,
        } = self;
        let cache = match kept {
            true => "public, max-age=31536000, immutable",
            false => "no-store",
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        let fixed = [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, cache),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            // Not of subdomains, which may be others' where the dashboard has a whole domain's name.
            (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // Other origins get none. `no-referrer` would have browsers send `Origin: null` with our own forms, which nobody could tell from a foreign one.
            (header::REFERRER_POLICY, "same-origin"),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ),
            (HeaderName::from_static("x-request-id"), request_id),
        ];
        let fixed = fixed.map(|(name, value)| (name, value.to_owned()));
        for (name, value) in fixed.into_iter().chain(headers) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

impl Stop {
    /// The page that says so, and what can be done.
    pub(crate) fn answer(self, visit: &Visit<'_>) -> Answer {
        match self {
            Stop::Problem(problem) => {
                let title = match problem.status {
                    403 => "Not allowed",
                    404 => "Not found",
                    409 if problem.is_stale() => "Changed meanwhile",
                    422 => "This form was used already",
                    429 => "Too many requests",
                    500 => "Our mistake",
                    503 => "One moment",
                    _ => "This did not work",
                };
                let home = visit.href(crate::Page::Home, &[]);
                let text = html! {
                    p { (problem.said()) }
                    @if problem.details.get("maxAuthAge").is_some() {
                        p { a href=(visit.sign_in_again()) { "Sign in again" } }
                    }
                    p.hint { "Request " code { (crate::request_id(visit.context)) } }
                    p { a href=(home) { "To the beginning" } }
                };
                Answer::page(problem.status, parts::bare(&visit.base, title, text))
            }
            Stop::SignIn if visit.came_by_link() => Answer::see(&visit.sign_in()),
            Stop::SignIn => {
                let why = match visit.page.route().method.is_read() {
                    true => "Your session has ended. Sign in, and ask again.",
                    false => {
                        "Your session has ended, so nothing was done. Sign in, and send the form again."
                    }
                };
                visit.led(401, "You are signed out", why, &visit.sign_in(), "Sign in")
            }
            Stop::SignInAnew if visit.came_by_link() => Answer::see(&visit.sign_in_again()),
            Stop::SignInAnew => {
                let why = "This needs a sign-in of a moment ago, and yours is older, so nothing was done. Sign in again, and send the form then.";
                let to = visit.sign_in_again();
                visit.led(401, "Sign in again", why, &to, "Sign in again")
            }
            Stop::AlreadyDone => {
                let why = "This form was sent before, as it is, and has counted then. Nothing more was done.";
                let to = visit.above();
                visit.led(200, "Already done", why, &to, "Go on")
            }
            Stop::Form(why) => {
                // Not to the page of the form: who never meant to send it is not to be led to where it can be sent.
                let why = format!(
                    "{why} Nothing was done. If you didn't mean to send it, that is all; else load its page anew, and send it from there."
                );
                let (title, to) = (
                    "This form can't be taken",
                    visit.href(crate::Page::Home, &[]),
                );
                visit.led(403, title, &why, &to, "To the dashboard")
            }
            Stop::NotFound => Answer::not_found(&visit.base),
            Stop::NoReason if visit.came_by_link() => {
                Answer::see(&visit.href(crate::Page::Admin, &[]))
            }
            Stop::NoReason => {
                let why = "You act as an administrator no longer, so nothing was done.";
                let to = visit.href(crate::Page::Admin, &[]);
                visit.led(403, "No reason is given", why, &to, "Give a reason")
            }
            Stop::RoleChanged => {
                let title = "Your role has changed";
                let why = "Your role has changed, so this session has ended and nothing was done.";
                visit
                    .led(401, title, why, &visit.sign_in(), "Sign in")
                    .with(header::SET_COOKIE, visit.cookies().ended())
            }
        }
    }
}

impl Visit<'_> {
    /// Whether the browser may be sent on to another origin: Chromium holds what a form leads to against `form-action`, and drops it without a word. A form by GET is known by its query.
    fn came_by_link(&self) -> bool {
        self.page.route().method.is_read()
            && self.request.uri().query().unwrap_or_default().is_empty()
    }

    /// A page that says why there is no other, with the one way on.
    fn led(&self, status: u16, title: &str, why: &str, to: &str, label: &str) -> Answer {
        let text = html! {
            p { (why) }
            p { a.button.primary href=(to) { (label) } }
        };
        Answer::page(status, parts::bare(&self.base, title, text))
    }
}

impl Problem {
    /// What the API says, in a sentence for whoever is at the screen.
    pub(crate) fn said(&self) -> String {
        let detail = |name: &str| self.details.get(name).and_then(Value::as_str);
        if let Some(role) = detail("requiredRole") {
            return format!("This needs the role {}.", role_name(role));
        }
        match self.code.as_str() {
            "RESOURCE_ACCESS_DENIED" => {
                "You are no member here, or there is no such company.".to_owned()
            }
            "IDEMPOTENCY_CONFLICT" => {
                "This form was sent before, with something else in it. Load its page again to send another."
                    .to_owned()
            }
            "RATE_LIMIT_EXCEEDED" => {
                "More pages were asked for than a person is allowed in this time.".to_owned()
            }
            "VALIDATION_ERROR" => {
                let errors = self.details["errors"].as_array();
                let said = errors.into_iter().flatten().filter_map(|error| {
                    Some(format!(
                        "{} {}",
                        error["path"].as_str()?.trim_start_matches(['/', '?']),
                        error["message"].as_str()?
                    ))
                });
                said.collect::<Vec<_>>().join("; ")
            }
            _ => self.message.clone(),
        }
    }

    /// Whether somebody else was faster.
    pub(crate) fn is_stale(&self) -> bool {
        self.details["reason"] == "VERSION"
    }

    /// What is said of one member of a body.
    pub(crate) fn of_field(&self, name: &str) -> Option<String> {
        let errors = self.details["errors"].as_array()?;
        let said = errors.iter().filter_map(|error| {
            let path = error["path"].as_str()?.strip_prefix('/')?;
            let within = path.strip_prefix(name)?;
            (within.is_empty() || within.starts_with('/'))
                .then(|| error["message"].as_str().map(str::to_owned))?
        });
        let said: Vec<_> = said.collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

/// The session's cookie, and the one that a sign-in begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    /// Plain http on loopback: Safari keeps no `Secure` cookie there. Decided here and nowhere else.
    pub(crate) loopback: bool,
}

impl Cookies {
    pub(crate) fn session_name(self) -> &'static str {
        match self.loopback {
            true => "instaview",
            false => "__Host-instaview",
        }
    }

    pub(crate) fn sign_in_name(self) -> &'static str {
        match self.loopback {
            true => "instaview-sign-in",
            false => "__Host-instaview-sign-in",
        }
    }

    pub(crate) fn session(self, cookie: &SessionCookie) -> String {
        self.set(self.session_name(), &cookie.expose(), None)
    }

    pub(crate) fn ended(self) -> String {
        self.set(self.session_name(), "", Some(0))
    }

    pub(crate) fn sign_in(self, sealed: &str) -> String {
        self.set(self.sign_in_name(), sealed, Some(600))
    }

    pub(crate) fn signed_in(self) -> String {
        self.set(self.sign_in_name(), "", Some(0))
    }

    /// Lax, not Strict: the browser comes back from the issuer's site.
    fn set(self, name: &str, value: &str, max_age: Option<u32>) -> String {
        let secure = match self.loopback {
            true => "",
            false => "; Secure",
        };
        let age = max_age.map_or_else(String::new, |age| format!("; Max-Age={age}"));
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
