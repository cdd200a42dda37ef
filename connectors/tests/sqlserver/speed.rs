//! How fast a pull is beside the driver alone: the same rows, without Arrow.

use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use muster_connectors::Ask;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use crate::tds::{Habits, Kind, Listener, Page, Table, Value};
use crate::{Source, ask};

const ROWS: u64 = 100_000;

/// Fourteen columns as payrolls have them.
fn payroll() -> Table {
    let narrow = Kind::VarChar(Some(50), Page::Gbk);
    let columns = [
        ("id", Kind::BigInt),
        ("id_number", Kind::NVarChar(Some(18))),
        ("name", Kind::NVarChar(Some(50))),
        ("name_gbk", narrow),
        ("unit", Kind::NVarChar(Some(20))),
        ("month", Kind::Int),
        ("gross", Kind::Decimal(12, 2)),
        ("net", Kind::Decimal(12, 2)),
        ("bonus", Kind::Money),
        ("paid_on", Kind::Date),
        ("changed_at", Kind::DateTime2(7)),
        ("on_post", Kind::Bit),
        ("guid", Kind::Guid),
        ("note", Kind::NVarChar(Some(100))),
    ];
    let row = |at: u64| {
        let text = |it: String| Value::Text(it);
        vec![
            Value::Whole(at as i64),
            text(format!("33068319800101{:04}", at % 10_000)),
            text("欧阳振华".to_owned()),
            text("欧阳振华".to_owned()),
            text(format!("U{:05}", at % 300)),
            Value::Whole(202_603),
            Value::Exact(812_050 + i128::from(at % 1_000)),
            Value::Exact(612_050 + i128::from(at % 1_000)),
            Value::Exact(12_345_678),
            Value::Day(739_675),
            Value::Moment(739_675, 342_001_234_567),
            Value::Whole(1),
            Value::Raw(vec![7; 16]),
            if at.is_multiple_of(3) { Value::Null } else { text("三月工资".to_owned()) },
        ]
    };
    Table::made(&columns, ROWS, row).repeating(2_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_is_about_as_fast_as_the_driver_alone() {
    let listener = Listener::start(Habits::default()).await;
    listener.table("payroll", payroll());
    let source = Source::new(&listener, "");
    let (mut alone, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        alone = alone.min(driver(&listener).await);
        let before = Instant::now();
        let pull = source.connector.pull(&Ask { batch_rows: 8192, ..ask("payroll") }).await.expect("the pull");
        pull.pieces.try_for_each(|_| async { Ok(()) }).await.expect("every row");
        ours = ours.min(before.elapsed());
    }
    let rate = |it: Duration| ROWS as f64 / it.as_secs_f64() / 1000.0;
    println!("the driver alone {:.0}, into Arrow {:.0} thousand rows a second of 14 columns", rate(alone), rate(ours));
    // The aim is 1.2; other work on the machine must not make the test fail.
    assert!(ours.as_secs_f64() <= alone.as_secs_f64() * 1.5, "{ours:?} beside {alone:?}");
}

/// Reads the same table and throws its values away.
async fn driver(listener: &Listener) -> Duration {
    let mut config = Config::new();
    config.database("hr");
    config.authentication(AuthMethod::sql_server("reader", listener.shared.habits.password));
    config.encryption(EncryptionLevel::NotSupported);
    let before = Instant::now();
    let socket = TcpStream::connect(("127.0.0.1", listener.port)).await.expect("it answers");
    socket.set_nodelay(true).expect("a socket");
    let mut client = Client::connect(config, socket.compat_write()).await.expect("the login");
    let mut rows = client.simple_query("SELECT * FROM [dbo].[payroll] AS asked").await.expect("an answer");
    let mut count = 0;
    while let Some(item) = rows.try_next().await.expect("a row") {
        count += u64::from(matches!(item, QueryItem::Row(_)));
    }
    assert_eq!(count, ROWS);
    before.elapsed()
}
