//! The prompt tables of the model city, as of any month: 编制和人员情况提示表, 市管领导干部配置情况提示表, and the three consistencies.
//!
//! A table is one row per unit and one whole number per [`Measure`]; every measure adds up over units, so a table by system or by region
//! is a sum and nothing else ([`Prompt::by`]). What a measure counts is said once, in its `about`.
//!
//! Vacancies and excess never cancel each other: both are summed over units and quota groups, and `vacant - over = approved - actual`
//! holds for every row and every sum ([`Prompt::reconciles`]).

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineError, Param, Params};
use crate::function::{days, month_of};

mod measure;
mod sql;
#[cfg(test)]
mod tests;

pub use measure::{CONSISTENCY, LEADERS, Measure, QUOTA};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// 编制和人员情况提示表.
    Quota,
    /// 市管领导干部配置情况提示表.
    Leaders,
    /// 三个一致.
    Consistency,
}

impl Which {
    /// All of them, in reading order.
    pub const ALL: [Which; 3] = [Which::Quota, Which::Leaders, Which::Consistency];

    /// Chinese and English title.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Which::Quota => ("编制和人员情况提示表", "Establishment and staff"),
            Which::Leaders => ("领导干部配置情况提示表", "Leading posts"),
            Which::Consistency => ("“三个一致”对照表", "The three consistencies"),
        }
    }

    /// Its columns.
    pub fn measures(self) -> &'static [Measure] {
        match self {
            Which::Quota => QUOTA,
            Which::Leaders => LEADERS,
            Which::Consistency => CONSISTENCY,
        }
    }

    /// The groups in which approved and actual are compared: what its measures begin with, and the types that are compared together.
    fn groups(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Which::Quota => {
                &[("admin", &["administrative", "political-legal", "worker"]), ("inst", &["civil-like", "institution", "pool"])]
            }
            Which::Leaders => &[
                ("chief", &["chief"]),
                ("deputy", &["deputy"]),
                ("discipline", &["discipline"]),
                ("chief-engineer", &["chief-engineer"]),
                ("inner-chief", &["inner-chief"]),
                ("inner-deputy", &["inner-deputy"]),
                ("other", &["other"]),
            ],
            Which::Consistency => &[],
        }
    }

    fn sql(self) -> &'static str {
        match self {
            Which::Quota => sql::QUOTA,
            Which::Leaders => sql::LEADERS,
            Which::Consistency => sql::CONSISTENCY,
        }
    }
}

/// One row: a unit, or a group of units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Code of the unit or of the group; empty for staff whose unit could not be linked.
    pub code: String,
    /// Name of the unit; empty for a group, whose code has a label.
    pub name: String,
    /// A value of `system`, where the register says so.
    pub system: Option<String>,
    /// Division code.
    pub region: Option<String>,
    /// Code of the superior unit.
    pub parent: Option<String>,
    /// By measure; what is not named is 0.
    pub values: BTreeMap<String, i64>,
}

impl Row {
    /// The value of a measure.
    pub fn value(&self, measure: &str) -> i64 {
        self.values.get(measure).copied().unwrap_or(0)
    }

    /// Adds to a measure.
    pub fn add(&mut self, measure: &str, value: i64) {
        if value != 0 {
            *self.values.entry(measure.to_owned()).or_default() += value;
        }
    }

    fn plus(&mut self, other: &Row) {
        for (measure, value) in &other.values {
            self.add(measure, *value);
        }
    }
}

/// How rows are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// One row per unit.
    #[default]
    Unit,
    /// One row per system.
    System,
    /// One row per division.
    Region,
}

/// A table as of the end of a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Which table.
    pub table: Which,
    /// The month, yyyymm.
    pub month: i32,
    /// By code.
    pub rows: Vec<Row>,
}

impl Prompt {
    /// The sum over all rows.
    pub fn total(&self) -> Row {
        let mut total = Row::default();
        self.rows.iter().for_each(|it| total.plus(it));
        total
    }

    /// The same numbers, one row per group of units.
    #[must_use]
    pub fn by(&self, by: By) -> Prompt {
        let key = |row: &Row| match by {
            By::Unit => row.code.clone(),
            By::System => row.system.clone().unwrap_or_default(),
            By::Region => row.region.clone().unwrap_or_default(),
        };
        if by == By::Unit {
            return self.clone();
        }
        let mut groups: BTreeMap<String, Row> = BTreeMap::new();
        for row in &self.rows {
            let code = key(row);
            groups.entry(code.clone()).or_insert_with(|| Row { code, ..Row::default() }).plus(row);
        }
        Prompt { rows: groups.into_values().collect(), ..self.clone() }
    }

    /// Only the unit called `code` and the units below it, at any depth.
    #[must_use]
    pub fn below(&self, code: &str) -> Prompt {
        let mut wanted: Vec<&str> = vec![code];
        let mut at = 0;
        while let Some(parent) = wanted.get(at).copied() {
            let children = self.rows.iter().filter(|it| it.parent.as_deref() == Some(parent)).map(|it| it.code.as_str());
            let new: Vec<&str> = children.filter(|it| !wanted.contains(it)).collect();
            wanted.extend(new);
            at += 1;
        }
        Prompt { rows: self.rows.iter().filter(|it| wanted.contains(&it.code.as_str())).cloned().collect(), ..self.clone() }
    }

    /// Whether every row adds up: vacancies less excess are approved less actual, the year's opening with its entries and exits is what
    /// there is now, and what is in order and what is not is everything.
    pub fn reconciles(&self) -> bool {
        self.rows.iter().all(|row| match self.table {
            Which::Quota => {
                let net = row.value("approved") - row.value("actual");
                net == row.value("vacant") - row.value("over")
                    && row.value("opening") + row.value("year-in") - row.value("year-out") == row.value("actual")
            }
            Which::Leaders => row.value("approved") - row.value("actual") == row.value("vacant") - row.value("over"),
            Which::Consistency => ["unit", "person", "ledger"].iter().all(|it| {
                let value = |of: &str| row.value(&format!("{it}-{of}"));
                value("all") == value("fine") + value("without")
            }),
        })
    }
}

/// The table `which` as it stood at the end of the day `month_end`.
pub async fn prompt(engine: &Engine, which: Which, month_end: NaiveDate) -> Result<Prompt, EngineError> {
    let month = month_of(days(month_end)).unwrap_or_default();
    let year_before = NaiveDate::from_ymd_opt(month / 100 - 1, 12, 31).unwrap_or(month_end);
    let params = Params::from([
        ("month_end".to_owned(), Param::Day(month_end)),
        ("year_before".to_owned(), Param::Day(year_before)),
        ("month".to_owned(), Param::Month(month)),
    ]);
    let register = register(&engine.query(sql::REGISTER, &params).await?);
    let mut rows: BTreeMap<Option<i32>, Row> = BTreeMap::new();
    for batch in engine.query(which.sql(), &params).await? {
        let (unit, measure, value) = (batch.column(0).as_primitive::<Int32Type>(), batch.column(1), batch.column(2));
        let (measure, value) = (measure.as_string::<i32>(), value.as_primitive::<Int64Type>());
        for at in 0..batch.num_rows() {
            let unit = unit.is_valid(at).then(|| unit.value(at)).filter(|it| register.contains_key(it));
            let row = rows.entry(unit).or_insert_with(|| unit.and_then(|it| register.get(&it).cloned()).unwrap_or_default());
            row.add(measure.value(at), value.value(at));
        }
    }
    let mut rows: Vec<Row> = rows.into_values().filter(|it| !it.values.is_empty()).collect();
    rows.iter_mut().for_each(|it| compare(it, which));
    rows.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(Prompt { table: which, month, rows })
}

/// Vacancies and excess, group by group, and their sums.
fn compare(row: &mut Row, which: Which) {
    for (group, types) in which.groups() {
        let sum = |side: &str| types.iter().map(|it| row.value(&format!("{it}-{side}"))).sum::<i64>();
        let (approved, actual) = (sum("approved"), sum("actual"));
        let (vacant, over) = ((approved - actual).max(0), (actual - approved).max(0));
        for (what, value) in [("approved", approved), ("actual", actual), ("vacant", vacant), ("over", over)] {
            if types.len() > 1 {
                row.add(&format!("{group}-{what}"), value);
            }
            row.add(what, value);
        }
        for it in *types {
            let gap = row.value(&format!("{it}-approved")) - row.value(&format!("{it}-actual"));
            row.add(&format!("{it}-vacant"), gap.max(0));
            row.add(&format!("{it}-over"), (-gap).max(0));
        }
    }
}

fn register(batches: &[RecordBatch]) -> BTreeMap<i32, Row> {
    let mut register = BTreeMap::new();
    for batch in batches {
        let ids = batch.column(0).as_primitive::<Int32Type>();
        for at in 0..batch.num_rows() {
            let text = |column: usize| {
                let cells = batch.column(column).as_string::<i32>();
                cells.is_valid(at).then(|| cells.value(at).to_owned())
            };
            let row = Row {
                code: text(1).unwrap_or_default(),
                name: text(2).unwrap_or_default(),
                system: text(3),
                region: text(4),
                parent: text(5),
                values: BTreeMap::new(),
            };
            register.insert(ids.value(at), row);
        }
    }
    register
}
