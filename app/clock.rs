//! The one place that asks what time it is. Everything else is told.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDate, SecondsFormat, TimeDelta, Utc};

/// The day on which a night started now is filed.
pub fn today() -> NaiveDate {
    Local::now().date_naive()
}

/// This instant, for the record: UTC, to the second.
pub fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// This instant.
pub fn instant() -> DateTime<Utc> {
    Utc::now()
}

/// The instant that many seconds from now, written like [`now`].
pub fn after(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX);
    Utc::now().checked_add_signed(seconds).unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Processor time that this process has used, as the kernel counts it; 0 where it does not say.
pub fn cpu_seconds() -> f64 {
    // proc(5): utime and stime are the fourteenth and fifteenth fields, in ticks of a hundredth; the name before may hold blanks.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / 100.0
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
