//! Walks the parsed TOML key by key, and collects every mistake instead of stopping at the first.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::{self, Key};
use super::{Mapping, Title, codes, feeds};
use crate::diag::{Mistake, Said, Source, perhaps, said};

/// The whole file.
pub(super) fn mapping(source: &Source, files: &dyn Fn(&str) -> Option<String>) -> Result<Mapping, Vec<Mistake>> {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|it| source.mistake(it.span().unwrap_or(0..0), it.message(), "here")).collect());
    }
    let mut walk = Walk { source, files, mistakes: Vec::new() };
    let top = Entries { table: document.get_ref(), at: 0..0, called: said!("映射", "the mapping") };
    walk.check_keys(&top, form::MAPPING);
    let title = walk.title(&top);
    let tables = codes::tables(&mut walk, &top);
    let feeds = feeds::feeds(&mut walk, &top, &tables);
    match title {
        Some(title) if walk.mistakes.is_empty() => Ok(Mapping { title, feeds }),
        _ => Err(walk.in_reading_order()),
    }
}

/// What has been found so far.
pub(super) struct Walk<'a> {
    pub source: &'a Source,
    pub files: &'a dyn Fn(&str) -> Option<String>,
    /// With the place in the file by which they are told in reading order.
    mistakes: Vec<(usize, Mistake)>,
}

/// A table of the file: its entries, where it stands, and what messages call it.
pub(super) struct Entries<'t> {
    pub table: &'t DeTable<'t>,
    pub at: Range<usize>,
    pub called: Said,
}

/// A text of the file and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub at: Range<usize>,
}

impl<'t> Entries<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Where the key itself stands; the table when there is no such key.
    pub(super) fn key_at(&self, key: &str) -> Range<usize> {
        self.table.keys().find(|name| name.get_ref() == key).map_or(self.at.clone(), Spanned::span)
    }

    /// Every key with its value, in the file's order.
    pub(super) fn each(&self) -> Vec<(Word, &'t Spanned<DeValue<'t>>)> {
        let mut all: Vec<_> =
            self.table.iter().map(|(name, value)| (Word { text: name.get_ref().to_string(), at: name.span() }, value)).collect();
        all.sort_by_key(|(name, _)| name.at.start);
        all
    }
}

impl Walk<'_> {
    pub(super) fn wrong(&mut self, at: Range<usize>, what: impl Into<Said>, label: impl Into<Said>) {
        self.mistakes.push((at.start, self.source.mistake(at, what, label)));
    }

    pub(super) fn wrong_with_hint(&mut self, at: Range<usize>, what: impl Into<Said>, label: impl Into<Said>, hint: impl Into<Said>) {
        self.mistakes.push((at.start, self.source.mistake(at, what, label).try_this(hint)));
    }

    /// Mistakes so far.
    pub(super) fn count(&self) -> usize {
        self.mistakes.len()
    }

    /// Mistakes in a file beside the mapping; they are told last.
    pub(super) fn in_other_file(&mut self, mistakes: Vec<Mistake>) {
        self.mistakes.extend(mistakes.into_iter().map(|it| (usize::MAX, it)));
    }

    /// Two columns that share a table of codes must not say its mistakes twice.
    fn in_reading_order(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|(at, _)| *at);
        self.mistakes.dedup_by(|(_, a), (_, b)| a.what == b.what && a.place() == b.place());
        self.mistakes.into_iter().map(|(_, mistake)| mistake).collect()
    }

    /// `value` as a table whose keys are all among `keys`.
    pub(super) fn entries<'t>(&mut self, value: &'t Spanned<DeValue<'t>>, called: impl Into<Said>, keys: &[Key]) -> Option<Entries<'t>> {
        let entries = self.open(value, called)?;
        self.check_keys(&entries, keys);
        Some(entries)
    }

    /// `value` as a table with keys of the writer's own.
    pub(super) fn open<'t>(&mut self, value: &'t Spanned<DeValue<'t>>, called: impl Into<Said>) -> Option<Entries<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Entries { table, at: value.span(), called: called.into() }),
            other => {
                let called = called.into();
                let what = said!("{} 必须是表，而不是{}", "{} must be a table, not {}"; called, word_for(other));
                self.wrong(value.span(), what, said!("不是表", "not a table"));
                None
            }
        }
    }

    pub(super) fn check_keys(&mut self, entries: &Entries<'_>, keys: &[Key]) {
        for (name, _) in entries.each() {
            if !keys.iter().any(|it| it.name == name.text) {
                let known: Vec<&str> = keys.iter().map(|it| it.name).collect();
                let list = known.join(", ");
                let hint = perhaps(&name.text, known.iter().copied(), said!("可用的键有 {list}", "the keys are {list}"));
                let (key, called) = (&name.text, entries.called.clone());
                let what = Said { zh: format!("{} 没有 `{key}` 这一项", called.zh), en: format!("{} has no key `{key}`", called.en) };
                self.wrong_with_hint(name.at, what, said!("未知的键", "unknown key"), hint);
            }
        }
        for key in keys.iter().filter(|it| it.needed && !entries.has(it.name)) {
            let what = Said {
                zh: format!("{} 缺少 `{}`", entries.called.zh, key.name),
                en: format!("{} lacks `{}`", entries.called.en, key.name),
            };
            self.wrong_with_hint(entries.at.clone(), what, said!("不完整", "incomplete"), format!("{}: {}", key.name, key.about));
        }
    }

    fn must_be(&mut self, entries: &Entries<'_>, key: &str, what: &Said, value: &Spanned<DeValue<'_>>) {
        let (called, found) = (&entries.called, word_for(value.get_ref()));
        let what = Said {
            zh: format!("{} 的 `{key}` 必须是{}，而不是{}", called.zh, what.zh, found.zh),
            en: format!("`{key}` of {} must be {}, not {}", called.en, what.en, found.en),
        };
        self.wrong(value.span(), what, said!("类型不对", "wrong type"));
    }

    pub(super) fn text(&mut self, entries: &Entries<'_>, key: &str) -> Option<Word> {
        let value = entries.get(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                let what = said!("{} 的 `{key}` 是空的", "`{key}` of {} is empty"; entries.called);
                self.wrong(value.span(), what, said!("空", "empty"));
                None
            }
            DeValue::String(text) => Some(Word { text: text.to_string(), at: value.span() }),
            _ => {
                self.must_be(entries, key, &said!("文本", "text"), value);
                None
            }
        }
    }

    /// Text, a whole number or yes/no, as the text that stands there; may be empty.
    pub(super) fn cell(&mut self, entries: &Entries<'_>, key: &str) -> Option<Word> {
        let value = entries.get(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Datetime(day) => day.to_string(),
            _ => {
                self.must_be(entries, key, &said!("单个值", "a single value"), value);
                return None;
            }
        };
        Some(Word { text, at: value.span() })
    }

    /// One text or a list of texts.
    pub(super) fn texts(&mut self, entries: &Entries<'_>, key: &str) -> Option<Vec<Word>> {
        let value = entries.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(vec![Word { text: text.to_string(), at: value.span() }]),
            DeValue::Array(items) => {
                let mut words = Vec::new();
                for item in items {
                    match item.get_ref() {
                        DeValue::String(text) => words.push(Word { text: text.to_string(), at: item.span() }),
                        _ => self.must_be(entries, key, &said!("文本列表", "a list of texts"), item),
                    }
                }
                Some(words)
            }
            _ => {
                self.must_be(entries, key, &said!("文本列表", "a list of texts"), value);
                None
            }
        }
    }

    pub(super) fn whole(&mut self, entries: &Entries<'_>, key: &str) -> Option<i64> {
        let value = entries.get(key)?;
        let found = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if found.is_none() {
            self.must_be(entries, key, &said!("整数", "a whole number"), value);
        }
        found
    }

    /// A whole number that is not below zero.
    pub(super) fn number(&mut self, entries: &Entries<'_>, key: &str) -> Option<u64> {
        let found = self.whole(entries, key)?;
        let number = u64::try_from(found).ok();
        if number.is_none() {
            let at = entries.get(key).map_or(entries.at.clone(), Spanned::span);
            self.wrong(at, said!("{} 的 `{key}` 小于零", "`{key}` of {} is below zero"; entries.called), said!("小于零", "below zero"));
        }
        number
    }

    /// A share, 0 to 1.
    pub(super) fn share(&mut self, entries: &Entries<'_>, key: &str) -> Option<f64> {
        let value = entries.get(key)?;
        let found = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
            _ => None,
        };
        let share = found.filter(|it| (0.0..=1.0).contains(it));
        if share.is_none() {
            let what = said!("{} 的 `{key}` 必须是 0 到 1 之间的比例", "`{key}` of {} must be a share between 0 and 1"; entries.called);
            self.wrong_with_hint(value.span(), what, said!("不是比例", "no share"), said!("5% 写作 0.05", "5 % is written 0.05"));
        }
        share
    }

    pub(super) fn flag(&mut self, entries: &Entries<'_>, key: &str) -> Option<bool> {
        let value = entries.get(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.must_be(entries, key, &said!("true 或 false", "true or false"), value);
        None
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables<'t>(&mut self, entries: &Entries<'t>, key: &str) -> Vec<&'t Spanned<DeValue<'t>>> {
        let Some(value) = entries.get(key) else { return Vec::new() };
        if let DeValue::Array(items) = value.get_ref() {
            return items.iter().collect();
        }
        let what = said!("{} 的 `{key}` 必须是表的列表", "`{key}` of {} must be a list of tables"; entries.called);
        self.wrong_with_hint(value.span(), what, said!("不是列表", "no list"), said!("写作 [[{key}]]", "write [[{key}]]"));
        Vec::new()
    }

    fn title(&mut self, top: &Entries<'_>) -> Option<Title> {
        let entries = self.entries(top.get("title")?, "`title`", form::TITLE)?;
        let (zh, en) = (self.text(&entries, "zh"), self.text(&entries, "en"));
        Some(Title { zh: zh?.text, en: en?.text })
    }
}

/// The word for what stands there.
fn word_for(value: &DeValue<'_>) -> Said {
    match value {
        DeValue::String(_) => said!("文本", "text"),
        DeValue::Integer(_) => said!("整数", "a whole number"),
        DeValue::Float(_) => said!("小数", "a number"),
        DeValue::Boolean(_) => said!("true 或 false", "true or false"),
        DeValue::Datetime(_) => said!("日期", "a date"),
        DeValue::Array(_) => said!("列表", "a list"),
        DeValue::Table(_) => said!("表", "a table"),
    }
}
