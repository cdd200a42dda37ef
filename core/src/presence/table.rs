//! Presence as a table of the engine: rows are made when a query asks for them, only the columns it names, only the persons
//! and months that pass its filters on flags and months. Rows come by person, then by month, and the engine is told so.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, ScalarValue, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use super::{Presence, Units, flag};
use crate::schema::PRESENCE;

/// The provider of the table `presence`.
#[derive(Debug)]
pub(super) struct PresenceTable {
    presence: Arc<Presence>,
    schema: SchemaRef,
}

impl PresenceTable {
    pub fn new(presence: Arc<Presence>) -> PresenceTable {
        PresenceTable { presence, schema: PRESENCE.schema() }
    }
}

#[async_trait]
impl TableProvider for PresenceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |it: &&Expr| match Sieve::default().take(it) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sieve = filters.iter().fold(Sieve::default(), |sieve, filter| sieve.take(filter).unwrap_or(sieve));
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        let parts = state.config().target_partitions().max(1);
        Ok(Arc::new(PresenceScan::new(Arc::clone(&self.presence), schema, sieve, parts)))
    }
}

/// Which persons and months pass: those whose flags under `mask` equal `wanted`, in a range of months.
#[derive(Clone, Copy, Debug)]
struct Sieve {
    mask: u16,
    wanted: u16,
    first: i32,
    last: i32,
    /// Two filters contradict each other.
    nothing: bool,
}

impl Default for Sieve {
    fn default() -> Sieve {
        Sieve { mask: 0, wanted: 0, first: i32::MIN, last: i32::MAX, nothing: false }
    }
}

impl Sieve {
    /// This sieve and `filter`; none when the filter is of another kind and the engine has to apply it.
    fn take(self, filter: &Expr) -> Option<Sieve> {
        match filter {
            Expr::Column(it) => self.flag(&it.name, true),
            Expr::IsTrue(it) => self.flag(name(it)?, true),
            Expr::Not(it) | Expr::IsFalse(it) => self.flag(name(it)?, false),
            // Only `on_post` can be null; for it "not true" is the one flag alone.
            Expr::IsNotTrue(it) => Some(self.bits(bit(name(it)?)?, 0)),
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => self.take(left)?.take(right),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (name(left), number(right), name(right), number(left)) {
                (Some("month"), Some(month), ..) => self.months(*op, month),
                (.., Some("month"), Some(month)) => self.months(op.swap()?, month),
                _ => None,
            },
            Expr::Between(it) if !it.negated && name(&it.expr) == Some("month") => {
                self.months(Operator::GtEq, number(&it.low)?)?.months(Operator::LtEq, number(&it.high)?)
            }
            _ => None,
        }
    }

    fn flag(self, column: &str, yes: bool) -> Option<Sieve> {
        let bit = bit(column)?;
        Some(match (bit, yes) {
            (flag::ON_POST, true) => self.bits(flag::ATTENDED | bit, flag::ATTENDED | bit),
            (flag::ON_POST, false) => self.bits(flag::ATTENDED | bit, flag::ATTENDED),
            (_, true) => self.bits(bit, bit),
            (_, false) => self.bits(bit, 0),
        })
    }

    fn bits(mut self, mask: u16, wanted: u16) -> Sieve {
        self.nothing |= (self.wanted ^ wanted) & self.mask & mask != 0;
        self.mask |= mask;
        self.wanted |= wanted;
        self
    }

    fn months(mut self, op: Operator, month: i32) -> Option<Sieve> {
        match op {
            Operator::Eq => (self.first, self.last) = (self.first.max(month), self.last.min(month)),
            Operator::GtEq => self.first = self.first.max(month),
            Operator::Gt => self.first = self.first.max(month.saturating_add(1)),
            Operator::LtEq => self.last = self.last.min(month),
            Operator::Lt => self.last = self.last.min(month.saturating_sub(1)),
            _ => return None,
        }
        Some(self)
    }

    fn passes(&self, flags: u16) -> bool {
        flags != 0 && flags & self.mask == self.wanted
    }
}

fn name(expr: &Expr) -> Option<&str> {
    if let Expr::Column(it) = expr { Some(&it.name) } else { None }
}

fn number(expr: &Expr) -> Option<i32> {
    if let Expr::Literal(ScalarValue::Int32(it), _) = expr { *it } else { None }
}

fn bit(column: &str) -> Option<u16> {
    Some(match column {
        "on_establishment" => flag::ON_ESTABLISHMENT,
        "employed" => flag::EMPLOYED,
        "on_post" => flag::ON_POST,
        "paid" => flag::PAID,
        "paid_again" => flag::PAID_AGAIN,
        "insured" => flag::INSURED,
        "insured_again" => flag::INSURED_AGAIN,
        "pensioned" => flag::PENSIONED,
        "dead" => flag::DEAD,
        "on_leave" => flag::ON_LEAVE,
        "seconded" => flag::SECONDED,
        _ => return None,
    })
}

/// One scan of presence, cut into ranges of persons.
#[derive(Debug)]
struct PresenceScan {
    presence: Arc<Presence>,
    schema: SchemaRef,
    sieve: Sieve,
    /// Months of the window that pass, with their place in it.
    months: Vec<(usize, i32)>,
    parts: Vec<Range<usize>>,
    rows: usize,
    properties: Arc<PlanProperties>,
}

impl PresenceScan {
    fn new(presence: Arc<Presence>, schema: SchemaRef, sieve: Sieve, parts: usize) -> PresenceScan {
        let passes = |it: &(usize, i32)| !sieve.nothing && (sieve.first..=sieve.last).contains(&it.1);
        let months: Vec<(usize, i32)> = presence.window.list().into_iter().enumerate().filter(passes).collect();
        // Counted, because the order of joins hangs on it: 24 million persons and months take some ten milliseconds.
        let of_month = |(at, _): &(usize, i32)| presence.flags.month(*at).iter().filter(|it| sieve.passes(**it)).count();
        let rows = months.iter().map(of_month).sum();
        let step = presence.persons.div_ceil(parts).max(1);
        let parts: Vec<Range<usize>> =
            (0..parts).map(|it| (it * step).min(presence.persons)..((it + 1) * step).min(presence.persons)).collect();
        let equivalence = match order(&schema) {
            Some(order) => EquivalenceProperties::new_with_orderings(Arc::clone(&schema), [order]),
            None => EquivalenceProperties::new(Arc::clone(&schema)),
        };
        let partitioning = Partitioning::UnknownPartitioning(parts.len());
        let properties = PlanProperties::new(equivalence, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        PresenceScan { presence, schema, sieve, months, parts, rows, properties: Arc::new(properties) }
    }
}

/// By person, then by month, as far as these are among the columns.
fn order(schema: &SchemaRef) -> Option<LexOrdering> {
    let options = SortOptions { descending: false, nulls_first: false };
    let by = |name: &str| col(name, schema).ok().map(|it| PhysicalSortExpr::new(it, options));
    let person = by("person_id")?;
    LexOrdering::new(std::iter::once(person).chain(by("month")))
}

impl DisplayAs for PresenceScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|it| it.name().as_str()).collect();
        write!(
            f,
            "PresenceScan: parts={}, months={}, rows={}, columns=[{}]",
            self.parts.len(),
            self.months.len(),
            self.rows,
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for PresenceScan {
    fn name(&self) -> &'static str {
        "PresenceScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("presence is read from arrays, not from another plan") }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, part: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let reader = Reader {
            presence: Arc::clone(&self.presence),
            schema: Arc::clone(&self.schema),
            sieve: self.sieve,
            months: self.months.clone(),
            persons: self.parts[part].clone(),
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(reader))))
    }

    fn partition_statistics(&self, part: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = match part {
            None => Precision::Exact(self.rows),
            Some(_) => Precision::Inexact(self.rows / self.parts.len().max(1)),
        };
        Ok(Arc::new(statistics))
    }
}

/// Makes the batches of one part, one at a time.
struct Reader {
    presence: Arc<Presence>,
    schema: SchemaRef,
    sieve: Sieve,
    months: Vec<(usize, i32)>,
    /// Persons still to come.
    persons: Range<usize>,
}

/// Rows a batch holds; a few more, because a person's months stay together.
const BATCH_ROWS: usize = 8192;

struct Row {
    person: u32,
    flags: u16,
    /// Place in the window.
    at: u8,
    month: i32,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let mut rows: Vec<Row> = Vec::with_capacity(BATCH_ROWS + self.months.len());
        let months: Vec<(&[u16], u8, i32)> =
            self.months.iter().map(|(at, month)| (self.presence.flags.month(*at), *at as u8, *month)).collect();
        while rows.len() < BATCH_ROWS {
            let Some(person) = self.persons.next() else { break };
            for (flags, at, month) in &months {
                let flags = flags[person];
                if self.sieve.passes(flags) {
                    rows.push(Row { person: person as u32, flags, at: *at, month: *month });
                }
            }
        }
        (!rows.is_empty()).then(|| self.batch(&rows))
    }
}

impl Reader {
    fn batch(&self, rows: &[Row]) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().map(|it| self.column(it.name(), rows)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    fn column(&self, name: &str, rows: &[Row]) -> Result<ArrayRef> {
        let unit = |units: &Units| -> ArrayRef {
            Arc::new(rows.iter().map(|it| units.get(usize::from(it.at), it.person as usize)).collect::<Int32Array>())
        };
        let bits = |flag: u16| BooleanBuffer::collect_bool(rows.len(), |row| rows[row].flags & flag != 0);
        Ok(match name {
            "person_id" => Arc::new(rows.iter().map(|it| it.person as i32).collect::<Int32Array>()),
            "month" => Arc::new(rows.iter().map(|it| it.month).collect::<Int32Array>()),
            "establishment_unit_id" => unit(&self.presence.establishment),
            "employment_unit_id" => unit(&self.presence.employment),
            "payer_unit_id" => unit(&self.presence.payer),
            "insurer_unit_id" => unit(&self.presence.insurer),
            "on_post" => Arc::new(BooleanArray::new(bits(flag::ON_POST), Some(NullBuffer::new(bits(flag::ATTENDED))))),
            other => match bit(other) {
                Some(flag) => Arc::new(BooleanArray::new(bits(flag), None)),
                None => return internal_err!("presence has no column `{other}`"),
            },
        })
    }
}
