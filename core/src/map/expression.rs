//! SQL in mappings: one expression over the raw columns of a row, planned once and evaluated batch by batch.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Operator, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::expressions::{BinaryExpr, NegativeExpr, lit};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast::{Expr as Sql, visit_expressions};
use datafusion::sql::sqlparser::parser::ParserError;

use crate::diag::nearest;
use crate::read::Unread;

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is wrong.
    pub what: String,
    /// One-based line and column in characters, where known.
    pub at: Option<(usize, usize)>,
    /// What to try.
    pub hint: Option<String>,
}

/// An expression, planned for the schema of one source.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    physical: Arc<dyn PhysicalExpr>,
    gives: DataType,
}

/// Names are taken as they are written: the columns of old systems are upper case, and nobody quotes them.
static SESSION: LazyLock<SessionContext> = LazyLock::new(|| {
    SessionContext::new_with_config(SessionConfig::new().set_bool("datafusion.sql_parser.enable_ident_normalization", false))
});

/// Checks what can be checked before the source is known, and gives the columns that `sql` reads.
pub(crate) fn check(sql: &str) -> Result<Vec<String>, Refused> {
    let columns = columns(sql)?;
    let schema = Schema::new(columns.iter().map(|it| Field::new(it, DataType::Utf8, true)).collect::<Vec<_>>());
    let expression = logical(sql, &schema)?;
    refuse_what_looks_beyond_the_row(&expression)?;
    refuse_constants_that_overflow(&expression)?;
    Ok(columns)
}

fn columns(sql: &str) -> Result<Vec<String>, Refused> {
    let state = SESSION.state();
    let parsed = state.sql_to_expr(sql, &state.config_options().sql_parser.dialect).map_err(|it| refused(&it))?;
    let mut columns = BTreeSet::new();
    let walked = visit_expressions(&parsed, |it| match it {
        Sql::Identifier(name) => {
            columns.insert(name.value.clone());
            ControlFlow::Continue(())
        }
        Sql::CompoundIdentifier(parts) => ControlFlow::Break(parts.iter().map(|it| it.value.as_str()).collect::<Vec<_>>().join(".")),
        Sql::Subquery(_) | Sql::Exists { .. } | Sql::InSubquery { .. } => ControlFlow::Break("(select …)".to_owned()),
        _ => ControlFlow::Continue(()),
    });
    match walked {
        ControlFlow::Continue(()) => Ok(columns.into_iter().collect()),
        ControlFlow::Break(what) => Err(Refused {
            what: format!("`{what}` is no column of the row"),
            at: None,
            hint: Some("an expression sees one row of one source; write the bare column name".to_owned()),
        }),
    }
}

fn logical(sql: &str, schema: &Schema) -> Result<Expr, Refused> {
    let schema = DFSchema::try_from(schema.clone()).map_err(|it| refused(&it))?;
    SESSION.parse_sql_expr(sql, &schema).map_err(|it| refused(&it))
}

/// The same row must mean the same in every night and on every machine.
fn refuse_what_looks_beyond_the_row(expression: &Expr) -> Result<(), Refused> {
    const CLOCKS: [&str; 5] = ["now", "current_date", "current_time", "current_timestamp", "today"];
    let mut what = None;
    let walked = expression.exists(|it| {
        what = match it {
            Expr::ScalarFunction(it) if it.func.signature().volatility == Volatility::Volatile || CLOCKS.contains(&it.func.name()) => {
                Some(format!("`{}` gives something else every time", it.func.name()))
            }
            Expr::AggregateFunction(it) => Some(format!("`{}` looks at many rows", it.func.name())),
            Expr::WindowFunction(_) => Some("a window function looks at many rows".to_owned()),
            _ => None,
        };
        Ok(what.is_some())
    });
    match (walked, what) {
        (Ok(false), _) => Ok(()),
        (_, what) => Err(Refused {
            what: what.unwrap_or_else(|| "this expression cannot be walked".to_owned()),
            at: None,
            hint: Some("a mapping reads one row at a time, and the same row always alike".to_owned()),
        }),
    }
}

/// The engine folds constants before it computes, and what folding overflows it wraps around without a word.
fn refuse_constants_that_overflow(expression: &Expr) -> Result<(), Refused> {
    let nothing = DFSchema::empty();
    let one_row =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &RecordBatchOptions::new().with_row_count(Some(1)));
    let (Ok(one_row), context) = (one_row, SimplifyContext::builder().with_schema(Arc::new(nothing.clone())).build()) else {
        return Ok(());
    };
    let overflows = |it: &Expr| {
        let arithmetic = matches!(it, Expr::BinaryExpr(_) | Expr::Negative(_));
        if !arithmetic || !it.column_refs().is_empty() {
            return false;
        }
        let Ok(coerced) = ExprSimplifier::new(context.clone()).coerce(it.clone(), &nothing) else { return false };
        let planned = create_physical_expr(&coerced, &nothing, &ExecutionProps::new(), &PhysicalPlanningContext::default())
            .and_then(|it| checked(it, &Schema::empty()));
        planned.and_then(|it| it.evaluate(&one_row)).is_err_and(|it| why(&it) == Unread::TooLarge)
    };
    match expression.exists(|it| Ok(overflows(it))) {
        Ok(true) => Err(Refused {
            what: "this arithmetic on constants gives a number that is too large".to_owned(),
            at: None,
            hint: Some("write the number as a decimal, like 9e18 or cast('…' as decimal(38,0))".to_owned()),
        }),
        _ => Ok(()),
    }
}

/// The same expression, whose whole numbers fail where they overflow; the engine's own wrap around.
fn checked(expression: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let strict = |left, operator, right| Arc::new(BinaryExpr::new(left, operator, right).with_fail_on_overflow(true));
    let of_node = |it: Arc<dyn PhysicalExpr>| {
        if let Some(binary) = it.downcast_ref::<BinaryExpr>() {
            return Ok(Transformed::yes(strict(Arc::clone(binary.left()), *binary.op(), Arc::clone(binary.right())) as _));
        }
        // The least whole number has no opposite.
        if let Some(negative) = it.downcast_ref::<NegativeExpr>()
            && negative.arg().data_type(schema)?.is_integer()
        {
            let zero = lit(ScalarValue::new_zero(&negative.arg().data_type(schema)?)?);
            return Ok(Transformed::yes(strict(zero, Operator::Minus, Arc::clone(negative.arg())) as _));
        }
        Ok(Transformed::no(it))
    };
    expression.transform_up(of_node).map(|it| it.data)
}

/// What the engine's parser or planner says, in our words.
fn refused(error: &DataFusionError) -> Refused {
    let text = match error.find_root() {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.clone(),
            other @ ParserError::RecursionLimitExceeded => other.to_string(),
        },
        other => other.strip_backtrace(),
    };
    if let Some(name) = text.split("Invalid function '").nth(1).and_then(|it| it.split('\'').next()) {
        return unknown_function(name);
    }
    let (what, at) = match text.split_once(" at Line: ") {
        Some((what, place)) => (what.to_owned(), line_and_column(place)),
        None => (text, None),
    };
    let what = ["Error during planning: ", "Schema error: ", "This feature is not implemented: ", "type_coercion\ncaused by\n"]
        .iter()
        .fold(what, |it, prefix| it.replace(prefix, ""));
    Refused { what: what.lines().next().unwrap_or("this is no SQL expression").to_owned(), at, hint: None }
}

fn unknown_function(name: &str) -> Refused {
    let known = SESSION.state();
    let near = nearest(&name.to_lowercase(), known.scalar_functions().keys().map(String::as_str)).map(str::to_owned);
    Refused {
        what: format!("there is no SQL function `{name}`"),
        at: None,
        hint: Some(
            near.map_or_else(|| "mappings may use the scalar functions of DataFusion".to_owned(), |it| format!("did you mean `{it}`?")),
        ),
    }
}

fn line_and_column(place: &str) -> Option<(usize, usize)> {
    let (line, column) = place.split_once(", Column: ")?;
    Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
}

impl Expression {
    /// Plans `sql` for batches of `schema`; fails when types do not fit.
    pub(crate) fn plan(sql: &str, schema: &Schema) -> Result<Expression, Refused> {
        let logical = logical(sql, schema)?;
        let known = DFSchema::try_from(schema.clone()).map_err(|it| refused(&it))?;
        let plain = plain(logical, &known).map_err(|it| refused(&it))?;
        let physical = SESSION.create_physical_expr(plain, &known).and_then(|it| checked(it, schema)).map_err(|it| refused(&it))?;
        let gives = physical.data_type(schema).map_err(|it| refused(&it))?;
        Ok(Expression { physical, gives })
    }

    /// The type of what comes out.
    pub(crate) fn gives(&self) -> &DataType {
        &self.gives
    }

    /// One value a row, and the rows where the expression fails (`cast('abc' as int)`), with why: those are null.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> (ArrayRef, Vec<(u32, Unread)>) {
        match self.at_once(batch) {
            Ok(array) => (array, Vec::new()),
            Err(_) => self.row_by_row(batch),
        }
    }

    fn at_once(&self, batch: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        self.physical.evaluate(batch).and_then(|it| it.into_array(batch.num_rows()))
    }

    /// The engine fails for a batch as a whole; only this tells which rows are to blame.
    fn row_by_row(&self, batch: &RecordBatch) -> (ArrayRef, Vec<(u32, Unread)>) {
        let mut failed = Vec::new();
        let rows: Vec<ArrayRef> = (0..batch.num_rows())
            .map(|row| {
                self.at_once(&batch.slice(row, 1)).unwrap_or_else(|error| {
                    failed.push((row as u32, why(&error)));
                    new_null_array(&self.gives, 1)
                })
            })
            .collect();
        let rows: Vec<&dyn arrow::array::Array> = rows.iter().map(AsRef::as_ref).collect();
        let array = concat(&rows).unwrap_or_else(|_| new_null_array(&self.gives, batch.num_rows()));
        (array, failed)
    }
}

/// `coalesce` and its like have no arithmetic of their own: the engine writes them as CASE before it computes.
fn plain(expression: Expr, known: &DFSchema) -> Result<Expr, DataFusionError> {
    let context = SimplifyContext::builder().with_schema(Arc::new(known.clone())).build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(expression, known)?;
    // A constant that fails is left to fail row by row, where it is told as every other.
    Ok(simplifier.simplify(coerced.clone()).unwrap_or(coerced))
}

/// Why a row fails. The engine's own words would quote its cells.
fn why(error: &DataFusionError) -> Unread {
    match error.find_root() {
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::CastError(_) | ArrowError::ParseError(_) => Unread::SqlCast,
            ArrowError::DivideByZero => Unread::SqlDivision,
            ArrowError::ArithmeticOverflow(_) => Unread::TooLarge,
            _ => Unread::Sql,
        },
        _ => Unread::Sql,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int64Array, StringArray};
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::*;

    fn refusal(sql: &str) -> String {
        let it = check(sql).unwrap_err();
        format!("{}|{}|{}", it.what, it.at.map_or(String::new(), |(l, c)| format!("{l}:{c}")), it.hint.unwrap_or_default())
    }

    #[test]
    fn columns_are_found_as_they_are_written() {
        assert_eq!(check("round((\"YFHJ\" - DKHJ) * 100) + length(单位)").unwrap(), ["DKHJ", "YFHJ", "单位"]);
        assert_eq!(check("case when a = '1' then b else null end").unwrap(), ["a", "b"]);
        assert_eq!(check("1").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn wrong_sql_is_refused_with_its_place() {
        assert_eq!(refusal("a +"), "Expected: an expression, found: EOF||");
        assert_eq!(refusal("(a"), "Expected: ), found: EOF||");
        assert_eq!(refusal("a = = b"), "Expected: an expression, found: =|1:5|");
        assert_eq!(refusal("a b c"), "Expected: end of expression, found: b|1:3|");
        assert_eq!(refusal("roud(a)"), "there is no SQL function `roud`||did you mean `round`?");
        assert_eq!(refusal("t.a"), "`t.a` is no column of the row||an expression sees one row of one source; write the bare column name");
        assert!(refusal("(select 1)").starts_with("`(select …)` is no column"));
        assert!(refusal("now()").starts_with("`now` gives something else every time"));
        assert!(refusal("random() + 1").starts_with("`random` gives"));
        assert!(refusal("sum(a)").starts_with("`sum` looks at many rows"), "{}", refusal("sum(a)"));
    }

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter([
            ("YFHJ", Arc::new(StringArray::from(vec!["10.5", "x", "3"])) as ArrayRef),
            ("N", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn one_bad_row_does_not_spoil_the_batch() {
        let batch = batch();
        let expression = Expression::plan("cast(\"YFHJ\" as double) * 100", &batch.schema()).unwrap();
        let (values, failed) = expression.evaluate(&batch);
        assert_eq!(failed, [(1, Unread::SqlCast)]);
        let values = values.as_primitive::<Float64Type>();
        assert_eq!((values.value(0), values.value(2)), (1050.0, 300.0));
        let (values, failed) = Expression::plan("N * 2", &batch.schema()).unwrap().evaluate(&batch);
        assert!(failed.is_empty());
        assert_eq!(values.as_primitive::<Int64Type>().values(), &[2, 4, 6]);
    }

    #[test]
    fn what_an_empty_cell_counts_as_may_be_said_in_sql() {
        let texts = vec![Some("甲"), None];
        let batch = RecordBatch::try_from_iter([("绩效", Arc::new(StringArray::from(texts)) as ArrayRef)]).unwrap();
        for (sql, wanted) in [
            ("coalesce(\"绩效\", '0')", ["甲", "0"]),
            ("nvl(\"绩效\", '0')", ["甲", "0"]),
            ("ifnull(\"绩效\", '0')", ["甲", "0"]),
            ("nvl2(\"绩效\", '1', '0')", ["1", "0"]),
            ("upper(coalesce(\"绩效\", 'a'))", ["甲", "A"]),
        ] {
            let (values, failed) = Expression::plan(sql, &batch.schema()).unwrap().evaluate(&batch);
            assert_eq!(failed, [], "{sql}");
            let values = arrow::compute::cast(&values, &DataType::Utf8).unwrap();
            assert_eq!(values.as_string::<i32>().iter().map(Option::unwrap).collect::<Vec<_>>(), wanted, "{sql}");
        }
    }

    #[test]
    fn a_failing_row_says_why_and_quotes_nothing() {
        for (sql, wanted) in [
            ("10 / (N - 2)", vec![(1, Unread::SqlDivision)]),
            ("cast(\"YFHJ\" as date)", vec![(0, Unread::SqlCast), (1, Unread::SqlCast), (2, Unread::SqlCast)]),
            ("cast('x' as int)", vec![(0, Unread::SqlCast), (1, Unread::SqlCast), (2, Unread::SqlCast)]),
        ] {
            let (_, failed) = Expression::plan(sql, &batch().schema()).unwrap().evaluate(&batch());
            assert_eq!(failed, wanted, "{sql}");
        }
    }

    #[test]
    fn whole_numbers_that_overflow_are_told_and_never_wrap_around() {
        let numbers = Int64Array::from(vec![1, i64::MAX, i64::MIN]);
        let batch = RecordBatch::try_from_iter([("N", Arc::new(numbers) as ArrayRef)]).unwrap();
        for (sql, wanted) in [
            ("N * 100", vec![1, 2]),
            ("N + 1", vec![1]),
            ("N - 1", vec![2]),
            ("-N", vec![2]),
            ("case when N > 0 then N * 100 else 0 end", vec![1]),
            ("coalesce(N + 1, 0)", vec![1]),
            ("N + 1.5", vec![]),
        ] {
            let (values, failed) = Expression::plan(sql, &batch.schema()).unwrap().evaluate(&batch);
            assert_eq!(failed, wanted.iter().map(|it| (*it, Unread::TooLarge)).collect::<Vec<_>>(), "{sql}");
            assert!(failed.iter().all(|(row, _)| values.is_null(*row as usize)), "{sql}");
        }
        assert!(refusal("N * (9223372036854775807 + 1)").starts_with("this arithmetic on constants gives a number that is too large"));
        assert_eq!(check("N * (100 + 1)").unwrap(), ["N"]);
    }

    #[test]
    fn types_that_do_not_fit_are_refused_when_the_source_is_known() {
        let it = Expression::plan("\"YFHJ\" - \"YFHJ\"", &batch().schema()).unwrap_err();
        assert!(it.what.contains("Utf8 - Utf8"), "{}", it.what);
    }
}
