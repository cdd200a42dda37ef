//! How patiently a source is asked: `[pull]` of a department file, and `[source.<name>.pull]` for one source of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use serde::Deserialize;

use super::hours::Hours;

/// As the file has it; what is not said is taken from the department, and then from [`PullSettings::default`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PullFile {
    /// Times that a passing failure is tried again.
    retries: Option<u32>,
    /// Seconds before the first of them; doubled before each further one.
    wait_seconds: Option<u64>,
    /// Most seconds between two.
    wait_max_seconds: Option<u64>,
    /// Feeds of one source that are pulled side by side.
    parallel: Option<usize>,
    /// Hours in which the source may be touched.
    between: Option<Hours>,
    /// Most minutes that a pull waits for them to begin.
    between_wait_minutes: Option<u64>,
}

/// How one source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullSettings {
    /// Times that a passing failure is tried again.
    pub retries: u32,
    /// Before the first of them; doubled before each further one.
    pub wait: Duration,
    /// Most between two.
    pub wait_max: Duration,
    /// Feeds of one source that are pulled side by side.
    pub parallel: usize,
    /// Hours in which the source may be touched; null: always.
    pub between: Option<Hours>,
    /// Most that a pull waits for them to begin.
    pub between_wait: Duration,
}

impl Default for PullSettings {
    fn default() -> PullSettings {
        PullSettings {
            retries: 3,
            wait: Duration::from_secs(5),
            wait_max: Duration::from_mins(5),
            parallel: 2,
            between: None,
            between_wait: Duration::from_hours(2),
        }
    }
}

impl PullSettings {
    /// What holds for a source of a department.
    pub fn of(department: PullFile, source: PullFile) -> PullSettings {
        let usual = PullSettings::default();
        let seconds = |own: Option<u64>, whole: Option<u64>| own.or(whole).map(Duration::from_secs);
        let minutes = |own: Option<u64>, whole: Option<u64>| own.or(whole).map(Duration::from_mins);
        PullSettings {
            retries: source.retries.or(department.retries).unwrap_or(usual.retries),
            wait: seconds(source.wait_seconds, department.wait_seconds).unwrap_or(usual.wait),
            wait_max: seconds(source.wait_max_seconds, department.wait_max_seconds).unwrap_or(usual.wait_max),
            parallel: source.parallel.or(department.parallel).unwrap_or(usual.parallel).max(1),
            between: source.between.or(department.between),
            between_wait: minutes(source.between_wait_minutes, department.between_wait_minutes).unwrap_or(usual.between_wait),
        }
    }

    /// How long to wait after the failed try `attempt`, from 1: doubled every time, and between half of that and the whole, by `feed`
    /// and try. Feeds of a server that went down together must not all come back at the same instant.
    pub fn wait_after(&self, attempt: u32, feed: &str) -> Duration {
        let whole = self.wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.wait_max);
        let mut hasher = DefaultHasher::new();
        (feed, attempt).hash(&mut hasher);
        whole.mul_f64(0.5 + (hasher.finish() % 1000) as f64 / 2000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_feeds_do_not_come_back_together() {
        let settings = PullSettings::default();
        for attempt in 1..40 {
            let whole = (5.0 * 2_f64.powi(attempt - 1)).min(300.0);
            let wait = settings.wait_after(attempt as u32, "finance/payroll").as_secs_f64();
            assert!((whole * 0.5..=whole).contains(&wait), "try {attempt}: {wait} s of {whole} s");
        }
        assert_ne!(settings.wait_after(3, "finance/payroll"), settings.wait_after(3, "finance/units"));
    }

    #[test]
    fn a_source_overrides_its_department() {
        let department = PullFile { retries: Some(1), parallel: Some(4), ..PullFile::default() };
        let source = PullFile { parallel: Some(0), wait_seconds: Some(1), ..PullFile::default() };
        let found = PullSettings::of(department, source);
        assert_eq!((found.retries, found.parallel, found.wait), (1, 1, Duration::from_secs(1)));
        assert_eq!(PullSettings::of(PullFile::default(), PullFile::default()), PullSettings::default());
    }
}
