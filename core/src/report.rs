//! Tables for people: cases become rows, the configured columns become typed cells.
//!
//! Nothing here knows a file format. The workbook, the page and whatever comes later lay out the same [`Grid`].

pub mod column;
pub mod total;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::case::{Case, State};
use crate::finding::{Family, Finding, Line, Subject};
use crate::mapping::Title;
use crate::mask;

pub use column::{ReportColumn, Value, shipped_columns};

/// The language of a table. Chinese comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// 中文.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The one of the two that is in this language.
    pub fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// The title in this language.
    pub fn of(self, title: &Title) -> &str {
        self.pick(&title.zh, &title.en)
    }
}

/// How a table is written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Language of titles, states and sentences.
    pub lang: Lang,
    /// Whether ID numbers are shown whole.
    pub full_ids: bool,
}

/// What tonight knows of those the cases speak of, by lasting key: the numbers of one night mean nothing in another.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Best name and best ID number, by person key.
    pub people: BTreeMap<&'a str, (Option<&'a str>, Option<&'a str>)>,
    /// Full name, by unit code.
    pub units: BTreeMap<&'a str, &'a str>,
    /// Title of every rule card, by rule id.
    pub titles: BTreeMap<&'a str, &'a Title>,
    /// Official categories of every rule card, by rule id.
    pub categories: BTreeMap<&'a str, &'a [Title]>,
    /// Rules that ran tonight. Findings of others are carried over from the night their rule ran last.
    pub ran: BTreeSet<&'a str>,
}

/// A table: one head per column, one row per case and rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Titles, and what stands below them.
    pub heads: Vec<Head>,
    /// Rows as long as `heads`.
    pub rows: Vec<Vec<Cell>>,
}

/// The head of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// In the table's language.
    pub title: String,
    /// What the cells hold; says how wide and how aligned they want to be.
    pub value: Value,
}

/// One typed cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to say, or for the reviewer to fill.
    Blank,
    /// Text; never a formula, whatever it begins with.
    Text(String),
    /// A count.
    Number(i64),
    /// Fen.
    Money(i64),
    /// A day.
    Date(NaiveDate),
    /// A probability, 0 to 1.
    Share(f32),
}

/// Evidence beyond this many lines is counted, not printed: a cell that fills a page is read by nobody.
const LINES_SHOWN_MAX: usize = 4;
const PLACES_SHOWN_MAX: usize = 6;

/// The cases of one family as a table: open ones before cured ones, the gravest and largest first.
pub fn tabulate(columns: &[ReportColumn], cases: &[Case], known: &Known, family: Family, tonight: NaiveDate, style: Style) -> Grid {
    let mut rows: Vec<(&Case, &Finding)> =
        cases.iter().filter(|it| it.family == family).flat_map(|case| case.findings.values().map(move |it| (case, it))).collect();
    rows.sort_by_key(|(case, finding)| reading_order(case, finding));
    Grid {
        heads: columns.iter().map(|it| Head { title: it.title(style.lang).to_owned(), value: it.value }).collect(),
        rows: rows
            .into_iter()
            .map(|(case, finding)| columns.iter().map(|it| cell(it.value, case, finding, known, tonight, style)).collect())
            .collect(),
    }
}

fn reading_order<'a>(case: &'a Case, finding: &'a Finding) -> impl Ord + use<'a> {
    let amount = std::cmp::Reverse(finding.amount_fen.unwrap_or(0));
    (case.state == State::Cured, finding.severity, amount, &case.number, &case.key, &finding.rule)
}

fn cell(value: Value, case: &Case, finding: &Finding, known: &Known, tonight: NaiveDate, style: Style) -> Cell {
    let lang = style.lang;
    match value {
        Value::Number => text(case.number.clone().unwrap_or_else(|| case.key.clone())),
        Value::State => text(state(case, finding, known, tonight, lang)),
        Value::Severity => text(format!("{:?}", finding.severity)),
        Value::Rule => text(&*finding.rule),
        Value::Title => maybe(known.titles.get(&*finding.rule).map(|it| lang.of(it))),
        Value::Family => text(lang.pick(case.family.label().0, case.family.label().1)),
        Value::Person => maybe(person(&case.subject, known).and_then(|it| it.0)),
        Value::IdNumber => id_number(person(&case.subject, known).and_then(|it| it.1), style),
        Value::Unit => maybe(unit_code(case, finding).map(|it| known.units.get(it).copied().unwrap_or(it))),
        Value::UnitCode => maybe(unit_code(case, finding)),
        Value::Months => maybe(Some(months(&finding.months, lang)).filter(|it| !it.is_empty())),
        Value::MonthCount => {
            if finding.months.is_empty() {
                Cell::Blank
            } else {
                Cell::Number(finding.months.len() as i64)
            }
        }
        Value::Since => maybe(finding.since.map(month)),
        Value::Amount => finding.amount_fen.map_or(Cell::Blank, Cell::Money),
        Value::Sentence => text(sentence(&finding.lines, lang)),
        Value::Settings => maybe(Some(settings(finding)).filter(|it| !it.is_empty())),
        Value::Category => maybe(categories(finding, known, lang)),
        Value::Places => maybe(Some(places(&finding.lines, lang)).filter(|it| !it.is_empty())),
        Value::Confidence => Cell::Share(finding.confidence),
        Value::OpenedOn => Cell::Date(case.opened_on),
        Value::ChangedOn => Cell::Date(case.changed_on),
        Value::Result | Value::Handler | Value::Deadline | Value::Note => Cell::Blank,
    }
}

fn text(it: impl Into<String>) -> Cell {
    Cell::Text(it.into())
}

fn maybe(it: Option<impl Into<String>>) -> Cell {
    it.map_or(Cell::Blank, |it| Cell::Text(it.into()))
}

fn person<'a>(subject: &Subject, known: &Known<'a>) -> Option<(Option<&'a str>, Option<&'a str>)> {
    match subject {
        Subject::Person { key, .. } => known.people.get(key.as_str()).copied(),
        Subject::Unit { .. } => None,
    }
}

/// The unit a reviewer turns to: the responsible one, or the unit that the case is about.
pub fn unit_code<'a>(case: &'a Case, finding: &'a Finding) -> Option<&'a str> {
    finding.unit_code.as_deref().or(match &case.subject {
        Subject::Unit { key, .. } => Some(key.strip_prefix("u-").unwrap_or(key)),
        Subject::Person { .. } => None,
    })
}

fn id_number(id: Option<&str>, style: Style) -> Cell {
    maybe(id.map(|it| if style.full_ids { it.to_owned() } else { mask::id_number(it) }))
}

/// Where a case stands, in words; a finding whose rule did not run tonight says that it is carried over.
pub fn state(case: &Case, finding: &Finding, known: &Known, tonight: NaiveDate, lang: Lang) -> String {
    let word = match case.state {
        State::Cured => lang.pick("自动销号", "cured"),
        State::Reopened => lang.pick("重现", "reopened"),
        State::Open if case.opened_on == tonight => lang.pick("新增", "new"),
        State::Open => lang.pick("未结", "open"),
        State::Settled(it) => lang.pick(it.outcome.label().0, it.outcome.label().1),
    };
    let carried_over = case.state != State::Cured && !known.ran.contains(&*finding.rule);
    if carried_over { format!("{word}{}", lang.pick("（沿用）", " (carried over)")) } else { word.to_owned() }
}

/// `2026-05`.
pub fn month(yyyymm: i32) -> String {
    format!("{:04}-{:02}", yyyymm / 100, yyyymm % 100)
}

/// Months as ranges: `2025-11 至 2026-02、2026-05`.
pub fn months(all: &[i32], lang: Lang) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for &it in all {
        match ranges.last_mut() {
            Some((_, last)) if it == next_month(*last) => *last = it,
            _ => ranges.push((it, it)),
        }
    }
    let words: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| if first == last { month(first) } else { [month(first), month(last)].join(lang.pick(" 至 ", " to ")) })
        .collect();
    words.join(lang.pick("、", ", "))
}

fn next_month(yyyymm: i32) -> i32 {
    if yyyymm % 100 == 12 { yyyymm + 89 } else { yyyymm + 1 }
}

/// What the rule was set to: `civil_days = 11, institution_days = 15`.
pub fn settings(finding: &Finding) -> String {
    finding.settings.iter().map(|(name, it)| format!("{name} = {it}")).collect::<Vec<_>>().join(", ")
}

fn categories(finding: &Finding, known: &Known, lang: Lang) -> Option<String> {
    let all = known.categories.get(finding.rule.as_str())?;
    (!all.is_empty()).then(|| all.iter().map(|it| lang.of(it)).collect::<Vec<_>>().join("\n"))
}

/// The evidence, one sentence a line. Of a long row of months the first and the newest two are told.
pub fn sentence(lines: &[Line], lang: Lang) -> String {
    let told = |it: &Line| lang.pick(&it.zh, &it.en).clone();
    if lines.len() <= LINES_SHOWN_MAX {
        return lines.iter().map(told).collect::<Vec<_>>().join("\n");
    }
    let (first, newest) = (&lines[0], &lines[lines.len() - 2..]);
    let between = lines.len() - 1 - newest.len();
    let counted = lang.pick(format!("……其间另有 {between} 条"), format!("… {between} more between"));
    [told(first), counted, told(&newest[0]), told(&newest[1])].join("\n")
}

/// Where the evidence was read: `finance/payroll: 812, 4711`.
pub fn places(lines: &[Line], lang: Lang) -> String {
    let mut rows: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (feed, row) in lines.iter().flat_map(|it| &it.places) {
        rows.entry(feed).or_default().insert(*row);
    }
    let words: Vec<String> = rows.into_iter().map(|(feed, rows)| rows_of(feed, &rows, lang)).collect();
    words.join("\n")
}

fn rows_of(feed: &str, rows: &BTreeSet<i64>, lang: Lang) -> String {
    let shown: Vec<String> = rows.iter().take(PLACES_SHOWN_MAX).map(ToString::to_string).collect();
    let more = if rows.len() > PLACES_SHOWN_MAX { lang.pick("等", " …") } else { "" };
    match lang {
        Lang::Zh => format!("{feed} 第 {}{more} 行", shown.join("、")),
        Lang::En => format!("{feed} row {}{more}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests;
