//! `muster bench link`: a register and a damaged payroll, made by seed, linked and scored.

mod damage;
mod names;
mod people;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::cli::{EvaluateArgs, LinkSet};
use crate::commands::Done;
use crate::commands::Say;
use crate::run::Stop;
use people::{Files, Row};

/// Makes the files of a set, links them with default settings and prints the score.
pub fn link(people: usize, seed: u64, set: LinkSet, out: &Path, say: Say) -> Done {
    let (name, rates) = damage::SETS[set as usize];
    let folder = out.join(format!("{name}-{people}-{seed}"));
    std::fs::create_dir_all(&folder)?;
    write(&folder, &people::make(people, seed, &rates), rates.birth)?;
    let path = |file: &str| folder.join(file);
    let args = EvaluateArgs {
        left: path("left.parquet"),
        right: path("right.parquet"),
        truth: Some(path("truth.csv").display().to_string()),
        mapping: None,
        model: None,
        encoding: None,
        out: Some(folder.clone()),
    };
    crate::link::command(&args, say)
}

fn write(folder: &Path, files: &Files, birth: bool) -> Result<(), Stop> {
    table(&folder.join("left.parquet"), 'l', &files.left, birth)?;
    table(&folder.join("right.parquet"), 'r', &files.right, birth)?;
    let mut truth = csv::Writer::from_path(folder.join("truth.csv"))?;
    truth.write_record(["left", "right", "class"])?;
    for (at, row) in files.right.iter().enumerate() {
        let left = row.left.map_or_else(String::new, |it| format!("l{it}"));
        truth.write_record([left, format!("r{at}"), row.class.to_owned()])?;
    }
    truth.flush()?;
    Ok(())
}

fn table(path: &Path, mark: char, rows: &[Row], birth: bool) -> Result<(), Stop> {
    let column = |cell: &dyn Fn(usize, &Row) -> String| -> ArrayRef {
        let cells = rows.iter().enumerate().map(|(at, row)| Some(cell(at, row)).filter(|it| !it.is_empty()));
        Arc::new(cells.collect::<StringArray>())
    };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("key", column(&|at, _| format!("{mark}{at}"))),
        ("id_number", column(&|_, row| row.id.clone())),
        ("name", column(&|_, row| row.name.clone())),
        ("sex", column(&|_, row| row.sex.to_owned())),
        ("unit", column(&|_, row| row.unit.clone())),
    ];
    if birth {
        columns.push(("birth", column(&|_, row| row.birth.clone())));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, it)| (name, it, true)))?;
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}
