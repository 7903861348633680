//! How long DynamoDB takes, its work included.

use std::time::Duration;

/// From a call's arrival to its answer; work that takes longer is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// What the embedded store takes.
    None,
    /// As DynamoDB's published figures: half within 3 ms, 99 of 100 within 9 ms; the same sequence every time.
    Typical { drawn: u64 },
}

const MEDIAN_MS: f64 = 3.0;
/// ln(9 / 3) over the 99th percentile of the normal distribution.
const SIGMA: f64 = 0.472_25;

impl Latency {
    pub fn typical() -> Latency {
        Latency::Typical { drawn: 0 }
    }

    /// From a place in the sequence that no other run of this kind comes to: its draws are its own.
    pub fn typical_of_run(run: u64) -> Latency {
        Latency::Typical { drawn: run << 32 }
    }

    pub(crate) fn draw(&mut self) -> Duration {
        match self {
            Latency::None => Duration::ZERO,
            Latency::Typical { drawn } => {
                *drawn += 1;
                let (one, other) = (uniform(*drawn * 2), uniform(*drawn * 2 + 1));
                // Box and Muller's normal distribution.
                let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
                Duration::from_secs_f64(MEDIAN_MS / 1_000.0 * (SIGMA * normal).exp())
            }
        }
    }
}

/// SplitMix64 as a number in (0, 1]: no randomness is wanted, only no pattern.
fn uniform(serial: u64) -> f64 {
    let mut bits = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    let high = u32::try_from(bits >> 32).unwrap_or(u32::MAX);
    (f64::from(high) + 1.0) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn half_of_the_calls_take_3_ms_and_one_of_100_takes_9() {
        let mut latency = Latency::typical();
        let mut drawn: Vec<_> = (0..100_000).map(|_| latency.draw().as_secs_f64()).collect();
        drawn.sort_by(f64::total_cmp);
        assert!(
            (drawn[50_000] - 0.003).abs() < 0.000_05,
            "{}",
            drawn[50_000]
        );
        assert!((drawn[99_000] - 0.009).abs() < 0.000_2, "{}", drawn[99_000]);
        assert_eq!(Latency::None.draw().as_nanos(), 0);
    }
}
