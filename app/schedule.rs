//! When nights, backups and clearing up are due, and what is done about it: `[schedule]` of muster.toml.
//!
//! Due instants are worked out here, from wall-clock times at a place; whatever wakes us only wakes us. [`due`] knows the calendar,
//! [`job`] what there is to do, [`held`] which letters wait for their time, [`keeper`] decides what becomes of each due instant and writes
//! it to the ledger in the store.

pub mod due;
pub mod held;
pub mod job;
pub mod keeper;

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use serde::Deserialize;

use due::Wall;
use held::{Held, HeldFile};
use job::Backup;

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
    /// Backups of the store; absent: none by themselves.
    pub backup: Option<BackupFile>,
    /// When what is older than may be kept goes, besides after every night: like `night`.
    pub retain: Option<String>,
    /// When letters go that are not to go as soon as their night is kept.
    pub mail: HeldFile,
}

/// `[schedule.backup]` as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// When they are due: like `night`.
    at: String,
    /// Where they go.
    folder: PathBuf,
    /// How many are kept; 14 where it is not said.
    #[serde(default = "keep")]
    keep: u32,
}

fn keep() -> u32 {
    14
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
            backup: None,
            retain: None,
            mail: HeldFile::default(),
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
    /// Backups of the store; null: none by themselves.
    pub backup: Option<Backup>,
    /// When what is older than may be kept goes, besides after every night.
    pub retain: Option<Wall>,
    /// When letters go that are not to go as soon as their night is kept.
    pub mail: Held,
}

impl ScheduleFile {
    /// Checks it; every mistake with the text that it is about. Paths are below `root`.
    pub fn check(&self, root: &Path) -> Result<Schedule, Vec<(String, String)>> {
        let mut wrong = Vec::new();
        let zone = self.zone.parse::<Tz>().ok();
        if zone.is_none() {
            wrong.push((self.zone.clone(), format!("`{}` is no time zone: write one like Asia/Shanghai", self.zone)));
        }
        let mut wall = |text: &str| {
            let read = Wall::read(text, zone.unwrap_or(Tz::Asia__Shanghai));
            read.map_err(|why| wrong.push((text.to_owned(), why))).ok()
        };
        let night = wall(&self.night);
        let retain = self.retain.as_deref().and_then(&mut wall);
        let mut time = |it: &Option<String>| it.as_deref().and_then(&mut wall);
        let mail = Held { nightly: time(&self.mail.nightly), weekly: time(&self.mail.weekly), monthly: time(&self.mail.monthly) };
        let backup = self.backup.as_ref().and_then(|it| Some(Backup { at: wall(&it.at)?, folder: root.join(&it.folder), keep: it.keep }));
        if self.backup.as_ref().is_some_and(|it| it.keep == 0) {
            wrong.push(("keep".to_owned(), "`keep` is at least 1".to_owned()));
        }
        if self.deadline_minutes == 0 {
            wrong.push(("deadline_minutes".to_owned(), "`deadline_minutes` is at least 1".to_owned()));
        }
        match (night, wrong.is_empty()) {
            (Some(night), true) => Ok(Schedule {
                night,
                catch_up: self.catch_up,
                deadline_minutes: self.deadline_minutes,
                grace_minutes: self.grace_minutes,
                backup,
                retain,
                mail,
            }),
            _ => Err(wrong),
        }
    }
}
