//! A pull, told line by line, so that a test reads like the file it is about.

use std::path::Path;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Connector, PLACE_COLUMNS, Piece, Place, Spot, open};

/// What a pull gives, in order: `row 3: 张伟 | 8120.5`, `total 9: 应发=8120.5`, `title 1: 2026年3月`, `broken 4: raw (why)`.
/// Null is `~`. A failure is its text and its hint.
pub async fn told(root: &Path, settings: &str, table: &str, columns: &[&str]) -> Vec<String> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: root.to_owned() };
    let mut settings: toml::Table = settings.parse().expect("the test writes TOML");
    // The files of a test are new, and nobody writes to them any more.
    if settings["kind"].as_str().is_some_and(|it| ["csv", "xlsx", "dbf", "parquet"].contains(&it)) {
        settings.entry("settle_seconds").or_insert(0.into());
    }
    let source = open(place, settings).expect("the settings are right");
    let columns = columns.iter().map(|it| (*it).to_owned()).collect();
    told_of(source.as_ref(), &Ask { table: table.to_owned(), columns, batch_rows: 100, since: None }).await
}

/// The same for a source that is open.
pub async fn told_of(source: &dyn Connector, ask: &Ask) -> Vec<String> {
    let pieces = match source.pull(ask).await {
        Ok(pull) => pull.pieces.try_collect::<Vec<Piece>>().await,
        Err(failure) => Err(failure),
    };
    match pieces {
        Ok(pieces) => pieces.iter().flat_map(piece).collect(),
        Err(failure) => vec![failure.to_string(), failure.hint.unwrap_or_default().en],
    }
}

fn piece(piece: &Piece) -> Vec<String> {
    match piece {
        Piece::Rows(batch) => (0..batch.num_rows()).map(|at| row(batch, at)).collect(),
        Piece::Broken(it) => vec![format!("broken {}: {} ({})", spot(&it.spot), it.raw, it.why.en)],
        Piece::Total(it) => {
            let cells: Vec<String> = it.cells.iter().map(|(column, cell)| format!("{column}={cell}")).collect();
            vec![format!("total {}: {}", spot(&it.spot), cells.join(" "))]
        }
        Piece::Skipped(it) => vec![format!("{} {}: {}", it.why, spot(&it.spot), it.text)],
        Piece::File(_) => Vec::new(),
    }
}

fn spot(spot: &Spot) -> String {
    spot.row.map_or_else(|| "-".to_owned(), |it| it.to_string())
}

fn row(batch: &RecordBatch, at: usize) -> String {
    let row_no = batch.column_by_name("_row").expect("a place column").as_primitive::<Int64Type>().value(at);
    let own = &batch.columns()[..batch.num_columns() - PLACE_COLUMNS.len()];
    let shown = |it: &ArrayRef| array_value_to_string(it, at).expect("a type that can be shown");
    let cells: Vec<String> = own.iter().map(|it| if it.is_null(at) { "~".to_owned() } else { shown(it) }).collect();
    format!("row {row_no}: {}", cells.join(" | "))
}
