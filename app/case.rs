//! `muster case`: what people do about cases. See `muster_core::case::work` for what is possible when.

mod board;
mod import;
pub mod settings;

pub use board::{amount_words, overdue, total};

use std::fmt::Write;
use std::path::Path;

use chrono::NaiveDate;
use muster_core::case::State;
use muster_core::case::amount::Amounts;
use muster_core::case::escalation::Step;
use muster_core::case::explanation::Explanation;
use muster_core::case::work::{Act, Deed, Measure, Outcome, Stage, Standing};
use muster_core::finding::{Severity, Subject};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::audit::local_user;
use crate::cli::{AsArg, CaseActArgs, CaseDecideArgs, CaseListArgs, CaseNumbersArgs, CaseShowArgs, CaseState, CaseWhat};
use crate::commands::{Code, Done, Say, read};
use crate::config::City;
use crate::people::Eyes;
use crate::run::Stop;
use crate::store::Store;
use crate::store::work::{Actor, Wanted, Worked, refused};
use crate::words::{Lang, count, hex, pad, pad_left, yuan};
use crate::{clock, explain, look};

/// `muster case …`.
pub async fn case(what: &CaseWhat, say: Say) -> Done {
    match what {
        CaseWhat::List(args) => list(args, say).await,
        CaseWhat::Show(args) => show(args, say).await,
        CaseWhat::Assign { to, of } => act(&Deed::Assigned { to: to.clone() }, of, say).await,
        CaseWhat::Note(of) => act(&Deed::Noted, of, say).await,
        CaseWhat::Query(of) => act(&Deed::Queried, of, say).await,
        CaseWhat::Reply(of) => act(&Deed::Replied, of, say).await,
        CaseWhat::Decide(args) => decide(args, say).await,
        CaseWhat::Second(of) => act(&Deed::Seconded, of, say).await,
        CaseWhat::Recovered { yuan, of } => act(&Deed::Recovered { amount_fen: *yuan }, of, say).await,
        CaseWhat::Close(of) => act(&Deed::Closed, of, say).await,
        CaseWhat::Reopen(of) => act(&Deed::Reopened, of, say).await,
        CaseWhat::Import(args) => import::import(args, say).await,
        CaseWhat::Outcomes => Ok(codes(say)),
        CaseWhat::Overdue(args) => board::board(args, say).await,
        CaseWhat::Amounts(args) => board::amounts(args, say).await,
        CaseWhat::Duplicate { other, of } => act(&Deed::Duplicate { of: other.trim().to_ascii_uppercase() }, of, say).await,
        CaseWhat::Act(args) => measure(args, say).await,
    }
}

/// The codes of outcomes, and of explanations.
fn codes(say: Say) -> Code {
    let outcomes = Outcome::ALL.iter().map(|it| (format!("{it:?}"), it.label()));
    let codes: Vec<(String, &str, &str)> =
        outcomes.chain(Explanation::all().map(|it| (it.code(), it.label()))).map(|(code, (zh, en))| (code, zh, en)).collect();
    say.print(&codes, || codes.iter().map(|(code, zh, en)| format!("  {} {}\n", pad(code, 5), say.lang.pick(zh, en))).collect());
    Code::Fine
}

/// A case as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    number: &'a str,
    state: State,
    standing: &'a Standing,
    /// Whether the next step is past its day.
    overdue: bool,
    severity: Severity,
    rules: Vec<&'a str>,
    units: Vec<&'a str>,
    amount_fen: Option<i64>,
    amounts: Amounts,
    /// Who above has heard that it is late; null: nobody.
    escalated_to: Option<Step>,
    opened_on: NaiveDate,
}

async fn list(args: &CaseListArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let today = clock::today();
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let seen = seen(&store, &city, &eyes).await?;
    let mut listed: Vec<Listed<'_>> = seen.iter().map(|it| listed(it, today)).filter(|it| is_asked(it, args)).collect();
    listed.sort_by_key(|it| (!it.overdue, it.severity, it.standing.due, it.number));
    say.print(&listed, || table(&listed, say.lang));
    Ok(Code::Fine)
}

/// What may be seen of all cases, by number.
async fn seen(store: &Store, city: &City, eyes: &Eyes) -> Result<Vec<Worked>, Stop> {
    Ok(store.worked(&city.calendar).await?.into_iter().filter_map(|it| eyes.cut_worked(it)).collect())
}

fn listed(it: &Worked, today: NaiveDate) -> Listed<'_> {
    let findings = || it.case.findings.values();
    let mut units: Vec<&str> = findings().filter_map(|it| it.unit_code.as_deref()).collect();
    units.sort_unstable();
    units.dedup();
    let amounts: Vec<i64> = findings().filter_map(|it| it.amount_fen).collect();
    Listed {
        number: it.case.number.as_deref().unwrap_or_default(),
        state: it.case.state,
        standing: &it.standing,
        overdue: it.is_overdue(today),
        severity: findings().map(|it| it.severity).min().unwrap_or(Severity::S4),
        rules: it.case.findings.keys().map(String::as_str).collect(),
        units,
        amount_fen: amounts.iter().copied().max(),
        amounts: it.amounts(),
        escalated_to: it.escalated.iter().map(|it| it.0).max(),
        opened_on: it.case.opened_on,
    }
}

fn is_asked(it: &Listed, args: &CaseListArgs) -> bool {
    let state = match args.state {
        CaseState::Open => matches!(it.state, State::Open | State::Reopened),
        CaseState::Overdue => it.overdue,
        CaseState::Pending => it.standing.stage == Stage::Pending,
        CaseState::Decided => matches!(it.state, State::Settled(_)),
        CaseState::Cured => it.state == State::Cured,
        CaseState::All => true,
    };
    let rule = args.rule.as_ref().is_none_or(|rule| it.rules.iter().any(|it| it.eq_ignore_ascii_case(rule)));
    let unit = args.unit.as_ref().is_none_or(|unit| it.units.iter().any(|it| it == unit));
    let to = args.assigned_to.as_ref().is_none_or(|to| it.standing.assigned_to.as_ref() == Some(to));
    state && rule && unit && to
}

fn table(listed: &[Listed], lang: Lang) -> String {
    let mut out = String::new();
    for it in listed {
        let amount = it.amount_fen.map(yuan).unwrap_or_default();
        let due = it.standing.due.map(|due| format!("{}{due}", if it.overdue { "! " } else { "" })).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {} {:?} {} {} {} {} {} {}",
            it.number,
            it.severity,
            pad(stage(it.state, it.standing, lang), 14),
            pad(&due, 12),
            pad(&it.rules.join(" "), 14),
            pad(&it.units.join(" "), 16),
            pad_left(&amount, 14),
            it.escalated_to.map(|it| format!("↑ {}", lang.pick(it.label().0, it.label().1))).unwrap_or_default(),
        );
    }
    let overdue = listed.iter().filter(|it| it.overdue).count();
    out + &match lang {
        Lang::Zh => format!("  共 {} 件，逾期 {} 件\n", count(listed.len() as u64), count(overdue as u64)),
        Lang::En => format!("  {} cases, {} overdue\n", count(listed.len() as u64), count(overdue as u64)),
    }
}

/// Where a case stands, in a word.
pub fn stage(state: State, standing: &Standing, lang: Lang) -> &'static str {
    if state == State::Cured {
        return lang.pick("已自动销号", "cured");
    }
    match standing.stage {
        Stage::New if state == State::Reopened => lang.pick("重现", "came back"),
        Stage::New => lang.pick("新增", "new"),
        Stage::Assigned => lang.pick("已分派", "assigned"),
        Stage::Querying => lang.pick("待单位答复", "unit is asked"),
        Stage::Replied => lang.pick("单位已答复", "unit replied"),
        Stage::Pending => lang.pick("待复核", "to be seconded"),
        Stage::Decided => lang.pick("已有结论", "decided"),
        Stage::Measures => lang.pick("处置中", "measures taken"),
        Stage::Closed => lang.pick("已办结", "closed"),
    }
}

/// What `muster case show` tells.
#[derive(Serialize)]
struct Shown<'a> {
    case: explain::Explained,
    standing: &'a Standing,
    amounts: Amounts,
    /// Who above has heard that it is late, and on which night.
    escalated: &'a [(Step, NaiveDate)],
    acts: &'a [Act],
}

async fn show(args: &CaseShowArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    // What may not be seen looks like what is not there.
    let found = store.worked_case(&args.number, &city.calendar).await?.and_then(|it| eyes.cut_worked(it));
    let found = found.ok_or_else(|| no_case(&args.number, say.lang))?;
    let reveal = args.reveal.is_some();
    if let Some(why) = &args.reveal {
        look::revealed(&store, &eyes, found.case.number.as_deref().unwrap_or_default(), why).await?;
    }
    let columns = explain::columns(city.departments.iter().map(|it| (it.file.name.as_str(), &it.mapping)));
    let mut case =
        explain::load(&city.archive()?, &found.case, &city.rules, &columns, reveal).map_err(|err| Stop::Trouble(err.to_string()))?;
    case.cut(|unit| eyes.lists(unit));
    let shown = Shown { case, standing: &found.standing, amounts: found.amounts(), escalated: &found.escalated, acts: &found.acts };
    say.print(&shown, || explain::text(&shown.case, say.lang) + &acts_text(&found, say.lang));
    Ok(Code::Fine)
}

fn acts_text(it: &Worked, lang: Lang) -> String {
    let mut out = format!("  {} {}", lang.pick("办理", "work"), stage(it.case.state, &it.standing, lang));
    if let Some(to) = &it.standing.assigned_to {
        let _ = write!(out, " · {} {to}", lang.pick("承办", "with"));
    }
    if let Some(due) = it.standing.due {
        let _ = write!(out, " · {} {due}", lang.pick("时限", "due"));
    }
    for (step, night) in &it.escalated {
        let _ = write!(out, " · ↑ {} {night}", lang.pick(step.label().0, step.label().1));
    }
    if let Some(of) = &it.standing.duplicate_of {
        let _ = write!(out, " · {} {of}", lang.pick("由另案办理", "worked on as"));
    }
    out.push('\n');
    let amounts = amount_words(&it.amounts(), lang);
    if !amounts.is_empty() {
        let _ = writeln!(out, "  {} {}", lang.pick("金额（元）", "amounts (CNY)"), amounts.join(" · "));
    }
    for act in &it.acts {
        let _ = writeln!(out, "    {} {} {}  {}", act.at, pad(&act.who, 16), deed(&act.deed, lang), act.text);
    }
    out + "\n"
}

fn deed(it: &Deed, lang: Lang) -> String {
    match it {
        Deed::Assigned { to } => format!("{} {to}", lang.pick("分派给", "assigned to")),
        Deed::Noted => lang.pick("备注", "noted").to_owned(),
        Deed::Queried => lang.pick("向单位核查", "asked the unit").to_owned(),
        Deed::Replied => lang.pick("单位答复", "the unit replied").to_owned(),
        Deed::Decided { outcome, until, document, explanation } => {
            let kind = explanation.map(|it| format!(" {} {}", it.code(), lang.pick(it.label().0, it.label().1))).unwrap_or_default();
            let until = until.map(|it| format!("，{} {it}", lang.pick("有效至", "until"))).unwrap_or_default();
            let document = paper(document.as_ref());
            format!("{outcome:?} {}{kind}{until}{document}", lang.pick(outcome.label().0, outcome.label().1))
        }
        Deed::Duplicate { of } => format!("{} {of}", lang.pick("与另案重复", "the same as")),
        Deed::Taken { measure, from, amount_fen, document } => {
            let amount = amount_fen.map(|it| format!(" {} {}", lang.pick("金额（元）", "CNY"), yuan(it))).unwrap_or_default();
            format!("{} {from}{amount}{}", lang.pick(measure.label().0, measure.label().1), paper(document.as_ref()))
        }
        Deed::Seconded => lang.pick("复核同意", "seconded").to_owned(),
        Deed::Recovered { amount_fen } => format!("{} {}", lang.pick("追回（元）", "recovered (CNY)"), yuan(*amount_fen)),
        Deed::Closed => lang.pick("办结", "closed").to_owned(),
        Deed::Reopened => lang.pick("重新办理", "reopened").to_owned(),
    }
}

/// The first digits of a document's hash.
fn paper(document: Option<&String>) -> String {
    document.map(|it| format!(" [{}]", &it[..it.len().min(12)])).unwrap_or_default()
}

async fn decide(args: &CaseDecideArgs, say: Say) -> Done {
    let document = args.document.as_deref().map(hash).transpose()?;
    let deed = Deed::Decided { outcome: args.outcome, until: args.until, document, explanation: args.explanation };
    act(&deed, &args.of, say).await
}

async fn measure(args: &CaseActArgs, say: Say) -> Done {
    let is_demand = args.measure == Measure::RecoveryDemanded;
    if is_demand != args.yuan.is_some() {
        let why = say.lang.pick("责令退还须写金额 --yuan；其他措施不写", "recovery-demanded takes --yuan, and no other measure does");
        return Err(Stop::Usage(why.to_owned()));
    }
    let document = args.document.as_deref().map(hash).transpose()?;
    let from = args.from.unwrap_or_else(clock::today);
    act(&Deed::Taken { measure: args.measure, from, amount_fen: args.yuan, document }, &args.of, say).await
}

/// SHA-256 of a document. It is not kept here: the hash says later which one it was.
fn hash(path: &Path) -> Result<String, Stop> {
    let bytes = std::fs::read(path).map_err(|err| Stop::Usage(format!("{}: {err}", path.display())))?;
    Ok(hex(&Sha256::digest(bytes)))
}

async fn act(deed: &Deed, of: &CaseNumbersArgs, say: Say) -> Done {
    let city = read(&of.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &of.eyes).await?;
    let who = look::actor(&eyes, of.by.as_ref(), say.lang)?;
    let numbers = numbers(&store, &city, of, &eyes, say).await?;
    if let Deed::Assigned { to } = deed {
        may_be_given(&store, &city, to, &numbers, &eyes, say).await?;
    }
    let text = of.why.clone().unwrap_or_default();
    let wanted: Vec<Wanted> =
        numbers.into_iter().map(|number| Wanted { number, deed: deed.clone(), text: text.clone(), after: None }).collect();
    let (at, login) = (clock::now(), local_user());
    let actor = Actor { who: &who, login: &login, at: &at, on: clock::today(), only_try: false };
    let done = store.act(|it| eyes.see(it), &actor, &wanted, &city.calendar).await?.map_err(|it| Stop::Usage(refused(&it, say.lang)))?;
    let today = clock::today();
    let done: Vec<Worked> = done.into_iter().filter_map(|it| eyes.cut_worked(it)).collect();
    let told: Vec<Listed<'_>> = done.iter().map(|it| listed(it, today)).collect();
    say.print(&told, || told.iter().map(|it| done_line(it, say.lang)).collect::<String>());
    Ok(Code::Fine)
}

/// What became of a case; more money than was detected is told at once.
fn done_line(it: &Listed, lang: Lang) -> String {
    let mut out = format!("  ✓ {} {}\n", it.number, stage(it.state, it.standing, lang));
    if it.amounts.excess_fen > 0 {
        let more = lang.pick("追回超过查实金额（元）", "more came back than was detected (CNY)");
        let _ = writeln!(out, "  ! {} {more}: {}", it.number, yuan(it.amounts.excess_fen));
    }
    out
}

/// Whoever is given a case must be able to see it: an id of `people.toml`, where it names people.
async fn may_be_given(store: &Store, city: &City, to: &str, numbers: &[String], eyes: &Eyes, say: Say) -> Result<(), Stop> {
    if city.people.is_empty() {
        return Ok(());
    }
    let theirs = look::eyes(city, store, &AsArg { person: Some(to.to_owned()) }).await?;
    for number in numbers {
        // What the one who assigns does not see looks like what is not there, and is told where the act is refused.
        let found = store.worked_case(number, &city.calendar).await?.filter(|it| eyes.see(&it.case));
        if found.is_some_and(|it| !theirs.see(&it.case)) {
            let (zh, en) = ("不在其可见范围，不能分派给", "is beyond the scope of, and cannot be given to,");
            return Err(Stop::Usage(format!("{number} {} `{to}`", say.lang.pick(zh, en))));
        }
    }
    Ok(())
}

/// The cases that are meant: those named, and with `--all-of` every open one of a rule, of one unit where that is said too.
async fn numbers(store: &Store, city: &City, of: &CaseNumbersArgs, eyes: &Eyes, say: Say) -> Result<Vec<String>, Stop> {
    let mut numbers = of.numbers.clone();
    if let Some(rule) = &of.all_of {
        let seen = seen(store, city, eyes).await?;
        let open = seen.iter().filter(|it| it.case.state.is_open());
        let of_rule = open.filter(|it| it.case.findings.len() == 1 && it.case.findings.keys().all(|it| it.eq_ignore_ascii_case(rule)));
        let of_unit = of_rule.filter(|it| of.unit.as_ref().is_none_or(|unit| is_of_unit(it, unit)));
        numbers.extend(of_unit.filter_map(|it| it.case.number.clone()));
    }
    numbers.sort_unstable();
    numbers.dedup();
    if numbers.is_empty() {
        return Err(Stop::Usage(say.lang.pick("没有符合条件的案件", "no case is meant").to_owned()));
    }
    Ok(numbers)
}

fn is_of_unit(it: &Worked, unit: &str) -> bool {
    let subject = matches!(&it.case.subject, Subject::Unit { key, .. } if key.ends_with(unit));
    subject || it.case.findings.values().any(|it| it.unit_code.as_deref() == Some(unit))
}

fn no_case(number: &str, lang: Lang) -> Stop {
    Stop::Usage(format!("{number}: {}", lang.pick("没有这个编号的问题", "no case has this number")))
}
