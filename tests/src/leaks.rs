//! Looks for credentials where none may be: in every log line and every stored byte of every test (reliability R18).
//!
//! A credential is known by its form, so that none has to be registered: a whole API key, or a signed token.

use std::{
    fmt,
    io::{self, Write},
    sync::Once,
};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
};

/// Characters of a key after `sk_i`: far fewer would already give it away, and its prefix alone has 9.
const KEY_REST: usize = 20;

/// Whether the bytes hold a whole API key, or a JSON Web Token with its signature.
pub fn holds_credential(bytes: &[u8]) -> bool {
    let run = |rest: &[u8]| {
        rest.iter()
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
    };
    let key = places(bytes, b"sk_i").any(|at| run(&bytes[at + 3..]) >= KEY_REST);
    let token = |at: usize| {
        let rest = &bytes[at..];
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            .count();
        let parts: Vec<_> = rest[..length].split(|byte| *byte == b'.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.len() >= KEY_REST)
    };
    key || places(bytes, b"eyJ").any(token)
}

fn places<'b>(bytes: &'b [u8], start: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    let windows = bytes.windows(start.len()).enumerate();
    windows
        .filter(move |(_, window)| *window == start)
        .map(|(at, _)| at)
}

/// From now on a log line with a credential fails the process, at the most verbose level of our own crates.
///
/// Others are capped as they are in a Lambda process (`runtime::start_log`).
pub(crate) fn watch_logs() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let ours = [
            "api",
            "audit",
            "audit_log",
            "auth",
            "authorizer",
            "embedded",
            "jobs",
            "keys",
            "local",
            "model",
            "routes",
            "store",
        ];
        let targets = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_targets(ours.map(|target| (target, LevelFilter::TRACE)));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(Watch)
            .finish();
        let subscriber = subscriber.with(targets);
        // Somebody else's subscriber would mean that nothing is watched.
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    });
}

/// Reads what is logged, and keeps nothing.
struct Watch;

impl Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if holds_credential(line) {
            // A panic here might be caught with the task that logs, and the test would pass.
            let _ = io::stderr().write_all(b"a credential is logged\n");
            std::process::abort();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Watch {
    type Writer = Watch;

    fn make_writer(&'w self) -> Watch {
        Watch
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

#[cfg(test)]
mod tests {
    use super::holds_credential;

    #[test]
    fn keys_and_tokens_are_seen_and_prefixes_are_not() {
        let key = b"x sk_iv0aB3dE6fABCDEFGHIJKLMNOPQRSTUV000001URqVm y";
        let token =
            b"eyJhbGciOiJFUzI1NiIsImtpZCI6.eyJzdWIiOiJhYmNkZWZnaGlq.c2lnbmF0dXJlc2lnbmF0dXJl";
        assert!(holds_credential(key) && holds_credential(token));
        for harmless in [
            &b"sk_iv0aB3dE6f"[..],
            b"prefix sk_iv0aB3dE6f\xe2\x80\xa6",
            b"eyJhbGciOiJFUzI1NiJ9",
            b"",
        ] {
            assert!(!holds_credential(harmless));
        }
    }
}
