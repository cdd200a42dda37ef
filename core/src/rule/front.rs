//! The settings of a card, between its two `+++` lines.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Amount, Faults, STANDARD_PARAMS, Sentence, Status};
use crate::diag::did_you_mean;
use crate::engine::Param;
use crate::finding::{Family, Severity};
use crate::mapping::Title;
use crate::schema;

pub(super) struct Front {
    pub id: String,
    pub name: String,
    pub title: Title,
    pub family: Family,
    pub severity: Severity,
    pub status: Status,
    pub needs: Vec<String>,
    pub looks_at: Option<String>,
    pub excuses: Vec<String>,
    pub grace_months: i32,
    pub category: Option<String>,
    pub basis: Option<Title>,
    pub amount: Option<Amount>,
    pub sentence: Sentence,
    pub confidence: f32,
    pub params: BTreeMap<String, Param>,
}

/// Every key a card may set at its top.
const KEYS: &[&str] = &[
    "id",
    "name",
    "title",
    "family",
    "severity",
    "status",
    "needs",
    "looks_at",
    "excuses",
    "grace_months",
    "category",
    "basis",
    "amount",
    "sentence",
    "confidence",
    "params",
];

/// Amount formulas of the rule catalogue.
const FORMULAS: &[&str] = &["A0", "A1", "A2", "A3", "A4", "A5", "A6"];

/// Bounds of `grace_months`.
pub(super) const GRACE_MONTHS: std::ops::RangeInclusive<i64> = 0..=120;

pub(super) const SEVERITIES: &[(&str, Severity)] =
    &[("S1", Severity::S1), ("S2", Severity::S2), ("S3", Severity::S3), ("S4", Severity::S4)];

const STATUSES: &[(&str, Status)] = &[("draft", Status::Draft), ("trial", Status::Trial), ("stable", Status::Stable)];

/// The settings that lie at `at`; none when a required one is missing or wrong, which is then among the faults.
pub(super) fn read(at: Range<usize>, faults: &mut Faults<'_>) -> Option<Front> {
    let text = faults.source.text.get(at.clone())?;
    let (table, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        let span = error.span().unwrap_or(0..0);
        faults.add(at.start + span.start..at.start + span.end, error.message(), "here");
    }
    if !broken.is_empty() {
        return None;
    }
    let mut fields = Fields { table: table.get_ref(), whole: at.clone(), offset: at.start, faults };
    fields.known(KEYS);
    let id = fields.text("id");
    let name = fields.text("name");
    let title = fields.both("title");
    let family = fields.one_of("family", &Family::ALL.map(|it| (it.word(), it)));
    let severity = fields.one_of("severity", SEVERITIES);
    let status = fields.one_of("status", STATUSES);
    let needs = fields.tables("needs", true);
    let looks_at = fields.looks_at(needs.as_deref());
    let excuses = fields.tables("excuses", false);
    let grace_months = fields.whole_number("grace_months", 0, GRACE_MONTHS);
    let category = fields.maybe_text("category");
    let basis = fields.has("basis").then(|| fields.both("basis")).flatten();
    let amount = fields.amount();
    let sentence = fields.sentence();
    let confidence = fields.confidence();
    let params = fields.params();
    fields.names(id.as_deref(), name.as_deref(), family);
    Some(Front {
        id: id?,
        name: name?,
        title: title?,
        family: family?,
        severity: severity?,
        status: status?,
        needs: needs?,
        looks_at,
        excuses: excuses.unwrap_or_default(),
        grace_months: i32::try_from(grace_months?).ok()?,
        category,
        basis,
        amount,
        sentence: sentence?,
        confidence: confidence?,
        params,
    })
}

type Value<'a> = Spanned<DeValue<'a>>;

struct Fields<'a, 'f, 's> {
    table: &'a DeTable<'a>,
    whole: Range<usize>,
    offset: usize,
    faults: &'f mut Faults<'s>,
}

impl<'a> Fields<'a, '_, '_> {
    fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn place(&self, span: Range<usize>) -> Range<usize> {
        self.offset + span.start..self.offset + span.end
    }

    fn wrong(&mut self, span: Range<usize>, what: impl Into<crate::diag::Said>, hint: impl Into<crate::diag::Said>) {
        let at = self.place(span);
        self.faults.add_hint(at, what, "here", hint);
    }

    fn known(&mut self, keys: &[&'static str]) {
        self.known_in(self.table, keys);
    }

    fn known_in(&mut self, table: &DeTable<'_>, keys: &[&'static str]) {
        for key in table.keys().filter(|it| !keys.contains(&it.get_ref().as_ref())) {
            let hint = did_you_mean(key.get_ref(), keys.iter().copied(), &format!("known here: {}", keys.join(", ")));
            self.wrong(key.span(), format!("unknown setting `{}`", key.get_ref()), hint);
        }
    }

    fn required(&mut self, key: &str) -> Option<&'a Value<'a>> {
        let value = self.table.get(key);
        if value.is_none() {
            let at = self.whole.start.saturating_sub(4)..self.whole.start.saturating_sub(1);
            self.faults.add(at, format!("`{key}` is missing"), "in these settings");
        }
        value
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.required(key)?;
        self.text_of(key, value)
    }

    fn maybe_text(&mut self, key: &str) -> Option<String> {
        let value = self.table.get(key)?;
        self.text_of(key, value)
    }

    fn text_of(&mut self, key: &str, value: &Value<'_>) -> Option<String> {
        match value.get_ref().as_str() {
            Some("") => self.wrong(value.span(), format!("`{key}` is empty"), "say something, or leave it out"),
            Some(text) => return Some(text.to_owned()),
            None => self.wrong(value.span(), format!("`{key}` should be text"), "put it in quotes"),
        }
        None
    }

    fn one_of<T: Copy>(&mut self, key: &str, known: &[(&str, T)]) -> Option<T> {
        let value = self.required(key)?;
        let text = self.text_of(key, value)?;
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, it)| *it);
        if found.is_none() {
            let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            let hint = did_you_mean(&text, words.iter().copied(), &format!("one of {}", words.join(", ")));
            self.wrong(value.span(), format!("`{text}` is no {key}"), hint);
        }
        found
    }

    /// A table with `zh` and `en`.
    fn both(&mut self, key: &str) -> Option<Title> {
        let value = self.required(key)?;
        let table = self.languages(key, value, &["zh", "en"])?;
        let zh = self.language(key, "zh", value, table);
        let en = self.language(key, "en", value, table);
        Some(Title { zh: zh?.0, en: en?.0 })
    }

    fn languages(&mut self, key: &str, value: &'a Value<'a>, keys: &[&'static str]) -> Option<&'a DeTable<'a>> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span(), format!("`{key}` should have both languages"), format!("{key} = {{ zh = \"…\", en = \"…\" }}"));
            return None;
        };
        self.known_in(table, keys);
        Some(table)
    }

    fn language(&mut self, key: &str, language: &str, value: &Value<'_>, table: &DeTable<'_>) -> Option<(String, Range<usize>)> {
        let Some(inner) = table.get(language) else {
            self.wrong(value.span(), format!("`{key}` has no `{language}`"), "both languages are printed");
            return None;
        };
        let at = self.place(inner.span());
        Some((self.text_of(&format!("{key}.{language}"), inner)?, at))
    }

    fn sentence(&mut self) -> Option<Sentence> {
        let value = self.required("sentence")?;
        let table = self.languages("sentence", value, &["zh", "en"])?;
        let zh = self.language("sentence", "zh", value, table);
        let en = self.language("sentence", "en", value, table);
        let ((zh, zh_at), (en, en_at)) = (zh?, en?);
        Some(Sentence { zh, en, zh_at, en_at })
    }

    fn amount(&mut self) -> Option<Amount> {
        let value = self.table.get("amount")?;
        let table = self.languages("amount", value, &["formula", "zh", "en"])?;
        let formula = self.language("amount", "formula", value, table);
        let zh = self.language("amount", "zh", value, table);
        let en = self.language("amount", "en", value, table);
        let (formula, zh, en) = (formula?.0, zh?.0, en?.0);
        if !FORMULAS.contains(&formula.as_str()) {
            self.wrong(value.span(), format!("`{formula}` is no amount formula"), format!("one of {}", FORMULAS.join(", ")));
        }
        Some(Amount { formula, title: Title { zh, en } })
    }

    fn tables(&mut self, key: &str, required: bool) -> Option<Vec<String>> {
        let value = if required { self.required(key)? } else { self.table.get(key)? };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(value.span(), format!("`{key}` should be a list of tables"), format!("{key} = [\"payment\"]"));
            return None;
        };
        let mut tables = Vec::new();
        for item in list {
            let Some(name) = self.text_of(key, item) else { continue };
            if schema::DERIVED.iter().any(|it| it.name == name) {
                self.wrong(item.span(), format!("`{name}` is derived"), "name the shared tables it is computed from");
            } else if schema::table(&name).is_none() {
                let hint = did_you_mean(&name, schema::TABLES.iter().map(|it| it.name), "docs/schema.md lists the shared tables");
                self.wrong(item.span(), format!("there is no shared table `{name}`"), hint);
            }
            tables.push(name);
        }
        Some(tables)
    }

    /// One of `needs`.
    fn looks_at(&mut self, needs: Option<&[String]>) -> Option<String> {
        let name = self.maybe_text("looks_at")?;
        if let (Some(needs), Some(value)) = (needs, self.table.get("looks_at"))
            && !needs.contains(&name)
        {
            let hint = did_you_mean(&name, needs.iter().map(String::as_str), &format!("one of {}", needs.join(", ")));
            self.wrong(value.span(), format!("`{name}` is none of the tables that the rule needs"), hint);
        }
        Some(name)
    }

    fn whole_number(&mut self, key: &str, otherwise: i64, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let Some(value) = self.table.get(key) else { return Some(otherwise) };
        let found = integer(value).filter(|it| bounds.contains(it));
        if found.is_none() {
            self.wrong(value.span(), format!("`{key}` should be a whole number"), format!("from {} to {}", bounds.start(), bounds.end()));
        }
        found
    }

    fn confidence(&mut self) -> Option<f32> {
        let value = self.required("confidence")?;
        let found = match value.get_ref() {
            DeValue::Float(it) => it.as_str().parse().ok(),
            DeValue::Integer(it) => it.as_str().parse().ok(),
            _ => None,
        };
        let found = found.filter(|it: &f32| (0.0..=1.0).contains(it));
        if found.is_none() {
            let hint = "1.0 for a hard fact, 0.7 for a conflict between sources, 0.4 for a heuristic";
            self.wrong(value.span(), "`confidence` should be a number from 0 to 1", hint);
        }
        found
    }

    fn params(&mut self) -> BTreeMap<String, Param> {
        let mut params = BTreeMap::new();
        let Some(value) = self.table.get("params") else { return params };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong(value.span(), "`params` should be a table", "[params]");
            return params;
        };
        for (key, value) in table {
            let name = key.get_ref().to_string();
            if STANDARD_PARAMS.iter().any(|(it, _)| *it == name) {
                self.wrong(key.span(), format!("`{name}` is a standard parameter"), "choose another name");
                continue;
            }
            let param = match value.get_ref() {
                DeValue::String(text) => Some(Param::Text(text.to_string())),
                _ => integer(value).map(Param::Whole),
            };
            if let Some(param) = param {
                params.insert(name, param);
            } else {
                let hint = "money is fen, time is days or months";
                self.wrong(value.span(), format!("`{name}` should be a whole number or text"), hint);
            }
        }
        params
    }

    /// Checks that id, name, family and file name fit together.
    fn names(&mut self, id: Option<&str>, name: Option<&str>, family: Option<Family>) {
        if let (Some(id), Some(value)) = (id, self.table.get("id")) {
            let (first, rest) = id.split_at(id.chars().next().map_or(0, char::len_utf8));
            if rest.len() < 2 || !rest.bytes().all(|it| it.is_ascii_digit()) {
                self.wrong(value.span(), format!("`{id}` is no rule id"), "a letter and two digits, like G01");
            } else if let Some(family) = family.filter(|it| !first.starts_with(it.letter())) {
                let hint = format!("rules of this family begin with {}", family.letter());
                self.wrong(value.span(), format!("`{id}` does not fit the family `{}`", family.word()), hint);
            }
        }
        let stem = self.faults.source.path.rsplit(['/', '\\']).next().and_then(|it| it.strip_suffix(".md")).map(str::to_owned);
        if let (Some(name), Some(stem), Some(value)) = (name, stem, self.table.get("name"))
            && name != stem
        {
            self.wrong(value.span(), format!("`{name}` is not the file's name"), format!("the file is called `{stem}`"));
        }
    }
}

pub(super) fn integer(value: &Value<'_>) -> Option<i64> {
    let it = value.get_ref().as_integer()?;
    i64::from_str_radix(&it.as_str().replace('_', ""), it.radix()).ok()
}
