//! A source in memory that does what a test says: rows, columns, failures on cue.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::StreamExt;
use muster_connectors::{Ask, Connector, Failure, Held, Offer, Piece, Pull};

/// One row of the table: a person, an amount, and the day of November on which it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: u32,
    pub yuan: u32,
    pub changed: u32,
}

pub fn row(id: u32, yuan: u32, changed: u32) -> Row {
    Row { id, yuan, changed }
}

impl Row {
    fn cell(&self, column: &str) -> Option<String> {
        match column {
            "id" => Some(format!("P{}", self.id)),
            "yuan" | "yuan_new" => Some(self.yuan.to_string()),
            "changed" => Some(format!("2026-11-{:02}", self.changed)),
            _ => None,
        }
    }
}

/// What the source holds and how it behaves.
pub struct Source {
    rows: Mutex<Vec<Row>>,
    columns: Mutex<Vec<String>>,
    /// For the next pulls: none goes well, `true` breaks off in the middle, `false` is refused.
    failures: Mutex<VecDeque<Option<bool>>>,
    /// Rows with all their columns that were sent by the last night's pulls.
    sent: AtomicUsize,
    pub pulls: AtomicU32,
    pub holds: AtomicU32,
    /// States held now.
    pub held: Arc<AtomicU32>,
    pub whole_yuan: AtomicBool,
}

impl Default for Source {
    fn default() -> Source {
        Source {
            rows: Mutex::default(),
            columns: Mutex::new(["id", "yuan", "changed"].map(str::to_owned).to_vec()),
            failures: Mutex::default(),
            sent: AtomicUsize::new(0),
            pulls: AtomicU32::new(0),
            holds: AtomicU32::new(0),
            held: Arc::default(),
            whole_yuan: AtomicBool::new(false),
        }
    }
}

impl Source {
    pub fn set(&self, rows: Vec<Row>) {
        *self.rows.lock().expect("no panic while held") = rows;
    }

    pub fn change(&self, change: impl FnOnce(&mut Vec<Row>)) {
        self.sent.store(0, Ordering::Relaxed);
        change(&mut self.rows.lock().expect("no panic while held"));
    }

    pub fn columns(&self, columns: &[&str]) {
        *self.columns.lock().expect("no panic while held") = columns.iter().map(|it| (*it).to_owned()).collect();
    }

    pub fn fail(&self, failures: &[Option<bool>]) {
        self.failures.lock().expect("no panic while held").extend(failures);
    }

    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// The table, as `landed` tells a delivery of it.
    pub fn told(&self) -> Vec<String> {
        let rows = self.rows.lock().expect("no panic while held");
        let cell = |row: &Row, column| row.cell(column).expect("a column");
        let mut told: Vec<String> = rows.iter().map(|row| ["id", "yuan", "changed"].map(|it| cell(row, it)).join(" ")).collect();
        told.sort();
        told
    }

    fn batch(&self, rows: &[Row], columns: &[String]) -> RecordBatch {
        let whole = self.whole_yuan.load(Ordering::Relaxed);
        let mut arrays: Vec<(String, ArrayRef, bool)> = Vec::new();
        for column in columns {
            let array: ArrayRef = if whole && column == "yuan" {
                Arc::new(rows.iter().map(|it| Some(i64::from(it.yuan))).collect::<Int64Array>())
            } else {
                Arc::new(rows.iter().map(|it| it.cell(column)).collect::<StringArray>())
            };
            arrays.push((column.clone(), array, true));
        }
        arrays.push(("_row".to_owned(), Arc::new((1..=rows.len() as i64).map(Some).collect::<Int64Array>()), true));
        RecordBatch::try_from_iter_with_nullable(arrays).expect("columns of one length")
    }
}

/// The connector of a script.
pub struct Scripted(pub Arc<Source>);

#[async_trait]
impl Connector for Scripted {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let columns = self.0.columns.lock().expect("no panic while held").clone();
        Ok(vec![Offer { table: "pay".to_owned(), columns, rows: None }])
    }

    async fn hold(&self) -> Result<Option<Held>, Failure> {
        self.0.holds.fetch_add(1, Ordering::Relaxed);
        self.0.held.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Box::new(Letting(self.0.held.clone()))))
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        self.0.pulls.fetch_add(1, Ordering::Relaxed);
        let failure = self.0.failures.lock().expect("no panic while held").pop_front().flatten();
        if failure == Some(false) {
            return Err(told("the login was refused", false));
        }
        let mut rows = self.0.rows.lock().expect("no panic while held").clone();
        if let Some(since) = &ask.since {
            rows.retain(|it| it.cell(&since.column).is_some_and(|it| it >= since.at_least));
        }
        let is_list = ask.table.starts_with("SELECT");
        let columns = if is_list { ask.columns.clone() } else { self.0.columns.lock().expect("no panic while held").clone() };
        if !is_list {
            self.0.sent.fetch_add(rows.len(), Ordering::Relaxed);
        }
        let (schema, half) = (self.0.batch(&[], &columns).schema(), rows.len() / 2);
        let mut pieces = vec![Ok(Piece::Rows(self.0.batch(&rows[..half], &columns)))];
        pieces.push(match failure {
            Some(_) => Err(told("the connection was lost", true)),
            None => Ok(Piece::Rows(self.0.batch(&rows[half..], &columns))),
        });
        Ok(Pull { schema, pieces: futures::stream::iter(pieces).boxed() })
    }
}

/// Counts a held state down when it is let go of.
struct Letting(Arc<AtomicU32>);

impl Drop for Letting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn told(why: &str, passing: bool) -> Failure {
    Failure { department: "finance".to_owned(), source: "main".to_owned(), table: "pay".to_owned(), why: why.into(), hint: None, passing }
}
