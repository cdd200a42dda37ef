//! Parquet files, with the types they have.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::files::{self, Format, Reading, Stopped};
use crate::heading::as_asked;
use crate::sink::{Under, places, with_places};
use crate::spool::Found;
use crate::store::Trouble;
use crate::{Connector, Consistency, Kind, PLACE_COLUMNS, Piece, Place, Said, near, said};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "parquet",
    about: "Parquet files, with the types they have",
    about_zh: "Parquet 文件，保留原有数据类型",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &files::SETTINGS,
};

#[derive(Clone)]
struct Parquet;

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    files::open(place, settings, |_| Ok(Parquet))
}

impl Format for Parquet {
    /// The file's own columns.
    type Layout = SchemaRef;

    const ENDINGS: &'static [&'static str] = &[".parquet"];

    fn layout(&self, found: &Found, _asked: &[String], _alone: bool) -> Result<SchemaRef, Trouble> {
        Ok(Arc::clone(builder(found)?.schema()))
    }

    /// The union of the files' columns by name.
    fn schema(&self, layouts: &[&SchemaRef], asked: &[String]) -> Result<SchemaRef, Trouble> {
        let mut columns: Vec<Arc<Field>> = Vec::new();
        for field in layouts.iter().flat_map(|it| it.fields()) {
            add(&mut columns, &own_name(field.name(), asked), field.data_type());
        }
        let mut wanted = asked.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).peekable();
        if wanted.peek().is_some() && !wanted.any(|it| columns.iter().any(|column| column.name() == it)) {
            let names = near::list(columns.iter().map(|it| it.name().as_str()));
            return Err(Trouble::new(said!("没有映射用到的任何一列", "has none of the mapped columns"))
                .hint(said!("它的列有 {}", "its columns are {}"; names)));
        }
        Ok(with_places(columns))
    }

    fn read(&self, found: &Found, _layout: &SchemaRef, reading: &Reading<'_>) -> Result<(), Stopped> {
        let broke = |it: &dyn std::fmt::Display| broken(it);
        let reader = builder(found)?;
        let reader = reader.with_batch_size(reading.ask.batch_rows.max(1)).build().map_err(|it| broke(&it))?;
        let under = Under { file: Some(found.name.clone()), ..Under::default() };
        let mut rows_before = 0;
        for batch in reader {
            let batch = batch.and_then(|it| in_the_pull(&it, reading.schema, &reading.ask.columns, &under, rows_before));
            let batch = batch.map_err(|it| broke(&it))?;
            rows_before += batch.num_rows() as i64;
            reading.out.put(Piece::Rows(batch))?;
        }
        Ok(())
    }
}

fn broken(why: &dyn std::fmt::Display) -> Trouble {
    Trouble::new(said!("不是完整的 Parquet 文件：{why}", "is no whole Parquet file: {why}"))
        .hint(said!("请对方重新送来", "have the file delivered again"))
}

fn builder(found: &Found) -> Result<ParquetRecordBatchReaderBuilder<File>, Trouble> {
    let file = File::open(&found.path).map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|it| broken(&it))
}

/// The name of a column in the pull: as the mapping writes it, and never that of a place column.
fn own_name(name: &str, asked: &[String]) -> String {
    if PLACE_COLUMNS.contains(&name) { format!("{name}#2") } else { as_asked(name, asked).unwrap_or_else(|| name.to_owned()) }
}

/// Adds a column to a union. Where two files give it different types it is text, which loses nothing.
fn add(columns: &mut Vec<Arc<Field>>, name: &str, kind: &DataType) {
    let kind = plain(kind);
    match columns.iter_mut().find(|it| it.name() == name) {
        Some(known) if *known.data_type() != kind => *known = Arc::new(Field::new(name, DataType::Utf8, true)),
        Some(_) => {}
        None => columns.push(Arc::new(Field::new(name, kind, true))),
    }
}

/// One kind of text, however the file packs it.
fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, values) => plain(values),
        kind => kind.clone(),
    }
}

/// The batch with the columns of the whole pull.
fn in_the_pull(
    batch: &RecordBatch,
    schema: &SchemaRef,
    asked: &[String],
    under: &Under,
    rows_before: i64,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = batch.num_rows();
    let names: Vec<String> = batch.schema_ref().fields().iter().map(|it| own_name(it.name(), asked)).collect();
    let column = |field: &Arc<Field>| match names.iter().position(|it| it == field.name()) {
        Some(at) if batch.column(at).data_type() == field.data_type() => Ok(Arc::clone(batch.column(at))),
        Some(at) => cast(batch.column(at), field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    let own = schema.fields().len() - PLACE_COLUMNS.len();
    let mut columns = schema.fields().iter().take(own).map(column).collect::<Result<Vec<ArrayRef>, _>>()?;
    let row_nos: ArrayRef = Arc::new(Int64Array::from_iter_values(rows_before + 1..=rows_before + rows as i64));
    columns.extend(places(under, &row_nos));
    RecordBatch::try_new(Arc::clone(schema), columns)
}
