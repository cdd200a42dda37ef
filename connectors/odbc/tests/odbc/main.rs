//! What every kind promises, through real drivers: psqlodbc on a real server, whole and with faults in the line, and SQLite's.
#![allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]

#[path = "../../../tests/common/mod.rs"]
mod common;
#[path = "../../../tests/servers/mod.rs"]
mod servers;

use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::Array as _;
use arrow::util::display::array_value_to_string;
use common::{told, told_of};
use futures::{StreamExt as _, TryStreamExt as _};
use muster_connectors::{Ask, Connector, Failure, Piece, Place, StepState, open};
use servers::postgres::{Postgres, shared};
use servers::proxy::{Fault, faulty};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

const HELPER: &str = env!("CARGO_BIN_EXE_muster-odbc");

fn postgres(server: &Postgres, port: u16, more: &str) -> String {
    let folder = server.folder().display();
    format!(
        "kind = 'odbc'\nprogram = '{HELPER}'\nuser = 'reader'\npassword = {{ file = '{folder}/password' }}\n\
         connection = 'Driver=PostgreSQL Unicode;Server=127.0.0.1;Port={port};Database=pay;SSLmode=disable;UseDeclareFetch=1;Fetch=200'\n{more}"
    )
}

fn source(settings: &str) -> Box<dyn Connector> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: "/".into() };
    open(place, settings.parse().expect("the test writes TOML")).unwrap_or_else(|it| panic!("{}", it.en))
}

fn ask(table: &str) -> Ask {
    Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 1000, since: None }
}

async fn failure(settings: &str, table: &str) -> Failure {
    let pulled = async { source(settings).pull(&ask(table)).await?.pieces.try_collect::<Vec<Piece>>().await };
    let failure = pulled.await.expect_err("it cannot be pulled");
    let said = format!("{failure:?} {failure}");
    assert!(!said.contains("s3cret") && !said.contains("330683"), "{said}");
    assert_eq!((failure.department.as_str(), failure.source.as_str(), failure.table.as_str()), ("finance", "archive", table));
    assert!(failure.hint.as_ref().is_none_or(|it| !it.zh.is_empty()) && !failure.why.zh.is_empty(), "{failure:?}");
    failure
}

async fn people(server: &Postgres, name: &str, rows: u32) {
    server
        .run(&format!(
            "CREATE TABLE {name} (id char(18) NOT NULL, 姓名 varchar(40), pay numeric(12,2), born date, n int); \
             INSERT INTO {name} SELECT '33068319800101' || lpad(seq::text, 4, '0'), '张伟' || seq, seq * 1.25, '1980-01-01', seq \
             FROM generate_series(1, {rows}) seq; GRANT SELECT ON {name} TO reader"
        ))
        .await;
}

/// Type, least, most, and a value with something rare in it.
const TYPES: &[(&str, &str, &str, &str)] = &[
    ("boolean", "false", "true", "NULL"),
    ("smallint", "-32768", "32767", "0"),
    ("integer", "-2147483648", "2147483647", "0"),
    ("bigint", "-9223372036854775808", "9223372036854775807", "0"),
    ("double precision", "-1.7976931348623157e308", "0.1", "8120.55"),
    ("numeric(12,2)", "-9999999999.99", "9999999999.99", "0.1"),
    ("numeric(38,10)", "-9999999999999999999999999999.9999999999", "9999999999999999999999999999.9999999999", "0.0000000001"),
    ("numeric", "-1e40", "123456789012345678901234567890.123", "'NaN'"),
    ("text", "''", "repeat('长', 5)", "' 王　伟 '"),
    ("varchar(20)", "''", "E'a\\\\b''c\\n\\t\"|'", "'陈䶮𠮷😀'"),
    ("char(6)", "''", "'330683'", "'伟'"),
    ("date", "'0001-01-01'", "'9999-12-31'", "'2024-02-29'"),
    ("time", "'00:00:00'", "'23:59:59'", "'08:30:00'"),
    ("timestamp", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'2026-03-01 08:30:00'"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"),
    ("bytea", "''", "'\\xd5c5'", "'\\x00ff'"),
];

#[tokio::test]
async fn every_type_comes_exactly_in_blocks_and_cell_by_cell() {
    let server = shared().await;
    let mut pages = Vec::new();
    for (table, more) in [("typed", "blocks = false"), ("typed", "blocks = true")] {
        let mut page =
            "# What comes of a column through ODBC (psqlodbc, PostgreSQL 15)\n\nWritten by `connectors/odbc/tests/odbc/main.rs`. \
                        `~` is null, cells stand in `…`.\n\n| column | Arrow | null | least | most | rare |\n|---|---|---|---|---|---|\n"
                .to_owned();
        for (at, (kind, least, most, rare)) in TYPES.iter().enumerate() {
            let name = format!("{table}{at}");
            server
                .run(&format!(
                    "CREATE TABLE IF NOT EXISTS {name} (n int, c {kind}); TRUNCATE {name}; \
                     INSERT INTO {name} VALUES (1, NULL), (2, {least}), (3, {most}), (4, {rare}); GRANT SELECT ON {name} TO reader"
                ))
                .await;
            let pull = source(&postgres(&server, server.port, more)).pull(&ask(&name)).await.unwrap_or_else(|it| panic!("{kind}: {it}"));
            let arrow = format!("{:?}", pull.schema.field(1).data_type()).replace("Timestamp(Microsecond, None)", "Timestamp(µs)");
            let pieces: Vec<Piece> = pull.pieces.try_collect().await.unwrap_or_else(|it| panic!("{kind}: {it} {:?}", it.hint));
            let [Piece::Rows(batch)] = pieces.as_slice() else { panic!("{kind}: {pieces:?}") };
            let cells: Vec<String> = (0..4)
                .map(|row| {
                    let column = batch.column(1);
                    if column.is_null(row) { "~".to_owned() } else { format!("`{}`", array_value_to_string(column, row).expect("shown")) }
                })
                .map(|it| it.replace('\n', "⏎").replace('\t', "⇥").replace('|', "\\|"))
                .collect();
            page += &format!("| {kind} | {arrow} | {} |\n", cells.join(" | "));
        }
        pages.push(page);
    }
    assert_eq!(pages[0], pages[1], "blocks and cells give the same");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/odbc.md");
    if std::env::var_os("MUSTER_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&kept, &pages[0]).expect("to write the page");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap_or_default(), pages[0], "MUSTER_WRITE_CONFORMANCE=1 writes {}", kept.display());
}

#[tokio::test]
async fn null_is_not_empty_and_long_texts_come_whole() {
    let server = shared().await;
    server
        .run(
            "CREATE TABLE long (a text, b varchar(10)); INSERT INTO long VALUES (repeat('长𠮷', 100000), ''), (NULL, ' x '), ('', NULL); \
             GRANT SELECT ON long TO reader",
        )
        .await;
    let rows = told(Path::new("/"), &postgres(&server, server.port, ""), "long", &[]).await;
    assert_eq!(rows[0], format!("row 1: {} | ", "长𠮷".repeat(100_000)));
    assert_eq!(rows[1..], ["row 2: ~ |  x ", "row 3:  | ~"]);
}

#[tokio::test]
async fn tables_are_found_batches_kept_and_slips_named() {
    let server = shared().await;
    people(&server, "staff", 25).await;
    let settings = postgres(&server, server.port, "schema = 'public'");
    for batch_rows in [1, 4, 25, 1000] {
        let pull = source(&settings).pull(&Ask { batch_rows, ..ask("staff") }).await.expect("to pull");
        let pieces: Vec<Piece> = pull.pieces.try_collect().await.expect("the rows");
        let rows: Vec<usize> = pieces.iter().map(|it| if let Piece::Rows(batch) = it { batch.num_rows() } else { 0 }).collect();
        assert!(rows.iter().all(|it| (1..=batch_rows).contains(it)) && rows.iter().sum::<usize>() == 25, "{rows:?}");
    }
    let offers = source(&settings).offers().await.expect("the tables");
    assert_eq!(offers.iter().find(|it| it.table == "staff").expect("it is offered").columns, ["id", "姓名", "pay", "born", "n"]);
    let unknown = failure(&settings, "staf").await;
    assert!(!unknown.passing && unknown.hint.as_deref() == Some("did you mean `staff`?"), "{unknown:?}");
    let unmapped = told(Path::new("/"), &settings, "staff", &["AAC002"]).await;
    assert_eq!(unmapped[1], "its columns are `id`, `姓名`, `pay`, `born`, `n`");
    let one = told(Path::new("/"), &settings, "public.staff", &[]).await;
    assert_eq!(one[0], "row 1: 330683198001010001 | 张伟1 | 1.25 | 1980-01-01 | 1");
    let steps = source(&settings).examine(&["staff".to_owned()]).await;
    let names: Vec<&str> = steps.iter().map(|it| it.name).collect();
    assert_eq!(names, ["login", "read-only", "tables", "count"], "{steps:?}");
    assert!(steps.iter().all(|it| it.state == StepState::Fine), "{steps:?}");
}

#[tokio::test]
async fn queries_read_and_nothing_else() {
    let server = shared().await;
    people(&server, "paid", 4).await;
    server
        .run(
            "CREATE TABLE log (a int); GRANT ALL ON log TO reader; \
             CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING a'",
        )
        .await;
    let settings = postgres(&server, server.port, "");
    let query = "SELECT n, pay * 2 AS twice FROM paid WHERE n > 3 -- last\n;";
    assert_eq!(told(Path::new("/"), &settings, query, &[]).await, ["row 1: 4 | 10.00"]);
    assert!(failure(&settings, "SELECT * INTO other FROM paid").await.why.contains("INTO"));
    assert!(failure(&settings, "SELECT E'\\' , ') AS a; COMMIT; INSERT INTO log VALUES (1); --'").await.why.contains("semicolon"));
    let writes = failure(&settings, "SELECT note() AS n").await;
    assert!(!writes.passing && writes.why.contains("25006"), "{writes:?}");
    assert_eq!(told(Path::new("/"), &settings, "SELECT count(*) AS n FROM log", &[]).await, ["row 1: 0"]);
    assert!(failure(&settings, "SELECT n, n FROM paid").await.why.contains("two columns called `n`"));
    let odd = failure(&settings, "SELECT id::int AS n FROM paid").await;
    assert!(odd.why.contains("22"), "{odd:?}");
    let other = failure(&settings, "SELECT n FROM generate_series(1, 2000) n WHERE random() < 0.5").await;
    assert!(other.passing && other.why.contains("but the system counts"), "{other:?}");
}

#[tokio::test]
async fn refusals_are_told_and_no_secret_with_them() {
    let server = shared().await;
    std::fs::write(server.folder().join("wrong"), "s3cret-but-wrong").expect("to write");
    let settings = postgres(&server, server.port, "");
    let login = failure(&settings.replace("/password'", "/wrong'"), "t").await;
    assert!(!login.passing && login.why.contains("no connection"), "{login:?}");
    let driver = failure(&settings.replace("PostgreSQL Unicode", "Oracle 23"), "t").await;
    assert!(!driver.passing && driver.hint.as_ref().is_some_and(|it| it.contains("odbcinst")), "{driver:?}");
    let down = failure(&postgres(&server, 1, ""), "t").await;
    assert!(down.passing, "{down:?}");
}

#[tokio::test]
async fn a_line_that_fails_after_any_number_of_bytes_fails_the_pull_and_nothing_else() {
    let server = shared().await;
    people(&server, "wide", 20_000).await;
    for bytes in [0, 400, 6000, 60_000, 700_000] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let port = faulty(server.port, fault).await;
            let begun = Instant::now();
            let failed = failure(&postgres(&server, port, "idle_seconds = 2"), "wide").await;
            assert!(failed.passing, "{fault:?}: {failed:?}");
            assert!(begun.elapsed() < Duration::from_secs(15), "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_nobody_takes_ends_its_helper_and_its_session() {
    let server = shared().await;
    people(&server, "dropped", 50_000).await;
    let sessions = async || {
        let mut admin = server.admin("pay").await.expect("to connect");
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE '%dropped%'";
        sqlx::query(count).fetch_one(&mut admin).await.expect("to ask").get::<i64, _>(0)
    };
    let settings = postgres(&server, server.port, "");
    let mut pull = source(&settings).pull(&Ask { batch_rows: 10, ..ask("dropped") }).await.expect("to pull");
    pull.pieces.next().await.expect("a batch").expect("rows");
    drop(pull);
    let end = Instant::now() + Duration::from_secs(10);
    while sessions().await > 0 {
        assert!(Instant::now() < end, "the server is still at it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn sqlites_driver_gives_the_same() {
    // Its driver garbles Chinese names in a statement, so the table has none; values and column names are whole.
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteConnectOptions::new().filename(folder.path().join("register.db")).create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("to create");
    let write = "CREATE TABLE gz (身份证号 TEXT, 姓名 VARCHAR(10), 应发 DECIMAL(12,2), 入职 DATE, 备注 TEXT); \
                 INSERT INTO gz VALUES ('000123456789012345', '陈䶮𠮷😀', 8120.55, '2020-02-29', ''), (NULL, NULL, NULL, NULL, NULL)";
    database.execute(sqlx::raw_sql(AssertSqlSafe(write))).await.expect("to write");
    database.close().await.expect("to close");
    let settings = format!("kind = 'odbc'\nprogram = '{HELPER}'\nconnection = 'Driver=SQLite3;Database=register.db'");
    let place = Place { department: "hr".to_owned(), source: "archive".to_owned(), root: folder.path().to_owned() };
    let source = open(place, settings.parse().expect("TOML")).unwrap_or_else(|it| panic!("{}", it.en));
    assert_eq!(
        told_of(source.as_ref(), &ask("gz")).await,
        ["row 1: 000123456789012345 | 陈䶮𠮷😀 | 8120.55 | 2020-02-29 | ", "row 2: ~ | ~ | ~ | ~ | ~"]
    );
    let offers = source.offers().await.expect("its tables");
    assert_eq!((offers.len(), offers[0].table.as_str(), offers[0].columns.len()), (1, "gz", 5));
}
