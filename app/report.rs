//! `muster report`: what one reader may have of a night, taken out on purpose: as a workbook, a page, a table or JSON.
//!
//! Who takes it out, when, for whom and what for stands on every page of it and in the audit log. Nobody gets out more than they may see.

pub mod csv;
mod pdf;
pub mod share;

pub use share::open_to_all;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use muster_connectors::{Hidden, Secret};
use muster_core::map::Reject;
use muster_core::mask;
use muster_core::report::total::Balance;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::archive::Archive;
use crate::audit::local_user;
use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::{self, Code, Done, Say, read};
use crate::config::City;
use crate::digest::CardText;
use crate::files::private_file;
use crate::night::Night;
use crate::people::{Eyes, Scope};
use crate::run::Stop;
use crate::sheet::{self, Book, BookReader, SheetSettings};
use crate::store::Store;
use crate::store::audit::Entry;
use crate::store::trend::TrendNight;
use crate::store::work::Worked;
use crate::words::{Lang, hex};
use crate::{case, clock, look, mail, page, rejects};

/// For whom a report is.
enum Reader {
    /// Somebody who works with cases.
    Reviewer { title: String, scope: Scope, lang: Lang },
    /// Leaders of the city: tables and trends, nobody by name.
    Leaders,
    /// The owner of a department's data.
    Owner { department: String, title: String },
}

/// `muster report`.
pub async fn report(args: &ReportArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let archive = city.archive()?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    if args.why.trim().is_empty() {
        return Err(Stop::Usage(say.lang.pick("--why 须写明用途", "--why takes a purpose").to_owned()));
    }
    let newest = commands::latest(&store, say).await?;
    let night = args.as_of.unwrap_or(newest);
    let gone = say.lang.pick("这一夜没有留存的结果", "nothing of this night is kept");
    let told = archive.told(night).map_err(|err| Stop::Trouble(err.to_string()))?.ok_or_else(|| Stop::Usage(format!("{night}: {gone}")))?;
    let reader = reader(&city, &told, &args.whom, say)?;
    may_take(&eyes, &reader, &args.whom, say)?;

    let who = eyes.id().map_or_else(local_user, str::to_owned);
    let lang = if let Reader::Reviewer { lang, .. } = &reader { *lang } else { city.settings.report.lang };
    let at = clock::now();
    let whom = match &reader {
        Reader::Reviewer { title, .. } | Reader::Owner { title, .. } => title.clone(),
        Reader::Leaders => lang.pick("领导", "leaders").to_owned(),
    };
    let mark = match lang {
        Lang::Zh => format!("{who} 于 {at} 导出，供 {whom}；用途：{}", args.why),
        Lang::En => format!("taken out by {who} at {at} for {whom}; purpose: {}", args.why),
    };
    let mut settings = city.settings.report.sheet();
    settings.lang = lang;
    let password = match &args.password_file {
        Some(path) => Some(password_in(path)?),
        None => city.report_password()?,
    };
    // Whole ID numbers leave under a password or not at all, and nothing but a workbook can have one.
    settings.full_ids &= args.format == ReportFormat::Xlsx;
    if settings.full_ids && password.is_none() {
        let why = say.lang.pick(
            "工作簿含完整证件号，须设密码：[report] password 或 --password-file",
            "a workbook with whole ID numbers needs a password: [report] password, or --password-file",
        );
        return Err(Stop::Usage(why.to_owned()));
    }
    let (bytes, cases) = match &reader {
        Reader::Reviewer { scope, .. } => {
            let concerned = mail::concerned(&city);
            let mut share = share::share(&told, &concerned, scope);
            for person in share.people.values_mut().filter(|_| !settings.full_ids) {
                person.id_number = person.id_number.as_deref().map(mask::id_number);
            }
            let mut work = if night == newest { store.worked(&city.calendar).await? } else { Vec::new() };
            work = work.into_iter().filter_map(|it| Some(Worked { case: scope.cut(&it.case, &concerned)?, ..it })).collect();
            share.amounts = (night == newest).then(|| case::total(&work));
            let cases = share.cases.len();
            (reviewer(&city, &share, &work, &settings, &mark, args, say)?, cases)
        }
        Reader::Leaders => {
            let work = if night == newest { store.worked(&city.calendar).await? } else { Vec::new() };
            let open = Night { amounts: (night == newest).then(|| case::total(&work)), ..open_to_all(&told) };
            (leaders(&open, &store.trend().await?, &settings, &mark, args, say)?, 0)
        }
        Reader::Owner { department, .. } => (owner(&city, &archive, &told, department, &settings, &mark, args, say)?, 0),
    };
    let bytes = match (&password, args.format) {
        (Some(password), ReportFormat::Xlsx) => sheet::with_password(&bytes, password.reveal())?,
        _ => bytes,
    };
    let mut file = private_file(&args.out).map_err(|err| unwritten(&args.out, &err, say))?;
    let detail = BTreeMap::from([
        ("for".to_owned(), args.whom.clone()),
        ("night".to_owned(), night.to_string()),
        ("why".to_owned(), args.why.clone()),
        ("login".to_owned(), local_user()),
        ("cases".to_owned(), cases.to_string()),
        ("sha256".to_owned(), hex(&Sha256::digest(&bytes))),
    ]);
    let entry = Entry { at, who, what: "report-taken-out".to_owned(), about: args.out.display().to_string(), detail };
    // Nothing leaves that is not written down.
    store.audit(&entry).await.inspect_err(|_| drop(std::fs::remove_file(&args.out)))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    say.print(&serde_json::json!({ "out": args.out }), || format!("  ✓ {}\n", args.out.display()));
    Ok(Code::Fine)
}

fn reader(city: &City, night: &Night, whom: &str, say: Say) -> Result<Reader, Stop> {
    if whom == "leaders" {
        return Ok(Reader::Leaders);
    }
    if let Some(name) = whom.strip_prefix("owner:") {
        let department = city.department(name).map_err(|hint| Stop::Usage(format!("no department `{name}`; {hint}")))?;
        let title = say.lang.of(&department.file.title).to_owned();
        return Ok(Reader::Owner { department: name.to_owned(), title });
    }
    let readers = mail::readers(city, night);
    if let Some(it) = readers.iter().find(|it| it.id == whom) {
        return Ok(Reader::Reviewer { title: it.lang.of(&it.title).to_owned(), scope: it.scope.clone(), lang: it.lang });
    }
    // A department without reviewers has cases all the same.
    if let Ok(it) = city.department(whom) {
        let lang = city.settings.report.lang;
        return Ok(Reader::Reviewer { title: lang.of(&it.file.title).to_owned(), scope: Scope::department(whom).uncleared(night), lang });
    }
    let known = readers.iter().map(|it| it.id.as_str()).chain(city.departments.iter().map(|it| it.file.name.as_str())).chain(["leaders"]);
    let hint = muster_core::diag::did_you_mean(whom, known, "departments, people of people.toml, leaders, owner:DEPARTMENT");
    Err(Stop::Usage(format!("--for {whom}: {hint}")))
}

/// Who may see everything may take out anything; everybody else what is theirs alone.
fn may_take(eyes: &Eyes, reader: &Reader, whom: &str, say: Say) -> Result<(), Stop> {
    let Some(scope) = eyes.scope() else { return Ok(()) };
    let own = eyes.id() == Some(whom);
    let theirs = matches!(reader, Reader::Owner { department, .. } if scope.has_feed(&format!("{department}/")));
    let covered = match reader {
        Reader::Reviewer { scope: of, .. } => scope.covers(of),
        // What is confidential is in nobody's tables.
        Reader::Leaders | Reader::Owner { .. } => scope.is_whole(),
    };
    if own || theirs || covered {
        return Ok(());
    }
    let why = say.lang.pick("超出您的可见范围；只能导出本人的报告", "is beyond what you may see; take out your own report");
    Err(Stop::Usage(format!("--for {whom}: {why}")))
}

/// The password that a file holds.
pub fn password_in(path: &Path) -> Result<Hidden, Stop> {
    Secret::File(path.display().to_string()).fetch(Path::new("")).map_err(|it| Stop::Usage(it.into()))
}

/// What reviewers get as JSON.
#[derive(Serialize)]
struct ReviewerTold<'a> {
    mark: &'a str,
    night: &'a Night,
    work: Vec<WorkTold<'a>>,
}

#[derive(Serialize)]
struct WorkTold<'a> {
    number: Option<&'a str>,
    acts: usize,
    standing: &'a muster_core::case::work::Standing,
    amounts: muster_core::case::amount::Amounts,
}

fn reviewer(
    city: &City,
    night: &Night,
    work: &[Worked],
    settings: &SheetSettings,
    mark: &str,
    args: &ReportArgs,
    say: Say,
) -> Result<Vec<u8>, Stop> {
    let html = || page::page(night, settings.lang, Some(mark));
    Ok(match args.format {
        ReportFormat::Xlsx => {
            let cards: Vec<CardText> = city.rules.iter().map(CardText::of).collect();
            let reader = BookReader::Reviewer(work);
            sheet::workbook(&Book { night, cards: &cards, settings, mark: Some(mark), reader })?
        }
        ReportFormat::Html => html()?.into_bytes(),
        ReportFormat::Pdf => pdf::of(&html()?, say.lang)?,
        ReportFormat::Csv => table(&csv::cases(night, settings), args, say)?,
        ReportFormat::Json => {
            let told = |it| {
                let Worked { case, acts, standing, .. }: &Worked = it;
                WorkTold { number: case.number.as_deref(), acts: acts.len(), standing, amounts: it.amounts() }
            };
            let work = work.iter().map(told).collect();
            json(&ReviewerTold { mark, night, work })
        }
    })
}

/// What leaders get as JSON.
#[derive(Serialize)]
struct LeadersTold<'a> {
    mark: &'a str,
    night: chrono::NaiveDate,
    figures: &'a muster_core::figures::Figures,
    amounts: Option<muster_core::case::amount::Amounts>,
    tables: &'a [muster_core::prompt::Prompt],
    balance: Balance,
    trend: &'a [TrendNight],
}

fn leaders(
    night: &Night,
    trend: &[TrendNight],
    settings: &SheetSettings,
    mark: &str,
    args: &ReportArgs,
    say: Say,
) -> Result<Vec<u8>, Stop> {
    let html = || page::for_leaders(night, settings.lang, Some(mark));
    Ok(match args.format {
        ReportFormat::Xlsx => {
            let reader = BookReader::Leaders(trend);
            sheet::workbook(&Book { night, cards: &[], settings, mark: Some(mark), reader })?
        }
        ReportFormat::Html => html()?.into_bytes(),
        ReportFormat::Pdf => pdf::of(&html()?, say.lang)?,
        ReportFormat::Csv => {
            let head = ["night", "open", "opened", "reopened", "cured", "decided"].map(str::to_owned).to_vec();
            let row = |it: &TrendNight| {
                let numbers = [it.open, it.opened, it.reopened, it.cured, it.decided].map(|it| it.to_string());
                std::iter::once(it.night.to_string()).chain(numbers).collect()
            };
            table(&std::iter::once(head).chain(trend.iter().map(row)).collect::<Vec<_>>(), args, say)?
        }
        ReportFormat::Json => json(&LeadersTold {
            mark,
            night: night.tonight,
            figures: &night.figures,
            amounts: night.amounts,
            tables: &night.tables,
            balance: Balance::of(&night.cases, &night.events),
            trend,
        }),
    })
}

#[expect(clippy::too_many_arguments, reason = "what a report is made of")]
fn owner(
    city: &City,
    archive: &Archive,
    night: &Night,
    department: &str,
    settings: &SheetSettings,
    mark: &str,
    args: &ReportArgs,
    say: Say,
) -> Result<Vec<u8>, Stop> {
    let scope = Scope::department(department).uncleared(night);
    let mut own = share::share(night, &BTreeMap::new(), &scope);
    own.feeds.retain(|it| scope.has_feed(&it.feed));
    (own.people_count, own.link_methods) = (0, BTreeMap::new());
    let mut rejected: Vec<(String, Vec<Reject>)> = Vec::new();
    for feed in &city.department(department).map_err(Stop::Trouble)?.mapping.feeds {
        let feed = format!("{department}/{}", feed.name);
        let path = archive.delivery(&feed, night.tonight).join("rejects.parquet");
        let list = rejects::read(archive, &path).map_err(|err| Stop::Trouble(err.to_string()))?.unwrap_or_default();
        rejected.push((feed, list));
    }
    Ok(match args.format {
        ReportFormat::Xlsx => {
            let reader = BookReader::Owner(&rejected);
            sheet::workbook(&Book { night: &own, cards: &[], settings, mark: Some(mark), reader })?
        }
        ReportFormat::Csv | ReportFormat::Json => {
            let rows: Vec<_> = rejected
                .iter()
                .flat_map(|(feed, list)| {
                    list.iter().map(move |it| {
                        let text = |it: &Option<String>| it.clone().unwrap_or_default();
                        let row = it.row.map(|it| it.to_string()).unwrap_or_default();
                        let why = settings.lang.pick(&it.why_zh, &it.why).clone();
                        vec![feed.clone(), text(&it.file), text(&it.sheet), row, it.column.clone(), why]
                    })
                })
                .collect();
            let head = ["feed", "file", "sheet", "row", "column", "why"].map(str::to_owned).to_vec();
            if args.format == ReportFormat::Json {
                let named = |row: &Vec<String>| head.iter().cloned().zip(row.iter().cloned()).collect::<BTreeMap<_, _>>();
                let feeds: Vec<_> = own.feeds.iter().collect();
                json(&serde_json::json!({ "mark": mark, "feeds": feeds, "rejects": rows.iter().map(named).collect::<Vec<_>>() }))
            } else {
                table(&std::iter::once(head.clone()).chain(rows).collect::<Vec<_>>(), args, say)?
            }
        }
        ReportFormat::Html | ReportFormat::Pdf => {
            let why = say.lang.pick("数据所有者的报告为 xlsx、csv 或 json", "the report of a data owner is xlsx, csv or json");
            return Err(Stop::Usage(why.to_owned()));
        }
    })
}

fn table(rows: &[Vec<String>], args: &ReportArgs, say: Say) -> Result<Vec<u8>, Stop> {
    csv::bytes(rows, args.encoding).map_err(|lacking| {
        let codes: Vec<String> = lacking.iter().map(|it| format!("U+{:04X}", u32::from(*it))).collect();
        let why = say.lang.pick("GB18030 没有这些字符，未导出", "GB18030 does not have these characters; nothing was written");
        Stop::Usage(format!("{}: {why}", codes.join(" ")))
    })
}

fn json(it: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(it).expect("our own types have text keys")
}

/// A report never replaces anything.
fn unwritten(path: &Path, err: &std::io::Error, say: Say) -> Stop {
    if err.kind() == std::io::ErrorKind::AlreadyExists {
        return Stop::Usage(format!(
            "{}: {}",
            path.display(),
            say.lang.pick("已存在；请另取文件名", "is there already; name another file")
        ));
    }
    Stop::Trouble(format!("{}: {err}", path.display()))
}
