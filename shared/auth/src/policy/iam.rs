//! IAM's rules for a policy of ours: `*` is any text, `/` included, `?` any one character, and a Deny wins.

use super::{Effect, PolicyDocument};

/// The one action of an API's caller.
pub const INVOKE: &str = "execute-api:Invoke";

/// Whether a policy lets a request with this `methodArn` through; without a statement that fits it doesn't.
pub fn allows(policy: &PolicyDocument, method_arn: &str) -> bool {
    let mut allowed = false;
    for statement in &policy.statement {
        let fits = statement.action.iter().any(|action| {
            // Actions know no case, resources do.
            matches(&action.to_ascii_lowercase(), &INVOKE.to_ascii_lowercase())
        }) && statement
            .resource
            .iter()
            .any(|resource| matches(resource, method_arn));
        match statement.effect {
            Effect::Deny if fits => return false,
            Effect::Allow => allowed |= fits,
            Effect::Deny => {}
        }
    }
    allowed
}

/// Greedy with one point of return, so that no pattern takes more than the product of both lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else {
                    return false;
                };
                // The last star takes one character more.
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::Statement, *};
    use crate::seeded::Seeded;

    /// IAM by the book, written as the definition reads: the second opinion of the policies' tests.
    pub(in super::super) fn naive_matches(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), None) => naive_matches(rest, text),
            (Some((b'*', rest)), Some((_, tail))) => {
                naive_matches(rest, text) || naive_matches(pattern, tail)
            }
            (Some((b'?', rest)), Some((_, tail))) => naive_matches(rest, tail),
            (Some((c, rest)), Some((d, tail))) => c == d && naive_matches(rest, tail),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    #[test]
    fn globs_agree_with_their_definition() {
        let mut random = Seeded::new(30);
        let mut hits = 0;
        for _ in 0..200_000 {
            let mut draw = |alphabet: &[u8], most| -> String {
                (0..random.below(most))
                    .map(|_| char::from(alphabet[random.below(alphabet.len() as u64) as usize]))
                    .collect()
            };
            let (pattern, text) = (draw(b"ab/*?*", 7), draw(b"ab/", 8));
            let hit = matches(&pattern, &text);
            hits += u32::from(hit);
            let naive = naive_matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(hit, naive, "{pattern} {text}");
        }
        assert!(hits > 10_000, "{hits}");
    }

    #[test]
    fn a_hostile_text_takes_no_exponential_time() {
        let text = "a".repeat(4_000);
        assert!(!matches("*a*a*a*a*a*a*a*a*a*a*b", &text));
    }

    #[test]
    fn deny_wins_and_nothing_is_allowed_unsaid() {
        let say = |effect, action: &str, resource: &str| Statement {
            action: vec![action.to_owned()],
            effect,
            resource: vec![resource.to_owned()],
        };
        let policy = |statement| PolicyDocument {
            version: "2012-10-17".to_owned(),
            statement,
        };
        let everything = || say(Effect::Allow, INVOKE, "*");
        assert!(!allows(&policy(vec![]), "arn:a"));
        assert!(allows(&policy(vec![everything()]), "arn:a"));
        assert!(allows(
            &policy(vec![say(Effect::Allow, "EXECUTE-API:*", "*")]),
            "arn:a"
        ));
        assert!(!allows(
            &policy(vec![say(
                Effect::Allow,
                "execute-api:ManageConnections",
                "*"
            )]),
            "arn:a"
        ));
        assert!(!allows(
            &policy(vec![say(Effect::Allow, INVOKE, "ARN:a")]),
            "arn:a"
        ));
        let denied = || say(Effect::Deny, INVOKE, "arn:a");
        for statements in [vec![everything(), denied()], vec![denied(), everything()]] {
            let policy = policy(statements);
            assert!(!allows(&policy, "arn:a"));
            assert!(allows(&policy, "arn:b"));
        }
        assert!(!allows(&policy(vec![denied()]), "arn:b"));
    }
}
