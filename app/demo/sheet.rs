//! Rows of text as departments write them: into SQLite tables and delimited files.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use super::Trouble;

/// One cell of a database row.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Nothing.
    Null,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Cell {
        Cell::Whole(i64::from(number))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Cell {
        cell.map_or(Cell::Null, Into::into)
    }
}

/// A table of a department's database.
pub struct Table<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its columns, each with the type it was declared with.
    pub columns: &'static [&'static str],
    /// Its rows.
    pub rows: Box<dyn Iterator<Item = Vec<Cell>> + Send + 'a>,
}

/// Writes a database anew, in one transaction. Gives the number of rows.
pub async fn write_database(path: &Path, tables: Vec<Table<'_>>) -> Result<u64, Trouble> {
    let trouble = |error: sqlx::Error| Trouble::database(path, &error);
    if path.exists() {
        std::fs::remove_file(path).map_err(|error| Trouble::file(path, &error))?;
    }
    // The file can always be made again: no journal, no waiting for the disk.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(trouble)?;
    let mut count = 0;
    let mut work = connection.begin().await.map_err(trouble)?;
    for table in tables {
        let create = format!("CREATE TABLE \"{}\" ({})", table.name, table.columns.join(", "));
        sqlx::query(AssertSqlSafe(create)).execute(&mut *work).await.map_err(trouble)?;
        count += insert(&mut work, table).await.map_err(trouble)?;
    }
    work.commit().await.map_err(trouble)?;
    connection.close().await.map_err(trouble)?;
    Ok(count)
}

/// Rows in one statement: few enough for SQLite's 32,766 parameters, many enough to be quick.
const TOGETHER: usize = 400;

async fn insert(connection: &mut SqliteConnection, mut table: Table<'_>) -> Result<u64, sqlx::Error> {
    let width = table.columns.len();
    let mut count = 0;
    loop {
        let rows: Vec<Vec<Cell>> = table.rows.by_ref().take(TOGETHER).collect();
        if rows.is_empty() {
            return Ok(count);
        }
        let places = format!("({})", vec!["?"; width].join(", "));
        let statement = format!("INSERT INTO \"{}\" VALUES {}", table.name, vec![places; rows.len()].join(", "));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        count += rows.len() as u64;
        for cell in rows.into_iter().flatten() {
            query = match cell {
                Cell::Text(text) => query.bind(text),
                Cell::Whole(number) => query.bind(number),
                Cell::Null => query.bind(None::<String>),
            };
        }
        query.execute(&mut *connection).await?;
    }
}

/// How a department encodes its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// GB18030: every character has a place in it, unlike GBK.
    Gb18030,
    /// UTF-8 with a byte order mark, as spreadsheets export it.
    Utf8WithMark,
    /// UTF-8.
    Utf8,
}

/// A delimited file in the making, in its own encoding.
#[derive(Debug)]
pub struct Csv {
    encoding: Encoding,
    bytes: Vec<u8>,
    /// GB18030 bytes of the characters met so far: `encoding_rs` searches its tables for each, to be small, and a file repeats a few
    /// hundred of them a hundred thousand times.
    known: HashMap<char, Vec<u8>>,
    /// Rows without title and header.
    pub rows: u64,
}

impl Csv {
    /// A file with this header.
    pub fn new(encoding: Encoding, header: &[&str]) -> Csv {
        Csv::titled(encoding, None, header)
    }

    /// A file with this header, perhaps below a line of title.
    pub fn titled(encoding: Encoding, title: Option<&str>, header: &[&str]) -> Csv {
        let mut csv = Csv { encoding, bytes: Vec::new(), known: HashMap::new(), rows: 0 };
        if encoding == Encoding::Utf8WithMark {
            csv.put("\u{feff}");
        }
        if let Some(title) = title {
            csv.put(title);
            csv.put("\r\n");
        }
        csv.line(header.iter().copied());
        csv.rows = 0;
        csv
    }

    /// One more row. Cells with commas, quotes or line breaks are quoted.
    pub fn line<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.bytes.push(b',');
            }
            if cell.contains(',') || cell.contains('"') || cell.contains('\n') {
                self.put("\"");
                self.put(&cell.replace('"', "\"\""));
                self.put("\"");
            } else {
                self.put(cell);
            }
        }
        self.put("\r\n");
        self.rows += 1;
    }

    fn put(&mut self, text: &str) {
        if self.encoding != Encoding::Gb18030 || text.is_ascii() {
            self.bytes.extend_from_slice(text.as_bytes());
            return;
        }
        for letter in text.chars() {
            let known = self.known.entry(letter);
            let encoded = known.or_insert_with(|| encoding_rs::GB18030.encode(letter.encode_utf8(&mut [0; 4])).0.into_owned());
            self.bytes.extend_from_slice(encoded);
        }
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> Result<(), Trouble> {
        std::fs::write(path, &self.bytes).map_err(|error| Trouble::file(path, &error))
    }
}

/// Yuan with two decimals: `8120.50`.
pub fn yuan(fen: i64) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100)
}

/// Yuan as accountants write it: `8,120.50`, and `(8,120.50)` when it is taken back.
pub fn accounting(fen: i64) -> String {
    let whole = (fen.abs() / 100).to_string();
    let mut text = String::with_capacity(whole.len() + 8);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let _ = write!(text, ".{:02}", fen.abs() % 100);
    if fen < 0 { format!("({text})") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_goes_into_gb18030_and_back() {
        let mut csv = Csv::new(Encoding::Gb18030, &["姓名"]);
        csv.line(["王䶮·ａ\u{a0}X 1㼆\u{20000}", "a,\"b\""]);
        let text = "姓名\r\n王䶮·ａ\u{a0}X 1㼆\u{20000},\"a,\"\"b\"\"\"\r\n";
        assert_eq!(encoding_rs::GB18030.decode(&csv.bytes).0, text);
    }

    #[test]
    fn money_is_written_as_accountants_do() {
        assert_eq!(accounting(123_456_789), "1,234,567.89");
        assert_eq!(accounting(-81_205), "(812.05)");
        assert_eq!(yuan(-5), "-0.05");
    }
}
