//! When a night is due, and what is done about it: `[schedule]` of muster.toml.
//!
//! Due instants are worked out here, from wall-clock times at a place; whatever wakes us only wakes us. [`due`] knows the calendar,
//! [`keeper`] decides what becomes of each due instant and writes it to the ledger in the store.

pub mod due;
pub mod keeper;

use chrono_tz::Tz;
use serde::Deserialize;

use due::Wall;

/// `[schedule]` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleFile {
    /// Time zone of the place, by its IANA name.
    pub zone: String,
    /// When the night is due: `01:30`, or a cron line of five fields.
    pub night: String,
    /// What is done about nights that were missed because nothing ran.
    pub catch_up: CatchUp,
    /// A night that takes longer is cut.
    pub deadline_minutes: u32,
    /// A night may begin that much later than it is due and still be on time.
    pub grace_minutes: u32,
}

impl Default for ScheduleFile {
    /// Half past one in China, the newest missed night is caught up, four hours at most.
    fn default() -> ScheduleFile {
        ScheduleFile {
            zone: "Asia/Shanghai".to_owned(),
            night: "01:30".to_owned(),
            catch_up: CatchUp::Latest,
            deadline_minutes: 240,
            grace_minutes: 15,
        }
    }
}

/// What is done about missed nights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatchUp {
    /// The newest of them is run: sources tell today's state anyway.
    #[default]
    Latest,
    /// All of them, the oldest first.
    All,
    /// None.
    None,
}

/// `[schedule]`, checked.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When nights are due.
    pub night: Wall,
    /// What is done about missed nights.
    pub catch_up: CatchUp,
    /// A night that takes longer is cut.
    pub deadline_minutes: u32,
    /// A night may begin that much later.
    pub grace_minutes: u32,
}

impl ScheduleFile {
    /// Checks it; every mistake with the text that it is about.
    pub fn check(&self) -> Result<Schedule, Vec<(String, String)>> {
        let mut wrong = Vec::new();
        let zone = self.zone.parse::<Tz>().ok();
        if zone.is_none() {
            wrong.push((self.zone.clone(), format!("`{}` is no time zone: write one like Asia/Shanghai", self.zone)));
        }
        let night = Wall::read(&self.night, zone.unwrap_or(Tz::Asia__Shanghai));
        if let Err(why) = &night {
            wrong.push((self.night.clone(), why.clone()));
        }
        if self.deadline_minutes == 0 {
            wrong.push(("deadline_minutes".to_owned(), "`deadline_minutes` is at least 1".to_owned()));
        }
        match (night, wrong.is_empty()) {
            (Ok(night), true) => {
                Ok(Schedule { night, catch_up: self.catch_up, deadline_minutes: self.deadline_minutes, grace_minutes: self.grace_minutes })
            }
            _ => Err(wrong),
        }
    }
}
