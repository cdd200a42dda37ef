//! `SQLite` databases. Every value comes as text: the type that a column declares does not bind what is in it.
//!
//! A pull steps its statement on a blocking thread, value by value into Arrow, in one read transaction. Nothing is written, neither to
//! the file nor beside it.

mod database;
mod reading;

use std::path::PathBuf;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::patience::Patience;
use crate::sink::blocking;
use crate::{Ask, Connector, Consistency, Failure, Held, Kind, Offer, Place, Pull, Said, Setting, Step, guard, said};
use database::Database;
use reading::Reading;

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "sqlite",
    about: "SQLite databases; a table is a table, a view, or a query",
    about_zh: "SQLite 数据库；表名即表、视图，或一条查询语句",
    open,
    consistency: Consistency::Transaction,
    since: true,
    settings: &[
        Setting { name: "file", about: "The database file. Required", about_zh: "数据库文件。必填" },
        Setting {
            name: "idle_seconds",
            about: "How long nothing may come, of a file on a share for example. Default 60",
            about_zh: "多久没有数据即视为中断（例如文件在网络共享上）。默认 60 秒",
        },
        Setting {
            name: "total_minutes", about: "How long one table may take. Default 120", about_zh: "一张表最长用时。默认 120 分钟"
        },
    ],
};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    file: String,
    idle_seconds: Option<u64>,
    total_minutes: Option<u64>,
}

/// The file of a source.
#[derive(Clone, Debug)]
struct Source {
    place: Place,
    /// As the settings say it.
    name: String,
    path: PathBuf,
}

struct Sqlite {
    source: Source,
    patience: Patience,
    /// The state that all pulls read while somebody holds it.
    held: Lock<Weak<Mutex<Database>>>,
}

/// A database, for whoever's turn it is to step it.
type Turn = OwnedMutexGuard<Database>;

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    let path = place.root.join(&settings.file);
    let patience = Patience::new(settings.idle_seconds, settings.total_minutes);
    Ok(Box::new(Sqlite { source: Source { place, name: settings.file, path }, patience, held: Lock::default() }))
}

#[async_trait]
impl Connector for Sqlite {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        self.ask("", |source, database| source.offers(&database)).await
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let asked = ask.clone();
        let look_up = move |source: &Source, database: Turn| Ok((Reading::new(source, &database, &asked)?, database));
        let (reading, database) = self.ask(&ask.table, look_up).await?;
        let schema = reading.schema();
        let pieces = blocking(&self.source.place, &ask.table, move |outlet| reading.run(&database, outlet));
        Ok(Pull { schema, pieces: self.patience.watch(self.source.place.failure(&ask.table, ""), pieces) })
    }

    async fn hold(&self) -> Result<Option<Held>, Failure> {
        let database = self.ask("", |_, database| Ok(Arc::clone(OwnedMutexGuard::mutex(&database)))).await?;
        *self.held() = Arc::downgrade(&database);
        Ok(Some(Box::new(database)))
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        let tables = tables.to_owned();
        match self.ask("", move |source, database| Ok(source.examine(&database, &tables))).await {
            Ok(steps) => steps,
            Err(failure) => vec![Step::failed("open", failure)],
        }
    }
}

impl Sqlite {
    /// Asks the held database, or one of its own, on a blocking thread.
    async fn ask<T: Send + 'static>(
        &self,
        table: &str,
        asked: impl FnOnce(&Source, Turn) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let failure = self.source.place.failure(table, "");
        let held = self.held().upgrade();
        let turn = match held {
            Some(held) => Some(self.patience.turn(&failure, held.lock_owned()).await?),
            None => None,
        };
        let (source, about) = (self.source.clone(), table.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let database = match turn {
                Some(database) => database,
                None => Arc::new(Mutex::new(source.connect(&about)?)).try_lock_owned().expect("nobody else has it"),
            };
            asked(&source, database)
        });
        let broke_off = |_| {
            self.source.place.failure(table, said!("读取程序中断；这是 muster 的错误", "the reader broke off; this is a mistake in muster"))
        };
        self.patience.answer(&failure, answer, broke_off).await?
    }

    fn held(&self) -> MutexGuard<'_, Weak<Mutex<Database>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn offers(&self, database: &Database) -> Result<Vec<Offer>, Failure> {
        let tables = database.tables().map_err(|it| self.failed("", &it))?;
        let offer = |table: String| {
            let columns = database.columns(&table).map_err(|it| self.failed(&table, &it))?;
            Ok(Offer { columns: columns.into_iter().map(|it| it.name).collect(), table, rows: None })
        };
        tables.into_iter().map(offer).collect()
    }

    fn examine(&self, database: &Database, tables: &[String]) -> Vec<Step> {
        let mut steps = match self.offers(database) {
            Ok(offers) => vec![Step::fine("open", said!("`{}`，{} 个表和视图", "`{}`, {} tables and views", self.name, offers.len()))],
            Err(failure) => return vec![Step::failed("open", failure)],
        };
        steps.push(Step::fine("read-only", database.manner()));
        for table in tables {
            let ask = Ask { table: table.clone(), columns: Vec::new(), batch_rows: 1, since: None };
            let tried = Reading::new(self, database, &ask).and_then(|it| Ok((it.columns(), it.count(database)?)));
            let name = if guard::is_query(table) { "the query" } else { table };
            match tried {
                Ok((columns, rows)) => {
                    steps.push(Step::fine("columns", said!("`{name}`：{}", "`{name}`: {}", columns.join(", "))));
                    steps.push(Step::fine("count", said!("`{name}`：{rows} 行", "`{name}`: {rows} rows")));
                }
                Err(failure) => {
                    steps.push(Step::failed("table", failure));
                    break;
                }
            }
        }
        steps
    }
}
