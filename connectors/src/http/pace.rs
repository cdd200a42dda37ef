//! How fast a source is asked, and how often again after a passing trouble.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::TryRng as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Failure, said};

/// The first wait before asking again; it doubles from then on.
const WAIT_FIRST: Duration = Duration::from_millis(500);
/// The longest wait that nobody asked for.
const WAIT_LONGEST: Duration = Duration::from_secs(30);

/// The requests of a source, all its tables together.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Between two requests.
    between: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many requests in a second.
    pub(crate) fn new(per_second: Option<f64>) -> Pace {
        Pace { between: per_second.map_or(Duration::ZERO, |it| Duration::from_secs_f64(1.0 / it)), next: Mutex::new(None) }
    }

    /// Waits for the turn of a request.
    pub(crate) async fn wait(&self) {
        if self.between.is_zero() {
            return;
        }
        let turn = {
            let mut next = self.next.lock().expect("nobody panics with the lock");
            let turn = next.map_or_else(Instant::now, |it| it.max(Instant::now()));
            *next = Some(turn + self.between);
            turn
        };
        sleep_until(turn).await;
    }
}

/// How often one page is asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    /// How often it may be yet.
    left: u32,
    done: u32,
    /// The longest wait that a source may ask for.
    wait_most: Duration,
}

impl Tries {
    /// So many times after the first.
    pub(crate) fn new(again: u32, wait_most: Duration) -> Tries {
        Tries { left: again, done: 0, wait_most }
    }

    /// Waits until it is time to ask again: as long as the source says, else longer every time, and never all of us at once. The failure
    /// when it has been often enough.
    pub(crate) async fn again(&mut self, failure: Failure, asked: Option<Duration>) -> Result<(), Failure> {
        if self.left == 0 {
            return Err(if self.done == 0 {
                failure
            } else {
                Failure { why: said!("{1}，共 {0} 次", "{1}, {0} times", self.done + 1; failure.why), ..failure }
            });
        }
        if let Some(asked) = asked.filter(|it| *it > self.wait_most) {
            let why = said!("{1}，并要求等待 {0} 秒", "{1}, and asks to wait {0} s", asked.as_secs(); failure.why);
            return Err(Failure { why, ..failure }
                .hint(said!(
                    "最长等待由 `wait_seconds` 设定；或换个时间取数",
                    "`wait_seconds` is the longest wait; or pull at another hour"
                ))
                .passing());
        }
        let grown = (WAIT_FIRST * 2_u32.saturating_pow(self.done.min(16))).min(WAIT_LONGEST);
        self.left -= 1;
        self.done += 1;
        sleep(asked.unwrap_or_else(|| grown.mul_f64(jitter()))).await;
        Ok(())
    }
}

/// Between a half and one.
fn jitter() -> f64 {
    0.5 + f64::from(random() as u32) / f64::from(u32::MAX) / 2.0
}

/// A number that nobody can foresee.
pub(crate) fn random() -> u64 {
    rand::rngs::SysRng.try_next_u64().expect("the system has random numbers")
}

/// The clock, for signatures, `Retry-After` and the comparison of clocks: a request states the time at which it is sent.
#[expect(clippy::disallowed_methods, reason = "a request states the time at which it is sent")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A date of a header.
pub(crate) fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|it| it.to_utc())
}

/// How long the source asks to wait: in seconds or until a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| Some((date(text)? - now).to_std().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_until_a_date() {
        let now = date("Mon, 02 Mar 2026 08:00:00 GMT").expect("a date");
        let asked = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a header"))]), now);
        assert_eq!(asked("3"), Some(Duration::from_secs(3)));
        assert_eq!(asked("Mon, 02 Mar 2026 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(asked("Mon, 02 Mar 2026 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asked("soon"), None);
        assert!((0..1000).map(|_| jitter()).all(|it| (0.5..=1.0).contains(&it)));
    }
}
