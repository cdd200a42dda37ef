//! `muster store`: whether it holds together, which tables it has, and copies of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::audit::local_user;
use crate::cli::{BackupArgs, StoreCopyArgs, StoreFileArgs, StoreWhat};
use crate::clock;
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::files;
use crate::run::Stop;
use crate::store::audit::Entry;
use crate::store::check::Checked;
use crate::store::copy::Copied;
use crate::store::db::Address;
use crate::store::{Migrated, Store};
use crate::words::{Lang, count, pad, pad_left};

/// `muster store …`.
pub async fn storage(what: &StoreWhat, say: Say) -> Done {
    match what {
        StoreWhat::Check(args) => {
            let checked = Store::of(&read(&args.config)?).await?.check().await?;
            say.print(&checked, || checked_text(&checked, say.lang));
            Ok(if checked.wrong.is_empty() { Code::Fine } else { Code::Defects })
        }
        StoreWhat::Migrate(args) => {
            let city = read(&args.config)?;
            let migrated = Store::of(&city).await?.migrated().await?;
            let place = city.store().map_err(Stop::Trouble)?.shown();
            say.print(&migrated, || migrated_text(&place, &migrated, say.lang));
            Ok(Code::Fine)
        }
        StoreWhat::Copy(args) => copy(args, say).await,
        StoreWhat::Backup(args) => backup(args, say).await,
        StoreWhat::Restore(args) => restore(args, say).await,
    }
}

/// What a copy came to.
#[derive(Serialize)]
struct Told {
    /// Where it lies now; never with a password.
    place: String,
    tables: Vec<Copied>,
}

async fn copy(args: &StoreCopyArgs, say: Say) -> Done {
    let from = sealed(&read(&args.config.config)?).await?;
    let to = address(&args.to)?;
    let told = Told { tables: from.copy(&Store::sealed(&to).await?).await?, place: to.shown() };
    noted(&from, "store-copied", &told.place).await?;
    say.print(&told, || copied_text(&told, say.lang.pick("已复制到", "copied to"), say.lang));
    Ok(Code::Fine)
}

/// A backup appears whole or not at all.
async fn backup(args: &BackupArgs, say: Say) -> Done {
    let (keep, args) = (args.keep, &args.to);
    let from = sealed(&read(&args.config.config)?).await?;
    if let Some(folder) = args.file.parent().filter(|it| keep.is_some() && !it.as_os_str().is_empty()) {
        files::private_folder(folder)?;
    }
    if args.file.exists() {
        return Err(exists(&args.file, say.lang));
    }
    let partial = args.file.with_extension("partial");
    if partial.exists() {
        std::fs::remove_file(&partial)?;
    }
    let to = Store::sealed(&Address::File(partial.clone())).await?;
    let tables = from.copy(&to).await?;
    to.close().await;
    std::fs::File::open(&partial)?.sync_all()?;
    std::fs::rename(&partial, &args.file)?;
    if let Some(keep) = keep {
        thin_out(&args.file, keep as usize)?;
    }
    let told = Told { tables, place: args.file.display().to_string() };
    noted(&from, "store-backed-up", &told.place).await?;
    say.print(&told, || copied_text(&told, say.lang.pick("已备份到", "backed up to"), say.lang));
    Ok(Code::Fine)
}

/// Removes the oldest `muster-*.db` beside `newest`, until `keep` are left. Their names are dates, so that names tell their age.
fn thin_out(newest: &Path, keep: usize) -> std::io::Result<()> {
    let folder = newest.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_backup = |it: &PathBuf| {
        let name = it.file_name().and_then(|it| it.to_str()).unwrap_or_default();
        name.starts_with("muster-") && Path::new(name).extension().is_some_and(|it| it == "db")
    };
    let mut backups: Vec<PathBuf> = folder.read_dir()?.filter_map(|it| Some(it.ok()?.path())).filter(is_backup).collect();
    backups.sort_unstable();
    let many = backups.len().saturating_sub(keep);
    backups[..many].iter().filter(|it| *it != newest).try_for_each(std::fs::remove_file)
}

/// The backup itself is not opened: it might be of an older version, and stays as it is.
async fn restore(args: &StoreFileArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    if !args.file.is_file() {
        let none = say.lang.pick("没有这个备份文件", "there is no such backup");
        return Err(Stop::Usage(format!("{}: {none}", args.file.display())));
    }
    let address = city.store().map_err(Stop::Trouble)?;
    files::private_folder(&city.data())?;
    let work = city.data().join("restore.partial");
    std::fs::copy(&args.file, &work)?;
    let from = Store::sealed(&Address::File(work.clone())).await?;
    let to = Store::sealed(&address).await?;
    let tables = from.copy(&to).await;
    from.close().await;
    for it in [work.clone(), work.with_extension("partial-wal"), work.with_extension("partial-shm")] {
        if it.exists() {
            std::fs::remove_file(it)?;
        }
    }
    let told = Told { tables: tables?, place: address.shown() };
    noted(&to, "store-restored", &args.file.display().to_string()).await?;
    say.print(&told, || copied_text(&told, say.lang.pick("已恢复到", "restored to"), say.lang));
    Ok(Code::Fine)
}

fn exists(path: &Path, lang: Lang) -> Stop {
    let why = lang.pick("已存在；请另取文件名，备份从不覆盖", "is there already; name another file: a backup never replaces anything");
    Stop::Usage(format!("{} {why}", path.display()))
}

/// The city's store as it stands, sealed: who moves it needs no key.
async fn sealed(city: &City) -> Result<Store, Stop> {
    Ok(Store::sealed(&city.store().map_err(Stop::Trouble)?).await?)
}

/// A PostgreSQL address, or a file.
fn address(text: &str) -> Result<Address, Stop> {
    if text.contains("://") { Address::server(text).map_err(Stop::Usage) } else { Ok(Address::File(text.into())) }
}

async fn noted(store: &Store, what: &str, about: &str) -> Result<(), Stop> {
    let entry = Entry { at: clock::now(), who: local_user(), what: what.to_owned(), about: about.to_owned(), detail: BTreeMap::new() };
    Ok(store.audit(&entry).await?)
}

fn checked_text(it: &Checked, lang: Lang) -> String {
    let mut out = String::new();
    for (table, rows) in &it.rows {
        out.push_str(&format!("  {} {} {}\n", pad(table, 16), pad_left(&count(*rows), 12), lang.pick("行", "rows")));
    }
    for wrong in &it.wrong {
        out.push_str(&format!("  ✗ {}\n", lang.pick(&wrong.zh, &wrong.en)));
    }
    out.push_str(match (it.wrong.is_empty(), lang) {
        (true, Lang::Zh) => "  ✓ 存储完好\n",
        (true, Lang::En) => "  ✓ the store is whole\n",
        (false, Lang::Zh) => "  请停止运行，保留现有文件，并从备份恢复：muster store restore\n",
        (false, Lang::En) => "  stop the nights, keep the store as it is, and restore a backup: muster store restore\n",
    });
    out
}

fn migrated_text(place: &str, migrated: &[Migrated], lang: Lang) -> String {
    let mut out = format!("  {place}\n");
    for it in migrated {
        out.push_str(&format!("  ✓ {:04} {}\n", it.number, it.title));
    }
    out + lang.pick("  表结构已是本版本\n", "  the tables are those of this version\n")
}

fn copied_text(told: &Told, done: &str, lang: Lang) -> String {
    let mut out = String::new();
    for it in &told.tables {
        out.push_str(&format!("  {} {} {}\n", pad(it.table, 16), pad_left(&count(it.rows), 12), lang.pick("行", "rows")));
    }
    out + &format!("  ✓ {done} {}\n", told.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_backups_are_kept_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in
            ["muster-2026-11-14T0430.db", "muster-2026-11-15T0430.db", "muster-2026-11-16T0430.db", "before-upgrade.db", "muster-notes.txt"]
        {
            std::fs::write(folder.path().join(name), "").expect("a file");
        }
        thin_out(&folder.path().join("muster-2026-11-16T0430.db"), 2).expect("thinned");
        let mut left: Vec<String> =
            folder.path().read_dir().expect("a folder").filter_map(|it| it.ok()?.file_name().into_string().ok()).collect();
        left.sort_unstable();
        assert_eq!(left, ["before-upgrade.db", "muster-2026-11-15T0430.db", "muster-2026-11-16T0430.db", "muster-notes.txt"]);
    }
}
