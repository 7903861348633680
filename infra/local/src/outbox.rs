//! Where mail ends on this machine: `GET /dev/outbox` shows it.

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
            let accept = request.last("accept").unwrap_or_default();
            let answer = match accept.contains("text/html") {
                true => HttpResponse::new(200, "text/html; charset=utf-8", self.page()),
                false => {
                    let letters = json!({ "mails": self.letters() }).to_string();
                    HttpResponse::new(200, "application/json", letters)
                }
            };
            answer.with("cache-control", "no-store")
        })
    }

    /// For a browser, newest first; links can be followed.
    fn page(&self) -> String {
        let mut page =
            "<!doctype html><html lang=\"en\"><title>Outbox</title><h1>Outbox</h1>".to_owned();
        let letters = self.letters();
        if letters.is_empty() {
            page.push_str("<p>No mail yet.</p>");
        }
        for Letter {
            to,
            subject,
            text,
            at,
            message_id: _,
        } in letters.iter().rev()
        {
            let lines = text.lines().map(|line| {
                let line = escaped(line);
                match line.starts_with("http") {
                    true => format!("<a href=\"{line}\">{line}</a>"),
                    false => line,
                }
            });
            let text: Vec<_> = lines.collect();
            page.push_str(&format!(
                "<article><h2>{}</h2><p>To {}, {at}</p><pre>{}</pre></article>",
                escaped(subject),
                escaped(to),
                text.join("\n")
            ));
        }
        page.push_str("</html>");
        page
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
