//! The query engine: the only place that builds a session, registers functions and opens sealed files.
//!
//! An [`Engine`] lives for one night. It holds the tables that rules read, each in its linked shape:
//!
//! 1. [`Engine::batches`]: small tables made in memory (`person`, `unit`, `identity`, `unit_reference`, `feed`);
//! 2. [`Engine::linked`]: a view over the sealed Parquet files of all feeds that fill a shared table, in which `who` has become
//!    `person_id` and `unit_at` has become `unit_id` by a look-up in a dense array;
//! 3. `presence`, which [`crate::presence::compute`] adds.
//!
//! Joins are hash joins on small integers. They do not spill; a query that runs out of memory is run again with
//! sort-merge joins, which do.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execution_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr, UnaryOperator, Value, visit_expressions_mut};
use futures::TryStreamExt;
use parquet::encryption::decrypt::FileDecryptionProperties;

use crate::calendar::Calendar;
use crate::function;
use crate::schema::Table;

mod guess;
mod linked;
mod once;
mod reads;
mod sealed;
mod trouble;

use guess::Sizes;
pub use linked::LinkedFeed;
pub(crate) use reads::readings;
pub use trouble::EngineError;

/// What the engine may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory for joins, sorts and aggregations together; tables in memory are not counted.
    pub memory_bytes: usize,
    /// How many parts of a query run side by side.
    pub partitions: usize,
    /// Where sorts and aggregations spill; null: they may not, and fail when memory ends.
    pub spill_dir: Option<PathBuf>,
    /// What opens sealed Parquet files; null: they are in clear.
    pub opening: Option<Arc<FileDecryptionProperties>>,
}

impl Default for Limits {
    /// 1 GiB, two parts, no spilling.
    fn default() -> Limits {
        Limits { memory_bytes: 1 << 30, partitions: 2, spill_dir: None, opening: None }
    }
}

/// The value of a `$parameter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Param {
    /// A day.
    Day(NaiveDate),
    /// A month, yyyymm.
    Month(i32),
    /// A whole number.
    Whole(i64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Param::Day(day) => write!(f, "{day}"),
            Param::Month(month) => write!(f, "{:04}-{:02}", month / 100, month % 100),
            Param::Whole(whole) => write!(f, "{whole}"),
            Param::Text(text) => f.write_str(text),
        }
    }
}

/// Parameters by name, without the `$`.
pub type Params = BTreeMap<String, Param>;

/// One night's tables, and the session that queries them.
pub struct Engine {
    ctx: SessionContext,
    sizes: Arc<Sizes>,
    /// Whether its files are.
    is_sealed: bool,
    partitions: usize,
    /// How large a result may be that a query keeps for itself.
    keep_bytes: usize,
    /// Numbers for the names of such results.
    next: AtomicUsize,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("partitions", &self.partitions).field("tables", &self.tables()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine without tables, and with the shipped calendar.
    pub fn new(limits: &Limits) -> Engine {
        Engine::with_calendar(limits, &Calendar::shipped())
    }

    /// An engine without tables, in which `working_days` counts by `calendar`.
    pub fn with_calendar(limits: &Limits, calendar: &Arc<Calendar>) -> Engine {
        let mode = match &limits.spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
            None => DiskManagerMode::Disabled,
        };
        let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), std::num::NonZeroUsize::MIN);
        let runtime = |mode| {
            let disk = DiskManagerBuilder::default().with_mode(mode);
            RuntimeEnvBuilder::new().with_disk_manager_builder(disk).with_memory_pool(Arc::new(pool)).build_arc()
        };
        let runtime = runtime(mode).expect("a runtime without caches or encryption is built from these two alone");
        let mut config = SessionConfig::new().with_target_partitions(limits.partitions.max(1)).with_information_schema(false);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        options.execution.parquet.pushdown_filters = false;
        // What each sort keeps back for merging what it spilled; the engine's own 10 MiB are too much of a small pool.
        options.execution.sort_spill_reservation_bytes = (limits.memory_bytes / 100).clamp(1 << 20, 10 << 20);
        options.optimizer.use_statistics_registry = true;
        // One side of a join is held once, not cut in parts, while it is no larger than this: cutting the other side costs more.
        options.optimizer.hash_join_single_partition_threshold = 64 << 20;
        options.optimizer.hash_join_single_partition_threshold_rows = 4_000_000;
        if let Some(opening) = &limits.opening {
            sealed::register(&runtime, opening);
        }
        let sizes = Arc::new(Sizes::default());
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
        let ctx = SessionContext::new_with_state(state.with_statistics_registry(guess::registry(&sizes)).build());
        function::all(calendar).for_each(|it| ctx.register_udf(it));
        Engine {
            ctx,
            sizes,
            is_sealed: limits.opening.is_some(),
            partitions: limits.partitions.max(1),
            keep_bytes: limits.memory_bytes / 4,
            next: AtomicUsize::new(0),
        }
    }

    /// Adds a table that is in memory already. A table of the same name is replaced.
    #[expect(clippy::needless_pass_by_value, reason = "the batches are the engine's from here on")]
    pub fn batches(&self, name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) {
        self.sizes.note(name, batches.iter().map(RecordBatch::num_rows).sum());
        let pieces = pieces(&batches);
        let per_part = pieces.len().div_ceil(self.partitions).max(1);
        let mut parts: Vec<Vec<RecordBatch>> = pieces.chunks(per_part).map(<[RecordBatch]>::to_vec).collect();
        parts.resize(self.partitions, Vec::new());
        let table = MemTable::try_new(schema, parts).expect("batches have the schema they are registered with");
        self.table(name, Arc::new(table));
    }

    /// Adds `table` in its linked shape: the rows of all `feeds`, one after another. Without feeds it is empty.
    #[expect(clippy::unused_async, reason = "opening files may have to wait some day; callers are async anyway")]
    pub async fn linked(&self, table: &'static Table, feeds: &[LinkedFeed]) -> Result<(), EngineError> {
        if feeds.is_empty() {
            self.batches(table.name, table.linked_schema(), Vec::new());
            return Ok(());
        }
        let view = linked::view(table, feeds, self.is_sealed).map_err(|it| EngineError::of(&it, "", &[]))?;
        self.table(table.name, view);
        Ok(())
    }

    /// Adds a table that lies in Parquet files of its own schema, such as identities too many to hold in memory.
    pub fn files(&self, name: &str, schema: &SchemaRef, files: &[PathBuf]) -> Result<(), EngineError> {
        let table = linked::parquet(schema, files, self.is_sealed).map_err(|it| EngineError::of(&it, "", &[]))?;
        self.table(name, table);
        Ok(())
    }

    /// Adds any table. A table of the same name is replaced.
    fn table(&self, name: &str, table: Arc<dyn TableProvider>) {
        self.ctx.deregister_table(name).expect("a bare name names a table of the default schema");
        self.ctx.register_table(name, table).expect("the name is free now");
    }

    /// Adds presence, which covers so many months.
    pub(crate) fn presence(&self, months: usize, table: Arc<dyn TableProvider>) {
        self.sizes.note("presence", months);
        self.table("presence", table);
    }

    /// The names of all tables, sorted.
    pub fn tables(&self) -> Vec<String> {
        let schema = self.ctx.catalog("datafusion").and_then(|it| it.schema("public"));
        let mut names = schema.map(|it| it.table_names()).unwrap_or_default();
        names.retain(|it| !it.starts_with("__"));
        names.sort_unstable();
        names
    }

    /// Runs one SELECT. All batches have the same schema; there is one at least, perhaps without rows.
    /// A `with` table that it mentions several times is computed once.
    pub async fn query(&self, sql: &str, params: &Params) -> Result<Vec<RecordBatch>, EngineError> {
        let trouble = |error: DataFusionError| EngineError::of(&error, sql, &self.tables());
        let state = self.ctx.state();
        let mut statement = self.statement(&state, sql, params)?;
        let _kept = self.compute_once(&mut statement).await.map_err(trouble)?;
        // The session as it is now: it knows what was kept.
        let plan = planned(&self.ctx.state(), statement).await.map_err(trouble)?;
        let (schema, mut batches) = self.collect_twice(&plan, usize::MAX).await.map_err(trouble)?.expect("nothing is too large");
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }

    /// Runs one SELECT and gives its rows as they come, in no particular order.
    pub async fn stream(&self, sql: &str, params: &Params) -> Result<SendableRecordBatchStream, EngineError> {
        let state = self.ctx.state();
        let plan = self.plan(&state, sql, params).await?;
        DataFrame::new(state, plan).execute_stream().await.map_err(|error| EngineError::of(&error, sql, &self.tables()))
    }

    /// Runs one SELECT without joins, sorts or groups over linked tables in one thread: rows come in the order of the feeds
    /// and their files, every time.
    pub(crate) async fn in_order(&self, sql: &str) -> Result<Vec<SendableRecordBatchStream>, EngineError> {
        let trouble = |error: DataFusionError| EngineError::of(&error, sql, &[]);
        let mut state = self.ctx.state();
        state.config_mut().options_mut().execution.target_partitions = 1;
        let plan = self.plan(&state, sql, &Params::new()).await?;
        let task = state.task_ctx();
        let plan = state.create_physical_plan(&plan).await.map_err(trouble)?;
        let parts = plan.properties().output_partitioning().partition_count();
        (0..parts).map(|part| plan.execute(part, Arc::clone(&task)).map_err(trouble)).collect()
    }

    async fn plan(&self, state: &SessionState, sql: &str, params: &Params) -> Result<LogicalPlan, EngineError> {
        let statement = self.statement(state, sql, params)?;
        planned(state, statement).await.map_err(|error| EngineError::of(&error, sql, &self.tables()))
    }

    fn statement(&self, state: &SessionState, sql: &str, params: &Params) -> Result<Statement, EngineError> {
        let dialect = state.config_options().sql_parser.dialect;
        let parsed = state.sql_to_statement(sql, &dialect);
        let mut statement = parsed.map_err(|error| EngineError::of(&error, sql, &self.tables()))?;
        fill_in(&mut statement, sql, params)?;
        Ok(statement)
    }

    /// What `plan` gives, or nothing when that is larger than `at_most` bytes. When memory ends, it is run a second time with
    /// joins that spill.
    async fn collect_twice(&self, plan: &LogicalPlan, at_most: usize) -> Result<Option<Rows>, DataFusionError> {
        match collect(&self.ctx.state(), plan, at_most).await {
            Err(error) if trouble::out_of_memory(&error) => collect(&self.spilling(), plan, at_most).await,
            other => other,
        }
    }

    /// The same session with joins that sort and spill instead of holding one side in memory.
    fn spilling(&self) -> SessionState {
        let mut state = self.ctx.state();
        let options = state.config_mut().options_mut();
        options.optimizer.prefer_hash_join = false;
        // With one part the engine takes a hash join all the same.
        options.execution.target_partitions = self.partitions.max(2);
        state
    }
}

async fn planned(state: &SessionState, statement: Statement) -> Result<LogicalPlan, DataFusionError> {
    let plan = state.statement_to_plan(statement).await?;
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reading.verify_plan(&plan)?;
    Ok(plan)
}

/// Rows and their columns.
type Rows = (SchemaRef, Vec<RecordBatch>);

async fn collect(state: &SessionState, plan: &LogicalPlan, at_most: usize) -> Result<Option<Rows>, DataFusionError> {
    let plan = state.create_physical_plan(plan).await?;
    let schema = plan.schema();
    let mut stream = execute_stream(plan, state.task_ctx())?;
    let (mut batches, mut bytes) = (Vec::new(), 0usize);
    while let Some(batch) = stream.try_next().await? {
        bytes = bytes.saturating_add(batch.get_array_memory_size());
        if bytes > at_most {
            return Ok(None);
        }
        batches.push(batch);
    }
    Ok(Some((schema, batches)))
}

/// Rows a piece of an in-memory table has at most: what the engine itself works with.
const PIECE_ROWS: usize = 8192;

/// Cuts big batches, without copying, so that the parts of a query share them.
fn pieces(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let cut = |batch: &RecordBatch| -> Vec<RecordBatch> {
        let starts = (0..batch.num_rows()).step_by(PIECE_ROWS);
        starts.map(|start| batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start))).collect()
    };
    batches.iter().flat_map(cut).collect()
}

/// Puts values in place of `$parameters`, in the parsed statement, so that what is said about the rest keeps its place.
///
/// A typed literal is put in rather than bound later, because a placeholder has no type while a function call is planned.
fn fill_in(statement: &mut Statement, sql: &str, params: &Params) -> Result<(), EngineError> {
    let Statement::Statement(statement) = statement else { return Ok(()) };
    let filled = visit_expressions_mut(statement, |expr| {
        let Expr::Value(value) = &*expr else { return ControlFlow::Continue(()) };
        let Value::Placeholder(placeholder) = &value.value else { return ControlFlow::Continue(()) };
        let name = placeholder.trim_start_matches('$');
        match params.get(name) {
            Some(param) => *expr = literal(param),
            None => return ControlFlow::Break((name.to_owned(), value.span)),
        }
        ControlFlow::Continue(())
    });
    match filled {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break((name, span)) => Err(EngineError::unknown_param(sql, &name, span, params.keys().map(String::as_str))),
    }
}

fn literal(param: &Param) -> Expr {
    let number = |it: i64| {
        let digits = Expr::Value(Value::Number(it.unsigned_abs().to_string(), false).into());
        if it < 0 { Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(digits) } } else { digits }
    };
    let text = |it: &str| Expr::Value(Value::SingleQuotedString(it.to_owned()).into());
    let cast = |expr: Expr, data_type: ast::DataType| {
        let kind = ast::CastKind::Cast;
        Expr::Nested(Box::new(Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }))
    };
    match param {
        Param::Day(day) => cast(text(&day.to_string()), ast::DataType::Date),
        Param::Month(month) => cast(number(i64::from(*month)), ast::DataType::Int(None)),
        Param::Whole(whole) => number(*whole),
        Param::Text(it) => text(it),
    }
}

/// The `$parameters` that a query names, with their places in bytes.
pub(crate) fn params_of(sql: &str) -> Vec<(String, Range<usize>)> {
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let dialect = datafusion::sql::sqlparser::dialect::GenericDialect {};
    let tokens = datafusion::sql::sqlparser::tokenizer::Tokenizer::new(&dialect, sql).tokenize_with_location().unwrap_or_default();
    for token in tokens {
        if let datafusion::sql::sqlparser::tokenizer::Token::Placeholder(name) = &token.token {
            found.push((name.trim_start_matches('$').to_owned(), trouble::bytes(sql, token.span)));
        }
    }
    found
}
