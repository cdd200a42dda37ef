//! The checklist of `muster connect` for a server.

use sqlx::Row as _;

use super::reading::Reading;
use super::session::Session;
use super::{Server, failure};
use crate::steps::{self, SAMPLE_ROWS, doubtful};
use crate::{Ask, Failure, Step, guard, said};

/// Tries the way to the server step by step; stops at the first that fails.
pub(super) async fn examine(server: &Server, tables: &[String]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(failed) = all(server, tables, &mut steps).await {
        steps.push(failed);
    }
    steps
}

async fn all(server: &Server, tables: &[String], steps: &mut Vec<Step>) -> Result<(), Step> {
    if server.socket.is_none() {
        let at = (server.host.as_str(), server.port);
        steps.push(steps::name(&server.place, server.patience, &server.host).await?);
        steps.push(
            steps::port(
                &server.place,
                server.patience,
                at,
                said!("服务器在运行吗，防火墙放行吗？", "is the server up, and a firewall open?"),
            )
            .await?,
        );
    }
    let mut session = server.connect("", None).await.map_err(refused)?;
    steps.push(tls(server, &mut session).await?);
    steps.push(login(server, &mut session).await?);
    steps.push(read_only(server, &mut session).await?);
    let offers = said(server, "tables", session.offers(&server.schema)).await?;
    steps.push(Step::fine("tables", said!("{} 张，在 `{}` 中", "{} in `{}`", offers.len(), server.schema)));
    for table in tables {
        of_table(server, &mut session, table, steps).await?;
    }
    steps.push(clock(server, &mut session).await?);
    session.close().await;
    Ok(())
}

/// Which step a refused connection belongs to.
fn refused(failure: Failure) -> Step {
    let name = if failure.why.en.contains("TLS") { "tls" } else { "login" };
    Step::failed(name, failure)
}

/// What the server says, or the step that failed.
async fn said<T>(server: &Server, step: &'static str, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Step> {
    let failure = server.place.failure("", said!("服务器没有回答", "the server does not say"));
    let told = |it: sqlx::Error| failure::told(failure.clone(), &it);
    server.patience.answer(&failure, asked, told).await.map_err(|it| Step::failed(step, it))
}

async fn tls(server: &Server, session: &mut Session) -> Result<Step, Step> {
    let asked = session.text("SELECT version || ' ' || cipher FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid() AND ssl");
    Ok(match said(server, "tls", asked).await? {
        Some(cipher) => Step::fine("tls", cipher),
        None if server.socket.is_some() => Step::fine("tls", said!("本机套接字无需加密", "a socket of this machine needs none")),
        None => doubtful(
            "tls",
            said!("线路没有加密", "the line is not encrypted"),
            said!("若服务器支持，请设 `tls = \"required\"`", "set `tls = \"required\"` if the server can"),
        ),
    })
}

async fn login(server: &Server, session: &mut Session) -> Result<Step, Step> {
    let version = said(server, "login", session.text("SELECT pg_catalog.current_setting('server_version')")).await?.unwrap_or_default();
    Ok(Step::fine(
        "login",
        said!("`{}`，版本 {version}，数据库编码 {}", "`{}` at {version}, database in {}", server.user, session.encoding),
    ))
}

/// What the login may do: a pull writes nothing whatever that is, but a login that only reads is safer.
async fn read_only(server: &Server, session: &mut Session) -> Result<Step, Step> {
    const MAY: &str = "SELECT CASE WHEN rolsuper THEN 'everything' \
         ELSE (SELECT count(*)::text || ' tables' FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE n.nspname::text = $1 AND c.relkind IN ('r', 'p') AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) END \
         FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let rows = said(server, "read-only", session.rows(MAY, &[&server.schema])).await?;
    let may = rows.first().and_then(|it| it.try_get::<String, _>(0).ok()).unwrap_or_else(|| "0 tables".to_owned());
    Ok(match may.as_str() {
        "0 tables" => Step::fine(
            "read-only",
            said!("该账号只能查询；取数在只读事务中进行", "the login may only read; pulls are read-only transactions"),
        ),
        may => doubtful(
            "read-only",
            said!("该账号可写 {may}", "the login may write to {may}"),
            said!(
                "取数在只读事务中进行，但只有 SELECT 权限的账号更稳妥",
                "pulls are read-only transactions, but a login with SELECT alone is safer"
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
    let sample = reading.sample(SAMPLE_ROWS);
    let read = said(server, "speed", session.rows(&sample, &[])).await?.len();
    steps.push(steps::speed(name, read, before));
    Ok(())
}

async fn clock(server: &Server, session: &mut Session) -> Result<Step, Step> {
    let asked = session.text("SELECT extract(epoch from pg_catalog.clock_timestamp())::text");
    let theirs = said(server, "clock", asked).await?.and_then(|it| it.parse::<f64>().ok()).unwrap_or_default();
    Ok(steps::clock(theirs - crate::clock::now()))
}
