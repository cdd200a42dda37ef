//! Rows that could not be read, kept with their place and reason.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use muster_core::map::Reject;
use parquet::arrow::ArrowWriter;

use crate::archive::Archive;
use crate::pull;
use crate::vault::Vault;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Writes `rejects.parquet` as rejects come.
pub struct Rejects {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl Rejects {
    /// A new file at `path`.
    pub fn create(vault: &Vault, path: &Path) -> Result<Rejects, Trouble> {
        let text = ["file", "sheet"].into_iter().map(|it| Field::new(it, DataType::Utf8, true));
        let rest = ["column", "value", "why", "why_zh", "hint", "hint_zh", "also", "raw"]
            .into_iter()
            .map(|it| Field::new(it, DataType::Utf8, true));
        let fields: Vec<Field> = text.chain([Field::new("row", DataType::Int64, true)]).chain(rest).collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(Rejects { writer: pull::writer(vault, path, schema.clone())?, schema })
    }

    /// Adds `rejects`.
    pub fn write(&mut self, rejects: &[Reject]) -> Result<(), Trouble> {
        if rejects.is_empty() {
            return Ok(());
        }
        let also = rejects.iter().map(|it| serde_json::to_string(&it.also)).collect::<Result<Vec<_>, _>>()?;
        let also = Arc::new(StringArray::from(also)) as ArrayRef;
        let text = |of: fn(&Reject) -> Option<&str>| Arc::new(rejects.iter().map(of).collect::<StringArray>()) as ArrayRef;
        let columns = vec![
            text(|it| it.file.as_deref()),
            text(|it| it.sheet.as_deref()),
            Arc::new(rejects.iter().map(|it| it.row).collect::<Int64Array>()),
            text(|it| Some(&it.column)),
            text(|it| Some(&it.value)),
            text(|it| Some(&it.why)),
            text(|it| Some(&it.why_zh)),
            text(|it| it.hint.as_deref()),
            text(|it| it.hint_zh.as_deref()),
            also,
            text(|it| Some(&it.raw)),
        ];
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        Ok(())
    }

    /// Ends the file.
    pub fn close(self) -> Result<(), Trouble> {
        self.writer.close()?;
        Ok(())
    }
}

/// Reads a file that [`Rejects`] wrote; null when it is not there.
pub fn read(archive: &Archive, path: &Path) -> Result<Option<Vec<Reject>>, Trouble> {
    let Some(rows) = archive.rows(path)? else { return Ok(None) };
    let mut rejects = Vec::new();
    for batch in rows.build()? {
        let batch = batch?;
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        rejects.extend((0..batch.num_rows()).map(|row| {
            let at = batch.column(2).as_primitive::<Int64Type>();
            Reject {
                file: text(0, row),
                sheet: text(1, row),
                row: at.is_valid(row).then(|| at.value(row)),
                column: text(3, row).unwrap_or_default(),
                value: text(4, row).unwrap_or_default(),
                why: text(5, row).unwrap_or_default(),
                why_zh: text(6, row).unwrap_or_default(),
                hint: text(7, row),
                hint_zh: text(8, row),
                also: text(9, row).and_then(|it| serde_json::from_str(&it).ok()).unwrap_or_default(),
                raw: text(10, row).unwrap_or_default(),
            }
        }));
    }
    Ok(Some(rejects))
}
