//! Remembers which cards held, so that a night proves only what changed since: the card's text, or this program.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use muster_core::rule::Rule;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::private_folder;
use crate::words::hex;

/// The cards that this very program has proved.
pub struct Proved {
    path: PathBuf,
    held: Held,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    /// Size and time of the program that proved them; another one proves anew.
    program: String,
    /// SHA-256 of every card's text, in hexadecimal.
    cards: BTreeSet<String>,
}

impl Proved {
    /// What the file at `path` remembers; nothing when it is missing, damaged, or another program's.
    pub fn read(path: &Path) -> Proved {
        Proved::of(path, &program())
    }

    fn of(path: &Path, program: &str) -> Proved {
        let remembered = fs::read(path).ok().and_then(|it| serde_json::from_slice::<Held>(&it).ok());
        let held = remembered.filter(|it| !program.is_empty() && it.program == program);
        Proved { path: path.to_owned(), held: held.unwrap_or_else(|| Held { program: program.to_owned(), cards: BTreeSet::new() }) }
    }

    /// Whether the card held, as it stands.
    pub fn holds(&self, card: &Rule) -> bool {
        self.held.cards.contains(&hash(&card.source.text))
    }

    /// Remembers that `cards` hold. A disk that refuses costs time tomorrow, not the night.
    pub fn keep<'a>(&mut self, cards: impl Iterator<Item = &'a Rule>) {
        let before = self.held.clone();
        // Another night may have written meanwhile.
        self.held.cards.extend(Proved::of(&self.path, &self.held.program).held.cards);
        self.held.cards.extend(cards.map(|it| hash(&it.source.text)));
        if self.held == before || self.held.program.is_empty() {
            return;
        }
        if let Err(err) = self.write() {
            tracing::warn!(path = %self.path.display(), %err, "what was proved could not be remembered");
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        private_folder(folder)?;
        let partial = self.path.with_extension(format!("{}.partial", std::process::id()));
        let mut file = fs::File::create(&partial)?;
        file.write_all(&serde_json::to_vec(&self.held)?)?;
        fs::rename(&partial, &self.path)
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// What tells this program from the next one; empty where the system does not say, and then nothing is remembered.
fn program() -> String {
    let told = std::env::current_exe().and_then(fs::metadata).and_then(|it| Ok((it.len(), it.modified()?)));
    let since = |(bytes, at): (u64, std::time::SystemTime)| Some((bytes, at.duration_since(UNIX_EPOCH).ok()?.as_nanos()));
    told.ok().and_then(since).map_or(String::new(), |(bytes, at)| format!("{} {bytes} {at}", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use muster_core::diag::Source;
    use muster_core::rule;

    use super::*;

    #[test]
    fn what_held_is_known_to_the_same_program_and_the_same_text_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data/proved.json");
        let text = include_str!("../rules/paid-after-death.md");
        let card = |text: &str| rule::read(Source::new("paid-after-death.md", text)).expect("the card is shipped");
        let mut proved = Proved::of(&path, "this");
        assert!(!proved.holds(&card(text)));
        proved.keep(std::iter::once(&card(text)));
        assert!(Proved::of(&path, "this").holds(&card(text)));
        assert!(!Proved::of(&path, "this").holds(&card(&format!("{text}\n"))));
        assert!(!Proved::of(&path, "another").holds(&card(text)));
        fs::write(&path, "{").expect("to write");
        assert!(!Proved::of(&path, "this").holds(&card(text)));
    }
}
