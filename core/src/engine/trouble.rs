//! What went wrong in a query, with its place in the text and a hint of our own.

use std::ops::Range;

use datafusion::common::{Column, SchemaError, Span as EngineSpan};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Span;
use thiserror::Error;

use crate::diag::{did_you_mean, nearest};

/// Why a query did not run to its end. Holds no value of any row.
#[derive(Clone, Debug, Error)]
#[error("{what}")]
pub struct EngineError {
    /// What is wrong, in one line.
    pub what: String,
    /// Where in the SQL, in bytes; null when no one place is to blame.
    pub at: Option<Range<usize>>,
    /// What to try.
    pub hint: Option<String>,
    /// True when the text is right and the machine is not: memory, disk, an unreadable file.
    pub machine: bool,
}

impl EngineError {
    /// What `error` says of `sql`, in an engine with these `tables`.
    pub(crate) fn of(error: &DataFusionError, sql: &str, tables: &[String]) -> EngineError {
        let root = error.find_root();
        let span = error.diagnostic().and_then(|it| it.span).map(|it| engine_bytes(sql, it));
        match root {
            DataFusionError::SchemaError(schema, _) => EngineError::schema(schema, sql, span),
            DataFusionError::SQL(parser, _) => EngineError::syntax(&parser.to_string(), sql),
            DataFusionError::ResourcesExhausted(_) => EngineError {
                what: "the query needs more memory than the engine has".to_owned(),
                at: None,
                hint: Some("raise the engine's memory, or give it a directory to spill to".to_owned()),
                machine: true,
            },
            DataFusionError::Plan(what) => EngineError::plan(what, sql, span, tables),
            DataFusionError::NotImplemented(what) => EngineError { what: what.clone(), at: span, hint: None, machine: false },
            other => EngineError {
                what: without_values(&other.strip_backtrace()),
                at: span,
                hint: None,
                machine: matches!(other, DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_)),
            },
        }
    }

    /// Something of ours that did not fit.
    pub(crate) fn ours(error: &arrow::error::ArrowError) -> EngineError {
        EngineError { what: without_values(&error.to_string()), at: None, hint: None, machine: true }
    }

    /// Something that is not the text's fault.
    pub(crate) fn machine(what: String) -> EngineError {
        EngineError { what, at: None, hint: None, machine: true }
    }

    pub(super) fn unknown_param<'a>(sql: &str, name: &str, span: Span, known: impl Iterator<Item = &'a str>) -> EngineError {
        let known: Vec<&str> = known.collect();
        let listed: Vec<String> = known.iter().map(|it| format!("${it}")).collect();
        EngineError {
            what: format!("there is no parameter `${name}`"),
            at: Some(bytes(sql, span)),
            hint: Some(match nearest(name, known) {
                Some(it) => format!("did you mean `${it}`?"),
                None => format!("there are {}", listed.join(", ")),
            }),
            machine: false,
        }
    }

    fn schema(error: &SchemaError, sql: &str, span: Option<Range<usize>>) -> EngineError {
        let (what, hint) = match error {
            SchemaError::FieldNotFound { field, valid_fields } => missing_column(field, valid_fields),
            SchemaError::AmbiguousReference { field } => {
                (format!("`{}` is in more than one table here", field.name), Some("write the table's short name before it".to_owned()))
            }
            SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
                (format!("`{name}` is given twice"), Some("rename one with `as`".to_owned()))
            }
        };
        let at = span.or_else(|| match error {
            SchemaError::FieldNotFound { field, .. } => word(sql, &field.name),
            _ => None,
        });
        EngineError { what, at, hint, machine: false }
    }

    /// The parser's own words end in `at Line: 3, Column: 14`.
    fn syntax(said: &str, sql: &str) -> EngineError {
        let said = said.trim_start_matches("sql parser error: ");
        let (what, place) = said.split_once(" at Line: ").unwrap_or((said, ""));
        let mut numbers = place.split(", Column: ").filter_map(|it| it.trim().parse::<u64>().ok());
        let at = match (numbers.next(), numbers.next()) {
            (Some(line), Some(column)) => {
                let start = offset(sql, line, column);
                let width = sql[start..].chars().take_while(|it| it.is_alphanumeric() || *it == '_').map(char::len_utf8).sum::<usize>();
                Some(start..start + width.max(1))
            }
            _ => None,
        };
        EngineError { what: what.to_owned(), at, hint: None, machine: false }
    }

    fn plan(what: &str, sql: &str, span: Option<Range<usize>>, tables: &[String]) -> EngineError {
        if let Some(name) = between(what, "table 'datafusion.public.", "' not found") {
            let hint = did_you_mean(name, tables.iter().map(String::as_str), &format!("there are {}", tables.join(", ")));
            // The engine's span takes in the table's short name.
            let at = span.map(|it| it.start..(it.start + name.len()).min(it.end)).or_else(|| word(sql, name));
            return EngineError { what: format!("there is no table `{name}`"), at, hint: Some(hint), machine: false };
        }
        if let Some(name) = between(what, "Invalid function '", "'") {
            let ours = crate::function::FUNCTIONS.iter().map(|it| it.name);
            let theirs = between(what, "Did you mean '", "'").map(str::to_owned);
            let hint = nearest(name, ours).map(str::to_owned).or(theirs).map(|it| format!("did you mean `{it}`?"));
            let at = span.or_else(|| word(sql, name));
            return EngineError { what: format!("there is no function `{name}`"), at, hint, machine: false };
        }
        let at = span.or_else(|| what.split('`').nth(1).and_then(|it| word(sql, it)));
        EngineError { what: what.to_owned(), at, hint: None, machine: false }
    }
}

/// Whether a query may get through when it is run again with joins that spill.
pub(super) fn out_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

fn missing_column(field: &Column, valid: &[Column]) -> (String, Option<String>) {
    let table = field.relation.as_ref().map(ToString::to_string);
    let of = |it: &Column| it.relation.as_ref().map(ToString::to_string);
    let Some(table) = table else {
        let known: Vec<&str> = valid.iter().map(|it| it.name.as_str()).collect();
        let hint = did_you_mean(&field.name, known.iter().copied(), &format!("there are {}", listed(known.clone())));
        return (format!("there is no column `{}` here", field.name), Some(hint));
    };
    let known: Vec<&str> = valid.iter().filter(|it| of(it).as_ref() == Some(&table)).map(|it| it.name.as_str()).collect();
    if known.is_empty() {
        let tables: Vec<String> = valid.iter().filter_map(of).collect();
        let hint = did_you_mean(
            &table,
            tables.iter().map(String::as_str),
            &format!("there are {}", listed(tables.iter().map(String::as_str).collect())),
        );
        return (format!("no table here is called `{table}`"), Some(hint));
    }
    let hint = did_you_mean(&field.name, known.iter().copied(), &format!("it has {}", listed(known.clone())));
    (format!("`{table}` has no column `{}`", field.name), Some(hint))
}

fn listed(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// What the engine says while it runs may quote a cell; quoted parts are left out.
fn without_values(said: &str) -> String {
    let mut kept = String::new();
    for (at, part) in said.split(['\'', '"']).enumerate() {
        kept.push_str(if at % 2 == 0 { part } else { "…" });
    }
    kept
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(it, _)| it)
}

/// The first place where `name` stands as a whole word.
fn word(sql: &str, name: &str) -> Option<Range<usize>> {
    let part = |it: char| it.is_alphanumeric() || it == '_';
    sql.match_indices(name)
        .find(|(at, _)| !sql[..*at].ends_with(part) && !sql[at + name.len()..].starts_with(part))
        .map(|(at, _)| at..at + name.len())
}

/// A span of the parser in bytes.
pub(super) fn bytes(sql: &str, span: Span) -> Range<usize> {
    offset(sql, span.start.line, span.start.column)..offset(sql, span.end.line, span.end.column)
}

fn engine_bytes(sql: &str, span: EngineSpan) -> Range<usize> {
    offset(sql, span.start.line, span.start.column)..offset(sql, span.end.line, span.end.column)
}

/// Byte offset of a one-based line and column; the engine counts characters.
fn offset(sql: &str, line: u64, column: u64) -> usize {
    let mut lines = sql.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1) as usize).map(str::len).sum();
    let within: usize = lines.next().unwrap_or("").chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
    before + within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_values_are_left_out() {
        assert_eq!(offset("select '死亡',\n  died", 2, 3), "select '死亡',\n  ".len());
        assert_eq!(offset("select '死亡', x", 1, 14), "select '死亡', ".len());
        assert_eq!(without_values("Cannot cast string '330683' to value of Int32 type"), "Cannot cast string … to value of Int32 type");
        assert_eq!(word("select amount_fen, amount", "amount"), Some(19..25));
    }
}
