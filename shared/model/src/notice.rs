//! Notices: what an owner's people are told of their keys without asking, and when.

use chrono::Duration;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Body, CompanyId, Faults, Fields, KeyId, KeyState, NoticeId, PartnerId, Timestamp,
    field::vocabulary,
};

vocabulary! {
    /// What a notice is about. `ALERT_…`: what the rules over usage have found.
    pub enum NoticeKind {
        KeyExpires = "API_KEY_EXPIRES",
        KeyExpired = "API_KEY_EXPIRED",
        SecretOld = "API_KEY_SECRET_OLD",
        AlertNewNetwork = "ALERT_NEW_NETWORK",
        AlertWoke = "ALERT_WOKE",
        AlertRefusals = "ALERT_REFUSAL_BURST",
        AlertVolume = "ALERT_VOLUME",
        AlertDeadCredential = "ALERT_DEAD_CREDENTIAL",
        AlertManyCompanies = "ALERT_MANY_COMPANIES",
        AlertRateLimit = "ALERT_RATE_LIMIT",
    }
}

/// A notice as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub id: NoticeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    pub kind: NoticeKind,
    /// When it became true.
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// What is to be known, in words, with the facts at that moment.
    pub message: String,
    /// Whether one of the owner's people has read it, and so for all of them.
    pub read: bool,
    pub version: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What people change of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticePatch {
    pub read: bool,
}

impl Body for NoticePatch {
    fn read(body: Value, now: Timestamp) -> Result<Self, Faults> {
        let mut faults = Faults::at(now);
        let read = Fields::of(body, "", &mut faults).and_then(|mut fields| {
            let read = fields.required("read");
            fields.finish();
            read
        });
        // Without it there is a fault.
        let read = read.unwrap_or_default();
        faults.or(NoticePatch { read })
    }
}

/// What a key's notices depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDates {
    pub state: KeyState,
    pub expires_at: Option<Timestamp>,
    /// When its newest secret was made; a key without any has no age.
    pub secret_made_at: Option<Timestamp>,
}

/// Something to be told of a key at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyNotice {
    pub kind: NoticeKind,
    /// Whole days: until the expiry, or since the newest secret was made.
    pub days: i64,
}

/// Days before the expiry; 0 is the expiry itself.
const BEFORE_EXPIRY: [i64; 5] = [30, 14, 7, 1, 0];
const FIRST_AGE: i64 = 90;
const NEXT_AGES: i64 = 30;

impl KeyDates {
    /// The first instant after this one at which something is to be told, if nothing changes until then.
    pub fn next_notice(&self, after: Timestamp) -> Option<Timestamp> {
        let expiry = self.expiry_notices().map(|(at, _)| at);
        let expiry = expiry.filter(|at| *at > after).min();
        let age = self
            .first_age_after(after)
            .filter(|at| self.has_age_at(*at));
        if self.state == KeyState::Revoked {
            return None;
        }
        expiry.into_iter().chain(age).min()
    }

    /// What is to be told at exactly this instant.
    pub fn notices_at(&self, at: Timestamp) -> Vec<KeyNotice> {
        if self.state == KeyState::Revoked {
            return Vec::new();
        }
        let mut notices: Vec<_> = self
            .expiry_notices()
            .filter(|(instant, _)| *instant == at)
            .map(|(_, days)| KeyNotice {
                kind: match days {
                    0 => NoticeKind::KeyExpired,
                    _ => NoticeKind::KeyExpires,
                },
                days,
            })
            .collect();
        let just_before = at.minus(Duration::milliseconds(1));
        if self.first_age_after(just_before) == Some(at) && self.has_age_at(at) {
            notices.extend(self.secret_made_at.map(|made| KeyNotice {
                kind: NoticeKind::SecretOld,
                days: at.since(made).num_days(),
            }));
        }
        notices
    }

    fn expiry_notices(&self) -> impl Iterator<Item = (Timestamp, i64)> {
        let expiry = self.expires_at.into_iter();
        expiry
            .flat_map(|expiry| BEFORE_EXPIRY.map(|days| (expiry.minus(Duration::days(days)), days)))
    }

    fn first_age_after(&self, after: Timestamp) -> Option<Timestamp> {
        let made = self.secret_made_at?;
        let first = made.plus(Duration::days(FIRST_AGE));
        if first > after {
            return Some(first);
        }
        let gone = after.since(first).num_milliseconds();
        let step = Duration::days(NEXT_AGES).num_milliseconds();
        Some(first.plus(Duration::milliseconds((gone / step + 1) * step)))
    }

    /// Nobody has to rotate what has expired.
    fn has_age_at(&self, at: Timestamp) -> bool {
        self.expires_at.is_none_or(|expiry| at < expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + days * DAY).expect("in range")
    }

    fn told(dates: &KeyDates, from: i64, days: i64) -> Vec<(i64, &'static str, i64)> {
        let mut told = Vec::new();
        let mut last = at(from);
        while let Some(next) = dates
            .next_notice(last)
            .filter(|next| *next <= at(from + days))
        {
            let day = next.since(at(0)).num_days();
            for notice in dates.notices_at(next) {
                told.push((day, notice.kind.as_str(), notice.days));
            }
            last = next;
        }
        told
    }

    #[test]
    fn a_key_is_told_of_five_times_before_it_is_dead_and_monthly_after_ninety_days() {
        let dates = KeyDates {
            state: KeyState::Active,
            expires_at: Some(at(200)),
            secret_made_at: Some(at(0)),
        };
        let age = "API_KEY_SECRET_OLD";
        let expires = "API_KEY_EXPIRES";
        let expected = [
            (90, age, 90),
            (120, age, 120),
            (150, age, 150),
            (170, expires, 30),
            (180, age, 180),
            (186, expires, 14),
            (193, expires, 7),
            (199, expires, 1),
            (200, "API_KEY_EXPIRED", 0),
        ];
        assert_eq!(told(&dates, 0, 1_000), expected);
        assert_eq!(told(&dates, 190, 1_000), expected[6..]);
        let suspended = KeyDates {
            state: KeyState::Suspended,
            ..dates
        };
        assert_eq!(told(&suspended, 0, 1_000), expected);
        let revoked = KeyDates {
            state: KeyState::Revoked,
            ..dates
        };
        assert_eq!(told(&revoked, 0, 1_000), []);
    }

    #[test]
    fn what_falls_on_one_instant_is_told_together() {
        let dates = KeyDates {
            state: KeyState::Active,
            expires_at: Some(at(120)),
            secret_made_at: Some(at(0)),
        };
        let first = told(&dates, 0, 90);
        assert_eq!(
            first,
            [(90, "API_KEY_EXPIRES", 30), (90, "API_KEY_SECRET_OLD", 90)]
        );
        // At the expiry it has no age any more.
        assert_eq!(told(&dates, 119, 100), [(120, "API_KEY_EXPIRED", 0)]);
    }

    #[test]
    fn without_secret_or_expiry_nothing_is_told() {
        let dates = KeyDates {
            state: KeyState::Active,
            expires_at: None,
            secret_made_at: None,
        };
        assert_eq!(dates.next_notice(at(0)), None);
    }
}
