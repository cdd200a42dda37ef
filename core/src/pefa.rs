//! PEFA indicator PI-23, payroll controls: what the hub's own tables can measure of its four dimensions.
//!
//! PEFA's framework of 2016 scores each dimension by what assessors find in laws, procedures and papers as well as in data. The hub has the data
//! alone, so the card gives figures and no grades. One threshold of the framework is a figure, and is told beside the one it is compared
//! with: under 23.2, corrections of at most 3 % of salary payments are what the highest score asks for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::case::work::Outcome;
use crate::case::{Case, State};
use crate::engine::{Engine, EngineError, Param, Params};
use crate::function::{add_months, days, month_of};

/// One figure of the card: what it is.
#[derive(Debug)]
pub struct Measure {
    /// Kebab-case, for programs.
    pub id: &'static str,
    /// `23.1` to `23.4`.
    pub dimension: &'static str,
    /// 中文.
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
    /// Shared tables that must be filled.
    pub needs: &'static [&'static str],
    /// What the framework compares it with, in both languages; null where it names no number.
    pub asked: Option<(&'static str, &'static str)>,
    /// A query of one row, and which of its pairs of columns (part, whole) it is; null where the store tells it.
    told: Option<(&'static str, usize)>,
}

/// The year's salary lines, read once: linked to a person; corrections; months with corrections; with a batch number.
const LINES: &str = "with by_month as (
      select month, count(person_id) filter (where kind = 'salary') as linked, count(*) filter (where kind = 'salary') as salaries,
        count(*) filter (where kind = 'arrears' or gross_fen < 0 or arrears_from is not null) as corrected,
        count(batch_no) as with_batch, count(*) as lines
      from payment where kind in ('salary', 'arrears') and month between cast($year_first as int) and cast($month as int) group by month)
    select coalesce(sum(linked), 0) as linked, coalesce(sum(salaries), 0) as salaries, coalesce(sum(corrected), 0) as corrected,
      coalesce(sum(lines), 0) as lines, count(*) filter (where corrected > 0) as corrected_months, count(*) as months,
      coalesce(sum(with_batch), 0) as with_batch, coalesce(sum(lines), 0) as all_lines from by_month";

/// The year's exits and entries with the months in which they were paid: stopped in time; begun in time.
const MOVES: &str =
    "with spell as (select person_id, min(entered_on) as came_on, max(exited_on) as went_on, bool_and(exited_on is not null) as gone,
        bool_and(entered_on is not null) as dated from establishment where person_id is not null group by person_id),
      moved as (select person_id,
        case when gone and went_on between month_start(cast($year_first as int)) and month_end(add_months(cast($month as int), -2))
          then month_of(went_on) end as went,
        case when dated and came_on between month_start(cast($year_first as int)) and month_end(add_months(cast($month as int), -2))
          then month_of(came_on) end as came from spell),
      mover as (select * from moved where went is not null or came is not null),
      pay as (select p.person_id, min(p.month) as first, max(p.month) as last from mover m join payment p on p.person_id = m.person_id
        where p.kind = 'salary' group by p.person_id)
    select count(*) filter (where went is not null and (last is null or months_between(went, last) <= 1)) as stopped, count(went) as exits,
      count(*) filter (where came is not null and months_between(came, first) <= 1) as begun, count(came) as entries
    from mover m left join pay p on p.person_id = m.person_id";

/// The dimensions, in both languages.
pub const DIMENSIONS: &[(&str, &str, &str)] = &[
    ("23.1", "工资与人事记录的衔接", "Integration of payroll and personnel records"),
    ("23.2", "工资变动的管理", "Management of payroll changes"),
    ("23.3", "工资的内部控制", "Internal control of payroll"),
    ("23.4", "工资审计", "Payroll audit"),
];

/// The figures of the card, in reading order. The year is the twelve months up to the card's month.
pub const MEASURES: &[Measure] = &[
    Measure {
        id: "paid-and-known",
        dimension: "23.1",
        zh: "本月领在职工资者中，同时在编、有人事档的",
        en: "of those paid a salary in the month: on the register and with a personnel file",
        needs: &["payment", "establishment", "employment"],
        asked: None,
        told: Some((
            "with paid as (select distinct person_id from payment where kind = 'salary' and month = cast($month as int) and person_id is not null),
               register as (select distinct person_id from establishment where person_id is not null
                 and (entered_on is null or entered_on <= $month_end) and (exited_on is null or exited_on >= month_start(cast($month as int)))),
               file as (select distinct person_id from employment where person_id is not null and (start_on is null or start_on <= $month_end)
                 and (end_on is null or end_on >= month_start(cast($month as int))))
             select count(r.person_id) filter (where f.person_id is not null) as part, count(*) as whole
             from paid p left join register r on r.person_id = p.person_id left join file f on f.person_id = p.person_id",
            0,
        )),
    },
    Measure {
        id: "register-with-file",
        dimension: "23.1",
        zh: "在编人员中，有人事档的",
        en: "of those on the register: with a personnel file",
        needs: &["establishment", "employment"],
        asked: None,
        told: Some((
            "with register as (select distinct person_id from establishment where person_id is not null and counts is not false
                 and (entered_on is null or entered_on <= $month_end) and (exited_on is null or exited_on > $month_end)),
               file as (select distinct person_id from employment where person_id is not null)
             select count(f.person_id) as part, count(*) as whole from register r left join file f on f.person_id = r.person_id",
            0,
        )),
    },
    Measure {
        id: "payments-linked",
        dimension: "23.1",
        zh: "全年在职工资行中，能对应到人的",
        en: "of the year's salary lines: linked to a person",
        needs: &["payment"],
        asked: None,
        told: Some((LINES, 0)),
    },
    Measure {
        id: "corrections",
        dimension: "23.2",
        zh: "全年工资行中，补发、冲回等追溯更正",
        en: "of the year's salary lines: arrears and reversals",
        needs: &["payment"],
        asked: Some(("PEFA 2016：最高档不超过 3%", "PEFA 2016: at most 3 % for the highest score")),
        told: Some((LINES, 1)),
    },
    Measure {
        id: "months-corrected",
        dimension: "23.2",
        zh: "全年各月中，有追溯更正的月份",
        en: "of the year's months: with arrears or reversals",
        needs: &["payment"],
        asked: None,
        told: Some((LINES, 2)),
    },
    Measure {
        id: "exits-stopped",
        dimension: "23.2",
        zh: "全年出编者中，工资不晚于次月停发的",
        en: "of the year's exits: pay stopped in the next month at the latest",
        needs: &["payment", "establishment"],
        asked: None,
        told: Some((MOVES, 0)),
    },
    Measure {
        id: "entries-paid",
        dimension: "23.2",
        zh: "全年入编者中，工资不晚于次月起发的",
        en: "of the year's entries: pay began in the next month at the latest",
        needs: &["payment", "establishment"],
        asked: None,
        told: Some((MOVES, 1)),
    },
    Measure {
        id: "forms-in-time",
        dimension: "23.2",
        zh: "全年出入编登记中，5 个工作日内办结的",
        en: "of the year's movement forms: registered within 5 working days",
        needs: &["movement"],
        asked: None,
        told: Some((
            "select count(*) filter (where registered_on is not null and working_days(effective_on, registered_on) <= 5) as part, count(*) as whole
             from movement where effective_on between month_start(cast($year_first as int)) and $month_end",
            0,
        )),
    },
    Measure {
        id: "entries-with-document",
        dimension: "23.3",
        zh: "全年入编者中，有入编文号的",
        en: "of the year's entries: with an entry document",
        needs: &["establishment"],
        asked: None,
        told: Some((
            "select count(entry_document) as part, count(*) as whole from establishment
             where counts is not false and entered_on between month_start(cast($year_first as int)) and $month_end",
            0,
        )),
    },
    Measure {
        id: "quotas-with-document",
        dimension: "23.3",
        zh: "现行编制台账中，批文在档的",
        en: "of the quotas in force: with a document in the archive",
        needs: &["quota", "document"],
        asked: None,
        told: Some((
            "with archived as (select distinct document_no from document)
             select count(a.document_no) as part, count(*) as whole from quota q left join archived a on a.document_no = q.document_no
             where (q.effective_on is null or q.effective_on <= $month_end) and (q.ends_on is null or q.ends_on > $month_end)",
            0,
        )),
    },
    Measure {
        id: "lines-with-batch",
        dimension: "23.3",
        zh: "全年工资行中，有批次号可追溯的",
        en: "of the year's salary lines: with a batch number to trace them by",
        needs: &["payment"],
        asked: None,
        told: Some((LINES, 3)),
    },
    Measure {
        id: "months-reconciled",
        dimension: "23.4",
        zh: "近 12 个月中，至少对账一次的月份",
        en: "of the last 12 months: reconciled at least once",
        needs: &[],
        asked: None,
        told: None,
    },
    Measure {
        id: "cases-decided",
        dimension: "23.4",
        zh: "近三年立案的线索中，已有结论或已自行消除的",
        en: "of the cases opened in three years: decided, or cured",
        needs: &[],
        asked: None,
        told: None,
    },
    Measure {
        id: "cases-confirmed",
        dimension: "23.4",
        zh: "近三年已有结论的线索中，认定属实的",
        en: "of the cases decided in three years: confirmed",
        needs: &[],
        asked: None,
        told: None,
    },
];

/// A figure as it was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// Of which measure.
    pub id: String,
    /// How many are so.
    pub part: i64,
    /// Of how many.
    pub whole: i64,
}

impl Figure {
    /// Part of the whole, 0 to 1; null of nothing.
    #[expect(clippy::cast_precision_loss, reason = "payments of a country fit a double exactly")]
    pub fn share(&self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }

    /// What it measures; null of a card that a newer program wrote.
    pub fn measure(&self) -> Option<&'static Measure> {
        MEASURES.iter().find(|it| it.id == self.id)
    }
}

/// The card. A measure whose tables no usable feed fills is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The month that it is about, yyyymm.
    pub month: i32,
    /// In the order of [`MEASURES`].
    pub figures: Vec<Figure>,
}

impl Card {
    /// The figures of one dimension.
    pub fn of(&self, dimension: &str) -> impl Iterator<Item = (&Figure, &'static Measure)> {
        self.figures.iter().filter_map(|it| Some((it, it.measure()?))).filter(move |(_, it)| it.dimension == dimension)
    }

    /// Measures that could not be measured, for want of usable feeds.
    pub fn lacking(&self) -> impl Iterator<Item = &'static Measure> {
        MEASURES.iter().filter(|measure| !self.figures.iter().any(|it| it.id == measure.id))
    }
}

/// Measures what the tables tell, as of the end of a month. `usable` says whether a shared table is filled by feeds that may be believed.
pub async fn card(engine: &Engine, month_end: NaiveDate, usable: impl Fn(&str) -> bool) -> Result<Card, EngineError> {
    let month = month_of(days(month_end)).unwrap_or_default();
    let params = Params::from([
        ("month_end".to_owned(), Param::Day(month_end)),
        ("month".to_owned(), Param::Month(month)),
        ("year_first".to_owned(), Param::Month(add_months(month, -11).unwrap_or(month))),
    ]);
    let mut card = Card { month, figures: Vec::new() };
    let mut rows: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for measure in MEASURES {
        let Some((sql, pair)) = measure.told.filter(|_| measure.needs.iter().all(|it| usable(it))) else { continue };
        let row = match rows.entry(sql) {
            Entry::Occupied(asked) => asked.into_mut(),
            Entry::Vacant(new) => {
                let batches = engine.query(sql, &params).await?;
                let row = batches.iter().find(|it| it.num_rows() == 1).expect("counts are one row");
                new.insert(row.columns().iter().map(|it| it.as_primitive::<Int64Type>().value(0)).collect())
            }
        };
        card.figures.push(Figure { id: measure.id.to_owned(), part: row[2 * pair], whole: row[2 * pair + 1] });
    }
    Ok(card)
}

/// Cases count that were opened after this day: dimension 23.4 looks back over three years.
pub fn since(tonight: NaiveDate) -> NaiveDate {
    tonight.checked_sub_months(chrono::Months::new(36)).unwrap_or(tonight)
}

/// What the nights and their cases show of audits: dimension 23.4. `nights` hold tonight.
pub fn audits(nights: &[NaiveDate], cases: &[Case], tonight: NaiveDate) -> Vec<Figure> {
    let figure = |id: &str, part: usize, whole: usize| Figure {
        id: id.to_owned(),
        part: i64::try_from(part).unwrap_or(i64::MAX),
        whole: i64::try_from(whole).unwrap_or(i64::MAX),
    };
    let month = |day: NaiveDate| month_of(days(day)).unwrap_or_default();
    let year: Vec<i32> = (0..12).filter_map(|ago| add_months(month(tonight), -ago)).collect();
    let reconciled = year.iter().filter(|it| nights.iter().any(|night| *night <= tonight && month(*night) == **it)).count();
    let opened: Vec<&Case> = cases.iter().filter(|it| it.opened_on > since(tonight) && it.opened_on <= tonight).collect();
    let settled = |it: &&&Case| matches!(it.state, State::Settled(_));
    let confirmed = |it: &&&Case| matches!(it.state, State::Settled(it) if matches!(it.outcome, Outcome::C1 | Outcome::C2));
    let decided = opened.iter().filter(settled).count();
    vec![
        figure("months-reconciled", reconciled, year.len()),
        figure("cases-decided", opened.iter().filter(|it| !it.state.is_open()).count(), opened.len()),
        figure("cases-confirmed", opened.iter().filter(confirmed).count(), decided),
    ]
}

#[cfg(test)]
mod tests;
