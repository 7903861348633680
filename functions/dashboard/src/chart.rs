//! Charts: numbers as pictures that the server draws.
//!
//! The stylesheet knows the colours that they are drawn in, and puts those of light and of dark in their place.
//! Knows nothing of keys and pages.

use maud::{Markup, PreEscaped, html};
use plotters::{
    coord::Shift,
    prelude::{
        BLUE, ChartBuilder, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, PathElement,
        RED, Rectangle, SVGBackend, TRANSPARENT,
    },
};
use std::io;

/// What one period counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    /// How many periods before the running one.
    pub(crate) ago: u32,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
}

/// Periods side by side, refused ones on accepted ones. `unit`: what a period is called, in one letter or a word.
pub(crate) fn bars(bars: &[Bar], periods: u32, unit: &str, label: &str) -> Markup {
    let most = bars.iter().map(|bar| bar.accepted + bar.refused).max();
    // Room for the highest, and whole numbers at the axis where there is little.
    let top = most.unwrap_or_default().max(4) as f64 * 1.05;
    let said = |at: &f64| match *at as i64 {
        0 => "now".to_owned(),
        ago => format!("{} {unit} ago", -ago),
    };
    picture((480, 180), label, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin_top(8)
            .margin_right(16)
            .x_label_area_size(24)
            .y_label_area_size(48)
            .build_cartesian_2d(-f64::from(periods)..0.0, 0.0..top)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .y_labels(4)
            .x_labels(6)
            .y_label_formatter(&|count| format!("{count:.0}"))
            .x_label_formatter(&said)
            .label_style(("sans-serif", 12))
            .draw()?;
        for bar in bars {
            let right = -f64::from(bar.ago);
            let (good, all) = (bar.accepted as f64, (bar.accepted + bar.refused) as f64);
            for (colour, from, to) in [(BLUE, 0.0, good), (RED, good, all)] {
                if to > from {
                    let corners = [(right - 1.0, to), (right, from)];
                    let mut drawn = Rectangle::new(corners, colour.filled());
                    drawn.set_margin(0, 0, 0, 1);
                    chart.draw_series([drawn])?;
                }
            }
        }
        Ok(())
    })
}

/// Numbers as a small line.
pub(crate) fn sparkline(values: &[u64], label: &str) -> Markup {
    const WIDTH: usize = 96;
    const HEIGHT: u64 = 22;
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let last = values.len().saturating_sub(1).max(1);
    let point = |(at, value): (usize, &u64)| {
        let y = HEIGHT - value.saturating_mul(HEIGHT - 2) / most;
        ((at * WIDTH / last) as i32, y as i32)
    };
    let line: Vec<_> = values.iter().enumerate().map(point).collect();
    picture((WIDTH as u32, 24), label, |area| {
        area.draw(&PathElement::new(line, BLUE))
    })
}

type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// `label`: what it shows, for whoever doesn't see it.
fn picture(
    size: (u32, u32),
    label: &str,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
) -> Markup {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    if let Err(error) = drawn {
        // The numbers stand in the label, and in the text beside it.
        tracing::error!(%error, "a chart was not drawn");
        svg.clear();
    }
    html! { span.picture role="img" aria-label=(label) { (PreEscaped(svg)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_count_and_stands_where_its_period_is() {
        let count = |accepted, refused, ago| Bar {
            ago,
            accepted,
            refused,
        };
        let svg = bars(&[count(10, 0, 47), count(5, 5, 0)], 48, "h", "told").into_string();
        let rects: Vec<_> = svg.split("<rect ").skip(1).collect();
        assert_eq!(rects.len(), 3, "{svg}");
        let number = |rect: &str, name: &str| -> i32 {
            let (_, rest) = rect
                .split_once(&format!("{name}=\""))
                .expect("an attribute");
            rest.split('"')
                .next()
                .and_then(|text| text.parse().ok())
                .expect("a number")
        };
        let [first, good, bad] = [0, 1, 2].map(|at| rects[at]);
        assert!(
            (number(first, "height") - 2 * number(good, "height")).abs() <= 2,
            "{svg}"
        );
        assert_eq!(
            number(bad, "y") + number(bad, "height"),
            number(good, "y"),
            "{svg}"
        );
        assert_eq!(number(first, "y"), number(bad, "y"), "{svg}");
        assert!(number(first, "x") < 60 && number(good, "x") > 440, "{svg}");
        for told in [
            "aria-label=\"told\"",
            ">\n40 h ago\n<",
            ">\nnow\n<",
            "#0000FF",
            "#FF0000",
        ] {
            assert!(svg.contains(told), "{told}: {svg}");
        }
        assert!(!svg.contains("style="), "the policy allows none: {svg}");
    }

    /// The crate computes its labels by loops and multiplications of its own.
    #[test]
    fn every_number_of_requests_can_be_drawn() {
        let mut accepted = 1_u64;
        while accepted < u64::MAX / 4 {
            for count in [accepted - 1, accepted, accepted + 1] {
                let bar = Bar {
                    ago: 3,
                    accepted: count,
                    refused: count,
                };
                let svg = bars(&[bar], 30, "days", "").into_string();
                assert!(svg.matches("<text").count() >= 4, "{count}: {svg}");
            }
            accepted = accepted * 2 + accepted / 3 + 1;
        }
        assert!(bars(&[], 48, "h", "").into_string().contains("</svg>"));
    }

    #[test]
    fn a_sparkline_reaches_from_edge_to_edge() {
        let svg = sparkline(&[0, 5, 10], "10 requests").into_string();
        assert!(svg.contains("points=\"0,22 48,12 96,2 \""), "{svg}");
        assert!(sparkline(&[], "none").into_string().contains("</svg>"));
    }
}
