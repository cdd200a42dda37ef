//! The habits of databases that anybody may write anything into.
#![allow(clippy::disallowed_methods, reason = "a test that waits looks at the clock")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{told, told_of};
use futures::{StreamExt as _, TryStreamExt as _};
use muster_connectors::{Ask, Connector, Failure, Piece, Place, Since, open};
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

fn source(root: &Path, more: &str) -> Box<dyn Connector> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: root.to_owned() };
    open(place, format!("kind = 'sqlite'\nfile = 'a.db'\n{more}").parse().expect("TOML")).expect("the settings are right")
}

fn ask(table: &str) -> Ask {
    Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 100, since: None }
}

#[tokio::test]
async fn a_column_for_bytes_comes_as_digits() {
    let made = ["CREATE TABLE p (id TEXT, photo BLOB)", "INSERT INTO p VALUES ('1', x'00ff'), ('2', 'text'), ('3', NULL)"];
    check(&made, "p", &["id"], &["row 1: 1 | 00ff", "row 2: 2 | text", "row 3: 3 | ~"]).await;
}

#[tokio::test]
async fn queries_read_and_nothing_else() {
    let made = ["CREATE TABLE p (id TEXT, n INT)", "INSERT INTO p VALUES ('a', 1), ('b', 2)"];
    check(&made, "SELECT n, id AS who FROM p WHERE n > 1 ; -- last", &["who"], &["row 1: 2 | b"]).await;
    check(&made, "WITH q AS (SELECT sum(n) AS n FROM p) SELECT n FROM q -- last", &["n"], &["row 1: 3"]).await;
    for (query, why) in [
        ("SELECT id FROM p; DELETE FROM p", "DELETE"),
        ("WITH q AS (SELECT 1) DELETE FROM p", "DELETE"),
        ("SELECT id, id FROM p", "two columns called `id`"),
        ("SELECT load_extension('x')", "not authorized"),
        ("SELECT m FROM p", "no such column: m"),
    ] {
        let root = tempfile::tempdir().expect("a folder for the test");
        database(&root.path().join("a.db"), &made).await.close().await.expect("to close it");
        let told = told_of(source(root.path(), "").as_ref(), &ask(query)).await;
        assert!(told[0].contains(why), "{query}: {told:?}");
    }
}

#[tokio::test]
async fn rows_that_are_not_all_are_a_failure() {
    let made = ["CREATE TABLE p AS WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s"];
    let root = tempfile::tempdir().expect("a folder for the test");
    database(&root.path().join("a.db"), &made).await.close().await.expect("to close it");
    let told = told_of(source(root.path(), "").as_ref(), &ask("SELECT n FROM p WHERE random() > 0")).await;
    assert!(told[0].contains("rows came, but the database counts"), "{told:?}");
}

#[tokio::test]
async fn an_incremental_pull_asks_for_the_new_rows_only() {
    let made = [
        "CREATE TABLE p (id INTEGER, day TEXT, loose)",
        "INSERT INTO p VALUES (9, '2026-03-01', 9), (10, '2026-03-02', 10), (11, NULL, NULL)",
    ];
    let root = tempfile::tempdir().expect("a folder for the test");
    database(&root.path().join("a.db"), &made).await.close().await.expect("to close it");
    let source = source(root.path(), "");
    let since = |column: &str, at_least: &str| Some(Since { column: column.to_owned(), at_least: at_least.to_owned() });
    for (table, column, at_least, expected) in [
        ("p", "ID", "10", vec!["row 2: 10 | 2026-03-02 | 10", "row 3: 11 | ~ | ~"]),
        ("p", "day", "2026-03-02", vec!["row 2: 10 | 2026-03-02 | 10"]),
        ("p", "loose", "10", vec!["row 2: 10 | 2026-03-02 | 10"]),
        ("SELECT id, day FROM p", "day", "2026-03-02", vec!["row 1: 10 | 2026-03-02"]),
    ] {
        assert_eq!(told_of(source.as_ref(), &Ask { since: since(column, at_least), ..ask(table) }).await, expected, "{column}");
    }
    let wrong = told_of(source.as_ref(), &Ask { since: since("dai", "1"), ..ask("p") }).await;
    assert_eq!(wrong, ["finance/archive p: there is no column `dai` to pull since", "did you mean `day`?"]);
}

#[tokio::test]
async fn all_tables_of_a_hold_are_of_one_instant() {
    for journal in ["WAL", "DELETE"] {
        let root = tempfile::tempdir().expect("a folder for the test");
        let journal = format!("PRAGMA journal_mode = {journal}");
        let made = [
            journal.as_str(),
            "PRAGMA busy_timeout = 50",
            "CREATE TABLE p (a)",
            "CREATE TABLE q (b)",
            "INSERT INTO p VALUES (1)",
            "INSERT INTO q VALUES (1)",
        ];
        let mut writer = database(&root.path().join("a.db"), &made).await;
        let source = source(root.path(), "");
        let held = source.hold().await.expect("to hold").expect("it can");
        assert_eq!(told_of(source.as_ref(), &ask("p")).await, ["row 1: 1"]);
        // With a rollback journal the writer waits for us; with WAL it goes on and we do not see it.
        let written = sqlx::query("INSERT INTO q VALUES (2)").execute(&mut writer).await.is_ok();
        assert_eq!(written, journal.ends_with("WAL"));
        assert_eq!(told_of(source.as_ref(), &ask("q")).await, ["row 1: 1"]);
        drop(held);
        let after = if written { vec!["row 1: 1", "row 2: 2"] } else { vec!["row 1: 1"] };
        assert_eq!(told_of(source.as_ref(), &ask("q")).await, after);
    }
}

#[tokio::test]
async fn a_file_at_rest_that_is_written_to_fails_the_pull() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let path = root.path().join("a.db");
    let made = [
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE p AS WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s",
    ];
    database(&path, &made).await.close().await.expect("to close it");
    let source = source(root.path(), "");
    let mut pull = source.pull(&ask("p")).await.expect("to pull");
    pull.pieces.next().await.expect("a batch").expect("rows");
    database(&path, &["INSERT INTO p VALUES (0)", "PRAGMA wal_checkpoint(TRUNCATE)"]).await.close().await.expect("to close it");
    let pieces: Result<Vec<Piece>, Failure> = pull.pieces.try_collect().await;
    let failure = pieces.expect_err("it was written to");
    assert!(failure.passing && failure.why.contains("wrote"), "{failure}");
}

#[tokio::test]
async fn a_writer_that_keeps_the_file_locked_is_waited_for_and_told() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let mut writer = database(&root.path().join("a.db"), &["CREATE TABLE p (a)"]).await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut writer).await.expect("to lock");
    let failure = source(root.path(), "").pull(&ask("p")).await.err().expect("it is locked");
    assert!(failure.passing && failure.why.contains("locked"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_ended() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let path = root.path().join("a.db");
    database(&path, &["CREATE TABLE p (a)"]).await.close().await.expect("to close it");
    let endless = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT count(*) AS n FROM s";
    let begun = Instant::now();
    let told = told_of(source(root.path(), "idle_seconds = 1").as_ref(), &ask(endless)).await;
    assert!(told[0].contains("nothing came for 1 s"), "{told:?}");
    // The statement lets go of the file, so a writer can lock it.
    let mut writer = database(&path, &["PRAGMA busy_timeout = 5000"]).await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut writer).await.expect("nobody reads any more");
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_database_is_examined() {
    let root = tempfile::tempdir().expect("a folder for the test");
    database(&root.path().join("a.db"), &["CREATE TABLE p (a)", "INSERT INTO p VALUES (1)"]).await.close().await.expect("to close it");
    let source = source(root.path(), "");
    let steps = source.examine(&["p".to_owned(), "SELECT a FROM p".to_owned(), "q".to_owned()]).await;
    let told: Vec<String> = steps.iter().map(|it| format!("{} {:?}: {}", it.name, it.state, it.told.en)).collect();
    assert_eq!(
        told,
        [
            "open Fine: `a.db`, 1 tables and views",
            "read-only Fine: opened read-only, in one read transaction",
            "columns Fine: `p`: a",
            "count Fine: `p`: 1 rows",
            "columns Fine: `the query`: a",
            "count Fine: `the query`: 1 rows",
            "table Failed: `a.db` has no such table",
        ]
    );
}

/// Every type that `SQLite` stores, in columns of every affinity, with its extremes.
#[tokio::test]
async fn every_type_comes_exactly() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let kinds = ["INTEGER", "REAL", "NUMERIC", "DECIMAL(12,2)", "TEXT", "DATE", "BOOLEAN", "BLOB"];
    let columns: Vec<String> = kinds.iter().enumerate().map(|(at, kind)| format!("c{at} {kind}")).collect();
    let values = [
        "NULL",
        "''",
        "9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "1e300",
        "8120.50",
        "'2026-03-01'",
        "'007'",
        "'陈䶮𠮷'",
        "x'00ff'",
    ];
    let inserts: Vec<String> = values.iter().map(|it| format!("INSERT INTO t VALUES ({})", vec![*it; kinds.len()].join(", "))).collect();
    let mut made = vec![format!("CREATE TABLE t ({})", columns.join(", "))];
    made.extend(inserts);
    database(&root.path().join("a.db"), &made.iter().map(String::as_str).collect::<Vec<_>>()).await.close().await.expect("to close it");
    let mut page = format!(
        "# What comes of a SQLite value\n\nWritten by `connectors/tests/databases.rs`. All columns are Utf8; `~` is null, cells stand in `…`.\n\n\
         | written | {} |\n|---|{}\n",
        kinds.join(" | "),
        "---|".repeat(kinds.len())
    );
    let mut told = told_of(source(root.path(), "").as_ref(), &ask("t")).await;
    told.sort_by_key(|it| it.split([' ', ':']).nth(1).and_then(|it| it.parse::<usize>().ok()));
    for (value, line) in values.iter().zip(&told) {
        let cells = line.split_once(": ").map_or("", |it| it.1);
        let cell = |it: &str| if it == "~" { "~".to_owned() } else { format!("`{}`", it.chars().take(24).collect::<String>()) };
        let cells: Vec<String> = if line.starts_with("broken") {
            vec!["a broken row, told with its bytes: TEXT is no place for them".to_owned()]
        } else {
            cells.split(" | ").map(cell).collect()
        };
        page.push_str(&format!("| {} | {} |\n", value.replace('|', "\\|"), cells.join(" | ")));
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/sqlite.md");
    if std::env::var_os("MUSTER_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&kept, &page).expect("to write the page");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap_or_default(), page, "MUSTER_WRITE_CONFORMANCE=1 writes {}", kept.display());
}
