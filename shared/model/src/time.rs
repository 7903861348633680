//! Instants and dates in the contract's one spelling.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, SecondsFormat, TimeZone, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use crate::{Fault, Faults, Field, Rule};

/// An instant in whole milliseconds, UTC; written `2026-01-31T12:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last instant that RFC 3339 can write.
    pub const LAST: Timestamp = Timestamp(253_402_300_799_999);

    /// 1970.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From milliseconds since the Unix epoch; `None` outside the years 0 to 9999, which RFC 3339 can't write.
    pub fn from_millis(millis: i64) -> Option<Timestamp> {
        let instant = Utc.timestamp_millis_opt(millis).single()?;
        (0..=9999)
            .contains(&instant.year())
            .then_some(Timestamp(millis))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Stays where it is when the sum would be out of range.
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(duration.num_milliseconds())).unwrap_or(self)
    }

    pub fn minus(self, duration: Duration) -> Timestamp {
        self.plus(-duration)
    }

    /// The beginning of the day (UTC).
    #[must_use]
    pub fn day(self) -> Timestamp {
        const DAY: i64 = 86_400_000;
        Timestamp(self.0.div_euclid(DAY) * DAY)
    }

    /// The beginning of the hour (UTC).
    #[must_use]
    pub fn hour(self) -> Timestamp {
        const HOUR: i64 = 3_600_000;
        Timestamp(self.0.div_euclid(HOUR) * HOUR)
    }

    /// `14 December 2026, 09:30 UTC`, for letters.
    pub fn in_words(self) -> String {
        let instant = Utc.timestamp_millis_opt(self.0).single();
        let instant = instant.unwrap_or_default();
        instant.format("%-d %B %Y, %H:%M UTC").to_string()
    }

    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::milliseconds(self.0.saturating_sub(earlier.0))
    }
}

impl FromStr for Timestamp {
    type Err = Fault;

    /// RFC 3339 with any offset; finer digits than milliseconds are cut.
    fn from_str(text: &str) -> Result<Self, Fault> {
        // An offset can lead out of the years that can be written.
        DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|instant| Timestamp::from_millis(instant.timestamp_millis()))
            .ok_or_else(|| {
                let message = "must be an RFC 3339 instant such as 2026-01-31T12:00:00Z";
                Fault::new("", Rule::Format, message)
            })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = Utc
            .timestamp_millis_opt(self.0)
            .single()
            .unwrap_or_default();
        f.write_str(&instant.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|fault: Fault| serde::de::Error::custom(fault.message))
    }
}

impl Field for Timestamp {
    fn parse(value: serde_json::Value, at: &str, faults: &mut Faults) -> Option<Self> {
        match value.as_str().map(str::parse::<Timestamp>) {
            Some(Ok(instant)) => Some(instant),
            Some(Err(fault)) => faults.refuse(at, fault.rule, &fault.message),
            None => faults.refuse(at, Rule::Type, "must be a string"),
        }
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A calendar day, written `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Date(NaiveDate);

impl Date {
    /// The instant at which the day begins in UTC.
    pub fn start(self) -> Timestamp {
        Timestamp(
            self.0
                .and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_millis(),
        )
    }

    /// The day in UTC that the instant is on.
    pub fn of(at: Timestamp) -> Date {
        let instant = Utc.timestamp_millis_opt(at.0).single().unwrap_or_default();
        Date(instant.date_naive())
    }

    #[must_use]
    pub fn next(self) -> Date {
        Date(self.0.succ_opt().unwrap_or(self.0))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%d").fmt(f)
    }
}

/// A calendar month in UTC, written `YYYY-MM`: its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month that the instant is in.
    pub fn of(at: Timestamp) -> Month {
        let day = Date::of(at).0;
        Month(Date(day.with_day(1).unwrap_or(day)))
    }

    /// The instant at which it begins.
    pub fn start(self) -> Timestamp {
        self.0.start()
    }

    /// The instant at which the next one begins.
    pub fn end(self) -> Timestamp {
        let next = self.0.0.checked_add_months(Months::new(1));
        Date(next.unwrap_or(self.0.0)).start()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.format("%Y-%m").fmt(f)
    }
}

impl FromStr for Month {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        format!("{text}-01").parse().map(Month)
    }
}

impl FromStr for Date {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // chrono also takes `2026-1-31`, `+2026-1-31` and years of five digits; the contract has one spelling.
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Date)
            .ok()
            .filter(|date| (0..=9999).contains(&date.0.year()) && date.to_string() == text)
            .ok_or_else(|| Fault::new("", Rule::Format, "must be a date such as 2026-01-31"))
    }
}

impl Field for Date {
    fn parse(value: serde_json::Value, at: &str, faults: &mut Faults) -> Option<Self> {
        match value.as_str().map(str::parse::<Date>) {
            Some(Ok(date)) => Some(date),
            Some(Err(fault)) => faults.refuse(at, fault.rule, &fault.message),
            None => faults.refuse(at, Rule::Type, "must be a string"),
        }
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

/// A time that must be in the future when a client gives it. One that was stored is never judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Future<T>(T);

/// What begins at some instant.
pub trait Begins {
    fn begins(&self) -> Timestamp;
}

impl Begins for Timestamp {
    fn begins(&self) -> Timestamp {
        *self
    }
}

impl Begins for Date {
    fn begins(&self) -> Timestamp {
        self.start()
    }
}

impl<T> From<T> for Future<T> {
    /// Of a stored value.
    fn from(stored: T) -> Future<T> {
        Future(stored)
    }
}

impl<T> Deref for Future<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Field + Begins> Field for Future<T> {
    fn parse(value: serde_json::Value, at: &str, faults: &mut Faults) -> Option<Self> {
        let time = T::parse(value, at, faults)?;
        if time.begins() <= faults.now() {
            return faults.refuse(at, Rule::Future, "must be in the future");
        }
        Some(Future(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_instant_that_can_not_be_written_can_not_be_read() {
        for (text, read) in [
            ("9999-12-31T23:59:59.999Z", true),
            ("9999-12-31T23:59:59.999-00:01", false),
            ("0000-01-01T00:00:00Z", true),
            ("0000-01-01T00:00:00+00:01", false),
        ] {
            assert_eq!(text.parse::<Timestamp>().is_ok(), read, "{text}");
            assert_eq!(
                serde_json::from_value::<Timestamp>(json!(text)).is_ok(),
                read
            );
        }
    }

    #[test]
    fn letters_say_when_in_words() {
        let at: Timestamp = "2026-12-04T09:30:59.999Z".parse().expect("an instant");
        assert_eq!(at.in_words(), "4 December 2026, 09:30 UTC");
    }

    #[test]
    fn a_day_is_in_the_future_until_it_begins_and_an_instant_until_it_comes() {
        let now: Timestamp = "2028-02-28T23:59:59.999Z".parse().expect("an instant");
        let date = |text: &str, now| {
            let mut faults = Faults::at(now);
            Future::<Date>::parse(json!(text), "/d", &mut faults).is_some()
        };
        assert!(date("2028-02-29", now));
        assert!(!date("2028-02-29", now.plus(Duration::milliseconds(1))));
        assert!(!date("2028-02-28", now));
        let instant = |at: Timestamp| {
            let mut faults = Faults::at(now);
            Future::<Timestamp>::parse(json!(at), "/t", &mut faults).is_some()
        };
        assert!(!instant(now));
        assert!(instant(now.plus(Duration::milliseconds(1))));
        assert!(Future::<Date>::parse(json!("9999-12-31"), "/d", &mut Faults::default()).is_none());
    }

    #[test]
    fn a_date_has_one_spelling() {
        for good in ["2099-01-31", "2028-02-29", "0001-01-01", "9999-12-31"] {
            let date = good.parse::<Date>().expect("a date");
            assert_eq!(date.to_string(), good);
        }
        for bad in [
            "2099-1-31",
            "+2099-1-31",
            "2099- 1-31",
            " 2099-1-31",
            "2099-01-3 ",
            "+12026-1-1",
            "+12026-01-01",
            "-0001-01-1",
            "2027-02-29",
            "20990131",
            "",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_instant_is_on_one_day_of_one_month() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        for (instant, day, month, end) in [
            (
                "2026-12-31T23:59:59.999Z",
                "2026-12-31",
                "2026-12",
                "2027-01-01T00:00:00.000Z",
            ),
            (
                "2027-01-01T00:00:00Z",
                "2027-01-01",
                "2027-01",
                "2027-02-01T00:00:00.000Z",
            ),
            (
                "2028-02-29T13:29:59-10:30",
                "2028-02-29",
                "2028-02",
                "2028-03-01T00:00:00.000Z",
            ),
            (
                "2028-02-29T13:30:00-10:30",
                "2028-03-01",
                "2028-03",
                "2028-04-01T00:00:00.000Z",
            ),
        ] {
            assert_eq!(Date::of(at(instant)).to_string(), day);
            assert_eq!(Month::of(at(instant)).to_string(), month);
            assert_eq!(Month::of(at(instant)).end().to_string(), end);
            assert_eq!(month.parse::<Month>(), Ok(Month::of(at(instant))));
        }
    }
}
