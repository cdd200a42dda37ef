//! The T-SQL that a pull sends. Nothing here writes.

use super::column::Column;
use crate::guard;

/// Where rows come from: a table, or a query in brackets.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The common table expressions of a query, which cannot stand in brackets.
    with: String,
    from: String,
}

impl Source {
    /// A table, by its quoted name.
    pub(super) fn table(name: &str) -> Source {
        Source { with: String::new(), from: format!("{name} AS asked") }
    }

    /// A query that the guard has let through. A comment may be last in it.
    pub(super) fn query(sql: &str) -> Source {
        let (with, select) = apart(guard::bare(sql));
        Source { with: with.to_owned(), from: format!("({select}\n) AS asked") }
    }

    /// The columns, as bytes and exact numbers where the driver would lose something.
    pub(super) fn select(&self, columns: &[Column], true_bytes: bool, condition: &str) -> String {
        let column = |it: &Column| format!("{} AS {}", it.expression(true_bytes), quoted(&it.name));
        let columns = columns.iter().map(column).collect::<Vec<_>>().join(", ");
        format!("{}SELECT {columns} FROM {}{condition}", self.with, self.from)
    }

    /// All columns as they are: for the server to describe.
    pub(super) fn all(&self) -> String {
        format!("{}SELECT * FROM {}", self.with, self.from)
    }

    /// The same without rows.
    pub(super) fn describe(&self) -> String {
        format!("{}SELECT TOP (0) * FROM {}", self.with, self.from)
    }

    pub(super) fn count(&self, condition: &str) -> String {
        format!("{}SELECT COUNT_BIG(*) FROM {}{condition}", self.with, self.from)
    }

    pub(super) fn sample(&self, columns: &[Column], true_bytes: bool, rows: u32) -> String {
        let select = self.select(columns, true_bytes, "");
        let with = self.with.len();
        format!("{}SELECT TOP ({rows}){}", self.with, &select[with + "SELECT".len()..])
    }
}

/// A name in brackets.
pub(super) fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A table's name as the mapping writes it, quoted: `table`, `schema.table`, `[a.b].[c]`. None when it has more parts or none.
pub(super) fn table_name(table: &str, home: &str) -> Option<String> {
    let mut parts = vec![String::new()];
    let mut rest = table.trim().chars().peekable();
    let mut inside = false;
    while let Some(it) = rest.next() {
        let part = parts.last_mut()?;
        match it {
            '[' if !inside && part.is_empty() => inside = true,
            ']' if inside && rest.peek() == Some(&']') => part.extend(rest.next()),
            ']' if inside => inside = false,
            '.' if !inside => parts.push(String::new()),
            it => part.push(it),
        }
    }
    if inside || parts.iter().any(String::is_empty) {
        return None;
    }
    match parts.as_slice() {
        [table] => Some(format!("{}.{}", quoted(home), quoted(table))),
        [schema, table] => Some(format!("{}.{}", quoted(schema), quoted(table))),
        _ => None,
    }
}

/// The common table expressions and the SELECT behind them.
fn apart(sql: &str) -> (&str, &str) {
    let mut depth = 0;
    let mut at = 0;
    let is_word = |it: char| it.is_alphanumeric() || it == '_' || it == '@' || it == '#' || it == '$';
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        at += match first {
            '\'' | '"' => skipped(rest, first),
            '[' => skipped(rest, ']'),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |it| it + 2),
            '(' => {
                depth += 1;
                1
            }
            ')' => {
                depth -= 1;
                1
            }
            it if is_word(it) => {
                let word = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
                if depth == 0 && rest[..word].eq_ignore_ascii_case("select") {
                    return sql.split_at(at);
                }
                word
            }
            it => it.len_utf8(),
        };
    }
    ("", sql)
}

/// How long a quoted part is; a quote in it is doubled.
fn skipped(text: &str, close: char) -> usize {
    let mut at = 1;
    while let Some(found) = text[at..].find(close) {
        at += found + 1;
        if !text[at..].starts_with(close) {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables() {
        let name = |it: &str| table_name(it, "dbo");
        assert_eq!(name("工资").as_deref(), Some("[dbo].[工资]"));
        assert_eq!(name("hr.pay").as_deref(), Some("[hr].[pay]"));
        assert_eq!(name("[h.r].[a]]b]").as_deref(), Some("[h.r].[a]]b]"));
        assert_eq!(name("pay]; drop table x").as_deref(), Some("[dbo].[pay]]; drop table x]"));
        for wrong in ["", "a.b.c", "a..b", "[open", "db.dbo.t"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_stands_in_brackets_behind_its_common_table_expressions() {
        let count = |sql: &str| Source::query(sql).count("");
        assert_eq!(count("select 1 as a;"), "SELECT COUNT_BIG(*) FROM (select 1 as a\n) AS asked");
        assert_eq!(
            count("WITH [select] AS (SELECT 1 AS a) /* select */ SELECT a FROM [select] -- all"),
            "WITH [select] AS (SELECT 1 AS a) /* select */ SELECT COUNT_BIG(*) FROM (SELECT a FROM [select] -- all\n) AS asked"
        );
        assert_eq!(
            Source::query("with x as (select ')' as b) select b from x").describe(),
            "with x as (select ')' as b) SELECT TOP (0) * FROM (select b from x\n) AS asked"
        );
    }
}
