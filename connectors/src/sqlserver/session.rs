//! A connection in a transaction that writes nothing, and how it ends.

use std::time::Duration;

use tiberius::error::Error;
use tiberius::{AuthMethod, Client, Config, Row, ToSql};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::{Server, browser, trouble};
use crate::{Failure, Offer, Said, said};

/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// A server may send us on to another one; so often at most.
const REDIRECTIONS_MAX: usize = 3;
/// What packets are asked for. With TLS, 16,383 is the most that a server grants.
const PACKET_BYTES: u32 = 16_000;

/// The driver's client on our sockets.
pub(super) type Line = Client<Compat<TcpStream>>;

/// A connection with its transaction.
pub(super) struct Session {
    /// Null when it was lost or thrown away.
    line: Option<Line>,
    pub(super) facts: Facts,
    /// Whether others read in the same transaction later.
    kept: bool,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) version: String,
    /// 10 is SQL Server 2008, 11 is 2012.
    pub(super) major: i32,
    /// Whether the database allows SNAPSHOT isolation.
    pub(super) snapshot: bool,
    /// Whether text cast to VARBINARY is the bytes of the text, as it is on SQL Server; a relative may not do that.
    pub(super) true_bytes: bool,
}

const FACTS: &str = "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')), \
     CONVERT(int, PARSENAME(CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')), 4)), \
     (SELECT CONVERT(int, snapshot_isolation_state) FROM sys.databases WHERE name = DB_NAME()), \
     CONVERT(varbinary(8), N'a\u{4e2d}')";
/// `a中` in UTF-16.
const FACTS_BYTES: [u8; 4] = [0x61, 0x00, 0x2d, 0x4e];

const OFFERS: &str = "SELECT s.name, o.name, c.name FROM sys.objects AS o \
     JOIN sys.schemas AS s ON s.schema_id = o.schema_id JOIN sys.columns AS c ON c.object_id = o.object_id \
     WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name, c.column_id";

impl Server {
    /// Connects, and begins a transaction that will be rolled back.
    pub(super) async fn connect(&self, table: &str) -> Result<Session, Failure> {
        let mut line = self.line(table).await?;
        let failure = self.place.failure(table, said!("无法准备会话", "the session cannot be prepared"));
        let prepared = async {
            line.simple_query(self.manners()).await?.into_results().await?;
            let facts = facts(&mut line).await?;
            let level = if facts.snapshot { "SNAPSHOT" } else { "READ COMMITTED" };
            let begin = format!("SET TRANSACTION ISOLATION LEVEL {level}; BEGIN TRANSACTION");
            line.simple_query(begin).await?.into_results().await?;
            Ok::<_, Error>(facts)
        };
        let facts = self.patience.answer(&failure, prepared, |it| trouble::told(failure.clone(), &it)).await?;
        Ok(Session { line: Some(line), facts, kept: false })
    }

    /// What holds for every connection. A lock is waited for a little less long than silence is borne; of a deadlock we are the victim; long
    /// text is not cut off.
    fn manners(&self) -> String {
        let lock = self.long.idle.as_millis() * 9 / 10;
        format!(
            "SET NOCOUNT ON; SET IMPLICIT_TRANSACTIONS OFF; SET XACT_ABORT ON; SET DEADLOCK_PRIORITY LOW; SET DATEFORMAT ymd; \
             SET TEXTSIZE 2147483647; SET ROWCOUNT 0; SET LOCK_TIMEOUT {}; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; \
             SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON",
            lock.min(i32::MAX as u128)
        )
    }

    /// Connects and logs in, where the server sends us.
    async fn line(&self, table: &str) -> Result<Line, Failure> {
        let config = self.config().map_err(|why| self.place.failure(table, why))?;
        let (mut host, mut port) = (self.host.clone(), self.tcp_port(table).await?);
        for _ in 0..REDIRECTIONS_MAX {
            let failure = self.place.failure(table, said!("连不上服务器 {host}:{port}", "the server {host}:{port} cannot be reached"));
            let told = |it: Error| trouble::told(failure.clone(), &it);
            let dialled = async {
                let socket = TcpStream::connect((host.as_str(), port)).await?;
                socket.set_nodelay(true)?;
                Ok::<_, Error>(socket)
            };
            let socket = self.patience.answer(&failure, dialled, told).await?;
            let failure =
                self.place.failure(table, said!("与服务器 {host}:{port} 无法建立会话", "no session with the server {host}:{port}"));
            let greeted = async {
                match Client::connect(config.clone(), socket.compat_write()).await {
                    Err(Error::Routing { host, port }) => Ok(Err((host, port))),
                    line => line.map(Ok),
                }
            };
            match self.patience.answer(&failure, greeted, |it| trouble::told(failure.clone(), &it)).await? {
                Ok(line) => return Ok(line),
                Err(elsewhere) => (host, port) = elsewhere,
            }
        }
        Err(self
            .place
            .failure(table, said!("服务器一再转向别的地址", "the server sends us from one address to the next"))
            .hint(said!("可用性组的路由列表对吗？", "is the availability group's routing list right?")))
    }

    /// As the settings say, else as SQL Browser says.
    pub(super) async fn tcp_port(&self, table: &str) -> Result<u16, Failure> {
        match (self.port, &self.instance) {
            (Some(port), _) => Ok(port),
            (None, None) => Ok(1433),
            (None, Some(instance)) => {
                let failure = self.place.failure(
                    table,
                    said!(
                        "{} 的 SQL Browser 没有给出 `{instance}` 的位置",
                        "SQL Browser at {} does not say where `{instance}` is",
                        self.host
                    ),
                );
                let told = |it: std::io::Error| Failure { why: failure.why.because(&it.to_string().into()), ..failure.clone() };
                let asked = self.patience.answer(&failure, browser::port_of(&self.host, browser::PORT, instance), told).await;
                let hint = said!(
                    "`instance` 对吗，SQL Server Browser 服务在运行吗，UDP 1434 开放吗？写明 `port` 则无需它",
                    "is `instance` right, does the service SQL Server Browser run, is UDP 1434 open? `port` goes without it"
                );
                asked.map_err(|it| it.hint(hint).passing())
            }
        }
    }

    fn config(&self) -> Result<Config, Said> {
        let password = self.password.fetch(&self.place.root)?;
        let mut config = Config::new();
        config.host(&self.host);
        config.database(&self.database);
        config.application_name("muster");
        config.authentication(AuthMethod::sql_server(&self.user, password.reveal()));
        config.encryption(self.encryption);
        config.readonly(self.read_intent);
        config.packet_size(PACKET_BYTES);
        config.handshake_timeout(Some(self.patience.idle));
        config.command_timeout(Some(self.long.idle));
        if let Some(name) = &self.certificate_name {
            config.hostname_in_certificate(name);
        }
        match &self.ca {
            Some(ca) => {
                let bundle = std::fs::read(ca)
                    .map_err(|it| said!("无法读取 `ca` 文件 {}：{it}", "the `ca` file {} cannot be read: {it}", ca.display()))?;
                config.trust_cert_ca_bundle(bundle);
            }
            None if self.trust => config.trust_cert(),
            None => {}
        }
        Ok(config)
    }
}

async fn facts(line: &mut Line) -> Result<Facts, Error> {
    let row = line.simple_query(FACTS).await?.into_row().await?;
    let row = row.ok_or_else(|| Error::Protocol("the server says nothing of itself".into()))?;
    Ok(Facts {
        version: row.try_get::<&str, _>(0)?.unwrap_or_default().to_owned(),
        major: row.try_get::<i32, _>(1)?.unwrap_or_default(),
        snapshot: row.try_get::<i32, _>(2)? == Some(1),
        true_bytes: row.try_get::<&[u8], _>(3)? == Some(&FACTS_BYTES),
    })
}

impl Session {
    /// The same session, for several pulls one after the other.
    pub(super) fn kept(self) -> Session {
        Session { kept: true, ..self }
    }

    /// Whether it cannot be used any more.
    pub(super) fn is_lost(&self) -> bool {
        self.line.is_none()
    }

    /// The line, to be used until something goes wrong.
    pub(super) fn line(&mut self) -> Result<&mut Line, Error> {
        self.line.as_mut().ok_or_else(|| Error::Protocol("the connection was thrown away".into()))
    }

    /// What a small question is answered with.
    pub(super) async fn rows(&mut self, sql: &str, texts: &[&str]) -> Result<Vec<Row>, Error> {
        let line = self.line()?;
        if texts.is_empty() {
            return line.simple_query(sql).await?.into_first_result().await;
        }
        let values: Vec<&dyn ToSql> = texts.iter().map(|it| it as &dyn ToSql).collect();
        line.query(sql, &values).await?.into_first_result().await
    }

    /// Tables and views with their columns; those of `home` without their schema.
    pub(super) async fn offers(&mut self, home: &str) -> Result<Vec<Offer>, Error> {
        let mut offers: Vec<Offer> = Vec::new();
        for row in self.rows(OFFERS, &[]).await? {
            let cell = |at: usize| row.try_get::<&str, _>(at).map(Option::unwrap_or_default);
            let (schema, table, column) = (cell(0)?, cell(1)?, cell(2)?.to_owned());
            let table = if schema == home { plain(table) } else { format!("{}.{}", plain(schema), plain(table)) };
            match offers.last_mut().filter(|it| it.table == table) {
                Some(offer) => offer.columns.push(column),
                None => offers.push(Offer { table, columns: vec![column], rows: None }),
            }
        }
        Ok(offers)
    }

    /// Ends a transaction that nobody else reads in.
    pub(super) async fn end(&mut self) {
        if self.kept {
            return;
        }
        if let Some(mut line) = self.line.take() {
            let rolled_back = async {
                line.simple_query("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION").await?.into_results().await?;
                line.close().await
            };
            // Whatever becomes of it: a connection that is gone has been rolled back.
            let _ = tokio::time::timeout(FAREWELL, rolled_back).await;
        }
    }

    /// Never uses the connection again; what it leaves unread would be taken for the next answer.
    pub(super) fn throw_away(&mut self) -> Option<Line> {
        self.line.take()
    }
}

/// Tells the server to stop before the connection is closed, as long as it listens.
pub(super) async fn call_off(line: Option<Line>) {
    if let Some(mut line) = line {
        let _ = tokio::time::timeout(FAREWELL, line.cancel_query()).await;
    }
}

/// A name as it stands, in brackets when a dot or bracket in it would be misread.
fn plain(name: &str) -> String {
    if name.contains(['.', '[', ']']) { format!("[{}]", name.replace(']', "]]")) } else { name.to_owned() }
}
