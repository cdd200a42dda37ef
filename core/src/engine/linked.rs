//! Shared tables as rules see them: views over sealed Parquet files.

use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::catalog::{TableProvider, default_table_source::provider_as_source, view::ViewTable};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::col;

use super::sealed;
use crate::schema::Table;

/// One feed of a linked table.
#[derive(Clone, Debug)]
pub struct LinkedFeed {
    /// `department/feed`.
    pub feed: String,
    /// Sealed Parquet files, in order.
    pub files: Vec<PathBuf>,
    /// `person_id` by `who`; -1: nobody.
    pub person_of: Arc<Vec<i32>>,
    /// `unit_id` by `unit_at`; -1: no unit.
    pub unit_of: Arc<Vec<i32>>,
}

/// The rows of all `feeds`, as a view that the optimizer sees through.
pub(super) fn view(table: &'static Table, feeds: &[LinkedFeed], is_sealed: bool) -> Result<Arc<dyn TableProvider>> {
    let mut plan: Option<LogicalPlanBuilder> = None;
    for feed in feeds {
        let rows =
            LogicalPlanBuilder::scan(table.name, provider_as_source(parquet(&table.sealed_schema(), &feed.files, is_sealed)?), None)?;
        let rows = rows.project(columns(table, feed))?;
        plan = Some(match plan {
            None => rows,
            Some(before) => before.union(rows.build()?)?,
        });
    }
    let plan = plan.ok_or_else(|| DataFusionError::Plan("a linked table without feeds".to_owned()))?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// Parquet files as one table, in the order given. Strings are read as views, which is what Parquet gives without copying.
pub(super) fn parquet(schema: &Schema, files: &[PathBuf], is_sealed: bool) -> Result<Arc<dyn TableProvider>> {
    let urls: Vec<ListingTableUrl> = files.iter().map(|it| url(it)).collect::<Result<_>>()?;
    let options = ListingOptions::new(Arc::new(sealed::format(is_sealed))).with_file_extension("");
    let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(with_views(schema));
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// As a URL, because a bare path with `*` or `[` in it would be taken for a pattern.
fn url(path: &Path) -> Result<ListingTableUrl> {
    let absolute = std::path::absolute(path)?;
    let text = absolute.to_str().ok_or_else(|| DataFusionError::Plan("the path of a sealed file is not UTF-8".to_owned()))?;
    let mut url = String::from("file://");
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => write!(url, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    ListingTableUrl::parse(url)
}

fn with_views(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The linked columns in their order, from the sealed ones.
fn columns(table: &'static Table, feed: &LinkedFeed) -> Vec<Expr> {
    let mut columns = vec![lit(ScalarValue::Utf8View(Some(feed.feed.clone()))).alias("feed"), col("row_no")];
    if table.person {
        columns.push(number("person_of", &feed.person_of, "who").alias("person_id"));
    }
    for prefix in table.units {
        let sealed = format!("{prefix}unit_at");
        columns.push(number("unit_of", &feed.unit_of, &sealed).alias(format!("{prefix}unit_id")));
    }
    columns.extend(table.columns.iter().map(|it| col(it.name)));
    columns
}

fn number(name: &'static str, numbers: &Arc<Vec<i32>>, sealed: &str) -> Expr {
    let numbers = Arc::clone(numbers);
    let signature = Signature::exact(vec![DataType::Int32], Volatility::Immutable);
    ScalarUDF::new_from_impl(LookUp { name, numbers, signature }).call(vec![col(sealed)])
}

/// A dense array as a function: the n-th number for n; null for -1 and for what lies outside.
#[derive(Debug)]
struct LookUp {
    name: &'static str,
    numbers: Arc<Vec<i32>>,
    signature: Signature,
}

impl PartialEq for LookUp {
    fn eq(&self, other: &LookUp) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.numbers, &other.numbers)
    }
}

impl Eq for LookUp {}

impl Hash for LookUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name, Arc::as_ptr(&self.numbers)).hash(state);
    }
}

impl ScalarUDFImpl for LookUp {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let of = |at: i32| usize::try_from(at).ok().and_then(|it| self.numbers.get(it)).copied().filter(|it| *it >= 0);
        match args.args.first() {
            Some(ColumnarValue::Array(array)) if *array.data_type() == DataType::Int32 => {
                let sealed: &Int32Array = array.as_primitive::<Int32Type>();
                let found: Int32Array = match sealed.null_count() {
                    0 => sealed.values().iter().map(|it| of(*it)).collect(),
                    _ => sealed.iter().map(|it| it.and_then(of)).collect(),
                };
                Ok(ColumnarValue::Array(Arc::new(found) as ArrayRef))
            }
            Some(ColumnarValue::Scalar(ScalarValue::Int32(it))) => Ok(ColumnarValue::Scalar(ScalarValue::Int32(it.and_then(of)))),
            _ => exec_err!("`{}` takes a sealed number", self.name),
        }
    }
}
