//! Everything that goes wrong: the pull fails as a whole, says how, and says whether another try may help.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use muster_connectors::{Failure, StepState};

use crate::tds::{Fault, Habits, Listener, Value};
use crate::{Source, ask, column, opened, pay, pulled, settings, with_pay};

async fn failed(fault: Fault, more: &str) -> (Failure, Listener) {
    let listener = with_pay(5_000, Habits::default()).await;
    let source = Source::new(&listener, more);
    listener.misbehave(fault);
    let failure = pulled(&*source.connector, &ask("gzff")).await.expect_err(&format!("{fault:?}"));
    assert_eq!((failure.department.as_str(), failure.source.as_str(), failure.table.as_str()), ("hr", "archive", "gzff"), "{fault:?}");
    assert_private(&failure);
    // The next pull has a connection of its own, and nothing of the last one's answers.
    let again = pulled(&*source.connector, &ask("gzff")).await.unwrap_or_else(|it| panic!("after {fault:?}: {it}"));
    assert_eq!(column(&again, "_row").len(), 5_000, "after {fault:?}");
    (failure, listener)
}

/// Neither the password nor what a row holds.
fn assert_private(failure: &Failure) {
    let said = format!("{failure} {:?}", failure.hint);
    for secret in ["geheim", "密码", "330683", "王伟"] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_after_any_number_of_rows_or_bytes_fails_the_pull() {
    for rows in [0, 1, 63, 64, 1_000, 4_999] {
        let (failure, _) = failed(Fault::CutAfterRows(rows), "").await;
        assert!(failure.passing, "{failure}");
    }
    for bytes in [1, 8, 40, 100, 4_096, 16_000, 50_001] {
        let (failure, _) = failed(Fault::CutAfterBytes(bytes), "").await;
        assert!(failure.passing, "{failure}");
    }
    let (failure, _) = failed(Fault::ResetAfterRows(500), "").await;
    assert!(failure.passing, "{failure}");
}

#[tokio::test]
async fn fewer_rows_than_the_server_counts_fail_the_pull_whatever_the_end_says() {
    for fault in [Fault::Fewer(1), Fault::Fewer(5_000), Fault::DoneWithError(1)] {
        let (failure, _) = failed(fault, "").await;
        assert!(failure.passing && failure.why.contains("the server counts 5000"), "{failure}");
    }
}

#[tokio::test]
async fn errors_behind_rows_and_before_them_are_told_apart() {
    for (number, passing) in
        [(1205, true), (1222, true), (40_613, true), (40_197, true), (10_928, true), (3961, true), (229, false), (8115, false)]
    {
        for fault in [Fault::ErrorAfterRows(300, number), Fault::Refuse(number)] {
            let (failure, _) = failed(fault, "").await;
            assert_eq!(failure.passing, passing, "{failure}");
            assert!(failure.why.contains(&number.to_string()) && failure.hint.is_some(), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn a_stalled_line_is_given_up_and_the_server_told_to_stop() {
    let before = Instant::now();
    let (failure, listener) = failed(Fault::StallAfterRows(100), "idle_seconds = 1").await;
    assert!(failure.passing && before.elapsed() < Duration::from_secs(10), "{failure}");
    wait("an attention or a closed line", || {
        listener.shared.attentions.load(Ordering::SeqCst) > 0 || listener.shared.open.load(Ordering::SeqCst) == 0
    })
    .await;
}

#[tokio::test]
async fn a_server_that_thinks_longer_than_the_line_may_be_idle_is_waited_for() {
    let listener = with_pay(200, Habits::default()).await;
    let source = Source::new(&listener, "idle_seconds = 1\ncommand_timeout = 20");
    listener.misbehave(Fault::Slow(Duration::from_millis(1500)));
    assert_eq!(column(&pulled(&*source.connector, &ask("gzff")).await.expect("it only thinks"), "_row").len(), 200);
    let source = Source::new(&listener, "idle_seconds = 1");
    listener.misbehave(Fault::Slow(Duration::from_millis(1500)));
    assert!(pulled(&*source.connector, &ask("gzff")).await.expect_err("it may think a second").passing);
}

#[tokio::test]
async fn a_pull_that_is_dropped_ends_its_connection_and_the_work_at_the_server() {
    let listener = with_pay(3_000_000, Habits::default()).await;
    listener.table("gzff", pay(3_000_000).repeating(1_000));
    let source = Source::new(&listener, "");
    let mut pull = source.connector.pull(&ask("gzff")).await.expect("the pull");
    pull.pieces.next().await.expect("a piece").expect("rows");
    drop(pull);
    wait("the connection to end", || listener.shared.open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(listener.shared.attentions.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_held_snapshot_that_is_lost_says_so() {
    let listener = with_pay(500, Habits::default()).await;
    let source = Source::new(&listener, "");
    let held = source.connector.hold().await.expect("to hold").expect("snapshots are allowed");
    listener.misbehave(Fault::CutAfterRows(100));
    assert!(pulled(&*source.connector, &ask("gzff")).await.is_err());
    let failure = pulled(&*source.connector, &ask("gzff")).await.expect_err("another state would come");
    assert!(failure.passing && failure.why.contains("snapshot"), "{failure}");
    drop(held);
    assert_eq!(column(&pulled(&*source.connector, &ask("gzff")).await.expect("a new one"), "_row").len(), 500);
}

#[tokio::test]
async fn a_refused_login_is_permanent_and_keeps_the_password_to_itself() {
    let listener = with_pay(3, Habits::default()).await;
    let root = tempfile::tempdir().expect("a folder");
    let right = settings(root.path(), &listener, "");
    std::fs::write(root.path().join("password"), "geheim-falsch").expect("to write");
    let failure = opened(root.path(), &right).pull(&ask("gzff")).await.err().expect("the password is wrong");
    assert!(!failure.passing && failure.why.contains("18456"), "{failure}");
    assert_private(&failure);
    let steps = opened(root.path(), &right).examine(&[]).await;
    let last = steps.last().expect("a step");
    assert!(last.name == "login" && last.state == StepState::Failed, "{steps:?}");
    let wrong = settings(root.path(), &listener, "").replace("'hr'", "'hrr'");
    let failure = opened(root.path(), &wrong).pull(&ask("gzff")).await.err().expect("the database is wrong");
    assert!(!failure.passing && failure.why.contains("4060"), "{failure}");
    for (number, passing) in [(18_487, false), (18_401, true), (40_613, true)] {
        listener.misbehave(Fault::RefuseLogin(number));
        let failure = opened(root.path(), &settings(root.path(), &listener, "")).pull(&ask("gzff")).await.err().expect("refused");
        assert_eq!(failure.passing, passing, "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_passes() {
    let listener = with_pay(3, Habits::default()).await;
    let source = Source::new(&listener, "idle_seconds = 1");
    listener.misbehave(Fault::StallAtLogin);
    let failure = source.connector.pull(&ask("gzff")).await.err().expect("it says nothing");
    assert!(failure.passing, "{failure}");
    let port = listener.port;
    drop(listener);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let failure = source.connector.pull(&ask("gzff")).await.err().expect("it is not there");
    assert!(failure.passing && failure.why.contains(&port.to_string()), "{failure}");
}

#[tokio::test]
async fn memory_does_not_grow_with_the_table() {
    // Nobody takes pieces: the reader stops after a few, and the server waits with the rest.
    let listener = with_pay(0, Habits::default()).await;
    let row = |at: u64| vec![Value::Text("x".repeat(18)), Value::Text(format!("名{}", at % 10)), Value::Exact(i128::from(at))];
    let columns =
        [("a", crate::tds::Kind::NVarChar(Some(18))), ("b", crate::tds::Kind::NVarChar(Some(9))), ("c", crate::tds::Kind::Decimal(18, 2))];
    listener.table("long", crate::tds::Table::made(&columns, u64::MAX, row));
    let source = Source::new(&listener, "");
    let mut pull = source.connector.pull(&ask("long")).await.expect("the pull");
    for _ in 0..200 {
        pull.pieces.next().await.expect("a piece").expect("rows");
    }
    drop(pull);
    wait("the connection to end", || listener.shared.open.load(Ordering::SeqCst) == 0).await;
}

async fn wait(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
