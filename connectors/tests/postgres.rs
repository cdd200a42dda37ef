//! `PostgreSQL`: what every kind promises, its own types, and what happens when the line or the server fails.
#![allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]

mod common;
mod servers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::Array as _;
use arrow::util::display::array_value_to_string;
use common::{told, told_of};
use futures::StreamExt as _;
use futures::TryStreamExt as _;
use muster_connectors::{Ask, Connector, Failure, PLACE_COLUMNS, Piece, Place, Since, StepState, open};
use servers::pgbouncer::PgBouncer;
use servers::postgres::{Postgres, shared};
use servers::proxy::{Fault, faulty};
use sqlx::Row as _;

fn source(settings: &str) -> Box<dyn Connector> {
    let place = Place { department: "finance".to_owned(), source: "archive".to_owned(), root: "/".into() };
    open(place, settings.parse().expect("the test writes TOML")).expect("the settings are right")
}

fn ask(table: &str) -> Ask {
    Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 1000, since: None }
}

async fn failure(settings: &str, table: &str) -> Failure {
    let pulled = async { source(settings).pull(&ask(table)).await?.pieces.try_collect::<Vec<Piece>>().await };
    let failure = pulled.await.expect_err("it cannot be pulled");
    let said = format!("{failure:?} {failure}");
    assert!(!said.contains("s3cret"), "{said}");
    assert_eq!((failure.department.as_str(), failure.source.as_str()), ("finance", "archive"));
    failure
}

async fn told_here(table: &str) -> Vec<String> {
    told(Path::new("/"), &shared().await.settings(""), table, &[]).await
}

/// A table of people with `rows` rows.
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
    ("real", "-3.4e38", "8120.55", "'NaN'"),
    ("double precision", "-1.7976931348623157e308", "0.1", "'-Infinity'"),
    ("numeric(12,2)", "-9999999999.99", "9999999999.99", "0.1"),
    ("numeric(38,10)", "-9999999999999999999999999999.9999999999", "9999999999999999999999999999.9999999999", "0.0000000001"),
    ("numeric(60,20)", "-1e39", "1e39", "0.00000000000000000001"),
    ("numeric", "-1e40", "123456789012345678901234567890.123", "'NaN'"),
    ("money", "'-1234.50'", "'92233720368547758.07'", "'0'"),
    ("text", "''", "repeat('长', 5)", "' 王　伟 '"),
    ("varchar(20)", "''", "E'a\\\\b''c\\n\\t\"|'", "'陈䶮𠮷😀'"),
    ("char(6)", "''", "'330683'", "'伟'"),
    ("date", "'0001-01-01'", "'9999-12-31'", "'2024-02-29'"),
    ("time", "'00:00:00'", "'24:00:00'", "'08:30:00.5'"),
    ("timestamp", "'0001-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "'2026-03-01 08:30:00'"),
    ("timestamptz", "'1970-01-01 00:00:00+00'", "'9999-12-31 23:59:59+00'", "'2026-03-01 00:30:00+00'"),
    ("interval", "'-1 year'", "'838:59:59'", "'1 day'"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"),
    ("json", "'{}'", "'{\"k\":  \"值\"}'", "'null'"),
    ("jsonb", "'{}'", "'{\"k\":  \"值\"}'", "'null'"),
    ("bytea", "''", "'\\xd5c5'", "'\\x00ff'"),
    ("text[]", "'{}'", "'{a,NULL,\"b,c\"}'", "'{陈䶮}'"),
    ("duty", "'在职'", "'离退休'", "NULL"),
    ("amount", "-1", "9999999999.99", "0.5"),
    ("inet", "'0.0.0.0/0'", "'255.255.255.255'", "'::1'"),
    ("oid", "0", "4294967295", "1"),
];

#[tokio::test]
async fn every_type_comes_exactly_and_both_ways_alike() {
    let server = shared().await;
    let columns: Vec<String> = TYPES.iter().enumerate().map(|(at, it)| format!("c{at} {}", it.0)).collect();
    let row = |value: fn(&(&'static str, &'static str, &'static str, &'static str)) -> &'static str| {
        let values: Vec<&str> = TYPES.iter().map(value).collect();
        format!("INSERT INTO types VALUES ({})", values.join(", "))
    };
    server
        .run(&format!(
            "CREATE TYPE duty AS ENUM ('在职', '离退休'); CREATE DOMAIN amount AS numeric(12,2); CREATE TABLE types ({}); \
             INSERT INTO types (c0) VALUES (NULL); {}; {}; {}; GRANT SELECT ON types TO reader",
            columns.join(", "),
            row(|it| it.1),
            row(|it| it.2),
            row(|it| it.3)
        ))
        .await;
    let mut pages = Vec::new();
    for more in ["", "copy = false"] {
        let pull = source(&server.settings(more)).pull(&ask("types")).await.expect("to pull");
        let schema = Arc::clone(&pull.schema);
        let pieces: Vec<Piece> = pull.pieces.try_collect().await.expect("the rows");
        let [Piece::Rows(batch)] = pieces.as_slice() else { panic!("{pieces:?}") };
        let mut page = "# What comes of a PostgreSQL 15 column\n\nWritten by `connectors/tests/postgres.rs`. `~` is null, cells stand in `…`. Long texts are cut.\n\n\
                        | column | Arrow | null | least | most | rare |\n|---|---|---|---|---|---|\n"
            .to_owned();
        for (at, field) in schema.fields().iter().enumerate().take(schema.fields().len() - PLACE_COLUMNS.len()) {
            let cell = |row: usize| {
                let column = batch.column(at);
                let text = array_value_to_string(column, row).expect("a type that can be shown");
                let text = text.replace('|', "\\|").replace('\n', "⏎").replace('\t', "⇥");
                if column.is_null(row) { "~".to_owned() } else { format!("`{}`", text.chars().take(44).collect::<String>()) }
            };
            let cells: Vec<String> = (0..4).map(cell).collect();
            page.push_str(&format!("| {} | {} | {} |\n", TYPES[at].0, field.data_type(), cells.join(" | ")));
        }
        pages.push(page);
    }
    assert_eq!(pages[0], pages[1], "COPY and rows give the same");
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/postgres.md");
    if std::env::var_os("MUSTER_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&kept, &pages[0]).expect("to write the page");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap_or_default(), pages[0], "MUSTER_WRITE_CONFORMANCE=1 writes {}", kept.display());
}

#[tokio::test]
async fn values_without_a_place_break_their_row_alone() {
    let server = shared().await;
    server
        .run(
            "CREATE TABLE odd (n int, d date, t timestamp, a numeric(12,2)); INSERT INTO odd VALUES (1, 'infinity', NULL, 1), \
             (2, '2026-03-01', '-infinity', 2), (3, '2026-03-01', NULL, 'NaN'), (4, '0044-03-15 BC', NULL, 0), (5, '2026-03-01', NULL, 5); GRANT SELECT ON odd TO reader",
        )
        .await;
    assert_eq!(
        told_here("odd").await,
        [
            "broken 1: 1|infinity|NULL|1.00 (`d` holds a day out of range)",
            "broken 2: 2|2026-03-01|-infinity|2.00 (`t` holds a time out of range)",
            "broken 3: 3|2026-03-01|NULL|NaN (`a` holds no number)",
            "broken 4: 4|a day before Christ|NULL|0.00 (`d` holds a day out of range)",
            "row 5: 5 | 2026-03-01 | ~ | 5.00",
        ]
    );
}

#[tokio::test]
async fn text_of_a_database_without_encoding_comes_as_it_was_or_not_at_all() {
    let server = shared().await;
    server.run_in("postgres", "CREATE DATABASE old ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0").await;
    let old = "SET client_encoding = 'SQL_ASCII'; CREATE TABLE old (n int, a text); \
               INSERT INTO old VALUES (1, E'\\xd5\\xc5\\xce\\xb0'), (2, E'\\xd5'), (3, 'x'), (4, NULL); GRANT SELECT ON old TO reader";
    server.run_in("old", old).await;
    let settings = |more: &str| server.settings(more).replace("'pay'", "'old'");
    let plain = told(Path::new("/"), &settings(""), "old", &[]).await;
    let no_text = "(`a` holds bytes that are no text)";
    let expected = [
        format!("broken 1: 1|\\xD5\\xC5\\xCE\\xB0 {no_text}"),
        format!("broken 2: 2|\\xD5 {no_text}"),
        "row 3: 3 | x".to_owned(),
        "row 4: 4 | ~".to_owned(),
    ];
    assert_eq!(plain, expected);
    let gbk = told(Path::new("/"), &settings("encoding = 'gbk'"), "old", &[]).await;
    assert_eq!(gbk, [&expected[1], "row 1: 1 | 张伟", "row 3: 3 | x", "row 4: 4 | ~"]);
}

#[tokio::test]
async fn rows_batches_offers_and_null_beside_empty() {
    let server = shared().await;
    people(&server, "staff", 25).await;
    server.run("CREATE TABLE empties (a text, b text); INSERT INTO empties VALUES ('', NULL), (NULL, ' x '); GRANT SELECT ON empties TO reader; CREATE SCHEMA hr; GRANT USAGE ON SCHEMA hr TO reader; CREATE TABLE hr.\"Bz RY\" (\"A\"\"b\" int); INSERT INTO hr.\"Bz RY\" VALUES (7); GRANT SELECT ON hr.\"Bz RY\" TO reader").await;
    assert_eq!(told_here("empties").await, ["row 1:  | ~", "row 2: ~ |  x "]);
    assert_eq!(told_here("hr.Bz RY").await, ["row 1: 7"]);
    for batch_rows in [1, 4, 25, 1000] {
        let pull = source(&server.settings("")).pull(&Ask { batch_rows, ..ask("staff") }).await.expect("to pull");
        let pieces: Vec<Piece> = pull.pieces.try_collect().await.expect("the rows");
        let rows: Vec<usize> = pieces.iter().map(|it| if let Piece::Rows(batch) = it { batch.num_rows() } else { 0 }).collect();
        assert!(rows.iter().all(|it| (1..=batch_rows).contains(it)) && rows.iter().sum::<usize>() == 25, "{rows:?}");
    }
    let offers = source(&server.settings("")).offers().await.expect("the tables");
    let staff = offers.iter().find(|it| it.table == "staff").expect("it is offered");
    assert_eq!(staff.columns, ["id", "姓名", "pay", "born", "n"]);
    let unknown = failure(&server.settings(""), "staf").await;
    assert!(!unknown.passing && unknown.hint.as_deref() == Some("did you mean `staff`?"), "{unknown:?}");
    let unmapped = told(Path::new("/"), &server.settings(""), "staff", &["AAC002"]).await;
    assert_eq!(
        unmapped,
        ["finance/archive staff: the table has none of the mapped columns", "its columns are `id`, `姓名`, `pay`, `born`, `n`"]
    );
}

#[tokio::test]
async fn queries_read_and_nothing_else() {
    let server = shared().await;
    people(&server, "paid", 4).await;
    server.run("CREATE TABLE log (a int); GRANT ALL ON log TO reader; CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING a'").await;
    assert_eq!(told_here("SELECT n, pay * 2 AS twice FROM paid WHERE n > 3 -- last\n;").await, ["row 1: 4 | 10.00"]);
    assert_eq!(told_here("WITH a AS (SELECT n, pay FROM paid) SELECT pay FROM a WHERE n = 4").await, ["row 1: 5.00"]);
    assert!(failure(&server.settings(""), "SELECT * INTO other FROM paid").await.why.contains("INTO"));
    let writes = failure(&server.settings(""), "SELECT note() AS n").await;
    assert!(writes.why.contains("25006") && !writes.passing, "{writes}");
    // The server takes the quote behind the backslash for a part of the text.
    let smuggled = failure(&server.settings(""), "SELECT E'\\' , ') AS a; COMMIT; INSERT INTO log VALUES (1); --'").await;
    assert!(!smuggled.passing && smuggled.why.contains("42601"), "{smuggled}");
    assert_eq!(told_here("SELECT count(*) AS n FROM log").await, ["row 1: 0"]);
    assert!(failure(&server.settings(""), "SELECT n, n FROM paid").await.why.contains("two columns called `n`"));
    assert!(failure(&server.settings(""), "SELECT m FROM paid").await.why.contains("42703"));
    let quoting = failure(&server.settings(""), "SELECT id::int AS n FROM paid").await;
    assert!(!quoting.why.contains("330683") && quoting.why.contains("22"), "{quoting}");
}

#[tokio::test]
async fn rows_that_are_not_all_are_a_failure() {
    let server = shared().await;
    people(&server, "lots", 2000).await;
    let failure = failure(&server.settings(""), "SELECT n FROM lots WHERE random() < 0.5").await;
    assert!(failure.why.contains("rows came, but the server counts") && failure.passing, "{failure}");
}

#[tokio::test]
async fn an_incremental_pull_asks_for_the_new_rows_only() {
    let server = shared().await;
    people(&server, "grown", 9).await;
    let source = source(&server.settings(""));
    let since = |column: &str, at_least: &str| Some(Since { column: column.to_owned(), at_least: at_least.to_owned() });
    let new = told_of(source.as_ref(), &Ask { since: since("n", "9"), ..ask("grown") }).await;
    assert_eq!(new, ["row 1: 330683198001010009 | 张伟9 | 11.25 | 1980-01-01 | 9"]);
    assert!(told_of(source.as_ref(), &Ask { since: since("born", "1980-01-02"), ..ask("grown") }).await.is_empty());
    let of_query = told_of(source.as_ref(), &Ask { since: since("n", "8"), ..ask("SELECT n FROM grown") }).await;
    assert_eq!(of_query, ["row 1: 8", "row 2: 9"]);
    assert_eq!(told_of(source.as_ref(), &Ask { since: since("m", "8"), ..ask("grown") }).await[1], "did you mean `n`?");
    let no_number = told_of(source.as_ref(), &Ask { since: since("n", "' OR true"), ..ask("grown") }).await;
    assert!(no_number[0].contains("a value cannot be computed"), "{no_number:?}");
}

#[tokio::test]
async fn all_tables_of_a_hold_are_of_one_instant_while_others_write() {
    let server = shared().await;
    people(&server, "moved_from", 50).await;
    server.run("CREATE TABLE moved_to (LIKE moved_from); GRANT SELECT ON moved_to TO reader").await;
    let source = source(&server.settings(""));
    let held = source.hold().await.expect("to hold").expect("it can");
    for round in 1..=5 {
        server
            .run(&format!(
                "WITH gone AS (DELETE FROM moved_from WHERE n <= {round} * 10 RETURNING *) INSERT INTO moved_to SELECT * FROM gone"
            ))
            .await;
        let (from, to) = (ask("moved_from"), ask("moved_to"));
        let (from, to) = tokio::join!(told_of(source.as_ref(), &from), told_of(source.as_ref(), &to));
        assert_eq!((from.len(), to.len()), (50, 0));
    }
    // The connection that keeps the snapshot is lost: no table may be of another instant.
    server
        .run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE '%pg_export_snapshot%'")
        .await;
    let end = Instant::now() + Duration::from_secs(10);
    let lost = loop {
        match source.pull(&ask("moved_to")).await {
            Err(failure) => break failure,
            Ok(_) => assert!(Instant::now() < end, "the snapshot lives on"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(lost.passing && lost.why.contains("snapshot"), "{lost}");
    drop(held);
    assert_eq!(told_of(source.as_ref(), &ask("moved_to")).await.len(), 50);
}

#[tokio::test]
async fn a_server_without_copy_gives_the_same_rows() {
    let server = shared().await;
    people(&server, "uncopied", 300).await;
    let port = faulty(server.port, Fault::NoCopy).await;
    let rows = told(Path::new("/"), &server.settings_at(port, "tls = 'off'"), "uncopied", &[]).await;
    assert_eq!(rows.len(), 300);
    assert_eq!(rows, told_here("uncopied").await);
}

#[tokio::test]
async fn permanent_refusals_are_not_tried_again() {
    let server = shared().await;
    server.run("CREATE TABLE secret (a int); REVOKE ALL ON secret FROM reader").await;
    std::fs::write(server.folder().join("wrong"), "s3cret-but-wrong").expect("to write");
    let login = failure(&server.settings("").replace("/password'", "/wrong'"), "t").await;
    assert!(login.why.contains("28P01") && !login.passing && login.hint.is_some(), "{login}");
    let database = failure(&server.settings("").replace("'pay'", "'pray'"), "t").await;
    assert!(!database.passing && database.why.contains("3D000"), "{database}");
    let forbidden = failure(&server.settings(""), "secret").await;
    assert!(!forbidden.passing && forbidden.why.contains("42501"), "{forbidden}");
    assert!(forbidden.hint.is_some_and(|it| it.contains("GRANT SELECT")));
    assert!(!failure(&server.settings(""), "SELECT a FROM nowhere").await.passing);
}

#[tokio::test]
async fn a_line_that_fails_after_any_number_of_bytes_fails_the_pull() {
    let server = shared().await;
    people(&server, "wide", 20_000).await;
    for bytes in [0, 10, 100, 400, 1500, 6000, 60_000, 700_000] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let port = faulty(server.port, fault).await;
            let begun = Instant::now();
            let failed = failure(&server.settings_at(port, "tls = 'off'\nidle_seconds = 1"), "wide").await;
            assert!(failed.passing, "{fault:?}: {failed} {:?}", failed.hint);
            assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?}");
            assert!(failed.hint.is_some(), "{fault:?}: {failed}");
        }
    }
    let refused = failure(&server.settings_at(1, ""), "wide").await;
    assert!(refused.passing && refused.why.contains("127.0.0.1:1"), "{refused}");
    people(&server, "trickle", 20).await;
    let slow = faulty(server.port, Fault::Slow(200)).await;
    assert_eq!(told(Path::new("/"), &server.settings_at(slow, "tls = 'off'"), "trickle", &[]).await.len(), 20);
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_fails_the_pull_and_serves_the_next() {
    let mut server = Postgres::start().await;
    people(&server, "staff", 200_000).await;
    server.run("CHECKPOINT").await;
    let settings = server.settings("idle_seconds = 5");
    let source = source(&settings);
    let mut pull = source.pull(&Ask { batch_rows: 100, ..ask("staff") }).await.expect("to pull");
    pull.pieces.next().await.expect("a batch").expect("rows");
    server.kill();
    let mut end = None;
    while let Some(piece) = pull.pieces.next().await {
        end = piece.err();
    }
    let failed = end.expect("not the end of the table");
    assert!(failed.passing, "{failed}");
    assert!(failure(&settings, "staff").await.passing);
    server.start_again().await;
    assert_eq!(told_of(source.as_ref(), &ask("SELECT count(*) AS n FROM staff")).await, ["row 1: 200000"]);
}

/// How many statements of the login with this word the server is at.
async fn at_work(server: &Postgres) -> i64 {
    let mut admin = server.admin("pay").await.expect("to connect");
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active' AND query LIKE '%cancelled%'";
    sqlx::query(count).fetch_one(&mut admin).await.expect("to ask").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_ended_at_the_server() {
    let server = shared().await;
    people(&server, "cancelled", 3000).await;
    // It counts for hours before its first row.
    let endless = "SELECT count(*) AS n FROM cancelled a, cancelled b, cancelled c WHERE a.n * b.n % 7 = c.n % 5";
    let pull = source(&server.settings("")).pull(&ask(endless)).await.expect("to pull");
    let end = Instant::now() + Duration::from_secs(20);
    while at_work(&server).await == 0 {
        assert!(Instant::now() < end, "it never began");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(pull);
    let end = Instant::now() + Duration::from_secs(10);
    while at_work(&server).await > 0 {
        assert!(Instant::now() < end, "the server is still at it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let silent = failure(&server.settings("idle_seconds = 1"), endless).await;
    assert!(silent.passing && silent.why.contains("nothing came for 1 s"), "{silent}");
}

#[tokio::test]
async fn the_way_to_the_server_is_examined_step_by_step() {
    let server = shared().await;
    people(&server, "examined", 5).await;
    let tables = ["examined".to_owned()];
    let folder = server.folder().display().to_string();
    let steps = source(&server.settings(&format!("ca = '{folder}/ca.pem'\nschema = 'public'"))).examine(&tables).await;
    let names: Vec<&str> = steps.iter().map(|it| it.name).collect();
    assert_eq!(names, ["name", "port", "tls", "login", "read-only", "tables", "columns", "count", "speed", "clock"], "{steps:?}");
    let but_read_only = steps.iter().filter(|it| it.name != "read-only");
    assert!(but_read_only.clone().all(|it| it.state == StepState::Fine), "{steps:?}");
    let other = failure(&server.settings(&format!("ca = '{folder}/other.pem'")), "examined").await;
    assert!(other.why.contains("TLS") && !other.passing && other.hint.is_some(), "{other}");
    for (settings, tables, last) in [
        (server.settings("").replace("'reader'", "'nobody'"), &tables, "login"),
        (server.settings_at(1, ""), &tables, "port"),
        (server.settings(""), &["absent".to_owned()], "table"),
    ] {
        let steps = source(&settings).examine(tables).await;
        assert_eq!(steps.last().map(|it| (it.name, it.state)), Some((last, StepState::Failed)));
    }
}

/// Connections go back to the pool and to somebody else: nothing of a pull may be left on them, and nothing of another's may meet it.
#[tokio::test]
async fn a_pool_in_between_gives_the_same_rows_however_it_pools() {
    let server = shared().await;
    people(&server, "pooled", 3000).await;
    let straight = told_here("pooled").await;
    for mode in ["session", "transaction"] {
        let pool = PgBouncer::start(&server, mode).await;
        for more in ["", "copy = false"] {
            let settings = server.settings_at(pool.port, &format!("tls = 'off'\n{more}"));
            // More often than the pool has connections, so that every one of them is met again.
            for _ in 0..4 {
                let pulled = told(Path::new("/"), &settings, "pooled", &[]).await;
                assert!(pulled == straight, "{mode} {more}: {} rows of {}\n{}", pulled.len(), straight.len(), pool.log());
            }
            let source = source(&settings);
            let steps = source.examine(&["pooled".to_owned()]).await;
            assert!(steps.iter().all(|it| it.state != StepState::Failed), "{mode}: {steps:?}");
        }
        let settings = server.settings_at(pool.port, "tls = 'off'");
        let absent = failure(&settings, "absent").await;
        assert!(!absent.passing, "{mode}: {absent}");
        let gone = source(&settings).pull(&Ask { batch_rows: 10, ..ask("pooled") }).await.expect("to pull");
        drop(gone);
        assert_eq!(told(Path::new("/"), &settings, "pooled", &[]).await, straight, "{mode}: after a pull that nobody waited for");
    }
}

#[tokio::test]
async fn a_hold_through_a_pool_is_one_instant_too() {
    let server = shared().await;
    people(&server, "pool_from", 50).await;
    server.run("CREATE TABLE pool_to (LIKE pool_from); GRANT SELECT ON pool_to TO reader").await;
    for mode in ["session", "transaction"] {
        let pool = PgBouncer::start(&server, mode).await;
        let source = source(&server.settings_at(pool.port, "tls = 'off'"));
        let before = told_here("pool_from").await.len();
        let held = source.hold().await.expect("to hold").expect("it can");
        server.run("WITH gone AS (DELETE FROM pool_from WHERE n % 2 = 0 RETURNING *) INSERT INTO pool_to SELECT * FROM gone").await;
        assert_eq!(told_of(source.as_ref(), &ask("pool_from")).await.len(), before, "{mode}");
        drop(held);
        server.run("WITH gone AS (DELETE FROM pool_to RETURNING *) INSERT INTO pool_from SELECT * FROM gone").await;
    }
}
