//! The texts by which somebody is known: API keys, sessions' cookies, invitations' links, and what a cookie holds sealed.
//!
//! 32 bytes from which each is made, then a text that somebody claims to be one.

use auth::{
    InvitationKeys, InvitationToken, Keyring, PresentedKey, SecretDocument, SessionCookie,
    SessionKeys, key_prefix,
};
use model::{CompanyId, InvitationId, KeyId, KeyKind, Owner, PartnerId, Timestamp};
use std::sync::LazyLock;

use crate::take;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Secrets {
    keyring: Keyring,
    sessions: SessionKeys,
    invitations: InvitationKeys,
}

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    let document = SecretDocument::generate([5; 32], 0);
    Secrets {
        keyring: Keyring::new(&document),
        sessions: SessionKeys::new(&document),
        invitations: InvitationKeys::new(&document),
    }
});

pub fn credential(data: &[u8]) {
    let (random, claimed) = take::<32>(data);
    let claimed = String::from_utf8_lossy(claimed);
    made(random);
    claimed_key(&claimed);
    // With the right checksum it gets as far as the tag.
    let mut forged = claimed.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "0");
    if forged.len() >= 40 {
        forged.truncate(40);
        forged.push_str(&checksum(&forged));
        claimed_key(&forged);
    }
    let Secrets {
        sessions,
        invitations,
        ..
    } = &*SECRETS;
    if let Some(cookie) = SessionCookie::parse(&claimed) {
        assert_eq!(*cookie.expose(), claimed);
    }
    if let Ok(token) = claimed.parse::<InvitationToken>() {
        assert_eq!(*token.expose(), claimed);
        assert!(!invitations.verify(&token, &random));
    }
    assert_eq!(sessions.open(&claimed), None);
}

/// Whatever the text is, it is no key that we minted.
fn claimed_key(text: &str) {
    let kind = match text.get(..5) {
        Some("sk_iv") => Some(KeyKind::Standard),
        Some("sk_ia") => Some(KeyKind::Ats),
        _ => None,
    };
    let good = text.len() == 46
        && kind.is_some()
        && text.bytes().skip(5).all(|byte| DIGITS.contains(&byte))
        && text[40..] == checksum(&text[..40]);
    let key = PresentedKey::parse(text);
    assert_eq!(key.is_some(), good, "{text}");
    let Some(key) = key else {
        return;
    };
    assert_eq!(Some(key.kind()), kind);
    assert_eq!(key.prefix(), key_prefix(key.kind(), key.id()));
    assert_eq!((key.prefix(), key.suffix()), (&text[..13], &text[42..]));
    assert_eq!(SECRETS.keyring.verify_tag(&key), None, "a forgery");
}

/// What we make ourselves is read as what it is, and nothing else.
fn made(random: [u8; 32]) {
    let Secrets {
        keyring,
        sessions,
        invitations,
    } = &*SECRETS;
    let kind = match random[0] % 2 {
        0 => KeyKind::Standard,
        _ => KeyKind::Ats,
    };
    let id = KeyId::new(std::array::from_fn(|at| random[31 - at]));
    let (plain, stored) = keyring.mint(kind, id, random);
    let text = plain.expose();
    let read = PresentedKey::parse(text).expect("minted");
    assert_eq!((read.kind(), read.id()), (kind, id));
    assert_eq!(
        (read.prefix(), read.suffix()),
        (plain.prefix(), plain.suffix())
    );
    assert_eq!(keyring.verify_tag(&read), Some(1));
    assert!(keyring.matches(&read, &stored));
    assert_eq!(text[40..], checksum(&text[..40]));
    // Another secret under the same id, with a tag that is no longer right.
    let at = 13 + usize::from(random[1] % 22);
    let digit = char::from(DIGITS[usize::from(random[2] % 62)]);
    if !text[at..].starts_with(digit) {
        let mut other = text[..40].to_owned();
        other.replace_range(at..=at, digit.encode_utf8(&mut [0; 4]));
        other.push_str(&checksum(&other));
        let other = PresentedKey::parse(&other).expect("well formed");
        assert!(!keyring.matches(&other, &stored));
        assert_eq!(keyring.verify_tag(&other), None);
    }

    let cookie = sessions.cookie(random, std::array::from_fn(|at| random[at] ^ 1));
    let read = SessionCookie::parse(&cookie.expose()).expect("made");
    assert_eq!(sessions.name(&read), sessions.name(&cookie));
    let once = model::hex(&random);
    let token = sessions.form_token(&cookie, &once).expect("a token");
    assert!(sessions.is_form_token(&read, &once, &token));
    assert!(!sessions.is_form_token(&read, &once[1..], &token));
    let sealed = sessions.seal(&once);
    assert_eq!(sessions.open(&sealed), Some(once));

    let now = Timestamp::EPOCH;
    let id: [u8; 10] = std::array::from_fn(|at| random[at]);
    let owner = match random[0] % 2 {
        0 => Owner::Company(CompanyId::new(now, id)),
        _ => Owner::Partner(PartnerId::new(now, id)),
    };
    let token = invitations.token(owner, InvitationId::new(now, id), &random);
    let read: InvitationToken = token.expose().parse().expect("made");
    assert_eq!((read.owner(), read.id()), (token.owner(), token.id()));
    assert!(invitations.verify(&read, &random));
    let mut other = random;
    other[31] ^= 1;
    assert!(!invitations.verify(&read, &other));
}

/// CRC-32 (IEEE) bit by bit, in six digits of Base62.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = crc >> 1 ^ 0xedb8_8320 * carry;
        }
    }
    let mut number = !crc;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}
