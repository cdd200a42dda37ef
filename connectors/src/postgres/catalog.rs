//! What the server says of its tables.

use sqlx::postgres::PgColumn;
use sqlx::{Error, Row as _};

use super::session::Session;
use crate::Offer;

/// What can be read: tables, partitioned and foreign ones, views, materialized views.
const READABLE: &str = "c.relkind IN ('r', 'p', 'f', 'v', 'm') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')";

impl Session {
    /// The tables and views of a schema that the login may read, in name order.
    pub(super) async fn offers(&mut self, schema: &str) -> Result<Vec<Offer>, Error> {
        let sql = format!(
            "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE n.nspname::text = $1 AND {READABLE} AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') \
             ORDER BY c.relname::text, c.oid, a.attnum"
        );
        let mut offers: Vec<Offer> = Vec::new();
        for row in self.rows(&sql, &[schema]).await? {
            let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            match offers.last_mut() {
                Some(last) if last.table == table => last.columns.push(column),
                _ => offers.push(Offer { table, columns: vec![column], rows: None }),
            }
        }
        Ok(offers)
    }

    /// Schema and name of the table called exactly `name` in `schema`, or `schema.table`; null when there is none.
    pub(super) async fn find(&mut self, schema: &str, name: &str) -> Result<Option<(String, String)>, Error> {
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname::text = $1 AND c.relname::text = $2 AND {READABLE}"
        );
        for (schema, table) in [Some((schema, name)), name.split_once('.')].into_iter().flatten() {
            if !self.rows(&sql, &[schema, table]).await?.is_empty() {
                return Ok(Some((schema.to_owned(), table.to_owned())));
            }
        }
        Ok(None)
    }

    /// What each column's table declares beside its type, such as the digits of a NUMERIC; -1 for nothing, or where it comes from no table.
    pub(super) async fn modifiers(&mut self, columns: &[PgColumn]) -> Result<Vec<i32>, Error> {
        let origin = |it: &PgColumn| it.relation_id().zip(it.relation_attribute_no()).map(|(table, at)| (table.0, at));
        let origins: Vec<String> = columns.iter().filter_map(origin).map(|(table, at)| format!("({table}, {at})")).collect();
        if origins.is_empty() {
            return Ok(vec![-1; columns.len()]);
        }
        let sql = format!(
            "SELECT attrelid::int8, attnum, atttypmod FROM pg_catalog.pg_attribute WHERE (attrelid, attnum) IN ({})",
            origins.join(", ")
        );
        let mut found = Vec::new();
        for row in self.rows(&sql, &[]).await? {
            let (table, at, modifier): (i64, i16, i32) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            found.push(((u32::try_from(table).unwrap_or_default(), at), modifier));
        }
        let of = |it: &PgColumn| origin(it).and_then(|origin| found.iter().find(|it| it.0 == origin)).map_or(-1, |it| it.1);
        Ok(columns.iter().map(of).collect())
    }
}
