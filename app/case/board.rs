//! The overdue board, unit by unit, and what cases come to in money.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chrono::NaiveDate;
use muster_core::case::amount::{self, Amounts};
use muster_core::case::escalation::Step;
use muster_core::case::work::Outcome;
use muster_core::finding::Severity;
use serde::Serialize;

use super::seen;
use crate::cli::CaseBoardArgs;
use crate::commands::{Code, Done, Say, read};
use crate::store::Store;
use crate::store::work::Worked;
use crate::words::{Lang, count, pad, pad_left, yuan};
use crate::{clock, look};

/// The overdue cases of one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitOverdue {
    /// Code of the unit; empty for cases of no one unit.
    pub unit: String,
    /// Their numbers, in order.
    pub numbers: Vec<String>,
    /// How many of them are S1.
    pub gravest: usize,
    /// The day that passed first.
    pub oldest_due: NaiveDate,
    /// The highest that has heard of one of them; null: nobody.
    pub escalated_to: Option<Step>,
}

/// Overdue cases by unit, the most first. A case at two units stands under both.
pub fn overdue(cases: &[Worked], today: NaiveDate) -> Vec<UnitOverdue> {
    let mut units: BTreeMap<&str, Vec<(&Worked, NaiveDate)>> = BTreeMap::new();
    for it in cases.iter().filter(|it| it.is_overdue(today)) {
        let Some(due) = it.standing.due else { continue };
        let mut codes: BTreeSet<&str> = it.case.findings.values().filter_map(|it| it.unit_code.as_deref()).collect();
        if codes.is_empty() {
            codes.insert("");
        }
        for code in codes {
            units.entry(code).or_default().push((it, due));
        }
    }
    let is_gravest = |it: &Worked| it.case.findings.values().any(|it| it.severity == Severity::S1);
    let row = |(unit, cases): (&str, Vec<(&Worked, NaiveDate)>)| UnitOverdue {
        unit: unit.to_owned(),
        numbers: cases.iter().filter_map(|(it, _)| it.case.number.clone()).collect(),
        gravest: cases.iter().filter(|(it, _)| is_gravest(it)).count(),
        oldest_due: cases.iter().map(|it| it.1).min().expect("a unit stands here for a case"),
        escalated_to: cases.iter().flat_map(|(it, _)| &it.escalated).map(|it| it.0).max(),
    };
    let mut board: Vec<UnitOverdue> = units.into_iter().map(row).collect();
    board.sort_by(|a, b| (b.numbers.len(), a.oldest_due, &a.unit).cmp(&(a.numbers.len(), b.oldest_due, &b.unit)));
    board
}

/// `muster case overdue`.
pub async fn board(args: &CaseBoardArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let board = overdue(&seen(&store, &city, &eyes).await?, clock::today());
    say.print(&board, || board_text(&board, say.lang));
    Ok(Code::Fine)
}

fn board_text(board: &[UnitOverdue], lang: Lang) -> String {
    let mut out = String::new();
    let mut line = |unit: &str, cases: &str, gravest: &str, due: &str, step: &str| {
        let text = format!("  {} {} {}  {} {step}", pad(unit, 18), pad_left(cases, 6), pad_left(gravest, 4), pad(due, 12));
        out.push_str(text.trim_end());
        out.push('\n');
    };
    if !board.is_empty() {
        let words = lang.pick(["单位", "件数", "S1", "最早到期", "已升级至"], ["unit", "cases", "S1", "due first", "escalated to"]);
        line(words[0], words[1], words[2], words[3], words[4]);
    }
    for it in board {
        let unit = if it.unit.is_empty() { lang.pick("（无单一单位）", "(no one unit)") } else { it.unit.as_str() };
        let step = it.escalated_to.map_or("", |it| lang.pick(it.label().0, it.label().1));
        line(unit, &count(it.numbers.len() as u64), &it.gravest.to_string(), &it.oldest_due.to_string(), step);
        for some in it.numbers.chunks(6) {
            line(&format!("  {}", some.join(" ")), "", "", "", "");
        }
    }
    let cases: BTreeSet<&String> = board.iter().flat_map(|it| &it.numbers).collect();
    let (cases, units) = (count(cases.len() as u64), count(board.len() as u64));
    out + &lang.pick(format!("  逾期 {cases} 件，涉及 {units} 个单位\n"), format!("  {cases} cases overdue, at {units} units\n"))
}

/// What the cases of one outcome come to.
#[derive(Serialize)]
struct OfOutcome {
    /// Null: not decided; of the last line, all of them.
    outcome: Option<Outcome>,
    cases: usize,
    amounts: Amounts,
}

/// `muster case amounts`.
pub async fn amounts(args: &CaseBoardArgs, say: Say) -> Done {
    let city = read(&args.config.config)?;
    let store = Store::of(&city).await?;
    let eyes = look::eyes(&city, &store, &args.eyes).await?;
    let cases = seen(&store, &city, &eyes).await?;
    let outcome = |it: &Worked| it.standing.outcome.filter(|_| it.standing.stage.is_settled());
    let of = |wanted: Option<Outcome>| {
        let cases: Vec<&Worked> = cases.iter().filter(|it| outcome(it) == wanted).collect();
        OfOutcome { outcome: wanted, cases: cases.len(), amounts: total(cases) }
    };
    let mut told: Vec<OfOutcome> =
        std::iter::once(None).chain(Outcome::ALL.into_iter().map(Some)).map(of).filter(|it| it.cases > 0).collect();
    told.push(OfOutcome { outcome: None, cases: cases.len(), amounts: total(&cases) });
    say.print(&told, || amounts_text(&told, say.lang));
    Ok(Code::Fine)
}

/// What cases come to; money of one person counts once.
pub fn total<'a>(cases: impl IntoIterator<Item = &'a Worked>) -> Amounts {
    amount::total(cases.into_iter().map(|it| (&it.case, &it.standing)))
}

fn amounts_text(told: &[OfOutcome], lang: Lang) -> String {
    let mut out = String::new();
    for (at, it) in told.iter().enumerate() {
        let name = match it.outcome {
            Some(outcome) => format!("{outcome:?} {}", lang.pick(outcome.label().0, outcome.label().1)),
            None if at + 1 == told.len() => lang.pick("合计", "all").to_owned(),
            None => lang.pick("尚无结论", "not decided").to_owned(),
        };
        let words = amount_words(&it.amounts, lang).join(" · ");
        let _ = writeln!(out, "  {} {}  {words}", pad(&name, 34), pad_left(&count(it.cases as u64), 6));
    }
    let note = lang.pick(
        "金额单位：元；同一对象各案可能涉及同一笔钱，取最大者",
        "CNY; cases about one person may speak of the same money, so the largest counts",
    );
    out + &format!("  {note}\n")
}

/// Each amount that is not zero, with its name.
pub fn amount_words(it: &Amounts, lang: Lang) -> Vec<String> {
    let named = [
        (lang.pick("疑点", "suspected"), it.suspected_fen),
        (lang.pick("查实", "detected"), it.detected_fen),
        (lang.pick("避免", "prevented"), it.prevented_fen),
        (lang.pick("追回", "recovered"), it.recovered_fen),
        (lang.pick("尚欠", "outstanding"), it.outstanding_fen),
        (lang.pick("超出查实", "beyond what was detected"), it.excess_fen),
    ];
    named.into_iter().filter(|it| it.1 != 0).map(|(name, fen)| format!("{name} {}", yuan(fen))).collect()
}
