//! What the server says of its tables.

use sqlx::{Error, Row as _};

use super::session::Session;
use crate::Offer;

/// A table or view as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub schema: String,
    pub table: String,
    pub columns: Vec<Declared>,
}

/// A column as it is declared.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub name: String,
    /// `varchar`, `decimal` …
    pub kind: String,
    /// What its texts are stored in.
    pub charset: Option<String>,
    /// Digits and decimals of a `DECIMAL`.
    pub digits: Option<(u8, i8)>,
}

/// Columns with the tables they belong to.
const COLUMNS: &str = "SELECT CONVERT(table_name USING utf8mb4), CONVERT(column_name USING utf8mb4), CONVERT(data_type USING utf8mb4), \
     CONVERT(character_set_name USING utf8mb4), CAST(numeric_precision AS SIGNED), CAST(numeric_scale AS SIGNED) \
     FROM information_schema.columns WHERE table_schema = ?";

impl Session {
    /// The tables and views of a database, in name order.
    pub(super) async fn offers(&mut self, schema: &str) -> Result<Vec<Offer>, Error> {
        let rows = self.rows(&format!("{COLUMNS} ORDER BY table_name, ordinal_position"), &[schema]).await?;
        let mut offers: Vec<Offer> = Vec::new();
        for row in rows {
            let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            match offers.last_mut() {
                Some(last) if last.table == table => last.columns.push(column),
                _ => offers.push(Offer { table, columns: vec![column], rows: None }),
            }
        }
        Ok(offers)
    }

    /// The table called `name` in `schema`, or `schema.table`; null when there is none, or none that the login may see.
    pub(super) async fn find(&mut self, schema: &str, name: &str) -> Result<Option<Found>, Error> {
        let other = name.split_once('.');
        for (schema, table) in [Some((schema, name)), other].into_iter().flatten() {
            let found = self.columns(schema, table).await?;
            if !found.is_empty() {
                // The server compares names without regard to capitals, though it may have `Pay` beside `pay`.
                let meant = if found.iter().any(|it| it.0 == table) { table.to_owned() } else { found[0].0.clone() };
                let columns = found.into_iter().filter(|it| it.0 == meant).map(|it| it.1).collect();
                return Ok(Some(Found { schema: schema.to_owned(), table: meant, columns }));
            }
        }
        Ok(None)
    }

    async fn columns(&mut self, schema: &str, table: &str) -> Result<Vec<(String, Declared)>, Error> {
        let rows = self.rows(&format!("{COLUMNS} AND table_name = ? ORDER BY table_name, ordinal_position"), &[schema, table]).await?;
        rows.iter()
            .map(|row| {
                let kind: String = row.try_get(2)?;
                let digits: (Option<i64>, Option<i64>) = (row.try_get(4)?, row.try_get(5)?);
                let digits = match digits {
                    (Some(precision), Some(scale)) if kind == "decimal" => u8::try_from(precision).ok().zip(i8::try_from(scale).ok()),
                    _ => None,
                };
                Ok((row.try_get(0)?, Declared { name: row.try_get(1)?, kind, charset: row.try_get(3)?, digits }))
            })
            .collect()
    }
}
