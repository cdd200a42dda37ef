//! The habits of databases that anybody may write anything into.

mod common;

use std::path::Path;

use common::told;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

async fn database(path: &Path, statements: &[&str]) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("to open the database");
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut database).await.expect(statement);
    }
    database
}

async fn check(statements: &[&str], table: &str, columns: &[&str], expected: &[&str]) {
    let root = tempfile::tempdir().expect("a folder for the test");
    database(&root.path().join("a.db"), statements).await.close().await.expect("to close it");
    assert_eq!(told(root.path(), "kind = 'sqlite'\nfile = 'a.db'", table, columns).await, expected);
}

#[tokio::test]
async fn a_declared_type_binds_nothing() {
    check(
        &[
            "CREATE TABLE p (id INTEGER, pay REAL, note)",
            "INSERT INTO p VALUES ('33068319800101123X', '未定', 1), (330683198001011234, 0.1, 'b'), (9223372036854775807, 1e15, x'00ff'), ('', NULL, 1.0 / 3)",
        ],
        "p",
        &["id"],
        &[
            "broken 3: 9223372036854775807|1000000000000000|\\x00\\xFF (`note` holds bytes that are no text)",
            "row 1: 33068319800101123X | 未定 | 1",
            "row 2: 330683198001011234 | 0.1 | b",
            "row 4:  | ~ | 0.3333333333333333",
        ],
    )
    .await;
}

#[tokio::test]
async fn texts_in_another_encoding_are_told() {
    check(
        &["CREATE TABLE p (id, name)", "INSERT INTO p VALUES (1, CAST(x'd5c5ceb0' AS TEXT)), (2, '张伟')"],
        "p",
        &["id"],
        &["broken 1: 1|\\xD5\\xC5\\xCE\\xB0 (`name` holds bytes that are no text)", "row 2: 2 | 张伟"],
    )
    .await;
}

#[tokio::test]
async fn a_database_in_utf_16_is_read() {
    check(
        &["PRAGMA encoding = 'UTF-16le'", "CREATE TABLE p (id, 姓名)", "INSERT INTO p VALUES ('1', '陈䶮𠮷')"],
        "p",
        &["姓名"],
        &["row 1: 1 | 陈䶮𠮷"],
    )
    .await;
}

#[tokio::test]
async fn rows_come_in_the_order_of_their_numbers_whatever_is_indexed() {
    check(
        &["CREATE TABLE p (id TEXT)", "INSERT INTO p (rowid, id) VALUES (7, 'a'), (3, 'c'), (5, 'b')", "CREATE INDEX i ON p (id)"],
        "p",
        &["id"],
        &["row 3: c", "row 5: b", "row 7: a"],
    )
    .await;
}

#[tokio::test]
async fn views_and_tables_without_row_numbers_are_counted() {
    let made = [
        "CREATE TABLE p (id TEXT PRIMARY KEY, n) WITHOUT ROWID",
        "INSERT INTO p VALUES ('b', 1), ('a', 2)",
        "CREATE VIEW v AS SELECT n, id FROM p",
    ];
    check(&made, "p", &["id"], &["row 1: a | 2", "row 2: b | 1"]).await;
    check(&made, "v", &["id"], &["row 1: 2 | a", "row 2: 1 | b"]).await;
}

#[tokio::test]
async fn names_are_quoted() {
    let made = ["CREATE TABLE \"a\"\"b; DROP TABLE c\" (\"x \"\"y\", \"rowid\")", "INSERT INTO \"a\"\"b; DROP TABLE c\" VALUES ('1', '2')"];
    check(&made, "a\"b; DROP TABLE c", &["rowid"], &["row 1: 1 | 2"]).await;
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_there_is() {
    let made = ["CREATE TABLE BZRY (SFZH TEXT)", "CREATE TABLE DW (DWDM TEXT)"];
    check(&made, "BZRYX", &["SFZH"], &["finance/archive BZRYX: `a.db` has no such table", "did you mean `BZRY`?"]).await;
    check(
        &made,
        "BZRY",
        &["AAC002"],
        &["finance/archive BZRY: the table has none of the mapped columns", "its columns are `SFZH`; the tables are `BZRY`, `DW`"],
    )
    .await;
}

#[tokio::test]
async fn a_database_in_wal_mode_is_read_and_nothing_is_left_beside_it() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let path = root.path().join("a.db");
    let made = ["PRAGMA journal_mode = WAL", "CREATE TABLE p (id)", "INSERT INTO p VALUES ('a')"];
    let mut writer = database(&path, &made).await;
    let settings = "kind = 'sqlite'\nfile = 'a.db'";
    // The writer has it open: what it has committed is in the -wal file, and is read.
    assert_eq!(told(root.path(), settings, "p", &["id"]).await, ["row 1: a"]);
    sqlx::query("INSERT INTO p VALUES ('b')").execute(&mut writer).await.expect("the writer was not hindered");
    writer.close().await.expect("to close it");
    assert_eq!(told(root.path(), settings, "p", &["id"]).await, ["row 1: a", "row 2: b"]);
    let left: Vec<_> = std::fs::read_dir(root.path()).expect("the folder").map(|it| it.expect("an entry").file_name()).collect();
    assert_eq!(left, ["a.db"]);
}

#[tokio::test]
async fn what_is_no_database_is_a_failure() {
    let root = tempfile::tempdir().expect("a folder for the test");
    std::fs::write(root.path().join("a.db"), "姓名,身份证号\n").expect("to write the file");
    assert_eq!(
        told(root.path(), "kind = 'sqlite'\nfile = 'a.db'", "p", &["id"]).await[0],
        "finance/archive p: `a.db` is no SQLite database"
    );
}
