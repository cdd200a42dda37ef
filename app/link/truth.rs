//! The truth beside two files: which pairs are one person, and what happened to each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::read::{self, Table};
use crate::words::Lang;
use muster_core::link::pair::Texts;

/// Which pairs are one person.
#[derive(Debug, Default)]
pub struct Truth {
    /// Left and right rows.
    pub pairs: BTreeSet<(u32, u32)>,
    /// By right row: what happened to it, where the truth says so.
    pub class: HashMap<u32, String>,
    /// The column of either file that the truth speaks of; `None` for row numbers from 0.
    pub keys: [Option<usize>; 2],
    /// Rows of the truth that name nobody of the files.
    pub unread: usize,
    /// The first of them, counted from 1 without the header.
    pub unread_rows: Vec<usize>,
}

/// Reads the truth: a file of pairs, or the name of a column that both files have and in which one person has one value.
/// `same`: both files are one, and a pair is told once, the smaller row first.
pub fn read(truth: &str, left: &Table, right: &Table, same: bool, lang: Lang) -> Result<Truth, String> {
    let path = Path::new(truth);
    if path.exists() {
        return pairs(&read::read(path, None, lang)?, left, right, same, lang);
    }
    match (left.place(truth), right.place(truth)) {
        (Some(a), Some(b)) => Ok(column(&left.columns[a], left.rows, &right.columns[b], right.rows, same)),
        _ => {
            Err(lang
                .pick(format!("`{truth}` 既不是文件，也不是两侧共有的列"), format!("`{truth}` is no file, and no column of both files")))
        }
    }
}

fn column(left: &Texts, left_rows: usize, right: &Texts, right_rows: usize, same: bool) -> Truth {
    let mut by_value: HashMap<&str, Vec<u32>> = HashMap::new();
    for row in (0..left_rows).filter(|it| !left.get(*it).is_empty()) {
        by_value.entry(left.get(row)).or_default().push(row as u32);
    }
    let mut truth = Truth::default();
    for row in 0..right_rows as u32 {
        let others = by_value.get(right.get(row as usize)).into_iter().flatten();
        truth.pairs.extend(others.filter(|it| !same || **it < row).map(|it| (*it, row)));
    }
    truth
}

/// Headers under which a truth keeps what happened to a row.
const CLASS: [&str; 8] = ["class", "damage", "kind", "type", "damage_class", "category", "类别", "损坏"];
/// Marks of columns that speak of the left file and of the right; the first may stand alone without its stroke.
const LEFT: [&str; 4] = ["_a", "left", "_l", "_1"];
const RIGHT: [&str; 4] = ["_b", "right", "_r", "_2"];

/// A column of the truth and a column of a file that it speaks of.
type Speaks = (usize, usize);

fn pairs(table: &Table, left: &Table, right: &Table, same: bool, lang: Lang) -> Result<Truth, String> {
    let class = table.headers.iter().position(|it| CLASS.contains(&it.to_lowercase().as_str()));
    let told = |share| (speaks(table, left, class, share), speaks(table, right, class, share));
    // A truth may be of more people than the files are; the rows that name nobody are counted then.
    let (of_left, of_right) = [95, 10].map(told).into_iter().find(|it| !it.0.is_empty() && !it.1.is_empty()).unwrap_or_default();
    let marked = |place: usize, marks: &[&str]| {
        let header = table.headers[place].to_lowercase();
        marks.iter().any(|it| header.contains(it)) || header == marks[0].trim_start_matches('_')
    };
    let mut best: Option<(i32, Speaks, Speaks)> = None;
    for a in &of_left {
        for b in of_right.iter().filter(|b| b.0 != a.0) {
            let mut fits = 4 * (i32::from(marked(a.0, &LEFT)) + i32::from(marked(b.0, &RIGHT)));
            fits -= 4 * (i32::from(marked(a.0, &RIGHT)) + i32::from(marked(b.0, &LEFT)));
            fits += i32::from(a.0 < b.0)
                + i32::from(table.headers[a.0] == left.headers[a.1])
                + i32::from(table.headers[b.0] == right.headers[b.1]);
            if best.is_none_or(|it| fits > it.0) {
                best = Some((fits, *a, *b));
            }
        }
    }
    let (places, keys) = match best {
        Some((_, a, b)) => ([a.0, b.0], [Some(a.1), Some(b.1)]),
        None if numbers(table) => ([0, 1], [None, None]),
        None => {
            let (path, there) = (&table.path, table.headers.join(", "));
            return Err(lang.pick(
                format!("{path}：没有哪两列（{there}）能对应两份文件的记录；应为两份文件的键，或从 0 起的行号"),
                format!("{path}: no two columns ({there}) name rows of the two files; give keys of both, or row numbers from 0"),
            ));
        }
    };
    let (left_rows, right_rows) = (keys[0].map(|it| rows_by_key(left, it)), keys[1].map(|it| rows_by_key(right, it)));
    let row = |rows: Option<&HashMap<&str, u32>>, text: &str| match rows {
        Some(rows) => rows.get(text).copied(),
        None => text.parse().ok(),
    };
    let mut truth = Truth { keys, ..Truth::default() };
    for at in 0..table.rows {
        let (a, b) = (table.columns[places[0]].get(at), table.columns[places[1]].get(at));
        let right_row = row(right_rows.as_ref(), b).filter(|it| (*it as usize) < right.rows);
        if let (Some(class), Some(row)) = (class, right_row) {
            truth.class.insert(row, table.columns[class].get(at).to_owned());
        }
        let left_row = row(left_rows.as_ref(), a).filter(|it| (*it as usize) < left.rows);
        match (left_row, right_row) {
            (Some(a), Some(b)) if same => {
                truth.pairs.insert((a.min(b), a.max(b)));
            }
            (Some(a), Some(b)) => {
                truth.pairs.insert((a, b));
            }
            // A row with nobody on the left tells of a ghost.
            (None, Some(_)) if a.is_empty() => {}
            _ => {
                truth.unread += 1;
                truth.unread_rows.push(at + 1);
            }
        }
    }
    Ok(truth)
}

/// Every column of the truth that speaks of a column of the file in which each value stands once.
fn speaks(table: &Table, file: &Table, class: Option<usize>, share_min: usize) -> Vec<Speaks> {
    const SAMPLE: usize = 400;
    let mut found = Vec::new();
    let wanted: BTreeMap<usize, Vec<&str>> = (0..table.columns.len())
        .filter(|it| Some(*it) != class)
        .map(|place| {
            let step = (table.rows / SAMPLE).max(1);
            (place, (0..table.rows).step_by(step).map(|row| table.columns[place].get(row)).filter(|it| !it.is_empty()).collect())
        })
        .collect();
    for (key, column) in file.columns.iter().enumerate() {
        let values: HashSet<&str> = (0..file.rows).map(|row| column.get(row)).collect();
        if values.len() * 100 < file.rows * 99 {
            continue;
        }
        let met = |sample: &[&str]| {
            !sample.is_empty() && sample.iter().filter(|it| values.contains(**it)).count() * 100 >= sample.len() * share_min
        };
        found.extend(wanted.iter().filter(|(_, sample)| met(sample)).map(|(place, _)| (*place, key)));
    }
    found
}

fn numbers(table: &Table) -> bool {
    table.columns.len() >= 2 && table.rows > 0 && (0..2).all(|place| table.columns[place].get(0).parse::<u32>().is_ok())
}

fn rows_by_key(table: &Table, key: usize) -> HashMap<&str, u32> {
    (0..table.rows).map(|row| (table.columns[key].get(row), row as u32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(headers: &[&str], rows: &[&[&str]]) -> Table {
        let columns = (0..headers.len()).map(|at| rows.iter().map(|row| row[at]).collect()).collect();
        let headers = headers.iter().map(|it| (*it).to_owned()).collect();
        Table { path: "truth.csv".to_owned(), encoding: "UTF-8", headers, columns, rows: rows.len() }
    }

    #[test]
    fn the_truth_names_rows_by_any_key() {
        let left = table(&["rec_id", "name"], &[&["a1", "Ann"], &["a2", "Bob"]]);
        let right = table(&["rec_id", "name"], &[&["b7", "Bob"], &["b8", "Cid"]]);
        let told = table(&["class", "right", "left"], &[&["typo", "b7", "a2"], &["ghost", "b8", ""]]);
        let truth = pairs(&told, &left, &right, false, Lang::En).expect("keys are found");
        assert_eq!(truth.pairs, BTreeSet::from([(1, 0)]));
        assert_eq!((truth.class[&0].as_str(), truth.class[&1].as_str(), truth.unread), ("typo", "ghost", 0));
        let numbers = table(&["x", "y"], &[&["1", "0"]]);
        assert_eq!(pairs(&numbers, &left, &right, false, Lang::En).expect("row numbers").pairs, BTreeSet::from([(1, 0)]));
        assert!(pairs(&table(&["x"], &[&["?"]]), &left, &right, false, Lang::En).is_err());
    }

    #[test]
    fn one_value_is_one_person() {
        let left = table(&["cluster"], &[&["1"], &["2"], &["1"]]);
        let truth = column(&left.columns[0], 3, &left.columns[0], 3, true);
        assert_eq!(truth.pairs, BTreeSet::from([(0, 2)]));
    }
}
