//! Parquet files, with the types they have.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;

use crate::files::{Folder, Found};
use crate::heading::as_asked;
use crate::sink::{Outlet, Stop, Under, blocking, places, with_places};
use crate::{Ask, Connector, Consistency, Failure, Kind, Offer, PLACE_COLUMNS, Piece, Place, Pull, Setting, near};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "parquet",
    about: "Parquet files, with the types they have",
    about_zh: "Parquet 文件，保留原有数据类型",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &[Setting {
        name: "folder",
        about: "Folder that holds the files; a table is a file name or a pattern like `pay-*.parquet`. Default: the source's root",
        about_zh: "文件所在文件夹；表名即文件名或 `pay-*.parquet` 之类的通配符。默认：数据根目录",
    }],
};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    folder: String,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { folder: ".".to_owned() }
    }
}

struct Parquet {
    folder: Folder,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, String> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    Ok(Box::new(Parquet { folder: Folder::new(place, &settings.folder) }))
}

#[async_trait]
impl Connector for Parquet {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let folder = self.folder.clone();
        let columns = |found: &Found| Some(builder(found).ok()?.schema().fields().iter().map(|it| it.name().clone()).collect());
        let offers = tokio::task::spawn_blocking(move || folder.offers(&[".parquet"], columns));
        offers.await.map_err(|it| self.folder.place.failure("", it.to_string()))?
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let (folder, asked) = (self.folder.clone(), ask.clone());
        let opened = tokio::task::spawn_blocking(move || layout(&folder, &asked));
        let (files, schema) = opened.await.map_err(|it| self.folder.place.failure(&ask.table, it.to_string()))??;
        let (place, ask, whole) = (self.folder.place.clone(), ask.clone(), Arc::clone(&schema));
        let pieces = blocking(&self.folder.place, &ask.table.clone(), move |outlet| {
            files.iter().try_for_each(|it| read(it, &whole, &ask, outlet, &|why| place.failure(&ask.table, why)))
        });
        Ok(Pull { schema, pieces })
    }
}

fn builder(found: &Found) -> Result<ParquetRecordBatchReaderBuilder<File>, String> {
    let file = File::open(&found.path).map_err(|it| format!("{} cannot be read: {it}", found.name))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|it| format!("{} is no whole Parquet file: {it}", found.name))
}

/// The files of a table, and the union of their columns by name.
fn layout(folder: &Folder, ask: &Ask) -> Result<(Vec<Found>, SchemaRef), Failure> {
    let files = folder.find(&ask.table)?;
    let mut columns: Vec<Arc<Field>> = Vec::new();
    for found in &files {
        let schema =
            Arc::clone(builder(found).map_err(|why| folder.place.failure(&ask.table, why).hint("have the file delivered again"))?.schema());
        for field in schema.fields() {
            add(&mut columns, &own_name(field.name(), &ask.columns), field.data_type());
        }
    }
    let wanted: Vec<&String> = ask.columns.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).collect();
    if !wanted.is_empty() && !wanted.iter().any(|it| columns.iter().any(|column| column.name() == *it)) {
        let failure = folder.place.failure(&ask.table, "has none of the mapped columns");
        return Err(failure.hint(format!("its columns are {}", near::list(columns.iter().map(|it| it.name().as_str())))));
    }
    Ok((files, with_places(columns)))
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

fn read(found: &Found, schema: &SchemaRef, ask: &Ask, outlet: &Outlet, failure: &dyn Fn(String) -> Failure) -> Result<(), Stop> {
    let broke = |why: String| Stop::Failed(failure(why).hint("have the file delivered again"));
    let reader =
        builder(found).and_then(|it| it.with_batch_size(ask.batch_rows.max(1)).build().map_err(|it| format!("{}: {it}", found.name)));
    let under = Under { file: Some(found.name.clone()), ..Under::default() };
    let mut rows_before = 0;
    for batch in reader.map_err(broke)? {
        let batch = batch.and_then(|it| in_the_pull(&it, schema, &ask.columns, &under, rows_before));
        let batch = batch.map_err(|it| broke(format!("{} is no whole Parquet file: {it}", found.name)))?;
        rows_before += batch.num_rows() as i64;
        outlet.put(Piece::Rows(batch))?;
    }
    found.unchanged().map_err(|why| Stop::Failed(failure(why)))
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
