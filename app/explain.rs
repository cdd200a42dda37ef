//! `muster explain CASE`: what each source says, the rule that read it, and why these rows are believed to be about one person.
//!
//! [`load`] finds the evidence on disk, [`text()`] prints it. A finding points at rows of the deliveries of the night in which its
//! rule ran last; that night's folder says which rows, and the deliveries hold them as the department sent them.
//!
//! Without `reveal` nothing is shown whole that tells who somebody is: ID numbers, names and accounts are masked, and columns
//! that no mapping knows are not shown at all, because nobody has said what they hold.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use muster_core::case::{Case, State};
use muster_core::finding::{Family, Finding, Line, Severity, Subject};
use muster_core::mapping::{Feed, From, Mapping, Title};
use muster_core::mask;
use muster_core::rule::Rule;
use muster_core::schema::Kind;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::archive::Archive;
use crate::explain::files::{Night, RawRow};
use crate::words::hex;

mod files;
pub mod link;
mod link_text;
mod text;

pub use link_text::text as link_text;
pub use text::text;

/// What goes wrong on the way: a file that is there and cannot be read.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Raw rows of one feed beyond this many are counted, not shown.
const ROWS_SHOWN_MAX: usize = 24;

/// All that is known of one case.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// `MU-2026-000123`.
    pub number: Option<String>,
    /// Group of its findings.
    pub family: Family,
    /// Where it stands.
    pub state: State,
    /// The night it was opened.
    pub opened_on: NaiveDate,
    /// The night it changed last.
    pub changed_on: NaiveDate,
    /// Whom it is about.
    pub subject: SubjectTold,
    /// The rules that found it.
    pub rules: Vec<RuleTold>,
    /// The rows they read, by feed, as the source has them.
    pub sources: Vec<SourceTold>,
    /// What the sources say about who the person is, and how each was linked; empty for a unit.
    pub identities: Vec<IdentityTold>,
    /// How the sources write the unit, and how each was linked.
    pub references: Vec<ReferenceTold>,
}

impl Explained {
    /// Leaves out what sources say of the person at units that whoever looks may not see.
    pub fn cut(&mut self, lists: impl Fn(&str) -> bool) {
        // Units are told as name and code.
        let code = |unit: &str| unit.rsplit(' ').next().is_none_or(&lists);
        self.identities.retain(|it| it.unit.as_deref().is_none_or(code));
    }
}

/// Whom a case is about.
#[derive(Debug, Serialize)]
pub struct SubjectTold {
    /// Lasting key.
    pub key: String,
    /// The best name of the person; null for a unit.
    pub name: Option<String>,
    /// The best ID number; null for a unit.
    pub id_number: Option<String>,
    /// The unit itself, or the one that is responsible for the person: name and code.
    pub unit: Option<String>,
}

/// One rule of a case.
#[derive(Debug, Serialize)]
pub struct RuleTold {
    /// Rule id.
    pub id: String,
    /// How grave.
    pub severity: Severity,
    /// What its card says; null when there is no such card any more.
    pub card: Option<CardTold>,
    /// The night whose data it read; null when that night's folder is gone.
    pub night: Option<NaiveDate>,
    /// Months concerned, yyyymm.
    pub months: Vec<i32>,
    /// Sum over the lines.
    pub amount_fen: Option<i64>,
    /// Probability that it is about the right person and true, 0 to 1.
    pub confidence: f32,
    /// What the rule was set to.
    pub settings: BTreeMap<String, String>,
    /// Evidence in words.
    pub lines: Vec<Line>,
}

/// What a rule card says to people.
#[derive(Clone, Debug, Serialize)]
pub struct CardTold {
    /// Its title.
    pub title: Title,
    /// 含义.
    pub meaning: Title,
    /// 何时属正常.
    pub innocent: Title,
    /// 核查要点.
    pub review: Title,
    /// First 12 hexadecimal digits of the card's sha-256: which version of the rule speaks.
    pub version: String,
}

/// The rows of one feed.
#[derive(Debug, Serialize)]
pub struct SourceTold {
    /// `department/feed`.
    pub feed: String,
    /// Title of the department; null when the night's folder does not tell.
    pub department: Option<Title>,
    /// The delivery.
    pub night: NaiveDate,
    /// Whether the delivery is no longer there.
    pub gone: bool,
    /// In the order of the delivery.
    pub rows: Vec<RowTold>,
    /// Rows that are not shown.
    pub more: usize,
    /// Columns that are not shown without `--reveal`.
    pub hidden_columns: usize,
}

/// One row as the source has it.
#[derive(Debug, Serialize)]
pub struct RowTold {
    /// Its file; null for databases.
    pub file: Option<String>,
    /// Its sheet; null where there is none.
    pub sheet: Option<String>,
    /// One-based, as a person sees it.
    pub row: Option<i64>,
    /// The rules that read it.
    pub rules: BTreeSet<String>,
    /// Column and value in the order of the source; empty cells are null.
    pub cells: Vec<(String, Option<String>)>,
}

/// One identity of the person.
#[derive(Debug, Serialize)]
pub struct IdentityTold {
    /// `department/feed`.
    pub feed: String,
    /// `#n`: behind the feed it names the identity for `muster explain link`.
    pub row: String,
    /// As cleaned.
    pub id_number: Option<String>,
    /// As the source writes it.
    pub name: Option<String>,
    /// Of the source's own column.
    pub sex: Option<String>,
    /// Of the source's own column.
    pub birth_date: Option<String>,
    /// Name of the unit of the first row.
    pub unit: Option<String>,
    /// Rows that carry it.
    pub rows: i64,
    /// How it was linked.
    pub method: Option<String>,
    /// Probability that the link is right.
    pub score: Option<f32>,
    /// How whole the number is.
    pub id_state: Option<String>,
    /// What was repaired.
    pub repairs: Option<String>,
    /// Why an equal number was not believed.
    pub conflict: Option<String>,
}

/// One way in which a source writes the unit.
#[derive(Debug, Serialize)]
pub struct ReferenceTold {
    /// `department/feed`.
    pub feed: String,
    /// After the mapping's code map.
    pub unit_code: Option<String>,
    /// As the source writes it.
    pub unit_name: Option<String>,
    /// As the source writes it.
    pub uscc: Option<String>,
    /// Rows that carry it.
    pub rows: i64,
    /// How it was linked.
    pub method: Option<String>,
}

/// What the columns of a source hold, as far as it matters to what may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing that tells who somebody is.
    Plain,
    /// An ID number.
    IdNumber,
    /// A person's name.
    Name,
    /// A bank account.
    Account,
}

/// By feed (`department/feed`) and source column. A column that is not in it is hidden.
pub type Columns = BTreeMap<String, BTreeMap<String, Holds>>;

/// What the source columns of these departments hold, as their mappings say; a department is its name and its mapping.
pub fn columns<'a>(departments: impl IntoIterator<Item = (&'a str, &'a Mapping)>) -> Columns {
    let feeds = departments.into_iter().flat_map(|(name, mapping)| mapping.feeds.iter().map(move |feed| (name, feed)));
    feeds.map(|(name, feed)| (format!("{name}/{}", feed.name), columns_of(feed))).collect()
}

fn columns_of(feed: &Feed) -> BTreeMap<String, Holds> {
    let mut columns: BTreeMap<String, Holds> = feed.source_columns().into_iter().map(|it| (it, Holds::Plain)).collect();
    for fill in &feed.columns {
        let holds = match fill.column.kind {
            Kind::IdNumber => Holds::IdNumber,
            Kind::Name => Holds::Name,
            Kind::Account => Holds::Account,
            Kind::Text | Kind::Code(_) | Kind::Date | Kind::Month | Kind::Fen | Kind::Count | Kind::Flag => continue,
        };
        let read: &[String] = match &fill.from {
            From::Column(column) => std::slice::from_ref(column),
            From::Sql(sql) => &sql.columns,
            From::Value(_) => &[],
        };
        columns.extend(read.iter().map(|it| (it.clone(), holds)));
    }
    columns
}

/// Finds everything that is known of `case` in the archive.
///
/// What is no longer there (an old delivery, the folder of an old night, a rule card) is told as missing; a file that is there
/// and cannot be read is an error.
pub fn load(archive: &Archive, case: &Case, rules: &[Rule], columns: &Columns, reveal: bool) -> Result<Explained, Trouble> {
    let evidence = evidence(archive, case)?;
    let newest = evidence.values().map(|(night, _)| *night).max();
    let night = newest.map(|it| Night::open(archive, it)).transpose()?;
    let show = Show { columns, reveal };

    let mut told = Explained {
        number: case.number.clone(),
        family: case.family,
        state: case.state,
        opened_on: case.opened_on,
        changed_on: case.changed_on,
        subject: SubjectTold { key: case.subject.key().to_owned(), name: None, id_number: None, unit: None },
        rules: case.findings.values().map(|it| rule_told(it, evidence.get(&it.rule), rules)).collect(),
        sources: sources(archive, &evidence, night.as_ref(), &show)?,
        identities: Vec::new(),
        references: Vec::new(),
    };
    let (Some(night), Some(finding)) = (night, evidence.values().filter(|it| Some(it.0) == newest).map(|it| &it.1).next()) else {
        return Ok(told);
    };
    match &finding.subject {
        Subject::Person { id, .. } => {
            (told.subject.name, told.subject.id_number) = night.person(*id)?;
            told.subject.unit = finding.unit_id.and_then(|it| night.unit(it));
            told.identities = night.identities(*id)?;
        }
        Subject::Unit { id, .. } => {
            told.subject.unit = night.unit(*id);
            told.references = night.references(*id)?;
        }
    }
    show.mask(&mut told);
    Ok(told)
}

/// What the sources of a night say about who a person is; `person_id` is that night's.
pub fn identities(archive: &Archive, night: NaiveDate, person_id: i32) -> Result<Vec<IdentityTold>, Trouble> {
    Night::open(archive, night)?.identities(person_id)
}

/// How the sources of a night write a unit; `unit_id` is that night's.
pub fn references(archive: &Archive, night: NaiveDate, unit_id: i32) -> Result<Vec<ReferenceTold>, Trouble> {
    Night::open(archive, night)?.references(unit_id)
}

/// By rule: the night in which it found the case last, and its finding with that night's numbers and places.
fn evidence(archive: &Archive, case: &Case) -> Result<BTreeMap<String, (NaiveDate, Finding)>, Trouble> {
    let mut found: BTreeMap<String, (NaiveDate, Finding)> = BTreeMap::new();
    for night in files::nights(archive)?.into_iter().rev() {
        let cured_already = case.state == State::Cured && night >= case.changed_on;
        if cured_already {
            continue;
        }
        if night < case.opened_on || found.len() == case.findings.len() {
            break;
        }
        for finding in files::findings(archive, night, case.subject.key())? {
            if case.findings.contains_key(&finding.rule) && finding.family == case.family {
                found.entry(finding.rule.clone()).or_insert((night, finding));
            }
        }
    }
    Ok(found)
}

fn rule_told(kept: &Finding, found: Option<&(NaiveDate, Finding)>, rules: &[Rule]) -> RuleTold {
    let finding = found.map_or(kept, |(_, finding)| finding);
    RuleTold {
        id: finding.rule.clone(),
        severity: finding.severity,
        card: rules.iter().find(|it| it.id == finding.rule).map(card_told),
        night: found.map(|(night, _)| *night),
        months: finding.months.clone(),
        amount_fen: finding.amount_fen,
        confidence: finding.confidence,
        settings: finding.settings.clone(),
        lines: finding.lines.clone(),
    }
}

fn card_told(rule: &Rule) -> CardTold {
    let digest = Sha256::digest(rule.source.text.as_bytes());
    CardTold {
        title: rule.title.clone(),
        meaning: rule.prose.meaning.clone(),
        innocent: rule.prose.innocent.clone(),
        review: rule.prose.review.clone(),
        version: hex(&digest[..6]),
    }
}

/// The rows that the findings point at, feed by feed.
fn sources(
    archive: &Archive,
    evidence: &BTreeMap<String, (NaiveDate, Finding)>,
    night: Option<&Night<'_>>,
    show: &Show,
) -> Result<Vec<SourceTold>, Trouble> {
    let mut wanted: BTreeMap<(&str, NaiveDate), BTreeMap<i64, BTreeSet<String>>> = BTreeMap::new();
    for (rule, (night, finding)) in evidence {
        for (feed, row_no) in finding.lines.iter().flat_map(|it| &it.places) {
            wanted.entry((feed, *night)).or_default().entry(*row_no).or_default().insert(rule.clone());
        }
    }
    let mut sources = Vec::new();
    for ((feed, delivery), rows) in wanted {
        let row_nos: Vec<i64> = rows.keys().copied().take(ROWS_SHOWN_MAX).collect();
        let found = files::raw_rows(archive, feed, delivery, &row_nos)?;
        let hidden_columns = found.iter().flatten().next().map_or(0, |it| show.hidden(feed, it));
        sources.push(SourceTold {
            feed: feed.to_owned(),
            department: night.and_then(|it| it.department(feed)),
            night: delivery,
            gone: found.is_none(),
            more: rows.len() - row_nos.len(),
            rows: found.unwrap_or_default().into_iter().map(|it| row_told(feed, it, &rows, show)).collect(),
            hidden_columns,
        });
    }
    Ok(sources)
}

fn row_told(feed: &str, raw: RawRow, rules: &BTreeMap<i64, BTreeSet<String>>, show: &Show) -> RowTold {
    RowTold {
        rules: rules.get(&raw.row_no).cloned().unwrap_or_default(),
        cells: raw.cells.into_iter().filter_map(|(column, value)| show.cell(feed, column, value)).collect(),
        file: raw.file,
        sheet: raw.sheet,
        row: raw.row,
    }
}

/// What may be shown.
struct Show<'a> {
    columns: &'a Columns,
    reveal: bool,
}

impl Show<'_> {
    fn holds(&self, feed: &str, column: &str) -> Option<Holds> {
        self.columns.get(feed)?.get(column).copied()
    }

    fn hidden(&self, feed: &str, row: &RawRow) -> usize {
        if self.reveal { 0 } else { row.cells.iter().filter(|it| self.holds(feed, &it.0).is_none()).count() }
    }

    /// The cell as it may be shown; null when it may not.
    fn cell(&self, feed: &str, column: String, value: Option<String>) -> Option<(String, Option<String>)> {
        if self.reveal {
            return Some((column, value));
        }
        let holds = self.holds(feed, &column)?;
        let value = value.map(|it| match holds {
            Holds::Name => mask::name(&it),
            Holds::IdNumber | Holds::Account => mask::id_number(&it),
            Holds::Plain if digits_max(&it) >= 15 => mask::id_number(&it),
            Holds::Plain => it,
        });
        Some((column, value))
    }

    fn mask(&self, told: &mut Explained) {
        if self.reveal {
            return;
        }
        let subject = &mut told.subject;
        let persons = told.identities.iter_mut().map(|it| (&mut it.name, &mut it.id_number));
        for (name, id_number) in persons.chain([(&mut subject.name, &mut subject.id_number)]) {
            *name = name.take().map(|it| mask::name(&it));
            *id_number = id_number.take().map(|it| mask::id_number(&it));
        }
    }
}

/// The longest run of digits. A free text with 15 or more in a row holds an ID number or an account.
fn digits_max(text: &str) -> usize {
    text.split(|it: char| !it.is_numeric()).map(|it| it.chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
