//! The checklist of `muster connect` for a server.

use tiberius::EncryptionLevel;
use tiberius::error::Error;

use super::reading::Reading;
use super::session::Session;
use super::{Server, trouble};
use crate::steps::{self, SAMPLE_ROWS, doubtful};
use crate::{Ask, Failure, Step, guard, said};

/// 2000-01-01 in seconds since 1970.
const YEAR_2000: i64 = 946_684_800;

const RIGHTS: &str = "SELECT CONVERT(int, ISNULL(IS_SRVROLEMEMBER('sysadmin'), 0)), CONVERT(int, ISNULL(IS_MEMBER('db_owner'), 0)), \
     CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT'), 0)), \
     CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'UPDATE'), 0)), \
     CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'DELETE'), 0)), \
     CONVERT(int, ISNULL(HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER'), 0))";
/// What the columns of [`RIGHTS`] allow.
const RIGHTS_WORDS: [&str; 6] = ["sysadmin", "db_owner", "INSERT", "UPDATE", "DELETE", "ALTER"];

const CLOCK: &str = "SELECT DATEDIFF(second, '20000101', SYSUTCDATETIME())";

/// Tries the way to the server step by step; stops at the first that fails.
pub(super) async fn examine(server: &Server, tables: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(failed) = all(server, tables, &mut steps).await {
        steps.push(failed);
    }
    steps
}

async fn all(server: &Server, tables: &[String], steps: &mut Vec<Step>) -> Result<(), Step> {
    steps.push(steps::name(&server.place, server.patience, &server.host).await?);
    let port = server.tcp_port("").await.map_err(|it| Step::failed("port", it))?;
    let hint =
        said!("服务器在运行吗，启用 TCP/IP 了吗，防火墙放行吗？", "is the server up, is TCP/IP switched on for it, is a firewall open?");
    steps.push(steps::port(&server.place, server.patience, (&server.host, port), hint).await?);
    let mut session = server.connect("").await.map_err(refused)?;
    steps.push(tls(server));
    steps.push(Step::fine("login", said!("`{}`，SQL Server {}", "`{}` at SQL Server {}", server.user, session.facts.version)));
    steps.push(read_only(server, &mut session).await?);
    let offers = said(server, "tables", session.offers(&server.schema)).await?;
    steps.push(Step::fine("tables", said!("{} 张，在 `{}` 中", "{} in `{}`", offers.len(), server.database)));
    for table in tables {
        of_table(server, &mut session, table, steps).await?;
    }
    steps.push(snapshot(&session));
    steps.push(clock(server, &mut session).await?);
    session.end().await;
    Ok(())
}

/// Which step a refused connection belongs to.
fn refused(failure: Failure) -> Step {
    let name = if failure.why.en.contains("TLS") || failure.why.en.contains("encrypt") { "tls" } else { "login" };
    Step::failed(name, failure)
}

/// What the server says, or the step that failed.
async fn said<T>(server: &Server, step: &'static str, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Step> {
    let failure = server.place.failure("", said!("服务器没有回答", "the server does not say"));
    let told = |it: Error| trouble::told(failure.clone(), &it);
    server.long.answer(&failure, asked, told).await.map_err(|it| Step::failed(step, it))
}

fn tls(server: &Server) -> Step {
    match server.encryption {
        EncryptionLevel::NotSupported => doubtful(
            "tls",
            said!("线路没有加密，口令也没有", "the line is not encrypted, nor is the password"),
            said!("请设 `encryption = \"required\"`", "set `encryption = \"required\"`"),
        ),
        EncryptionLevel::Off => doubtful(
            "tls",
            said!("只有登录加密", "the login alone is encrypted"),
            said!("请设 `encryption = \"required\"`", "set `encryption = \"required\"`"),
        ),
        _ if server.trust => doubtful(
            "tls",
            said!("已加密，但信任任何证书", "encrypted, but any certificate is believed"),
            said!("请在 `ca` 中写明服务器证书的颁发机构", "name the server's authority in `ca`"),
        ),
        _ => Step::fine("tls", said!("已加密，证书属于该服务器", "encrypted, and the certificate is the server's")),
    }
}

/// What the login may do: a pull writes nothing whatever that is, but a login that only reads is safer.
async fn read_only(server: &Server, session: &mut Session) -> Result<Step, Step> {
    let rows = said(server, "read-only", session.rows(RIGHTS, &[])).await?;
    let may = |at: usize| rows.first().is_some_and(|it| matches!(it.try_get::<i32, _>(at), Ok(Some(1))));
    let found: Vec<&str> = RIGHTS_WORDS.iter().enumerate().filter(|(at, _)| may(*at)).map(|(_, word)| *word).collect();
    Ok(match found.as_slice() {
        [] => Step::fine(
            "read-only",
            said!("该账号无处可写；取数事务一律回滚", "the login may write to the database nowhere; pulls are rolled back"),
        ),
        found => doubtful(
            "read-only",
            said!("该账号还可以 {}", "the login may also {}", found.join(", ")),
            said!(
                "取数只读并回滚，但只有 db_datareader 的账号更稳妥",
                "pulls only read and are rolled back, but a login with db_datareader alone is safer"
            ),
        ),
    })
}

async fn of_table(server: &Server, session: &mut Session, table: &str, steps: &mut Vec<Step>) -> Result<(), Step> {
    let name = if guard::is_query(table) { "the query" } else { table };
    let ask = Ask { table: table.to_owned(), columns: Vec::new(), batch_rows: 1, since: None };
    let reading = Reading::new(server, session, &ask).await.map_err(|it| Step::failed("table", it))?;
    steps.push(Step::fine("columns", said!("`{name}`：{}", "`{name}`: {}", reading.columns().join(", "))));
    let rows = reading.count(session).await.map_err(|it| Step::failed("count", it))?;
    steps.push(Step::fine("count", said!("`{name}`：{rows} 行", "`{name}`: {rows} rows")));
    let before = crate::clock::stopwatch();
    let read = said(server, "speed", reading.sample(session, SAMPLE_ROWS)).await?;
    steps.push(steps::speed(name, read, before));
    Ok(())
}

fn snapshot(session: &Session) -> Step {
    if session.facts.snapshot {
        return Step::fine("snapshot", said!("各表均为同一时刻的数据", "all tables are read as of one instant"));
    }
    let hint = said!(
        "ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON 可使每次取数为同一时刻，且不妨碍写入",
        "ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON gives every pull one state without locking out those who write"
    );
    doubtful(
        "snapshot",
        said!(
            "数据库不允许 SNAPSHOT 隔离：期间改动的行可能重复或缺失",
            "the database does not allow SNAPSHOT isolation: rows that are changed meanwhile may come twice or not at all"
        ),
        hint,
    )
}

async fn clock(server: &Server, session: &mut Session) -> Result<Step, Step> {
    let rows = said(server, "clock", session.rows(CLOCK, &[])).await?;
    let theirs = rows.first().and_then(|it| it.try_get::<i32, _>(0).ok().flatten()).map_or(0, i64::from) + YEAR_2000;
    Ok(steps::clock((theirs - crate::clock::now() as i64) as f64))
}
