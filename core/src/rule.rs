//! A rule card: one Markdown file that is the rule, its page in the manual and its test.
//!
//! ```text
//! +++                         settings, TOML
//! +++
//! # 标题 Title                 prose under fixed headings, Chinese then English
//! ```sql                      one SELECT
//! ## Example: …               tables of the linked shape, then `finds` with a table, or `finds nothing`
//! ```
//!
//! [`read`] gives every mistake of a card at once. [`prove()`] runs its examples; `check` runs it on a night.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::NaiveDate;

use crate::diag::{Mistake, Source};
use crate::engine::{Param, readings};
use crate::finding::{Family, Severity};
use crate::mapping::Title;

mod body;
mod front;
mod grid;
mod prove;
pub mod tuning;

pub use grid::{Cell, Given, Grid};
pub use prove::{Outcome, Proof, prove};
pub use tuning::{Tuning, tunings};

/// A checked rule card.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Catalogue number, like `G01`.
    pub id: String,
    /// Kebab-case name; the file's name.
    pub name: String,
    /// What it is called.
    pub title: Title,
    /// Group.
    pub family: Family,
    /// How grave a finding is.
    pub severity: Severity,
    /// Whether it runs.
    pub status: Status,
    /// Shared tables without which nothing may be concluded: the rule is skipped when no feed fills one.
    pub needs: Vec<String>,
    /// The table whose people or units it could hit, where that is not the first of `needs`.
    pub looks_at: Option<String>,
    /// Shared tables that only excuse: the rule runs in a city that has none, but not on a night when one was left out.
    pub excuses: Vec<String>,
    /// Months that pass before a finding is raised, `$grace_months`.
    pub grace_months: i32,
    /// Official category, like `P4`.
    pub category: Option<String>,
    /// Where the rule comes from.
    pub basis: Option<Title>,
    /// What the amount of a finding is.
    pub amount: Option<Amount>,
    /// The sentence of a line of evidence, with `{column}` for values.
    pub sentence: Sentence,
    /// How sure a hit is when the person is the right one, 0 to 1.
    pub confidence: f32,
    /// Further parameters of the SQL, which a city may set otherwise.
    pub params: BTreeMap<String, Param>,
    /// What the card says to people.
    pub prose: Prose,
    /// The query.
    pub sql: String,
    /// Where the query lies in the card, in bytes.
    pub sql_at: Range<usize>,
    /// Its tests.
    pub examples: Vec<Example>,
    /// The card itself.
    pub source: Source,
}

/// How finished a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Being written: proved, but never run on a night.
    Draft,
    /// Runs; its findings are marked as being tried out.
    Trial,
    /// Runs.
    Stable,
}

/// What a finding's amount is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// Formula of the catalogue: `A0` (none) to `A6`.
    pub formula: String,
    /// In words.
    pub title: Title,
}

/// The sentence of a line of evidence in both languages, and where it stands in the card, in bytes.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
    pub(crate) zh_at: Range<usize>,
    pub(crate) en_at: Range<usize>,
}

/// What a card says to people, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prose {
    /// 含义.
    pub meaning: Title,
    /// 何时属正常.
    pub innocent: Title,
    /// 核查要点.
    pub review: Title,
}

/// One `## Example:` of a card.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its heading.
    pub name: String,
    /// Where its heading stands in the card, in bytes.
    pub at: Range<usize>,
    /// The night it plays in; the default is [`EXAMPLE_NIGHT`].
    pub tonight: Option<NaiveDate>,
    /// `$month`, yyyymm; the default is the month before tonight.
    pub month: Option<i32>,
    /// Tables with rows.
    pub given: Vec<Given>,
    /// What the query gives; no rows for `finds nothing`.
    pub finds: Grid,
}

/// The night in which examples play unless they say otherwise.
pub const EXAMPLE_NIGHT: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 15).expect("a real day");

/// Parameters that every rule has, and what they are.
pub const STANDARD_PARAMS: &[(&str, &str)] = &[
    ("tonight", "the night, a date"),
    ("month", "the newest month that every needed feed with months covers; without such feeds the month before tonight"),
    ("first_month", "the first month of the presence window"),
    ("grace_months", "the card's own setting"),
];

impl Rule {
    /// The table whose people or units the rule could hit: `looks_at`, or the first of `needs`.
    pub fn primary(&self) -> &str {
        self.looks_at.as_deref().or(self.needs.first().map(String::as_str)).unwrap_or_default()
    }
}

/// Reads a card; on failure every mistake it holds, in the order of the file.
pub fn read(source: Source) -> Result<Rule, Vec<Mistake>> {
    let mut faults = Faults { source: &source, found: Vec::new() };
    let parts = body::split(&mut faults);
    let front = parts.as_ref().and_then(|parts| front::read(parts.front.clone(), &mut faults));
    let body = parts.as_ref().map(|parts| body::read(parts, &mut faults));
    if let (Some(front), Some(body)) = (&front, &body) {
        agree(front, body, &mut faults);
        declares_what_it_reads(front, body, &mut faults);
    }
    let mut found = faults.found;
    found.sort_by_key(Mistake::line);
    let (Some(front), Some(body), true) = (front, body, found.is_empty()) else { return Err(found) };
    Ok(Rule {
        id: front.id,
        name: front.name,
        title: front.title,
        family: front.family,
        severity: front.severity,
        status: front.status,
        needs: front.needs,
        looks_at: front.looks_at,
        excuses: front.excuses,
        grace_months: front.grace_months,
        category: front.category,
        basis: front.basis,
        amount: front.amount,
        sentence: front.sentence,
        confidence: front.confidence,
        params: front.params,
        prose: body.prose,
        sql: source.text[body.sql.clone()].to_owned(),
        sql_at: body.sql,
        examples: body.examples,
        source,
    })
}

/// What front matter and body must agree on.
fn agree(front: &front::Front, body: &body::Body, faults: &mut Faults<'_>) {
    if front.status == Status::Draft || body.examples.is_empty() && faults.any() {
        return;
    }
    let end = faults.source.text.len().saturating_sub(1)..faults.source.text.len();
    if body.examples.iter().all(|it| it.finds.rows.is_empty()) {
        faults.add(end.clone(), "the card has no guilty example", "one that ends in `finds` and a table is missing");
    }
    if !body.examples.iter().any(|it| it.finds.rows.is_empty()) {
        faults.add(end, "the card has no innocent example", "one that ends in `finds nothing` is missing");
    }
}

/// A table that is read and not declared would be read on a night when its feed was left out: its absence would accuse everybody.
fn declares_what_it_reads(front: &front::Front, body: &body::Body, faults: &mut Faults<'_>) {
    let declared = |table: &str| front.needs.iter().chain(&front.excuses).any(|it| it == table);
    let mut told = BTreeSet::new();
    for reading in readings(&faults.source.text[body.sql.clone()]) {
        let missing: Vec<&str> = reading.tables.iter().copied().filter(|it| !declared(it) && told.insert(*it)).collect();
        if missing.is_empty() {
            continue;
        }
        let at = body.sql.start + reading.at.start..body.sql.start + reading.at.end;
        let names = missing.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(", ");
        let what = match reading.tables {
            [table] if *table == reading.what => format!("the card reads `{table}` and does not declare it"),
            _ => format!("`{}` is computed from {names}, which the card does not declare", reading.what),
        };
        let hint = format!("add {names} to `needs` if nothing may be concluded without it, to `excuses` if it only excuses");
        faults.add_hint(at, what, "a night without this feed would be misread", hint);
    }
}

/// Collects the mistakes of one card.
struct Faults<'a> {
    source: &'a Source,
    found: Vec<Mistake>,
}

impl Faults<'_> {
    fn any(&self) -> bool {
        !self.found.is_empty()
    }

    fn add(&mut self, at: Range<usize>, what: impl Into<crate::diag::Said>, label: impl Into<crate::diag::Said>) {
        self.found.push(self.source.mistake(at, what, label));
    }

    fn add_hint(
        &mut self,
        at: Range<usize>,
        what: impl Into<crate::diag::Said>,
        label: impl Into<crate::diag::Said>,
        hint: impl Into<crate::diag::Said>,
    ) {
        self.found.push(self.source.mistake(at, what, label).try_this(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shipped card with one text replaced by another.
    fn check(right: &str, wrong: &str, place: &str, what: &str, hint: &str) {
        let card = include_str!("../../rules/unpaid-retention.md");
        assert!(card.contains(right), "{right}");
        let told = read(Source::new("unpaid-retention.md", card.replacen(right, wrong, 1))).expect_err(wrong);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].place().as_str(), told[0].what.as_str()), (place, what));
        assert!(told[0].hint().unwrap_or_default().contains(hint), "{:?}", told[0].hint());
    }

    #[test]
    fn a_card_declares_every_table_that_it_reads() {
        let (line, what) = ("unpaid-retention.md:44", "the card reads `establishment` and does not declare it");
        check(", \"establishment\"", "", line, what, "add \"establishment\" to `needs`");
        let what = "`presence.paid` is computed from \"payment\", which the card does not declare";
        check(", \"payment\"", "", "unpaid-retention.md:48", what, "to `excuses` if it only excuses");
        let (wrong, what) =
            ("not exists (select 1 from death d where true) and not exists", "the card reads `death` and does not declare it");
        check("not exists", wrong, "unpaid-retention.md:48", what, "add \"death\"");
    }
}
