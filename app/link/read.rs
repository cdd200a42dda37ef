//! Reads a file of people as it is: CSV in any usual encoding and separator, or Parquet; every column as text.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use encoding_rs::Encoding;
use muster_core::link::pair::Texts;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::decode::decode;
use crate::words::Lang;

/// A file in columns.
#[derive(Debug)]
pub struct Table {
    /// Its path, for messages.
    pub path: String,
    /// The encoding it was read in.
    pub encoding: &'static str,
    /// Headers, blanks at the ends removed.
    pub headers: Vec<String>,
    /// Column after column.
    pub columns: Vec<Texts>,
    /// How many rows.
    pub rows: usize,
}

impl Table {
    /// The place of a header, in any capitals.
    pub fn place(&self, header: &str) -> Option<usize> {
        let exact = self.headers.iter().position(|it| it == header);
        exact.or_else(|| self.headers.iter().position(|it| it.eq_ignore_ascii_case(header)))
    }
}

/// Reads a file; says why it cannot be read. `encoding` is believed where it is told.
pub fn read(path: &Path, encoding: Option<&'static Encoding>, lang: Lang) -> Result<Table, String> {
    let told = |why: &str| format!("{}: {why}", path.display());
    let parquet = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("parquet"));
    let table = if parquet { read_parquet(path) } else { read_csv(path, encoding, lang) }.map_err(|it| told(&it))?;
    if table.headers.iter().all(String::is_empty) {
        return Err(told(lang.pick("没有表头", "no header")));
    }
    if table.rows == 0 {
        return Err(told(lang.pick("只有表头，没有记录", "a header and no rows")));
    }
    Ok(table)
}

fn read_csv(path: &Path, encoding: Option<&'static Encoding>, lang: Lang) -> Result<Table, String> {
    let bytes = fs::read(path).map_err(|err| err.to_string())?;
    let (text, encoding) = decode(&bytes, encoding, lang)?;
    let first = text.lines().next().unwrap_or_default();
    let count = |mark: char| first.chars().filter(|it| *it == mark).count();
    let separator = [',', '\t', ';', '|'].into_iter().max_by_key(|it| count(*it)).filter(|it| count(*it) > 0).unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new().delimiter(separator as u8).flexible(true).from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().map_err(|err| err.to_string())?.iter().map(|it| it.trim().to_owned()).collect();
    let mut table = new(path, encoding, headers);
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|err| err.to_string())? {
        if row.iter().skip(table.headers.len()).any(|it| !it.trim().is_empty()) {
            let (line, cells, columns) = (row.position().map_or(0, csv::Position::line), row.len(), table.headers.len());
            return Err(lang.pick(
                format!("第 {line} 行有 {cells} 个单元格，而表头只有 {columns} 列"),
                format!("line {line} has {cells} cells, and the header {columns}"),
            ));
        }
        table.columns.iter_mut().enumerate().for_each(|(at, it)| it.push(row.get(at).unwrap_or_default().trim()));
        table.rows += 1;
    }
    Ok(table)
}

fn read_parquet(path: &Path) -> Result<Table, String> {
    let file = File::open(path).map_err(|err| err.to_string())?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|err| err.to_string())?;
    let headers: Vec<String> = reader.schema().fields().iter().map(|it| it.name().trim().to_owned()).collect();
    let mut table = new(path, "UTF-8", headers);
    for batch in reader.with_batch_size(16_384).build().map_err(|err| err.to_string())? {
        let batch = batch.map_err(|err| err.to_string())?;
        for (column, texts) in batch.columns().iter().zip(&mut table.columns) {
            push(column, texts)?;
        }
        table.rows += batch.num_rows();
    }
    Ok(table)
}

fn new(path: &Path, encoding: &'static str, headers: Vec<String>) -> Table {
    Table { path: path.display().to_string(), encoding, columns: vec![Texts::default(); headers.len()], headers, rows: 0 }
}

/// A column that cannot be written as text (a list, a struct) says nothing.
fn push(column: &dyn Array, texts: &mut Texts) -> Result<(), String> {
    let Ok(column) = cast(column, &DataType::Utf8) else {
        (0..column.len()).for_each(|_| texts.push(""));
        return Ok(());
    };
    let column = column.as_string_opt::<i32>().ok_or("a column that is no text")?;
    column.iter().for_each(|it| texts.push(it.unwrap_or_default().trim()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_in_two_encodings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("people.csv");
        for bytes in ["姓名;性别\n王秀英 ;女\n".as_bytes().to_vec(), encoding_rs::GB18030.encode("姓名;性别\n王秀英 ;女\n").0.into_owned()]
        {
            fs::write(&path, bytes).expect("written");
            let table = read(&path, None, Lang::En).expect("read");
            assert_eq!((table.headers.join("|"), table.rows, table.columns[0].get(0)), ("姓名|性别".to_owned(), 1, "王秀英"));
        }
        let told = |text: &str| {
            fs::write(&path, text).expect("written");
            read(&path, None, Lang::En).expect_err("nothing to read")
        };
        assert!(told("").ends_with("no header"));
        assert!(told("姓名,性别\n").ends_with("a header and no rows"));
        assert!(told("姓名,性别\n甲,男\n乙,男,七\n").ends_with("line 3 has 3 cells, and the header 2"));
        assert!(read(&folder.path().join("none.csv"), None, Lang::En).is_err());
    }
}
