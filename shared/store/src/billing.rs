//! Minutes: what interviews hold of their month, and what was used when.
//!
//! A month's row says how many minutes are committed: used ones, and those that interviews to come hold.
//! Each interview to come has a row that says what it holds; each billed one a row at its instant and its part of the day's row.
//! All of them change in the transaction of the interview that they tell of.

use aws_sdk_dynamodb::types::Update;
use chrono::Duration;
use model::{Date, InterviewId, Month, Timestamp};
use std::fmt::Display;

use crate::{
    CompanyStore, StoreError,
    batch::{between, read},
    item::{Item, Read, item, n, s},
    transact::{built, put_new},
    write::Write,
};

/// The minutes of a month that an interview holds until it is known what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    pub interview: InterviewId,
    pub month: Month,
    pub minutes: u32,
}

/// What was billed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub minutes: u64,
    pub interviews: u64,
}

impl Write<'_> {
    /// Holds minutes of a month, of which no more than `limit` may be committed.
    ///
    /// When that would be more, the commit answers `Full`.
    #[must_use]
    pub fn reserve(mut self, reservation: &Reservation, limit: u32) -> Self {
        let Some(room) = limit.checked_sub(reservation.minutes) else {
            return self.failed(StoreError::Full);
        };
        let by = i64::from(reservation.minutes);
        self.reserving = Some((reservation.month, by, room));
        let mut row = self.store.key(reserved(reservation.interview));
        row.extend(item([
            ("entity", s("billing")),
            ("month", s(reservation.month)),
            ("minutes", n(reservation.minutes)),
            ("rev", n(1)),
        ]));
        self.entered.push(row);
        self
    }

    /// Gives back what an interview held, but for what it `used`.
    #[must_use]
    pub fn release(mut self, reservation: &Reservation, used: u32) -> Self {
        self.left
            .push(self.store.key(reserved(reservation.interview)));
        self.commit_minutes(
            reservation.month,
            i64::from(used) - i64::from(reservation.minutes),
        )
    }

    /// Holds as many minutes of another month instead, as [`Write::reserve`] does.
    #[must_use]
    pub fn move_to(self, reservation: &Reservation, month: Month, limit: u32) -> Self {
        let moved = Reservation {
            month,
            ..*reservation
        };
        self.reserve(&moved, limit)
            .commit_minutes(reservation.month, -i64::from(reservation.minutes))
    }

    /// Bills an interview.
    #[must_use]
    pub fn bill(mut self, interview: InterviewId, at: Timestamp, minutes: u32) -> Self {
        let mut row = self.store.key(format_args!("{}#{interview}", instant(at)));
        row.extend(item([
            ("entity", s("billing")),
            ("minutes", n(minutes)),
            ("rev", n(1)),
        ]));
        self.entered.push(row);
        self.counted.push((
            day(Date::of(at)),
            vec![("minutes", i64::from(minutes)), ("interviews", 1)],
        ));
        self
    }

    /// Notes a report of the interview engine, whose effect this is: under the same id there is no second one.
    ///
    /// When there was one, the commit answers `AlreadyDone`.
    #[must_use]
    pub fn report(mut self, event_id: &str) -> Self {
        let at = self.stamp.at;
        let mut row = self.store.key(format_args!("REPORT#{event_id}"));
        row.extend(item([
            ("entity", s("report")),
            ("at", n(at.millis())),
            ("rev", n(1)),
            ("ttl", n(at.plus(REPORT_KEPT).seconds())),
        ]));
        match put_new(&self.store.table.names.records, row) {
            Ok(put) => self.once = Some(put),
            Err(fault) => return self.failed(fault),
        }
        self
    }

    fn commit_minutes(mut self, month: Month, by: i64) -> Self {
        if by != 0 {
            self.counted
                .push((minutes_of(month), vec![(COMMITTED, by)]));
        }
        self
    }
}

/// Longer than EventBridge delivers again, or an archive is likely to be replayed.
const REPORT_KEPT: Duration = Duration::days(90);
const COMMITTED: &str = "committed";

fn minutes_of(month: Month) -> String {
    format!("MINUTES#{month}")
}

fn reserved(interview: InterviewId) -> String {
    format!("RESERVED#{interview}")
}

fn day(day: Date) -> String {
    format!("USAGE#DAY#{day}")
}

/// Ascending with the time.
fn instant(at: Timestamp) -> String {
    format!("USAGE#AT#{:016}", at.millis().max(0))
}

/// Adds to a row's counters.
pub(crate) fn counting(
    store: &CompanyStore,
    sk: impl Display,
    counters: &[(&'static str, i64)],
    room: Option<u32>,
) -> Result<Update, StoreError> {
    let mut add = String::from("SET #entity = :entity ADD #rev :one");
    let mut update = Update::builder()
        .table_name(&store.table.names.records)
        .set_key(Some(store.key(sk)))
        .expression_attribute_names("#rev", "rev")
        .expression_attribute_names("#entity", "entity")
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":entity", s("billing"));
    for (index, (name, by)) in counters.iter().enumerate() {
        add.push_str(&format!(", #c{index} :c{index}"));
        update = update
            .expression_attribute_names(format!("#c{index}"), *name)
            .expression_attribute_values(format!(":c{index}"), n(by));
    }
    if let Some(room) = room {
        update = update
            .condition_expression("attribute_not_exists(#c0) OR #c0 <= :room")
            .expression_attribute_values(":room", n(room));
    }
    update.update_expression(add).build().map_err(built)
}

/// The month's row, which must have room.
pub(crate) fn reserving(
    store: &CompanyStore,
    (month, by, room): (Month, i64, u32),
) -> Result<Update, StoreError> {
    counting(store, minutes_of(month), &[(COMMITTED, by)], Some(room))
}

impl CompanyStore {
    /// The minutes of a month that are used or held, strongly.
    pub async fn committed_minutes(&self, month: Month) -> Result<u64, StoreError> {
        let key = self.key(minutes_of(month));
        let row = self.table.find(&self.table.names.records, key).await?;
        let committed = row.map(|row| row.parsed_if(COMMITTED)).transpose()?;
        Ok(committed.flatten().unwrap_or_default())
    }

    /// What an interview holds, strongly; `None` where it holds nothing: a test, or one that is over.
    pub async fn find_reservation(
        &self,
        interview: InterviewId,
    ) -> Result<Option<Reservation>, StoreError> {
        let key = self.key(reserved(interview));
        let row = self.table.find(&self.table.names.records, key).await?;
        row.map(|row| {
            Ok(Reservation {
                interview,
                month: row.parsed("month")?,
                minutes: row.parsed("minutes")?,
            })
        })
        .transpose()
    }

    /// What was billed from `start` on and before `end`: whole days from their rows, the rest interview by interview.
    pub async fn usage(&self, start: Timestamp, end: Timestamp) -> Result<Usage, StoreError> {
        let (first, last) = (Date::of(start), Date::of(end));
        let first = if first.start() == start {
            first
        } else {
            first.next()
        };
        let mut usage = Usage::default();
        if first >= last {
            self.add_instants(&mut usage, start, end).await?;
            return Ok(usage);
        }
        self.add_instants(&mut usage, start, first.start()).await?;
        for row in self.rows_between(&day(first), &day(last)).await? {
            // BETWEEN takes its end in.
            if row.text("sk")? < day(last).as_str() {
                usage.minutes += row.parsed::<u64>("minutes")?;
                usage.interviews += row.parsed::<u64>("interviews")?;
            }
        }
        self.add_instants(&mut usage, last.start(), end).await?;
        Ok(usage)
    }

    async fn add_instants(
        &self,
        usage: &mut Usage,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<(), StoreError> {
        if start >= end {
            return Ok(());
        }
        // An id follows the instant, so that no row stands at `end` itself.
        for row in self.rows_between(&instant(start), &instant(end)).await? {
            usage.minutes += row.parsed::<u64>("minutes")?;
            usage.interviews += 1;
        }
        Ok(())
    }

    async fn rows_between(&self, from: &str, to: &str) -> Result<Vec<Item>, StoreError> {
        let rows = between(self.table.partition(self.owner()), from, to);
        read(rows, usize::MAX).await
    }
}
