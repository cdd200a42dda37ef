//! One table or query, streamed into batches.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use futures::TryStreamExt as _;
use tiberius::error::Error;
use tiberius::{QueryItem, QueryStream, Row, ToSql};
use tokio::sync::OwnedMutexGuard;

use super::column::{Column, put};
use super::session::{Line, Session, call_off};
use super::statement::{Source, quoted, table_name};
use super::{Server, trouble};
use crate::columns;
use crate::gather::{Gathered, single_names};
use crate::heading::as_asked;
use crate::sink::{Outlet, Stop, Under, with_places};
use crate::{Ask, Failure, Said, Since, guard, near, said};

/// A table or query about to be read.
pub(super) struct Reading {
    server: Server,
    source: Source,
    columns: Vec<Column>,
    /// The condition of an incremental pull, and the least value that is wanted.
    condition: String,
    at_least: Option<String>,
    schema: SchemaRef,
    batch_rows: usize,
    /// Its reason is written when it happens.
    failed: Failure,
}

impl Reading {
    /// Looks up what is asked for; a failure that names what there is when there is no such table, or none of the mapped columns in it.
    pub(super) async fn new(server: &Server, session: &mut Session, ask: &Ask) -> Result<Reading, Failure> {
        let failed = server.place.failure(&ask.table, said!("无法读取", "it cannot be read"));
        let told = |it: Error| trouble::told(failed.clone(), &it);
        let (source, columns) = if guard::is_query(&ask.table) {
            guard::only_reads(&ask.table).map_err(|why| server.place.failure(&ask.table, why))?;
            let source = Source::query(&ask.table);
            let columns = server.long.answer(&failed, session.columns_of_query(&source), told).await?;
            columns::named_apart(&server.place, ask, &names_of(&columns))?;
            (source, columns)
        } else {
            table(server, session, ask).await?
        };
        columns::has_a_mapped_one(&server.place, ask, &names_of(&columns), &Said::default())?;
        let condition = ask.since.as_ref().map(|it| condition(server, ask, it, &columns)).transpose()?.unwrap_or_default();
        let names = columns.iter().map(|it| as_asked(&it.name, &ask.columns).unwrap_or_else(|| it.name.clone()));
        let fields = single_names(names).into_iter().zip(&columns).map(|(name, it)| Arc::new(Field::new(name, it.arrow(), true)));
        let schema = with_places(fields);
        let at_least = ask.since.as_ref().map(|it| it.at_least.clone());
        Ok(Reading { server: server.clone(), source, columns, condition, at_least, schema, batch_rows: ask.batch_rows, failed })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> Vec<String> {
        names_of(&self.columns)
    }

    /// How many of its first `rows` came.
    pub(super) async fn sample(&self, session: &mut Session, rows: u32) -> Result<usize, Error> {
        let sql = self.source.sample(&self.columns, session.facts.true_bytes, rows);
        Ok(session.rows(&sql, &[]).await?.len())
    }

    /// How many rows there are.
    pub(super) async fn count(&self, session: &mut Session) -> Result<u64, Failure> {
        let told = |it: Error| trouble::told(self.because(said!("无法计数", "the rows cannot be counted")), &it);
        let sql = self.source.count(&self.condition);
        let counted = async {
            let row = self.asked(session.line()?, sql).await?.into_row().await?;
            Ok(row.map(|it| it.try_get::<i64, _>(0)).transpose()?.flatten())
        };
        let counted = self.server.long.answer(&self.failed, counted, told).await?;
        counted.and_then(|it| u64::try_from(it).ok()).ok_or_else(|| self.because(said!("服务器没有给出计数", "the server does not count")))
    }

    /// Hands every row over, then makes sure that it was every row. Whatever goes wrong, the connection is thrown away; when nobody takes
    /// the rows any more the server is told to stop.
    pub(super) async fn run(self, mut session: OwnedMutexGuard<Session>, outlet: Outlet) -> Result<(), Stop> {
        let done = tokio::select! {
            done = self.all(&mut session, &outlet) => done,
            () = outlet.gone() => Err(Stop::Gone),
        };
        match &done {
            Ok(()) => session.end().await,
            Err(stop) => {
                let line = session.throw_away();
                drop(session);
                if matches!(stop, Stop::Gone) {
                    call_off(line).await;
                }
            }
        }
        done
    }

    /// In a snapshot the count must be that of the rows. Without one others may write between the statements: then the rows must lie
    /// between the counts before and after.
    async fn all(&self, session: &mut Session, outlet: &Outlet) -> Result<(), Stop> {
        let before = if session.facts.snapshot { None } else { Some(self.count(session).await?) };
        let rows = self.rows(session, outlet).await?;
        let after = self.count(session).await?;
        let before = before.unwrap_or(after);
        if (before.min(after)..=before.max(after)).contains(&rows) {
            return Ok(());
        }
        let failure = self.because(said!("取到 {rows} 行，服务器计数为 {after} 行", "{rows} rows came, but the server counts {after}"));
        let hint = if session.facts.snapshot {
            said!("查询每次结果可能不同；会自动重试", "a query may give other rows each time; it is tried again")
        } else {
            said!(
                "期间有人写入；ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON 可使每次取数为同一时刻",
                "somebody writes to it meanwhile; ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON gives every pull one state"
            )
        };
        Err(Stop::Failed(failure.hint(hint).passing()))
    }

    /// How many rows were handed over, broken ones included.
    async fn rows(&self, session: &mut Session, outlet: &Outlet) -> Result<u64, Stop> {
        let broke_off = |it: Error| Stop::Failed(trouble::told(self.because(said!("取数中断", "the pull broke off")), &it));
        let sql = self.source.select(&self.columns, session.facts.true_bytes, &self.condition);
        let mut gathered = Gathered::new(self.schema(), self.batch_rows);
        let mut count = 0;
        let mut answer = self.asked(session.line().map_err(broke_off)?, sql).await.map_err(broke_off)?;
        while let Some(item) = answer.try_next().await.map_err(broke_off)? {
            let QueryItem::Row(row) = item else { continue };
            self.cells(row, &mut gathered)?;
            count += 1;
            gathered.end_row(count);
            if gathered.is_full() {
                outlet.put_all(gathered.pieces(&Under::default())).await?;
            }
        }
        outlet.put_all(gathered.pieces(&Under::default())).await?;
        Ok(count.unsigned_abs())
    }

    async fn asked<'a>(&self, line: &'a mut Line, sql: String) -> Result<QueryStream<'a>, Error> {
        match &self.at_least {
            Some(least) => line.query(sql, &[least as &dyn ToSql]).await,
            None => line.simple_query(sql).await,
        }
    }

    fn cells(&self, row: Row, gathered: &mut Gathered) -> Result<(), Stop> {
        if row.len() != self.columns.len() {
            return Err(Stop::Failed(
                self.because(said!("取数期间表的列被改动", "the table's columns were changed while it was pulled")).passing(),
            ));
        }
        for (at, (value, column)) in row.into_iter().zip(&self.columns).enumerate() {
            match put(&value, column.holds, &mut gathered.columns()[at]) {
                Some(true) => {}
                Some(false) => gathered.refuse(at),
                None => {
                    let why = said!(
                        "`{}` 的值不是 {}；期间该列被改动了吗？",
                        "a value of `{}` is no {}; was the column changed meanwhile?",
                        column.name,
                        column.declared
                    );
                    return Err(Stop::Failed(self.because(why).passing()));
                }
            }
        }
        Ok(())
    }

    fn because(&self, why: Said) -> Failure {
        Failure { why, ..self.failed.clone() }
    }
}

/// The table, or a failure that names what there is.
async fn table(server: &Server, session: &mut Session, ask: &Ask) -> Result<(Source, Vec<Column>), Failure> {
    let failed = server.place.failure(&ask.table, said!("无法查找", "it cannot be looked up"));
    let told = |it: Error| trouble::told(failed.clone(), &it);
    if let Some(name) = table_name(&ask.table, &server.schema) {
        let columns = server.patience.answer(&failed, session.columns_of(&name), told).await?;
        if !columns.is_empty() {
            return Ok((Source::table(&name), columns));
        }
    }
    let offers = server.patience.answer(&failed, session.offers(&server.schema), told).await?;
    let failure = server.place.failure(
        &ask.table,
        said!("`{}` 中没有这张表，或该账号看不到", "`{}` has no such table, or none that the login may see", server.database),
    );
    Err(failure.hint(near::did_you_mean(&ask.table, offers.iter().map(|it| it.table.as_str()))))
}

/// The condition of an incremental pull.
fn condition(server: &Server, ask: &Ask, since: &Since, columns: &[Column]) -> Result<String, Failure> {
    let column = &columns[columns::since(&server.place, ask, since, &names_of(columns))?];
    Ok(format!(" WHERE {} >= {}", quoted(&column.name), column.least()))
}

fn names_of(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|it| it.name.clone()).collect()
}
