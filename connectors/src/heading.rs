//! Finds the line that names the columns, below titles and above the rows, and what it names them.

use std::collections::HashSet;

use crate::line::fold;
use crate::near;
use crate::row::{Row, is_blank};
use crate::{PLACE_COLUMNS, Said, said};

/// A heading is looked for among this many first lines.
pub(crate) const PEEK_LINES: usize = 60;

/// The line, or two lines, that name the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    /// One-based row of its last line; the table's rows stand below.
    pub last_row: i64,
    /// Column names by position; null where the heading is empty. Each name is there once.
    pub names: Vec<Option<String>>,
    /// What the lines above say, one after the other; null without.
    pub title: Option<String>,
    /// The lines above, with their rows.
    pub above: Vec<(i64, String)>,
}

/// The heading that holds most of the columns `asked` for: at least half of them, and at least one.
/// With nothing asked, the first line that looks like a heading.
pub(crate) fn find(lines: &[(i64, Row)], asked: &[String]) -> Option<Heading> {
    let wanted = wanted(asked);
    let (first, height) = if wanted.is_empty() { (guess(lines)?, 1) } else { most_wanted(lines, &wanted)? };
    let (first, height) = with_the_line_above_or_below(lines, first, height, &wanted);
    let above: Vec<(i64, String)> =
        lines[..first].iter().map(|(row, line)| (*row, line.said())).filter(|(_, said)| !said.is_empty()).collect();
    let title = above.iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>().join(" ");
    Some(Heading {
        last_row: lines[first + height - 1].0,
        names: name_columns(&candidates(&lines[first..first + height]), asked),
        title: (!title.is_empty()).then_some(title),
        above,
    })
}

/// A heading for lines that have none: the names come from the settings.
pub(crate) fn given(names: &[String]) -> Heading {
    Heading { last_row: 0, names: names.iter().cloned().map(Some).collect(), title: None, above: Vec::new() }
}

/// A heading of columns that the format itself names.
pub(crate) fn named(names: &[String], asked: &[String]) -> Heading {
    let candidates: Vec<Candidate> = names.iter().map(|it| Candidate { leaf: it.clone(), group: String::new() }).collect();
    Heading { last_row: 0, names: name_columns(&candidates, asked), title: None, above: Vec::new() }
}

/// Which of the columns asked for come near to something in the first lines, for a hint. Says nothing else of what the lines hold,
/// because without a heading they may hold people.
pub(crate) fn nearly(lines: &[(i64, Row)], asked: &[String]) -> Option<Said> {
    asked.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).find_map(|name| {
        lines.iter().find_map(|(row, line)| {
            let near = near::alike(name, line.filled().map(|(_, cell)| cell).filter(|it| !it.contains(|it: char| it.is_ascii_digit())))?;
            Some(said!("第 {row} 行写的是 `{near}`，映射写的是 `{name}`", "row {row} has `{near}` where the mapping says `{name}`"))
        })
    })
}

/// The asked columns that a file can hold, folded.
fn wanted(asked: &[String]) -> HashSet<String> {
    asked.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).map(|it| fold(it)).collect()
}

/// First line and height of the heading with most of the wanted names; of equals the flatter, then the earlier.
fn most_wanted(lines: &[(i64, Row)], wanted: &HashSet<String>) -> Option<(usize, usize)> {
    let heights = |first: usize| (1..=2).filter(move |height| is_block(lines, first, *height)).map(move |height| (first, height));
    let score = |(first, height): (usize, usize)| {
        let names: HashSet<String> = candidates(&lines[first..first + height]).iter().map(|it| fold(&it.leaf)).collect();
        names.intersection(wanted).count()
    };
    let found = (0..lines.len())
        .flat_map(heights)
        .map(|it| (score(it), it))
        .max_by_key(|(score, (first, height))| (*score, std::cmp::Reverse(*height), std::cmp::Reverse(*first)));
    found.filter(|(score, _)| *score > 0 && *score * 2 >= wanted.len()).map(|(_, it)| it)
}

fn is_block(lines: &[(i64, Row)], first: usize, height: usize) -> bool {
    first + height <= lines.len() && lines[first + height - 1].0 == lines[first].0 + height as i64 - 1
}

/// Two lines may head a table although one of them holds all that was asked for: names that stand above the empty cells of the line
/// found, or below its group names.
fn with_the_line_above_or_below(lines: &[(i64, Row)], first: usize, height: usize, wanted: &HashSet<String>) -> (usize, usize) {
    if height > 1 {
        return (first, height);
    }
    let heading = &lines[first].1;
    if first > 0 && is_block(lines, first - 1, 2) && names_columns_below(&lines[first - 1].1, heading) {
        return (first - 1, 2);
    }
    if is_block(lines, first, 2) && continues(heading, &lines[first + 1].1, wanted) {
        return (first, 2);
    }
    (first, 1)
}

/// A line of several names, no remarks (填报单位：…), that stands above empty cells of the heading.
fn names_columns_below(above: &Row, heading: &Row) -> bool {
    let several = above.filled().count() >= 2;
    let names = above.filled().all(|(_, cell)| !cell.contains([':', '：']) && !cell.contains(|it: char| it.is_ascii_digit()));
    several && names && above.filled().any(|(at, _)| at < heading.len() && heading.trimmed(at).is_empty())
}

/// A line of names below group names: it fills cells that the heading leaves empty, and none below a column that was asked for.
fn continues(heading: &Row, below: &Row, wanted: &HashSet<String>) -> bool {
    let fills = below.filled().any(|(at, _)| heading.trimmed(at).is_empty() && at > 0 && at <= heading.len());
    let names = below.filled().all(|(_, cell)| !cell.contains(|it: char| it.is_ascii_digit()));
    let free = heading.filled().filter(|(_, cell)| wanted.contains(&fold(cell))).all(|(at, _)| below.trimmed(at).is_empty());
    !wanted.is_empty() && fills && names && free
}

/// The first line with at least two cells and most of the table's width, all of them different words.
fn guess(lines: &[(i64, Row)]) -> Option<usize> {
    let width = lines.iter().map(|(_, line)| line.filled().count()).max()?;
    let is_heading = |line: &Row| {
        let cells: Vec<&str> = line.filled().map(|(_, cell)| cell).collect();
        let distinct: HashSet<&&str> = cells.iter().collect();
        let words = cells.iter().all(|it| it.chars().any(char::is_alphabetic) && !it.contains(['：', ':']));
        cells.len() * 10 >= width * 6 && distinct.len() == cells.len() && words
    };
    lines.iter().position(|(_, line)| is_heading(line)).filter(|_| width > 0)
}

/// What a column may be called.
struct Candidate {
    /// Its own name; empty without.
    leaf: String,
    /// The group it stands in; empty without.
    group: String,
}

/// The names in one or two heading lines, by position. A group's name stands over its first column only, whether cells are merged or not.
fn candidates(heading: &[(i64, Row)]) -> Vec<Candidate> {
    let width = heading.iter().map(|(_, line)| line.len()).max().unwrap_or_default();
    let bottom = heading.last().map(|(_, line)| line);
    let top = if heading.len() > 1 { heading.first().map(|(_, line)| line) } else { None };
    let mut group = String::new();
    let mut column = |at: usize| {
        let above = tidy(top.map_or("", |line| line.trimmed(at)));
        let own = tidy(bottom.map_or("", |line| line.trimmed(at)));
        if !above.is_empty() {
            group.clone_from(&above);
        }
        if own.is_empty() { Candidate { leaf: above, group: String::new() } } else { Candidate { leaf: own, group: group.clone() } }
    };
    (0..width).map(&mut column).collect()
}

/// A heading without line breaks and padding: `姓 名` is 姓名, and words of other scripts keep one blank between them.
fn tidy(heading: &str) -> String {
    let mut tidy = String::new();
    for word in heading.split(is_blank).filter(|it| !it.is_empty()) {
        let latin = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
        if latin(tidy.chars().last()) && latin(word.chars().next()) {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    tidy
}

/// Gives every column with a heading a name of its own: as the mapping writes it where it asks for it, else the heading; with its group
/// (`扣款/金额`) where several columns have one heading, and numbered (`金额#2`) where that does not help.
fn name_columns(candidates: &[Candidate], asked: &[String]) -> Vec<Option<String>> {
    let several = |leaf: &str| candidates.iter().filter(|it| it.leaf == leaf).count() > 1;
    let mut taken: HashSet<String> = PLACE_COLUMNS.iter().map(|it| (*it).to_owned()).collect();
    let mut name = |it: &Candidate| {
        let full = if !it.group.is_empty() && several(&it.leaf) { format!("{}/{}", it.group, it.leaf) } else { it.leaf.clone() };
        let name = as_asked(&full, asked).unwrap_or(full);
        let mut single = name.clone();
        let mut nth = 1;
        while !taken.insert(single.clone()) {
            nth += 1;
            single = format!("{name}#{nth}");
        }
        Some(single)
    };
    candidates.iter().map(|it| if it.leaf.is_empty() { None } else { name(it) }).collect()
}

/// The spelling of the mapping for a source's column, when it asks for it.
pub(crate) fn as_asked(name: &str, asked: &[String]) -> Option<String> {
    let exact = asked.iter().find(|it| *it == name);
    exact.or_else(|| asked.iter().find(|it| fold(it) == fold(name))).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::row;

    fn lines(rows: &[&[&str]]) -> Vec<(i64, Row)> {
        rows.iter().enumerate().map(|(at, cells)| (at as i64 + 1, row(cells))).collect()
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|it| (*it).to_owned()).collect()
    }

    /// Last row of the heading, its names (`-` for none) and the title.
    fn check(rows: &[&[&str]], asked: &[&str], expected: Option<(i64, &str, &str)>) {
        let found = find(&lines(rows), &owned(asked));
        let said = found.map(|it| {
            let names: Vec<String> = it.names.into_iter().map(|it| it.unwrap_or_else(|| "-".to_owned())).collect();
            (it.last_row, names.join(" "), it.title.unwrap_or_default())
        });
        assert_eq!(said, expected.map(|(row, names, title)| (row, names.to_owned(), title.to_owned())));
    }

    #[test]
    fn below_titles() {
        let rows: &[&[&str]] = &[
            &["工资发放表"],
            &["2026年3月", "~", "~", "单位：元"],
            &["序号", "姓 名", "身份证\n号", "应发合计"],
            &["1", "张伟", "330683198001011234", "8120.5"],
        ];
        check(rows, &["姓名", "身份证号", "应发合计"], Some((3, "序号 姓名 身份证号 应发合计", "工资发放表 2026年3月 单位：元")));
        check(rows, &["姓名", "身份证号", "实发", "_title"], Some((3, "序号 姓名 身份证号 应发合计", "工资发放表 2026年3月 单位：元")));
        check(rows, &[], Some((3, "序号 姓名 身份证号 应发合计", "工资发放表 2026年3月 单位：元")));
    }

    #[test]
    fn less_than_half_is_another_table() {
        check(&[&["姓名", "电话"], &["张伟", "1"]], &["姓名", "身份证号", "应发合计"], None);
        check(&[&["姓名", "电话"]], &["身份证号"], None);
        check(&[], &["身份证号"], None);
        check(&[], &[], None);
    }

    #[test]
    fn two_lines_with_group_names() {
        let rows: &[&[&str]] = &[
            &["2026年3月工资"],
            &["序号", "姓名", "身份证号", "应发", "~", "扣款", "~", "备注"],
            &["~", "~", "~", "基本工资", "金额", "养老保险", "金额", "~"],
            &["1", "张伟", "330683198001011234", "1", "2", "3", "4", "~"],
        ];
        let names = "序号 姓名 身份证号 基本工资 应发/金额 养老保险 扣款/金额 备注";
        check(rows, &["姓名", "基本工资"], Some((3, names, "2026年3月工资")));
        check(rows, &["姓名", "身份证号"], Some((3, names, "2026年3月工资")));
        check(rows, &["基本工资", "养老保险"], Some((3, names, "2026年3月工资")));
    }

    #[test]
    fn a_first_person_without_an_id_is_no_heading() {
        check(&[&["姓名", "身份证号"], &["张伟", "~"]], &["身份证号"], Some((1, "姓名 身份证号", "")));
        check(&[&["姓名", "身份证号", "~"], &["张伟", "~", "已调出"]], &["姓名"], Some((1, "姓名 身份证号 -", "")));
    }

    #[test]
    fn remarks_above_are_no_group_names() {
        check(
            &[&["填报单位：水利局", "~", "金额单位：元"], &["姓名", "身份证号", "~", "金额"]],
            &["姓名"],
            Some((2, "姓名 身份证号 - 金额", "填报单位：水利局 金额单位：元")),
        );
    }

    #[test]
    fn names_are_single_and_spelt_as_asked() {
        check(&[&["ＡＡＣ００２", "金额", "金额", "_file", "Base Pay"]], &["aac002"], Some((1, "aac002 金额 金额#2 _file#2 Base Pay", "")));
    }

    #[test]
    fn a_hint_names_headings_and_no_people() {
        let rows = lines(&[&["姓名", "身份证号码"], &["张伟", "330683198001011234"]]);
        assert_eq!(nearly(&rows, &owned(&["身份证号"])).as_deref(), Some("row 1 has `身份证号码` where the mapping says `身份证号`"));
        assert_eq!(nearly(&rows, &owned(&["SFZH"])), None);
        assert_eq!(nearly(&lines(&[&["李小名", "1"], &["李名", "2"]]), &owned(&["姓名"])), None);
    }
}
