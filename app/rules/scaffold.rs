//! `muster rules new`: a card that parses and proves, for its author to fill.

use std::path::PathBuf;

use muster_core::diag::Source;
use muster_core::finding::Family;
use muster_core::rule;
use serde::Serialize;

use super::Catalogue;
use crate::commands::Say;
use crate::run::Stop;
use crate::words::Lang;

/// A small rule that works, with places to fill.
const CARD: &str = include_str!("card.md");

#[derive(Serialize)]
struct Told {
    file: PathBuf,
}

/// Writes the card of the rule `id`, called `name`, to the operator's folder.
pub fn write(catalogue: &Catalogue, id: &str, name: &str, say: Say) -> Result<(), Stop> {
    let id = id.to_uppercase();
    let family = family(&id)?;
    kebab(name)?;
    if let Some(taken) = catalogue.cards.iter().find(|it| it.id == id || it.name == name) {
        let free = free(catalogue, &id);
        let what = if taken.id == id { format!("the id `{id}`") } else { format!("the name `{name}`") };
        return Err(Stop::Usage(format!("{what} is taken by {} ({}); {free} is free", taken.source.path, taken.id)));
    }
    let text = CARD.replace("\"ID\"", &format!("\"{id}\"")).replace("NAME", name).replace("FAMILY", family.word());
    let file = catalogue.folder.join(format!("{name}.md"));
    rule::read(Source::new(file.display().to_string(), text.clone())).map_err(Stop::Mistakes)?;
    std::fs::create_dir_all(&catalogue.folder)?;
    // A file that appeared meanwhile is somebody's work.
    let mut open = std::fs::OpenOptions::new();
    let mut out = open.write(true).create_new(true).open(&file).map_err(|err| Stop::Trouble(format!("{}: {err}", file.display())))?;
    std::io::Write::write_all(&mut out, text.as_bytes())?;
    say.print(&Told { file: file.clone() }, || match say.lang {
        Lang::Zh => format!(
            "  已写入 {}\n  样例现在成立；改好后用 muster prove --rule {id} 复验，再把 status 由 draft 改为 trial\n",
            file.display()
        ),
        Lang::En => format!(
            "  wrote {}\n  its examples hold now; change it, try `muster prove --rule {id}`, then make its status trial\n",
            file.display()
        ),
    });
    Ok(())
}

/// The group that an id's letter stands for.
fn family(id: &str) -> Result<Family, Stop> {
    let (letter, number) = id.split_at(id.chars().next().map_or(0, char::len_utf8));
    let family = Family::ALL.into_iter().find(|it| letter.starts_with(it.letter()));
    let digits = number.len() >= 2 && number.bytes().all(|it| it.is_ascii_digit());
    family.filter(|_| digits).ok_or_else(|| {
        let known: Vec<String> = Family::ALL.iter().map(|it| format!("{} {}", it.letter(), it.word())).collect();
        Stop::Usage(format!("`{id}` is no rule id: a letter and two digits, like G90; the letters are {}", known.join(", ")))
    })
}

fn kebab(name: &str) -> Result<(), Stop> {
    let fine = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    if name.split('-').all(fine) {
        return Ok(());
    }
    Err(Stop::Usage(format!("`{name}` is no name of a card: small letters, digits and hyphens, like paid-after-death")))
}

/// The next number of the group that nobody uses; a city's own numbers begin at 90, so that ours can grow below.
fn free(catalogue: &Catalogue, id: &str) -> String {
    let letter = &id[..1];
    let taken = |it: &String| catalogue.cards.iter().any(|card| card.id == *it);
    (90..1000).map(|n| format!("{letter}{n}")).find(|it| !taken(it)).unwrap_or_else(|| format!("{letter}1000"))
}
