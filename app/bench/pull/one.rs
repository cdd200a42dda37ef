//! The pull itself, in a process that does nothing else.

use std::path::{Path, PathBuf};

use calamine::{Reader as _, Xlsx, open_workbook};
use futures::StreamExt;
use muster_connectors::{Ask, Piece, Place};

use super::Pulled;
use crate::clock::Stopwatch;
use crate::pull::BATCH_ROWS;
use crate::run::Stop;

/// Pulls `table` and lets go of every batch.
pub async fn pull(kind: &str, settings: toml::Table, table: &str) -> Result<Pulled, Stop> {
    let place = Place { department: "bench".to_owned(), source: kind.to_owned(), root: PathBuf::from(".") };
    let source = muster_connectors::open(place, settings).map_err(|it| Stop::Trouble(it.into()))?;
    let clock = Stopwatch::start();
    let ask = Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: BATCH_ROWS, since: None };
    let mut pull = source.pull(&ask).await?;
    let (mut rows, mut batches, mut bytes) = (0, 0, 0);
    while let Some(piece) = pull.pieces.next().await {
        match piece? {
            Piece::Rows(batch) => {
                rows += batch.num_rows() as u64;
                batches += 1;
                bytes += batch.get_array_memory_size() as u64;
            }
            Piece::Broken(row) => return Err(Stop::Trouble(format!("a row of the bench is broken: {}", row.why.en))),
            Piece::Total(_) | Piece::Skipped(_) | Piece::File(_) => {}
        }
    }
    Ok(measured(rows, batches, bytes, &clock))
}

/// Reads every cell of a workbook's first sheet with calamine, and makes nothing of it.
pub fn alone(file: &Path) -> Result<Pulled, String> {
    let clock = Stopwatch::start();
    let mut book: Xlsx<_> = open_workbook(file).map_err(|it: calamine::XlsxError| it.to_string())?;
    let sheet = book.sheet_names().first().cloned().ok_or("a workbook without a sheet")?;
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(|it| it.to_string())?;
    let (mut rows, mut last) = (0, None);
    while let Some(cell) = cells.next_cell().map_err(|it| it.to_string())? {
        let row = cell.get_position().0;
        if last.replace(row) != Some(row) {
            rows += 1;
        }
    }
    Ok(measured(rows, 0, 0, &clock))
}

fn measured(rows: u64, batches: u64, bytes: u64, clock: &Stopwatch) -> Pulled {
    Pulled {
        rows,
        batches,
        arrow_mib: bytes >> 20,
        seconds: clock.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds(),
        peak_mib: crate::memory::peak_mib(),
    }
}

/// Processor time of this process so far, user and system, as the kernel counts it; 0 where it does not say.
fn cpu_seconds() -> f64 {
    // proc(5): fields 14 and 15, in ticks of 1/100 s, after the name in parentheses, which may hold blanks.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
