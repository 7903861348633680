//! One picture of the results for the README, drawn by hand: bars, one panel for each figure, light and dark.

use std::fmt::Write;

use crate::{
    figure::{Better, Figure, Rival},
    report::number,
};

/// What is drawn, where it was measured.
const PANELS: [&str; 4] = [
    "authorizer.cold",
    "authorizer.warm.bare",
    "authorizer.decision",
    "gateway.rate",
];

const WIDTH: usize = 760;
const NAMES: usize = 230;
/// Of the longest bar.
const LENGTH: f64 = 380.0;
const ROW: usize = 22;
const TITLE: usize = 30;
const GAP: usize = 14;

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .ours { fill: #0969da }
  .peer { fill: #8c959f }
  .floor { fill: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .ours { fill: #4493f8 }
    .peer { fill: #8d96a0 }
    .floor { fill: #3d444d }
  }
";

struct Bar<'f> {
    name: &'f str,
    class: &'static str,
    value: f64,
}

/// An SVG with its own text alternative.
pub(crate) fn chart(figures: &[&Figure], rivals: &[&Rival]) -> String {
    let find = |id| figures.iter().find(|figure| figure.id == id);
    let panels = PANELS.into_iter().filter_map(find);
    let (mut drawn, mut told, mut y) = (String::new(), String::new(), GAP);
    for figure in panels {
        let bars = bars(figure, rivals);
        let direction = match figure.better {
            Better::Lower => "less is better",
            Better::Higher => "more is better",
        };
        let title = format!("{} ({}, {direction})", figure.what, figure.unit);
        element(&mut drawn, "title", 0, y + 14, &title);
        y += TITLE;
        let said: Vec<_> = bars
            .iter()
            .map(|bar| format!("{} {}", bar.name, number(bar.value, "")))
            .collect();
        // A string takes everything.
        let _ = writeln!(told, "{title}: {}.", said.join(", "));
        let longest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for bar in &bars {
            // Never too thin to be seen.
            let length = (bar.value / longest * LENGTH).max(1.0);
            element(&mut drawn, "name", 0, y + 14, bar.name);
            let _ = writeln!(
                drawn,
                r#"<rect class="{}" x="{NAMES}" y="{}" width="{length:.1}" height="{}"/>"#,
                bar.class,
                y + 2,
                ROW - 6
            );
            let x = NAMES + length as usize + 8;
            element(&mut drawn, "value", x, y + 14, &number(bar.value, ""));
            y += ROW;
        }
        y += GAP;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" aria-labelledby="title told">
<title id="title">Measured beside peers</title>
<desc id="told">{}</desc>
<style>{STYLE}</style>
{drawn}</svg>
"#,
        escaped(&told)
    )
}

/// Ours, then the peers, then the floors.
fn bars<'f>(figure: &'f Figure, rivals: &[&'f Rival]) -> Vec<Bar<'f>> {
    let ours = Bar {
        name: "InstaView",
        class: "ours",
        value: figure.value,
    };
    let others = |peers: bool| {
        let of_it = rivals.iter().filter(|rival| rival.figure == figure.id);
        let of_it = of_it.filter(move |rival| rival.version.is_some() == peers);
        of_it.map(move |rival| Bar {
            name: &rival.name,
            class: if peers { "peer" } else { "floor" },
            value: rival.value,
        })
    };
    [ours]
        .into_iter()
        .chain(others(true))
        .chain(others(false))
        .collect()
}

fn element(drawn: &mut String, class: &str, x: usize, y: usize, text: &str) {
    let text = escaped(text);
    let _ = writeln!(
        drawn,
        r#"<text class="{class}" x="{x}" y="{y}">{text}</text>"#
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::chart;
    use crate::figure::{Figure, Rival};

    #[test]
    fn bars_are_as_long_as_their_values() {
        let ours = Figure::new("authorizer.decision", "the <decision>", "µs", 5.0);
        let rival = |name: &str, version: Option<&str>, value| Rival {
            figure: "authorizer.decision".to_owned(),
            name: name.to_owned(),
            version: version.map(str::to_owned),
            value,
            note: None,
        };
        let (floor, peer) = (rival("Floor", None, 2.5), rival("Peer", Some("1"), 10.0));
        let other = Figure::new("not.drawn", "nothing", "", 1.0);
        let svg = chart(&[&ours, &other], &[&floor, &peer]);
        for (class, width) in [("ours", "190.0"), ("peer", "380.0"), ("floor", "95.0")] {
            let bars: Vec<_> = svg
                .lines()
                .filter(|line| line.starts_with(&format!("<rect class=\"{class}\"")))
                .collect();
            let [bar] = bars.as_slice() else {
                panic!("{bars:?}");
            };
            assert!(bar.contains(&format!("width=\"{width}\"")), "{bar}");
        }
        assert!(
            svg.contains(
                "the &lt;decision> (µs, less is better): InstaView 5, Peer 10, Floor 2.50."
            )
        );
        assert!(!svg.contains("nothing"));
    }
}
