//! `muster notice`: official papers about cases, for the units. Who gets which cases, and that it is written down; the words are in
//! `notice/text.rs`, the tables in `notice/rows.rs`, the layout in `notice/paper.rs`.
//!
//! Papers name people in full, so a reason is asked for and goes into the audit log, and nobody puts a case on paper that they may not see.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use muster_core::case::work::{Deed, Stage, Verdict};
use muster_core::diag::nearest;
use muster_core::finding::{Family, Finding};
use muster_core::report::unit_code;
use serde::Serialize;

use crate::audit::local_user;
use crate::case::stage;
use crate::cli::{NoticeArgs, NoticeKind};
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::people::Eyes;
use crate::run::Stop;
use crate::store::Store;
use crate::store::audit::Entry;
use crate::store::work::{Actor, Wanted, Worked, refused};
use crate::words::Lang;
use crate::{clock, look};

mod number;
mod paper;
mod rows;
mod text;

use number::DocumentNumber;
use paper::Letter;
use rows::Known;

/// Days to put right what is confirmed, and to pay back, where nobody says otherwise.
const RECTIFY_DAYS: u64 = 60;

/// `muster notice`.
pub async fn notice(args: &NoticeArgs, say: Say) -> Done {
    let lang = say.lang;
    let number = DocumentNumber::read(&args.number, lang).map_err(Stop::Usage)?;
    fits(args, lang).map_err(Stop::Usage)?;
    let city = read(&args.config.config)?;
    let date = args.date.unwrap_or_else(clock::today);
    let due = due(args, date, &city);
    if due < date {
        return Err(wrong(
            lang,
            &format!("期限 {due} 早于成文日期 {date}"),
            &format!("--due {due} is before the date of the paper, {date}"),
        ));
    }
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let all = store.worked(&city.calendar).await?;
    let known = known(&city, &store, &all, lang).await?;
    let cut: Vec<Worked> = all.iter().filter_map(|it| eyes.cut_worked(it.clone())).collect();
    let seen: Vec<&Worked> = cut.iter().collect();
    let shares = shares(args, &seen, &known, lang).map_err(Stop::Usage)?;

    let mut papers = Vec::new();
    for (at, share) in shares.iter().enumerate() {
        let number = number.plus(at).to_string();
        not_used(&store, &number, args.kind, share, lang).await?;
        let hidden = seen.len() < all.len();
        let bytes = written(args, share, &known, &number, date, due, hidden, lang)?;
        papers.push((Issued::of(args, share, number, &known, shares.len() > 1), bytes));
    }
    if args.send {
        send(&store, &city, &eyes, &papers, args, say).await?;
    }
    for (it, _) in &papers {
        store.audit(&entry(it, args, &eyes)).await?;
    }
    if shares.len() > 1 {
        DirBuilder::new().mode(0o700).create(&args.out).map_err(|err| unwritten(&args.out, &err))?;
    }
    for (it, bytes) in &papers {
        keep(&it.file, bytes).map_err(|err| unwritten(&it.file, &err))?;
    }
    let issued: Vec<&Issued> = papers.iter().map(|it| &it.0).collect();
    say.print(&issued, || issued.iter().map(|it| told(it, lang)).collect());
    Ok(Code::Fine)
}

/// The cases of one unit that go on one paper; of the city where no unit is said, which only a ledger can be.
struct Share<'a> {
    unit: Option<String>,
    cases: Vec<About<'a>>,
}

/// One case, and what of it concerns the reader: what was found at other units is theirs.
struct About<'a> {
    worked: &'a Worked,
    findings: Vec<&'a Finding>,
}

impl<'a> About<'a> {
    fn of(worked: &'a Worked, unit: Option<&str>) -> About<'a> {
        let concerns = |it: &&Finding| unit.is_none() || unit_code(&worked.case, it).is_none_or(|it| Some(it) == unit);
        About { worked, findings: worked.case.findings.values().filter(concerns).collect() }
    }

    fn number(&self) -> &'a str {
        self.worked.case.number.as_deref().unwrap_or_default()
    }
}

/// A paper that was issued.
#[derive(Serialize)]
struct Issued {
    kind: &'static str,
    number: String,
    unit: Option<String>,
    unit_name: Option<String>,
    cases: Vec<String>,
    file: PathBuf,
}

impl Issued {
    fn of(args: &NoticeArgs, share: &Share, number: String, known: &Known, one_of_several: bool) -> Issued {
        // A code may hold what a file name may not.
        let code: String = share.unit.iter().flat_map(|it| it.chars()).map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
        let file = if one_of_several { args.out.join(format!("{number} {code}.docx")) } else { args.out.clone() };
        let unit_name = share.unit.as_ref().map(|it| known.unit(it).to_owned());
        let cases = share.cases.iter().map(|it| it.number().to_owned()).collect();
        Issued { kind: word(args.kind), number, unit: share.unit.clone(), unit_name, cases, file }
    }
}

fn word(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Verify => "verify",
        NoticeKind::Rectify => "rectify",
        NoticeKind::Ledger => "ledger",
    }
}

fn told(it: &Issued, lang: Lang) -> String {
    let count = it.cases.len();
    let to = it.unit_name.as_deref().unwrap_or_default();
    match lang {
        Lang::Zh => format!("  ✓ {} {to} {count} 件 → {}\n", it.number, it.file.display()),
        Lang::En => format!("  ✓ {} {to} {count} cases → {}\n", it.number, it.file.display()),
    }
}

fn wrong(lang: Lang, zh: &str, en: &str) -> Stop {
    Stop::Usage(lang.pick(zh, en).to_owned())
}

/// Whether what was asked for goes together.
fn fits(args: &NoticeArgs, lang: Lang) -> Result<(), String> {
    let no = |zh: &str, en: &str| Err(lang.pick(zh, en).to_owned());
    let ledger = args.kind == NoticeKind::Ledger;
    if !ledger && args.units.is_empty() && args.cases.is_empty() {
        return no(
            "请用 --unit 或 --case 指明发给哪个单位、含哪些案件",
            "say with --unit or --case which unit it is for and which cases go in",
        );
    }
    if args.units.len() > 1 && !args.cases.is_empty() {
        return no("--case 只用于一个单位；请每个单位各做一次", "with --case name one unit alone; make one paper after the other");
    }
    if args.send && args.kind != NoticeKind::Verify {
        return no("--send 只用于核查通知 verify", "--send goes with verify alone");
    }
    if ledger && (args.due.is_some() || args.letterhead || args.contact.is_some() || args.copy_to.is_some()) {
        return no(
            "问题台账是表格：不用 --due、--letterhead、--contact、--copy-to",
            "a ledger is a table: --due, --letterhead, --contact and --copy-to are for notices",
        );
    }
    let out = args.out.display();
    if args.out.exists() {
        return Err(lang.pick(
            format!("{out} 已存在；请另取一个名称，从不覆盖"),
            format!("{out} is there already; name another: nothing is replaced"),
        ));
    }
    if args.units.len() < 2 && args.out.extension().is_none_or(|it| it != "docx") {
        return Err(lang.pick(format!("{out} 应以 .docx 结尾"), format!("{out} should end in .docx")));
    }
    if !args.out.parent().is_none_or(|it| it.as_os_str().is_empty() || it.is_dir()) {
        return Err(lang.pick(format!("{out}：上级目录不存在，请先建立"), format!("{out}: there is no such folder; make it first")));
    }
    Ok(())
}

fn due(args: &NoticeArgs, date: NaiveDate, city: &City) -> NaiveDate {
    args.due.unwrap_or_else(|| match args.kind {
        NoticeKind::Verify => city.calendar.after_working_days(date, city.settings.cases.reply),
        NoticeKind::Rectify => date + Days::new(RECTIFY_DAYS),
        NoticeKind::Ledger => date,
    })
}

/// Names of people, units and rules: by the newest night, and of people whom it does not speak of by the night that did so last.
async fn known(city: &City, store: &Store, all: &[Worked], lang: Lang) -> Result<Known, Stop> {
    let archive = city.archive()?;
    let told = |night| archive.told(night).map_err(|err| Stop::Trouble(err.to_string()));
    let newest = store.nights().await?.into_iter().max();
    let newest = newest.map(told).transpose()?.flatten();
    let Some(newest) = newest else {
        return Err(wrong(lang, "还没有对账夜的结果；请先 muster run", "no night has been kept yet; muster run first"));
    };
    let mut known = Known::of(&newest);
    let nights: BTreeSet<NaiveDate> = all.iter().filter(|it| known.lacks(&it.case)).map(|it| it.case.changed_on).collect();
    for night in nights.into_iter().rev() {
        if let Some(night) = told(night)? {
            known.add_people(&night);
        }
    }
    Ok(known)
}

/// The cases of each unit.
fn shares<'a>(args: &NoticeArgs, seen: &[&'a Worked], known: &Known, lang: Lang) -> Result<Vec<Share<'a>>, String> {
    if !args.cases.is_empty() {
        return Ok(vec![named(args, seen, known, lang)?]);
    }
    let units: Vec<Option<&str>> = if args.units.is_empty() { vec![None] } else { args.units.iter().map(|it| Some(it.as_str())).collect() };
    let mut shares: Vec<Share<'a>> = Vec::new();
    for unit in units {
        let name = unit.map(|it| is_known(it, known, lang)).transpose()?;
        if shares.iter().any(|it| it.unit.as_deref() == unit) {
            continue;
        }
        let mine = seen.iter().filter(|it| unit.is_none_or(|unit| is_of(it, unit)) && belongs(it, args.kind));
        let cases: Vec<About<'a>> = mine.map(|it| About::of(it, unit)).collect();
        if cases.is_empty() {
            return Err(none(args.kind, unit.zip(name), lang));
        }
        shares.push(Share { unit: unit.map(str::to_owned), cases });
    }
    Ok(shares)
}

/// The cases that were named. Those that may not be seen are not there; all must be of one unit.
fn named<'a>(args: &NoticeArgs, seen: &[&'a Worked], known: &Known, lang: Lang) -> Result<Share<'a>, String> {
    let mut cases: BTreeMap<&str, &'a Worked> = BTreeMap::new();
    for wanted in &args.cases {
        let number = wanted.trim();
        let found = seen.iter().find(|it| it.case.number.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(number)));
        let found = found.ok_or_else(|| format!("{number}: {}", lang.pick("没有这个编号的问题", "no case has this number")))?;
        if let Some(why) = cannot(found, args.kind, lang) {
            return Err(format!("{number}: {why}"));
        }
        cases.insert(found.case.number.as_deref().unwrap_or_default(), found);
    }
    let units = |it: &Worked| -> BTreeSet<String> {
        it.case.findings.values().filter_map(|finding| unit_code(&it.case, finding)).map(str::to_owned).collect()
    };
    let unit = if let Some(unit) = args.units.first() {
        is_known(unit, known, lang)?;
        if let Some((number, it)) = cases.iter().find(|(_, it)| !is_of(it, unit)) {
            let theirs = units(it).into_iter().collect::<Vec<_>>().join(", ");
            return Err(lang.pick(
                format!("{number} 不属于 {unit}（属于 {theirs}）；一份公文只含一个单位的案件"),
                format!("{number} is not of {unit} but of {theirs}; a paper holds the cases of one unit alone"),
            ));
        }
        unit.clone()
    } else {
        let all: Vec<BTreeSet<String>> = cases.values().map(|it| units(it)).collect();
        let shared = all.iter().skip(1).fold(all[0].clone(), |shared, it| shared.intersection(it).cloned().collect());
        let told = || all.iter().flatten().collect::<BTreeSet<_>>().into_iter().cloned().collect::<Vec<_>>().join(", ");
        match shared.len() {
            1 => shared.into_iter().next().unwrap_or_default(),
            0 => {
                return Err(lang.pick(
                    format!("这些案件不属于同一单位（{}）；请每个单位各做一份", told()),
                    format!("these cases are not of one unit ({}); make a paper for each", told()),
                ));
            }
            _ => {
                return Err(
                    lang.pick(format!("案件涉及多个单位：请用 --unit 指明 {}", told()), format!("say with --unit which one: {}", told()))
                );
            }
        }
    };
    let cases = cases.into_values().map(|it| About::of(it, Some(&unit))).collect();
    Ok(Share { unit: Some(unit), cases })
}

/// The name of a unit of the register.
fn is_known<'a>(unit: &str, known: &'a Known, lang: Lang) -> Result<&'a str, String> {
    if let Some(name) = known.units.get(unit) {
        return Ok(name);
    }
    let near = nearest(unit, known.units.keys().map(String::as_str));
    let near = near.map(|it| lang.pick(format!("；是否为 {it}？"), format!("; did you mean {it}?"))).unwrap_or_default();
    Err(format!("`{unit}`: {}{near}", lang.pick("编制库中没有这个单位编码", "no unit of the register has this code")))
}

fn is_of(it: &Worked, unit: &str) -> bool {
    it.case.findings.values().any(|finding| unit_code(&it.case, finding) == Some(unit))
}

/// Whether a case goes on a unit's paper without being named. Data quality is for the owners of the data; a unit that has answered is not
/// asked again by itself.
fn belongs(it: &Worked, kind: NoticeKind) -> bool {
    let leads = it.case.family != Family::Quality;
    leads
        && match kind {
            NoticeKind::Verify => cannot(it, kind, Lang::En).is_none() && it.standing.stage != Stage::Replied,
            NoticeKind::Rectify => cannot(it, kind, Lang::En).is_none(),
            NoticeKind::Ledger => true,
        }
}

/// Why a case cannot go on this paper; null when it can.
fn cannot(it: &Worked, kind: NoticeKind, lang: Lang) -> Option<String> {
    let now = stage(it.case.state, &it.standing, lang);
    let confirmed = it.standing.outcome.is_some_and(|it| it.verdict() == Verdict::Confirmed);
    match kind {
        NoticeKind::Verify if it.case.state.is_open() && it.standing.stage < Stage::Pending => None,
        NoticeKind::Verify => Some(lang.pick(
            format!("现为“{now}”；核查通知只用于未结且未有结论的案件"),
            format!("it is {now}; a query is for open cases that are not decided"),
        )),
        NoticeKind::Rectify if confirmed && matches!(it.standing.stage, Stage::Decided | Stage::Measures) => None,
        NoticeKind::Rectify => Some(lang.pick(
            format!("现为“{now}”；整改通知书只用于结论为 C1、C2 且已复核、尚未办结的案件（muster case decide、muster case second）"),
            format!("it is {now}; this notice is for cases decided as C1 or C2, seconded, and not closed (muster case decide, muster case second)"),
        )),
        NoticeKind::Ledger => None,
    }
}

fn none(kind: NoticeKind, unit: Option<(&str, &str)>, lang: Lang) -> String {
    let of = unit.map(|(code, name)| format!("{code} {name}: ")).unwrap_or_default();
    let list = unit.map(|(code, _)| format!(" --unit {code}")).unwrap_or_default();
    let (zh, en, state) = match kind {
        NoticeKind::Verify => ("没有待核查的未结案件", "no open case waits for an answer", "open"),
        NoticeKind::Rectify => ("没有结论为 C1、C2 且已复核的案件", "no case is confirmed (C1, C2) and seconded", "decided"),
        NoticeKind::Ledger => ("没有案件", "there is no case", "all"),
    };
    format!("{of}{}{}muster case list --state {state}{list}", lang.pick(zh, en), lang.pick("；查看：", "; see "))
}

/// A number names one document. The same paper may be written again under it.
async fn not_used(store: &Store, number: &str, kind: NoticeKind, share: &Share<'_>, lang: Lang) -> Result<(), Stop> {
    let entries = store.audit_entries(Some(number), 50).await?;
    let unit = share.unit.as_deref().unwrap_or_default();
    let is = |of: &BTreeMap<String, String>, name: &str, value: &str| of.get(name).is_some_and(|it| it == value);
    let other = entries
        .iter()
        .map(|it| &it.entry)
        .find(|it| it.what == "notice-issued" && !(is(&it.detail, "kind", word(kind)) && is(&it.detail, "unit", unit)));
    match other {
        None => Ok(()),
        Some(other) => Err(wrong(
            lang,
            &format!("{number} 已于 {} 用于另一份公文；请用下一个字号", other.at),
            &format!("{number} was used for another paper at {}; take the next number", other.at),
        )),
    }
}

#[expect(clippy::too_many_arguments, reason = "what stands on the paper")]
fn written(
    args: &NoticeArgs,
    share: &Share,
    known: &Known,
    number: &str,
    date: NaiveDate,
    due: NaiveDate,
    hidden: bool,
    lang: Lang,
) -> Result<Vec<u8>, Stop> {
    let name = share.unit.as_ref().map(|it| known.unit(it));
    let sums = rows::sums(&share.cases);
    let said = text::Said { lang, from: &args.from, night: known.night, due, sums };
    let (title, text, attached) = match args.kind {
        NoticeKind::Ledger => {
            let grid = rows::ledger(&share.cases, known, name, &args.from, number, date, hidden, lang);
            return Ok(paper::sheet(&grid, lang)?);
        }
        NoticeKind::Verify => (text::verify_title(lang), text::verify(&said), rows::verify(&share.cases, known, lang)),
        NoticeKind::Rectify => (text::rectify_title(lang), text::rectify(&said), rows::rectify(&share.cases, known, lang)),
    };
    let letter = Letter {
        from: args.from.clone(),
        number: number.to_owned(),
        letterhead: args.letterhead,
        title: vec![title.to_owned()],
        to: name.unwrap_or_default().to_owned(),
        text,
        date,
        contact: args.contact.clone(),
        copy_to: args.copy_to.clone(),
        attached,
    };
    Ok(paper::letter(&letter, lang)?)
}

/// Writes down that the units were asked: about every case, or about none.
async fn send(store: &Store, city: &City, eyes: &Eyes, papers: &[(Issued, Vec<u8>)], args: &NoticeArgs, say: Say) -> Result<(), Stop> {
    let asked = |it: &Issued| {
        let text = format!("{}：{}", it.number, args.why);
        it.cases
            .iter()
            .map(move |number| Wanted { number: number.clone(), deed: Deed::Queried, text: text.clone(), after: None })
            .collect::<Vec<_>>()
    };
    let mut wanted: Vec<Wanted> = papers.iter().flat_map(|(it, _)| asked(it)).collect();
    // A case of two units is asked of both and was asked once.
    let mut numbers = BTreeSet::new();
    wanted.retain(|it| numbers.insert(it.number.clone()));
    let (who, login, at) = (who(eyes), local_user(), clock::now());
    let actor = Actor { who: &who, login: &login, at: &at, on: clock::today(), only_try: false };
    store
        .act(|it| eyes.see(it), &actor, &wanted, &city.calendar)
        .await?
        .map(drop)
        .map_err(|it| Stop::Usage(format!("{}{}", refused(&it, say.lang), say.lang.pick("，公文未写出", ", and no paper was written"))))
}

fn who(eyes: &Eyes) -> String {
    eyes.id().map_or_else(local_user, str::to_owned)
}

fn entry(it: &Issued, args: &NoticeArgs, eyes: &Eyes) -> Entry {
    let detail = BTreeMap::from([
        ("kind".to_owned(), it.kind.to_owned()),
        ("unit".to_owned(), it.unit.clone().unwrap_or_default()),
        ("cases".to_owned(), it.cases.join(" ")),
        ("login".to_owned(), local_user()),
        ("why".to_owned(), args.why.clone()),
    ]);
    Entry { at: clock::now(), who: who(eyes), what: "notice-issued".to_owned(), about: it.number.clone(), detail }
}

/// A new file that only we can read, whole or not there.
fn keep(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let partial = file.with_extension("docx.partial");
    let mut out = File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    // Unlike a rename, a link never takes the place of what is there.
    let linked = fs::hard_link(&partial, file);
    fs::remove_file(&partial)?;
    linked
}

fn unwritten(file: &Path, err: &std::io::Error) -> Stop {
    Stop::Trouble(format!("{}: {err}", file.display()))
}
