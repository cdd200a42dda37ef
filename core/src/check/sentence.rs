//! Sentences of evidence: values as people read them, in both languages.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{Names, within};
use crate::codes::{self, CodeList};
use crate::diag::{Mistake, did_you_mean};
use crate::function;
use crate::rule::Rule;
use crate::schema::{self, Kind};

/// The two languages of sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Zh,
    En,
}

impl Language {
    fn of(self, zh: &str, en: &str) -> String {
        if self == Language::Zh { zh.to_owned() } else { en.to_owned() }
    }
}

/// How a column is printed.
#[derive(Debug)]
pub(crate) enum Shape {
    Fen,
    Month,
    Day,
    Unit,
    Flag,
    /// Lists that the column's values may come from, the likeliest first.
    Code(Vec<&'static CodeList>),
    Plain,
}

impl Shape {
    /// By name and type: `*_fen`, `month` and `*_month` and what the shared tables call a month, `*unit_id`, dates, flags, codes.
    pub(super) fn of(field: &Field, rule: &Rule) -> Shape {
        let name = field.name().as_str();
        match field.data_type() {
            DataType::Int64 if name.ends_with("_fen") => Shape::Fen,
            DataType::Int32 if name.ends_with("unit_id") => Shape::Unit,
            DataType::Int32 | DataType::Int64 if is_month(name) => Shape::Month,
            DataType::Date32 => Shape::Day,
            DataType::Boolean => Shape::Flag,
            DataType::Utf8 => {
                let lists = lists(name, rule);
                if lists.is_empty() { Shape::Plain } else { Shape::Code(lists) }
            }
            _ => Shape::Plain,
        }
    }

    fn print(&self, array: &ArrayRef, row: usize, names: &Names, language: Language) -> String {
        if array.is_null(row) {
            return match self {
                Shape::Unit => language.of("（单位未对应）", "(unit not linked)"),
                _ => language.of("未知", "unknown"),
            };
        }
        match self {
            Shape::Fen => format!("{} {}", yuan(array.as_primitive::<Int64Type>().value(row)), language.of("元", "yuan")),
            Shape::Month => month(whole(array, row)),
            Shape::Day => day(array.as_primitive::<Date32Type>().value(row)),
            Shape::Unit => {
                let id = array.as_primitive::<Int32Type>().value(row);
                names.unit(id).map_or_else(|| format!("#{id}"), |it| it.name.clone())
            }
            Shape::Flag if array.as_boolean().value(row) => language.of("是", "yes"),
            Shape::Flag => language.of("否", "no"),
            Shape::Code(lists) => {
                let value = array.as_string::<i32>().value(row);
                let code = lists.iter().find_map(|it| it.code(value));
                code.map_or_else(|| value.to_owned(), |it| language.of(it.zh, it.en))
            }
            Shape::Plain => plain(array, row),
        }
    }

    /// The value for tables and JSON: the same in every language; codes stay codes, flags are true or false, units their names.
    pub(super) fn fact(&self, array: &ArrayRef, row: usize, names: &Names) -> Option<String> {
        if array.is_null(row) {
            return None;
        }
        Some(match self {
            Shape::Code(_) | Shape::Flag => plain(array, row),
            Shape::Fen => yuan(array.as_primitive::<Int64Type>().value(row)),
            other => other.print(array, row, names, Language::Zh),
        })
    }
}

fn whole(array: &ArrayRef, row: usize) -> i64 {
    match array.data_type() {
        DataType::Int32 => i64::from(array.as_primitive::<Int32Type>().value(row)),
        _ => array.as_primitive::<Int64Type>().value(row),
    }
}

fn plain(array: &ArrayRef, row: usize) -> String {
    ArrayFormatter::try_new(array, &FormatOptions::default()).map(|it| it.value(row).to_string()).unwrap_or_default()
}

fn is_month(name: &str) -> bool {
    let known = || schema::TABLES.iter().flat_map(|it| it.columns).any(|it| it.name == name && it.kind == Kind::Month);
    name == "month" || name == "since" || name.ends_with("_month") || known()
}

/// Code lists that a column called `name` may hold: of that name, of such a column in the tables the rule needs, then in any.
/// `death_source` is also `source` of `death`.
fn lists(name: &str, rule: &Rule) -> Vec<&'static CodeList> {
    let needed = rule.needs.iter().chain(&rule.excuses).filter_map(|it| schema::table(it));
    let of_tables = needed.chain(schema::TABLES).flat_map(|table| {
        let own = name.strip_prefix(table.name).and_then(|it| it.strip_prefix('_'));
        table.columns.iter().filter(move |it| it.name == name || Some(it.name) == own)
    });
    let of_columns = of_tables.filter_map(|it| if let Kind::Code(list) = it.kind { Some(list) } else { None });
    let person = (name == "sex").then_some(&codes::SEX);
    codes::list(name).into_iter().chain(person).chain(of_columns).collect()
}

/// 623470 fen as `6,234.70`.
pub(crate) fn yuan(fen: i64) -> String {
    let (whole, cents) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}.{cents:02}", if fen < 0 { "-" } else { "" })
}

fn month(month: i64) -> String {
    format!("{:04}-{:02}", month / 100, month % 100)
}

fn day(days: i32) -> String {
    function::day(days).map_or_else(|| days.to_string(), |it| it.to_string())
}

/// A sentence with places for values.
#[derive(Debug)]
pub(crate) struct Template {
    language: Language,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(usize, Shape),
}

impl Template {
    /// Reads `text`, which stands at `at` of the card; every `{column}` must be in `schema` and may not name a person.
    pub(super) fn read(rule: &Rule, text: &str, at: &Range<usize>, schema: &Schema) -> Result<Template, Mistake> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return Err(rule.source.mistake(at.clone(), "a `{` is not closed", "in this sentence"));
            };
            parts.push(Part::Text(before.to_owned()));
            let place = || within(at, &rule.source.text, &format!("{{{name}}}"));
            let Some(found) = schema.fields().iter().position(|it| it.name() == name) else {
                let known: Vec<&str> = schema.fields().iter().map(|it| it.name().as_str()).collect();
                let hint = did_you_mean(name, known.iter().copied(), &format!("it gives {}", known.join(", ")));
                return Err(rule.source.mistake(place(), format!("the query gives no column `{name}`"), "here").try_this(hint));
            };
            if is_personal(name) {
                let hint = "reports show the person beside the sentence";
                return Err(rule.source.mistake(place(), format!("`{name}` may not stand in a sentence"), "here").try_this(hint));
            }
            parts.push(Part::Value(found, Shape::of(schema.field(found), rule)));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let language = if *at == rule.sentence.zh_at { Language::Zh } else { Language::En };
        Ok(Template { language, parts })
    }

    pub(super) fn render(&self, rows: &RecordBatch, row: usize, names: &Names) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(at, shape) => shape.print(rows.column(*at), row, names, self.language),
        };
        self.parts.iter().map(part).collect()
    }
}

/// Names and numbers of people stay out of sentences, which go into mails and logs.
fn is_personal(name: &str) -> bool {
    let of_person = matches!(name, "person_id" | "person_key" | "id_number" | "name");
    let of_tables = schema::TABLES.iter().flat_map(|it| it.columns);
    of_person || of_tables.filter(|it| matches!(it.kind, Kind::Name | Kind::IdNumber | Kind::Account)).any(|it| it.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_grouped() {
        assert_eq!(yuan(623_470), "6,234.70");
        assert_eq!(yuan(5), "0.05");
        assert_eq!(yuan(-100_000_000), "-1,000,000.00");
        assert_eq!(yuan(99_999), "999.99");
    }
}
