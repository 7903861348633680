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
            let letters = json!({ "mails": self.letters() }).to_string();
            HttpResponse::new(200, "application/json", letters).with("cache-control", "no-store")
        })
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
