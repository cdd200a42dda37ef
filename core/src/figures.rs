//! Establishment against staff, in total and by unit: the figures that leaders read first.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, EngineError, Param, Params};

/// The published table of the city: administrative and institutional quotas, who fills them, and what is vacant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Administrative quotas (administrative, political and legal, support workers).
    pub administrative: Line,
    /// Institution quotas.
    pub institution: Line,
    /// Public institutions that exist.
    pub institutions: u64,
    /// Institutions that have more staff than their quota allows.
    pub units_over: u64,
    /// Accounts on the real-name network.
    pub network_accounts: u64,
    /// Approval documents in the archive.
    pub documents: u64,
    /// 编制和人员情况提示表: one row per unit that has a quota or staff, by unit code.
    #[serde(default)]
    pub units: Vec<UnitFigures>,
}

/// Approved, actual, and the difference both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Approved number.
    pub approved: i64,
    /// People who occupy it.
    pub actual: i64,
    /// Sum of vacancies over the units that have some.
    pub vacant: i64,
    /// Sum of excess over the units that have some. `approved - actual = vacant - over`.
    pub over: i64,
}

impl Line {
    /// The line of one unit.
    pub fn of(approved: i64, actual: i64) -> Line {
        Line { approved, actual, vacant: (approved - actual).max(0), over: (actual - approved).max(0) }
    }

    /// Two lines added up: vacancies and excess do not cancel each other.
    #[must_use]
    pub fn plus(&self, other: &Line) -> Line {
        Line {
            approved: self.approved + other.approved,
            actual: self.actual + other.actual,
            vacant: self.vacant + other.vacant,
            over: self.over + other.over,
        }
    }

    /// Net vacancy: approved less actual.
    pub fn net(&self) -> i64 {
        self.approved - self.actual
    }

    /// Net vacancy as a share of the approved number; null without a quota.
    pub fn vacancy_rate(&self) -> Option<f64> {
        (self.approved > 0).then(|| self.net() as f64 / self.approved as f64)
    }
}

/// One unit of the prompt table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFigures {
    /// Code on the register; empty for staff whose unit could not be linked.
    pub code: String,
    /// Full name.
    pub name: String,
    /// A value of `unit_kind`.
    pub kind: Option<String>,
    /// Administrative quotas.
    pub administrative: Line,
    /// Institution quotas.
    pub institution: Line,
}

impl UnitFigures {
    /// Both groups together.
    pub fn both(&self) -> Line {
        self.administrative.plus(&self.institution)
    }
}

/// The figures as they stood at the end of the day `month_end`.
///
/// A unit exists from its set-up to its abolition, and an abolished unit has no quota. Of several approvals for a unit and type the one
/// that took effect last counts; documents of one day are added. Somebody with two rows in one unit and group is one person.
pub async fn figures(engine: &Engine, month_end: NaiveDate) -> Result<Figures, EngineError> {
    let params = Params::from([("month_end".to_owned(), Param::Day(month_end))]);
    let units = units(&engine.query(UNITS, &params).await?);
    let mut figures = counts(&engine.query(COUNTS, &params).await?);
    figures.administrative = sum(&units, |it| it.administrative);
    figures.institution = sum(&units, |it| it.institution);
    let existing_institution =
        |it: &&UnitFigures| matches!(it.kind.as_deref(), Some("institution" | "civil-like")) && it.institution.over > 0;
    figures.units_over = units.iter().filter(existing_institution).count() as u64;
    figures.units = units;
    Ok(figures)
}

fn sum(units: &[UnitFigures], line: impl Fn(&UnitFigures) -> Line) -> Line {
    units.iter().fold(Line::default(), |sum, it| sum.plus(&line(it)))
}

/// One row per unit and quota group that has a quota or staff. The kind of a unit that does not exist any more is left out.
const UNITS: &str = "
with type_group as (
  select * from (values
    ('administrative', 'administrative'), ('political-legal', 'administrative'), ('worker', 'administrative'),
    ('institution', 'institution'), ('civil-like', 'institution'), ('pool', 'institution')
  ) as v (quota_type, quota_group)
),
register as (
  select unit_id, unit_code, unit_name, kind,
    (set_up_on is null or set_up_on <= $month_end) and (abolished_on is null or abolished_on > $month_end) as existing
  from unit
),
in_force as (
  select unit_id, quota_type, amount, rank() over (partition by unit_id, quota_type order by effective_on desc nulls last) as place
  from quota
  where (effective_on is null or effective_on <= $month_end) and (ends_on is null or ends_on > $month_end)
),
both_sides as (
  select f.unit_id, g.quota_group, cast(sum(f.amount) as bigint) as approved, cast(0 as bigint) as actual
  from in_force f
  join type_group g on g.quota_type = f.quota_type
  left join register r on r.unit_id = f.unit_id
  where f.place = 1 and r.existing is not false
  group by f.unit_id, g.quota_group
  union all
  select e.unit_id, g.quota_group, cast(0 as bigint), cast(count(distinct e.person_id) + count(*) - count(e.person_id) as bigint)
  from establishment e
  join type_group g on g.quota_type = e.quota_type
  where e.counts is not false
    and (e.entered_on is null or e.entered_on <= $month_end) and (e.exited_on is null or e.exited_on > $month_end)
  group by e.unit_id, g.quota_group
)
select arrow_cast(r.unit_code, 'Utf8') as unit_code, arrow_cast(r.unit_name, 'Utf8') as unit_name,
  arrow_cast(case when r.existing then r.kind end, 'Utf8') as kind,
  b.quota_group = 'administrative' as administrative, cast(b.approved as bigint) as approved, cast(b.actual as bigint) as actual
from (
  select unit_id, quota_group, sum(approved) as approved, sum(actual) as actual from both_sides group by unit_id, quota_group
) b
left join register r on r.unit_id = b.unit_id
order by unit_code, b.unit_id, b.quota_group";

/// The counts that do not hang on a unit's quota.
const COUNTS: &str = "
with existing as (
  select * from unit
  where (set_up_on is null or set_up_on <= $month_end) and (abolished_on is null or abolished_on > $month_end)
)
select
  (select count(*) from existing where kind in ('institution', 'civil-like')) as institutions,
  (select count(distinct network_account) from existing) as network_accounts,
  (select count(distinct document_no) from document) as documents";

/// Staff whose unit could not be linked, or is not on the register, stand under an empty code: they are on the establishment all the same.
fn units(batches: &[RecordBatch]) -> Vec<UnitFigures> {
    let mut units: BTreeMap<String, UnitFigures> = BTreeMap::new();
    for batch in batches {
        let text = |at: usize, row: usize| {
            let column = batch.column(at).as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let administrative = batch.column(3).as_boolean();
        let number = |at: usize, row| batch.column(at).as_primitive::<Int64Type>().value(row);
        for row in 0..batch.num_rows() {
            let code = text(0, row).unwrap_or_default();
            let unit = units.entry(code.clone()).or_insert_with(|| UnitFigures {
                code,
                name: text(1, row).unwrap_or_default(),
                kind: text(2, row),
                ..UnitFigures::default()
            });
            let line = Line::of(number(4, row), number(5, row));
            let group = if administrative.value(row) { &mut unit.administrative } else { &mut unit.institution };
            *group = group.plus(&line);
        }
    }
    units.into_values().collect()
}

fn counts(batches: &[RecordBatch]) -> Figures {
    let row = batches.iter().find(|it| it.num_rows() > 0);
    let count = |at: usize| row.map_or(0, |it| it.column(at).as_primitive::<Int64Type>().value(0).unsigned_abs());
    Figures { institutions: count(0), network_accounts: count(1), documents: count(2), ..Figures::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Limits;
    use crate::schema::{self, Table};

    /// A table of the linked shape from JSON lines; what a line does not name is null.
    fn table(engine: &Engine, table: &'static Table, lines: &str) {
        let schema = table.linked_schema();
        let reader = arrow::json::ReaderBuilder::new(schema.clone()).build(lines.as_bytes()).expect("a reader");
        let batches = reader.collect::<Result<Vec<_>, _>>().expect("rows");
        engine.batches(table.name, schema, batches);
    }

    async fn check(quota: &str, establishment: &str) -> Figures {
        let engine = Engine::new(&Limits::default());
        table(
            &engine,
            &schema::UNITS,
            r#"
            {"unit_id": 1, "unit_code": "01", "unit_name": "财政局", "kind": "organ", "network_account": "a"}
            {"unit_id": 2, "unit_code": "02", "unit_name": "中学", "kind": "institution", "network_account": "b"}
            {"unit_id": 3, "unit_code": "03", "unit_name": "监测站", "kind": "civil-like", "network_account": "b"}
            {"unit_id": 4, "unit_code": "04", "unit_name": "旧站", "kind": "institution", "network_account": "c", "abolished_on": "2015-06-30"}
            {"unit_id": 5, "unit_code": "05", "unit_name": "新站", "kind": "institution", "set_up_on": "2016-01-01"}
            "#,
        );
        table(&engine, &schema::DOCUMENT, r#"{"document_no": "1号"} {"document_no": "2号"} {"document_no": "1号"}"#);
        table(&engine, &schema::QUOTA, quota);
        table(&engine, &schema::ESTABLISHMENT, establishment);
        figures(&engine, "2015-12-31".parse().expect("a day")).await.expect("the queries fit the schema")
    }

    #[tokio::test]
    async fn vacancies_and_excess_do_not_cancel_each_other() {
        let figures = check(
            r#"
            {"unit_id": 1, "quota_type": "administrative", "amount": 4}
            {"unit_id": 1, "quota_type": "worker", "amount": 1}
            {"unit_id": 1, "quota_type": "non-quota", "amount": 9}
            {"unit_id": 2, "quota_type": "institution", "amount": 3}
            {"unit_id": 3, "quota_type": "civil-like", "amount": 1}
            "#,
            r#"
            {"person_id": 1, "unit_id": 1, "quota_type": "administrative"}
            {"person_id": 2, "unit_id": 1, "quota_type": "political-legal"}
            {"person_id": 3, "unit_id": 2, "quota_type": "institution"}
            {"person_id": 4, "unit_id": 3, "quota_type": "civil-like"}
            {"person_id": 5, "unit_id": 3, "quota_type": "institution"}
            {"person_id": 6, "unit_id": 3, "quota_type": "non-quota"}
            "#,
        )
        .await;
        assert_eq!(figures.administrative, Line { approved: 5, actual: 2, vacant: 3, over: 0 });
        assert_eq!(figures.institution, Line { approved: 4, actual: 3, vacant: 2, over: 1 });
        assert_eq!((figures.institutions, figures.units_over, figures.network_accounts, figures.documents), (2, 1, 2, 2));
        let codes: Vec<&str> = figures.units.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, ["01", "02", "03"]);
        assert_eq!(figures.units[2].institution, Line { approved: 1, actual: 2, vacant: 0, over: 1 });
        for line in [figures.administrative, figures.institution] {
            assert_eq!(line.net(), line.vacant - line.over);
        }
    }

    #[tokio::test]
    async fn only_the_newest_approval_in_force_counts() {
        let figures = check(
            r#"
            {"unit_id": 2, "quota_type": "institution", "amount": 10, "effective_on": "2010-01-01"}
            {"unit_id": 2, "quota_type": "institution", "amount": 6, "effective_on": "2014-01-01"}
            {"unit_id": 2, "quota_type": "institution", "amount": 2, "effective_on": "2014-01-01"}
            {"unit_id": 2, "quota_type": "institution", "amount": 99, "effective_on": "2016-01-01"}
            {"unit_id": 3, "quota_type": "institution", "amount": 7, "ends_on": "2015-12-31"}
            {"unit_id": 4, "quota_type": "institution", "amount": 5}
            "#,
            "",
        )
        .await;
        assert_eq!(figures.institution, Line { approved: 8, actual: 0, vacant: 8, over: 0 });
    }

    #[tokio::test]
    async fn people_count_once_in_a_unit_and_only_while_they_occupy_a_quota() {
        let figures = check(
            r#"{"unit_id": 2, "quota_type": "institution", "amount": 5}"#,
            r#"
            {"person_id": 1, "unit_id": 2, "quota_type": "institution"}
            {"person_id": 1, "unit_id": 2, "quota_type": "institution", "entered_on": "2012-01-01"}
            {"person_id": 2, "unit_id": 2, "quota_type": "institution", "counts": false}
            {"person_id": 3, "unit_id": 2, "quota_type": "institution", "exited_on": "2015-12-31"}
            {"person_id": 4, "unit_id": 2, "quota_type": "institution", "exited_on": "2016-01-01"}
            {"person_id": 5, "unit_id": 2, "quota_type": "institution", "entered_on": "2016-01-01"}
            {"unit_id": 2, "quota_type": "institution"}
            {"person_id": 6, "quota_type": "institution"}
            {"person_id": 7, "unit_id": 4, "quota_type": "institution"}
            "#,
        )
        .await;
        // Two people and a row without anybody in the school; one whose unit is unknown; one left behind in an abolished unit.
        assert_eq!(figures.institution, Line { approved: 5, actual: 5, vacant: 2, over: 2 });
        assert_eq!(figures.units_over, 0, "neither of them is an institution that exists");
        assert_eq!(figures.units.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["", "02", "04"]);
    }
}
