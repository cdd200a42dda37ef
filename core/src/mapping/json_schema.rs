//! The JSON Schema of mapping files, so that editors complete and check them while they are written.

use serde_json::{Map, Value, json};

use super::PLACE_COLUMNS;
use super::form::{self, Holds, Key};
use crate::schema::{InputColumn, Kind, TABLES, Table};

/// The schema, JSON Schema 2020-12, printed from the shared vocabulary and from the keys that the reader knows.
pub fn json_schema() -> Value {
    let mut mapping = object(form::MAPPING);
    mapping["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    mapping["title"] = json!("muster mapping");
    mapping["$defs"] = Value::Object(TABLES.iter().map(|it| (it.name.to_owned(), feed_of(it))).collect());
    let feed = &mut mapping["properties"]["feed"]["items"];
    feed["properties"]["fills"] =
        json!({ "enum": TABLES.iter().map(|it| it.name).collect::<Vec<_>>(), "description": "The shared table." });
    feed["allOf"] = TABLES
        .iter()
        .map(|it| {
            json!({
                "if": { "properties": { "fills": { "const": it.name } }, "required": ["fills"] },
                "then": { "$ref": format!("#/$defs/{}", it.name) },
            })
        })
        .collect();
    mapping
}

/// What depends on the table that a feed fills.
fn feed_of(table: &'static Table) -> Value {
    let input = table.input();
    let required: Vec<&str> = table.columns.iter().filter(|it| it.required).map(|it| it.name).collect();
    let by_name =
        |value: &dyn Fn(&InputColumn) -> Value| -> Map<String, Value> { input.iter().map(|it| (it.name.clone(), value(it))).collect() };
    let mut expect = by_name(&|_| object(form::COLUMN_BOUND));
    expect.extend(properties(form::EXPECT));
    json!({
        "title": format!("{} {}", table.label_zh, table.label_en),
        "description": table.about,
        "properties": {
            "columns": {
                "type": "object", "additionalProperties": false, "required": required, "properties": by_name(&column),
            },
            "expect": { "type": "object", "additionalProperties": false, "properties": expect },
            "example": { "items": { "properties": { "gives": {
                "type": "object", "additionalProperties": false, "properties": by_name(&value),
            } } } },
        },
    })
}

/// How one shared column may be filled: only the keys that fit its kind.
fn column(into: &InputColumn) -> Value {
    let kind = into.column.kind;
    let fits = |key: &str| match key {
        "date" => kind == Kind::Date,
        "month" => kind == Kind::Month,
        "money" => kind == Kind::Fen,
        "flag" => kind == Kind::Flag,
        "codes" => matches!(kind, Kind::Code(_) | Kind::Text),
        _ => true,
    };
    let mut column = object(form::COLUMN);
    if let Some(properties) = column["properties"].as_object_mut() {
        properties.retain(|key, _| fits(key));
        if let (Kind::Code(list), Some(codes)) = (kind, properties.get_mut("codes")) {
            let known: Vec<&str> = list.codes.iter().map(|it| it.value).chain([""]).collect();
            codes["anyOf"][1]["additionalProperties"] = json!({ "enum": known });
        }
    }
    let about = [into.column.label_zh, into.column.label_en, into.column.about].join(" · ");
    column["description"] = json!(about.trim_end_matches(" · "));
    column["oneOf"] = json!([{ "required": ["from"] }, { "required": ["value"] }, { "required": ["sql"] }]);
    column
}

/// What an example may say of a column.
fn value(into: &InputColumn) -> Value {
    match into.column.kind {
        Kind::Month | Kind::Count | Kind::Fen => json!({ "anyOf": [{ "type": "integer" }, { "const": "" }] }),
        Kind::Flag => json!({ "anyOf": [{ "type": "boolean" }, { "const": "" }] }),
        Kind::Date => json!({ "type": "string", "pattern": "^(\\d{4}-\\d{2}-\\d{2})?$" }),
        Kind::Code(list) => json!({ "enum": list.codes.iter().map(|it| it.value).chain([""]).collect::<Vec<_>>() }),
        Kind::IdNumber | Kind::Name | Kind::Text | Kind::Account => json!({ "type": "string" }),
    }
}

fn object(keys: &[Key]) -> Value {
    let needed: Vec<&str> = keys.iter().filter(|it| it.needed).map(|it| it.name).collect();
    json!({ "type": "object", "additionalProperties": false, "required": needed, "properties": properties(keys) })
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    keys.iter()
        .map(|key| {
            let mut value = holds(key.holds);
            value["description"] = json!(key.about);
            (key.name.to_owned(), value)
        })
        .collect()
}

fn holds(what: Holds) -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    match what {
        Holds::Text => json!({ "type": "string" }),
        Holds::Word(words) => json!({ "enum": words }),
        Holds::Texts | Holds::TextOrTexts => json!({ "anyOf": [{ "type": "string" }, texts] }),
        Holds::Cell => json!({ "type": ["string", "integer", "number", "boolean"] }),
        Holds::Whole => json!({ "type": "integer" }),
        Holds::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Holds::Flag => json!({ "type": "boolean" }),
        Holds::Table(keys) => object(keys),
        Holds::Tables(keys) => json!({ "type": "array", "items": object(keys) }),
        Holds::Codes => json!({ "anyOf": [
            { "type": "string" },
            { "type": "object", "additionalProperties": { "type": "string" } },
            object(form::CODE_FILE),
        ] }),
        Holds::CodeTables => {
            json!({ "type": "object", "additionalProperties": { "type": "object", "additionalProperties": { "type": "string" } } })
        }
        Holds::BySourceColumn => json!({
            "type": "object",
            "properties": PLACE_COLUMNS.iter().map(|it| ((*it).to_owned(), json!({}))).collect::<Map<String, Value>>(),
        }),
        // Their keys depend on the shared table: `feed_of` lists them.
        Holds::BySharedColumn | Holds::Expect => json!({ "type": "object" }),
        Holds::Fresh => json!({ "anyOf": [{ "type": "string" }, object(form::FRESH)] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_column_can_be_completed() {
        let schema = json_schema();
        for table in TABLES {
            let columns = &schema["$defs"][table.name]["properties"]["columns"]["properties"];
            for it in table.input() {
                assert!(
                    columns[&it.name]["description"].as_str().is_some_and(|about| about.starts_with(it.column.label_zh)),
                    "{}",
                    it.name
                );
            }
        }
    }

    #[test]
    fn keys_are_offered_only_where_they_fit() {
        let schema = json_schema();
        let columns = &schema["$defs"]["payment"]["properties"]["columns"]["properties"];
        assert_eq!(columns["gross_fen"]["properties"]["money"]["enum"], json!(["yuan", "wan", "fen"]));
        assert!(columns["month"]["properties"]["money"].is_null());
        let codes = &columns["kind"]["properties"]["codes"]["anyOf"][1]["additionalProperties"]["enum"];
        assert!(codes.as_array().is_some_and(|it| it.contains(&json!("survivor"))), "{codes}");
    }
}
