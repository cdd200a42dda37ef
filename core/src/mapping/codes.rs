//! What a source's codes mean: inline, in a table of the mapping, or in a CSV file beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use toml::Spanned;
use toml::de::DeValue;

use super::form;
use super::walk::{Entries, Walk, Word};
use crate::codes::{CodeList, SEX};
use crate::diag::{Said, Source, perhaps, said};

/// From a source's codes to the shared ones.
#[derive(Clone, Debug, Default)]
pub struct CodeMap {
    targets: Vec<String>,
    by: HashMap<String, u32>,
    /// What the codes may mean; null: any text.
    list: Option<&'static CodeList>,
}

impl CodeMap {
    /// The place of what `code` means in [`CodeMap::target`]; null when the map does not name it.
    pub fn find(&self, code: &str) -> Option<u32> {
        self.by.get(code).copied()
    }

    /// A meaning by its place; null when the code is known and says nothing (`"0" = ""`).
    pub fn target(&self, place: u32) -> Option<&str> {
        self.targets.get(place as usize).map(String::as_str).filter(|it| !it.is_empty())
    }

    fn put(&mut self, code: &str, target: &str) {
        let place = self.targets.iter().position(|it| it == target).unwrap_or_else(|| {
            self.targets.push(target.to_owned());
            self.targets.len() - 1
        });
        self.by.insert(code.to_owned(), place as u32);
    }

    /// What a source may write when the mapping gives no codes: the shared codes themselves and their Chinese names. Sex has the
    /// codes of GB/T 2261.1 too, because every department uses them.
    pub(super) fn of_list(list: &'static CodeList) -> CodeMap {
        let mut map = CodeMap::default();
        for code in list.codes {
            map.put(code.value, code.value);
            map.put(code.zh, code.value);
        }
        if list.name == SEX.name {
            for (code, target) in [("1", "male"), ("2", "female"), ("男性", "male"), ("女性", "female"), ("0", ""), ("9", "")] {
                map.put(code, target);
            }
        }
        map
    }

    /// The same map, which also takes a shared code as it is: a default may be written either way, and mean what the source never
    /// writes.
    pub(crate) fn with_targets(&self) -> CodeMap {
        let mut map = self.clone();
        let shared = self.list.iter().flat_map(|it| it.codes).map(|it| it.value);
        for target in self.targets.iter().map(String::as_str).chain(shared) {
            if !map.by.contains_key(target) {
                map.put(target, target);
            }
        }
        map
    }
}

/// Codes as they are written, before a column says which list they belong to.
pub(super) type Written = Vec<(Word, Word)>;

/// The tables under `[codes]`.
pub(super) fn tables(walk: &mut Walk<'_>, top: &Entries<'_>) -> BTreeMap<String, Written> {
    let Some(entries) = top.get("codes").and_then(|it| walk.open(it, "`codes`")) else { return BTreeMap::new() };
    let mut tables = BTreeMap::new();
    for (name, value) in entries.each() {
        let called = format!("`codes.{}`", name.text);
        if let Some(table) = walk.open(value, &called) {
            tables.insert(name.text, written(walk, &table));
        }
    }
    tables
}

fn written(walk: &mut Walk<'_>, table: &Entries<'_>) -> Written {
    let mut codes = Vec::new();
    for (code, _) in table.each() {
        if let Some(target) = walk.cell(table, &code.text) {
            codes.push((code, target));
        }
    }
    codes
}

/// The `codes` of one column. `list` is what a code may mean; without one it may be any text.
pub(super) fn of_column(
    walk: &mut Walk<'_>,
    column: &Entries<'_>,
    list: Option<&'static CodeList>,
    tables: &BTreeMap<String, Written>,
) -> Option<Arc<CodeMap>> {
    let value = column.get("codes")?;
    let map = match value.get_ref() {
        DeValue::String(name) => named(walk, value, name, list, tables)?,
        DeValue::Table(_) => {
            let table = walk.open(value, said!("{} 的 `codes`", "`codes` of {}"; column.called))?;
            // A code list has no code called `file`, so the word is free to name one.
            if table.has("file") {
                from_file(walk, &table, list)?
            } else {
                let codes = written(walk, &table);
                checked(walk, &codes, list)
            }
        }
        _ => {
            let what = said!("{} 的 `codes` 必须是表或表名", "`codes` of {} must be a table or the name of one"; column.called);
            let hint = said!(
                "codes = {{ \"01\" = \"…\" }}；codes = \"名称\" 指 [codes.名称] 表；codes = {{ file = \"….csv\" }} 指文件",
                "codes = {{ \"01\" = \"…\" }}, codes = \"name\" for a table [codes.name], or codes = {{ file = \"….csv\" }}"
            );
            walk.wrong_with_hint(value.span(), what, said!("不是代码表", "no codes"), hint);
            return None;
        }
    };
    Some(Arc::new(map))
}

fn named(
    walk: &mut Walk<'_>,
    at: &Spanned<DeValue<'_>>,
    name: &str,
    list: Option<&'static CodeList>,
    tables: &BTreeMap<String, Written>,
) -> Option<CodeMap> {
    let Some(codes) = tables.get(name) else {
        let hint = perhaps(name, tables.keys().map(String::as_str), said!("加一张 [codes.{name}] 表", "add a table [codes.{name}]"));
        let what = said!("本文件没有 `codes.{name}` 表", "there is no table `codes.{name}` in this file");
        walk.wrong_with_hint(at.span(), what, said!("未知的代码表", "unknown table of codes"), hint);
        return None;
    };
    Some(checked(walk, codes, list))
}

/// A map of `codes`; those that `list` does not have are mistakes.
fn checked(walk: &mut Walk<'_>, codes: &Written, list: Option<&'static CodeList>) -> CodeMap {
    let mut map = CodeMap { list, ..CodeMap::default() };
    for (code, target) in codes {
        if let Some(hint) = unknown(&target.text, list) {
            let what = said!("`{}` 没有代码 `{}`", "`{}` has no code `{}`", list.map_or("", |it| it.name), target.text);
            walk.wrong_with_hint(target.at.clone(), what, said!("未知的代码", "unknown code"), hint);
        }
        map.put(code.text.trim(), &target.text);
    }
    map
}

/// The hint, when `list` does not have `target`. Empty text says that a code means nothing.
fn unknown(target: &str, list: Option<&'static CodeList>) -> Option<Said> {
    let list = list.filter(|it| !target.is_empty() && it.code(target).is_none())?;
    let known = || list.codes.iter().map(|it| it.value);
    let all = known().collect::<Vec<_>>().join(", ");
    Some(perhaps(target, known(), said!("代码有 {all}", "the codes are {all}")))
}

fn from_file(walk: &mut Walk<'_>, table: &Entries<'_>, list: Option<&'static CodeList>) -> Option<CodeMap> {
    walk.check_keys(table, form::CODE_FILE);
    let name = walk.text(table, "file")?;
    let Some(text) = (walk.files)(&name.text) else {
        let hint = said!("代码文件放在映射旁边", "code files stand beside the mapping");
        let what = said!("代码文件 `{}` 无法读取", "the code file `{}` cannot be read", name.text);
        walk.wrong_with_hint(name.at, what, said!("没有这个文件", "no such file"), hint);
        return None;
    };
    let folder = walk.source.path.rfind('/').map_or("", |at| &walk.source.path[..=at]);
    let file = Source::new(format!("{folder}{}", name.text), text);
    match file_codes(&file, list) {
        Ok(map) => Some(map),
        Err(mistakes) => {
            walk.in_other_file(mistakes);
            None
        }
    }
}

/// A CSV file with the columns `from` and `to`; others are notes for people.
fn file_codes(file: &Source, list: Option<&'static CodeList>) -> Result<CodeMap, Vec<crate::diag::Mistake>> {
    let text = file.text.trim_start_matches('\u{feff}');
    let skipped = file.text.len() - text.len();
    let mut lines = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = lines.headers().cloned().unwrap_or_default();
    let place = |name: &str| header.iter().position(|it| it == name);
    let (Some(from), Some(to)) = (place("from"), place("to")) else {
        let mistake = file.mistake(
            skipped..skipped,
            said!("代码文件的第一行必须是 from,to", "a code file begins with the line from,to"),
            said!("此处", "here"),
        );
        return Err(vec![mistake]);
    };
    let mut map = CodeMap { list, ..CodeMap::default() };
    let mut mistakes = Vec::new();
    for line in lines.records() {
        let line = match line {
            Ok(line) => line,
            Err(why) => {
                mistakes.push(file.mistake(0..0, said!("不是 CSV：{why}", "this is no CSV: {why}"), said!("此处", "here")));
                break;
            }
        };
        let start = skipped + line.position().map_or(0, |it| it.byte() as usize);
        let start = start + file.text.get(start..).map_or(0, |it| it.len() - it.trim_start().len());
        let at = start..start + file.text.get(start..).and_then(|it| it.lines().next()).map_or(0, str::len);
        let (Some(code), Some(target)) = (line.get(from).filter(|it| !it.is_empty()), line.get(to)) else {
            mistakes.push(file.mistake(at, said!("这一行缺少代码", "this line lacks a code"), said!("不完整", "incomplete")));
            continue;
        };
        if let Some(hint) = unknown(target, list) {
            let what = said!("`{}` 没有代码 `{target}`", "`{}` has no code `{target}`", list.map_or("", |it| it.name));
            mistakes.push(file.mistake(at.clone(), what, said!("未知的代码", "unknown code")).try_this(hint));
        }
        let known = map.find(code);
        if known.is_some_and(|it| map.targets[it as usize] != target) {
            let what = said!("`{code}` 出现两次，含义不同", "`{code}` stands here twice, with two meanings");
            mistakes.push(file.mistake(at, what, said!("第二个", "the second")));
        }
        map.put(code, target);
    }
    if mistakes.is_empty() { Ok(map) } else { Err(mistakes) }
}
