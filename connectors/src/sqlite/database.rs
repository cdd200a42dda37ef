//! Opening a database file so that nobody notices, and asking what is in it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use super::Source;
use crate::spool::{Stamp, stamp};
use crate::{Failure, Said, said};

/// The header of a database file, up to what tells WAL mode.
const HEADER_BYTES: u64 = 20;

/// What holds for every connection: no statement may write, a damaged page is found before it is used, and a view of an untrusted
/// file calls no function that does more than compute. `BEGIN` and the first look take the snapshot that the connection then keeps.
const MANNERS: &str =
    "PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; BEGIN; SELECT * FROM sqlite_schema LIMIT 1";

/// An open database in its read transaction.
pub(super) struct Database {
    pub connection: Connection,
    path: PathBuf,
    /// What the file was like when it was opened as immutable.
    found: Option<Stamp>,
}

/// A column of a table.
pub(super) struct Column {
    pub name: String,
    /// Whether it is declared for bytes.
    pub bytes: bool,
}

impl Source {
    /// Opens the file so that nothing is written, neither to it nor beside it.
    ///
    /// A database in WAL mode that nobody has open has no `-wal` file, and `SQLite` would make one to read it; it is opened as immutable instead,
    /// and [`Database::unchanged`] refuses what was read when somebody wrote meanwhile.
    pub(super) fn connect(&self, table: &str) -> Result<Database, Failure> {
        let unreadable = |it: std::io::Error| {
            let hint = said!("查找的位置是 {}", "it is looked for at {}", self.path.display());
            self.place.failure(table, said!("数据库 `{}` 无法读取：{it}", "the database `{}` cannot be read: {it}", self.name)).hint(hint)
        };
        let found = stamp(&self.path).map_err(unreadable)?;
        let mut beginning = Vec::new();
        File::open(&self.path).and_then(|it| it.take(HEADER_BYTES).read_to_end(&mut beginning)).map_err(unreadable)?;
        if !beginning.starts_with(b"SQLite format 3\0") {
            let failure = self.place.failure(table, said!("`{}` 不是 SQLite 数据库", "`{}` is no SQLite database", self.name));
            return Err(
                failure.hint(said!("它是空的、被截断、加密了，还是别的格式？", "is it empty, cut off, encrypted, or of another kind?"))
            );
        }
        // https://www.sqlite.org/fileformat2.html#file_format_version_numbers: 2 is WAL.
        let at_rest = beginning.get(19) == Some(&2) && !self.beside("-wal").exists();
        let read = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = if at_rest {
            Connection::open_with_flags(immutable(&self.path), read | OpenFlags::SQLITE_OPEN_URI)
        } else {
            Connection::open_with_flags(&self.path, read)
        };
        let connection = opened.map_err(|it| self.failed(table, &it))?;
        connection.execute_batch(MANNERS).map_err(|it| self.failed(table, &it))?;
        Ok(Database { connection, path: self.path.clone(), found: at_rest.then_some(found) })
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    pub(super) fn failed(&self, table: &str, error: &Error) -> Failure {
        told(self.place.failure(table, said!("数据库 `{}`", "the database `{}`", self.name)), error)
    }
}

/// The address of a file that nobody writes to. <https://www.sqlite.org/uri.html>
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    uri + "?immutable=1"
}

/// What `SQLite` says, after what the failure says already.
pub(super) fn told(failure: Failure, error: &Error) -> Failure {
    let failure = Failure { why: failure.why.because(&said(error)), ..failure };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => failure.hint(said!(
            "文件不完整，或不是 SQLite 数据库；请对方重新送来",
            "the file is not whole, or no SQLite database; have it delivered again"
        )),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            failure.hint(said!("有人正在写入；请稍后取数，或取副本", "somebody writes to it; pull later, or pull a copy")).passing()
        }
        Some(ErrorCode::SystemIoFailure) => {
            failure.hint(said!("磁盘或网络共享正常吗？", "is the disk or the network share in order?")).passing()
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => failure.hint(said!(
            "写入程序崩溃后在旁边留下了日志：请用原程序打开一次，或取副本",
            "a writer that crashed left a journal beside it: open it once with the program it belongs to, or pull a copy"
        )),
        Some(ErrorCode::Unknown) => {
            failure.hint(said!("请用别的程序试一试这条查询；名称对吗？", "try the query with another program; are its names right?"))
        }
        _ => failure.hint(said!("请用别的程序打开；若能打开，请告诉我们", "open it with another program; if it is whole there, tell us")),
    }
}

/// The message without the statement, which may hold what a query looks for.
fn said(error: &Error) -> Said {
    match error {
        Error::SqliteFailure(_, Some(message)) => message.as_str().into(),
        Error::Utf8Error(..) => said!("有表名或列名不是文本", "the name of a table or column is no text"),
        other => other.to_string().into(),
    }
}

impl Database {
    /// Tables and views, in name order, without `SQLite`'s own.
    pub(super) fn tables(&self) -> Result<Vec<String>, Error> {
        let sql = r"SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name";
        self.connection.prepare(sql)?.query_map((), |row| row.get(0))?.collect()
    }

    /// The columns of a table, generated ones included; none when there is no such table.
    pub(super) fn columns(&self, table: &str) -> Result<Vec<Column>, Error> {
        let sql = "SELECT name, type LIKE '%BLOB%' OR type LIKE '%BINARY%' FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid";
        let column = |row: &rusqlite::Row<'_>| Ok(Column { name: row.get(0)?, bytes: row.get(1)? });
        self.connection.prepare(sql)?.query_map([table], column)?.collect()
    }

    /// The name by which the table's row numbers can be asked for; null for views and tables without them.
    pub(super) fn row_id(&self, table: &str, columns: &[Column]) -> Result<Option<&'static str>, Error> {
        let sql = "SELECT count(*) FROM pragma_table_list WHERE name = ? COLLATE NOCASE AND type = 'table' AND wr = 0";
        let numbered: i64 = self.connection.query_row(sql, [table], |row| row.get(0))?;
        let free = |it: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(it));
        Ok(["rowid", "_rowid_", "oid"].into_iter().find(free).filter(|_| numbered > 0))
    }

    /// Whether what was read is of one version of the file. When it was opened as immutable, no lock has kept writers out.
    pub(super) fn unchanged(&self) -> bool {
        self.found.is_none_or(|found| stamp(&self.path).is_ok_and(|now| now == found))
    }

    /// How it was opened.
    pub(super) fn manner(&self) -> Said {
        match self.found {
            Some(_) => {
                said!("按静止文件打开；读取时若有改动，取数即失败", "opened as a file at rest; a change while it is read fails the pull")
            }
            None => said!("以只读方式打开，在一个读事务中", "opened read-only, in one read transaction"),
        }
    }
}
