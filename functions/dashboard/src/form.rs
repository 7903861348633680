//! A form that was sent: from this session, from our own page, once.

use lambda_http::Body;
use url::form_urlencoded;

use crate::{answer::Stop, visit::Visit};

/// The members of a form, in the order in which they were sent.
pub(crate) struct Form {
    members: Vec<(String, String)>,
    /// What the form is known by, however often it is sent.
    pub(crate) once: String,
}

const MAX_BYTES: usize = 64 * 1024;

impl Form {
    /// # Errors
    /// Nobody is signed in; or the form comes from elsewhere, is of another session, or no form.
    pub(crate) fn read(visit: &Visit<'_>) -> Result<Form, Stop> {
        let session = visit.session()?;
        let headers = visit.request.headers();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // What a browser says by itself of where a form stood; the token is there for those that say nothing.
        let elsewhere = header("origin").is_some_and(|origin| origin != visit.origin)
            || header("sec-fetch-site").is_some_and(|site| site != "same-origin");
        if elsewhere {
            return Err(Stop::Form("The form was sent from another site."));
        }
        let media = header("content-type").unwrap_or_default();
        if !media.starts_with("application/x-www-form-urlencoded") {
            return Err(Stop::Form("What was sent is no form."));
        }
        let bytes = match visit.request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        if bytes.len() > MAX_BYTES {
            return Err(Stop::Form("The form is too long."));
        }
        let members = form_urlencoded::parse(bytes).into_owned().collect();
        let form = Form {
            once: String::new(),
            members,
        };
        let once = form.text("once").to_owned();
        let token = form.text("token");
        if once.is_empty() || !visit.keys.is_form_token(&session.cookie, &once, token) {
            return Err(Stop::Form("The form is not of this session."));
        }
        Ok(Form { once, ..form })
    }

    /// A member's value without white space around it; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_default().trim()
    }

    /// Of which version its object was when it was filled in; `now` where it doesn't say.
    pub(crate) fn version(&self, now: u64) -> u64 {
        self.text("version").parse().unwrap_or(now)
    }

    /// Whether the member says that name, as people see it: white space as one space.
    pub(crate) fn says(&self, member: &str, name: &str) -> bool {
        self.text(member)
            .split_whitespace()
            .eq(name.split_whitespace())
    }

    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        let member = self.members.iter().find(|(given, _)| given == name);
        member.map(|(_, value)| value.as_str())
    }

    /// All values of a member, such as of checkboxes of one name.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.members
            .iter()
            .filter(move |(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// All that was sent, its id included.
    pub(crate) fn said(&self) -> String {
        let mut said = form_urlencoded::Serializer::new(String::new());
        said.extend_pairs(&self.members).finish()
    }

    pub(crate) fn is_checked(&self, name: &str) -> bool {
        self.given(name).is_some()
    }
}
