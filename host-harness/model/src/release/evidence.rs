//! How strongly counts speak for a rate above or below another one, however often they are looked at.
//!
//! The measure is a likelihood ratio: how many times likelier the counts are under another rate than under the one that
//! is assumed. While the assumption holds, such a ratio ever exceeds `n` with a probability of at most `1/n`, however
//! often it is looked at as the counts grow (Ville's inequality). A test at a fixed sample size does not have this
//! property: repeated often enough, it finds a difference between equal versions.
//!
//! Several other rates are tried, each given by the factor between its odds and the odds of the assumed rate. The ratio
//! of the best one is divided by their number, which is at most their mean, so that the property is kept. It also holds
//! under every assumed rate on the other side, since a single call's ratio then has a mean of at most one.

use super::rate::{Rate, Tally};

/// From an eighth more, which a long release may show, to 64 times as many, which a handful of calls shows.
const ABOVE: [f64; 8] = [9.0 / 8.0, 5.0 / 4.0, 3.0 / 2.0, 2.0, 4.0, 8.0, 16.0, 64.0];
/// From a sixteenth fewer, for many calls with many failures, to 64 times fewer, for calls without any.
const BELOW: [f64; 6] = [15.0 / 16.0, 7.0 / 8.0, 3.0 / 4.0, 1.0 / 2.0, 1.0 / 4.0, 1.0 / 64.0];

/// Returns whether `tally` speaks `times` to one for a rate above `rate`.
pub(super) fn is_above(tally: Tally, rate: Rate, times: u32) -> bool {
    speaks(tally, rate, &ABOVE) >= f64::from(times).ln()
}

/// Returns the greatest rate that `tally` does not refute `times` to one, rounded up to parts per million.
pub(super) fn greatest_plausible(tally: Tally, times: u32) -> Rate {
    let is_refuted = |rate| speaks(tally, rate, &BELOW) >= f64::from(times).ln();
    let (mut plausible, mut refuted) = (Rate::ZERO, Rate::ONE);
    if !is_refuted(refuted) {
        return refuted;
    }
    while plausible.halfway_to(refuted) > plausible {
        let middle = plausible.halfway_to(refuted);
        if is_refuted(middle) { refuted = middle } else { plausible = middle }
    }
    refuted
}

/// Returns the logarithm of the ratio of the best of `factors`, divided by their number.
fn speaks(tally: Tally, rate: Rate, factors: &[f64]) -> f64 {
    let (failed, of, rate) = (float(tally.failed), float(tally.of), rate.probability());
    let ratio = |factor: &f64| failed * factor.ln() - of * ((factor - 1.0) * rate).ln_1p();
    factors.iter().map(ratio).fold(f64::NEG_INFINITY, f64::max) - float(factors.len() as u64).ln()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53, up to which they are exact")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
