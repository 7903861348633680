//! Alerts: what the rules over usage may find of a key, what an owner wants to hear of it, and how often.
//!
//! Findings of one kind and key are one group: told at once, and again after an hour, six, a day, and then weekly for as long as they go on. A quiet week begins anew.
//! What was counted in between is told when the wait is over, also where nothing new comes.
//!
//! No group hides what is another thing than it was told of, and what that is depends on the kind:
//! - `NEW_NETWORK`: another network. A thief's is told though a colleague's was, a minute before.
//! - `DEAD_CREDENTIAL`: a network that only was refused. Who finds a dead secret is not who forgot to replace it.
//! - `REFUSAL_BURST`: a reason that makes a burst of its own, or four times the burst that was told.
//! - `VOLUME`, `MANY_COMPANIES`: four times as many as were told. Who made them, usage doesn't say; where from, `NEW_NETWORK` does.
//! - `RATE_LIMIT`: the next of its degrees.
//! - `WOKE`: nothing; it comes once in 30 days.

use chrono::Duration;
use schemars::JsonSchema;
use serde::Serialize;
use std::cmp::Ordering;

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
            /// Members' addresses that are mailed instead of the owners' and the key's creator's; an empty list: nobody, and notices are made all the same.
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
    /// What it is about, such as networks, where one that the group was not told of doesn't wait either. Each once; the first ones matter most.
    pub apart: Vec<String>,
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
    /// What findings were about that were told, the newest of them last.
    pub apart: Vec<String>,
    /// The hour of the newest of those, and how many of that hour were told; one more than may be where people know that there are others.
    pub apart_hour: Timestamp,
    pub apart_told: u8,
    /// The last finding that was counted and not told.
    pub untold: Option<String>,
}

/// What a finding makes of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    pub state: AlertState,
    /// Whether people are told now.
    pub tell: bool,
    /// What the group was not told of before, in a sentence.
    pub new_in_it: Option<String>,
}

/// How long a group is silent after it was told the first time, the second …
const WAITS: [Duration; 4] = [
    Duration::hours(1),
    Duration::hours(6),
    Duration::hours(24),
    Duration::days(7),
];
const QUIET: Duration = Duration::days(7);
/// So many things of a key and hour are told apart; that there are others is told once.
const APART: u8 = 10;
/// So many are remembered, or a group that never ends would grow without end.
const REMEMBERED: usize = 100;

impl AlertState {
    /// `None` where the finding says nothing that the group doesn't know.
    pub fn after(old: Option<&AlertState>, finding: &Finding, now: Timestamp) -> Option<Grouped> {
        let Some(old) = old.filter(|old| finding.first.since(old.last) < QUIET) else {
            return Some(AlertState::begun(finding, now));
        };
        let known = match finding.period.cmp(&old.period) {
            Ordering::Less => finding.count,
            Ordering::Equal => old.in_period,
            Ordering::Greater => 0,
        };
        let more = finding.count.saturating_sub(known);
        let mut state = old.clone();
        let new_in_it = state.tell_apart(finding);
        if more == 0 && new_in_it.is_none() {
            return None;
        }
        if more > 0 {
            state.last = finding.last.max(old.last);
            state.count += more;
            state.period = finding.period;
            state.in_period = finding.count;
        }
        let again = more > 0 && (now >= old.speaks_at() || finding.degree > old.degree);
        if again {
            state.degree = finding.degree;
            state = state.told(now);
        } else if new_in_it.is_none() {
            state.untold = Some(finding.message.clone());
        }
        Some(Grouped {
            state,
            tell: again || new_in_it.is_some(),
            new_in_it,
        })
    }

    fn begun(finding: &Finding, now: Timestamp) -> Grouped {
        let mut state = AlertState {
            first: finding.first,
            last: finding.last,
            count: finding.count,
            period: finding.period,
            in_period: finding.count,
            told_at: now,
            step: 0,
            degree: finding.degree,
            apart: Vec::new(),
            apart_hour: finding.period,
            apart_told: 0,
            untold: None,
        };
        state.tell_apart(finding);
        Grouped {
            state,
            tell: true,
            // All of it is.
            new_in_it: None,
        }
    }

    /// Notes what the finding is about and the group was not told of. `None` where it is nothing, or too much of one hour.
    fn tell_apart(&mut self, finding: &Finding) -> Option<String> {
        let mut new = finding.apart.clone();
        new.retain(|one| !self.apart.contains(one));
        if finding.period > self.apart_hour {
            self.apart_hour = finding.period;
            self.apart_told = 0;
        }
        if new.is_empty() || self.apart_told > APART {
            return None;
        }
        let others = new.split_off(new.len().min(usize::from(APART - self.apart_told)));
        self.apart_told += new.len() as u8 + u8::from(!others.is_empty());
        let sentence = match (new.is_empty(), others.len()) {
            (false, 0) => format!("Not told before: {}.", new.join(", ")),
            (false, others) => format!("Not told before: {} and {others} more.", new.join(", ")),
            (true, others) => format!("Not told before: {others} more."),
        };
        self.apart.extend(new);
        let forgotten = self.apart.len().saturating_sub(REMEMBERED);
        self.apart.drain(..forgotten);
        Some(sentence)
    }

    /// From when on what is not told may be told.
    pub fn speaks_at(&self) -> Timestamp {
        let wait = WAITS[usize::from(self.step).min(WAITS.len() - 1)];
        self.told_at.plus(wait)
    }

    /// After all that was counted is told, once more.
    pub fn told(self, now: Timestamp) -> AlertState {
        AlertState {
            told_at: now,
            step: (self.step + 1).min(WAITS.len() as u8 - 1),
            untold: None,
            ..self
        }
    }

    /// From when on a finding begins a new group in any case, and nothing is left to be told.
    pub fn ends(&self) -> Timestamp {
        let told = self.speaks_at().plus(Duration::days(1));
        self.last.plus(QUIET).max(told)
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
            apart: Vec::new(),
            message: format!("At minute {minute}."),
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

    /// What an hour looks like at this minute, at one time a minute, from these networks.
    fn from(minute: i64, networks: std::ops::Range<usize>) -> Finding {
        Finding {
            apart: networks.map(|one| format!("net{one}")).collect(),
            ..finding(minute)
        }
    }

    /// What is told of such findings: nothing, or what is new in them.
    fn said(findings: &[(i64, std::ops::Range<usize>)]) -> Vec<Option<String>> {
        let mut state = None;
        let mut said = Vec::new();
        for (minute, networks) in findings {
            let finding = from(*minute, networks.clone());
            match AlertState::after(state.as_ref(), &finding, at(*minute)) {
                Some(next) => {
                    let new = next.new_in_it.unwrap_or_default();
                    said.push(next.tell.then_some(new));
                    state = Some(next.state);
                }
                None => said.push(None),
            }
        }
        said
    }

    #[test]
    fn what_was_never_told_does_not_wait_for_what_was() {
        let new = |what: &str| Some(format!("Not told before: {what}."));
        assert_eq!(
            said(&[(0, 0..1), (1, 0..1), (2, 0..2), (3, 0..2), (70, 0..2)]),
            [
                Some(String::new()),
                None,
                new("net1"),
                None,
                Some(String::new())
            ],
            "and the wait of the others goes on as it was"
        );
        // Two hours are looked at, and what comes late into the first is no less new.
        let late = said(&[(50, 0..1), (61, 1..2), (59, 2..3)]);
        assert_eq!(late[2], new("net2"));
    }

    #[test]
    fn of_an_hour_ten_are_told_apart_and_that_there_are_others_once() {
        let told = said(&[(0, 0..1), (1, 0..9), (2, 0..10), (3, 0..11), (4, 0..40)]);
        assert_eq!(told[2], Some("Not told before: net9.".to_owned()));
        assert_eq!(told[3], Some("Not told before: 1 more.".to_owned()));
        assert_eq!(told[4], None);
        let told = said(&[(0, 0..12), (1, 0..13), (61, 10..13)]);
        assert_eq!(told[1], None);
        let next = "Not told before: net10, net11, net12.".to_owned();
        assert_eq!(told[2], Some(next), "another hour");
    }

    #[test]
    fn what_was_counted_in_silence_is_kept_to_be_told() {
        let first = AlertState::after(None, &finding(0), at(0)).expect("new");
        assert_eq!(first.state.untold, None);
        let quiet = AlertState::after(Some(&first.state), &finding(5), at(5)).expect("new");
        assert!(!quiet.tell);
        assert_eq!(quiet.state.untold.as_deref(), Some("At minute 5."));
        assert_eq!(quiet.state.speaks_at(), at(60));
        let told = quiet.state.told(at(60));
        assert_eq!((told.untold.as_ref(), told.speaks_at()), (None, at(420)));
    }
}
