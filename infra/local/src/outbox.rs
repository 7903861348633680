//! Where mail ends on this machine: `GET /dev/outbox` shows it, as JSON or, to a browser, as a page.

use anyhow::Context;
use api::{Clock, Mail, MailNotTaken, Mailer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    data_dir::{DataDir, write_private},
    html::escaped,
    message::{HttpRequest, HttpResponse},
};

/// Letters that were taken, each once, however often it was sent.
#[derive(Debug, Clone)]
pub struct Outbox {
    letters: Arc<Mutex<VecDeque<Letter>>>,
    /// Kept there, because whoever sent a letter has forgotten it.
    file: Option<PathBuf>,
    clock: Clock,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    pub message_id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub at: model::Timestamp,
}

const OUTBOX_FILE: &str = "outbox.json";
/// Older letters are forgotten.
const KEPT: usize = 1_000;

impl Outbox {
    /// `None` keeps the letters in memory alone.
    pub(crate) fn open(dir: Option<&DataDir>, clock: &Clock) -> anyhow::Result<Outbox> {
        let text = dir.map(|dir| dir.read(OUTBOX_FILE)).transpose()?.flatten();
        let letters = match text {
            Some(text) => serde_json::from_str(&text).context(OUTBOX_FILE)?,
            None => VecDeque::new(),
        };
        Ok(Outbox {
            letters: Arc::new(Mutex::new(letters)),
            file: dir.map(|dir| dir.file(OUTBOX_FILE)),
            clock: clock.clone(),
        })
    }

    /// What puts letters here; `links_to`: the address of the API.
    pub(crate) fn mailer(&self, links_to: &str) -> Mailer {
        let outbox = self.clone();
        let send = move |mail| {
            let taken = outbox.take(mail);
            std::future::ready(taken.map_err(|fault| MailNotTaken(format!("{fault:#}"))))
        };
        Mailer::new(links_to, Arc::new(move |mail| Box::pin(send(mail))))
    }

    /// The latest, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.iter().cloned().collect()
    }

    fn take(&self, mail: Mail) -> anyhow::Result<()> {
        let Mail {
            message_id,
            to,
            subject,
            text,
        } = mail;
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if letters.iter().any(|known| known.message_id == message_id) {
            return Ok(());
        }
        let mut more = letters.clone();
        more.push_back(Letter {
            message_id,
            to,
            subject,
            text,
            at: self.clock.now(),
        });
        if more.len() > KEPT {
            more.pop_front();
        }
        // Taken is what is kept.
        if let Some(file) = &self.file {
            write_private(file, &serde_json::to_string(&more)?)?;
        }
        *letters = more;
        Ok(())
    }

    /// `None` where the request is for something else.
    pub(crate) fn handle(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let asked = (request.method.as_str(), request.path.as_str());
        (asked == ("GET", "/dev/outbox")).then(|| {
            let letters = self.letters();
            let response = match wants_page(request) {
                true => HttpResponse::new(200, "text/html; charset=utf-8", page(&letters)),
                false => {
                    let letters = json!({ "mails": letters }).to_string();
                    HttpResponse::new(200, "application/json", letters)
                }
            };
            let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
            response
                .with("cache-control", "no-store")
                .with("vary", "accept")
                .with("content-security-policy", policy)
                .with("x-content-type-options", "nosniff")
                .with("referrer-policy", "no-referrer")
        })
    }
}

/// Whether the request names HTML, as browsers do; `*/*` is JSON.
fn wants_page(request: &HttpRequest) -> bool {
    let ranges = request.last("accept").unwrap_or_default().split(',');
    let mut media = ranges.filter_map(|range| range.split(';').next());
    media.any(|media| media.trim().eq_ignore_ascii_case("text/html"))
}

/// Newest first, without a script.
fn page(letters: &[Letter]) -> String {
    let shown: String = letters.iter().rev().map(Letter::article).collect();
    let shown = match letters {
        [] => "<p>No mail yet.</p>".to_owned(),
        _ => shown,
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Outbox (development)</title>\
         <style>:root{{color-scheme:light dark}}body{{background:Canvas;color:CanvasText;font:1rem/1.5 system-ui;max-width:45rem;margin:2rem auto;padding:0 1rem}}\
         article{{border-top:1px solid #8886;margin-top:2rem}}.text{{white-space:pre-wrap;overflow-wrap:anywhere}}</style>\
         <main><h1>Outbox</h1><p>Mail of this machine, the newest first. Nothing leaves it.</p>{shown}</main></html>"
    )
}

impl Letter {
    fn article(&self) -> String {
        let lines: Vec<_> = self.text.lines().map(line).collect();
        format!(
            "<article><h2>{}</h2><p>To {}, <time>{}</time></p><p class=\"text\">{}</p></article>",
            escaped(&self.subject),
            escaped(&self.to),
            self.at,
            lines.join("\n"),
        )
    }
}

/// A line that is an address as a whole is a link. What people typed never is one: no name holds a line break.
fn line(line: &str) -> String {
    let text = escaped(line);
    let is_link = ["http://", "https://"]
        .iter()
        .any(|scheme| line.starts_with(scheme))
        && !line.contains(char::is_whitespace);
    match is_link {
        true => format!("<a href=\"{text}\">{text}</a>"),
        false => text,
    }
}

/// The text may hold a link that is a credential.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox_with(subject: &str, text: &str) -> Outbox {
        let outbox = Outbox::open(None, &Clock::system()).expect("an outbox");
        let mail = Mail {
            message_id: "1".to_owned(),
            to: "grace@acme.example".to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
        };
        outbox.take(mail).expect("taken");
        outbox
    }

    fn asked(outbox: &Outbox, accept: &str) -> HttpResponse {
        let request = HttpRequest::new("GET", "/dev/outbox").header("accept", accept);
        outbox.handle(&request).expect("an answer")
    }

    #[test]
    fn a_browser_gets_a_page_and_everybody_else_json() {
        let outbox = outbox_with("Hello", "Text");
        let browsers = [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0.1, TEXT/HTML;q=0.9",
        ];
        for accept in browsers {
            let page = asked(&outbox, accept);
            assert_eq!(
                page.header("content-type"),
                Some("text/html; charset=utf-8")
            );
            assert!(page.text().contains("<h2>Hello</h2>"), "{}", page.text());
        }
        for accept in ["*/*", "application/json", "text/*", ""] {
            let json = asked(&outbox, accept).json().expect("JSON");
            assert_eq!(json["mails"][0]["subject"], "Hello", "{accept}");
        }
    }

    #[test]
    fn what_people_typed_is_text_and_only_a_line_of_its_own_is_a_link() {
        let typed = "<script>alert(1)</script> http://typed.example/ \"&'";
        let text = format!("{typed}\n\nhttp://127.0.0.1:3000/invitations/a?b=1&c=\"\n");
        let page = asked(&outbox_with(typed, &text), "text/html").text();
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("<a ").count(), 1, "{page}");
        let link = "<a href=\"http://127.0.0.1:3000/invitations/a?b=1&amp;c=&quot;\">";
        assert!(page.contains(link), "{page}");
    }
}
