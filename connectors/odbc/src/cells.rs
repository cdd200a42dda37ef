//! Cells on their way into a batch, column by column, and what of them cannot be given.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, Date32Builder, Float64Builder, Int64Array, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::display::array_value_to_string;
use chrono::{Datelike as _, NaiveDate, NaiveDateTime};
use muster_connectors::odbc::line::{Answer, Column, Holds, Odd};
use odbc_api::sys::{Date, Timestamp};

use crate::given::Outlet;
use crate::trouble::Broken;

/// A batch ends early when its texts are so long: memory stays flat when cells are.
const BYTES_MAX: usize = 8 << 20;

/// Rows on their way into a batch.
pub struct Cells {
    columns: Vec<Column>,
    builders: Vec<Builder>,
    schema: SchemaRef,
    /// Rows of this batch, and those of all batches before it.
    rows: usize,
    before: u64,
    bytes: usize,
    /// Row in this batch, column, what is in it, and how it is shown.
    odd: Vec<(usize, usize, Odd, String)>,
}

enum Builder {
    Text(StringBuilder),
    Real(Float64Builder),
    Day(Date32Builder),
    Moment(TimestampMicrosecondBuilder),
}

impl Cells {
    pub fn new(columns: &[Column]) -> Cells {
        let fields = columns.iter().enumerate().map(|(at, it)| Field::new(at.to_string(), arrow(it.holds), true));
        let row = Field::new("_row", DataType::Int64, true);
        Cells {
            columns: columns.to_vec(),
            builders: columns.iter().map(|it| Builder::new(it.holds)).collect(),
            schema: Arc::new(Schema::new(fields.chain([row]).collect::<Vec<_>>())),
            rows: 0,
            before: 0,
            bytes: 0,
            odd: Vec::new(),
        }
    }

    /// A text of the row under way.
    pub fn text(&mut self, at: usize, wide: Option<&[u16]>) {
        let Builder::Text(builder) = &mut self.builders[at] else { return };
        match wide.map(|it| (it, String::from_utf16(it))) {
            None => builder.append_null(),
            Some((_, Ok(text))) => {
                self.bytes += text.len();
                builder.append_value(text);
            }
            Some((wide, Err(_))) => {
                builder.append_null();
                let raw = wide.iter().map(|it| format!("\\x{it:04X}")).collect();
                self.odd.push((self.rows, at, Odd::NoText, raw));
            }
        }
    }

    /// Bytes of the row under way.
    pub fn bytes(&mut self, at: usize, bytes: Option<&[u8]>) {
        let Builder::Text(builder) = &mut self.builders[at] else { return };
        let text: Option<String> = bytes.map(|it| it.iter().map(|it| format!("{it:02x}")).collect());
        self.bytes += text.as_ref().map_or(0, String::len);
        builder.append_option(text);
    }

    /// A floating-point number of the row under way.
    pub fn real(&mut self, at: usize, number: Option<f64>) {
        let Builder::Real(builder) = &mut self.builders[at] else { return };
        builder.append_option(number);
    }

    /// A day of the row under way.
    pub fn day(&mut self, at: usize, date: Option<Date>) {
        let Builder::Day(builder) = &mut self.builders[at] else { return };
        let day = date.map(|it| NaiveDate::from_ymd_opt(it.year.into(), it.month.into(), it.day.into()).filter(|it| in_era(*it)));
        builder.append_option(day.flatten().map(|it| it.to_epoch_days()));
        if let (Some(None), Some(it)) = (day, date) {
            self.odd.push((self.rows, at, Odd::Day, format!("{}-{}-{}", it.year, it.month, it.day)));
        }
    }

    /// A day and time of the row under way.
    pub fn moment(&mut self, at: usize, moment: Option<Timestamp>) {
        let Builder::Moment(builder) = &mut self.builders[at] else { return };
        let exact = moment.map(exact);
        builder.append_option(exact.flatten().map(|it| it.and_utc().timestamp_micros()));
        if let (Some(None), Some(it)) = (exact, moment) {
            self.odd.push((
                self.rows,
                at,
                Odd::Moment,
                format!("{}-{}-{} {}:{}:{}", it.year, it.month, it.day, it.hour, it.minute, it.second),
            ));
        }
    }

    /// Ends a row; hands the batch over when it is large enough.
    pub fn end_row(&mut self, batch_rows: usize, outlet: &mut Outlet) -> Result<(), Broken> {
        self.rows += 1;
        if self.rows >= batch_rows || self.bytes >= BYTES_MAX { self.hand_over(outlet) } else { Ok(()) }
    }

    /// Hands over what there is: broken rows each for itself, then the others.
    pub fn hand_over(&mut self, outlet: &mut Outlet) -> Result<(), Broken> {
        if self.rows == 0 {
            return Ok(());
        }
        let first = self.before as i64 + 1;
        let row_nos: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + self.rows as i64));
        let arrays = self.builders.iter_mut().map(Builder::finish).chain([row_nos]).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).expect("the columns were made from the schema");
        let odd = std::mem::take(&mut self.odd);
        (self.before, self.rows, self.bytes) = (self.before + self.rows as u64, 0, 0);
        if odd.is_empty() {
            return outlet.rows(&batch);
        }
        let broken = |row: usize| odd.iter().any(|it| it.0 == row);
        for (nth, (row, at, what, _)) in odd.iter().enumerate() {
            // A row is told once, with its first odd cell.
            if odd[..nth].iter().all(|it| it.0 != *row) {
                let raw = (0..self.columns.len()).map(|at| shown(&batch, &odd, *row, at)).collect::<Vec<_>>().join("|");
                let column = self.columns[*at].name.clone();
                outlet.answer(&Answer::Broken { row: first + *row as i64, raw, column, what: *what })?;
            }
        }
        let keep = (0..batch.num_rows()).map(|row| Some(!broken(row))).collect();
        let kept = filter_record_batch(&batch, &keep).expect("one answer for each row");
        if kept.num_rows() > 0 { outlet.rows(&kept) } else { Ok(()) }
    }

    /// How many rows were handed over.
    pub fn given(&self) -> u64 {
        self.before
    }
}

fn shown(batch: &RecordBatch, odd: &[(usize, usize, Odd, String)], row: usize, at: usize) -> String {
    let odd = odd.iter().find(|it| (it.0, it.1) == (row, at));
    match odd {
        Some(it) => it.3.clone(),
        None if batch.column(at).is_null(row) => "NULL".to_owned(),
        None => array_value_to_string(batch.column(at), row).unwrap_or_default(),
    }
}

/// Years before Christ have no place in a register; drivers write them for what they do not understand.
fn in_era(day: NaiveDate) -> bool {
    day.year() > 0
}

/// Null when the calendar or the clock has no such moment, or a part of a microsecond would be lost.
fn exact(it: Timestamp) -> Option<NaiveDateTime> {
    let day = NaiveDate::from_ymd_opt(it.year.into(), it.month.into(), it.day.into()).filter(|it| in_era(*it))?;
    let micros = it.fraction.is_multiple_of(1000).then_some(it.fraction / 1000)?;
    day.and_hms_micro_opt(it.hour.into(), it.minute.into(), it.second.into(), micros)
}

impl Builder {
    fn new(holds: Holds) -> Builder {
        match holds {
            Holds::Text | Holds::Bytes => Builder::Text(StringBuilder::new()),
            Holds::Real => Builder::Real(Float64Builder::new()),
            Holds::Day => Builder::Day(Date32Builder::new()),
            Holds::Moment => Builder::Moment(TimestampMicrosecondBuilder::new()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(it) => Arc::new(it.finish()),
            Builder::Real(it) => Arc::new(it.finish()),
            Builder::Day(it) => Arc::new(it.finish()),
            Builder::Moment(it) => Arc::new(it.finish()),
        }
    }
}

fn arrow(holds: Holds) -> DataType {
    match holds {
        Holds::Text | Holds::Bytes => DataType::Utf8,
        Holds::Real => DataType::Float64,
        Holds::Day => DataType::Date32,
        Holds::Moment => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}
