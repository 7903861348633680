use std::{
    cell::Cell,
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;

const NOW: i64 = 1_767_225_600_000;
const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;

fn ec(kid: &str) -> String {
    // The base point of P-256.
    format!(
        r#"{{"kty":"EC","crv":"P-256","kid":"{kid}","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}}"#
    )
}

fn set(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn kids(json: &str) -> Result<Vec<String>, InvalidJwks> {
    Jwks::from_json(json).map(|set| set.keys.into_iter().map(|(kid, _)| kid).collect())
}

fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// One question to the cache; the answer, and whether it fetched.
fn ask(cache: &mut JwksCache, kid: &str, now: i64, body: Option<String>) -> (bool, bool) {
    let fetched = Cell::new(false);
    let answer = now_or_never(cache.key_set(kid, now, || {
        fetched.set(true);
        ready(body)
    }));
    (answer.expect("ready").is_ok(), fetched.get())
}

#[test]
fn only_useful_keys_are_kept() {
    let rsa = |n: &[u8]| {
        format!(
            r#"{{"kty":"RSA","kid":"r","use":"sig","n":"{}","e":"AQAB"}}"#,
            URL_SAFE_NO_PAD.encode(n)
        )
    };
    for useless in [
        ec("b").replace("P-256", "P-384"),
        ec("b").replace(r#""kid":"b","#, ""),
        ec("b").replace(r#""kty":"EC""#, r#""kty":"EC","use":"enc""#),
        ec("b").replace(r#""kty":"EC""#, r#""kty":"EC","alg":"RS256""#),
        ec("b").replace("axfR", "axf*"),
        ec("b").replace("axfR8", "axfR8AAAA"),
        ec("b").replace("T-NC4", "T-NC4AAAA"),
        r#"{"kty":"oct","kid":"b","k":"c2VjcmV0"}"#.to_owned(),
        r#"{"kty":"RSA","kid":"b"}"#.to_owned(),
        rsa(&[0xff; 255]),
        rsa(&[0xff; 513]),
        rsa(&[0x7f; 256]),
    ] {
        assert_eq!(
            kids(&set(&[useless.clone(), ec("a")])),
            Ok(vec!["a".to_owned()]),
            "{useless}"
        );
        assert_eq!(kids(&set(&[useless])), Err(InvalidJwks::NoKey));
    }
    assert_eq!(
        kids(&set(&[rsa(&[0xff; 256]), ec("a")])),
        Ok(vec!["r".to_owned(), "a".to_owned()])
    );
    assert!(kids(&set(&[rsa(&[0xff; 512])])).is_ok());
    assert!(kids(&set(&[rsa(&[0x80; 256])])).is_ok());
    let explicit = ec("a").replace(r#""kty":"EC""#, r#""kty":"EC","use":"sig","alg":"ES256""#);
    assert!(kids(&set(&[explicit])).is_ok());
}

#[test]
fn odd_sets_are_refused() {
    let many = |count: usize| (0..count).map(|at| ec(&at.to_string())).collect::<Vec<_>>();
    assert_eq!(kids(&set(&many(20))).map(|kids| kids.len()), Ok(20));
    assert_eq!(kids(&set(&many(21))), Err(InvalidJwks::TooLarge));
    assert_eq!(kids(&set(&[ec("a"), ec("a")])), Err(InvalidJwks::Ambiguous));
    assert_eq!(kids(&set(&[])), Err(InvalidJwks::NoKey));
    let mut padded = set(&[ec("a")]);
    padded.push_str(&" ".repeat(64 * 1024 - padded.len()));
    assert!(kids(&padded).is_ok());
    padded.push(' ');
    assert_eq!(kids(&padded), Err(InvalidJwks::TooLarge));
    for json in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
        assert_eq!(kids(json), Err(InvalidJwks::Malformed), "{json}");
    }
}

#[test]
fn a_known_kid_is_fetched_once() {
    let mut cache = JwksCache::new();
    assert_eq!(
        ask(&mut cache, "a", NOW, Some(set(&[ec("a")]))),
        (true, true)
    );
    assert_eq!(ask(&mut cache, "a", NOW + HOUR - 1, None), (true, false));
}

#[test]
fn an_unknown_kid_causes_one_refresh_in_thirty_seconds() {
    let mut cache = JwksCache::new();
    let old = || Some(set(&[ec("a")]));
    ask(&mut cache, "a", NOW, old());
    // The set is given, and the verification says `UnknownKid`.
    assert_eq!(
        ask(&mut cache, "x", NOW + 30 * SECOND - 1, old()),
        (true, false)
    );
    assert_eq!(ask(&mut cache, "x", NOW + 30 * SECOND, old()), (true, true));
    assert_eq!(
        ask(&mut cache, "y", NOW + 60 * SECOND - 1, old()),
        (true, false)
    );
    let both = Some(set(&[ec("a"), ec("y")]));
    assert_eq!(ask(&mut cache, "y", NOW + 60 * SECOND, both), (true, true));
    assert!(
        cache
            .answer("y", NOW + 60 * SECOND)
            .is_ok_and(|keys| keys.find("y").is_some())
    );
}

#[test]
fn an_unknown_kid_while_the_issuer_is_away_is_our_fault() {
    let mut cache = JwksCache::new();
    ask(&mut cache, "a", NOW, Some(set(&[ec("a")])));
    let later = NOW + 30 * SECOND;
    assert_eq!(ask(&mut cache, "x", later, None), (false, true));
    assert_eq!(
        ask(&mut cache, "x", later + 30 * SECOND - 1, None),
        (false, false)
    );
    assert_eq!(
        ask(&mut cache, "a", later + 30 * SECOND - 1, None),
        (true, false)
    );
    // A body that is no key set is as good as none.
    let html = Some("<html>".to_owned());
    assert_eq!(
        ask(&mut cache, "x", later + 30 * SECOND, html),
        (false, true)
    );
    assert_eq!(
        ask(&mut cache, "x", later + 60 * SECOND, Some(set(&[ec("a")]))),
        (true, true)
    );
}

#[test]
fn the_last_good_set_is_kept_a_day_and_refreshed_hourly() {
    let mut cache = JwksCache::new();
    ask(&mut cache, "a", NOW, Some(set(&[ec("a")])));
    assert_eq!(ask(&mut cache, "a", NOW + HOUR, None), (true, true));
    assert_eq!(
        ask(&mut cache, "a", NOW + HOUR + 30 * SECOND - 1, None),
        (true, false)
    );
    assert_eq!(
        ask(&mut cache, "a", NOW + 24 * HOUR - 1, None),
        (true, true)
    );
    assert_eq!(ask(&mut cache, "a", NOW + 24 * HOUR, None), (false, false));
    assert_eq!(
        ask(&mut cache, "a", NOW + 24 * HOUR + SECOND, None),
        (false, true)
    );
    // A withdrawn key goes with the next refresh.
    let day = NOW + 25 * HOUR;
    assert_eq!(
        ask(&mut cache, "a", day, Some(set(&[ec("b")]))),
        (true, true)
    );
    assert!(
        cache
            .answer("a", day)
            .is_ok_and(|keys| keys.find("a").is_none())
    );
}

#[test]
fn nothing_cached_and_unreachable_is_unavailable_and_asked_once_a_second() {
    let mut cache = JwksCache::new();
    assert_eq!(cache.answer("a", NOW).err(), Some(JwksUnavailable));
    assert_eq!(ask(&mut cache, "a", NOW, None), (false, true));
    assert_eq!(ask(&mut cache, "a", NOW + SECOND - 1, None), (false, false));
    assert_eq!(
        ask(&mut cache, "a", NOW + SECOND, Some(set(&[ec("a")]))),
        (true, true)
    );
}

#[test]
fn a_dropped_fetch_counts_as_a_failed_one() {
    let mut cache = JwksCache::new();
    ask(&mut cache, "a", NOW, Some(set(&[ec("a")])));
    let later = NOW + 30 * SECOND;
    assert!(now_or_never(cache.key_set("x", later, std::future::pending)).is_none());
    assert_eq!(ask(&mut cache, "x", later + SECOND, None), (false, false));
    assert_eq!(ask(&mut cache, "a", later + SECOND, None), (true, false));
}
