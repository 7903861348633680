//! One measured value, with what it is held against.

use serde::{Deserialize, Serialize};

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Such as `authorizer.init`; unique among all parts.
    pub id: String,
    pub what: String,
    /// Such as `ms`; empty for a count.
    pub unit: String,
    /// What is known from elsewhere, in words.
    pub reference: Option<String>,
    /// In words, for people; `limit` is what is checked.
    pub target: Option<String>,
    pub limit: Option<Limit>,
    pub better: Better,
    pub value: f64,
    /// Whether `limit` is kept; none without one.
    pub met: Option<bool>,
    /// How it was measured, or why it misses its target.
    pub note: Option<String>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Better {
    Lower,
    Higher,
}

/// A peer's or a floor's value of a figure: same emulator, same store, same job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rival {
    /// The figure's `id`.
    pub figure: String,
    pub name: String,
    /// None of a floor, which is of this repository.
    pub version: Option<String>,
    pub value: f64,
    pub note: Option<String>,
}

impl Figure {
    /// One where less is better, without reference and target.
    pub fn new(id: &str, what: &str, unit: &str, value: f64) -> Figure {
        Figure {
            id: id.to_owned(),
            what: what.to_owned(),
            unit: unit.to_owned(),
            reference: None,
            target: None,
            limit: None,
            better: Better::Lower,
            value,
            met: None,
            note: None,
        }
    }

    /// Of what more is better.
    pub fn higher_is_better(mut self) -> Figure {
        self.better = Better::Higher;
        self
    }

    pub fn reference(mut self, text: &str) -> Figure {
        self.reference = Some(text.to_owned());
        self
    }

    pub fn target(mut self, text: &str, limit: Limit) -> Figure {
        self.target = Some(text.to_owned());
        self.limit = Some(limit);
        self.met = Some(limit.keeps(self.value));
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Figure {
        self.note = Some(text.into());
        self
    }

    /// Whether the rival is better than we are, by more than what adding up leaves over.
    pub fn loses_to(&self, rival: &Rival) -> bool {
        let margin = self.value.abs() * 1e-9;
        match self.better {
            Better::Lower => rival.value < self.value - margin,
            Better::Higher => rival.value > self.value + margin,
        }
    }
}

impl Rival {
    /// A floor's.
    pub fn new(figure: &str, name: &str, value: f64) -> Rival {
        Rival {
            figure: figure.to_owned(),
            name: name.to_owned(),
            version: None,
            value,
            note: None,
        }
    }

    /// Of a peer in this version.
    pub fn version(mut self, version: &str) -> Rival {
        self.version = Some(version.to_owned());
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Rival {
        self.note = Some(text.into());
        self
    }
}

impl Limit {
    pub fn keeps(self, value: f64) -> bool {
        match self {
            Limit::AtMost(most) => value <= most,
            Limit::AtLeast(least) => value >= least,
            Limit::Exactly(exact) => value == exact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Limit, Rival};

    #[test]
    fn a_target_is_met_up_to_its_limit() {
        for (limit, met, missed) in [
            (Limit::AtMost(4.0), 4.0, 4.01),
            (Limit::AtLeast(4.0), 4.0, 3.99),
            (Limit::Exactly(1.0), 1.0, 2.0),
        ] {
            let figure = |value| Figure::new("a.b", "it", "", value).target("so", limit);
            assert_eq!(figure(met).met, Some(true), "{limit:?}");
            assert_eq!(figure(missed).met, Some(false), "{limit:?}");
        }
        let nan = Figure::new("a.b", "it", "", f64::NAN).target("so", Limit::AtMost(4.0));
        assert_eq!(nan.met, Some(false));
    }

    #[test]
    fn a_peer_wins_where_it_is_better() {
        let rival = |value| Rival {
            figure: "a.b".to_owned(),
            name: "peer".to_owned(),
            version: Some("1".to_owned()),
            value,
            note: None,
        };
        let lower = Figure::new("a.b", "time", "ms", 2.0);
        assert!(lower.loses_to(&rival(1.0)) && !lower.loses_to(&rival(2.0)));
        let higher = lower.higher_is_better();
        assert!(higher.loses_to(&rival(3.0)) && !higher.loses_to(&rival(1.0)));
    }
}
