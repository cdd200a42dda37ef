//! What the daemon does by itself, and when.

use std::path::PathBuf;

use serde::Serialize;

use super::due::{Due, Wall};
use super::{CatchUp, Schedule};

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
}

impl Job {
    /// All of them.
    pub const ALL: [Job; 3] = [Job::Night, Job::Backup, Job::Retain];

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Job::Night => "night",
            Job::Backup => "backup",
            Job::Retain => "retain",
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
        }
    }

    /// When it is due; null: never by itself.
    pub fn wall(self, schedule: &Schedule) -> Option<&Wall> {
        match self {
            Job::Night => Some(&schedule.night),
            Job::Backup => schedule.backup.as_ref().map(|it| &it.at),
            Job::Retain => schedule.retain.as_ref(),
        }
    }

    /// What is done about missed times. One backup makes up for several, and so does one clearing up.
    pub fn catch_up(self, schedule: &Schedule) -> CatchUp {
        match self {
            Job::Night => schedule.catch_up,
            Job::Backup | Job::Retain => CatchUp::Latest,
        }
    }

    /// The command that does it; null where it is no longer scheduled.
    pub fn command(self, due: Due, schedule: &Schedule) -> Option<Vec<String>> {
        let words = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        match self {
            Job::Night => Some(words(&["run", "--leash", "--progress", "none", "--night", &due.night().to_string()])),
            Job::Retain => Some(words(&["retain"])),
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
