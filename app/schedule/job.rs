//! What the daemon does by itself, and when.

use std::path::PathBuf;

use serde::Serialize;

use super::due::{Due, Wall};
use super::{CatchUp, Schedule};
use crate::mail::kind::Kind;

/// Something that falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// A night.
    Night,
    /// A backup of the store.
    Backup,
    /// What is older than may be kept goes.
    Retain,
    /// Nightly letters that were held.
    MailNightly,
    /// Weekly letters that were held.
    MailWeekly,
    /// Monthly letters that were held.
    MailMonthly,
}

impl Job {
    /// All of them.
    pub const ALL: [Job; 6] = [Job::Night, Job::Backup, Job::Retain, Job::MailNightly, Job::MailWeekly, Job::MailMonthly];

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Job::Night => "night",
            Job::Backup => "backup",
            Job::Retain => "retain",
            Job::MailNightly => "mail-nightly",
            Job::MailWeekly => "mail-weekly",
            Job::MailMonthly => "mail-monthly",
        }
    }

    /// The job of a word in the ledger.
    pub fn read(word: &str) -> Option<Job> {
        Job::ALL.into_iter().find(|it| it.word() == word)
    }

    /// 中文名称 and English name.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Job::Night => ("对账", "night"),
            Job::Backup => ("备份", "backup"),
            Job::Retain => ("清理", "retention"),
            Job::MailNightly => ("夜信", "nightly letters"),
            Job::MailWeekly => ("周报", "weekly letters"),
            Job::MailMonthly => ("月报", "monthly letters"),
        }
    }

    /// Which letters it sends; null for what is no mail.
    pub fn letters(self) -> Option<Kind> {
        match self {
            Job::Night | Job::Backup | Job::Retain => None,
            Job::MailNightly => Some(Kind::Nightly),
            Job::MailWeekly => Some(Kind::Weekly),
            Job::MailMonthly => Some(Kind::Monthly),
        }
    }

    /// When it is due; null: never by itself.
    pub fn wall(self, schedule: &Schedule) -> Option<&Wall> {
        match self {
            Job::Night => Some(&schedule.night),
            Job::Backup => schedule.backup.as_ref().map(|it| &it.at),
            Job::Retain => schedule.retain.as_ref(),
            Job::MailNightly | Job::MailWeekly | Job::MailMonthly => self.letters().and_then(|it| schedule.mail.wall(it)),
        }
    }

    /// What is done about missed times. One backup makes up for several, and so does one clearing up; letters that waited go together.
    pub fn catch_up(self, schedule: &Schedule) -> CatchUp {
        match self {
            Job::Night => schedule.catch_up,
            Job::Backup | Job::Retain | Job::MailNightly | Job::MailWeekly | Job::MailMonthly => CatchUp::Latest,
        }
    }

    /// The command that does it; null where it is no longer scheduled.
    pub fn command(self, due: Due, schedule: &Schedule) -> Option<Vec<String>> {
        let words = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        match self {
            Job::Night => Some(words(&["run", "--leash", "--progress", "none", "--night", &due.night().to_string()])),
            Job::Retain => Some(words(&["retain"])),
            Job::MailNightly | Job::MailWeekly | Job::MailMonthly => Some(words(&["mail", "send", "--kind", self.letters()?.word()])),
            Job::Backup => {
                let backup = schedule.backup.as_ref()?;
                let file = backup.folder.join(format!("muster-{}.db", due.slot.format("%Y-%m-%dT%H%M")));
                let keep = backup.keep.to_string();
                Some([words(&["store", "backup"]), vec![file.to_string_lossy().into_owned()], words(&["--keep", &keep])].concat())
            }
        }
    }
}

/// Backups of the store by themselves.
#[derive(Clone, Debug)]
pub struct Backup {
    /// When they are due.
    pub at: Wall,
    /// Where they go.
    pub folder: PathBuf,
    /// How many are kept.
    pub keep: u32,
}
