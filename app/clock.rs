//! The one place that asks what time it is. Everything else is told.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use chrono::{Local, NaiveDate, SecondsFormat, Utc};

/// The day on which a night started now is filed.
pub fn today() -> NaiveDate {
    Local::now().date_naive()
}

/// This instant, for the record: UTC, to the second.
pub fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Measures how long stages take; for people and benchmarks, never for results.
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
