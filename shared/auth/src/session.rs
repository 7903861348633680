//! A browser's session: what its cookie holds, and what its forms prove.
//!
//! The cookie holds a random id and a secret for forms, and nothing else; the tables know the session by the HMAC of its id, so that whoever reads them can't act as anybody.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{collections::BTreeMap, fmt};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    SecretDocument,
    keyring::{Subkey, mac, subkey},
};

/// What names sessions, proves forms and seals what a sign-in begins with, by generation.
pub struct SessionKeys {
    newest: u32,
    keys: BTreeMap<u32, Generation>,
}

struct Generation {
    name: Subkey,
    form: Subkey,
    seal: Subkey,
}

/// What a browser is given. A credential: only [`Self::expose`] shows it.
#[derive(Clone)]
pub struct SessionCookie {
    generation: u32,
    id: Zeroizing<[u8; 32]>,
    forms: Zeroizing<[u8; 32]>,
}

/// What the tables know a session by.
pub type SessionName = [u8; 32];

/// What every cookie begins with, so that one is known wherever it may not be.
const PREFIX: &str = "ivs_";
/// Generation, id, secret of forms.
const LENGTH: usize = 4 + 32 + 32;

impl SessionKeys {
    pub fn new(document: &SecretDocument) -> SessionKeys {
        let derived = |secret| Generation {
            name: subkey(secret, "instaview/session/name/1"),
            form: subkey(secret, "instaview/session/form/1"),
            seal: subkey(secret, "instaview/session/seal/1"),
        };
        SessionKeys {
            newest: document.newest().0,
            keys: document
                .verified()
                .map(|(number, secret)| (number, derived(secret)))
                .collect(),
        }
    }

    /// A new session's cookie.
    pub fn cookie(&self, id: [u8; 32], forms: [u8; 32]) -> SessionCookie {
        SessionCookie {
            generation: self.newest,
            id: Zeroizing::new(id),
            forms: Zeroizing::new(forms),
        }
    }

    /// Whether the cookie's generation is known.
    pub fn know(&self, cookie: &SessionCookie) -> bool {
        self.keys.contains_key(&cookie.generation)
    }

    /// What the tables know the session by; `None` where its generation is no longer known.
    pub fn name(&self, cookie: &SessionCookie) -> Option<SessionName> {
        let keys = self.keys.get(&cookie.generation)?;
        Some(mac(&keys.name, &*cookie.id))
    }

    /// What a form of this session carries, for the one id that it is sent with.
    pub fn form_token(&self, cookie: &SessionCookie, once: &str) -> Option<String> {
        let keys = self.keys.get(&cookie.generation)?;
        Some(URL_SAFE_NO_PAD.encode(mac(&keys.form, &form(cookie, once))))
    }

    /// Whether the form was made for this session and this id, in constant time.
    pub fn is_form_token(&self, cookie: &SessionCookie, once: &str, token: &str) -> bool {
        let Some(right) = self.form_token(cookie, once) else {
            return false;
        };
        right.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The text with a proof that it is ours; it can be read by whoever holds it.
    pub fn seal(&self, text: &str) -> String {
        let body = URL_SAFE_NO_PAD.encode(text);
        let keys = self.keys.get(&self.newest);
        let keys = keys.expect("the newest generation is a verified one");
        let proof = URL_SAFE_NO_PAD.encode(mac(&keys.seal, body.as_bytes()));
        format!("{body}.{proof}")
    }

    /// What was sealed, by any generation that is known.
    pub fn open(&self, sealed: &str) -> Option<String> {
        let (body, proof) = sealed.split_once('.')?;
        let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
        let mut ours = false;
        for keys in self.keys.values() {
            ours |= bool::from(mac(&keys.seal, body.as_bytes()).ct_eq(proof.as_slice()));
        }
        let text = URL_SAFE_NO_PAD.decode(body).ok().filter(|_| ours)?;
        String::from_utf8(text).ok()
    }
}

/// Both parts have one length each but the last.
fn form(cookie: &SessionCookie, once: &str) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(cookie.id.to_vec());
    message.extend_from_slice(&*cookie.forms);
    message.extend_from_slice(once.as_bytes());
    message
}

impl SessionCookie {
    /// The cookie's value.
    pub fn expose(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend_from_slice(&*self.id);
        bytes.extend_from_slice(&*self.forms);
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(&*bytes));
        Zeroizing::new(format!("{PREFIX}{}", encoded.as_str()))
    }

    pub fn parse(text: &str) -> Option<SessionCookie> {
        let text = text.strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let bytes: &[u8; LENGTH] = bytes.as_slice().try_into().ok()?;
        let part = |from: usize| Zeroizing::new(std::array::from_fn(|at| bytes[from + at]));
        Some(SessionCookie {
            generation: u32::from_be_bytes(std::array::from_fn(|at| bytes[at])),
            id: part(4),
            forms: part(36),
        })
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeys")
            .field("newest", &self.newest)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCookie").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: u8) -> SessionKeys {
        SessionKeys::new(&SecretDocument::generate([secret; 32], 0))
    }

    #[test]
    fn a_cookie_is_read_as_it_was_shown_and_names_one_session() {
        let keys = keys(1);
        let cookie = keys.cookie([2; 32], [3; 32]);
        let read = SessionCookie::parse(&cookie.expose()).expect("a cookie");
        assert_eq!(keys.name(&read), keys.name(&cookie));
        assert_ne!(
            keys.name(&keys.cookie([4; 32], [3; 32])),
            keys.name(&cookie)
        );
        assert_eq!(SessionCookie::parse("AAAA").map(|_| ()), None);
        let unknown = SessionCookie {
            generation: 9,
            ..cookie
        };
        assert_eq!(keys.name(&unknown), None);
        assert!(!keys.know(&unknown) && keys.know(&read));
    }

    #[test]
    fn a_forms_token_is_good_for_its_session_and_its_id_alone() {
        let keys = keys(1);
        let cookie = keys.cookie([2; 32], [3; 32]);
        let token = keys.form_token(&cookie, "one").expect("a token");
        assert!(keys.is_form_token(&cookie, "one", &token));
        assert!(!keys.is_form_token(&cookie, "two", &token));
        assert!(!keys.is_form_token(&keys.cookie([4; 32], [3; 32]), "one", &token));
        assert!(!keys.is_form_token(&keys.cookie([2; 32], [4; 32]), "one", &token));
        assert!(!keys.is_form_token(&cookie, "one", ""));
    }

    #[test]
    fn debug_shows_no_secret() {
        let keys = keys(1);
        let cookie = keys.cookie([2; 32], [3; 32]);
        assert_eq!(format!("{keys:?}"), "SessionKeys { newest: 1, .. }");
        assert_eq!(format!("{cookie:?}"), "SessionCookie { .. }");
    }

    #[test]
    fn only_what_we_sealed_is_opened() {
        let keys_1 = keys(1);
        let sealed = keys_1.seal("state and nonce");
        assert_eq!(keys_1.open(&sealed).as_deref(), Some("state and nonce"));
        assert_eq!(keys(2).open(&sealed), None);
        let (_, proof) = sealed.split_once('.').expect("two parts");
        assert_eq!(keys_1.open(&format!("AAAA.{proof}")), None);
        assert_eq!(keys_1.open("no dot"), None);
    }
}
