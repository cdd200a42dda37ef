//! A connection in a read-only transaction with one snapshot, and how it ends.

use std::time::Duration;

use futures::TryStreamExt as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::{Server, failure};
use crate::{Failure, Said, said};

/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// A connection with its snapshot.
pub(super) struct Session {
    /// Null when it was lost or thrown away.
    connection: Option<MySqlConnection>,
    /// What `KILL` knows it by.
    id: u64,
}

impl Server {
    /// Connects and takes a snapshot.
    pub(super) async fn connect(&self, table: &str) -> Result<Session, Failure> {
        let failure = self.place.failure(table, said!("连不上服务器 {}", "the server {} cannot be reached", self.address()));
        let options = self.options().map_err(|why| self.place.failure(table, why))?;
        let told = |it: sqlx::Error| failure::told(failure.clone(), &it);
        let mut connection = self.patience.answer(&failure, options.connect(), told).await?;
        let prepared = async {
            for statement in self.manners() {
                connection.execute(AssertSqlSafe(statement)).await?;
            }
            sqlx::query_scalar::<_, u64>("SELECT CONNECTION_ID()").fetch_one(&mut connection).await
        };
        let id = self.patience.answer(&failure, prepared, told).await?;
        Ok(Session { connection: Some(connection), id })
    }

    /// What holds for every connection. A slow reader must not be taken for a dead one, and a limit that somebody set for all must not
    /// cut a table off; the snapshot needs REPEATABLE READ.
    fn manners(&self) -> [String; 4] {
        let patience = self.patience.total.as_secs().min(31_536_000);
        [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned(),
            format!("SET SESSION net_write_timeout = {patience}, SESSION wait_timeout = {patience}"),
            "SET SESSION sql_select_limit = DEFAULT".to_owned(),
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY".to_owned(),
        ]
    }

    /// For the driver.
    pub(super) fn options(&self) -> Result<MySqlConnectOptions, Said> {
        let options = MySqlConnectOptions::new()
            .username(&self.user)
            .database(&self.database)
            .ssl_mode(self.tls)
            .charset(&self.charset)
            // What the server's own programs see: its modes, and the time of its place in TIMESTAMP columns.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let options = match &self.socket {
            Some(path) => options.socket(path),
            None => options.host(&self.host).port(self.port),
        };
        let options = match &self.ca {
            Some(path) => options.ssl_ca(path),
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
    pub(super) async fn kill(&self, id: u64) {
        let Ok(options) = self.options() else { return };
        let farewell = async {
            let mut connection = options.connect().await?;
            connection.execute(AssertSqlSafe(format!("KILL {id}"))).await?;
            connection.close().await
        };
        // It is gone already, or the server is: both are what we want.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

impl Session {
    /// Whether its snapshot is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    /// Throws the connection away, whatever it is doing; gives what `KILL` knows it by.
    pub(super) fn throw_away(&mut self) -> u64 {
        self.connection = None;
        self.id
    }

    /// The connection, for statements.
    pub(super) fn connection(&mut self) -> Result<&mut MySqlConnection, sqlx::Error> {
        let lost = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::NotConnected, "the connection was lost"));
        self.connection.as_mut().ok_or_else(lost)
    }

    /// All rows of a small answer.
    pub(super) async fn rows(&mut self, sql: &str, binds: &[&str]) -> Result<Vec<MySqlRow>, sqlx::Error> {
        let query = binds.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, it| query.bind((*it).to_owned()));
        query.fetch(self.connection()?).try_collect().await
    }

    /// One text; null when the answer is empty or NULL.
    pub(super) async fn text(&mut self, sql: &str) -> Result<Option<String>, sqlx::Error> {
        self.rows(sql, &[]).await?.first().map_or(Ok(None), |row| row.try_get::<Option<String>, _>(0))
    }
}
