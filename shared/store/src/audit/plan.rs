//! What one transaction appends: a pure function of the head, the marks and the revisions.

use model::{Actor, EventFacts, EventType, InvalidId, Outcome};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
};

use super::{Appended, Gap, Head, Revision};
use crate::{
    StoreError,
    item::{Item, Read},
};

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) before: Head,
    pub(super) after: Head,
    pub(super) appended: Appended,
    /// Each as JSON.
    events: Vec<String>,
    marks: BTreeMap<String, Mark>,
}

/// What was taken in of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// As the table has it; 0 where it has none.
    pub(super) stored: u64,
    pub(super) rev: u64,
    /// Requests of the row that were counted twice, and are told once.
    pub(super) recounted: u64,
    /// Revisions before `rev` that no record has told of: whoever brings one of them later is heard.
    missing: Missing,
    /// As the table has it.
    stored_missing: Missing,
    /// The row's counted requests of the last seconds: when (milliseconds), and the first half of the stamp.
    recent: Vec<(i64, [u8; 8])>,
}

/// The longest beginning of one owner's revisions that has at most `rows` rows.
pub(super) fn prefix(revisions: &[Revision], rows: usize) -> &[Revision] {
    let mut names = BTreeSet::new();
    let owner = revisions.first().map(|revision| revision.owner);
    let end = revisions.iter().position(|revision| {
        names.insert(&revision.row);
        names.len() > rows || Some(revision.owner) != owner
    });
    &revisions[..end.unwrap_or(revisions.len())]
}

impl Plan {
    /// A pack's JSON in bytes; one revision's events may be more, and stand alone then.
    const MAX_PACK: usize = 100 * 1024;

    pub(super) fn new(
        head: Head,
        stored: HashMap<String, Mark>,
        revisions: &[Revision],
    ) -> Result<Plan, StoreError> {
        let mut plan = Plan {
            before: head,
            after: head,
            appended: Appended::default(),
            events: Vec::new(),
            marks: stored.into_iter().collect(),
        };
        let mut size = 0;
        for revision in revisions {
            let mark = plan.marks.get(&revision.row).cloned().unwrap_or_default();
            let late = mark.missing.has(revision.rev);
            if revision.rev <= mark.rev && !late {
                plan.appended.repeated += 1;
                plan.appended.taken += 1;
                continue;
            }
            let again = mark.counted_before(revision);
            let gap = mark.gap_before(revision).filter(|_| !late);
            let told: &[EventFacts] = if again { &[] } else { &revision.events };
            let facts = gap
                .iter()
                .map(|gap| gap.facts(revision))
                .chain(told.iter().cloned());
            let mut after = plan.after;
            let mut links = Vec::new();
            for facts in facts {
                let event = facts.chained(after.seq + 1, after.hash);
                after = Head {
                    seq: event.seq,
                    hash: event.hash,
                };
                links
                    .push(serde_json::to_string(&event).map_err(|_| StoreError::Corrupt("event"))?);
            }
            size += links.iter().map(|link| link.len() + 1).sum::<usize>();
            if size > Self::MAX_PACK && !plan.events.is_empty() {
                break;
            }
            plan.after = after;
            plan.appended.taken += 1;
            plan.appended.events += links.len() as u64;
            plan.appended.recounted += u64::from(again);
            plan.appended.gaps.extend(gap);
            plan.events.extend(links);
            plan.marks
                .insert(revision.row.clone(), mark.moved_to(revision, again));
        }
        Ok(plan)
    }

    /// The pack's, each as JSON; `None` where there are none.
    pub(super) fn events(&self) -> Option<&[String]> {
        (!self.events.is_empty()).then_some(&self.events)
    }

    pub(super) fn changed_marks(&self) -> impl Iterator<Item = (&str, &Mark)> {
        let marks = self.marks.iter().map(|(row, mark)| (row.as_str(), mark));
        marks.filter(|(_, mark)| mark.rev != mark.stored || mark.missing != mark.stored_missing)
    }
}

impl Mark {
    /// How long a request is remembered: a re-sent write comes within the 4 s that the SDK tries, and clocks are up to 4 s apart.
    const REMEMBERED_MILLIS: i64 = 10_000;

    pub(super) fn read(row: &Item) -> Result<Mark, StoreError> {
        let rev = row.parsed("rev")?;
        let mut recent = Vec::new();
        if let Some(value) = row.get("recent") {
            let corrupt = || StoreError::Corrupt("recent");
            let bytes = value.as_b().map_err(|_| corrupt())?.as_ref();
            for entry in bytes.chunks(16) {
                let (at, stamp) = entry.split_first_chunk::<8>().ok_or_else(corrupt)?;
                let stamp = stamp.try_into().map_err(|_| corrupt())?;
                recent.push((i64::from_be_bytes(*at), stamp));
            }
        }
        let missing: Missing = row.parsed_if("missing")?.unwrap_or_default();
        Ok(Mark {
            stored: rev,
            rev,
            recounted: row.parsed_if("recounted")?.unwrap_or_default(),
            stored_missing: missing.clone(),
            missing,
            recent,
        })
    }

    /// `None` on rows that count no requests.
    pub(super) fn recent_bytes(&self) -> Option<Vec<u8>> {
        let bytes = |(at, stamp): &(i64, [u8; 8])| [at.to_be_bytes(), *stamp].concat();
        (!self.recent.is_empty()).then(|| self.recent.iter().flat_map(bytes).collect())
    }

    /// `None` where none is missing.
    pub(super) fn missing_text(&self) -> Option<String> {
        self.missing.text()
    }

    /// The runs that end behind this revision.
    pub(super) fn missing_behind(&self, rev: u64) -> Option<String> {
        let runs = self.missing.0.iter().filter(|(_, last)| *last > rev);
        Missing(runs.copied().collect()).text()
    }

    /// The same, as the table has it.
    pub(super) fn stored_missing_text(&self) -> Option<String> {
        self.stored_missing.text()
    }

    /// By the stamp alone: a request that was decided again has another time.
    fn counted_before(&self, revision: &Revision) -> bool {
        request(revision)
            .is_some_and(|(_, stamp)| self.recent.iter().any(|(_, seen)| *seen == stamp))
    }

    fn gap_before(&self, revision: &Revision) -> Option<Gap> {
        (revision.rev > self.rev + 1).then(|| Gap {
            row: revision.row.clone(),
            first: self.rev + 1,
            last: revision.rev - 1,
        })
    }

    fn moved_to(mut self, revision: &Revision, again: bool) -> Mark {
        self.recounted += u64::from(again);
        if !self.missing.take(revision.rev) && revision.rev > self.rev {
            if let Some(gap) = self.gap_before(revision) {
                self.missing.put(gap.first, gap.last);
            }
            self.rev = revision.rev;
        }
        self.recent.extend(request(revision));
        if let Some(newest) = self.recent.iter().map(|(at, _)| *at).max() {
            self.recent
                .retain(|(at, _)| *at >= newest - Mark::REMEMBERED_MILLIS);
        }
        self
    }
}

/// Runs of revisions, each with its first and last; written `3-5,9-9`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Missing(Vec<(u64, u64)>);

impl Missing {
    /// More runs are not remembered, so that a mark stays small: their events stay a gap.
    const MOST: usize = 500;

    fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.to_string())
    }

    fn has(&self, rev: u64) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&rev))
    }

    fn put(&mut self, first: u64, last: u64) {
        if self.0.len() < Missing::MOST {
            self.0.push((first, last));
        }
    }

    /// Whether it was there.
    fn take(&mut self, rev: u64) -> bool {
        let mut runs = self.0.iter();
        let Some(at) = runs.position(|(first, last)| (*first..=*last).contains(&rev)) else {
            return false;
        };
        let (first, last) = self.0.remove(at);
        let parts = [(first, rev - 1), (rev + 1, last)];
        let left = parts.into_iter().filter(|(first, last)| first <= last);
        self.0.splice(at..at, left);
        true
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.iter().map(|(first, last)| format!("{first}-{last}"));
        f.write_str(&runs.collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Missing {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let run = |run: &str| {
            let (first, last) = run.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let runs: Option<Vec<_>> = text.split(',').map(run).collect();
        runs.map(Missing).ok_or(InvalidId)
    }
}

fn request(revision: &Revision) -> Option<(i64, [u8; 8])> {
    let (at, stamp) = revision.counted?;
    Some((at.millis(), std::array::from_fn(|index| stamp[index])))
}

impl Gap {
    fn facts(&self, revision: &Revision) -> EventFacts {
        let Gap { row, first, last } = self;
        EventFacts {
            id: format!("{row}@{}:{}", revision.rev, EventType::AuditGap),
            at: revision.at,
            owner: revision.owner,
            kind: EventType::AuditGap,
            outcome: Outcome::Success,
            actor: Actor::system("audit"),
            key_id: revision.events.first().and_then(|facts| facts.key_id),
            secret_suffix: None,
            company_id: revision.owner.company(),
            source_ip: None,
            user_agent: None,
            request_id: None,
            operation: None,
            reason: Some(format!("revisions {first} to {last} of {row} are missing")),
            count: Some(last - first + 1),
            suppressed: None,
            changes: None,
        }
    }
}
