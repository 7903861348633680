use super::*;

// Its checksum was computed with Python's zlib.
const KNOWN: &str = "sk_iv0aB3dE6fABCDEFGHIJKLMNOPQRSTUV000001URqVm";

fn sealed(body: &str) -> String {
    format!("{body}{}", checksum_of(body))
}

#[test]
fn a_known_key_is_cut_at_the_right_places() {
    let key = PresentedKey::parse(KNOWN).expect("a good key");
    assert_eq!(key.kind(), KeyKind::Standard);
    assert_eq!(key.id().as_str(), "0aB3dE6f");
    assert_eq!(key.prefix(), "sk_iv0aB3dE6f");
    assert_eq!(key.suffix(), &KNOWN[42..]);
    assert_eq!(key_prefix(key.kind(), key.id()), KNOWN[..13]);
    assert_eq!(key.untagged(), &KNOWN.as_bytes()[..35]);
    assert_eq!(key.tag(), b"00000");
    assert_eq!(key.whole(), KNOWN);
}

#[test]
fn every_other_single_byte_anywhere_is_refused() {
    for at in 0..LENGTH {
        for byte in 0..=127u8 {
            let mut bytes = KNOWN.as_bytes().to_vec();
            if bytes[at] == byte {
                continue;
            }
            bytes[at] = byte;
            let text = String::from_utf8(bytes).expect("ASCII");
            assert!(PresentedKey::parse(&text).is_none(), "{text}");
        }
    }
}

#[test]
fn dropped_doubled_and_swapped_characters_are_refused() {
    for at in 0..LENGTH {
        let (before, after) = KNOWN.split_at(at);
        assert!(PresentedKey::parse(&format!("{before}{}", &after[1..])).is_none());
        assert!(PresentedKey::parse(&format!("{before}{}{after}", &after[..1])).is_none());
        let mut swapped = KNOWN.as_bytes().to_vec();
        if at > 0 && swapped[at] != swapped[at - 1] {
            swapped.swap(at, at - 1);
            let swapped = String::from_utf8(swapped).expect("ASCII");
            assert!(PresentedKey::parse(&swapped).is_none());
        }
    }
}

#[test]
fn a_right_checksum_does_not_save_a_wrong_form() {
    let good = &KNOWN[..CHECKSUM_AT];
    assert!(PresentedKey::parse(&sealed(good)).is_some());
    assert_eq!(
        PresentedKey::parse(&sealed(&good.replace("sk_iv", "sk_ia"))).map(|key| key.kind()),
        Some(KeyKind::Ats)
    );
    for (from, to) in [
        ("sk_iv", "sk_it"),
        ("sk_iv", "sk_ix"),
        ("sk_iv", "sk_IV"),
        ("sk_iv", "SK_iv"),
        ("sk_iv", "sk-iv"),
        ("sk_iv", "pk_iv"),
        ("0aB3", "0aB_"),
        ("0aB3", "0a-3"),
        ("0aB3", "0a 3"),
        ("0aB3", "0aé"),
        ("ABCD", "AB/D"),
        ("00000", "000+0"),
        ("00000", "0000"),
        ("00000", "000000"),
    ] {
        let text = sealed(&good.replace(from, to));
        assert!(PresentedKey::parse(&text).is_none(), "{text}");
    }
}

#[test]
fn texts_that_are_no_keys_are_refused_without_a_panic() {
    for text in [
        "",
        "sk_",
        " ",
        "\0",
        &"€".repeat(16),
        &format!("é{}", &KNOWN[2..]),
        &format!("{KNOWN} "),
    ] {
        assert!(PresentedKey::parse(text).is_none(), "{text}");
    }
    let mut random = crate::seeded::Seeded::new(3);
    for _ in 0..20_000 {
        let bytes: [u8; LENGTH] = random.bytes();
        let _ = PresentedKey::parse(&String::from_utf8_lossy(&bytes));
        // Cuts inside characters of several bytes.
        let text: String = bytes
            .iter()
            .map(|byte| char::from(*byte))
            .take(30)
            .collect();
        let _ = PresentedKey::parse(&format!("sk_iv{text}"));
    }
}

#[test]
fn debug_shows_neither_secret_nor_tag() {
    let key = PresentedKey::parse(KNOWN).expect("a good key");
    let plain = PlainKey(PresentedKey::parse(KNOWN).expect("a good key"));
    for shown in [format!("{key:?}"), format!("{plain:?}")] {
        assert!(shown.contains("sk_iv0aB3dE6f…"), "{shown}");
        assert!(
            !shown.contains("ABCD") && !shown.contains("00000"),
            "{shown}"
        );
    }
}
