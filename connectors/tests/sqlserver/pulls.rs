//! Pulls that go well: snapshots, incremental pulls, queries, bad text, and what `muster connect` tells.

use std::sync::atomic::Ordering;

use muster_connectors::{Piece, StepState};

use crate::tds::{Habits, Kind, Page, Table, Value};
use crate::{Source, ask, ask_since, batches, column, pay, pulled, with_pay};

#[tokio::test]
async fn every_row_comes_in_batches_that_keep_to_their_size() {
    let listener = with_pay(10_000, Habits::default()).await;
    let source = Source::new(&listener, "");
    let pieces = pulled(&*source.connector, &ask("gzff")).await.expect("the pull");
    assert!(batches(&pieces).iter().all(|it| (1..=64).contains(&it.num_rows())));
    let rows: Vec<Option<String>> = (1..=10_000).map(|it: u32| Some(it.to_string())).collect();
    assert_eq!(column(&pieces, "_row"), rows);
    assert_eq!(column(&pieces, "应发")[9_999].as_deref(), Some("9999.25"));
    assert_eq!(column(&pieces, "姓名")[2..4], [Some("王伟".to_owned()), None]);
    assert_eq!(listener.shared.rolled_back.load(Ordering::SeqCst), 1, "the transaction is rolled back");
}

#[tokio::test]
async fn the_statements_only_read() {
    let listener = with_pay(3, Habits::default()).await;
    let source = Source::new(&listener, "");
    pulled(&*source.connector, &ask("gzff")).await.expect("the pull");
    source.connector.offers().await.expect("the tables");
    source.connector.examine(&["gzff".to_owned()]).await;
    for statement in listener.statements() {
        let first = statement.split_whitespace().next().unwrap_or_default().to_owned();
        assert!(["SET", "SELECT", "IF"].contains(&first.as_str()), "{statement}");
        for word in ["INSERT ", "UPDATE ", "DELETE ", "INTO ", "CREATE ", "COMMIT"] {
            assert!(!statement.contains(word), "{statement}");
        }
    }
    for sql in ["select * into other from gzff", "select 1; delete from gzff", "with a as (select 1 as b) delete from a"] {
        let before = listener.statements().len();
        let failure = pulled(&*source.connector, &ask(sql)).await.expect_err("it writes");
        assert!(!failure.passing, "{failure}");
        assert!(listener.statements()[before..].iter().all(|it| !it.contains("gzff")), "{sql} was sent");
    }
}

#[tokio::test]
async fn all_pulls_of_a_hold_are_of_one_instant() {
    let listener = with_pay(10, Habits::default()).await;
    listener.table("ry", pay(5));
    let source = Source::new(&listener, "");
    let rows = async |table: &str| column(&pulled(&*source.connector, &ask(table)).await.expect("the pull"), "_row").len();
    let held = source.connector.hold().await.expect("to hold").expect("the database allows snapshots");
    assert_eq!(rows("gzff").await, 10);
    listener.table("gzff", pay(20));
    listener.table("ry", pay(6));
    assert_eq!((rows("gzff").await, rows("ry").await), (10, 5));
    assert_eq!(listener.shared.logins.load(Ordering::SeqCst), 1);
    drop(held);
    assert_eq!((rows("gzff").await, rows("ry").await), (20, 6));
}

#[tokio::test]
async fn without_snapshots_nothing_is_held_and_a_pull_still_comes() {
    let listener = with_pay(10, Habits { snapshot: false, ..Habits::default() }).await;
    let source = Source::new(&listener, "");
    assert!(source.connector.hold().await.expect("it answers").is_none());
    assert_eq!(column(&pulled(&*source.connector, &ask("gzff")).await.expect("the pull"), "_row").len(), 10);
    assert!(listener.statements().iter().any(|it| it.contains("READ COMMITTED")));
}

#[tokio::test]
async fn an_incremental_pull_asks_with_a_parameter() {
    let listener = with_pay(0, Habits::default()).await;
    let columns = [("id", Kind::Int), ("name", Kind::NVarChar(Some(9))), ("stamp", Kind::RowVersion)];
    let row = |at: u64| vec![Value::Whole(at as i64), Value::Text(format!("n{at}")), Value::Raw(vec![0, 0, 0, 0, 0, 0, 7, at as u8])];
    listener.table("changes", Table::made(&columns, 9, row));
    let source = Source::new(&listener, "");
    for (name, least) in [("id", "6"), ("NAME", "n6"), ("stamp", "0000000000000706")] {
        let pieces = pulled(&*source.connector, &ask_since("changes", name, least)).await.expect(name);
        assert_eq!(column(&pieces, "id"), ["6", "7", "8"].map(|it| Some(it.to_owned())), "{name}");
    }
    let statements = listener.statements();
    assert!(statements.iter().any(|it| it.ends_with(" WHERE [stamp] >= CONVERT(binary(8), @P1, 2)")), "{statements:?}");
    let failure = pulled(&*source.connector, &ask_since("changes", "idd", "6")).await.expect_err("no such column");
    assert!(failure.hint.as_deref().is_some_and(|it| it.contains("`id`")), "{failure:?}");
}

#[tokio::test]
async fn a_query_with_common_table_expressions_is_counted_like_a_table() {
    let listener = with_pay(3, Habits::default()).await;
    let sql = "WITH paid AS (SELECT 身份证号 FROM gzff) SELECT 身份证号 FROM paid";
    listener.query(sql, Table::made(&[("身份证号", Kind::NVarChar(Some(18)))], 4, |at| vec![Value::Text(at.to_string())]));
    let source = Source::new(&listener, "");
    let pieces = pulled(&*source.connector, &ask(sql)).await.expect("the pull");
    assert_eq!(column(&pieces, "身份证号").len(), 4);
    assert!(listener.statements().iter().any(|it| it.starts_with("WITH paid AS (SELECT 身份证号 FROM gzff) SELECT COUNT_BIG(*)")));
}

#[tokio::test]
async fn bytes_that_are_no_text_make_their_row_a_broken_one() {
    let listener = with_pay(0, Habits::default()).await;
    let columns = [("id", Kind::Int), ("wide", Kind::NVarChar(Some(9))), ("narrow", Kind::VarChar(Some(9), Page::Gbk))];
    let fine = |at: i64| vec![Value::Whole(at), Value::Text("好".to_owned()), Value::Text("好".to_owned())];
    let mut lone = fine(2);
    lone[1] = Value::Raw(vec![0x00, 0xd8, 0x61, 0x00]);
    let mut cut = fine(3);
    cut[2] = Value::Raw(vec![0x61, 0xd5]);
    listener.table("odd", Table::of(&columns, vec![fine(1), lone, cut, fine(4)]));
    let source = Source::new(&listener, "");
    let pieces = pulled(&*source.connector, &ask("odd")).await.expect("the pull");
    assert_eq!(column(&pieces, "id"), [Some("1".to_owned()), Some("4".to_owned())]);
    let broken: Vec<(Option<i64>, &str)> =
        pieces.iter().filter_map(|it| if let Piece::Broken(it) = it { Some((it.spot.row, it.raw.as_str())) } else { None }).collect();
    assert_eq!(broken, [(Some(2), "2|\\x00\\xD8\\x61\\x00|好"), (Some(3), "3|好|\\x61\\xD5")]);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let listener = with_pay(3, Habits::default()).await;
    let source = Source::new(&listener, "");
    let failure = pulled(&*source.connector, &ask("gzfff")).await.expect_err("no such table");
    assert!(!failure.passing && failure.hint.as_deref().is_some_and(|it| it.contains("`gzff`")), "{failure:?}");
    let mut wanted = ask("gzff");
    wanted.columns = vec!["SFZH".to_owned()];
    let failure = pulled(&*source.connector, &wanted).await.expect_err("no such column");
    assert!(failure.why.contains("mapped columns") && failure.hint.is_some_and(|it| it.contains("身份证号")));
    let failure = pulled(&*source.connector, &ask("select a from nowhere")).await.expect_err("no such table");
    assert!(!failure.passing && failure.why.contains("208"), "{failure}");
}

#[tokio::test]
async fn the_checklist_tells_every_step() {
    let listener = with_pay(3, Habits { may_write: true, clock_seconds: 300, ..Habits::default() }).await;
    let source = Source::new(&listener, "");
    let steps = source.connector.examine(&["gzff".to_owned()]).await;
    let told: Vec<(&str, StepState)> = steps.iter().map(|it| (it.name, it.state)).collect();
    let (fine, doubtful) = (StepState::Fine, StepState::Doubtful);
    let expected = [
        ("name", fine),
        ("port", fine),
        ("tls", doubtful),
        ("login", fine),
        ("read-only", doubtful),
        ("tables", fine),
        ("columns", fine),
        ("count", fine),
        ("speed", fine),
        ("snapshot", fine),
        ("clock", doubtful),
    ];
    assert_eq!(told, expected, "{steps:?}");
    assert!(steps[4].told.contains("INSERT"), "{}", steps[4].told.en);
}
