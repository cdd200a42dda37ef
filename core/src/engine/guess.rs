//! Guesses how many rows each step of a query gives. The smaller side of a join is the one that is held in memory, so a wrong
//! guess costs a night: with the engine's own guesses (a group by person is as large as its input) a rule about a handful of
//! people would hold 24 million payments.
//!
//! The guesses rest on what columns are called in every table of ours: there are so many persons, units and months.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, Result, Statistics};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, IsNotNullExpr};
use datafusion::physical_expr::{PhysicalExprRef, utils::split_conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::operator_statistics::{ExtendedStatistics, StatisticsProvider, StatisticsRegistry, StatisticsResult};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::UnionExec;

/// How many there are tonight; set as tables are registered.
#[derive(Debug)]
pub(super) struct Sizes {
    persons: AtomicUsize,
    units: AtomicUsize,
    months: AtomicUsize,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { persons: AtomicUsize::new(10_000), units: AtomicUsize::new(500), months: AtomicUsize::new(12) }
    }
}

impl Sizes {
    /// Notes the rows of a table that has one for each person or unit, or the months of presence.
    pub fn note(&self, table: &str, count: usize) {
        match table {
            "person" => self.persons.store(count.max(1), Ordering::Relaxed),
            "unit" => self.units.store(count.max(1), Ordering::Relaxed),
            "presence" => self.months.store(count.max(1), Ordering::Relaxed),
            _ => {}
        }
    }

    /// How many different values a column of this name has; none when the name says nothing.
    fn distinct(&self, column: &str) -> Option<f64> {
        let of = match column {
            "person_id" => &self.persons,
            _ if column.ends_with("unit_id") => &self.units,
            _ if column == "month" || column.ends_with("_month") => &self.months,
            _ => return None,
        };
        Some(of.load(Ordering::Relaxed) as f64)
    }
}

/// The guesses, as the engine asks for them.
pub(super) fn registry(sizes: &Arc<Sizes>) -> StatisticsRegistry {
    StatisticsRegistry::with_providers(vec![Arc::new(Guess { sizes: Arc::clone(sizes) })])
}

struct Guess {
    sizes: Arc<Sizes>,
}

impl fmt::Debug for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guess")
    }
}

impl StatisticsProvider for Guess {
    fn compute_statistics(&self, plan: &dyn ExecutionPlan, below: &[ExtendedStatistics]) -> Result<StatisticsResult> {
        let below: Option<Vec<f64>> = below.iter().map(|it| it.base().num_rows.get_value().map(|it| *it as f64)).collect();
        let Some(rows) = below.and_then(|it| self.rows(plan, &it)) else { return Ok(StatisticsResult::Delegate) };
        let rows = rows.max(0.0).ceil().min(1e15) as usize;
        let mut statistics = Statistics::new_unknown(&plan.schema());
        statistics.num_rows = Precision::Inexact(rows);
        statistics.total_byte_size = Precision::Inexact(rows.saturating_mul(width(&plan.schema())));
        Ok(StatisticsResult::Computed(ExtendedStatistics::new(statistics)))
    }
}

impl Guess {
    /// Rows that `plan` gives when its inputs give `below`; none when the plan is no kind we know and does not know itself.
    fn rows(&self, plan: &dyn ExecutionPlan, below: &[f64]) -> Option<f64> {
        if let Some(it) = plan.downcast_ref::<FilterExec>() {
            return Some(below.first()? * self.share(it.predicate(), above_groups(it.input().as_ref())));
        }
        if let Some(it) = plan.downcast_ref::<AggregateExec>() {
            return Some(self.groups(it, *below.first()?));
        }
        if let Some(it) = plan.downcast_ref::<HashJoinExec>() {
            return self.joined(it.on(), *it.join_type(), below);
        }
        if let Some(it) = plan.downcast_ref::<SortMergeJoinExec>() {
            return self.joined(it.on(), it.join_type(), below);
        }
        if let Some(it) = plan.downcast_ref::<NestedLoopJoinExec>() {
            return self.joined(&[], *it.join_type(), below);
        }
        if plan.is::<CrossJoinExec>() {
            return Some(below.iter().product());
        }
        if plan.is::<UnionExec>() {
            return Some(below.iter().sum());
        }
        match below {
            [] => StatisticsContext::new().compute(plan, &StatisticsArgs::new()).ok()?.num_rows.get_value().map(|it| *it as f64),
            [one] => Some(plan.fetch().map_or(*one, |it| one.min(it as f64))),
            _ => None,
        }
    }

    /// The share of rows that pass a condition. Conditions on groups look for what is odd.
    fn share(&self, condition: &PhysicalExprRef, of_groups: bool) -> f64 {
        let each = |it: &&PhysicalExprRef| -> f64 {
            if it.is::<IsNotNullExpr>() {
                return 1.0;
            }
            let Some(comparison) = it.downcast_ref::<BinaryExpr>() else { return 0.5 };
            let months =
                name(comparison.left()).or(name(comparison.right())).filter(|it| *it == "month").and_then(|it| self.sizes.distinct(it));
            match (comparison.op(), months) {
                (Operator::Eq, Some(months)) => 1.0 / months,
                (_, Some(_)) => 1.0,
                // Most payments are salaries, most contributions for pensions.
                (Operator::Eq, None) if matches!(name(comparison.left()), Some("kind" | "scheme")) => 0.8,
                (Operator::Eq, None) => 0.2,
                _ => 0.5,
            }
        };
        let all: f64 = split_conjunction(condition).iter().map(each).product();
        if of_groups { all * 0.1 } else { all }
    }

    fn groups(&self, plan: &AggregateExec, rows: f64) -> f64 {
        let by: Vec<Option<&str>> = plan.group_expr().expr().iter().map(|(it, _)| name(it)).collect();
        if by.is_empty() {
            return 1.0;
        }
        let known: Vec<f64> = by.iter().filter_map(|it| it.and_then(|it| self.sizes.distinct(it))).collect();
        // Columns that say nothing mostly hang on those that do: the day of a death on the person.
        if known.is_empty() { rows * 0.5 } else { rows.min(known.iter().product()) }
    }

    fn joined(&self, on: &[(PhysicalExprRef, PhysicalExprRef)], kind: JoinType, below: &[f64]) -> Option<f64> {
        let [left, right] = below else { return None };
        let keys: f64 = on.iter().filter_map(|(left, right)| self.sizes.distinct(name(left).or(name(right))?)).product();
        let inner = if keys > 1.0 { left * right / keys } else { left.max(*right) };
        let matched = |rows: f64, others: f64| rows * (others / keys.max(1.0)).min(1.0);
        Some(match kind {
            JoinType::Inner => inner,
            JoinType::Left => inner.max(*left),
            JoinType::Right => inner.max(*right),
            JoinType::Full => inner.max(left + right),
            JoinType::LeftSemi => matched(*left, *right),
            JoinType::RightSemi => matched(*right, *left),
            JoinType::LeftAnti => (left - matched(*left, *right)).max(left * 0.05),
            JoinType::RightAnti => (right - matched(*right, *left)).max(right * 0.05),
            JoinType::LeftMark => *left,
            JoinType::RightMark => *right,
        })
    }
}

fn name(expr: &PhysicalExprRef) -> Option<&str> {
    expr.downcast_ref::<Column>().map(Column::name)
}

/// Whether a step works on groups: on an aggregation, with nothing but moving of rows between.
fn above_groups(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<AggregateExec>() || matches!(plan.children().as_slice(), [one] if !plan.is::<FilterExec>() && above_groups(one.as_ref()))
}

/// Bytes of a row in memory, about.
fn width(schema: &Schema) -> usize {
    let of = |it: &DataType| it.primitive_width().unwrap_or(if *it == DataType::Boolean { 1 } else { 20 });
    schema.fields().iter().map(|it| of(it.data_type())).sum::<usize>().max(1)
}
