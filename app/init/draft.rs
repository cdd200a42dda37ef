//! The draft of one feed: which shared table, how each of its columns is filled, and where a person must look.

use std::fmt::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use muster_connectors::Offer;
use muster_core::mapping::{self, Guess};
use muster_core::schema::{Kind, Table};
use regex::Regex;
use serde::Serialize;

use super::hints::{self, Hint};

/// A feed as it is written, and what is told of it.
#[derive(Debug, Serialize)]
pub struct Draft {
    /// The feed's name; empty for a table that none was written for.
    pub name: String,
    /// The source's table or file pattern.
    pub table: String,
    /// The shared table; null when none was recognised.
    pub fills: Option<&'static str>,
    /// Shared columns that are filled.
    pub mapped: usize,
    /// Columns of the source that nothing reads.
    pub unread: usize,
    /// Places marked `?`.
    pub marks: usize,
    /// Required columns that nothing could be found for: the feed stands in the draft as a remark.
    pub lacks: Vec<String>,
    /// The words of the mapping.
    #[serde(skip)]
    pub text: String,
}

impl Draft {
    /// A table that looks like none of ours.
    pub fn unknown(offer: &Offer) -> Draft {
        let text = format!("\n# 未识别，未映射 not recognised: {:?}: {}\n", offer.table, offer.columns.join(", "));
        Draft {
            name: String::new(),
            table: offer.table.clone(),
            fills: None,
            mapped: 0,
            unread: offer.columns.len(),
            marks: 0,
            lacks: Vec::new(),
            text,
        }
    }

    /// The shared table in both languages.
    pub fn labels(&self) -> Option<(&'static str, &'static str)> {
        self.fills.and_then(muster_core::schema::table).map(|it| (it.label_zh, it.label_en))
    }
}

/// Drafts a feed called `name`; `source` is named where the department has several.
pub fn feed(name: &str, source: Option<&str>, offer: &Offer, sample: &[RecordBatch]) -> Draft {
    let proposal = mapping::propose(&offer.table, &offer.columns);
    let Some(table) = proposal.table else { return Draft::unknown(offer) };
    let mut lines = Lines { table, text: String::new(), filled: Vec::new(), marks: 0 };
    for guess in &proposal.columns {
        lines.column(guess, sample);
    }
    let lacks = lines.what_is_left(offer, sample);
    let Lines { text: columns, filled, mut marks, .. } = lines;
    let unread: Vec<String> = proposal.columns.iter().filter(|it| it.shared.is_none()).map(|it| format!("{:?}", it.header)).collect();
    let mut text = format!("[[feed]]\nname  = {name:?}\nfills = {:?}\n", table.name);
    if let Some(source) = source {
        let _ = writeln!(text, "source = {source:?}");
    }
    let _ = writeln!(text, "table = {:?}{}", offer.table, next_one(&offer.table));
    if marks > 0 {
        text.push_str("draft = true   # 核对标有 ? 的各处后删去此行；在此之前夜间只取数、不下结论 remove when every ? is settled\n");
    }
    let _ = write!(text, "\n[feed.columns]\n{columns}");
    if !unread.is_empty() {
        let _ = write!(
            text,
            "\n[feed.ignore]   # 未映射的列，请看有无遗漏 look whether any of them matters\ncolumns = [{}]\n",
            unread.join(", ")
        );
    }
    let rows = offer.rows.map_or(String::new(), |it| format!("   # 现有 {it} 行 rows now"));
    let _ = write!(text, "\n[feed.expect]\nrows = {{ min = 1, max_drop = 0.05 }}{rows}\n");
    if lacks.is_empty() {
        text.insert(0, '\n');
    } else {
        marks += lacks.len();
        text = set_aside(&text, &lacks);
    }
    Draft {
        name: name.to_owned(),
        table: offer.table.clone(),
        fills: Some(table.name),
        mapped: filled.len(),
        unread: unread.len(),
        marks,
        lacks,
        text,
    }
}

/// A feed that cannot be read yet, as a remark: the others of the file can be used all the same.
fn set_aside(text: &str, lacks: &[String]) -> String {
    let mut out = format!(
        "\n# ? 这张表还缺 {}：补上一行，再去掉本段每行开头的“# ” this table lacks a required column: add it, then uncomment\n",
        lacks.join("、")
    );
    for line in text.lines() {
        out.push_str(if line.is_empty() { "#" } else { "# " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// `[feed.columns]` as it grows.
struct Lines {
    table: &'static Table,
    text: String,
    filled: Vec<String>,
    marks: usize,
}

impl Lines {
    fn column(&mut self, guess: &Guess, sample: &[RecordBatch]) {
        let Some(shared) = &guess.shared else { return };
        let input = self.table.input();
        let column = input.iter().find(|it| &it.name == shared).expect("a proposal is of the table's own columns").column;
        let mut hint = hints::hint(column.kind, &guess.header, &hints::cells(sample, &guess.header));
        if guess.near {
            let near = "表头只是相近 the heading is only alike";
            hint.look = Some(hint.look.map_or_else(|| near.to_owned(), |it| format!("{near}; {it}")));
        }
        self.marks += usize::from(hint.look.is_some());
        // A column without which nothing would come is left out of the first preview; a required one is shown with its rejects.
        let aside = hint.hopeless && !column.required;
        let _ = writeln!(
            self.text,
            "{}{shared} = {{ from = {:?}{} }}{}",
            if aside { "# " } else { "" },
            guess.header,
            hint.keys,
            hint.remark()
        );
        if !aside {
            self.filled.push(shared.clone());
        }
    }

    fn line(&mut self, shared: &str, filled: &str, hint: &Hint) {
        self.marks += usize::from(hint.look.is_some());
        let _ = writeln!(self.text, "{shared} = {{ {filled} }}{}", hint.remark());
        self.filled.push(shared.to_owned());
    }

    /// Fills required columns that no column of the source is for: a month that the title says, a kind that the table's name says. Gives
    /// those for which nothing was found.
    fn what_is_left(&mut self, offer: &Offer, sample: &[RecordBatch]) -> Vec<String> {
        let mut lacks = Vec::new();
        let input = self.table.input();
        let missing: Vec<_> = input.iter().filter(|it| it.column.required && !self.filled.contains(&it.name)).collect();
        for column in missing {
            let place = match column.column.kind {
                Kind::Month => in_a_place(sample, &MONTHS),
                Kind::Count if column.name == "year" => in_a_place(sample, &YEARS),
                _ => None,
            };
            if let Some((place, pattern)) = place {
                self.line(&column.name, &format!("from = {place:?}, pattern = {pattern:?}"), &Hint::default());
            } else if let Some((value, hint)) = by_name(self.table, &column.name, &offer.table) {
                self.line(&column.name, &format!("value = {value:?}"), &hint);
            } else {
                let _ = writeln!(self.text, "{} = {{ from = \"?\" }}   # ? 必填 required: {}", column.name, column.column.label_zh);
                lacks.push(format!("{} {}", column.name, column.column.label_zh));
            }
        }
        if self.table.person && !self.filled.iter().any(|it| it == "id_number" || it == "name") {
            self.text.push_str("id_number = { from = \"?\" }   # ? 没有证件号码也没有姓名 neither an ID number nor a name\n");
            lacks.push("id_number 公民身份号码".to_owned());
        }
        lacks
    }
}

/// How titles, sheets and files say a month, the plainest first.
const MONTHS: [&str; 3] = ["(\\d{4})年(\\d{1,2})月", "(20\\d{2})[-._](0[1-9]|1[0-2])(?:\\D|$)", "(20\\d{2})(0[1-9]|1[0-2])(?:\\D|$)"];

/// How they say a year.
const YEARS: [&str; 2] = ["(20\\d{2})年", "(20\\d{2})(?:\\D|$)"];

/// The place column, and the pattern, that says of every row of the sample what is looked for.
fn in_a_place(sample: &[RecordBatch], patterns: &[&'static str]) -> Option<(&'static str, &'static str)> {
    let says = |place: &str, pattern: &Regex| {
        let mut any = false;
        for batch in sample.iter().filter(|it| it.num_rows() > 0) {
            let Some(cells) = batch.column_by_name(place).and_then(|it| it.as_string_opt::<i32>()) else { return false };
            if cells.null_count() > 0 || !cells.iter().flatten().all(|it| pattern.is_match(it)) {
                return false;
            }
            any = true;
        }
        any
    };
    patterns.iter().find_map(|text| {
        let pattern = Regex::new(text).expect("our own pattern");
        ["_title", "_sheet", "_file"].into_iter().find(|place| says(place, &pattern)).map(|place| (place, *text))
    })
}

/// What the name of a table says of all its rows; marked where it does not.
fn by_name(table: &Table, column: &str, name: &str) -> Option<(&'static str, Hint)> {
    let has = |words: &[&str]| words.iter().any(|it| name.to_uppercase().contains(it));
    let note = |text: &str| Hint { note: Some(text.to_owned()), ..Hint::default() };
    let look = |text: &str| Hint { look: Some(text.to_owned()), ..Hint::default() };
    match (table.name, column) {
        ("payment", "kind") => {
            let by_word: [(&[&str], &str); 5] = [
                (&["离退休", "退休费"], "retirement"),
                (&["遗属", "抚恤"], "survivor"),
                (&["编外", "派遣"], "non-quota"),
                (&["绩效", "奖金"], "performance"),
                (&["补发"], "arrears"),
            ];
            if let Some((_, value)) = by_word.into_iter().find(|(words, _)| has(words)) {
                return Some((value, note("按表名；没有类别列 by the name of the table: it has no column of kinds")));
            }
            let plain = has(&["工资", "薪", "GZ", "PAY", "SALAR", "WAGE"]);
            let text = "没有类别列，全部视为在职工资 no column of kinds: all counts as salary of active staff";
            Some(("salary", if plain { note(text) } else { look(text) }))
        }
        ("leave" | "benefit", "kind") => Some(("other", look("没有类别列 no column of kinds"))),
        _ => None,
    }
}

/// A remark where one file with a date in its name is there: the next one will be called otherwise.
fn next_one(table: &str) -> String {
    let digits = Regex::new("\\d{4,}[-_.年]?\\d{0,2}[月日]?").expect("our own pattern");
    let pattern = digits.replace(table, "*");
    if file_stem(table).is_none() || table.contains('*') || pattern == table {
        return String::new();
    }
    format!("   # 若按期送来新文件，写成 {pattern:?} where a new one comes every month")
}

/// The name of a file or a pattern of files without its ending; null for tables of databases.
pub(super) fn file_stem(table: &str) -> Option<&str> {
    let (stem, ending) = table.rsplit_once('.')?;
    ENDINGS.contains(&ending.to_lowercase().as_str()).then_some(stem)
}

/// How files end.
const ENDINGS: [&str; 11] = ["csv", "txt", "tsv", "xlsx", "xlsm", "xls", "xlsb", "ods", "dbf", "parquet", "zip"];
