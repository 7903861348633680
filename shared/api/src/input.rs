//! Reading what a client sent, with all its faults at once.

use lambda_http::{Request, RequestExt};
use model::{Body, Date, Fault, Faults, Rule, Timestamp};
use percent_encoding::percent_decode_str;
use routes::{Method, Route};
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use crate::{ApiError, IfMatch, body};

/// Collects faults while the parts of a request are read; [`Input::finish`] gives the parts or all faults.
#[derive(Debug)]
pub struct Input<'a> {
    request: &'a Request,
    body: &'a [u8],
    now: Timestamp,
    /// The query parameters that were read, each with its value.
    read: BTreeMap<&'static str, String>,
    faults: Faults,
}

/// A path parameter as it was meant: a REST API hands it on as it was sent, percent-encoded.
pub fn path_parameter(sent: &str) -> Cow<'_, str> {
    percent_decode_str(sent).decode_utf8_lossy()
}

impl<'a> Input<'a> {
    pub(crate) fn new(
        request: &'a Request,
        body: &'a [u8],
        route: &Route,
        now: Timestamp,
    ) -> Input<'a> {
        let mut faults = Faults::default();
        let mut check = |name, message, is_valid: fn(&[u8]) -> bool| {
            let sent = request.headers().get(name);
            if sent.is_some_and(|value| !is_valid(value.as_bytes())) {
                faults.push(Fault::new(name, Rule::Format, message));
            }
        };
        // Even where no answer is kept: the form is the same on every POST.
        if route.method == Method::Post {
            let message = "must be 1 to 255 printable ASCII characters";
            check("Idempotency-Key", message, |key| {
                let printable = key.iter().all(|byte| (0x20..0x7f).contains(byte));
                printable && (1..=255).contains(&key.len())
            });
        }
        if !route.method.is_read() {
            let message = "must be one ETag in its quotes, as in \"3\", or *";
            check("If-Match", message, |text| IfMatch::parse(text).is_some());
        }
        Input {
            request,
            body,
            now,
            read: BTreeMap::new(),
            faults,
        }
    }

    /// A path parameter.
    pub fn id<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let parameters = self.request.path_parameters_ref();
        let id = parameters
            .and_then(|parameters| parameters.first(name))
            .and_then(|text| path_parameter(text).parse().ok());
        if id.is_none() {
            self.faults
                .push(Fault::new(name, Rule::Format, "is not an id of this kind"));
        }
        id
    }

    /// The JSON body; without one, a fault.
    pub fn body<T: Body>(&mut self) -> Option<T> {
        let value = body::parse(self.body);
        self.read(value)
    }

    /// The JSON body of an action that may go without.
    pub fn optional_body<T: Body>(&mut self) -> Option<T> {
        let value = if self.body.is_empty() {
            Ok(json!({}))
        } else {
            body::parse(self.body)
        };
        self.read(value)
    }

    fn read<T: Body>(&mut self, value: Result<Value, Fault>) -> Option<T> {
        let parsed = value
            .map_err(Faults::from)
            .and_then(|body| T::read(body, self.now));
        parsed.map_err(|faults| self.faults.extend(faults)).ok()
    }

    /// A query parameter as it was sent; given twice it is a fault. `Some(None)` = absent.
    pub fn query(&mut self, name: &'static str) -> Option<Option<&'a str>> {
        let parameters = self.request.query_string_parameters_ref();
        let values = parameters.and_then(|parameters| parameters.all(name));
        let value = match values.unwrap_or_default().as_slice() {
            [] => None,
            [one] => Some(*one),
            _ => return self.refuse(name, Rule::Repeated, "was given more than once"),
        };
        self.read
            .extend(value.map(|value| (name, value.to_owned())));
        Some(value)
    }

    /// What was read of the query up to now, as one text.
    pub(crate) fn read_text(&self) -> String {
        let read = self.read.iter();
        read.map(|(name, value)| format!("{name}={value:?}&"))
            .collect()
    }

    /// A query parameter of some type; `Some(None)` = absent.
    pub fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        rule: Rule,
        message: &str,
    ) -> Option<Option<T>> {
        match self.query(name)? {
            None => Some(None),
            Some(text) => match text.parse() {
                Ok(value) => Some(Some(value)),
                Err(_) => self.refuse(name, rule, message),
            },
        }
    }

    /// A query parameter that a list is filtered by, as the store wants it.
    pub fn filter<T: FromStr + ToString>(
        &mut self,
        name: &'static str,
        rule: Rule,
        message: &str,
    ) -> Option<Option<(&'static str, String)>> {
        let value = self.parsed::<T>(name, rule, message)?;
        Some(value.map(|value| (name, value.to_string())))
    }

    /// The query parameter `q`, of at most `max` characters.
    pub fn q(&mut self, max: usize) -> Option<Option<&'a str>> {
        match self.query("q") {
            Some(Some(q)) if q.is_empty() || q.chars().count() > max => {
                let message = format!("must have 1 to {max} characters");
                self.refuse("q", Rule::Length, &message)
            }
            q => {
                // In any case it is the same search. Letter by letter, as the words in the index: a whole word's final sigma is another.
                if let Some(read) = self.read.get_mut("q") {
                    *read = read.chars().flat_map(char::to_lowercase).collect();
                }
                q
            }
        }
    }

    /// A query parameter that is an RFC 3339 instant.
    pub fn instant(&mut self, name: &'static str) -> Option<Option<Timestamp>> {
        self.parsed(
            name,
            Rule::Format,
            "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z",
        )
    }

    /// A query parameter that is a date, which stands for its beginning in UTC, or an RFC 3339 instant.
    pub fn moment(&mut self, name: &'static str) -> Option<Option<Timestamp>> {
        const FORM: &str = "must be a date such as 2026-01-31, or an RFC 3339 instant";
        let moment = self.parsed::<Moment>(name, Rule::Format, FORM)?;
        Some(moment.map(|moment| moment.0))
    }

    /// Records a fault of a query parameter.
    pub fn refuse<T>(&mut self, name: &str, rule: Rule, message: &str) -> Option<T> {
        self.faults.refuse(&format!("?{name}"), rule, message)
    }

    /// The parts, or every fault that was recorded.
    pub fn finish<T>(self, parts: Option<T>) -> Result<T, ApiError> {
        match parts {
            Some(parts) if self.faults.is_empty() => Ok(parts),
            _ => Err(ApiError::Validation(self.faults)),
        }
    }
}

struct Moment(Timestamp);

impl FromStr for Moment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let at = match text.parse::<Date>() {
            Ok(date) => date.start(),
            Err(_) => text.parse::<Timestamp>().map_err(|_| ())?,
        };
        Timestamp::from_millis(at.millis()).map(Moment).ok_or(())
    }
}
