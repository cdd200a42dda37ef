//! Values that become a batch, column by column: each is copied once, from where the driver holds it to where Arrow wants it.
//!
//! Text is taken as bytes and looked at once for a whole batch. A row with bytes that are no text comes out as [`Piece::Broken`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, NullBufferBuilder,
    RecordBatch, StringArray, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::util::display::array_value_to_string;

use crate::sink::{Under, places};
use crate::{BrokenRow, PLACE_COLUMNS, Piece, Said, Spot, cell, said};

/// A batch ends early when one of its columns holds so much text: memory stays flat when cells are long.
const BYTES_MAX: usize = 8 << 20;
/// Cents of amounts below this are exact in a double, and written without a search for the shortest digits.
const CENTS_EXACT_BELOW: u64 = 1_000_000_000_000_000;

/// Rows on their way into a batch.
pub(crate) struct Gathered {
    schema: SchemaRef,
    rows_max: usize,
    columns: Vec<Column>,
    row_nos: Int64Builder,
    rows: usize,
    /// Row and column of cells that make their row a broken one, as far as the reader has seen it.
    refused: BTreeMap<(usize, usize), Option<Refused>>,
}

/// A value that its column has no place for.
#[derive(Clone, Debug)]
struct Refused {
    /// The value.
    raw: String,
    /// What it is.
    what: Said,
}

/// One column, in the type that the schema gives it.
pub(crate) enum Column {
    Text(Text),
    Whole(Int64Builder),
    Unsigned(UInt64Builder),
    Real(Float64Builder),
    Exact(Decimal128Builder),
    Flag(BooleanBuilder),
    Day(Date32Builder),
    /// Microseconds since 1970, without a zone.
    Moment(TimestampMicrosecondBuilder),
}

/// Texts as bytes, one behind the other.
pub(crate) struct Text {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

/// A finished column, and what its texts were made of.
struct Finished {
    array: ArrayRef,
    texts: Option<(Buffer, OffsetBuffer<i32>)>,
    /// Rows whose bytes are no text; null in the array.
    undecodable: Vec<usize>,
}

impl Gathered {
    /// For batches of `schema`, whose own columns are of the types that [`Column`] knows.
    pub(crate) fn new(schema: SchemaRef, batch_rows: usize) -> Gathered {
        let own = schema.fields().len() - PLACE_COLUMNS.len();
        let columns = schema.fields()[..own].iter().map(|it| Column::new(it.data_type())).collect();
        let rows_max = batch_rows.max(1);
        Gathered { schema, rows_max, columns, row_nos: Int64Builder::new(), rows: 0, refused: BTreeMap::new() }
    }

    /// The columns, to add one value to each of them.
    pub(crate) fn columns(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Says that the cell which the row under way has in column `at` is no text, whatever its bytes are.
    pub(crate) fn refuse(&mut self, at: usize) {
        self.refused.insert((self.rows, at), None);
    }

    /// Says that the row under way has a value in column `at` that has no place there; a null stands for it.
    pub(crate) fn refuse_value(&mut self, at: usize, raw: String, what: Said) {
        self.refused.insert((self.rows, at), Some(Refused { raw, what }));
    }

    /// Ends a row that has a value in every column.
    pub(crate) fn end_row(&mut self, row_no: i64) {
        self.row_nos.append_value(row_no);
        self.rows += 1;
    }

    /// Whether it is time to hand over a batch.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= self.rows_max || self.columns.iter().any(|it| it.bytes() >= BYTES_MAX)
    }

    /// What was gathered since the last time: the rows that are broken, each for itself, then the others.
    pub(crate) fn pieces(&mut self, under: &Under) -> Vec<Piece> {
        if self.rows == 0 {
            return Vec::new();
        }
        self.rows = 0;
        let columns: Vec<Finished> = self.columns.iter_mut().map(Column::finish).collect();
        let row_nos: ArrayRef = Arc::new(self.row_nos.finish());
        let own = columns.iter().map(|it| Arc::clone(&it.array));
        let arrays = own.chain(places(under, &row_nos)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).expect("the columns were made from the schema");
        let mut broken: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let undecodable = columns.iter().enumerate().flat_map(|(at, it)| it.undecodable.iter().map(move |row| (*row, at)));
        let refused = std::mem::take(&mut self.refused);
        for (row, at) in refused.keys().copied().chain(undecodable) {
            broken.entry(row).or_default().insert(at);
        }
        if broken.is_empty() {
            return vec![Piece::Rows(batch)];
        }
        let mut pieces: Vec<Piece> =
            broken.iter().map(|(row, cells)| Piece::Broken(self.broken_row(&columns, &batch, (*row, cells), &refused, under))).collect();
        let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(!broken.contains_key(&row))).collect();
        let kept = filter_record_batch(&batch, &keep).expect("one answer for each row");
        if kept.num_rows() > 0 {
            pieces.push(Piece::Rows(kept));
        }
        pieces
    }

    fn broken_row(
        &self,
        columns: &[Finished],
        batch: &RecordBatch,
        (row, cells): (usize, &BTreeSet<usize>),
        refused: &BTreeMap<(usize, usize), Option<Refused>>,
        under: &Under,
    ) -> BrokenRow {
        let value = |at: usize| refused.get(&(row, at)).and_then(Option::as_ref);
        let shown = |(at, it): (usize, &Finished)| value(at).map_or_else(|| it.shown(row, cells.contains(&at)), |it| it.raw.clone());
        let raw = columns.iter().enumerate().map(shown).collect::<Vec<_>>().join("|");
        let row_nos = batch.column_by_name("_row").expect("a place column");
        let row_no = array_value_to_string(row_nos, row).ok().and_then(|it| it.parse().ok());
        let spot = Spot { file: under.file.clone(), sheet: under.sheet.clone(), row: row_no };
        let first = cells.first().copied().unwrap_or_default();
        let what = value(first).map_or(said!("不是文本的字节", "bytes that are no text"), |it| it.what.clone());
        BrokenRow { spot, raw, why: said!("`{}` 中有{}", "`{}` holds {}", self.schema.field(first).name(); what) }
    }
}

impl Finished {
    /// A cell of a broken row: bytes that are no text as `\xNN`.
    fn shown(&self, row: usize, refused: bool) -> String {
        let raw = self.texts.as_ref().map(|(bytes, ends)| &bytes[ends[row] as usize..ends[row + 1] as usize]);
        match raw {
            Some(raw) if refused => escaped(raw),
            _ if self.array.is_null(row) => "NULL".to_owned(),
            _ => array_value_to_string(&self.array, row).unwrap_or_default(),
        }
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("\\x{it:02X}")).collect()
}

impl Column {
    fn new(kind: &DataType) -> Column {
        match kind {
            DataType::Int64 => Column::Whole(Int64Builder::new()),
            DataType::UInt64 => Column::Unsigned(UInt64Builder::new()),
            DataType::Float64 => Column::Real(Float64Builder::new()),
            DataType::Decimal128(..) => Column::Exact(Decimal128Builder::new().with_data_type(kind.clone())),
            DataType::Boolean => Column::Flag(BooleanBuilder::new()),
            DataType::Date32 => Column::Day(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Column::Moment(TimestampMicrosecondBuilder::new()),
            _ => Column::Text(Text::new(0, 0)),
        }
    }

    /// Adds a null.
    pub(crate) fn null(&mut self) {
        match self {
            Column::Text(it) => it.null(),
            Column::Whole(it) => it.append_null(),
            Column::Unsigned(it) => it.append_null(),
            Column::Real(it) => it.append_null(),
            Column::Exact(it) => it.append_null(),
            Column::Flag(it) => it.append_null(),
            Column::Day(it) => it.append_null(),
            Column::Moment(it) => it.append_null(),
        }
    }

    fn bytes(&self) -> usize {
        if let Column::Text(it) = self { it.bytes.len() } else { 0 }
    }

    fn finish(&mut self) -> Finished {
        let array: ArrayRef = match self {
            Column::Text(it) => return it.finish(),
            Column::Whole(it) => Arc::new(it.finish()),
            Column::Unsigned(it) => Arc::new(it.finish()),
            Column::Real(it) => Arc::new(it.finish()),
            Column::Exact(it) => Arc::new(it.finish()),
            Column::Flag(it) => Arc::new(it.finish()),
            Column::Day(it) => Arc::new(it.finish()),
            Column::Moment(it) => Arc::new(it.finish()),
        };
        Finished { array, texts: None, undecodable: Vec::new() }
    }
}

impl Text {
    fn new(rows: usize, bytes: usize) -> Text {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Text { bytes: Vec::with_capacity(bytes), ends, nulls: NullBufferBuilder::new(rows) }
    }

    /// Adds a text.
    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.end();
    }

    /// Adds a text that `write` appends.
    #[inline]
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.end();
    }

    /// Adds a null.
    pub(crate) fn null(&mut self) {
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append_null();
    }

    #[inline]
    fn end(&mut self) {
        // A batch ends at `BYTES_MAX`, and no driver hands over a cell that does not fit into the rest.
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append_non_null();
    }

    fn finish(&mut self) -> Finished {
        let next = Text::new(self.ends.len(), self.bytes.len() + self.bytes.len() / 8);
        let Text { bytes, ends, mut nulls } = std::mem::replace(self, next);
        let (bytes, ends, nulls) = (Buffer::from_vec(bytes), OffsetBuffer::new(ends.into()), nulls.finish());
        let texts = Some((bytes.clone(), ends.clone()));
        if let Ok(array) = StringArray::try_new(ends.clone(), bytes.clone(), nulls.clone()) {
            return Finished { array: Arc::new(array), texts, undecodable: Vec::new() };
        }
        let mut undecodable = Vec::new();
        let cells = ends.windows(2).enumerate().map(|(row, at)| {
            let there = nulls.as_ref().is_none_or(|it| it.is_valid(row));
            let text = std::str::from_utf8(&bytes[at[0] as usize..at[1] as usize]).ok();
            if text.is_none() {
                undecodable.push(row);
            }
            text.filter(|_| there)
        });
        let array: StringArray = cells.collect();
        Finished { array: Arc::new(array), texts, undecodable }
    }
}

/// The names of a table's columns, each once: a second one of a name, or of a place column's, is numbered (`金额#2`).
pub(crate) fn single_names(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken: BTreeSet<String> = PLACE_COLUMNS.iter().map(|it| (*it).to_owned()).collect();
    let single = |name: String| {
        let numbered = (2..).map(|nth| format!("{name}#{nth}"));
        std::iter::once(name.clone()).chain(numbered).find(|it| taken.insert(it.clone())).unwrap_or(name)
    };
    names.into_iter().map(single).collect()
}

/// Appends a whole number.
pub(crate) fn write_whole(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_digits(number.unsigned_abs(), 1, out);
}

/// Appends a number without sign, with leading zeros up to `width` digits.
pub(crate) fn write_digits(mut number: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[first.min(digits.len() - width)..]);
}

/// Appends the shortest digits that are this double; no exponent.
pub(crate) fn write_real(number: f64, out: &mut Vec<u8>) {
    // The cast rounds half away from zero, and ends at the ends of i64.
    let cents = (number * 100.0 + 0.5_f64.copysign(number)) as i64;
    if cents == 0 || cents.unsigned_abs() >= CENTS_EXACT_BELOW || (cents as f64 / 100.0).to_bits() != number.to_bits() {
        let mut text = String::new();
        cell::append(&mut text, &number);
        return out.extend_from_slice(text.as_bytes());
    }
    // Two decimals of at most fifteen digits are never the same double: this one is the shortest.
    if cents < 0 {
        out.push(b'-');
    }
    let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    write_digits(whole, 1, out);
    match (rest / 10, rest % 10) {
        (0, 0) => {}
        (tenths, 0) => out.extend_from_slice(&[b'.', b'0' + tenths as u8]),
        (tenths, hundredths) => out.extend_from_slice(&[b'.', b'0' + tenths as u8, b'0' + hundredths as u8]),
    }
}

/// Appends bytes as hexadecimal digits.
pub(crate) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|it| [DIGITS[usize::from(it >> 4)], DIGITS[usize::from(it & 15)]]));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sink::{text_column, with_places};

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("digits")
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(whole: i64, real: f64, cents in -2_000_000_000_000_000_i64..2_000_000_000_000_000) {
            prop_assert_eq!(text(|out| write_whole(whole, out)), whole.to_string());
            prop_assert_eq!(text(|out| write_real(real, out)), real.to_string());
            let amount = cents as f64 / 100.0;
            prop_assert_eq!(text(|out| write_real(amount, out)), amount.to_string());
        }
    }

    #[test]
    fn numbers_at_the_ends() {
        for number in [0, -1, 9, 10, i64::MIN, i64::MAX] {
            assert_eq!(text(|out| write_whole(number, out)), number.to_string());
        }
        for number in [0.0, -0.0, 0.01, 0.1, -0.5, 1e15, 1e16, 123.456, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN] {
            assert_eq!(text(|out| write_real(number, out)), number.to_string());
        }
        assert_eq!(text(|out| write_digits(7, 4, out)), "0007");
        assert_eq!(text(|out| write_hex(&[0, 255, 0x1a], out)), "00ff1a");
    }

    /// Pieces of rows with one or two cells; broken rows are told with `!`.
    fn told(rows: &[&[Option<&[u8]>]], refused: &[(usize, usize)]) -> Vec<String> {
        let mut gathered = Gathered::new(with_places([text_column("a"), text_column("b")]), 100);
        for (row_no, row) in rows.iter().enumerate() {
            for (column, cell) in gathered.columns().iter_mut().zip(*row) {
                match (column, cell) {
                    (Column::Text(column), Some(cell)) => column.push(cell),
                    (column, _) => column.null(),
                }
            }
            refused.iter().filter(|it| it.0 == row_no).for_each(|it| gathered.refuse(it.1));
            gathered.end_row(row_no as i64 + 1);
        }
        let pieces = gathered.pieces(&Under::default());
        assert!(gathered.pieces(&Under::default()).is_empty());
        pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Rows(batch) => {
                    let shown = |row: usize, at: usize| array_value_to_string(batch.column(at), row).expect("text");
                    (0..batch.num_rows()).map(|row| format!("{}|{} @{}", shown(row, 0), shown(row, 1), shown(row, 4))).collect()
                }
                Piece::Broken(it) => vec![format!("!{} {} @{}", it.raw, it.why.en, it.spot.row.unwrap_or_default())],
                _ => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn rows_with_bytes_that_are_no_text_stand_apart() {
        let rows: [&[Option<&[u8]>]; 4] = [
            &[Some("张".as_bytes()), None],
            &[Some(&[0xd5, 0xc5]), Some(b"x")],
            &[Some(b""), Some("伟".as_bytes())],
            &[None, Some(&[0xff])],
        ];
        let broken = ["!\\xD5\\xC5|x `a` holds bytes that are no text @2", "!NULL|\\xFF `b` holds bytes that are no text @4"];
        assert_eq!(told(&rows, &[]), [broken[0], broken[1], "张| @1", "|伟 @3"]);
    }

    #[test]
    fn a_character_cut_between_two_cells_is_no_text() {
        let (first, second) = "张".as_bytes().split_at(1);
        let rows: [&[Option<&[u8]>]; 2] = [&[Some(first), None], &[Some(second), None]];
        assert_eq!(told(&rows, &[]).len(), 2);
        assert!(told(&rows, &[]).iter().all(|it| it.starts_with('!')));
    }

    #[test]
    fn a_refused_cell_shows_its_bytes_even_if_they_look_like_text() {
        let rows: [&[Option<&[u8]>]; 1] = [&[Some(b"ab"), Some(b"c")]];
        assert_eq!(told(&rows, &[(0, 0)]), ["!\\x61\\x62|c `a` holds bytes that are no text @1"]);
    }
}
