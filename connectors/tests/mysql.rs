//! `MySQL` as `MariaDB` speaks it: what every kind promises, its own types, and what happens when the line or the server fails.
//! `MySQL` 5.7 and 8 themselves were not at hand.
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
use servers::maria::Maria;
use servers::proxy::{Fault, faulty};
use sqlx::Row as _;
use tokio::sync::OnceCell;

/// One server for the tests that leave it alone.
async fn maria() -> Arc<Maria> {
    static MARIA: OnceCell<Arc<Maria>> = OnceCell::const_new();
    Arc::clone(MARIA.get_or_init(|| async { Arc::new(Maria::start().await) }).await)
}

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
    told(Path::new("/"), &maria().await.settings(""), table, &[]).await
}

/// A table of people with `rows` rows.
async fn people(maria: &Maria, name: &str, rows: u32) {
    maria
        .run(&format!(
            "CREATE TABLE {name} (id CHAR(18) NOT NULL, 姓名 VARCHAR(40), pay DECIMAL(12,2), born DATE, n INT) ENGINE=InnoDB; \
             INSERT INTO {name} SELECT CONCAT('33068319800101', LPAD(seq, 4, '0')), CONCAT('张伟', seq), seq * 1.25, '1980-01-01', seq FROM seq_1_to_{rows}"
        ))
        .await;
}

#[tokio::test]
async fn every_type_comes_exactly() {
    let maria = maria().await;
    maria
        .run(
            "CREATE TABLE types (nr INT PRIMARY KEY, kind VARCHAR(40), tiny TINYINT, flag TINYINT(1), utiny TINYINT(1) UNSIGNED, small SMALLINT, medium MEDIUMINT, whole INT, uint INT UNSIGNED, \
             big BIGINT, ubig BIGINT UNSIGNED, zero INT(6) ZEROFILL, exact DECIMAL(12,2), wide DECIMAL(38,10), wider DECIMAL(65,30), f FLOAT, d DOUBLE, bits BIT(64), bit1 BIT(1), \
             yr YEAR, dt DATE, dtm DATETIME, dtm3 DATETIME(3), dtm6 DATETIME(6), ts TIMESTAMP NULL, tm TIME, tm6 TIME(6), c CHAR(10), v VARCHAR(200), vbin VARCHAR(40) COLLATE utf8mb4_bin, \
             g VARCHAR(40) CHARACTER SET gbk, l1 VARCHAR(40) CHARACTER SET latin1, txt LONGTEXT, e ENUM('在职','离退休',''), s SET('a','乙','c'), j JSON, vb VARBINARY(20), b BINARY(4), bl LONGBLOB); \
             INSERT INTO types (nr, kind) VALUES (1, 'null'); \
             INSERT INTO types VALUES (2, 'least', -128, -1, 0, -32768, -8388608, -2147483648, 0, -9223372036854775808, 0, 0, -9999999999.99, -9999999999999999999999999999.9999999999, -99999999999999999999999999999999999.999999999999999999999999999999, -3.5e38, -1.7976931348623157e308, 0, 0, \
               1901, '0001-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.001', '1000-01-01 00:00:00.000001', '1970-01-02 00:00:01', '-838:59:59', '-838:59:59.999999', '', '', '', '', '', '', '', '', '{}', '', '', ''); \
             INSERT INTO types VALUES (3, 'most', 127, 127, 255, 32767, 8388607, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 42, 9999999999.99, 9999999999999999999999999999.9999999999, 99999999999999999999999999999999999.999999999999999999999999999999, 8120.55, 0.1, b'1111111111111111111111111111111111111111111111111111111111111111', 1, \
               2155, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.999999', '2038-01-19 00:00:00', '838:59:59', '26:30:00.5', ' 王　伟', 'a\\\\b\\'c\\n\\t\"|', '陈䶮𠮷😀', '张伟', 'Müller', REPEAT('长', 3), '离退休', 'a,c', '{\"k\": \"值\"}', x'00ff', x'01', x'd5c5'); \
             INSERT INTO types (nr, kind, dt, dtm, ts, yr, tm, flag) VALUES (4, 'zero', '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', 0, 0, 2); \
             INSERT INTO types (nr, kind, dt, dtm) VALUES (5, 'half', '2024-00-00', '2024-02-00 08:30:00')",
        )
        .await;
    let pull = source(&maria.settings("")).pull(&ask("types")).await.expect("to pull");
    let schema = Arc::clone(&pull.schema);
    let pieces: Vec<Piece> = pull.pieces.try_collect().await.expect("the rows");
    let [Piece::Rows(batch)] = pieces.as_slice() else { panic!("{pieces:?}") };
    let mut page = "# What comes of a MariaDB 10.11 column\n\nWritten by `connectors/tests/mysql.rs`. `~` is null, cells stand in `…`. Long texts are cut.\n\n\
                    | column | Arrow | null | least | most | zero | half a date |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (at, field) in schema.fields().iter().enumerate().take(schema.fields().len() - PLACE_COLUMNS.len()).skip(2) {
        let cell = |row: usize| {
            let column = batch.column(at);
            let text = array_value_to_string(column, row).expect("a type that can be shown");
            let text = text.replace('|', "\\|").replace('\n', "⏎").replace('\t', "⇥");
            if column.is_null(row) { "~".to_owned() } else { format!("`{}`", text.chars().take(44).collect::<String>()) }
        };
        let cells: Vec<String> = (0..5).map(cell).collect();
        page.push_str(&format!("| {} | {} | {} |\n", field.name(), field.data_type(), cells.join(" | ")));
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/mysql.md");
    if std::env::var_os("MUSTER_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&kept, &page).expect("to write the page");
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap_or_default(), page, "MUSTER_WRITE_CONFORMANCE=1 writes {}", kept.display());
}

#[tokio::test]
async fn rows_batches_offers_and_null_beside_empty() {
    let maria = maria().await;
    people(&maria, "staff", 25).await;
    maria.run("CREATE TABLE empties (a VARCHAR(10), b VARCHAR(10)); INSERT INTO empties VALUES ('', NULL), (NULL, ' x '); CREATE VIEW few AS SELECT 姓名, n FROM staff WHERE n < 3").await;
    assert_eq!(told_here("empties").await, ["row 1:  | ~", "row 2: ~ |  x "]);
    assert_eq!(told_here("pay.few").await, ["row 1: 张伟1 | 1", "row 2: 张伟2 | 2"]);
    for batch_rows in [1, 4, 25, 1000] {
        let pull = source(&maria.settings("")).pull(&Ask { batch_rows, ..ask("staff") }).await.expect("to pull");
        let names: Vec<&str> = pull.schema.fields().iter().map(|it| it.name().as_str()).collect();
        assert_eq!(names, ["id", "姓名", "pay", "born", "n", "_file", "_sheet", "_row", "_title"]);
        let pieces: Vec<Piece> = pull.pieces.try_collect().await.expect("the rows");
        let rows: Vec<usize> = pieces.iter().map(|it| if let Piece::Rows(batch) = it { batch.num_rows() } else { 0 }).collect();
        assert!(rows.iter().all(|it| (1..=batch_rows).contains(it)) && rows.iter().sum::<usize>() == 25, "{rows:?}");
    }
    let offers = source(&maria.settings("")).offers().await.expect("the tables");
    let staff = offers.iter().find(|it| it.table == "staff").expect("it is offered");
    assert_eq!(staff.columns, ["id", "姓名", "pay", "born", "n"]);
    // As the mapping spells them, and only what is there.
    let told = told(Path::new("/"), &maria.settings(""), "few", &["N", "姓 名", "nothing"]).await;
    assert_eq!(told.len(), 2);
}

#[tokio::test]
async fn what_is_missing_is_told_with_what_there_is() {
    let maria = maria().await;
    people(&maria, "bzry", 3).await;
    let unknown = failure(&maria.settings(""), "bzryx").await;
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `bzry`?"));
    assert!(!unknown.passing);
    let told = told(Path::new("/"), &maria.settings(""), "bzry", &["AAC002", "AAC003"]).await;
    assert_eq!(
        told,
        ["finance/archive bzry: the table has none of the mapped columns", "its columns are `id`, `姓名`, `pay`, `born`, `n`"]
    );
}

#[tokio::test]
async fn text_of_every_store_comes_as_it_was_or_not_at_all() {
    let maria = maria().await;
    // GBK bytes in columns that say latin1 or binary, one of them cut in the middle of a character.
    maria
        .run(
            "CREATE TABLE old (nr INT, g VARCHAR(20) CHARACTER SET gbk, l VARCHAR(20) CHARACTER SET latin1, b VARBINARY(20)); \
             INSERT INTO old VALUES (1, '张伟', CONVERT(x'd5c5ceb0' USING latin1), x'd5c5ceb0'), (2, '', CONVERT(x'd5c5ce' USING latin1), x'41'), (3, NULL, NULL, NULL)",
        )
        .await;
    assert_eq!(told_here("old").await[0], "row 1: 1 | 张伟 | ÕÅÎ° | d5c5ceb0");
    let told = told(Path::new("/"), &maria.settings("encoding = 'gbk'"), "old", &[]).await;
    assert_eq!(
        told,
        ["broken 2: 2||\\xD5\\xC5\\xCE|A (`l` holds bytes that are no text)", "row 1: 1 | 张伟 | 张伟 | 张伟", "row 3: 3 | ~ | ~ | ~"]
    );
}

#[tokio::test]
async fn a_cell_longer_than_a_packet_is_whole() {
    let maria = maria().await;
    maria.run("SET SESSION max_statement_time = 0; CREATE TABLE long_cells (a LONGTEXT); INSERT INTO long_cells VALUES (REPEAT('长', 6000000)), ('短')").await;
    let pieces: Vec<Piece> =
        source(&maria.settings("")).pull(&ask("long_cells")).await.expect("to pull").pieces.try_collect().await.expect("the rows");
    let lengths: Vec<usize> = pieces
        .iter()
        .filter_map(|it| if let Piece::Rows(batch) = it { Some(batch.column(0).get_array_memory_size()) } else { None })
        .collect();
    assert_eq!(lengths.len(), 2, "a long cell ends its batch");
    assert!(lengths[0] >= 18_000_000);
}

#[tokio::test]
async fn queries_read_and_nothing_else() {
    let maria = maria().await;
    people(&maria, "paid", 4).await;
    maria.run("CREATE TABLE log (a INT); SET GLOBAL log_bin_trust_function_creators = 1").await;
    maria.run("CREATE FUNCTION note() RETURNS INT BEGIN INSERT INTO log VALUES (1); RETURN 1; END").await;
    maria.run("GRANT EXECUTE, INSERT ON pay.* TO reader@'127.0.0.1'").await;
    assert_eq!(told_here("SELECT n, pay * 2 AS twice FROM paid WHERE n > 3 -- last\n;").await, ["row 1: 4 | 10.00"]);
    assert_eq!(told_here("WITH a AS (SELECT n FROM paid) SELECT max(n) AS m FROM a").await, ["row 1: 4"]);
    let refused = failure(&maria.settings(""), "SELECT * FROM paid INTO OUTFILE '/tmp/x'").await;
    assert!(refused.why.contains("INTO"), "{refused}");
    let writes = failure(&maria.settings(""), "SELECT note() AS n").await;
    assert!(writes.why.contains("1792") && !writes.passing, "{writes}");
    assert!(failure(&maria.settings(""), "SELECT n, n FROM paid").await.why.contains("two columns called `n`"));
    assert!(failure(&maria.settings(""), "SELECT m FROM paid").await.why.contains("1054"));
    let broken = failure(&maria.settings(""), "SELECT FROM paid WHERE id = '330683198001011234'").await;
    assert!(!broken.why.contains("330683") && broken.hint.is_some(), "{broken}");
    maria.run("REVOKE EXECUTE, INSERT ON pay.* FROM reader@'127.0.0.1'").await;
}

#[tokio::test]
async fn rows_that_are_not_all_are_a_failure() {
    let maria = maria().await;
    people(&maria, "lots", 2000).await;
    let failure = failure(&maria.settings(""), "SELECT n FROM lots WHERE rand() < 0.5").await;
    assert!(failure.why.contains("rows came, but the server counts") && failure.passing, "{failure}");
}

#[tokio::test]
async fn an_incremental_pull_asks_for_the_new_rows_only() {
    let maria = maria().await;
    people(&maria, "grown", 9).await;
    let source = source(&maria.settings(""));
    let since = |column: &str, at_least: &str| Some(Since { column: column.to_owned(), at_least: at_least.to_owned() });
    let new = told_of(source.as_ref(), &Ask { since: since("N", "9"), ..ask("grown") }).await;
    assert_eq!(new, ["row 1: 330683198001010009 | 张伟9 | 11.25 | 1980-01-01 | 9"]);
    let dated = told_of(source.as_ref(), &Ask { since: since("born", "1980-01-02"), ..ask("grown") }).await;
    assert!(dated.is_empty(), "{dated:?}");
    let of_query = told_of(source.as_ref(), &Ask { since: since("n", "8"), ..ask("SELECT n FROM grown") }).await;
    assert_eq!(of_query, ["row 1: 8", "row 2: 9"]);
    let wrong = told_of(source.as_ref(), &Ask { since: since("m", "8"), ..ask("grown") }).await;
    assert_eq!(wrong[1], "did you mean `n`?");
}

#[tokio::test]
async fn all_tables_of_a_hold_are_of_one_instant() {
    let maria = maria().await;
    people(&maria, "first", 2).await;
    people(&maria, "second", 2).await;
    let source = source(&maria.settings(""));
    let held = source.hold().await.expect("to hold").expect("it can");
    assert_eq!(told_of(source.as_ref(), &ask("first")).await.len(), 2);
    maria.run("DELETE FROM second; DELETE FROM first").await;
    assert_eq!(told_of(source.as_ref(), &ask("second")).await.len(), 2);
    assert_eq!(told_of(source.as_ref(), &ask("first")).await.len(), 2);
    drop(held);
    assert_eq!(told_of(source.as_ref(), &ask("second")).await.len(), 0);
}

#[tokio::test]
async fn a_hold_whose_connection_was_lost_never_mixes_states() {
    let maria = maria().await;
    people(&maria, "half_held", 60_000).await;
    let source = source(&maria.settings(""));
    let held = source.hold().await.expect("to hold");
    let mut pull = source.pull(&ask("half_held")).await.expect("to pull");
    pull.pieces.next().await.expect("a batch").expect("rows");
    drop(pull);
    let lost = source.pull(&ask("half_held")).await.err().expect("the snapshot is gone");
    assert!(lost.passing && lost.why.contains("snapshot"), "{lost}");
    drop(held);
    source.pull(&ask("half_held")).await.expect("a new snapshot");
}

#[tokio::test]
async fn permanent_refusals_are_not_tried_again() {
    let maria = maria().await;
    maria.run("CREATE DATABASE IF NOT EXISTS other; CREATE TABLE other.t (a INT)").await;
    let wrong = maria.settings("").replace("'reader'", "'nobody'");
    let login = failure(&wrong, "t").await;
    assert!(login.why.contains("1045") && !login.passing && login.hint.is_some(), "{login}");
    let database = failure(&maria.settings("").replace("'pay'", "'pray'"), "t").await;
    assert!(!database.passing && database.why.contains("1044"), "{database}");
    let forbidden = failure(&maria.settings(""), "SELECT a FROM other.t").await;
    assert!(!forbidden.passing && forbidden.why.contains("1142") && forbidden.hint.is_some_and(|it| it.contains("GRANT SELECT")));
    assert!(!failure(&maria.settings(""), "SELECT a FROM nowhere").await.passing);
}

#[tokio::test]
async fn too_many_connections_pass() {
    let maria = maria().await;
    maria.run("CREATE USER IF NOT EXISTS crowd@'127.0.0.1' IDENTIFIED BY 's3cret-and-long' WITH MAX_USER_CONNECTIONS 1; GRANT SELECT ON pay.* TO crowd@'127.0.0.1'").await;
    let settings = maria.settings("").replace("'reader'", "'crowd'");
    let first = source(&settings);
    let _held = first.hold().await.expect("the first may");
    let crowded = failure(&settings, "t").await;
    assert!(crowded.passing, "{crowded}");
}

#[tokio::test]
async fn a_line_that_fails_after_any_number_of_bytes_fails_the_pull() {
    let maria = maria().await;
    people(&maria, "wide", 20_000).await;
    for bytes in [0, 10, 100, 400, 1500, 6000, 60_000, 700_000] {
        for fault in [Fault::Cut(bytes), Fault::Reset(bytes), Fault::Stall(bytes)] {
            let port = faulty(maria.port, fault).await;
            let begun = Instant::now();
            let failed = failure(&maria.settings_at(port, "tls = 'off'\nidle_seconds = 1"), "wide").await;
            assert!(failed.passing, "{fault:?}: {failed} {:?}", failed.hint);
            assert!(begun.elapsed() < Duration::from_secs(10), "{fault:?}");
            assert!(failed.hint.is_some(), "{fault:?}: {failed}");
        }
    }
    let refused = failure(&maria.settings_at(1, ""), "wide").await;
    assert!(refused.passing && refused.why.contains("127.0.0.1:1"), "{refused}");
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_fails_the_pull_and_serves_the_next() {
    let mut maria = Maria::start().await;
    maria.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1").await;
    people(&maria, "staff", 200_000).await;
    let settings = maria.settings("idle_seconds = 5");
    let source = source(&settings);
    let mut pull = source.pull(&Ask { batch_rows: 100, ..ask("staff") }).await.expect("to pull");
    pull.pieces.next().await.expect("a batch").expect("rows");
    maria.kill();
    let mut end = None;
    while let Some(piece) = pull.pieces.next().await {
        end = piece.err();
    }
    let failed = end.expect("not the end of the table");
    assert!(failed.passing, "{failed}");
    assert!(failure(&settings, "staff").await.passing);
    maria.start_again().await;
    assert_eq!(told_of(source.as_ref(), &ask("SELECT count(*) AS n FROM staff")).await, ["row 1: 200000"]);
}

/// How many statements of the login the server is at.
async fn at_work(maria: &Maria) -> i64 {
    let mut root = maria.root().await.expect("to connect");
    let count = "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader' AND info LIKE '%cancelled%'";
    sqlx::query(count).fetch_one(&mut root).await.expect("to ask").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_ended_at_the_server() {
    let maria = maria().await;
    people(&maria, "cancelled", 3000).await;
    // It sorts for hours before its first row.
    let endless = "SELECT count(*) AS n FROM cancelled a, cancelled b, cancelled c WHERE a.n * b.n % 7 = c.n % 5";
    let pull = source(&maria.settings("")).pull(&ask(endless)).await.expect("to pull");
    let end = Instant::now() + Duration::from_secs(20);
    while at_work(&maria).await == 0 {
        assert!(Instant::now() < end, "it never began");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(pull);
    let end = Instant::now() + Duration::from_secs(5);
    while at_work(&maria).await > 0 {
        assert!(Instant::now() < end, "the server is still at it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let silent = failure(&maria.settings("idle_seconds = 1"), endless).await;
    assert!(silent.passing && silent.why.contains("nothing came for 1 s"), "{silent}");
}

#[tokio::test]
async fn the_certificate_is_looked_at() {
    let maria = maria().await;
    people(&maria, "secured", 1).await;
    let folder = maria.folder().display().to_string();
    let checked = told(Path::new("/"), &maria.settings(&format!("ca = '{folder}/ca.pem'")), "SELECT n FROM secured", &[]).await;
    assert_eq!(checked, ["row 1: 1"]);
    let other = failure(&maria.settings(&format!("ca = '{folder}/other.pem'")), "secured").await;
    assert!(other.why.contains("TLS") && !other.passing && other.hint.is_some(), "{other}");
}

#[tokio::test]
async fn the_way_to_the_server_is_examined_step_by_step() {
    let maria = maria().await;
    people(&maria, "examined", 5).await;
    let tables = ["examined".to_owned()];
    let steps = source(&maria.settings("")).examine(&tables).await;
    let names: Vec<&str> = steps.iter().map(|it| it.name).collect();
    assert_eq!(names, ["name", "port", "tls", "login", "read-only", "tables", "columns", "count", "speed", "clock"]);
    assert!(steps.iter().all(|it| it.state == StepState::Fine), "{steps:?}");
    let root = maria.settings("").replace("'reader'", "'nobody'");
    let steps = source(&root).examine(&tables).await;
    assert_eq!(steps.last().map(|it| (it.name, it.state)), Some(("login", StepState::Failed)));
    let steps = source(&maria.settings_at(1, "")).examine(&tables).await;
    assert_eq!(steps.last().map(|it| (it.name, it.state)), Some(("port", StepState::Failed)));
    let steps = source(&maria.settings("")).examine(&["absent".to_owned()]).await;
    assert_eq!(steps.last().map(|it| (it.name, it.state)), Some(("table", StepState::Failed)));
}
