//! The whole store, table by table, into another one: a move to PostgreSQL, a backup, its way back.

use serde::Serialize;

use super::db::{Pool, Value, values};
use super::{Store, StoreError};

/// Every table, those that others refer to first.
pub(super) const TABLES: &[&str] = &[
    "night_run",
    "feed_night",
    "rule_night",
    "case_file",
    "retention_mark",
    "case_version",
    "case_event",
    "case_act",
    "case_escalation",
    "feed_event",
    "judgement_event",
    "outbox_letter",
    "alarm",
    "outbox_bounce",
    "schedule_job",
    "schedule_due",
    "lease",
    "audit_entry",
    SEALING_KEY,
];

/// A new store has a key of its own already.
const SEALING_KEY: &str = "sealing_key";

/// Rows that are on their way at once.
const ROWS_AT_ONCE: usize = 2_000;

/// A table and how many rows of it were copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Its name.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

impl Store {
    /// Copies one state of everything into `to`, which must be empty, in one transaction; counts both sides before it commits. What is
    /// sealed stays sealed, under the same key: `to` must be opened anew.
    pub async fn copy(&self, to: &Store) -> Result<Vec<Copied>, StoreError> {
        let mut read = self.db.as_it_stands().read().await?;
        let mut write = to.db.as_it_stands().write().await?;
        for table in TABLES.iter().filter(|it| **it != SEALING_KEY) {
            if write.count(table).await? > 0 {
                return Err(StoreError::NotEmpty { table });
            }
        }
        // What is copied is sealed under the key that comes with it.
        write.apply(format!("delete from {SEALING_KEY}")).await?;
        let mut copied = Vec::new();
        for table in TABLES {
            let mut rows: u64 = 0;
            let mut batches = read.batches(format!("select * from {table}"), ROWS_AT_ONCE);
            while let Some(batch) = batches.next().await? {
                rows += batch.len() as u64;
                let columns: Vec<&str> = batch[0].cells().iter().map(|(name, _)| name.as_str()).collect();
                let into = format!("insert into {table} ({})", columns.join(", "));
                let values = batch.iter().map(|it| it.cells().iter().map(|(_, value)| value.clone()).collect());
                write.insert(&into, values.collect()).await?;
            }
            drop(batches);
            if write.count(table).await? != rows {
                return Err(StoreError::Damaged { what: table });
            }
            copied.push(Copied { table, rows });
        }
        if let Pool::Postgres(_) = to.db.pool {
            // What gives the next number does not see numbers that were given elsewhere.
            let identities = write
                .rows(
                    "select table_name::text as tab, column_name::text as col from information_schema.columns
                     where table_schema = current_schema() and is_identity = 'YES'",
                    values![],
                )
                .await?;
            for row in identities {
                let (tab, col) = (row.text("tab")?, row.text("col")?);
                let next =
                    format!("select setval(pg_get_serial_sequence('{tab}', '{col}'), coalesce(max({col}), 0) + 1, false) from {tab}");
                write.apply(next).await?;
            }
        }
        write.commit().await?;
        Ok(copied)
    }

    /// Names of the tables that the database has, ours alone, rising.
    #[cfg(test)]
    pub(super) async fn tables(&self) -> Result<Vec<String>, StoreError> {
        let sql = match self.db.pool {
            Pool::Sqlite(_) => {
                "select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name not like '\\_sqlx%' escape '\\' order by name"
            }
            Pool::Postgres(_) => {
                "select tablename::text as name from pg_tables where schemaname = current_schema() and tablename not like '\\_sqlx%' order by 1"
            }
        };
        self.rows(sql, values![]).await?.iter().map(|it| it.text("name").map(str::to_owned)).collect()
    }
}

impl super::db::Tx {
    async fn count(&mut self, table: &'static str) -> Result<u64, StoreError> {
        let row = self.any_rows(format!("select count(*) as n from {table}"), Vec::<Value>::new()).await?;
        let count = row.first().ok_or(StoreError::Damaged { what: table })?.int("n")?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
