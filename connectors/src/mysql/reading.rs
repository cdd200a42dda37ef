//! One table or query, streamed into batches.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use futures::TryStreamExt as _;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column as _, Decode, Error, Executor as _, Row as _, SqlSafeStr as _, Statement as _, TypeInfo as _};
use tokio::sync::OwnedMutexGuard;

use super::catalog::{Declared, Found};
use super::session::Session;
use super::wire::Wire;
use super::{Server, failure};
use crate::columns;
use crate::gather::{Gathered, single_names};
use crate::heading::as_asked;
use crate::sink::{Outlet, Stop, Under, with_places};
use crate::{Ask, Failure, Said, Since, guard, near, said};

/// A table or query about to be read.
pub(super) struct Reading {
    server: Server,
    sql: String,
    /// Counts the rows of `sql`.
    count_sql: String,
    at_least: Option<Least>,
    columns: Vec<Told>,
    schema: SchemaRef,
    batch_rows: usize,
    /// Its reason is written when it happens.
    failed: Failure,
}

/// A column as the server tells of it.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    /// The server's word for its type.
    kind: String,
    wire: Wire,
}

/// The least value that is wanted. A number stays one: beside a text the server compares whole numbers as doubles.
#[derive(Clone, Debug)]
enum Least {
    Whole(i64),
    Text(String),
}

impl Reading {
    /// Looks up what is asked for; a failure that names what there is when there is no such table, or none of the mapped columns in it.
    pub(super) async fn new(server: &Server, session: &mut Session, ask: &Ask) -> Result<Reading, Failure> {
        let failed = server.place.failure(&ask.table, said!("无法读取", "it cannot be read"));
        let told = |it: Error| failure::told(failed.clone(), &it);
        let found = if guard::is_query(&ask.table) {
            guard::only_reads(&ask.table).map_err(|why| server.place.failure(&ask.table, why))?;
            None
        } else {
            Some(table(server, session, ask).await?)
        };
        let (from, select) = match &found {
            Some(found) => statement(found, server),
            None => (format!("({}\n) AS asked", guard::bare(&ask.table)), guard::bare(&ask.table).to_owned()),
        };
        let prepared = server.patience.answer(&failed, prepare(session, select.clone()), told).await?;
        let declared = |at: usize| found.as_ref().and_then(|it| it.columns.get(at));
        let columns: Vec<Told> = prepared
            .iter()
            .enumerate()
            .map(|(at, column)| Told {
                name: column.name().to_owned(),
                kind: column.type_info().name().to_owned(),
                wire: Wire::of(column, declared(at).and_then(|it| it.digits), server.encoding),
            })
            .collect();
        let names = names_of(&columns);
        if found.is_none() {
            columns::named_apart(&server.place, ask, &names)?;
        }
        columns::has_a_mapped_one(&server.place, ask, &names, &Said::default())?;
        let (condition, at_least) = match &ask.since {
            Some(since) => condition(server, ask, since, &columns)?,
            None => (String::new(), None),
        };
        let sql = match (&found, condition.is_empty()) {
            (None, false) => format!("SELECT * FROM {from}{condition}"),
            _ => format!("{select}{condition}"),
        };
        let names = columns.iter().map(|it| as_asked(&it.name, &ask.columns).unwrap_or_else(|| it.name.clone()));
        let fields = single_names(names).into_iter().zip(&columns).map(|(name, it)| Arc::new(Field::new(name, it.wire.arrow(), true)));
        let schema = with_places(fields);
        let count_sql = format!("SELECT count(*) FROM {from}{condition}");
        Ok(Reading { server: server.clone(), sql, count_sql, at_least, columns, schema, batch_rows: ask.batch_rows, failed })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> Vec<String> {
        names_of(&self.columns)
    }

    /// Its first rows.
    pub(super) fn sample(&self, rows: u32) -> String {
        format!("SELECT * FROM ({}\n) AS sample LIMIT {rows}", self.sql)
    }

    /// How many rows it has in the snapshot.
    pub(super) async fn count(&self, session: &mut Session) -> Result<i64, Failure> {
        let told = |it: Error| failure::told(self.because(said!("无法计数", "the rows cannot be counted")), &it);
        let counted = async { self.asked(&self.count_sql).fetch_one(session.connection()?).await?.try_get(0) };
        self.server.patience.answer(&self.failed, counted, told).await
    }

    /// Hands every row over, then makes sure that it was every row. Whatever goes wrong, the connection is thrown away, and the server is
    /// told to stop when it is still at work for us.
    pub(super) async fn run(self, mut session: OwnedMutexGuard<Session>, outlet: Outlet) -> Result<(), Stop> {
        let done = tokio::select! {
            done = self.all(&mut session, &outlet) => done,
            () = outlet.gone() => Err(Stop::Gone),
        };
        if done.is_err() {
            let id = session.throw_away();
            drop(session);
            if matches!(done, Err(Stop::Gone)) {
                self.server.kill(id).await;
            }
        }
        done
    }

    async fn all(&self, session: &mut Session, outlet: &Outlet) -> Result<(), Stop> {
        let rows = self.rows(session, outlet).await?;
        let counted = self.count(session).await?;
        if rows == counted {
            return Ok(());
        }
        let failure = self.because(said!("取到 {rows} 行，服务器计数为 {counted} 行", "{rows} rows came, but the server counts {counted}"));
        let hint = said!(
            "MyISAM 表没有快照，查询每次结果也可能不同；会自动重试",
            "tables of the engine MyISAM have no snapshots, and a query may give other rows each time; it is tried again"
        );
        Err(Stop::Failed(failure.hint(hint).passing()))
    }

    /// How many rows were handed over, broken ones included.
    async fn rows(&self, session: &mut Session, outlet: &Outlet) -> Result<i64, Stop> {
        let broke_off = |it: Error| Stop::Failed(failure::told(self.because(said!("取数中断", "the pull broke off")), &it));
        let connection = session.connection().map_err(broke_off)?;
        let mut gathered = Gathered::new(self.schema(), self.batch_rows);
        let mut count = 0;
        let mut rows = self.asked(&self.sql).fetch(connection);
        while let Some(row) = rows.try_next().await.map_err(broke_off)? {
            if count == 0 {
                self.as_prepared(&row)?;
            }
            self.cells(&row, &mut gathered)?;
            count += 1;
            gathered.end_row(count);
            if gathered.is_full() {
                outlet.put_all(gathered.pieces(&Under::default())).await?;
            }
        }
        outlet.put_all(gathered.pieces(&Under::default())).await?;
        Ok(count)
    }

    fn asked(&self, sql: &str) -> Query<'static, sqlx::MySql, MySqlArguments> {
        let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
        match &self.at_least {
            Some(Least::Whole(number)) => query.bind(*number),
            Some(Least::Text(text)) => query.bind(text.clone()),
            None => query,
        }
    }

    /// Between preparing and running, somebody may have changed the table.
    fn as_prepared(&self, row: &MySqlRow) -> Result<(), Failure> {
        let now = row.columns().iter().map(|it| (it.name(), it.type_info().name()));
        if now.eq(self.columns.iter().map(|it| (it.name.as_str(), it.kind.as_str()))) {
            return Ok(());
        }
        Err(self.because(said!("取数期间表的列被改动", "the table's columns were changed while it was pulled")).passing())
    }

    fn cells(&self, row: &MySqlRow, gathered: &mut Gathered) -> Result<(), Stop> {
        for (at, told) in self.columns.iter().enumerate() {
            let broke_off = |it: Error| Stop::Failed(failure::told(self.because(said!("取数中断", "the pull broke off")), &it));
            let value = row.try_get_raw(at).map_err(broke_off)?;
            // The driver takes a zero date for a null; its bytes tell them apart.
            let Ok(bytes) = <&[u8] as Decode<sqlx::MySql>>::decode(value) else {
                gathered.columns()[at].null();
                continue;
            };
            match told.wire.put(bytes, &mut gathered.columns()[at]) {
                Some(true) => {}
                Some(false) => gathered.refuse(at),
                None => {
                    return Err(Stop::Failed(self.because(said!("`{}` 的值不是 {}", "a value of `{}` is no {}", told.name, told.kind))));
                }
            }
        }
        Ok(())
    }

    fn because(&self, why: Said) -> Failure {
        Failure { why, ..self.failed.clone() }
    }
}

async fn prepare(session: &mut Session, sql: String) -> Result<Vec<sqlx::mysql::MySqlColumn>, Error> {
    let statement = session.connection()?.prepare(AssertSqlSafe(sql).into_sql_str()).await?;
    Ok(statement.columns().to_vec())
}

/// The table, or a failure that names what there is.
async fn table(server: &Server, session: &mut Session, ask: &Ask) -> Result<Found, Failure> {
    let failed = server.place.failure(&ask.table, said!("无法查找", "it cannot be looked up"));
    let told = |it: Error| failure::told(failed.clone(), &it);
    if let Some(found) = server.patience.answer(&failed, session.find(&server.database, &ask.table), told).await? {
        return Ok(found);
    }
    let offers = server.patience.answer(&failed, session.offers(&server.database), told).await?;
    let failure = server.place.failure(
        &ask.table,
        said!("`{}` 中没有这张表，或该账号看不到", "`{}` has no such table, or none that the login may see", server.database),
    );
    Err(failure.hint(near::did_you_mean(&ask.table, offers.iter().map(|it| it.table.as_str()))))
}

/// The table's place, and the statement that reads all its columns: those in latin1 as bytes where the settings say what the bytes are.
fn statement(found: &Found, server: &Server) -> (String, String) {
    let as_bytes = |it: &Declared| server.encoding.is_some() && it.charset.as_deref() == Some("latin1") && it.kind != "set";
    let column = |it: &Declared| {
        let name = quoted(&it.name);
        if as_bytes(it) { format!("CAST({name} AS BINARY) AS {name}") } else { name }
    };
    let columns = found.columns.iter().map(column).collect::<Vec<_>>().join(", ");
    let from = format!("{}.{}", quoted(&found.schema), quoted(&found.table));
    let select = format!("SELECT {columns} FROM {from}");
    (from, select)
}

/// The condition of an incremental pull, and what it compares with.
fn condition(server: &Server, ask: &Ask, since: &Since, columns: &[Told]) -> Result<(String, Option<Least>), Failure> {
    let column = &columns[columns::since(&server.place, ask, since, &names_of(columns))?];
    let whole = since.at_least.parse().ok().filter(|_| matches!(column.wire, Wire::Signed | Wire::Unsigned | Wire::Large));
    let least = whole.map_or_else(|| Least::Text(since.at_least.clone()), Least::Whole);
    Ok((format!(" WHERE {} >= ?", quoted(&column.name)), Some(least)))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn names_of(columns: &[Told]) -> Vec<String> {
    columns.iter().map(|it| it.name.clone()).collect()
}
