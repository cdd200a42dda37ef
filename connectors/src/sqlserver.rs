//! Microsoft SQL Server 2008 and later: tables, views and queries, streamed as the server sends them.
//!
//! Every pull is one SELECT in a transaction that is rolled back, in SNAPSHOT isolation where the database allows it. Text comes as the bytes
//! that the server stores (UTF-16, or the code page of the column's collation) and is decoded here, so that bytes which are no text are seen;
//! MONEY comes as DECIMAL, because the driver would make a double of it. A connection that was cut, cancelled or timed out is never used again.

mod browser;
mod catalogue;
mod column;
mod examine;
mod moment;
mod reading;
mod session;
mod statement;
mod trouble;

use std::path::PathBuf;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tiberius::EncryptionLevel;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::patience::Patience;
use crate::secret::Secret;
use crate::sink::spawned;
use crate::{Ask, Connector, Consistency, Failure, Held, Kind, Offer, Place, Pull, Said, Setting, Step, near, said};
use reading::Reading;
use session::Session;

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "sqlserver",
    about: "Microsoft SQL Server 2008 and later; a table is `table`, `schema.table`, a view, or a query",
    about_zh: "微软 SQL Server 2008 及以上；表名即表、`模式.表`、视图，或一条查询语句",
    open,
    consistency: Consistency::Transaction,
    since: true,
    settings: &[
        Setting { name: "host", about: "Name or address of the server. Required", about_zh: "服务器名称或地址。必填" },
        Setting {
            name: "port",
            about: "Its port. Default 1433, or what SQL Browser says of `instance`",
            about_zh: "端口。默认 1433；填了 `instance` 则由 SQL Browser 告知",
        },
        Setting {
            name: "instance",
            about: "Name of the instance; its port is asked of SQL Browser (UDP 1434) unless `port` is said",
            about_zh: "实例名；未填 `port` 时向 SQL Browser（UDP 1434）询问端口",
        },
        Setting { name: "database", about: "The database. Required", about_zh: "数据库名。必填" },
        Setting {
            name: "schema",
            about: "The schema of tables that name none. Default `dbo`",
            about_zh: "表名未写模式时所用的模式。默认 `dbo`",
        },
        Setting {
            name: "user", about: "A login that may read and nothing else. Required", about_zh: "只有查询权限的账号。必填"
        },
        Setting {
            name: "password",
            about: "Where its password is: `{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ credential = \"name\" }`. Required",
            about_zh: "口令所在：`{ env = \"变量名\" }`、`{ file = \"路径\" }` 或 `{ credential = \"名称\" }`。必填",
        },
        Setting {
            name: "encryption",
            about: "`required`; `strict` (TDS 8, SQL Server 2022); `login` encrypts the login alone; `off`. Default `required`",
            about_zh: "`required`；`strict`（TDS 8，SQL Server 2022）；`login` 只加密登录；`off` 不加密。默认 `required`",
        },
        Setting {
            name: "ca",
            about: "PEM file of the authority that signed the server's certificate. Default: the system's",
            about_zh: "签发服务器证书的 CA（PEM 文件）。默认用系统的",
        },
        Setting {
            name: "certificate_name",
            about: "The name in the certificate, when it is not `host`",
            about_zh: "证书中的名称，与 `host` 不同时填写",
        },
        Setting {
            name: "trust",
            about: "`true` believes any certificate, as the self-signed one of a fresh server. Default `false`",
            about_zh: "`true` 则不核对证书（如服务器自签证书）。默认 `false`",
        },
        Setting {
            name: "read_intent",
            about: "`true` asks an availability group for a readable secondary (ApplicationIntent=ReadOnly). Default `false`",
            about_zh: "`true` 则请可用性组转到只读副本（ApplicationIntent=ReadOnly）。默认 `false`",
        },
        Setting {
            name: "command_timeout",
            about: "Seconds that the server may think before rows come. Default: `idle_seconds`",
            about_zh: "服务器开始返回数据前最多多少秒。默认同 `idle_seconds`",
        },
        Setting {
            name: "idle_seconds", about: "How long nothing may come. Default 60", about_zh: "多久没有数据即视为中断。默认 60 秒"
        },
        Setting {
            name: "total_minutes", about: "How long one table may take. Default 120", about_zh: "一张表最长用时。默认 120 分钟"
        },
    ],
};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    host: String,
    port: Option<u16>,
    instance: Option<String>,
    database: String,
    schema: Option<String>,
    user: String,
    password: Secret,
    encryption: Option<String>,
    ca: Option<PathBuf>,
    certificate_name: Option<String>,
    #[serde(default)]
    trust: bool,
    #[serde(default)]
    read_intent: bool,
    command_timeout: Option<u64>,
    idle_seconds: Option<u64>,
    total_minutes: Option<u64>,
}

/// How much of the line is encrypted, by its word in the settings.
const ENCRYPTION: [(&str, EncryptionLevel); 4] = [
    ("off", EncryptionLevel::NotSupported),
    ("login", EncryptionLevel::Off),
    ("required", EncryptionLevel::Required),
    ("strict", EncryptionLevel::Strict),
];

/// A server, and how it is spoken to.
#[derive(Clone, Debug)]
struct Server {
    place: Place,
    host: String,
    port: Option<u16>,
    instance: Option<String>,
    database: String,
    schema: String,
    user: String,
    password: Secret,
    encryption: EncryptionLevel,
    ca: Option<PathBuf>,
    certificate_name: Option<String>,
    trust: bool,
    read_intent: bool,
    /// For connecting and small questions.
    patience: Patience,
    /// For statements that the server may have to think about.
    long: Patience,
}

struct SqlServer {
    server: Server,
    /// The snapshot that all pulls read while somebody holds it.
    held: Lock<Weak<Mutex<Session>>>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    let word = settings.encryption.as_deref().unwrap_or("required");
    let words = || ENCRYPTION.iter().map(|it| it.0);
    let Some((_, encryption)) = ENCRYPTION.iter().find(|it| it.0 == word) else {
        return Err(said!("`encryption` 不能是 `{word}`；{}", "`encryption` cannot be `{word}`; {}"; near::did_you_mean(word, words())));
    };
    if settings.trust && settings.ca.is_some() {
        return Err(said!(
            "`trust = true` 信任任何证书：`ca` 与 `trust` 只留一个",
            "`trust = true` believes any certificate: leave `ca` out, or `trust`"
        ));
    }
    let patience = Patience::new(settings.idle_seconds, settings.total_minutes);
    let thinking = settings.command_timeout.map_or(patience.idle, |it| Duration::from_secs(it.max(1)));
    let server = Server {
        ca: settings.ca.map(|it| place.root.join(it)),
        place,
        host: settings.host,
        port: settings.port,
        instance: settings.instance,
        database: settings.database,
        schema: settings.schema.unwrap_or_else(|| "dbo".to_owned()),
        user: settings.user,
        password: settings.password,
        encryption: *encryption,
        certificate_name: settings.certificate_name,
        trust: settings.trust,
        read_intent: settings.read_intent,
        patience,
        long: Patience { idle: patience.idle.max(thinking), total: patience.total },
    };
    Ok(Box::new(SqlServer { server, held: Lock::default() }))
}

#[async_trait]
impl Connector for SqlServer {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut session = self.session("").await?;
        let failure = self.server.place.failure("", said!("无法列出表", "the tables cannot be listed"));
        let asked = session.offers(&self.server.schema);
        self.server.patience.answer(&failure, asked, |it| trouble::told(failure.clone(), &it)).await
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let mut session = self.session(&ask.table).await?;
        let reading = Reading::new(&self.server, &mut session, ask).await?;
        let schema = reading.schema();
        let failure = self.server.place.failure(&ask.table, "");
        let pieces = spawned(&self.server.place, &ask.table, |outlet| reading.run(session, outlet));
        Ok(Pull { schema, pieces: self.server.long.watch(failure, pieces) })
    }

    /// Nothing is held where the database does not allow SNAPSHOT isolation: anything else would lock out those who write.
    async fn hold(&self) -> Result<Option<Held>, Failure> {
        let session = self.server.connect("").await?;
        if !session.facts.snapshot {
            return Ok(None);
        }
        let session = Arc::new(Mutex::new(session.kept()));
        *self.held() = Arc::downgrade(&session);
        Ok(Some(Box::new(session)))
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        examine::examine(&self.server, tables).await
    }
}

impl SqlServer {
    /// The held snapshot when it is this pull's turn, else one of its own.
    async fn session(&self, table: &str) -> Result<OwnedMutexGuard<Session>, Failure> {
        let held = self.held().upgrade();
        let Some(held) = held else { return Ok(Arc::new(Mutex::new(self.server.connect(table).await?)).lock_owned().await) };
        let session = self.server.patience.turn(&self.server.place.failure(table, ""), held.lock_owned()).await?;
        if session.is_lost() {
            let failure = self
                .server
                .place
                .failure(table, said!("各表共用的快照随连接一起丢失", "the snapshot that all tables share was lost with its connection"));
            return Err(failure.hint(said!("请重新取该来源的全部数据", "pull the whole source again")).passing());
        }
        Ok(session)
    }

    fn held(&self) -> MutexGuard<'_, Weak<Mutex<Session>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
