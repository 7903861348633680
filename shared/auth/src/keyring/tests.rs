use super::*;
use crate::seeded::Seeded;

fn id() -> KeyId {
    "0aB3dE6f".parse().expect("an id")
}

const NOW: i64 = 1_767_225_600_000;

fn document(seed: u64) -> SecretDocument {
    SecretDocument::generate(Seeded::new(seed).bytes(), NOW)
}

fn minted(keyring: &Keyring, random: &mut Seeded) -> (PresentedKey, StoredSecret) {
    let (plain, stored) = keyring.mint(KeyKind::Standard, id(), random.bytes());
    let presented = PresentedKey::parse(plain.expose()).expect("a good key");
    (presented, stored)
}

#[test]
fn a_minted_key_is_parsed_and_verified_by_its_own_keyring_alone() {
    let mut random = Seeded::new(10);
    let ours = Keyring::new(&document(1));
    let theirs = Keyring::new(&document(2));
    for kind in [KeyKind::Standard, KeyKind::Ats] {
        for _ in 0..500 {
            let (plain, stored) = ours.mint(kind, id(), random.bytes());
            assert_eq!(plain.expose().len(), 46);
            let key = PresentedKey::parse(plain.expose()).expect("a good key");
            assert_eq!((key.kind(), key.id()), (kind, id()));
            assert_eq!(key.prefix(), plain.prefix());
            assert_eq!(key.suffix(), plain.suffix());
            assert_eq!(ours.verify_tag(&key), Some(1));
            assert_eq!(stored.generation, 1);
            assert!(ours.matches(&key, &stored));
            assert_eq!(theirs.verify_tag(&key), None);
            assert!(!theirs.matches(&key, &stored));
        }
    }
}

#[test]
fn the_format_never_changes() {
    // Reference: HKDF, HMAC and CRC-32 of Python's standard library over the secret 00 01 … 1f and the random bytes ff … ff.
    let secret = std::array::from_fn(|at| at as u8);
    let keyring = Keyring::new(&SecretDocument::generate(secret, NOW));
    let (plain, stored) = keyring.mint(KeyKind::Ats, id(), [0xff; 32]);
    assert_eq!(
        plain.expose(),
        "sk_ia0aB3dE6fm8LLG7HjnuCA2j5rOw8Xp1kCSXq2vD6cI"
    );
    assert_eq!(
        model::hex(&stored.hmac),
        "8e0e8c631928ffe0004841c8f8549211d960f43c6feb4cde8233554f3fdbb522"
    );
}

#[test]
fn a_forgery_with_a_right_checksum_is_refused_by_its_tag() {
    let mut random = Seeded::new(11);
    let keyring = Keyring::new(&document(1));
    let (key, _) = minted(&keyring, &mut random);
    let forged = |body: &[u8]| {
        let crc = base62::digits::<6>(u64::from(crc32fast::hash(body)));
        let text = String::from_utf8([body, &crc].concat()).expect("ASCII");
        PresentedKey::parse(&text)
    };
    assert!(
        forged(&key.whole().as_bytes()[..40])
            .is_some_and(|same| keyring.verify_tag(&same) == Some(1))
    );
    // Another kind, id, secret or tag.
    for at in 3..40 {
        for byte in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
            let mut body = key.whole().as_bytes()[..40].to_vec();
            if body[at] == *byte {
                continue;
            }
            body[at] = *byte;
            if let Some(forged) = forged(&body) {
                assert_eq!(keyring.verify_tag(&forged), None, "{at}");
            }
        }
    }
}

#[test]
fn only_the_stored_key_itself_matches() {
    let mut random = Seeded::new(12);
    let keyring = Keyring::new(&document(1));
    let (key, stored) = minted(&keyring, &mut random);
    let (other, others) = minted(&keyring, &mut random);
    assert!(!keyring.matches(&other, &stored));
    assert!(!keyring.matches(&key, &others));
    for bit in 0..256 {
        let mut near = stored.clone();
        near.hmac[bit / 8] ^= 1 << (bit % 8);
        assert!(!keyring.matches(&key, &near));
    }
    for generation in [0, 2, u32::MAX] {
        let hmac = stored.hmac;
        assert!(!keyring.matches(&key, &StoredSecret { hmac, generation }));
    }
}

#[test]
fn digests_tell_keys_apart_and_are_not_what_is_stored() {
    let mut random = Seeded::new(13);
    let keyring = Keyring::new(&document(1));
    let (key, stored) = minted(&keyring, &mut random);
    let (other, _) = minted(&keyring, &mut random);
    assert_eq!(keyring.digest(&key), keyring.digest(&key));
    assert_ne!(keyring.digest(&key), keyring.digest(&other));
    assert_ne!(keyring.digest(&key)[..], stored.hmac[..16]);
    assert_ne!(
        keyring.digest(&key),
        Keyring::new(&document(2)).digest(&key)
    );
}

#[test]
fn a_staged_generation_verifies_but_does_not_mint_and_a_retired_one_does_neither() {
    let mut random = Seeded::new(14);
    let mut document = document(1);
    let (first, first_stored) = minted(&Keyring::new(&document), &mut random);

    document.stage(random.bytes(), NOW).expect("nothing staged");
    let staged = Keyring::new(&document);
    assert_eq!(minted(&staged, &mut random).1.generation, 1);
    assert_eq!(staged.verify_tag(&first), Some(1));

    document
        .activate(2, NOW + STAGING_MILLIS)
        .expect("long enough");
    let active = Keyring::new(&document);
    let (second, second_stored) = minted(&active, &mut random);
    assert_eq!(second_stored.generation, 2);
    assert_eq!(active.verify_tag(&second), Some(2));
    // A process that has read the staged document only.
    assert_eq!(staged.verify_tag(&second), Some(2));
    assert!(staged.matches(&second, &second_stored));
    assert!(active.matches(&first, &first_stored));

    document
        .retire(1, NOW + 2 * STAGING_MILLIS, [])
        .expect("nothing lives under it");
    let retired = Keyring::new(&document);
    assert_eq!(retired.verify_tag(&first), None);
    assert!(!retired.matches(&first, &first_stored));
    assert_eq!(retired.verify_tag(&second), Some(2));
    assert!(retired.matches(&second, &second_stored));
}

#[test]
fn debug_shows_no_secret() {
    let keyring = Keyring::new(&document(1));
    assert_eq!(
        format!("{keyring:?}"),
        "Keyring { minting: 1, verified: [1], .. }"
    );
    let stored = minted(&keyring, &mut Seeded::new(15)).1;
    assert_eq!(format!("{stored:?}"), "StoredSecret { generation: 1, .. }");
}

/// Operators rotate as fast as they are let, processes hold documents up to five minutes old, keys are made and revoked by any of them; no live key is ever refused by any process.
#[test]
fn rotations_kill_no_live_key_in_any_process() {
    struct Live {
        key: PresentedKey,
        stored: StoredSecret,
    }
    let mut rotations = 0;
    for seed in 0..8 {
        let mut random = Seeded::new(1_000 + seed);
        let mut now = NOW;
        let mut document = SecretDocument::generate(random.bytes(), now);
        // Each at its own point of the five minutes: they must not read in step.
        let mut processes: Vec<(Keyring, i64)> = (0..4)
            .map(|_| (Keyring::new(&document), now - random.below(240_000) as i64))
            .collect();
        // A key of generation 1 in use throughout.
        let (key, stored) = minted(&processes[0].0, &mut random);
        let mut live = vec![Live { key, stored }];
        let mut staged = None;
        for _ in 0..500 {
            now += random.below(60_000) as i64;
            match random.below(3) {
                0 => staged = document.stage(random.bytes(), now).ok().or(staged),
                1 => {
                    if let Some(number) = staged
                        && document.activate(number, now).is_ok()
                    {
                        rotations += 1;
                        staged = None;
                    }
                }
                _ => {
                    let number = 1 + random.below(u64::from(document.newest().0)) as u32;
                    let under = live
                        .iter()
                        .filter(|live| live.stored.generation == number)
                        .map(|live| live.key.id().to_owned());
                    let _ = document.retire(
                        number,
                        now,
                        under.map(|id| id.to_string()).collect::<Vec<_>>(),
                    );
                }
            }
            for (keyring, read_at) in &mut processes {
                if now - *read_at > 240_000 {
                    *keyring = Keyring::from_json(&document.to_json()).expect("our own document");
                    *read_at = now;
                }
            }
            if live.len() > 1 && random.below(2) == 0 {
                // Never the first.
                live.remove(1 + random.below(live.len() as u64 - 1) as usize);
            }
            if random.below(3) == 0 {
                let by = random.below(4) as usize;
                let (key, stored) = minted(&processes[by].0, &mut random);
                live.push(Live { key, stored });
            }
            for Live { key, stored } in &live {
                for (keyring, _) in &processes {
                    assert!(keyring.verify_tag(key).is_some(), "seed {seed}");
                    assert!(keyring.matches(key, stored), "seed {seed}");
                }
            }
        }
        assert!(document.find(1).is_some());
    }
    assert!(rotations > 40, "{rotations}");
}

#[test]
fn a_suffix_that_is_taken_is_minted_again() {
    let keyring = Keyring::new(&SecretDocument::generate([7; 32], 0));
    let id = KeyId::new([3; 8]);
    let (first, _) = keyring.mint(KeyKind::Standard, id, [1; 32]);
    // The same bytes come up once more, and then others.
    let asked = std::cell::Cell::new(0);
    let random = || {
        asked.set(asked.get() + 1);
        [if asked.get() == 1 { 1 } else { 2 }; 32]
    };
    let (second, stored) = keyring.mint_apart(KeyKind::Standard, id, &[first.suffix()], random);
    assert_eq!(asked.get(), 2);
    assert_ne!(second.suffix(), first.suffix());
    let presented = PresentedKey::parse(second.expose()).expect("a key");
    assert!(keyring.matches(&presented, &stored));
}
