//! `MySQL` 5.7 and 8, `MariaDB`: tables, views and queries, streamed as the server sends them.
//!
//! Every pull is a prepared statement in `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY`; its binary values go straight into
//! Arrow. The server sends text in utf8mb4, whatever a column is stored in. Days and times come as text, exactly as they stand: `MySQL` keeps
//! days that are no days (0000-00-00, 2024-00-00), and a mapping decides what they mean.

mod catalog;
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
use sqlx::mysql::MySqlSslMode;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::patience::Patience;
use crate::secret::Secret;
use crate::sink::spawned;
use crate::{Ask, Connector, Consistency, Failure, Held, Kind, Offer, Place, Pull, Said, Setting, Step, near, said};
use reading::Reading;
use session::Session;

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "mysql",
    about: "MySQL 5.7 and 8, MariaDB; a table is `table`, `database.table`, a view, or a query. Tried against MariaDB 10.11; MySQL itself was not at hand",
    about_zh: "MySQL 5.7、8 与 MariaDB；表名即表、`库.表`、视图，或一条查询语句。在 MariaDB 10.11 上验证过，尚未在 MySQL 本身上验证",
    open,
    consistency: Consistency::Transaction,
    since: true,
    settings: &[
        Setting {
            name: "host",
            about: "Name or address of the server. Required without `socket`",
            about_zh: "服务器名称或地址。未填 `socket` 时必填",
        },
        Setting { name: "port", about: "Its port. Default 3306", about_zh: "端口。默认 3306" },
        Setting { name: "socket", about: "Path of a Unix socket, instead of `host`", about_zh: "Unix 套接字路径，代替 `host`" },
        Setting { name: "database", about: "The database (schema). Required", about_zh: "数据库名。必填" },
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
            name: "charset",
            about: "What the server shall send. Default `utf8mb4`; `utf8` for a server that knows no other",
            about_zh: "要求服务器发送的字符集。默认 `utf8mb4`；很旧的服务器填 `utf8`",
        },
        Setting {
            name: "encoding",
            about: "What is really in latin1 and binary columns, such as `gbk`: older programs put Chinese text there. In a query, binary columns only. Without it, latin1 is what the server takes it for and bytes come as hexadecimal digits",
            about_zh: "latin1 列与二进制列中文本的真实编码，如 `gbk`（旧系统常这样存中文）。查询语句中只对二进制列有效。不填则 latin1 列依服务器的解释，二进制列以十六进制给出",
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
    user: String,
    password: Option<Secret>,
    tls: Option<String>,
    ca: Option<PathBuf>,
    charset: Option<String>,
    encoding: Option<String>,
    idle_seconds: Option<u64>,
    total_minutes: Option<u64>,
}

/// How strict the line must be, by its word in the settings.
const TLS: [(&str, MySqlSslMode); 5] = [
    ("off", MySqlSslMode::Disabled),
    ("preferred", MySqlSslMode::Preferred),
    ("required", MySqlSslMode::Required),
    ("verify-ca", MySqlSslMode::VerifyCa),
    ("verify-identity", MySqlSslMode::VerifyIdentity),
];

/// A server, and how it is spoken to.
#[derive(Clone, Debug)]
struct Server {
    place: Place,
    host: String,
    port: u16,
    socket: Option<PathBuf>,
    database: String,
    user: String,
    password: Option<Secret>,
    tls: MySqlSslMode,
    ca: Option<PathBuf>,
    charset: String,
    encoding: Option<&'static Encoding>,
    patience: Patience,
}

struct MySql {
    server: Server,
    /// The snapshot that all pulls read while somebody holds it.
    held: Lock<Weak<Mutex<Session>>>,
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
    let charset = settings.charset.unwrap_or_else(|| "utf8mb4".to_owned());
    if !["utf8mb4", "utf8", "utf8mb3"].contains(&charset.as_str()) {
        return Err(said!(
            "`charset` 是要服务器发送的编码，`utf8mb4` 或 `utf8`，而非 `{charset}`；列中的真实编码写在 `encoding`",
            "`charset` is what the server shall send, `utf8mb4` or `utf8`, not `{charset}`; `encoding` says what columns hold"
        ));
    }
    let encoding = settings
        .encoding
        .map(|label| Encoding::for_label(label.as_bytes()).ok_or(said!("没有名为 `{label}` 的编码", "no encoding is called `{label}`")));
    let server = Server {
        ca: settings.ca.map(|it| place.root.join(it)),
        place,
        host: settings.host.unwrap_or_default(),
        port: settings.port.unwrap_or(3306),
        socket: settings.socket,
        database: settings.database,
        user: settings.user,
        password: settings.password,
        tls: *tls,
        charset,
        encoding: encoding.transpose()?,
        patience: Patience::new(settings.idle_seconds, settings.total_minutes),
    };
    Ok(Box::new(MySql { server, held: Lock::default() }))
}

#[async_trait]
impl Connector for MySql {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut session = self.session("").await?;
        let failure = self.server.place.failure("", said!("无法列出表", "the tables cannot be listed"));
        let asked = session.offers(&self.server.database);
        self.server.patience.answer(&failure, asked, |it| failure::told(failure.clone(), &it)).await
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
        let session = Arc::new(Mutex::new(self.server.connect("").await?));
        *self.held() = Arc::downgrade(&session);
        Ok(Some(Box::new(session)))
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        examine::examine(&self.server, tables).await
    }
}

impl MySql {
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
