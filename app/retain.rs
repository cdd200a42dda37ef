//! `muster retain`: what was kept long enough goes. Also after every night, where it costs little when nothing is due.
//!
//! | what                 | for how long (`[retain]`) | never                                                                     |
//! |----------------------|---------------------------|---------------------------------------------------------------------------|
//! | raw deliveries       | `deliveries_months`       | the newest of a feed, and those that the next pull or a rerun starts from |
//! | folders of nights    | `nights_months`           | the newest night                                                          |
//! | reports in clear     | `reports_months`          | the newest night's; other files of the operator                           |
//! | cleared cases        | `cleared_months`          | confirmed ones; those that a kept night still finds                       |
//! | bodies of letters    | `letters_months`          | letters that wait                                                         |
//!
//! First the store forgets and notes in its audit log what is due, then folders go: each is renamed to `.partial`, which nobody reads,
//! and removed. So nothing is deleted untold, and whatever instant the machine dies at, the next run finishes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::{Days, Months, NaiveDate};
use muster_core::case;
use muster_core::finding::Finding;
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::audit::local_user;
use crate::cli::RetainArgs;
use crate::clock;
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::run::Stop;
use crate::store::Store;
use crate::store::audit::Entry;
use crate::store::retain::Forget;
use crate::turn::Turn;
use crate::words::{Lang, count, pad, pad_left};

/// A hundred years.
const MONTHS_MAX: u32 = 1200;

/// `[retain]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetainSettings {
    /// Raw deliveries.
    pub deliveries_months: u32,
    /// Folders of nights: rows of people without findings too.
    pub nights_months: u32,
    /// Reports in clear, where `[report] folder` says.
    pub reports_months: u32,
    /// Cases that are cured or explained.
    pub cleared_months: u32,
    /// Bodies of letters that were sent.
    pub letters_months: u32,
}

impl Default for RetainSettings {
    /// After the retention schedule of national matching exercises: raw data 13 months, people without findings 3, cleared cases 24.
    fn default() -> RetainSettings {
        RetainSettings { deliveries_months: 13, nights_months: 3, reports_months: 13, cleared_months: 24, letters_months: 13 }
    }
}

impl RetainSettings {
    fn all(&self) -> [(&'static str, u32); 5] {
        [
            ("deliveries_months", self.deliveries_months),
            ("nights_months", self.nights_months),
            ("reports_months", self.reports_months),
            ("cleared_months", self.cleared_months),
            ("letters_months", self.letters_months),
        ]
    }

    /// Every setting that is out of bounds, and why.
    pub fn wrong(&self) -> Vec<(&'static str, String)> {
        let wrong = self.all().into_iter().filter(|(_, months)| !(1..=MONTHS_MAX).contains(months));
        wrong.map(|(key, months)| (key, format!("`{key}` is {months}"))).collect()
    }
}

/// Kinds of what is kept, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Raw deliveries.
    Deliveries,
    /// Folders of nights.
    Nights,
    /// Reports in clear.
    Reports,
    /// Cleared cases, which are de-identified.
    Cases,
    /// Bodies of letters.
    Letters,
}

impl What {
    const ALL: [What; 5] = [What::Deliveries, What::Nights, What::Reports, What::Cases, What::Letters];

    fn label(self, lang: Lang) -> &'static str {
        match self {
            What::Deliveries => lang.pick("原始送达", "raw deliveries"),
            What::Nights => lang.pick("夜间文件夹", "folders of nights"),
            What::Reports => lang.pick("明文报告", "reports in clear"),
            What::Cases => lang.pick("已清案件去标识", "cleared cases, de-identified"),
            What::Letters => lang.pick("已发信件正文", "bodies of letters sent"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            What::Deliveries => "deliveries",
            What::Nights => "nights",
            What::Reports => "reports",
            What::Cases => "cases",
            What::Letters => "letters",
        }
    }

    fn months(self, settings: &RetainSettings) -> u32 {
        match self {
            What::Deliveries => settings.deliveries_months,
            What::Nights => settings.nights_months,
            What::Reports => settings.reports_months,
            What::Cases => settings.cleared_months,
            What::Letters => settings.letters_months,
        }
    }
}

/// What became of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which.
    pub what: What,
    /// How many.
    pub many: u64,
    /// How large they were on disk; of letters, their text; null for cases.
    pub bytes: Option<u64>,
    /// For how long they are kept.
    pub months: u32,
    /// What is older than this day goes.
    pub before: NaiveDate,
}

/// What was deleted, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retained {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// By kind.
    pub lines: Vec<Line>,
}

/// A folder whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Folder {
    what: What,
    path: PathBuf,
    bytes: u64,
}

/// Everything whose time is over.
struct Due {
    told: Retained,
    folders: Vec<Folder>,
    forget: Forget,
}

impl Due {
    fn is_empty(&self) -> bool {
        self.told.lines.iter().all(|it| it.many == 0)
    }
}

/// `muster retain`.
pub async fn retain(args: &RetainArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let today = clock::today();
    let told = if args.dry_run {
        Retained { dry_run: true, ..due(&city, &store, today).await?.told }
    } else {
        at_turn(&city, &store, today, &local_user()).await?
    };
    say.print(&told, || text(&told, say.lang));
    Ok(Code::Fine)
}

/// After the night `tonight`. The night is kept whatever comes of this; what could not be deleted is tried again after the next one.
pub async fn after_night(city: &City, store: &Store, tonight: NaiveDate) {
    // Of a night that is run for another day, the earlier of the two: nothing goes too soon.
    let today = tonight.min(clock::today());
    let done = async {
        if !due(city, store, today).await?.is_empty() {
            at_turn(city, store, today, "muster").await?;
        }
        Ok::<_, Stop>(())
    };
    if let Err(stop) = done.await {
        let why = stop.line();
        tracing::warn!(why, "what was kept long enough could not be deleted; tried again after the next night");
    }
}

/// Nobody works at a night meanwhile.
async fn at_turn(city: &City, store: &Store, today: NaiveDate, who: &str) -> Result<Retained, Stop> {
    let turn = Turn::take(store).await?;
    let done = delete(city, &turn.store, today, who).await;
    turn.give_back().await?;
    done
}

async fn delete(city: &City, store: &Store, today: NaiveDate, who: &str) -> Result<Retained, Stop> {
    let due = due(city, store, today).await?;
    if due.is_empty() {
        return Ok(due.told);
    }
    let number = |it: &Line| (it.what.word().to_owned(), it.many.to_string());
    let bytes = due.told.lines.iter().filter_map(|it| it.bytes).sum::<u64>().to_string();
    let detail = due.told.lines.iter().map(number).chain([("bytes".to_owned(), bytes)]).collect();
    let noted = Entry { at: clock::now(), who: who.to_owned(), what: "retained".to_owned(), about: "retain".to_owned(), detail };
    let cases = store.forget(&due.forget, today, &city.calendar, &noted).await?;
    for folder in &due.folders {
        remove(folder).map_err(|err| Stop::Trouble(format!("{}: {err}", folder.path.display())))?;
    }
    let mut told = due.told;
    told.lines.iter_mut().filter(|it| it.what == What::Cases).for_each(|it| it.many = cases);
    Ok(told)
}

async fn due(city: &City, store: &Store, today: NaiveDate) -> Result<Due, Stop> {
    let settings = &city.settings.retain;
    let before = |what: What| today.checked_sub_months(Months::new(what.months(settings))).unwrap_or(NaiveDate::MIN);
    let archive = city.archive()?;
    let newest = store.nights().await?.into_iter().max();
    let needed = needed_deliveries(store, newest).await?;

    let mut folders = old_deliveries(&archive.data, before(What::Deliveries), newest, &needed)?;
    folders.extend(old_nights(&archive.data, before(What::Nights), newest)?);
    if let Some(folder) = &settings_folder(city) {
        folders.extend(old_reports(folder, before(What::Reports), newest)?);
    }
    let cases = store.cleared_cases(before(What::Cases), &city.calendar).await?;
    let gone: BTreeSet<&PathBuf> = folders.iter().map(|it| &it.path).collect();
    let cases = not_found_any_more(&archive, cases, &gone)?;
    let forget = Forget { letters_before: before(What::Letters), cases_before: before(What::Cases), cases };
    let (letters, letter_bytes) = store.old_letters(forget.letters_before).await?;

    let line = |what: What| {
        let of_it = || folders.iter().filter(move |it| it.what == what);
        let (many, bytes) = match what {
            What::Cases => (forget.cases.len() as u64, None),
            What::Letters => (letters, Some(letter_bytes)),
            _ => (of_it().count() as u64, Some(of_it().map(|it| it.bytes).sum())),
        };
        Line { what, many, bytes, months: what.months(settings), before: before(what) }
    };
    let lines = What::ALL.map(line).into();
    Ok(Due { told: Retained { dry_run: false, lines }, folders, forget })
}

fn settings_folder(city: &City) -> Option<PathBuf> {
    Some(city.root.join(city.settings.report.folder.as_ref()?))
}

/// By feed: the deliveries that the next night, or the newest one run again, starts from.
async fn needed_deliveries(store: &Store, newest: Option<NaiveDate>) -> Result<BTreeMap<String, BTreeSet<NaiveDate>>, Stop> {
    let mut needed: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
    let Some(newest) = newest else { return Ok(needed) };
    for tonight in [newest, newest + Days::new(1)] {
        for (feed, before) in store.feeds_before(tonight).await? {
            needed.entry(feed).or_default().extend(before.night);
        }
    }
    Ok(needed)
}

fn old_deliveries(
    data: &Path,
    before: NaiveDate,
    newest: Option<NaiveDate>,
    needed: &BTreeMap<String, BTreeSet<NaiveDate>>,
) -> io::Result<Vec<Folder>> {
    let mut old = Vec::new();
    for (department, path) in folders(&data.join("deliveries"))? {
        for (feed, path) in folders(&path)? {
            let needed = needed.get(&format!("{department}/{feed}"));
            let dated = dated(&path)?;
            let last = dated.iter().filter(|it| it.whole).map(|it| it.night).max();
            let stays = |it: &Dated| {
                it.whole && (Some(it.night) == last || Some(it.night) == newest || needed.is_some_and(|all| all.contains(&it.night)))
            };
            for it in dated.into_iter().filter(|it| it.night < before && !stays(it)) {
                old.push(Folder { what: What::Deliveries, bytes: bytes_below(&it.path)?, path: it.path });
            }
        }
    }
    Ok(old)
}

/// The newest folder stays too: a night that was begun may be the newest of a store that was restored since.
fn old_nights(data: &Path, before: NaiveDate, newest: Option<NaiveDate>) -> io::Result<Vec<Folder>> {
    let dated = dated(&data.join("nights"))?;
    let last = dated.iter().filter(|it| it.whole).map(|it| it.night).max();
    let stays = |it: &Dated| it.whole && (Some(it.night) == last || Some(it.night) == newest);
    let old = dated.into_iter().filter(|it| it.night < before && !stays(it));
    old.map(|it| Ok(Folder { what: What::Nights, bytes: bytes_below(&it.path)?, path: it.path })).collect()
}

/// The folder is the operator's: only reports in it are ours.
fn old_reports(folder: &Path, before: NaiveDate, newest: Option<NaiveDate>) -> io::Result<Vec<Folder>> {
    let mut old = Vec::new();
    for it in dated(folder)?.into_iter().filter(|it| it.whole && it.night < before && Some(it.night) != newest) {
        let ours = reports(&it.path)?;
        // One that is empty was being emptied when its process died.
        if !ours.is_empty() || fs::read_dir(&it.path)?.next().is_none() {
            let bytes = ours.iter().map(|it| fs::metadata(it).map_or(0, |it| it.len())).sum();
            old.push(Folder { what: What::Reports, bytes, path: it.path });
        }
    }
    Ok(old)
}

fn reports(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut ours = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().to_string_lossy().starts_with("report.") {
            ours.push(entry.path());
        }
    }
    Ok(ours)
}

/// The keys among `cases` that no night folder finds that stays: the newest is asked first, and the older ones only while keys are left.
fn not_found_any_more(archive: &Archive, cases: Vec<String>, gone: &BTreeSet<&PathBuf>) -> Result<Vec<String>, Stop> {
    let mut left: BTreeSet<String> = cases.into_iter().collect();
    let mut nights: Vec<NaiveDate> =
        dated(&archive.data.join("nights"))?.into_iter().filter(|it| it.whole && !gone.contains(&it.path)).map(|it| it.night).collect();
    nights.sort_unstable();
    for night in nights.into_iter().rev() {
        if left.is_empty() {
            break;
        }
        let trouble = |why: String| Stop::Trouble(format!("{}: {why}", archive.night(night).display()));
        let Some(findings) = archive.of_night(night, "findings.jsonl").map_err(|err| trouble(err.to_string()))? else { continue };
        for line in BufReader::new(findings).lines() {
            let finding: Finding = serde_json::from_str(&line?).map_err(|_| trouble("a finding cannot be read".to_owned()))?;
            left.remove(&case::key(finding.family, &finding.subject));
        }
    }
    Ok(left.into_iter().collect())
}

/// A folder named after a night.
struct Dated {
    night: NaiveDate,
    /// False for one that was being filled, or removed, when its process died.
    whole: bool,
    path: PathBuf,
}

/// The newest night that has a folder.
pub fn newest_folder(data: &Path) -> Option<NaiveDate> {
    dated(&data.join("nights")).ok()?.into_iter().filter(|it| it.whole).map(|it| it.night).max()
}

/// Folders called `2026-11-23` or `2026-11-23.partial`, in order; no others, and nothing behind a link.
fn dated(folder: &Path) -> io::Result<Vec<Dated>> {
    let read = |(name, path): (String, PathBuf)| {
        let day = name.strip_suffix(".partial").unwrap_or(&name);
        let night: NaiveDate = day.parse().ok().filter(|it: &NaiveDate| it.to_string() == day)?;
        Some(Dated { night, whole: day == name, path })
    };
    Ok(folders(folder)?.into_iter().filter_map(read).collect())
}

/// The folders in `folder` by name, in order; none where it is not there.
pub fn folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(it) => it,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(err) => return Err(err),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Bytes of every file below `folder`.
pub fn bytes_below(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

fn remove(folder: &Folder) -> io::Result<()> {
    if folder.what == What::Reports {
        reports(&folder.path)?.into_iter().try_for_each(fs::remove_file)?;
        // What else lies there is not ours.
        return if fs::read_dir(&folder.path)?.next().is_none() { fs::remove_dir(&folder.path) } else { Ok(()) };
    }
    if folder.path.extension().is_some() {
        return unless_gone(fs::remove_dir_all(&folder.path));
    }
    let partial = folder.path.with_extension("partial");
    unless_gone(fs::remove_dir_all(&partial))?;
    fs::rename(&folder.path, &partial)?;
    fs::remove_dir_all(&partial)
}

fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn text(it: &Retained, lang: Lang) -> String {
    let mut out = String::from("\n");
    let head =
        (lang.pick("到期内容", "what is due"), lang.pick("数量", "how many"), lang.pick("大小", "size"), lang.pick("早于", "older than"));
    out.push_str(&format!("  {} {} {}  {}\n  {}\n", pad(head.0, 30), pad_left(head.1, 9), pad_left(head.2, 10), head.3, "─".repeat(76)));
    for line in &it.lines {
        let size = line.bytes.filter(|_| line.many > 0).map_or_else(|| "–".to_owned(), size);
        let many = if line.many == 0 { "–".to_owned() } else { count(line.many) };
        let months = lang.pick(format!("{} 个月", line.months), format!("{} months", line.months));
        let name = pad(line.what.label(lang), 30);
        out.push_str(&format!("  {name} {} {}  {}  ({months})\n", pad_left(&many, 9), pad_left(&size, 10), line.before));
    }
    let done = it.lines.iter().any(|it| it.many > 0);
    let word = match (done, it.dry_run) {
        (false, _) => lang.pick("✓ 没有到期内容", "✓ nothing is due"),
        (true, true) => {
            lang.pick("– 未改动；去掉 --dry-run 即执行，不可恢复", "– nothing was changed; without --dry-run this goes, for ever")
        }
        (true, false) => lang.pick("✓ 已清理，并记入审计日志", "✓ done, and in the audit log"),
    };
    out + &format!("\n  {word}\n")
}

/// `12.3 MiB`.
pub fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests;
