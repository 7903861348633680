//! Many values of one thing.

use anyhow::Context;
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<Duration>);

impl Sample {
    pub fn add(&mut self, value: Duration) {
        self.0.push(value);
    }

    /// The value that `share` of all are at most, in milliseconds.
    pub fn quantile(&mut self, share: f64) -> anyhow::Result<f64> {
        self.0.sort();
        let last = self
            .0
            .len()
            .checked_sub(1)
            .context("nothing was measured")?;
        let index = (last as f64 * share).round() as usize;
        Ok(self.0[index].as_secs_f64() * 1_000.0)
    }

    pub fn median(&mut self) -> anyhow::Result<f64> {
        self.quantile(0.5)
    }
}
