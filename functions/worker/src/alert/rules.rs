//! The rules, as functions of usage alone, and all that they take for granted.

use chrono::Duration;
use model::{AlertKind, Finding, KeyKind, KeyUsage, Reason, SeenNetworks, Timestamp};

use super::days_before;

/// A network is new only where the key was used for so long before, or where it is so old that its first use may be forgotten.
pub(super) const LEARNING_DAYS: i64 = 3;
/// How long a key must have slept to wake.
pub(super) const SLEEP_DAYS: i64 = 30;
/// So many refusals in an hour are a burst, where they are at least one of [`BURST_SHARE`] requests.
pub(super) const BURST: u64 = 50;
pub(super) const BURST_SHARE: u64 = 10;
/// Fewer requests in an hour are never too many.
pub(super) const VOLUME_FLOOR: u64 = 500;
/// What is usual is known from so many days of the same hour …
pub(super) const USUAL_DAYS: i64 = 14;
/// … of a key that is at least so old.
pub(super) const USUAL_AGE_DAYS: i64 = 7;
/// An ATS key that acts for so many companies in an hour.
pub(super) const COMPANIES: u64 = 25;
/// Percent of the hour's limit; the last one means that requests were refused for it.
pub(super) const LIMIT_DEGREES: [u8; 3] = [75, 90, 100];
/// So many times more are another thing than what was told.
pub(super) const WORSE: u64 = 4;
/// So many networks stand in a sentence.
const NAMED: usize = 10;

/// What the rules need of a key besides its usage.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) kind: KeyKind,
    pub(super) per_hour: u32,
    pub(super) made_at: Timestamp,
}

/// Usage by day, oldest first, up to the day of the hour in question.
#[derive(Debug)]
pub(super) struct Days {
    pub(super) days: Vec<(Timestamp, KeyUsage)>,
}

type Hours = [(Timestamp, KeyUsage)];

impl Key {
    /// Networks that the key's accepted requests came from for the first time in this hour.
    pub(super) fn new_network(&self, seen: &SeenNetworks, hour: Timestamp) -> Option<Finding> {
        let known_since = seen.networks.values().map(|seen| seen.first).min()?;
        let learnt = known_since
            .plus(Duration::days(LEARNING_DAYS))
            .min(self.made_at.plus(Duration::days(SeenNetworks::DAYS)));
        // With more networks than are remembered, an old one would look new.
        if seen.may_have_known(hour) {
            return None;
        }
        let mut new: Vec<_> = seen
            .networks
            .iter()
            .filter(|(_, seen)| seen.first.hour() == hour && seen.first >= learnt)
            .map(|(network, seen)| (seen.first, network))
            .collect();
        new.sort_unstable();
        let ((first, _), (last, _)) = (*new.first()?, *new.last()?);
        let networks: Vec<_> = new.iter().map(|(_, new)| new.to_string()).collect();
        let named = named(&networks);
        let about = self.about(format_args!(
            "was used from {named}, the last time on {last}; in the {} days before it was not used from there",
            SeenNetworks::DAYS,
            last = last.in_words()
        ));
        Some(Finding {
            kind: AlertKind::NewNetwork,
            period: hour,
            count: new.len() as u64,
            degree: 0,
            first,
            last,
            apart: networks,
            message: about,
        })
    }

    /// Whether nothing says yet that the key was awake before `hours[at]`.
    pub(super) fn may_have_slept(&self, hours: &Hours, at: usize) -> bool {
        let (hour, usage) = &hours[at];
        let before = hours[..at].iter().any(|(_, usage)| usage.all.accepted > 0);
        usage.all.accepted > 0 && !before && self.made_at <= days_before(*hour, SLEEP_DAYS)
    }

    /// From when on days tell whether it slept before this hour.
    pub(super) fn slept_since(&self, hour: Timestamp) -> Timestamp {
        days_before(hour, SLEEP_DAYS + 1)
    }

    /// The first accepted request after a long time. `hours`: without gaps, but for hours in which nothing was done.
    pub(super) fn woke(&self, hours: &Hours, at: usize, days: &Days) -> Option<Finding> {
        if !self.may_have_slept(hours, at) {
            return None;
        }
        let (hour, usage) = &hours[at];
        let today = hour.day();
        let from_here = hours[at..].iter().filter(|(hour, _)| hour.day() == today);
        let from_here: u64 = from_here.map(|(_, usage)| usage.all.accepted).sum();
        let mut last = None;
        for (day, usage) in &days.days {
            if *day == today && usage.all.accepted > from_here {
                return None;
            }
            if *day < today {
                last = last.max(usage.all.accepted_at);
            }
        }
        let awake = days_before(*hour, SLEEP_DAYS);
        if last.is_some_and(|last| last > awake) {
            return None;
        }
        let at = usage.all.accepted_at.unwrap_or(*hour);
        let from = usage.networks.iter().find(|(_, tally)| tally.accepted > 0);
        let from = from.map_or_else(String::new, |(network, _)| format!(", from {network}"));
        Some(Finding {
            kind: AlertKind::Woke,
            period: *hour,
            // However often it is used from now on.
            count: 1,
            degree: 0,
            first: *hour,
            last: at,
            apart: Vec::new(),
            message: self.about(format_args!(
                "is used again{from}, after more than {SLEEP_DAYS} days without a request"
            )),
        })
    }

    /// Requests that what the key may do or where it may be used has refused.
    pub(super) fn refusal_burst(&self, hour: Timestamp, usage: &KeyUsage) -> Option<Finding> {
        let refused = sum(usage, |reason| {
            !is_dead(reason) && reason != Reason::RateLimit
        });
        let requests = usage.all.accepted + usage.all.refused;
        if refused < BURST || refused * BURST_SHARE < requests {
            return None;
        }
        let of_burst = |reason| !is_dead(reason) && reason != Reason::RateLimit;
        let bursts = usage
            .reasons
            .iter()
            .filter(|(reason, count)| of_burst(**reason) && **count >= BURST);
        Some(Finding {
            degree: degree(refused, BURST),
            apart: bursts.map(|(reason, _)| reason.to_string()).collect(),
            ..self.refusals(AlertKind::RefusalBurst, hour, usage, refused, of_burst)
        })
    }

    /// A key that is dead, or one of its secrets that is, and somebody who doesn't know it.
    pub(super) fn dead_credential(&self, hour: Timestamp, usage: &KeyUsage) -> Option<Finding> {
        let refused = sum(usage, is_dead);
        if refused == 0 {
            return None;
        }
        // Where the key is used rightly, too, its own people are.
        let strangers = usage
            .networks
            .iter()
            .filter(|(_, tally)| tally.refused > 0 && tally.accepted == 0);
        let mut strangers: Vec<_> = strangers.collect();
        strangers.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.refused));
        Some(Finding {
            apart: strangers
                .iter()
                .map(|(network, _)| network.to_string())
                .collect(),
            ..self.refusals(AlertKind::DeadCredential, hour, usage, refused, is_dead)
        })
    }

    fn refusals(
        &self,
        kind: AlertKind,
        hour: Timestamp,
        usage: &KeyUsage,
        count: u64,
        which: impl Fn(Reason) -> bool,
    ) -> Finding {
        let reasons = usage.reasons.iter().filter(|(reason, _)| which(**reason));
        let reasons: Vec<_> = reasons
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let at_least = if usage.refused_at_least {
            "at least "
        } else {
            ""
        };
        let last = usage.all.refused_at.unwrap_or(hour);
        let from = usage.networks.iter().filter(|(_, tally)| tally.refused > 0);
        let from = from.max_by_key(|(_, tally)| tally.refused);
        let from = from.map_or_else(String::new, |(network, _)| {
            format!(", most of them from {network}")
        });
        let requests = if count == 1 { "request" } else { "requests" };
        let reasons = reasons.join(", ");
        Finding {
            kind,
            period: hour,
            count,
            degree: 0,
            first: hour,
            last,
            apart: Vec::new(),
            message: self.about(format_args!(
                "had {at_least}{count} {requests} refused in the hour from {hour} ({reasons}){from}; the last refusal was on {last}",
                hour = hour.in_words(),
                last = last.in_words()
            )),
        }
    }

    /// Whether so many requests may be too many: if so, what is usual is worth reading.
    pub(super) fn has_volume(&self, hour: Timestamp, usage: &KeyUsage) -> bool {
        usage.all.accepted >= VOLUME_FLOOR && self.made_at <= days_before(hour, USUAL_AGE_DAYS)
    }

    /// The same hour of the days before.
    pub(super) fn same_hours(&self, hour: Timestamp) -> Vec<Timestamp> {
        (1..=USUAL_DAYS)
            .map(|days| days_before(hour, days))
            .collect()
    }

    /// More than `factor` times its usual. `same`: what it did in [`Key::same_hours`], where it did anything.
    ///
    /// Usual is the median of the days on which it was used in that hour, so that a weekly job is no surprise; where there are none, it is 0.
    pub(super) fn volume(
        &self,
        hour: Timestamp,
        usage: &KeyUsage,
        same: &[KeyUsage],
        factor: u32,
    ) -> Option<Finding> {
        let mut counts: Vec<_> = same.iter().map(|usage| usage.all.accepted).collect();
        counts.retain(|count| *count > 0);
        counts.sort_unstable();
        let usual = counts.get(counts.len() / 2).copied().unwrap_or_default();
        let count = usage.all.accepted;
        if !self.has_volume(hour, usage) || count <= usual * u64::from(factor) {
            return None;
        }
        Some(Finding {
            kind: AlertKind::Volume,
            period: hour,
            count,
            degree: degree(count, VOLUME_FLOOR.max(usual * u64::from(factor))),
            first: hour,
            last: usage.all.accepted_at.unwrap_or(hour),
            apart: Vec::new(),
            message: self.about(format_args!(
                "made {count} requests in the hour from {hour}; at this time of day it makes {usual}",
                hour = hour.in_words()
            )),
        })
    }

    /// An ATS key that acts for many companies in a short time.
    pub(super) fn many_companies(&self, hour: Timestamp, usage: &KeyUsage) -> Option<Finding> {
        let acted = usage.companies.values().filter(|tally| tally.accepted > 0);
        let more = usage.other_companies.accepted > 0;
        let count = acted.count() as u64 + u64::from(more);
        if self.kind != KeyKind::Ats || count < COMPANIES {
            return None;
        }
        let at_least = if more { "at least " } else { "" };
        Some(Finding {
            kind: AlertKind::ManyCompanies,
            period: hour,
            count,
            degree: degree(count, COMPANIES),
            first: hour,
            last: usage.all.accepted_at.unwrap_or(hour),
            apart: Vec::new(),
            message: self.about(format_args!(
                "acted for {at_least}{count} companies in the hour from {hour}",
                hour = hour.in_words()
            )),
        })
    }

    /// How near it comes to its limits.
    pub(super) fn rate_limit(&self, hour: Timestamp, usage: &KeyUsage) -> Option<Finding> {
        let limited = usage.reasons.get(&Reason::RateLimit).copied();
        let limited = limited.unwrap_or_default();
        let count = usage.all.accepted;
        let limit = u64::from(self.per_hour).max(1);
        let [near, nearer, met] = LIMIT_DEGREES;
        let degree = match (limited, count * 100 / limit) {
            (1.., _) => met,
            (0, percent) if percent >= u64::from(nearer) => nearer,
            (0, percent) if percent >= u64::from(near) => near,
            _ => return None,
        };
        let from = hour.in_words();
        let what = match degree == met {
            true => format!(
                "met its rate limit in the hour from {from}: requests were refused with 429 after {count} accepted ones"
            ),
            false => format!(
                "has used {degree} % of its limit in the hour from {from}: {count} of {limit} requests"
            ),
        };
        Some(Finding {
            kind: AlertKind::RateLimit,
            period: hour,
            count: count + limited,
            degree,
            first: hour,
            last: usage.all.last().unwrap_or(hour),
            apart: Vec::new(),
            message: self.about(format_args!("{what}")),
        })
    }

    fn about(&self, what: std::fmt::Arguments<'_>) -> String {
        let Key { name, prefix, .. } = self;
        format!("The API key \"{name}\" ({prefix}) {what}.")
    }
}

/// A wrong secret is one that ended: the tag in it says that it was ours.
fn is_dead(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Revoked | Reason::Expired | Reason::Suspended | Reason::WrongSecret
    )
}

/// 0 up to [`WORSE`] times what is told at all, and one more each time that it is so many times as much.
fn degree(count: u64, least: u64) -> u8 {
    let times = (count / least.max(1)).max(1);
    u8::try_from(times.ilog(WORSE)).unwrap_or(u8::MAX)
}

fn named(networks: &[String]) -> String {
    match networks.len() {
        0..=NAMED => networks.join(", "),
        all => format!(
            "{} and {} more networks",
            networks[..NAMED].join(", "),
            all - NAMED
        ),
    }
}

fn sum(usage: &KeyUsage, which: impl Fn(Reason) -> bool) -> u64 {
    let counted = usage.reasons.iter().filter(|(reason, _)| which(**reason));
    counted.map(|(_, count)| count).sum()
}
