//! All parts in one JSON and one Markdown table.

use anyhow::{Context, ensure};
use std::{collections::BTreeSet, fmt::Write, fs, time::Duration};

use crate::{
    admission, authorizer, changes,
    chart::chart,
    faults,
    figure::{Figure, Rival},
    freeze, gateway, growth, lists,
    machine::{Machine, Versions, root},
    part::Part,
    peers, trail,
};

/// What profiles (`perf`) say of targets that are missed, by the figure's id.
const PROFILES: [(&str, &str); 2] = [
    (
        "gateway.share",
        "The profile (taken with jemalloc; mimalloc since) is flat. By stacks, the engine takes 35 % (the UpdateItem that counts 22 to 27), reading and adding up what the streams tell 14; by symbols, the kernel 14 %, the SDK 12, serde_json 12, maps 8, memcpy 8, SQLite 8, the heap 7. A request is two calls of the SDK, whose JSON is written and read on both sides, and its event's way into the trail, on the same two cores; the store's own rate is one call of the engine without any of that.",
    ),
    (
        "gateway.offline",
        "It makes one read where we make a durable write, a read and an event of the trail; with two calls of the SDK in its way, no gateway before this store is ten times as fast.",
    ),
];

type Measure = fn() -> anyhow::Result<Part>;

/// Those of a whole report, in the order in which they are measured.
pub const PARTS: [(&str, Measure); 10] = [
    ("authorizer", authorizer),
    ("freeze", || freeze(1_000, Duration::from_secs(120))),
    ("faults", faults),
    ("peers", peers),
    ("gateway", gateway),
    ("growth", growth),
    ("lists", lists),
    ("admission", admission),
    ("trail", trail),
    ("changes", changes),
];

/// Writes `infra/bench/results.json`, `results.md` and `chart.svg`; gives back the table.
pub fn report() -> anyhow::Result<String> {
    let parts = Part::read_all()?;
    let markdown = markdown(&parts)?;
    let folder = root().join("infra/bench");
    let json = serde_json::to_string_pretty(&parts)? + "\n";
    fs::write(folder.join("results.json"), json)?;
    fs::write(folder.join("results.md"), &markdown)?;
    let figures: Vec<_> = parts.iter().flat_map(|part| &part.figures).collect();
    let rivals: Vec<_> = parts.iter().flat_map(|part| &part.rivals).collect();
    fs::write(folder.join("chart.svg"), chart(&figures, &rivals))?;
    Ok(markdown)
}

fn markdown(parts: &[Part]) -> anyhow::Result<String> {
    let first = parts.first().context("no part was measured")?;
    let figures: Vec<_> = parts.iter().flat_map(|part| &part.figures).collect();
    check(&figures)?;
    let rivals = parts.iter().flat_map(|part| &part.rivals);
    let (rivals, alone): (Vec<_>, Vec<_>) =
        rivals.partition(|rival| figures.iter().any(|figure| figure.id == rival.figure));

    let mut text = "# Measured\n\n\
        Written by `cargo run --release -p bench -- report`, never by hand.\n\
        Every figure is compared with what was measured on the same machine, of the same sources.\n\n"
        .to_owned();
    for part in parts {
        let Versions {
            date,
            sources,
            rustc,
        } = &part.versions;
        // Figures of one table may be compared only where they are of one machine, and of one program.
        ensure!(
            part.machine == first.machine
                && *sources == first.versions.sources
                && *rustc == first.versions.rustc,
            "{} and {} are of different machines, sources or compilers: measure both again",
            part.name,
            first.name
        );
        writeln!(text, "- {}: {date}", part.name)?;
    }
    let Versions { sources, rustc, .. } = &first.versions;
    writeln!(
        text,
        "- sources, as `git rev-parse HEAD:shared` names one: {sources}\n- {rustc}"
    )?;
    let Machine {
        processor,
        cores,
        memory_mib,
        kernel,
    } = &first.machine;
    writeln!(
        text,
        "- machine: {processor}, {cores} cores, {memory_mib} MiB, Linux {kernel}"
    )?;
    let peers: BTreeSet<_> = rivals
        .iter()
        .chain(&alone)
        .filter_map(|rival| Some(format!("{} {}", rival.name, rival.version.as_ref()?)))
        .collect();
    if !peers.is_empty() {
        let peers: Vec<_> = peers.into_iter().collect();
        writeln!(text, "- peers: {}", peers.join(", "))?;
    }

    text += "\n| figure | measured | beside it | known reference | target | |\n|---|---|---|---|---|---|\n";
    for figure in &figures {
        writeln!(text, "{}", row(figure, &rivals))?;
    }
    text += &section("Where a target is missed", missed(&figures), "Nowhere.");
    let mut peers = rivals.iter().chain(&alone);
    let nobody = match peers.any(|rival| rival.version.is_some()) {
        true => "Nowhere.",
        false => "No peer was measured.",
    };
    text += &section("Where a peer wins", won(&figures, &rivals), nobody);
    let nothing = not_measured(parts, &alone);
    text += &section("Not measured", nothing, "Everything was.");
    text += &section(
        "How, and what to know",
        notes(&figures, &rivals),
        "Nothing.",
    );
    Ok(text)
}

/// Each figure once.
fn check(figures: &[&Figure]) -> anyhow::Result<()> {
    let mut ids = BTreeSet::new();
    for figure in figures {
        ensure!(ids.insert(&figure.id), "{} was measured twice", figure.id);
        ensure!(figure.value.is_finite(), "{} is no number", figure.id);
    }
    Ok(())
}

fn row(figure: &Figure, rivals: &[&Rival]) -> String {
    let beside: Vec<_> = rivals
        .iter()
        .filter(|rival| rival.figure == figure.id)
        .map(|rival| format!("{} {}", rival.name, number(rival.value, &figure.unit)))
        .collect();
    let verdict = match figure.met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "",
    };
    format!(
        "| {} | {} | {} | {} | {} | {verdict} |",
        figure.what,
        number(figure.value, &figure.unit),
        beside.join("<br>"),
        figure.reference.as_deref().unwrap_or_default(),
        figure.target.as_deref().unwrap_or_default(),
    )
}

fn missed(figures: &[&Figure]) -> Vec<String> {
    let missed = figures.iter().filter(|figure| figure.met == Some(false));
    missed
        .map(|figure| {
            let profile = PROFILES.iter().find(|(id, _)| *id == figure.id);
            let why = figure.note.as_deref().into_iter();
            let why: Vec<_> = why.chain(profile.map(|(_, text)| *text)).collect();
            let value = number(figure.value, &figure.unit);
            format!("{}: {value}. {}", figure.what, why.join(" "))
        })
        .collect()
}

/// Floors do nothing, so that they win is no news.
fn won(figures: &[&Figure], rivals: &[&Rival]) -> Vec<String> {
    let mut won = Vec::new();
    for figure in figures {
        for rival in rivals {
            if rival.version.is_some() && rival.figure == figure.id && figure.loses_to(rival) {
                won.push(format!(
                    "{}: {} has {}, we have {}.",
                    figure.what,
                    rival.name,
                    number(rival.value, &figure.unit),
                    number(figure.value, &figure.unit)
                ));
            }
        }
    }
    won
}

fn notes(figures: &[&Figure], rivals: &[&Rival]) -> Vec<String> {
    let mut notes = Vec::new();
    for figure in figures {
        // Those of missed targets stand above.
        if let (Some(note), true) = (&figure.note, figure.met != Some(false)) {
            notes.push(format!("{}: {note}", figure.what));
        }
        for rival in rivals.iter().filter(|rival| rival.figure == figure.id) {
            if let Some(note) = &rival.note {
                notes.push(format!("{}, {}: {note}", figure.what, rival.name));
            }
        }
    }
    notes
}

/// `alone`: rivals of what we were not measured at.
fn not_measured(parts: &[Part], alone: &[&Rival]) -> Vec<String> {
    let said = parts.iter().flat_map(|part| part.not_measured.clone());
    let alone = alone.iter().map(|rival| {
        let Rival {
            figure,
            name,
            value,
            ..
        } = rival;
        format!("{figure}: only {name}, {}", number(*value, ""))
    });
    let is_there = |name: &str| parts.iter().any(|part| part.name == name);
    let left_out = PARTS.iter().filter(|(name, _)| !is_there(name));
    let left_out = left_out.map(|(name, _)| format!("{name}: the part was not run"));
    said.chain(alone).chain(left_out).collect()
}

/// `empty`: what is said without a line.
fn section(title: &str, lines: Vec<String>, empty: &str) -> String {
    let lines = match lines.is_empty() {
        true => format!("{empty}\n"),
        false => lines.iter().map(|line| format!("- {line}\n")).collect(),
    };
    format!("\n## {title}\n\n{lines}")
}

/// Three digits that count, and thousands apart.
pub(crate) fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = match text.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (text.as_str(), String::new()),
    };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let space = if unit.is_empty() { "" } else { " " };
    format!("{grouped}{rest}{space}{unit}")
}

#[cfg(test)]
mod tests {
    use super::{markdown, number};
    use crate::{
        figure::{Figure, Limit, Rival},
        machine::{Machine, Versions},
        part::Part,
    };

    fn part(figures: Vec<Figure>, rivals: Vec<Rival>) -> Part {
        Part {
            name: "some".to_owned(),
            machine: Machine {
                processor: "One".to_owned(),
                cores: 2,
                memory_mib: 7,
                kernel: "6".to_owned(),
            },
            versions: Versions {
                date: "2026-11-30T00:00:00.000Z".to_owned(),
                sources: "abc".to_owned(),
                rustc: "rustc 1.95.0".to_owned(),
            },
            figures,
            rivals,
            not_measured: Vec::new(),
        }
    }

    fn rival(figure: &str, version: Option<&str>, value: f64) -> Rival {
        Rival {
            figure: figure.to_owned(),
            name: "Peer".to_owned(),
            version: version.map(str::to_owned),
            value,
            note: None,
        }
    }

    #[test]
    fn missed_targets_and_winning_peers_are_said() {
        let figure = Figure::new("a.time", "time", "ms", 5.0)
            .target("≤ 4 ms", Limit::AtMost(4.0))
            .note("TLS takes 3 ms.");
        let rivals = vec![
            rival("a.time", Some("1.2"), 3.0),
            rival("a.time", None, 1.0),
        ];
        let text = markdown(&[part(vec![figure], rivals)]).expect("a table");
        assert!(text.contains("| time | 5 ms | Peer 3 ms<br>Peer 1 ms |  | ≤ 4 ms | **missed** |"));
        assert!(text.contains("- time: 5 ms. TLS takes 3 ms.\n"));
        // Once: the floor's is no news.
        assert_eq!(
            text.matches("- time: Peer has 3 ms, we have 5 ms.\n")
                .count(),
            1
        );
        assert_eq!(text.matches("we have").count(), 1);
        assert!(text.contains("- peers: Peer 1.2\n"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let text = markdown(&[part(vec![], vec![])]).expect("a table");
        assert!(
            text.contains("No peer was measured.")
                && text.contains("- growth: the part was not run")
        );
        let mut some = part(vec![], vec![rival("a.other", Some("1.2"), 3.0)]);
        some.not_measured.push("nginx: not installed".to_owned());
        let text = markdown(&[some]).expect("a table");
        assert!(text.contains("- nginx: not installed\n- a.other: only Peer, 3\n"));
    }

    #[test]
    fn what_cannot_be_compared_is_no_table() {
        let figure = || Figure::new("a.time", "time", "ms", 5.0);
        assert!(markdown(&[]).is_err());
        assert!(markdown(&[part(vec![figure(), figure()], vec![])]).is_err());
        let mut elsewhere = part(vec![], vec![]);
        elsewhere.machine.cores = 64;
        let mut earlier = part(vec![], vec![]);
        earlier.versions.sources = "abd".to_owned();
        for other in [elsewhere, earlier] {
            assert!(markdown(&[part(vec![figure()], vec![]), other]).is_err());
        }
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (1_234.5, "1,234"),
            (1_234_567.0, "1,234,567"),
            (-123.4, "-123"),
        ] {
            assert_eq!(number(value, ""), text);
        }
        assert_eq!(number(2.0, "ms"), "2 ms");
    }
}
