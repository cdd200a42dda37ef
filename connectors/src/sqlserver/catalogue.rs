//! What a table or query holds, as the server's catalogue tells it.

use tiberius::Row;
use tiberius::error::Error;

use super::column::Column;
use super::session::Session;
use super::statement::Source;

/// Everything of a column that decides how it is asked for. `TYPE_NAME` knows no name for the types of the common language runtime.
const COLUMNS: &str = "SELECT c.name, ISNULL(TYPE_NAME(c.system_type_id), N'clr'), CONVERT(int, c.max_length), CONVERT(int, c.precision), \
     CONVERT(int, c.scale), CONVERT(int, COLLATIONPROPERTY(c.collation_name, 'CodePage')) \
     FROM sys.columns AS c JOIN sys.objects AS o ON o.object_id = c.object_id \
     WHERE o.object_id = OBJECT_ID(@P1) AND o.type IN ('U', 'V') ORDER BY c.column_id";

/// The same of a query, since SQL Server 2012. A query that cannot be described has one row without a type.
const QUERY_COLUMNS: &str = "SELECT d.name, ISNULL(TYPE_NAME(d.system_type_id), N'clr'), CONVERT(int, d.max_length), CONVERT(int, d.precision), \
     CONVERT(int, d.scale), CONVERT(int, COLLATIONPROPERTY(d.collation_name, 'CodePage')), CONVERT(int, d.error_number) \
     FROM sys.dm_exec_describe_first_result_set(@P1, NULL, 0) AS d ORDER BY d.column_ordinal";
/// SQL Server 2012.
const DESCRIBES_SINCE: i32 = 11;

impl Session {
    /// The columns of a table or view by its quoted name; none when there is no such one.
    pub(super) async fn columns_of(&mut self, table: &str) -> Result<Vec<Column>, Error> {
        self.rows(COLUMNS, &[table]).await?.iter().map(column).collect()
    }

    /// The columns of a query.
    pub(super) async fn columns_of_query(&mut self, source: &Source) -> Result<Vec<Column>, Error> {
        if self.facts.major >= DESCRIBES_SINCE {
            let rows = self.rows(QUERY_COLUMNS, &[&source.all()]).await?;
            let refused = rows.iter().any(|it| matches!(it.try_get::<i32, _>(6), Ok(Some(_))));
            if !refused && !rows.is_empty() {
                return rows.iter().map(column).collect();
            }
        }
        // An older server, or the query is wrong: then this says how.
        let line = self.line()?;
        let mut answer = line.simple_query(source.describe()).await?;
        let columns = answer.columns().await?.unwrap_or_default();
        let columns = columns.iter().map(|it| Column::answered(it.name().to_owned(), it.column_type())).collect();
        answer.into_results().await?;
        Ok(columns)
    }
}

fn column(row: &Row) -> Result<Column, Error> {
    let text = |at: usize| row.try_get::<&str, _>(at).map(Option::unwrap_or_default);
    let number = |at: usize| row.try_get::<i32, _>(at).map(Option::unwrap_or_default);
    Ok(Column::declared(text(0)?.to_owned(), text(1)?, number(2)?, number(3)?, number(4)?, row.try_get(5)?))
}
