//! What may not change unseen: the exact figures, against those that were committed.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs};

use crate::{
    exact::{self, Exact},
    faults, freeze,
    machine::{root, said_of_rustc, say},
    stage::Stage,
};

/// `gate.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blessed {
    /// Another compiler makes other instructions, and sizes.
    rustc: String,
    figures: BTreeMap<String, Bound>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Bound {
    value: f64,
    /// As a share of the value, either way.
    tolerance: f64,
}

/// Enough for every kind of hang-up; the full number is `freeze`'s.
const THAWS: u64 = 60;
const WARM_CALLS: u64 = 1_000;
const ZIP: &str = "authorizer.zip";
/// The target itself: what it may change by would lead beyond it.
pub(crate) const MOST_MB: f64 = 3.5;
const FILE: &str = "infra/bench/gate.json";
const BLESS: &str = "cargo run -p bench -- gate --bless";

/// Compares, or with `bless` commits to what is measured.
pub fn gate(bless: bool) -> anyhow::Result<()> {
    let mut stage = Stage::new("gate")?;
    let measured = exact::measure(&mut stage, WARM_CALLS)?;
    let thawed = freeze::thaw(&mut stage, THAWS, std::time::Duration::ZERO)?;
    ensure!(
        thawed.errors == 0 && thawed.overcounted == 0,
        "of {THAWS} thaws {} were errors, {} counted twice",
        thawed.errors,
        thawed.overcounted
    );
    let (_, wrong) = faults::check(&mut stage);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let zip = measured.get(ZIP).context(ZIP)?;
    ensure!(*zip <= MOST_MB, "{ZIP} is {zip} MB, and may be {MOST_MB}");
    let path = root().join(FILE);
    if bless {
        let figures = measured.into_iter().map(|(id, value)| {
            let tolerance = tolerance(&id);
            (id, Bound { value, tolerance })
        });
        let blessed = Blessed {
            rustc: said_of_rustc()?,
            figures: figures.collect(),
        };
        fs::write(&path, serde_json::to_string_pretty(&blessed)? + "\n")?;
        say(format!("{FILE} is what was measured"));
        return Ok(());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("{FILE}: {BLESS} makes it"))?;
    let blessed: Blessed = serde_json::from_str(&text).context(FILE)?;
    let faults = compare(&blessed.figures, &measured);
    for (id, value) in &measured {
        say(format!("{id}: {value}"));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let rustc = said_of_rustc()?;
    let compiler = match rustc == blessed.rustc {
        true => String::new(),
        false => format!("\nblessed with {}, this is {rustc}", blessed.rustc),
    };
    bail!(
        "{}{compiler}\nIf that is meant: {BLESS}, and say why in the commit",
        faults.join("\n")
    )
}

fn tolerance(id: &str) -> f64 {
    if id.contains(".instructions.") {
        0.03
    } else if id.ends_with(".zip") {
        0.05
    } else {
        0.0
    }
}

/// What is out of bounds; what got better is, too, so that it stays.
fn compare(blessed: &BTreeMap<String, Bound>, measured: &Exact) -> Vec<String> {
    let mut faults = Vec::new();
    for (id, bound) in blessed {
        let Bound { value, tolerance } = *bound;
        match measured.get(id) {
            None => faults.push(format!("{id} isn't measured any more")),
            Some(found) if (found - value).abs() <= value.abs() * tolerance => {}
            // No number at all is a fault, too.
            Some(found) => faults.push(format!(
                "{id} is {found}, and may be {value} ± {} %",
                tolerance * 100.0
            )),
        }
    }
    let new = measured.keys().filter(|id| !blessed.contains_key(*id));
    faults.extend(new.map(|id| format!("{id} isn't in {FILE}")));
    faults
}

#[cfg(test)]
mod tests {
    use super::{Bound, compare, tolerance};
    use std::collections::BTreeMap;

    #[test]
    fn counts_are_exact_and_instructions_nearly() {
        let bound = |id: &str, value| {
            let tolerance = tolerance(id);
            (id.to_owned(), Bound { value, tolerance })
        };
        let blessed = BTreeMap::from([
            bound("a.instructions.b", 1_000.0),
            bound("a.calls", 1.0),
            bound("a.zip", 2.0),
            bound("a.calls.none", 0.0),
        ]);
        let measured = |instructions, calls, zip, none| {
            BTreeMap::from([
                ("a.instructions.b".to_owned(), instructions),
                ("a.calls".to_owned(), calls),
                ("a.zip".to_owned(), zip),
                ("a.calls.none".to_owned(), none),
            ])
        };
        let faults = |measured| compare(&blessed, &measured).len();
        assert_eq!(faults(measured(1_030.0, 1.0, 2.09, 0.0)), 0);
        assert_eq!(faults(measured(970.0, 1.0, 1.91, 0.0)), 0);
        assert_eq!(faults(measured(1_031.0, 1.01, 2.2, 0.1)), 4);
        assert_eq!(faults(measured(900.0, f64::NAN, 1.0, 0.0)), 3);
        assert_eq!(faults(BTreeMap::new()), 4);
        let mut more = measured(1_000.0, 1.0, 2.0, 0.0);
        more.insert("a.new".to_owned(), 1.0);
        assert_eq!(faults(more), 1);
    }
}
