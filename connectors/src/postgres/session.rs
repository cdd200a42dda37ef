//! A connection in a read-only transaction with one snapshot, and how it ends.

use std::time::Duration;

use futures::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Error, Executor as _, Row as _};
use tokio::sync::Mutex;

use super::{Server, failure};
use crate::{Failure, Said, said};

/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// Limits that somebody set for everybody must not cut a table off. Only those that the server knows are set.
const UNLIMITED: &str = "SELECT set_config(name, '0', true) FROM pg_catalog.pg_settings \
     WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

/// A database without an encoding sends only what is UTF-8, unless it is asked for the bytes as they are.
const AS_STORED: &str =
    "SELECT set_config('client_encoding', 'SQL_ASCII', true) WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'";

/// What a new connection tells of itself. The instant at which its transaction began tells it from another one of the same number.
const ABOUT: &str = "SELECT pg_catalog.pg_backend_pid(), extract(epoch from pg_catalog.now())::text, \
     pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('server_encoding')";

/// A connection with its snapshot.
pub(super) struct Session {
    connection: PgConnection,
    /// How another connection can end it.
    pub ended_by: String,
    /// The encoding of the database.
    pub encoding: String,
    /// The snapshot that it shares with others.
    pub snapshot: Option<String>,
}

/// A snapshot that other connections can read as long as this one lives.
pub(super) struct Exported {
    pub snapshot: String,
    /// Kept open, and never spoken to again.
    _session: Mutex<Session>,
}

impl Server {
    /// Connects and takes a snapshot, or the shared one.
    pub(super) async fn connect(&self, table: &str, snapshot: Option<&str>) -> Result<Session, Failure> {
        let failure = self.place.failure(table, said!("连不上服务器 {}", "the server {} cannot be reached", self.address()));
        let options = self.options().map_err(|why| self.place.failure(table, why))?;
        let told = |it: Error| failure::told(failure.clone(), &it);
        let mut connection = self.patience.answer(&failure, options.connect(), told).await?;
        let mut begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY".to_owned();
        if let Some(id) = snapshot {
            begin.push_str(&format!("; SET TRANSACTION SNAPSHOT {}", literal(id)));
        }
        let shared = |it: Error| match it.as_database_error().and_then(|it| it.code()).as_deref() {
            Some("22023" | "42704" | "55000") if snapshot.is_some() => {
                let why = said!("各表共用的快照随连接一起丢失", "the snapshot that all tables share was lost with its connection");
                self.place.failure(table, why).hint(said!("请重新取该来源的全部数据", "pull the whole source again")).passing()
            }
            _ => told(it),
        };
        let begun = async { connection.execute(sqlx::raw_sql(AssertSqlSafe(begin))).await };
        self.patience.answer(&failure, begun, shared).await?;
        let manners = self.manners();
        let prepared = async {
            connection.execute(sqlx::raw_sql(AssertSqlSafe(manners))).await?;
            sqlx::query(ABOUT).persistent(false).fetch_one(&mut connection).await
        };
        let about = self.patience.answer(&failure, prepared, told).await?;
        let text = |at: usize| about.try_get::<String, _>(at).map_err(told);
        if text(2)? != "on" {
            return Err(self.place.failure(table, said!("服务器不保持只读事务", "the server does not keep a transaction read-only")));
        }
        let pid: i32 = about.try_get(0).map_err(told)?;
        let ended_by = format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
             WHERE pid = {pid} AND extract(epoch from xact_start)::text = {}",
            literal(&text(1)?)
        );
        Ok(Session { connection, ended_by, encoding: text(3)?, snapshot: snapshot.map(str::to_owned) })
    }

    /// Takes a snapshot for several connections; null where the server knows no such thing.
    pub(super) async fn export(&self) -> Result<Option<Exported>, Failure> {
        let mut session = self.connect("", None).await?;
        let failure = self.place.failure("", said!("无法共用快照", "no snapshot can be shared"));
        let asked = async {
            match session.text("SELECT pg_catalog.pg_export_snapshot()::text").await {
                Err(Error::Database(it)) if it.code().is_some_and(|it| it == "42883" || it == "0A000") => Ok(None),
                told => told,
            }
        };
        let snapshot = self.patience.answer(&failure, asked, |it| failure::told(failure.clone(), &it)).await?;
        Ok(snapshot.map(|snapshot| Exported { snapshot, _session: Mutex::new(session) }))
    }

    /// What holds in every transaction of ours, and only there: a pooler may give the connection to others afterwards.
    fn manners(&self) -> String {
        let zone = literal(&self.time_zone);
        let path = literal(&quoted(&self.schema));
        let patience = self.patience.idle.as_millis();
        format!(
            "{UNLIMITED}; {AS_STORED}; SELECT set_config('lock_timeout', '{patience}', true) FROM pg_catalog.pg_settings WHERE name = 'lock_timeout'; \
             SELECT set_config('search_path', {path}, true), set_config('TimeZone', {zone}, true)"
        )
    }

    /// For the driver.
    pub(super) fn options(&self) -> Result<PgConnectOptions, Said> {
        let options = PgConnectOptions::new_without_pgpass()
            .username(&self.user)
            .database(&self.database)
            .ssl_mode(self.tls)
            .application_name(&self.application_name)
            // Poolers and relatives refuse what they do not know.
            .extra_float_digits(None)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let options = match &self.socket {
            Some(folder) => options.socket(folder).port(self.port),
            None => options.host(&self.host).port(self.port),
        };
        let options = match &self.ca {
            Some(path) => options.ssl_root_cert(path),
            None => options,
        };
        match &self.password {
            Some(secret) => Ok(options.password(secret.fetch(&self.place.root)?.reveal())),
            None => Ok(options),
        }
    }

    /// Where it is, for messages.
    pub(super) fn address(&self) -> String {
        self.socket.as_ref().map_or_else(|| format!("{}:{}", self.host, self.port), |it| it.display().to_string())
    }

    /// Ends what another connection of ours does, so that the server does not sort on for nobody.
    pub(super) async fn end(&self, ended_by: String) {
        let Ok(options) = self.options() else { return };
        let farewell = async {
            let mut connection = options.connect().await?;
            connection.execute(sqlx::raw_sql(AssertSqlSafe(ended_by))).await?;
            connection.close().await
        };
        // It is gone already, or the server is: both are what we want.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

impl Session {
    /// The connection, for statements.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// All rows of a small answer.
    pub(super) async fn rows(&mut self, sql: &str, binds: &[&str]) -> Result<Vec<PgRow>, Error> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
        let query = binds.iter().fold(query, |query, it| query.bind((*it).to_owned()));
        query.fetch(&mut self.connection).try_collect().await
    }

    /// One text; null when the answer is empty or NULL.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>, Error> {
        self.rows(sql, &[]).await?.first().map_or(Ok(None), |row| row.try_get::<Option<String>, _>(0))
    }

    /// Says goodbye; the transaction ends with it.
    pub(super) async fn close(self) {
        // A server that does not answer any more has nothing to lose by it.
        let _ = tokio::time::timeout(FAREWELL, self.connection.close()).await;
    }
}

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, whatever the server makes of backslashes.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("工资"), "\"工资\"");
        assert_eq!(quoted("a\"; DROP TABLE b; --"), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(literal("2026-01-01"), "E'2026-01-01'");
        assert_eq!(literal("it's \\' OR true"), "E'it''s \\\\'' OR true'");
    }
}
