//! Mail, and whoever carries it.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

/// One letter to one address. Its text may hold a link that is a credential: no `Debug` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same each time the same letter is sent, so that whoever carries it can drop repeats.
    pub message_id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
}

/// The carrier did not take the letter; it is to be sent again.
#[derive(Debug, thiserror::Error)]
#[error("the mail was not taken: {0}")]
pub struct MailNotTaken(pub String);

/// Takes a letter once and for all, or doesn't.
pub type Send = Arc<
    dyn Fn(Mail) -> Pin<Box<dyn Future<Output = Result<(), MailNotTaken>> + std::marker::Send>>
        + std::marker::Send
        + Sync,
>;

/// Who carries mail, and where its links lead.
#[derive(Clone)]
pub struct Mailer {
    links_to: String,
    send: Send,
}

impl Mailer {
    /// `links_to`: the address in front of the paths of links, without a slash at its end.
    pub fn new(links_to: &str, send: Send) -> Mailer {
        Mailer {
            links_to: links_to.to_owned(),
            send,
        }
    }

    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.links_to)
    }

    /// # Errors
    /// Where the letter must be sent again; it may have been taken all the same.
    pub async fn send(&self, mail: Mail) -> Result<(), MailNotTaken> {
        (self.send)(mail).await
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("links_to", &self.links_to)
            .finish_non_exhaustive()
    }
}
