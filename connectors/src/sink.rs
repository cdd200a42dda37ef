//! From rows to batches, and from a blocking thread to whoever pulls.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::row::Row;
use crate::{Failure, PLACE_COLUMNS, Piece, Place, said};

/// This many pieces wait at most for whoever pulls; the reader waits with the next one.
const PIECES_WAITING: usize = 4;

/// Why a reader stops before its end.
pub(crate) enum Stop {
    /// Nobody takes the pieces any more.
    Gone,
    /// The pull has failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failed(failure)
    }
}

/// Where a reader puts its pieces.
pub(crate) struct Outlet(mpsc::Sender<Result<Piece, Failure>>);

impl Outlet {
    /// From a blocking thread.
    pub(crate) fn put(&self, piece: Piece) -> Result<(), Stop> {
        self.0.blocking_send(Ok(piece)).map_err(|_| Stop::Gone)
    }

    /// From an async task.
    pub(crate) async fn put_async(&self, piece: Piece) -> Result<(), Stop> {
        self.0.send(Ok(piece)).await.map_err(|_| Stop::Gone)
    }
}

impl Outlet {
    /// All of them, in their order, from an async task.
    pub(crate) async fn put_all(&self, pieces: Vec<Piece>) -> Result<(), Stop> {
        for piece in pieces {
            self.put_async(piece).await?;
        }
        Ok(())
    }

    /// Whether nobody takes the pieces any more: for work that lasts long between two pieces. Does not keep the stream open.
    pub(crate) fn watcher(&self) -> impl Fn() -> bool + Send + 'static {
        let sender = self.0.downgrade();
        move || sender.upgrade().is_none_or(|it| it.is_closed())
    }

    /// Returns when nobody takes the pieces any more.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }
}

/// Runs a reader on a blocking thread; its pieces are the stream.
pub(crate) fn blocking(
    place: &Place,
    table: &str,
    read: impl FnOnce(&Outlet) -> Result<(), Stop> + Send + 'static,
) -> BoxStream<'static, Result<Piece, Failure>> {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let reader = tokio::task::spawn_blocking(move || {
        let outlet = Outlet(sender);
        if let Err(Stop::Failed(failure)) = read(&outlet) {
            let _ = outlet.0.blocking_send(Err(failure));
        }
    });
    pieces(
        receiver,
        reader,
        place.failure(table, said!("读取程序中断；这是 muster 的错误", "the reader broke off; this is a mistake in muster")),
    )
}

/// Runs an async reader as a task of its own; its pieces are the stream.
pub(crate) fn spawned<R>(place: &Place, table: &str, read: impl FnOnce(Outlet) -> R) -> BoxStream<'static, Result<Piece, Failure>>
where
    R: Future<Output = Result<(), Stop>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let read = read(Outlet(sender.clone()));
    let reader = tokio::spawn(async move {
        if let Err(Stop::Failed(failure)) = read.await {
            let _ = sender.send(Err(failure)).await;
        }
    });
    pieces(
        receiver,
        reader,
        place.failure(table, said!("读取程序中断；这是 muster 的错误", "the reader broke off; this is a mistake in muster")),
    )
}

/// The stream ends when the reader has ended well. A reader that broke off must not look like the end of the table.
fn pieces(
    receiver: mpsc::Receiver<Result<Piece, Failure>>,
    reader: JoinHandle<()>,
    broke_off: Failure,
) -> BoxStream<'static, Result<Piece, Failure>> {
    futures::stream::unfold(Some((receiver, reader, broke_off)), |open| async {
        let (mut receiver, reader, broke_off) = open?;
        match receiver.recv().await {
            Some(piece) => Some((piece, Some((receiver, reader, broke_off)))),
            None => reader.await.err().map(|_| (Err(broke_off), None)),
        }
    })
    .boxed()
}

/// The schema of a pull: the source's columns and the place columns.
pub(crate) fn with_places(columns: impl IntoIterator<Item = Arc<Field>>) -> SchemaRef {
    let place = |name: &&str| Arc::new(Field::new(*name, if *name == "_row" { DataType::Int64 } else { DataType::Utf8 }, true));
    Arc::new(Schema::new(columns.into_iter().chain(PLACE_COLUMNS.iter().map(place)).collect::<Vec<_>>()))
}

/// A nullable text column.
pub(crate) fn text_column(name: &str) -> Arc<Field> {
    Arc::new(Field::new(name, DataType::Utf8, true))
}

/// The file, sheet and title that rows are read under.
#[derive(Clone, Debug, Default)]
pub(crate) struct Under {
    pub file: Option<String>,
    pub sheet: Option<String>,
    pub title: Option<String>,
}

/// The place columns of rows that stand under one file, sheet and title.
pub(crate) fn places(under: &Under, row_nos: &ArrayRef) -> [ArrayRef; 4] {
    let text = |value: &Option<String>| -> ArrayRef {
        match value {
            Some(value) => Arc::new(StringArray::new_repeated(value, row_nos.len())),
            None => new_null_array(&DataType::Utf8, row_nos.len()),
        }
    };
    [text(&under.file), text(&under.sheet), Arc::clone(row_nos), text(&under.title)]
}

/// Rows of text that become a batch.
pub(crate) struct Rows {
    schema: SchemaRef,
    most: usize,
    columns: Vec<StringBuilder>,
    /// Bytes that each column had in the last batch: room for the next one is made at once.
    bytes: Vec<usize>,
    row_nos: Int64Builder,
    waiting: usize,
}

impl Rows {
    /// For batches of `schema`, all of whose own columns are text.
    pub(crate) fn new(schema: SchemaRef, batch_rows: usize) -> Rows {
        let own = schema.fields().len() - PLACE_COLUMNS.len();
        let columns = (0..own).map(|_| StringBuilder::new()).collect();
        Rows { schema, most: batch_rows.max(1), columns, bytes: vec![0; own], row_nos: Int64Builder::new(), waiting: 0 }
    }

    /// Adds a row. `from` says for every column of the schema at which place of the row it stands; null where the row has no such column.
    pub(crate) fn add(&mut self, row_no: i64, row: &Row, from: &[Option<usize>]) {
        for (column, at) in self.columns.iter_mut().zip(from) {
            column.append_option(at.and_then(|at| row.cell(at)));
        }
        self.row_nos.append_value(row_no);
        self.waiting += 1;
    }

    /// Whether a batch is full.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting >= self.most
    }

    /// The rows added since the last batch; null when there are none.
    pub(crate) fn batch(&mut self, under: &Under) -> Option<RecordBatch> {
        if self.waiting == 0 {
            return None;
        }
        self.waiting = 0;
        let row_nos: ArrayRef = Arc::new(self.row_nos.finish());
        for (bytes, column) in self.bytes.iter_mut().zip(&self.columns) {
            *bytes = column.values_slice().len();
        }
        let room = |bytes: &usize| StringBuilder::with_capacity(row_nos.len(), bytes + bytes / 8);
        let next = self.bytes.iter().map(room).collect();
        let own = std::mem::replace(&mut self.columns, next).into_iter().map(|mut it| Arc::new(it.finish()) as ArrayRef);
        let columns: Vec<ArrayRef> = own.chain(places(under, &row_nos)).collect();
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("the builders were made from the schema"))
    }
}
