//! ODBC: the way to Oracle, 达梦, DB2 and whatever else has a driver.
//!
//! Drivers are C of other people, loaded at run time, and some of them break down when a line is cut. So every pull runs in a helper
//! process, `muster-odbc`, which hands rows over through a pipe; `muster` itself links no driver manager. What is said between the two is in
//! [mod@line]; the helper's own code is the package `muster-odbc`.

mod child;
mod examine;
pub mod line;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use async_trait::async_trait;
use serde::Deserialize;

use crate::gather::single_names;
use crate::heading::as_asked;
use crate::patience::Patience;
use crate::secret::Secret;
use crate::sink::{Outlet, Stop, Under, places, spawned, with_places};
use crate::{
    Ask, BrokenRow, Connector, Consistency, Failure, Kind, Offer, Piece, Place, Pull, Said, Setting, Spot, Step, columns, guard, said,
};
use child::{Given, Helper};
use line::{Answer, Column, From, Holds, Odd, Request, Task};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "odbc",
    about: "Whatever has an ODBC driver: Oracle, 达梦, DB2; a table is `table`, `schema.table`, a view, or a query. Needs the helper \
            muster-odbc. Tried with Debian's drivers for PostgreSQL and SQLite; Oracle, 达梦 and DB2 themselves were not at hand",
    about_zh: "有 ODBC 驱动的数据库：Oracle、达梦、DB2；表名即表、`模式.表`、视图，或一条查询语句。需要辅助程序 muster-odbc。\
               用 Debian 的 PostgreSQL 与 SQLite 驱动验证过，尚未在 Oracle、达梦、DB2 本身上验证",
    open,
    consistency: Consistency::Transaction,
    since: false,
    settings: &[
        Setting {
            name: "connection",
            about: "Connection string without login and password, like `Driver=DM8 ODBC DRIVER;Server=10.1.2.3;TCP_PORT=5236`. Required",
            about_zh: "连接字符串，不含账号与口令，如 `Driver=DM8 ODBC DRIVER;Server=10.1.2.3;TCP_PORT=5236`。必填",
        },
        Setting { name: "user", about: "A login that may read and nothing else", about_zh: "只有查询权限的账号" },
        Setting {
            name: "password",
            about: "Where its password is: `{ env = \"NAME\" }`, `{ file = \"path\" }` or `{ credential = \"name\" }`",
            about_zh: "口令所在：`{ env = \"变量名\" }`、`{ file = \"路径\" }` 或 `{ credential = \"名称\" }`",
        },
        Setting {
            name: "schema",
            about: "The only schema to look in. Default: all that the login sees",
            about_zh: "只在这个模式中找表。默认为该账号能看到的全部",
        },
        Setting {
            name: "program",
            about: "Where the helper is. Default: muster-odbc beside muster, else on the PATH",
            about_zh: "辅助程序的位置。默认为 muster 旁边的 muster-odbc，其次按 PATH 查找",
        },
        Setting {
            name: "blocks",
            about: "`false` fetches cell by cell, for drivers that are wrong about the length of texts. Default true: many rows at once, unless \
                    a column is long",
            about_zh: "`false` 表示逐格读取，用于误报文本长度的驱动。默认 true：一次读取多行，有长列时除外",
        },
        Setting {
            name: "batch", about: "Most rows that are fetched at once. Default 1000", about_zh: "一次最多读取多少行。默认 1000"
        },
        Setting {
            name: "command_timeout",
            about: "Seconds that the system may think before rows come. Default: `idle_seconds`",
            about_zh: "数据库出数前最多思考多少秒。默认同 `idle_seconds`",
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
    connection: String,
    user: Option<String>,
    password: Option<Secret>,
    schema: Option<String>,
    program: Option<PathBuf>,
    blocks: Option<bool>,
    batch: Option<usize>,
    command_timeout: Option<u64>,
    idle_seconds: Option<u64>,
    total_minutes: Option<u64>,
}

/// A system behind a driver, and how it is spoken to.
#[derive(Clone, Debug)]
struct System {
    place: Place,
    settings: Settings,
    program: PathBuf,
    patience: Patience,
}

/// Keys of a connection string that belong into settings of their own.
const SECRETS: [(&str, &str); 4] = [("pwd", "password"), ("password", "password"), ("uid", "user"), ("username", "user")];
/// The helper's file name.
const HELPER: &str = "muster-odbc";
/// Rows that are fetched at once when nothing is said.
const BATCH_ROWS: usize = 1000;

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let settings: Settings = settings.try_into().map_err(|it: toml::de::Error| Said::plain(it.message()))?;
    let keys = settings.connection.split(';').filter_map(|it| it.split_once('=')).map(|(key, _)| key.trim().to_lowercase());
    for key in keys {
        if let Some((_, own)) = SECRETS.iter().find(|it| it.0 == key) {
            return Err(said!(
                "`connection` 中不写 `{key}`，请写在 `{own}` 中",
                "`connection` has no place for `{key}`; say it as `{own}`"
            ));
        }
    }
    let program = match &settings.program {
        Some(program) => Some(place.root.join(program)).filter(|it| it.is_file()),
        None => beside_or_on_the_path(),
    };
    let Some(program) = program else {
        let how = trouble::build_it();
        return Err(said!("找不到 ODBC 的辅助程序 muster-odbc；{}", "the helper for ODBC, muster-odbc, is not there; {}"; how));
    };
    // Relative paths of a connection string are below the root, where the helper runs.
    let program = program.canonicalize().unwrap_or(program);
    let patience = Patience::new(settings.idle_seconds, settings.total_minutes);
    Ok(Box::new(System { place, settings, program, patience }))
}

fn beside_or_on_the_path() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    folders.map(|it| it.join(HELPER)).find(|it| it.is_file())
}

#[async_trait]
impl Connector for System {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let (_, tables) = self.tables().await?;
        Ok(tables)
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let from = self.from(&ask.table)?;
        let failed = self.place.failure(&ask.table, "");
        let task = Task::Pull { from, batch_rows: self.batch_rows(ask), blocks: self.settings.blocks.unwrap_or(true) };
        let mut helper = self.begin(&ask.table, task).await?.0;
        let Answer::Columns(given) = self.long().answer(&failed, helper.answer(), |it| it).await? else {
            return Err(helper.unclear());
        };
        let names: Vec<String> = given.iter().map(|it| it.name.clone()).collect();
        if guard::is_query(&ask.table) {
            columns::named_apart(&self.place, ask, &names)?;
        }
        columns::has_a_mapped_one(&self.place, ask, &names, &Said::default())?;
        let names = names.iter().map(|it| as_asked(it, &ask.columns).unwrap_or_else(|| it.clone()));
        let fields = single_names(names).into_iter().zip(&given).map(|(name, it)| Arc::new(Field::new(name, arrow(it), true)));
        let schema = with_places(fields);
        let reading = Reading { schema: Arc::clone(&schema), failed: failed.clone() };
        let pieces = spawned(&self.place, &ask.table, |outlet| async move {
            tokio::select! {
                done = reading.all(&mut helper, &outlet) => done,
                () = outlet.gone() => Err(Stop::Gone),
            }
        });
        Ok(Pull { schema, pieces: self.patience.watch(failed, pieces) })
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        examine::examine(self, tables).await
    }
}

impl System {
    /// A helper that is connected and in a transaction, and what it says of that.
    async fn begin(&self, table: &str, task: Task) -> Result<(Helper, Answer), Failure> {
        let failed = self.place.failure(table, said!("辅助程序没有回答", "the helper does not answer"));
        let secret = self.settings.password.as_ref().map(|it| it.fetch(&self.place.root)).transpose();
        let password = secret.map_err(|why| self.place.failure(table, why))?;
        let request = Request {
            connection: self.settings.connection.clone(),
            user: self.settings.user.clone(),
            password: password.map(|it| it.reveal().to_owned()),
            schema: self.settings.schema.clone(),
            login_seconds: u32::try_from(self.patience.idle.as_secs()).unwrap_or(u32::MAX),
            query_seconds: self.long().idle.as_secs() as usize,
            task,
        };
        let mut helper = Helper::start(&self.program, &self.place.root, &request, failed.clone()).await?;
        let system = self.patience.answer(&failed, helper.answer(), |it| it).await?;
        Ok((helper, system))
    }

    /// The tables as they are asked for, and what the helper says of the system.
    async fn tables(&self) -> Result<(Answer, Vec<Offer>), Failure> {
        let (mut helper, system) = self.begin("", Task::Offers).await?;
        let failed = self.place.failure("", said!("无法列出表", "the tables cannot be listed"));
        let Answer::Offers(tables) = self.long().answer(&failed, helper.answer(), |it| it).await? else { return Err(helper.unclear()) };
        let several = |name: &str| tables.iter().filter(|it| it.name == name).count() > 1;
        let called = |it: &line::Table| match &it.schema {
            Some(schema) if several(&it.name) => format!("{schema}.{}", it.name),
            _ => it.name.clone(),
        };
        let offers = tables.iter().map(|it| Offer { table: called(it), columns: it.columns.clone(), rows: None });
        Ok((system, offers.collect()))
    }

    /// How many rows there are.
    async fn count(&self, table: &str) -> Result<u64, Failure> {
        let (mut helper, _) = self.begin(table, Task::Count { from: self.from(table)? }).await?;
        let failed = self.place.failure(table, said!("无法计数", "the rows cannot be counted"));
        match self.long().answer(&failed, helper.answer(), |it| it).await? {
            Answer::Counted { after, .. } => Ok(after),
            _ => Err(helper.unclear()),
        }
    }

    /// What `table` means. A query is looked at more strictly than elsewhere: some drivers send several statements at once, and each has
    /// quotes of its own.
    fn from(&self, table: &str) -> Result<From, Failure> {
        if !guard::is_query(table) {
            return Ok(From::Table(table.to_owned()));
        }
        guard::only_reads(table).map_err(|why| self.place.failure(table, why))?;
        let query = guard::bare(table);
        if query.contains(';') {
            let why = said!("经 ODBC 的查询不能有分号，引号内也不行", "a query through ODBC has no semicolon, not even in a text");
            return Err(self.place.failure(table, why));
        }
        Ok(From::Query(query.to_owned()))
    }

    fn batch_rows(&self, ask: &Ask) -> usize {
        self.settings.batch.unwrap_or(BATCH_ROWS).min(ask.batch_rows).max(1)
    }

    /// For answers that the system thinks about.
    fn long(&self) -> Patience {
        Patience {
            idle: self.settings.command_timeout.map_or(self.patience.idle, |it| std::time::Duration::from_secs(it.max(1))),
            ..self.patience
        }
    }
}

/// Rows on their way.
struct Reading {
    schema: SchemaRef,
    failed: Failure,
}

impl Reading {
    async fn all(&self, helper: &mut Helper, outlet: &Outlet) -> Result<(), Stop> {
        let mut came = 0;
        loop {
            match helper.next().await? {
                Given::Rows(batch) => {
                    came += batch.num_rows() as u64;
                    let rows = self.placed(&batch).ok_or_else(|| helper.unclear())?;
                    outlet.put_async(Piece::Rows(rows)).await?;
                }
                Given::Answer(Answer::Broken { row, raw, column, what }) => {
                    came += 1;
                    let spot = Spot { row: Some(row), ..Spot::default() };
                    outlet.put_async(Piece::Broken(BrokenRow { spot, raw, why: odd(&column, what) })).await?;
                }
                Given::Answer(Answer::Counted { before, rows, after }) => return self.was_all(came, before, rows, after),
                Given::Answer(_) => return Err(helper.unclear().into()),
            }
        }
    }

    /// The batch with the places of its rows; null when it is not of the columns that were told.
    fn placed(&self, batch: &RecordBatch) -> Option<RecordBatch> {
        let (row_nos, own) = batch.columns().split_last()?;
        let columns: Vec<ArrayRef> = own.iter().cloned().chain(places(&Under::default(), row_nos)).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns).ok().filter(|it| row_nos.len() == it.num_rows())
    }

    /// In a snapshot the count must be that of the rows; without one the rows must lie between the counts before and after.
    fn was_all(&self, came: u64, before: Option<u64>, given: u64, after: u64) -> Result<(), Stop> {
        let start = before.unwrap_or(after);
        if came == given && (start.min(after)..=start.max(after)).contains(&came) {
            return Ok(());
        }
        let why = said!("取到 {came} 行，数据库计数为 {after} 行", "{came} rows came, but the system counts {after}");
        let hint = said!(
            "取数时可能有人写入，或该查询每次结果不同；会自动重试",
            "somebody may write to it meanwhile, or the query gives other rows each time; it is tried again"
        );
        Err(Stop::Failed(Failure { why, ..self.failed.clone() }.hint(hint).passing()))
    }
}

fn arrow(column: &Column) -> DataType {
    match column.holds {
        Holds::Text | Holds::Bytes => DataType::Utf8,
        Holds::Real => DataType::Float64,
        Holds::Day => DataType::Date32,
        Holds::Moment => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

fn odd(column: &str, what: Odd) -> Said {
    match what {
        Odd::NoText => said!("`{column}` 中有不是文本的字节", "`{column}` holds bytes that are no text"),
        Odd::Day => said!("`{column}` 中的日期超出范围", "`{column}` holds a day out of range"),
        Odd::Moment => said!("`{column}` 中的时间超出范围", "`{column}` holds a time out of range"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: &str) -> Said {
        let place = Place { department: "hr".to_owned(), source: "oracle".to_owned(), root: "/".into() };
        open(place, settings.parse().expect("the test writes TOML")).err().expect("the settings are wrong")
    }

    #[test]
    fn without_the_helper_it_is_said_how_to_make_it() {
        let refusal = refusal("connection = 'Driver=Oracle'\nprogram = '/nowhere/muster-odbc'");
        assert!(refusal.en.contains("cargo build --release -p muster-odbc --features odbc"), "{}", refusal.en);
        assert!(refusal.zh.contains("unixodbc-dev") && refusal.zh.contains("找不到"), "{}", refusal.zh);
    }

    #[test]
    fn secrets_do_not_stand_in_the_connection_string() {
        let refusal = refusal("connection = 'Driver=Oracle; Pwd =s3cret;'");
        assert_eq!(refusal.en, "`connection` has no place for `pwd`; say it as `password`");
        assert!(!refusal.zh.contains("s3cret"));
    }
}
