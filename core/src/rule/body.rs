//! What follows a card's settings: prose, the query, the examples.

use std::ops::Range;

use super::grid::{self, Grid};
use super::{Example, Faults, Prose};
use crate::diag::did_you_mean;
use crate::mapping::Title;

/// Where the settings lie, and where everything else begins.
pub(super) struct Parts {
    pub front: Range<usize>,
    rest: usize,
}

pub(super) struct Body {
    pub prose: Prose,
    pub sql: Range<usize>,
    pub examples: Vec<Example>,
}

/// The headings of the prose, in order.
const HEADINGS: &[(&str, &str)] =
    &[("含义", "What it means"), ("何时属正常", "When it is innocent"), ("核查要点", "What the reviewer does")];

/// Finds the two `+++` lines.
pub(super) fn split(faults: &mut Faults<'_>) -> Option<Parts> {
    let mut fences = lines(&faults.source.text, 0).filter(|it| it.text == "+++");
    let (first, second) = (fences.next(), fences.next());
    match (first, second) {
        (Some(first), Some(second)) if faults.source.text[..first.start].trim().is_empty() => {
            return Some(Parts { front: first.next..second.start, rest: second.next });
        }
        (Some(first), None) => faults.add(first.at(), "the settings do not end", "a second line `+++` is missing"),
        _ => faults.add(0..1, "a card begins with its settings, between two lines `+++`", "they are missing here"),
    }
    None
}

/// One line of the card, without its line end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    start: usize,
    /// Where the next line begins.
    next: usize,
}

impl Line<'_> {
    fn at(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

fn lines(text: &str, from: usize) -> impl Iterator<Item = Line<'_>> {
    let mut start = from;
    text[from..].split_inclusive('\n').map(move |raw| {
        let line = Line { text: raw.trim_end(), start, next: start + raw.len() };
        start = line.next;
        line
    })
}

/// Where the reader stands.
enum Under {
    Title,
    Heading(usize),
    Example,
}

/// Reads everything after the settings.
pub(super) fn read(parts: &Parts, faults: &mut Faults<'_>) -> Body {
    let source = faults.source;
    let mut prose: Vec<Option<String>> = vec![None; HEADINGS.len()];
    let mut queries: Vec<Range<usize>> = Vec::new();
    let mut examples: Vec<Draft> = Vec::new();
    let mut under = Under::Title;
    let mut fence: Option<(usize, bool)> = None;
    for line in lines(&source.text, parts.rest) {
        if let Some(word) = line.text.strip_prefix("```") {
            match fence.take() {
                None => fence = Some((line.next, word.trim() == "sql")),
                Some((start, true)) => queries.push(start..line.start.saturating_sub(1).max(start)),
                Some((_, false)) => {}
            }
            continue;
        }
        if fence.is_some() {
            continue;
        }
        if let Some(name) = line.text.strip_prefix("## Example") {
            examples.push(Draft::new(name.trim_start_matches([':', '：', ' ']), line));
            under = Under::Example;
            continue;
        }
        if let Some(heading) = line.text.strip_prefix("## ") {
            let Some(at) = which_heading(heading, line, faults) else { continue };
            prose[at].get_or_insert_default();
            under = Under::Heading(at);
            continue;
        }
        match (&under, examples.last_mut()) {
            (Under::Example, Some(example)) => example.line(line, faults),
            (Under::Heading(at), _) => {
                let text = prose[*at].get_or_insert_default();
                text.push_str(line.text);
                text.push('\n');
            }
            _ => {}
        }
    }
    let end = source.text.len().saturating_sub(1)..source.text.len();
    if let Some((start, _)) = fence {
        faults.add(start.saturating_sub(1)..start, "this block does not end", "a line of three backticks is missing");
    } else if queries.is_empty() {
        faults.add(end, "the card has no query", "a block that begins with ```sql is missing");
    }
    if let Some(second) = queries.get(1) {
        faults.add(second.clone(), "a card has one query", "this is the second");
    }
    Body {
        prose: checked(prose, faults),
        sql: queries.into_iter().next().unwrap_or(0..0),
        examples: examples.into_iter().filter_map(|it| it.finish(faults)).collect(),
    }
}

fn which_heading(heading: &str, line: Line<'_>, faults: &mut Faults<'_>) -> Option<usize> {
    let lower = heading.to_lowercase();
    let found = HEADINGS.iter().position(|(zh, en)| heading.contains(zh) || lower.contains(&en.to_lowercase()));
    if found.is_none() {
        let known: Vec<String> = HEADINGS.iter().map(|(zh, en)| format!("## {zh} {en}")).collect();
        let hint = format!("a card has {}, and `## Example: …`", known.join(", "));
        faults.add_hint(line.at(), "unknown heading", "here", did_you_mean(line.text, known.iter().map(String::as_str), &hint));
    }
    found
}

/// The prose by language; tells headings that are missing or say nothing in one language.
fn checked(prose: Vec<Option<String>>, faults: &mut Faults<'_>) -> Prose {
    let end = faults.source.text.len().saturating_sub(1)..faults.source.text.len();
    let mut found = prose.into_iter().zip(HEADINGS).map(|(text, (zh, en))| {
        let Some(text) = text else {
            faults.add(end.clone(), format!("the heading `## {zh} {en}` is missing"), "reviewers read it");
            return Title { zh: String::new(), en: String::new() };
        };
        let both = by_language(&text);
        if both.zh.is_empty() || both.en.is_empty() {
            let language = if both.zh.is_empty() { "Chinese" } else { "English" };
            let heading = lines(&faults.source.text, 0).find(|it| it.text.starts_with("## ") && it.text.contains(zh)).map(|it| it.at());
            faults.add(heading.unwrap_or(end.clone()), format!("`{zh} {en}` says nothing in {language}"), "below this heading");
        }
        both
    });
    let mut next = || found.next().unwrap_or(Title { zh: String::new(), en: String::new() });
    Prose { meaning: next(), innocent: next(), review: next() }
}

/// Sorts lines into Chinese and English ones; blank lines go to both.
fn by_language(text: &str) -> Title {
    let (mut zh, mut en) = (String::new(), String::new());
    for line in text.lines() {
        let blank = line.trim().is_empty();
        for (into, wanted) in [(&mut zh, true), (&mut en, false)] {
            if blank && !into.is_empty() && !into.ends_with("\n\n") || !blank && is_chinese(line) == wanted {
                into.push_str(line);
                into.push('\n');
            }
        }
    }
    Title { zh: zh.trim_end().to_owned(), en: en.trim_end().to_owned() }
}

/// Whether a line is Chinese; English lines may cite a Chinese document number, Chinese ones a rule id.
fn is_chinese(line: &str) -> bool {
    let han = line.chars().filter(|it| ('\u{3400}'..='\u{9fff}').contains(it)).count();
    let latin = line.chars().filter(char::is_ascii_alphabetic).count();
    han * 3 > latin
}

/// An example while it is being read.
struct Draft {
    example: Example,
    given: Vec<(String, Range<usize>, Grid)>,
    finds: Option<Grid>,
    into: Into,
}

#[derive(Clone, Copy, PartialEq)]
enum Into {
    Nothing,
    Given,
    Finds,
}

impl Draft {
    fn new(name: &str, line: Line<'_>) -> Draft {
        let example =
            Example { name: name.to_owned(), at: line.at(), tonight: None, month: None, given: Vec::new(), finds: Grid::default() };
        Draft { example, given: Vec::new(), finds: None, into: Into::Nothing }
    }

    fn line(&mut self, line: Line<'_>, faults: &mut Faults<'_>) {
        let text = line.text.trim();
        if text == "finds nothing" || text == "finds" {
            if self.finds.is_some() {
                faults.add(line.at(), "an example finds once", "this is the second `finds`");
            }
            self.finds = Some(Grid::default());
            self.into = if text == "finds" { Into::Finds } else { Into::Nothing };
        } else if let Some(day) = text.strip_prefix("tonight ") {
            match day.trim().parse() {
                Ok(day) => self.example.tonight = Some(day),
                Err(_) => faults.add_hint(line.at(), "`tonight` should name a day", "here", "tonight 2026-11-15"),
            }
        } else if let Some(month) = text.strip_prefix("month ") {
            match grid::month(month.trim()) {
                Some(month) => self.example.month = Some(month),
                None => faults.add_hint(line.at(), "`month` should name a month", "here", "month 202610"),
            }
        } else if let Some(name) = text.strip_prefix('`').and_then(|it| it.strip_suffix('`')) {
            self.given.push((name.to_owned(), line.at(), Grid::default()));
            self.into = Into::Given;
        } else if text.starts_with('|') {
            self.row(line, faults);
        }
    }

    fn row(&mut self, line: Line<'_>, faults: &mut Faults<'_>) {
        let grid = match self.into {
            Into::Finds => self.finds.as_mut(),
            Into::Given => self.given.last_mut().map(|(_, _, grid)| grid),
            Into::Nothing => None,
        };
        match grid {
            Some(grid) => grid.push(line.text, line.start, faults),
            None => faults.add_hint(
                line.at(),
                "whose rows are these?",
                "a table needs its name above it",
                "write the name in backticks, or `finds`",
            ),
        }
    }

    fn finish(mut self, faults: &mut Faults<'_>) -> Option<Example> {
        let at = self.example.at.clone();
        if self.example.name.is_empty() {
            faults.add_hint(at.clone(), "the example has no name", "here", "## Example: two months after the funeral");
        }
        if self.into == Into::Finds && self.finds.as_ref().is_some_and(|it| it.rows.is_empty()) {
            faults.add_hint(at.clone(), "`finds` has no rows", "in this example", "an innocent example says `finds nothing`");
        }
        self.example.given = self.given.iter().filter_map(|(name, at, grid)| grid::given(name, at, grid, faults)).collect();
        let Some(finds) = self.finds else {
            faults.add(at, "the example does not say what it finds", "`finds` with a table, or `finds nothing`, is missing");
            return None;
        };
        self.example.finds = finds;
        Some(self.example)
    }
}
