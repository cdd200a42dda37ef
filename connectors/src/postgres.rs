//! `PostgreSQL` and what speaks its protocol: tables, views and queries, streamed as the server sends them.
//!
//! Every pull is a read-only transaction with one snapshot. The fast path is `COPY (…) TO STDOUT (FORMAT binary)`, whose values go
//! straight into Arrow; where a server refuses COPY, the same values come row by row. Types that Arrow has no exact place for are made
//! text by the server.

mod catalog;
mod copying;
mod examine;
mod failure;
mod reading;
mod session;
mod wire;

use std::path::PathBuf;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use encoding_rs::Encoding;
use serde::Deserialize;
use sqlx::postgres::PgSslMode;

use crate::patience::Patience;
use crate::secret::Secret;
use crate::sink::spawned;
use crate::{Ask, Connector, Consistency, Failure, Held, Kind, Offer, Place, Pull, Said, Setting, Step, near, said};
use reading::Reading;
use session::{Exported, Session};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "postgres",
    about: "PostgreSQL and servers that speak its protocol; a table is `table`, `schema.table`, a view, or a query",
    about_zh: "PostgreSQL 及兼容其协议的数据库；表名即表、`模式.表`、视图，或一条查询语句",
    open,
    consistency: Consistency::Exported,
    since: true,
    settings: &[
        Setting {
            name: "host",
            about: "Name or address of the server. Required without `socket`",
            about_zh: "服务器名称或地址。未填 `socket` 时必填",
        },
        Setting { name: "port", about: "Its port. Default 5432", about_zh: "端口。默认 5432" },
        Setting {
            name: "socket", about: "Folder of a Unix socket, instead of `host`", about_zh: "Unix 套接字所在目录，代替 `host`"
        },
        Setting { name: "database", about: "The database. Required", about_zh: "数据库名。必填" },
        Setting { name: "schema", about: "Where its tables are. Default `public`", about_zh: "表所在的模式。默认 `public`" },
        Setting {
            name: "user", about: "A login that may read and nothing else. Required", about_zh: "只有查询权限的账号。必填"
        },
        Setting {
            name: "password",
            about: "Where its password is: `{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ credential = \"name\" }`",
            about_zh: "口令所在：`{ env = \"变量名\" }`、`{ file = \"路径\" }` 或 `{ credential = \"名称\" }`",
        },
        Setting {
            name: "tls",
            about: "`off`, `preferred`, `required`, `verify-ca` or `verify-identity`. Default `preferred`, with `ca` `verify-identity`",
            about_zh: "`off`、`preferred`、`required`、`verify-ca` 或 `verify-identity`。默认 `preferred`，填了 `ca` 则为 `verify-identity`",
        },
        Setting {
            name: "ca",
            about: "PEM file of the authority that signed the server's certificate",
            about_zh: "签发服务器证书的 CA（PEM 文件）",
        },
        Setting {
            name: "application_name",
            about: "What the server's keeper sees in `pg_stat_activity`. Default `muster`",
            about_zh: "在 `pg_stat_activity` 中显示的名称。默认 `muster`",
        },
        Setting {
            name: "time_zone",
            about: "In which times with a zone are written. Default `Asia/Shanghai`",
            about_zh: "带时区的时间按哪个时区写出。默认 `Asia/Shanghai`",
        },
        Setting {
            name: "encoding",
            about: "What is really in a database of encoding SQL_ASCII, such as `gbk`. Default UTF-8",
            about_zh: "SQL_ASCII 数据库中文本的真实编码，如 `gbk`。默认 UTF-8",
        },
        Setting {
            name: "copy",
            about: "Whether COPY may be used; without it rows come one by one. Default true",
            about_zh: "是否使用 COPY；否则逐行读取。默认 true",
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
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    database: String,
    schema: Option<String>,
    user: String,
    password: Option<Secret>,
    tls: Option<String>,
    ca: Option<PathBuf>,
    application_name: Option<String>,
    time_zone: Option<String>,
    encoding: Option<String>,
    copy: Option<bool>,
    idle_seconds: Option<u64>,
    total_minutes: Option<u64>,
}

/// How strict the line must be, by its word in the settings.
const TLS: [(&str, PgSslMode); 5] = [
    ("off", PgSslMode::Disable),
    ("preferred", PgSslMode::Prefer),
    ("required", PgSslMode::Require),
    ("verify-ca", PgSslMode::VerifyCa),
    ("verify-identity", PgSslMode::VerifyFull),
];

/// A server, and how it is spoken to.
#[derive(Clone, Debug)]
struct Server {
    place: Place,
    host: String,
    port: u16,
    socket: Option<PathBuf>,
    database: String,
    schema: String,
    user: String,
    password: Option<Secret>,
    tls: PgSslMode,
    ca: Option<PathBuf>,
    application_name: String,
    time_zone: String,
    encoding: Option<&'static Encoding>,
    copy: bool,
    patience: Patience,
}

struct Postgres {
    server: Server,
    /// The snapshot that all pulls read while somebody holds it.
    held: Lock<Weak<Exported>>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    if settings.host.is_some() == settings.socket.is_some() {
        return Err(said!("`host` 和 `socket` 写且只写其一", "either `host` or `socket` says where the server is"));
    }
    let default = if settings.ca.is_some() { "verify-identity" } else { "preferred" };
    let word = settings.tls.as_deref().unwrap_or(default);
    let words = || TLS.iter().map(|it| it.0);
    let Some((_, tls)) = TLS.iter().find(|it| it.0 == word) else {
        return Err(said!("`tls` 不能是 `{word}`；{}", "`tls` cannot be `{word}`; {}"; near::did_you_mean(word, words())));
    };
    let encoding = settings
        .encoding
        .map(|label| Encoding::for_label(label.as_bytes()).ok_or(said!("没有名为 `{label}` 的编码", "no encoding is called `{label}`")));
    let server = Server {
        ca: settings.ca.map(|it| place.root.join(it)),
        place,
        host: settings.host.unwrap_or_default(),
        port: settings.port.unwrap_or(5432),
        socket: settings.socket,
        database: settings.database,
        schema: settings.schema.unwrap_or_else(|| "public".to_owned()),
        user: settings.user,
        password: settings.password,
        tls: *tls,
        application_name: settings.application_name.unwrap_or_else(|| "muster".to_owned()),
        time_zone: settings.time_zone.unwrap_or_else(|| "Asia/Shanghai".to_owned()),
        encoding: encoding.transpose()?,
        copy: settings.copy.unwrap_or(true),
        patience: Patience::new(settings.idle_seconds, settings.total_minutes),
    };
    Ok(Box::new(Postgres { server, held: Lock::default() }))
}

#[async_trait]
impl Connector for Postgres {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut session = self.session("").await?;
        let failure = self.server.place.failure("", said!("无法列出表", "the tables cannot be listed"));
        let asked = session.offers(&self.server.schema);
        let offers = self.server.patience.answer(&failure, asked, |it| failure::told(failure.clone(), &it)).await?;
        session.close().await;
        Ok(offers)
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let mut session = self.session(&ask.table).await?;
        let reading = Reading::new(&self.server, &mut session, ask).await?;
        let schema = reading.schema();
        let failure = self.server.place.failure(&ask.table, "");
        let pieces = spawned(&self.server.place, &ask.table, |outlet| reading.run(session, outlet));
        Ok(Pull { schema, pieces: self.server.patience.watch(failure, pieces) })
    }

    async fn hold(&self) -> Result<Option<Held>, Failure> {
        let Some(exported) = self.server.export().await? else { return Ok(None) };
        let exported = Arc::new(exported);
        *self.held() = Arc::downgrade(&exported);
        Ok(Some(Box::new(exported)))
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        examine::examine(&self.server, tables).await
    }
}

impl Postgres {
    /// A connection of its own, in the held snapshot when there is one.
    async fn session(&self, table: &str) -> Result<Session, Failure> {
        let held = self.held().upgrade();
        self.server.connect(table, held.as_ref().map(|it| it.snapshot.as_str())).await
    }

    fn held(&self) -> MutexGuard<'_, Weak<Exported>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
