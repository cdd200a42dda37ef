//! One table or query, streamed into batches.

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use futures::TryStreamExt as _;
use sqlx::postgres::{PgColumn, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Error, Executor as _, Row as _, SqlSafeStr as _, Statement as _, ValueRef as _};

use super::copying::{self, First};
use super::session::{Session, literal, quoted};
use super::wire::{Put, Wire};
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
    wire: Wire,
}

/// How COPY ended.
enum Copied {
    /// So many rows were handed over.
    Rows(i64),
    /// The server has no COPY for this; nothing was handed over.
    Refused,
}

impl Reading {
    /// Looks up what is asked for; a failure that names what there is when there is no such table, or none of the mapped columns in it.
    pub(super) async fn new(server: &Server, session: &mut Session, ask: &Ask) -> Result<Reading, Failure> {
        let failed = server.place.failure(&ask.table, said!("无法读取", "it cannot be read"));
        let told = |it: Error| failure::told(failed.clone(), &it);
        let is_query = guard::is_query(&ask.table);
        let from = if is_query {
            guard::only_reads(&ask.table).map_err(|why| server.place.failure(&ask.table, why))?;
            format!("(\n{}\n) AS asked", guard::bare(&ask.table))
        } else {
            let (schema, table) = table(server, session, ask).await?;
            format!("{}.{}", quoted(&schema), quoted(&table))
        };
        let all = format!("SELECT * FROM {from}");
        // Preparing takes exactly one statement: what passes here cannot end the brackets that it stands in.
        let prepared = server.patience.answer(&failed, prepare(session, all), told).await?;
        let modifiers = server.patience.answer(&failed, session.modifiers(&prepared), told).await?;
        let encoding = server.encoding.filter(|_| session.encoding == "SQL_ASCII");
        let columns: Vec<Told> = prepared
            .iter()
            .zip(modifiers)
            .map(|(column, modifier)| {
                let oid = column.type_info().oid().map_or(0, |it| it.0);
                Told { name: column.name().to_owned(), wire: Wire::of(oid, modifier, encoding) }
            })
            .collect();
        let names = names_of(&columns);
        if is_query {
            columns::named_apart(&server.place, ask, &names)?;
        }
        columns::has_a_mapped_one(&server.place, ask, &names, &Said::default())?;
        let condition = match &ask.since {
            Some(since) => condition(server, ask, since, &columns)?,
            None => String::new(),
        };
        let selected = columns.iter().map(|it| if it.wire.is_told() { format!("{}::text", quoted(&it.name)) } else { quoted(&it.name) });
        let sql = format!("SELECT {} FROM {from}{condition}", selected.collect::<Vec<_>>().join(", "));
        let names = columns.iter().map(|it| as_asked(&it.name, &ask.columns).unwrap_or_else(|| it.name.clone()));
        let fields = single_names(names).into_iter().zip(&columns).map(|(name, it)| Arc::new(Field::new(name, it.wire.arrow(), true)));
        let schema = with_places(fields);
        let count_sql = format!("SELECT count(*) FROM {from}{condition}");
        let reading = Reading { server: server.clone(), sql, count_sql, columns, schema, batch_rows: ask.batch_rows, failed };
        // A value that the column's type does not know is told before anything comes.
        let ready = prepare(session, reading.sql.clone());
        server.patience.answer(&reading.failed, ready, |it| failure::told(reading.failed.clone(), &it)).await?;
        Ok(reading)
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
        format!("{} LIMIT {rows}", self.sql)
    }

    /// How many rows it has in the snapshot.
    pub(super) async fn count(&self, session: &mut Session) -> Result<i64, Failure> {
        let told = |it: Error| failure::told(self.because(said!("无法计数", "the rows cannot be counted")), &it);
        let counted = async { session.rows(&self.count_sql, &[]).await?.first().ok_or(Error::RowNotFound)?.try_get(0) };
        self.server.patience.answer(&self.failed, counted, told).await
    }

    /// Hands every row over, then makes sure that it was every row. When nobody takes them any more, the server is told to stop.
    pub(super) async fn run(self, mut session: Session, outlet: Outlet) -> Result<(), Stop> {
        let ended_by = session.ended_by.clone();
        let mut done = tokio::select! {
            done = self.all(&mut session, &outlet) => done,
            () = outlet.gone() => Err(Stop::Gone),
        };
        if let Ok(false) = done {
            return self.run_by_rows(session.snapshot, outlet).await;
        }
        if let Err(Stop::Gone) = &mut done {
            drop(session);
            self.server.end(ended_by).await;
            return Err(Stop::Gone);
        }
        if done.is_ok() {
            session.close().await;
        }
        done.map(|_| ())
    }

    /// The same on a new connection, whose rows come one by one: a refused COPY leaves the old one of no use.
    async fn run_by_rows(self, snapshot: Option<String>, outlet: Outlet) -> Result<(), Stop> {
        let mut session = self.server.connect(&self.failed.table, snapshot.as_deref()).await?;
        let ended_by = session.ended_by.clone();
        let done = tokio::select! {
            done = self.all_by_rows(&mut session, &outlet) => done,
            () = outlet.gone() => Err(Stop::Gone),
        };
        match &done {
            Ok(()) => session.close().await,
            Err(Stop::Gone) => {
                drop(session);
                self.server.end(ended_by).await;
            }
            Err(Stop::Failed(_)) => {}
        }
        done
    }

    /// False when the server refuses COPY.
    async fn all(&self, session: &mut Session, outlet: &Outlet) -> Result<bool, Stop> {
        if !self.server.copy {
            return self.all_by_rows(session, outlet).await.map(|()| true);
        }
        match self.copied(session, outlet).await? {
            Copied::Refused => Ok(false),
            Copied::Rows(rows) => self.was_all(rows, session).await.map(|()| true),
        }
    }

    async fn all_by_rows(&self, session: &mut Session, outlet: &Outlet) -> Result<(), Stop> {
        let rows = self.rows(session, outlet).await?;
        self.was_all(rows, session).await
    }

    async fn was_all(&self, rows: i64, session: &mut Session) -> Result<(), Stop> {
        let counted = self.count(session).await?;
        if rows == counted {
            return Ok(());
        }
        let failure = self.because(said!("取到 {rows} 行，服务器计数为 {counted} 行", "{rows} rows came, but the server counts {counted}"));
        Err(Stop::Failed(
            failure.hint(said!("查询每次结果可能不同；会自动重试", "a query may give other rows each time; it is tried again")).passing(),
        ))
    }

    /// By COPY. Broken rows are counted too.
    async fn copied(&self, session: &mut Session, outlet: &Outlet) -> Result<Copied, Stop> {
        let sql = format!("COPY ({}) TO STDOUT (FORMAT binary)", self.sql);
        let mut messages = match session.connection().copy_out_raw(&sql).await {
            Ok(it) => it,
            Err(it) if is_refusal(&it) => return Ok(Copied::Refused),
            Err(it) => return Err(self.broke_off(&it)),
        };
        let mut gathered = Gathered::new(self.schema(), self.batch_rows);
        let mut count = 0;
        let (mut begun, mut ended) = (false, false);
        let mut waiting: Vec<u8> = Vec::new();
        while let Some(message) = messages.try_next().await.map_err(|it| self.broke_off(&it))? {
            let joined;
            let mut rest: &[u8] = if waiting.is_empty() {
                &message
            } else {
                waiting.extend_from_slice(&message);
                joined = std::mem::take(&mut waiting);
                &joined
            };
            while !rest.is_empty() && !ended {
                let first = if begun { copying::row(rest, self.columns.len()) } else { copying::head(rest) };
                match first {
                    First::Head(end) => {
                        begun = true;
                        rest = &rest[end..];
                    }
                    First::Row(end) => {
                        self.fields(&rest[2..end], &mut gathered)?;
                        rest = &rest[end..];
                        count += 1;
                        gathered.end_row(count);
                        if gathered.is_full() {
                            outlet.put_all(gathered.pieces(&Under::default())).await?;
                        }
                    }
                    First::End => ended = true,
                    First::Part => {
                        waiting = rest.to_vec();
                        rest = &[];
                    }
                    First::Wrong => {
                        return Err(Stop::Failed(
                            self.because(said!("服务器 COPY 的不是二进制格式", "what the server copies is not in the binary format")),
                        ));
                    }
                }
            }
        }
        if !ended {
            return Err(Stop::Failed(self.because(said!("COPY 没有结尾", "the copy has no end")).passing()));
        }
        outlet.put_all(gathered.pieces(&Under::default())).await?;
        Ok(Copied::Rows(count))
    }

    fn fields(&self, fields: &[u8], gathered: &mut Gathered) -> Result<(), Stop> {
        let mut rest = fields;
        for at in 0..self.columns.len() {
            let (field, others) = copying::field(rest).ok_or_else(|| self.no_value(at))?;
            rest = others;
            self.cell(at, field, gathered)?;
        }
        Ok(())
    }

    /// Row by row, with the same values.
    async fn rows(&self, session: &mut Session, outlet: &Outlet) -> Result<i64, Stop> {
        let mut gathered = Gathered::new(self.schema(), self.batch_rows);
        let mut count = 0;
        let mut rows = sqlx::query(AssertSqlSafe(self.sql.clone())).persistent(false).fetch(session.connection());
        while let Some(row) = rows.try_next().await.map_err(|it| self.broke_off(&it))? {
            if count == 0 {
                self.as_prepared(&row)?;
            }
            for at in 0..self.columns.len() {
                let value = row.try_get_raw(at).map_err(|it| self.broke_off(&it))?;
                let field = if value.is_null() { None } else { Some(value.as_bytes().map_err(|_| self.no_value(at))?) };
                self.cell(at, field, &mut gathered)?;
            }
            count += 1;
            gathered.end_row(count);
            if gathered.is_full() {
                outlet.put_all(gathered.pieces(&Under::default())).await?;
            }
        }
        outlet.put_all(gathered.pieces(&Under::default())).await?;
        Ok(count)
    }

    /// Between preparing and running on another connection, somebody may have changed the table.
    fn as_prepared(&self, row: &PgRow) -> Result<(), Stop> {
        let mut now = row.columns().iter().map(|it| Wire::of(it.type_info().oid().map_or(0, |it| it.0), -1, None));
        let mut asked = self.columns.iter().map(|it| match it.wire {
            Wire::Exact(..) => Wire::Told,
            Wire::Told | Wire::Encoded(..) => Wire::Text,
            wire => wire,
        });
        let same = row.columns().len() == self.columns.len() && now.all(|it| asked.next() == Some(it));
        if same {
            Ok(())
        } else {
            Err(Stop::Failed(self.because(said!("取数期间表的列被改动", "the table's columns were changed while it was pulled")).passing()))
        }
    }

    fn cell(&self, at: usize, field: Option<&[u8]>, gathered: &mut Gathered) -> Result<(), Stop> {
        let column = &mut gathered.columns()[at];
        let Some(bytes) = field else {
            column.null();
            return Ok(());
        };
        match self.columns[at].wire.put(bytes, column) {
            Put::Fine => {}
            Put::NoText => gathered.refuse(at),
            Put::NoPlace(raw, what) => gathered.refuse_value(at, raw, what),
            Put::Wrong => return Err(self.no_value(at)),
        }
        Ok(())
    }

    fn no_value(&self, at: usize) -> Stop {
        let told = &self.columns[at];
        Stop::Failed(self.because(said!(
            "`{}` 的值与其类型不符（{}）",
            "a value of `{}` is not what its type says ({})",
            told.name,
            told.wire.arrow()
        )))
    }

    fn broke_off(&self, error: &Error) -> Stop {
        Stop::Failed(failure::told(self.because(said!("取数中断", "the pull broke off")), error))
    }

    fn because(&self, why: Said) -> Failure {
        Failure { why, ..self.failed.clone() }
    }
}

/// Whether the server has no such statement, or not for us: the query itself was prepared before.
fn is_refusal(error: &Error) -> bool {
    let state = error.as_database_error().and_then(|it| it.code());
    state.is_some_and(|it| it.starts_with("42") || it.starts_with("0A") || it == "08P01")
}

async fn prepare(session: &mut Session, sql: String) -> Result<Vec<PgColumn>, Error> {
    let statement = session.connection().prepare(AssertSqlSafe(sql).into_sql_str()).await?;
    Ok(statement.columns().to_vec())
}

/// Schema and name of the table, or a failure that names what there is.
async fn table(server: &Server, session: &mut Session, ask: &Ask) -> Result<(String, String), Failure> {
    let failed = server.place.failure(&ask.table, said!("无法查找", "it cannot be looked up"));
    let told = |it: Error| failure::told(failed.clone(), &it);
    if let Some(found) = server.patience.answer(&failed, session.find(&server.schema, &ask.table), told).await? {
        return Ok(found);
    }
    let offers = server.patience.answer(&failed, session.offers(&server.schema), told).await?;
    let failure = server.place.failure(
        &ask.table,
        said!("`{}` 中没有这张表，或该账号看不到", "`{}` has no such table, or none that the login may see", server.schema),
    );
    Err(failure.hint(near::did_you_mean(&ask.table, offers.iter().map(|it| it.table.as_str()))))
}

/// The condition of an incremental pull. The server reads the value as one of the column's type.
fn condition(server: &Server, ask: &Ask, since: &Since, columns: &[Told]) -> Result<String, Failure> {
    let column = &columns[columns::since(&server.place, ask, since, &names_of(columns))?];
    Ok(format!(" WHERE {} >= {}", quoted(&column.name), literal(&since.at_least)))
}

fn names_of(columns: &[Told]) -> Vec<String> {
    columns.iter().map(|it| it.name.clone()).collect()
}
