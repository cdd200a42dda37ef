//! The one place of this crate that asks a clock: how long an answer took, and how far a server's clock is off.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Starts a stopwatch.
#[expect(clippy::disallowed_methods, reason = "the checklist tells how fast a line is")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the checklist tells how far a server's clock is off")]
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
