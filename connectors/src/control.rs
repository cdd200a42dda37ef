//! The control file that a sender puts beside a delivery: how many rows, which hash, which sums. What it says must be what was read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use serde::Deserialize;

use crate::line::fold;
use crate::sink::{Outlet, Stop};
use crate::store::Trouble;
use crate::{Piece, ReadFile, Said, said};

/// What a control file is called: these after the file's name, or instead of its ending.
const ENDINGS: [&str; 3] = [".control.json", ".control", ".ctl"];
/// Digits after the point that a sum is kept with.
const SCALE: usize = 9;

fn again() -> Said {
    said!("请对方把文件和控制文件重新送来", "have the file and its control file delivered again")
}

/// What becomes of a control file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Controls {
    /// Verified where there is one.
    #[default]
    IfPresent,
    /// A file without one is not read.
    Required,
    /// Not looked at.
    Ignored,
}

/// What a control file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control {
    pub name: String,
    rows: Option<u64>,
    sha256: Option<String>,
    /// Sums by column, as numbers of 10⁻⁹.
    sums: Vec<(String, i128)>,
    /// What it says besides and nobody verifies.
    pub others: Vec<String>,
}

/// What the control file of `file` may be called.
pub(crate) fn names(file: &str) -> Vec<String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    [file, stem].iter().flat_map(|it| ENDINGS.iter().map(move |ending| format!("{it}{ending}"))).collect()
}

/// Whether a file is called like a control file.
pub(crate) fn is_control(file: &str) -> bool {
    ENDINGS.iter().any(|it| file.to_ascii_lowercase().ends_with(it))
}

impl Control {
    /// Reads a control file: a JSON object, or lines like `rows = 120`. `columns` says which column a sum is of.
    pub(crate) fn read(name: &str, text: &str, columns: &BTreeMap<String, String>) -> Result<Control, Trouble> {
        let senseless = |why: Said| {
            Trouble::new(said!("看不懂：{}", "cannot be understood: {}"; why))
                .of(name)
                .hint(said!("控制文件是一个 JSON 对象，或 `rows = 120` 这样的行", "it is a JSON object, or lines like `rows = 120`"))
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        let pairs = if text.starts_with('{') { of_json(text) } else { of_lines(text) }.map_err(senseless)?;
        let mut control = Control { name: name.to_owned(), ..Control::default() };
        for (key, value) in pairs {
            match key.to_lowercase().as_str() {
                "rows" | "row_count" | "count" | "记录数" | "行数" => {
                    control.rows =
                        Some(value.replace(',', "").parse().map_err(|_| senseless(said!("`rows` 不是数字", "`rows` is no number")))?);
                }
                "sha256" | "sha-256" => control.sha256 = Some(value.to_ascii_lowercase()),
                lower => match columns.get(&key).map(String::as_str).or_else(|| lower.strip_prefix("sum_").and(key.get(4..))) {
                    Some(column) => {
                        let sum = scaled(&value).ok_or_else(|| senseless(said!("`{key}` 不是数字", "`{key}` is no number")))?;
                        control.sums.push((column.to_owned(), sum));
                    }
                    None => control.others.push(key),
                },
            }
        }
        if control.rows.is_none() && control.sha256.is_none() && control.sums.is_empty() {
            return Err(senseless(said!("其中没有 `rows`、`sha256`，也没有合计", "it says neither `rows` nor `sha256` nor a sum")));
        }
        Ok(control)
    }

    /// Refuses a file whose hash is not the one that was said.
    pub(crate) fn verify_hash(&self, read: &ReadFile) -> Result<(), Trouble> {
        match &self.sha256 {
            Some(said) if *said != read.sha256 => Err(Trouble::new(said!(
                "不是 {} 所指的文件：SHA-256 不同",
                "is not the file that {} speaks of: its SHA-256 differs",
                self.name
            ))
            .of(&read.name)
            .hint(again())),
            _ => Ok(()),
        }
    }

    /// Refuses what was counted when it is not what was said. Says no sum, because amounts stay out of messages.
    pub(crate) fn verify(&self, of: &str, tally: &Tally) -> Result<(), Trouble> {
        let differs = |why: Said| Err(Trouble::new(why).of(of).hint(again()));
        if let Some(rows) = self.rows.filter(|it| *it != tally.rows) {
            return differs(said!("有 {} 行，而 {} 称有 {rows} 行", "has {} rows, and {} says {rows}", tally.rows, self.name));
        }
        for (column, said) in &self.sums {
            match tally.sums.iter().find(|it| it.column == *column).map(|it| (it.sum, it.broken)) {
                None => {
                    return differs(said!(
                        "没有列 `{column}`，而 {} 给出了它的合计",
                        "has no column `{column}`, of which {} states the sum",
                        self.name
                    ));
                }
                Some((_, true)) => {
                    return differs(said!(
                        "`{column}` 列中有不是数字的单元格，而 {} 给出了它的合计",
                        "has cells in `{column}` that are no numbers, and {} states its sum",
                        self.name
                    ));
                }
                Some((sum, false)) if sum != *said => {
                    return differs(said!("`{column}` 的合计与 {} 所称的不同", "has another sum of `{column}` than {} says", self.name));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// An empty tally of what this control file speaks of, in a pull of `schema`.
    pub(crate) fn tally(&mut self, schema: &SchemaRef) -> Tally {
        let mut sums = Vec::new();
        for (column, _) in &mut self.sums {
            let found = schema.fields().iter().position(|it| fold(it.name()) == fold(column));
            if let Some(at) = found {
                column.clone_from(schema.field(at).name());
                sums.push(Sum { column: column.clone(), at, sum: 0, broken: false });
            }
        }
        Tally { rows: 0, sums }
    }
}

fn of_json(text: &str) -> Result<Vec<(String, String)>, Said> {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|it| said!("第 {} 行", "line {}", it.line()))?;
    let mut pairs = Vec::new();
    for (key, value) in object {
        match value {
            serde_json::Value::Object(sums) if key == "sums" => {
                pairs.extend(sums.into_iter().map(|(key, it)| (format!("sum_{key}"), said(&it))));
            }
            serde_json::Value::Null => {}
            value => pairs.push((key, said(&value))),
        }
    }
    Ok(pairs)
}

fn said(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |it| it.trim().to_owned())
}

fn of_lines(text: &str) -> Result<Vec<(String, String)>, Said> {
    let pair = |(at, line): (usize, &str)| {
        let (key, value) = line.split_once(['=', ':', '：']).ok_or_else(|| said!("第 {} 行", "line {}", at + 1))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().enumerate().filter(|(_, it)| !it.trim().is_empty()).map(pair).collect()
}

/// What was counted of one file, or of the members of one archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    rows: u64,
    sums: Vec<Sum>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    column: String,
    at: usize,
    sum: i128,
    /// Whether a cell could not be added.
    broken: bool,
}

impl Tally {
    fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for sum in &mut self.sums {
            let Ok(column) = cast(batch.column(sum.at), &DataType::Utf8) else {
                sum.broken = true;
                continue;
            };
            for cell in column.as_string::<i32>().iter().flatten().map(str::trim).filter(|it| !it.is_empty()) {
                match scaled(cell).and_then(|it| sum.sum.checked_add(it)) {
                    Some(more) => sum.sum = more,
                    None => sum.broken = true,
                }
            }
        }
    }
}

/// A number like `-8,120.50` as a whole number of 10⁻⁹; null for anything else.
fn scaled(number: &str) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = if fraction.len() > SCALE { fraction.trim_end_matches('0') } else { fraction };
    let whole = whole.replace(',', "");
    let all_digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || fraction.len() > SCALE || !all_digits(&whole) || !all_digits(fraction) {
        return None;
    }
    let value: i128 = format!("{whole}{fraction:0<SCALE$}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// An outlet that counts what goes through it.
pub(crate) struct Counted<'a> {
    outlet: &'a Outlet,
    tally: RefCell<Tally>,
}

impl<'a> Counted<'a> {
    /// Counts on from `tally`.
    pub(crate) fn new(outlet: &'a Outlet, tally: Tally) -> Counted<'a> {
        Counted { outlet, tally: RefCell::new(tally) }
    }

    pub(crate) fn put(&self, piece: Piece) -> Result<(), Stop> {
        match &piece {
            Piece::Rows(batch) => self.tally.borrow_mut().add(batch),
            Piece::Broken(_) => self.tally.borrow_mut().rows += 1,
            Piece::Total(_) | Piece::Skipped(_) | Piece::File(_) => {}
        }
        self.outlet.put(piece)
    }

    pub(crate) fn tally(self) -> Tally {
        self.tally.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Control {
        let columns = BTreeMap::from([("sum_gross".to_owned(), "应发合计".to_owned())]);
        Control::read("pay.ctl", text, &columns).expect("a control file")
    }

    #[test]
    fn json_and_lines_say_the_same() {
        let json = read(r#"{"rows": 120, "sum_gross": 8120.5, "period": "202603", "sha256": "AB", "sums": {"扣款": "-1,000.25"}}"#);
        let mut lines = read("rows = 120\nsum_gross: 8120.50\nperiod=202603\nsha256=ab\n\nsum_扣款：-1000.25\n");
        lines.sums.sort();
        let mut sorted = json.clone();
        sorted.sums.sort();
        assert_eq!(sorted, lines);
        assert_eq!((json.rows, json.sha256.as_deref(), json.others), (Some(120), Some("ab"), vec!["period".to_owned()]));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "{", "[1]", "period = 202603", "rows = many", "sum_gross = much", "sum"] {
            assert!(Control::read("pay.ctl", text, &BTreeMap::new()).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(scaled("8,120.50"), Some(8_120_500_000_000));
        assert_eq!(scaled("-.5"), Some(-500_000_000));
        assert_eq!(scaled("0.1234567890000"), Some(123_456_789));
        for text in ["", "-", ".", "1e3", "0.0000000001", "壹", "1.2.3"] {
            assert_eq!(scaled(text), None, "{text}");
        }
    }

    #[test]
    fn a_control_file_is_found_by_name() {
        assert!(names("in/pay.csv").contains(&"in/pay.csv.control.json".to_owned()));
        assert!(names("in/pay.csv").contains(&"in/pay.ctl".to_owned()));
        assert!(is_control("pay.CTL") && !is_control("pay.csv"));
    }
}
