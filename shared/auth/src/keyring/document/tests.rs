use super::*;
use crate::seeded::Seeded;

const NOW: i64 = 1_767_225_600_000;

fn secret(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn active(number: u32, secret: &str) -> String {
    format!(
        r#"{{"number":{number},"state":"active","secret":"{secret}","stagedAt":1,"activatedAt":2}}"#
    )
}

fn read(generations: &[String]) -> Result<SecretDocument, KeyringError> {
    SecretDocument::from_json(&format!(r#"{{"generations":[{}]}}"#, generations.join(",")))
}

#[test]
fn a_document_survives_its_json() {
    let mut document = SecretDocument::generate([1; 32], NOW);
    document.stage([2; 32], NOW + 1).expect("nothing staged");
    document.activate(2, NOW + 1 + STAGING_MILLIS).expect("due");
    document
        .stage([3; 32], NOW + 3 * STAGING_MILLIS)
        .expect("nothing staged");
    document
        .retire(1, NOW + 3 * STAGING_MILLIS, [])
        .expect("due");
    let json = document.to_json();
    assert_eq!(
        *json,
        format!(
            r#"{{"generations":[{{"number":1,"state":"retired","stagedAt":{NOW}}},{{"number":2,"state":"active","secret":"{}","stagedAt":{},"activatedAt":{}}},{{"number":3,"state":"staged","secret":"{}","stagedAt":{}}}]}}"#,
            secret(2),
            NOW + 1,
            NOW + 1 + STAGING_MILLIS,
            secret(3),
            NOW + 3 * STAGING_MILLIS,
        )
    );
    let again = SecretDocument::from_json(&json).expect("our own document");
    assert_eq!(again.to_json(), json);
    // Of a buffer that had to grow, copies would be left behind.
    let generations = json.matches("number").count();
    assert!(generations > 1);
    assert_eq!(json.capacity(), 64 + 256 * generations);
    assert_eq!(again.newest(), (2, &[2; 32]));
    assert_eq!(again.find(1), None);
    assert_eq!(again.find(2), Some(&[2; 32]));
    assert_eq!(again.find(3), Some(&[3; 32]));
    assert_eq!(again.find(4), None);
    assert_eq!(
        again
            .verified()
            .map(|(number, _)| number)
            .collect::<Vec<_>>(),
        [2, 3]
    );
}

#[test]
fn the_newest_active_generation_is_the_highest_number_in_any_order() {
    let document = read(&[
        active(7, &secret(7)),
        active(9, &secret(9)),
        active(8, &secret(8)),
    ]);
    assert_eq!(document.expect("good").newest(), (9, &[9; 32]));
}

#[test]
fn an_unusable_document_is_refused_and_never_quoted() {
    let staged = active(1, &secret(1)).replace("active", "staged");
    let retired = active(1, &secret(1)).replace("active", "retired");
    let sinceless = active(1, &secret(1)).replace(r#","activatedAt":2"#, "");
    for (generations, refusal) in [
        (vec![], KeyringError::NoActiveGeneration),
        (vec![staged], KeyringError::NoActiveGeneration),
        (vec![retired], KeyringError::NoActiveGeneration),
        (
            vec![
                active(3, &secret(1)),
                active(2, &secret(1)),
                active(3, &secret(2)),
            ],
            KeyringError::DuplicateNumber(3),
        ),
        (vec![active(0, &secret(1))], KeyringError::NumberZero),
        (vec![sinceless], KeyringError::NoActivationTime(1)),
        (
            vec![active(1, &STANDARD.encode([1; 31]))],
            KeyringError::BadSecret(1),
        ),
        (
            vec![active(1, &STANDARD.encode([1; 33]))],
            KeyringError::BadSecret(1),
        ),
        (vec![active(1, "")], KeyringError::BadSecret(1)),
        (
            vec![active(1, &secret(1)).replace(r#""secret""#, r#""secrets""#)],
            KeyringError::BadSecret(1),
        ),
    ] {
        assert_eq!(read(&generations).expect_err("refused"), refusal);
    }
    for json in [
        "",
        "null",
        "{}",
        r#"{"generations":{}}"#,
        r#"{"generations":["5up3r-53cr3t"]}"#,
        r#"{"generations":[{"number":1,"state":"5up3r-53cr3t","stagedAt":1}]}"#,
        r#"{"generations":[{"number":1,"state":"active","secret":"5up3r-53cr3t","stagedAt":1}]}"#,
        r#"{"generations":[{"number":-1,"state":"active","stagedAt":"5up3r-53cr3t"}]}"#,
    ] {
        let refused = SecretDocument::from_json(json).expect_err(json);
        assert!(matches!(refused, KeyringError::Malformed { .. }), "{json}");
        assert!(
            !format!("{refused} {refused:?}").contains("5up3r"),
            "{json}"
        );
    }
}

#[test]
fn one_generation_is_staged_at_a_time() {
    let mut document = SecretDocument::generate([1; 32], NOW);
    assert_eq!(document.stage([2; 32], NOW), Ok(2));
    assert_eq!(
        document.stage([3; 32], NOW),
        Err(RotationRefused::AlreadyStaged(2))
    );
    assert_eq!(document.retire(2, NOW, []), Ok(()));
    // A number is never given again.
    assert_eq!(document.stage([3; 32], NOW), Ok(3));
    let mut last = read(&[active(u32::MAX, &secret(1))]).expect("good");
    assert_eq!(
        last.stage([2; 32], NOW),
        Err(RotationRefused::NumbersUsedUp)
    );
}

#[test]
fn activation_waits_fifteen_minutes() {
    let mut document = SecretDocument::generate([1; 32], NOW);
    assert_eq!(
        document.activate(2, NOW),
        Err(RotationRefused::UnknownGeneration)
    );
    assert_eq!(document.activate(1, NOW), Err(RotationRefused::NotStaged));
    document.stage([2; 32], NOW).expect("nothing staged");
    assert_eq!(
        document.activate(2, NOW + 15 * 60_000 - 1),
        Err(RotationRefused::TooEarly { wait_millis: 1 })
    );
    assert_eq!(document.newest().0, 1);
    assert_eq!(document.activate(2, NOW + 15 * 60_000), Ok(()));
    assert_eq!(document.newest(), (2, &[2; 32]));
}

#[test]
fn retirement_waits_for_newer_ones_to_mint_and_for_live_keys_to_go() {
    let mut document = SecretDocument::generate([1; 32], NOW);
    let later = NOW + STAGING_MILLIS;
    assert_eq!(
        document.retire(1, later, []),
        Err(RotationRefused::StillMints)
    );
    document.stage([2; 32], NOW).expect("nothing staged");
    assert_eq!(
        document.retire(1, later, []),
        Err(RotationRefused::StillMints)
    );
    document.activate(2, later).expect("due");
    assert_eq!(
        document.retire(1, later + STAGING_MILLIS - 1, []),
        Err(RotationRefused::TooEarly { wait_millis: 1 })
    );
    let due = later + STAGING_MILLIS;
    let live = || ["0aB3dE6f".to_owned()];
    assert_eq!(
        document.retire(1, due, live()),
        Err(RotationRefused::StillUsed(live().to_vec()))
    );
    assert!(document.find(1).is_some());
    assert_eq!(
        document.retire(2, due, []),
        Err(RotationRefused::StillMints)
    );
    assert_eq!(document.retire(1, due, []), Ok(()));
    assert_eq!(document.find(1), None);
    // Again is no fault; back is impossible.
    assert_eq!(document.retire(1, due, live()), Ok(()));
    assert_eq!(document.activate(1, due), Err(RotationRefused::NotStaged));
    assert_eq!(
        document.retire(9, due, []),
        Err(RotationRefused::UnknownGeneration)
    );
}

#[test]
fn debug_shows_states_only() {
    let mut document = SecretDocument::generate([1; 32], NOW);
    document.stage([2; 32], NOW).expect("nothing staged");
    assert_eq!(format!("{document:?}"), "{1: Active, 2: Staged}");
}

#[test]
fn random_texts_do_not_panic() {
    let mut random = Seeded::new(20);
    let good = SecretDocument::generate([1; 32], NOW).to_json();
    for _ in 0..5_000 {
        let mut bytes = good.as_bytes().to_vec();
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] = random.bytes::<1>()[0];
        bytes.truncate(1 + random.below(bytes.len() as u64 * 2) as usize);
        let _ = SecretDocument::from_json(&String::from_utf8_lossy(&bytes));
    }
}
