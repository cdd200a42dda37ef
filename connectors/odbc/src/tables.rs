//! What the system says of its tables.

use muster_connectors::odbc::line::{At, Request, Table};
use odbc_api::{Connection, Cursor};

use crate::trouble::{Broken, at, refused};

/// Every table and view, in name order, with its columns.
pub fn offers(connection: &Connection<'_>, request: &Request) -> Result<Vec<Table>, Broken> {
    let mut tables = named(connection, request.schema.as_deref(), "%")?;
    for table in &mut tables {
        table.columns = columns(connection, table)?;
    }
    Ok(tables)
}

/// A table as it stands behind FROM: the one called exactly `table`, or `schema.table`.
pub fn find(connection: &Connection<'_>, schema: Option<&str>, table: &str) -> Result<String, Broken> {
    let mut found: Vec<Table> = named(connection, schema, table)?.into_iter().filter(|it| it.name == table).collect();
    if let Some((schema, table)) = table.split_once('.').filter(|_| found.is_empty()) {
        let inside = |it: &Table| it.name == table && it.schema.as_deref() == Some(schema);
        found = named(connection, Some(schema), table)?.into_iter().filter(inside).collect();
    }
    // Some drivers find no Chinese name by itself, but list it.
    let known = if found.is_empty() { named(connection, schema, "%")? } else { Vec::new() };
    found.extend(known.iter().filter(|it| it.name == table).cloned());
    match found.as_slice() {
        [one] => from(connection, one),
        [] => Err(refused(At::NoTable(known.into_iter().map(|it| it.name).collect()))),
        many => Err(refused(At::ManyTables(many.iter().map(called).collect()))),
    }
}

fn called(table: &Table) -> String {
    table.schema.as_ref().map_or_else(|| table.name.clone(), |it| format!("{it}.{}", table.name))
}

fn from(connection: &Connection<'_>, table: &Table) -> Result<String, Broken> {
    // A driver that names no quote has none; then names stand as they are.
    let quote = connection.identifier_quote_char().map_err(at(At::Offers))?.filter(|it| *it != ' ');
    let quoted = |name: &str| quote.map_or_else(|| name.to_owned(), |it| format!("{it}{}{it}", name.replace(it, &format!("{it}{it}"))));
    Ok(match &table.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&table.name)),
        None => quoted(&table.name),
    })
}

/// Tables and views whose names fit the pattern, as drivers understand it.
fn named(connection: &Connection<'_>, schema: Option<&str>, pattern: &str) -> Result<Vec<Table>, Broken> {
    let mut statement = connection.preallocate().map_err(at(At::Offers))?;
    let cursor = statement.tables_cursor("", schema.unwrap_or_default(), pattern, "").map_err(at(At::Offers))?;
    let mut tables = Vec::new();
    for [schema, name, kind] in texts(cursor, [2, 3, 4])? {
        let kind = kind.to_uppercase();
        if !name.is_empty() && (kind.contains("TABLE") || kind.contains("VIEW")) && !kind.contains("SYSTEM") {
            tables.push(Table { schema: Some(schema).filter(|it| !it.is_empty()), name, columns: Vec::new() });
        }
    }
    tables.sort_by(|one, other| (&one.name, &one.schema).cmp(&(&other.name, &other.schema)));
    Ok(tables)
}

fn columns(connection: &Connection<'_>, table: &Table) -> Result<Vec<String>, Broken> {
    let mut statement = connection.preallocate().map_err(at(At::Offers))?;
    let schema = table.schema.as_deref().unwrap_or_default();
    let cursor = statement.columns_cursor("", schema, &table.name, "").map_err(at(At::Offers))?;
    // The name was a pattern, which may have found other tables too.
    let rows = texts(cursor, [3, 4])?.into_iter().filter(|[of, _]| *of == table.name);
    Ok(rows.map(|[_, column]| column).collect())
}

/// Some columns of what a catalogue says, wide: names are in any script. Null is empty.
fn texts<const N: usize>(mut cursor: impl Cursor, columns: [u16; N]) -> Result<Vec<[String; N]>, Broken> {
    let mut rows = Vec::new();
    let mut wide = Vec::new();
    while let Some(mut row) = cursor.next_row().map_err(at(At::Offers))? {
        let mut texts = [const { String::new() }; N];
        for (text, column) in texts.iter_mut().zip(columns) {
            if row.get_wide_text(column, &mut wide).map_err(at(At::Offers))? {
                *text = String::from_utf16_lossy(&wide);
            }
        }
        rows.push(texts);
    }
    Ok(rows)
}
