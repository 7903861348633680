//! Alerts: what the rules over usage may find of a key, what an owner wants to hear of it, and how often.
//!
//! Findings of one kind and key are one group: told at once, and again after an hour, six, a day, and then weekly for as long as they go on. A quiet week begins anew.

use chrono::Duration;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    CompanyId, EmailAddress, Integer, List, NoticeKind, PartnerId, Timestamp,
    field::{fields, vocabulary},
};

vocabulary! {
    /// What a rule over usage looks for.
    pub enum AlertKind {
        NewNetwork = "ALERT_NEW_NETWORK",
        Woke = "ALERT_WOKE",
        RefusalBurst = "ALERT_REFUSAL_BURST",
        Volume = "ALERT_VOLUME",
        DeadCredential = "ALERT_DEAD_CREDENTIAL",
        ManyCompanies = "ALERT_MANY_COMPANIES",
        RateLimit = "ALERT_RATE_LIMIT",
    }
}

impl AlertKind {
    /// As its notices are called.
    pub const fn notice(self) -> NoticeKind {
        match self {
            AlertKind::NewNetwork => NoticeKind::AlertNewNetwork,
            AlertKind::Woke => NoticeKind::AlertWoke,
            AlertKind::RefusalBurst => NoticeKind::AlertRefusals,
            AlertKind::Volume => NoticeKind::AlertVolume,
            AlertKind::DeadCredential => NoticeKind::AlertDeadCredential,
            AlertKind::ManyCompanies => NoticeKind::AlertManyCompanies,
            AlertKind::RateLimit => NoticeKind::AlertRateLimit,
        }
    }
}

fields! {
    /// What an owner wants to hear of. It is set as a whole.
    pub struct AlertSettingsFields {
        required {}
        optional {
            /// Who is mailed instead of the owners and the key's creator; an empty list: nobody, and notices are made all the same.
            recipients: List<EmailAddress, 20>,
            /// How many times its usual for that hour a key may do before it is told of; 5 where absent.
            volume_factor: Integer<2, 100>,
        }
        defaulted {
            /// What nobody wants to hear of; all else is on.
            disabled: List<AlertKind, 7>,
        }
    }
}

#[expect(clippy::derivable_impls, reason = "the macro takes no derives")]
impl Default for AlertSettingsFields {
    fn default() -> Self {
        AlertSettingsFields {
            recipients: None,
            volume_factor: None,
            disabled: List::default(),
        }
    }
}

impl AlertSettingsFields {
    const VOLUME_FACTOR: u32 = 5;

    pub fn volume_factor(&self) -> u32 {
        self.volume_factor.map_or(Self::VOLUME_FACTOR, Integer::get)
    }

    pub fn is_on(&self, kind: AlertKind) -> bool {
        !self.disabled.contains(&kind)
    }
}

/// The settings as people see them.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<PartnerId>,
    pub disabled: List<AlertKind, 7>,
    /// Absent: the owners, and the key's creator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<List<EmailAddress, 20>>,
    pub volume_factor: u32,
    /// 0 until they are set for the first time.
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// What a rule has found in a key's usage of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: AlertKind,
    /// The hour's beginning.
    pub period: Timestamp,
    /// How many times in that hour so far, of what the kind counts.
    pub count: u64,
    /// How bad, where a kind has degrees; a worse one doesn't wait.
    pub degree: u8,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The facts, in a sentence.
    pub message: String,
}

/// What is known of a group of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertState {
    pub first: Timestamp,
    pub last: Timestamp,
    /// Of all the group's hours.
    pub count: u64,
    /// The hour that was counted last, and what of it is in `count`.
    pub period: Timestamp,
    pub in_period: u64,
    pub told_at: Timestamp,
    /// How often it was told after the first time, as far as it matters for how long to wait.
    pub step: u8,
    /// The degree that was told last.
    pub degree: u8,
}

/// What a finding makes of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    pub state: AlertState,
    /// Whether people are told now.
    pub tell: bool,
}

/// How long a group is silent after it was told the first time, the second …
const WAITS: [Duration; 4] = [
    Duration::hours(1),
    Duration::hours(6),
    Duration::hours(24),
    Duration::days(7),
];
const QUIET: Duration = Duration::days(7);

impl AlertState {
    /// `None` where the finding says nothing that the group doesn't know.
    pub fn after(old: Option<&AlertState>, finding: &Finding, now: Timestamp) -> Option<Grouped> {
        let Finding {
            kind: _,
            period,
            count,
            degree,
            first,
            last,
            message: _,
        } = *finding;
        let new = AlertState {
            first,
            last,
            count,
            period,
            in_period: count,
            told_at: now,
            step: 0,
            degree,
        };
        let Some(old) = old else {
            return Some(Grouped {
                state: new,
                tell: true,
            });
        };
        let known = match period == old.period {
            true => old.in_period,
            false => 0,
        };
        if period < old.period || count <= known {
            return None;
        }
        if first.since(old.last) >= QUIET {
            return Some(Grouped {
                state: new,
                tell: true,
            });
        }
        let wait = WAITS[usize::from(old.step).min(WAITS.len() - 1)];
        let tell = now.since(old.told_at) >= wait || degree > old.degree;
        let step = match tell {
            true => (old.step + 1).min(WAITS.len() as u8 - 1),
            false => old.step,
        };
        let state = AlertState {
            first: old.first,
            last: last.max(old.last),
            count: old.count + (count - known),
            told_at: if tell { now } else { old.told_at },
            step,
            degree: if tell { degree } else { old.degree },
            ..new
        };
        Some(Grouped { state, tell })
    }

    /// From when on a finding begins a new group in any case.
    pub fn ends(&self) -> Timestamp {
        self.last.plus(QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
            .expect("in range")
            .hour()
            .plus(Duration::minutes(minutes))
    }

    /// What an hour looks like at this minute, at one time a minute.
    fn finding(minute: i64) -> Finding {
        Finding {
            kind: AlertKind::DeadCredential,
            period: at(minute).hour(),
            count: u64::try_from(minute % 60 + 1).expect("positive"),
            degree: 0,
            first: at(minute).hour(),
            last: at(minute),
            message: String::new(),
        }
    }

    /// The minutes at which people are told.
    fn told(minutes: impl IntoIterator<Item = i64>) -> (Vec<i64>, AlertState) {
        let mut state = None;
        let mut told = Vec::new();
        for minute in minutes {
            if let Some(next) = AlertState::after(state.as_ref(), &finding(minute), at(minute)) {
                if next.tell {
                    told.push(minute);
                }
                state = Some(next.state);
            }
        }
        (told, state.expect("found"))
    }

    #[test]
    fn what_goes_on_is_told_less_and_less_often() {
        const DAY: i64 = 24 * 60;
        let (told, state) = told(0..30 * DAY);
        let first = [0, 60, 60 + 360, 60 + 360 + DAY];
        let week = |n: i64| 60 + 360 + DAY + n * 7 * DAY;
        assert_eq!(
            told,
            [&first[..], &[week(1), week(2), week(3), week(4)]].concat()
        );
        assert_eq!(state.count, 30 * 24 * 60, "each is counted once");
        assert_eq!((state.first, state.last), (at(0), at(30 * DAY - 1)));
    }

    #[test]
    fn a_quiet_week_begins_anew() {
        const WEEK: i64 = 7 * 24 * 60;
        // Told, told again after an hour: six hours would be next.
        let (first, _) = told([0, 70, 80, 80 + WEEK]);
        assert_eq!(first, [0, 70, 80 + WEEK]);
        let (_, state) = told([0, 70, 80, 200 + WEEK]);
        assert_eq!((state.step, state.first), (0, at(200 + WEEK).hour()));
        let (_, state) = told([0, 70, 80, WEEK]);
        assert_eq!(state.first, at(0), "not a whole week");
    }

    #[test]
    fn the_same_hour_seen_again_says_nothing_new() {
        let state = AlertState::after(None, &finding(10), at(10))
            .expect("new")
            .state;
        for later in [10, 70, 100_000] {
            assert_eq!(
                AlertState::after(Some(&state), &finding(10), at(later)),
                None
            );
        }
        let next = AlertState::after(Some(&state), &finding(65), at(65)).expect("new");
        let late = AlertState::after(Some(&next.state), &finding(59), at(66));
        assert_eq!(late, None, "an hour before the one that was counted last");
    }

    #[test]
    fn a_worse_degree_does_not_wait() {
        let degree = |minute, degree| Finding {
            degree,
            ..finding(minute)
        };
        let mut state = None;
        let mut told = Vec::new();
        for (minute, percent) in [
            (1, 75),
            (2, 75),
            (3, 90),
            (4, 90),
            (5, 100),
            (6, 90),
            (7, 100),
        ] {
            let next = AlertState::after(state.as_ref(), &degree(minute, percent), at(minute));
            let next = next.expect("new");
            if next.tell {
                told.push((minute, percent));
            }
            state = Some(next.state);
        }
        assert_eq!(told, [(1, 75), (3, 90), (5, 100)]);
    }
}
