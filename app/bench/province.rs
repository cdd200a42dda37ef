//! A made-up province: every column is a pure function of the person's number, so that any part can be written alone.
//!
//! One in a hundred people has a damaged ID number in payroll or insurance; one in ten thousand is a ghost of some kind.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringBuilder};
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate};
use parquet::arrow::ArrowWriter;

use crate::pull;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

const PEOPLE_PER_UNIT: usize = 50;
const CHUNK: usize = 65_536;
/// Different birthdays: nobody is a child when hired, or past retiring.
const BIRTHDAYS: usize = 9_000;

/// The configuration beside the data.
pub fn config(memory_mib: usize) -> String {
    format!("city = {{ zh = \"性能测试省\", en = \"Bench province\" }}\nregion = \"330000\"\n[engine]\nmemory_mib = {memory_mib}\n")
}

const DEPARTMENT: &str = "\
name = \"warehouse\"
title = { zh = \"数据仓库\", en = \"Data warehouse\" }
mapping = \"province\"
[source.main]
kind = \"parquet\"
folder = \"source\"
";

/// Writes sources, configuration and mapping below `folder`.
pub fn write(folder: &Path, people: usize, months: u32) -> Result<(), Trouble> {
    for part in ["config/departments", "mappings", "source"] {
        fs::create_dir_all(folder.join(part))?;
    }
    fs::write(folder.join("config/departments/warehouse.toml"), DEPARTMENT)?;
    fs::write(folder.join("mappings/province.toml"), include_str!("province.toml"))?;
    let source = folder.join("source");
    let months = months_before(months);
    let units = people.div_ceil(PEOPLE_PER_UNIT);

    table(&source, "unit", units, &|at| vec![("unit_code", text(at, unit_code)), ("unit_name", text(at, |it| format!("第{it}中心小学")))])?;
    table(&source, "quota", units, &|at| {
        vec![
            ("unit_code", text(at, unit_code)),
            ("amount", ints(at, |it| if it.is_multiple_of(1000) { 49 } else { 52 })),
            ("effective_on", days(at, |_| day(2020, 1, 1))),
        ]
    })?;
    table(&source, "establishment", people, &|at| {
        let mut columns = who(at, false);
        columns.extend([
            ("sex", text(at, |it| if sex_digit(it) % 2 == 1 { "1".into() } else { "2".into() })),
            ("birth_date", days(at, |it| Some(birth(it)))),
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("entered_on", days(at, |it| day(birth(it).year() + 22 + (it % 5) as i32, 7, 1))),
            ("exited_on", days(at, |it| if left(it) { day(2026, 5, 8) } else { None })),
        ]);
        columns
    })?;
    table(&source, "employment", people, &|at| {
        let mut columns = who(at, false);
        columns.extend([
            ("birth_date", days(at, |it| Some(birth(it)))),
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("status", text(at, |it| if left(it) { "3".into() } else { "1".into() })),
            ("start_on", days(at, |it| day(birth(it).year() + 22 + (it % 5) as i32, 7, 1))),
            ("end_on", days(at, |it| if left(it) { day(2026, 4, 30) } else { None })),
            ("end_reason", maybe(at, |it| left(it).then(|| "41".into()))),
        ]);
        columns
    })?;
    for month in &months {
        // Who left in April is not paid from June on, but for a few.
        let gone = |it: usize| *month > 202_605 && left(it) && !it.is_multiple_of(20_000);
        paid(&source, *month, people, &gone)?;
        insured(&source, *month, people, &gone)?;
    }
    small_tables(&source, people, months.last().copied().unwrap_or(202_610))?;
    fs::write(folder.join("complete"), "")?;
    Ok(())
}

fn paid(source: &Path, month: i32, people: usize, gone: &dyn Fn(usize) -> bool) -> Result<(), Trouble> {
    some(source, &format!("payment-{month}"), people, &|it| !gone(it), &|at| {
        let mut columns = who(at, true);
        columns.extend([
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("month", ints(at, |_| month)),
            ("kind", text(at, |_| "01".into())),
            ("gross_fen", longs(at, |it| 500_000 + (it as i64 * 7919) % 900_000)),
            ("employer_fen", longs(at, |it| 120_000 + (it as i64 * 7919) % 200_000)),
            ("net_fen", longs(at, |it| 400_000 + (it as i64 * 7919) % 700_000)),
        ]);
        columns
    })
}

fn insured(source: &Path, month: i32, people: usize, gone: &dyn Fn(usize) -> bool) -> Result<(), Trouble> {
    some(source, &format!("contribution-{month}"), people, &|it| !gone(it), &|at| {
        let mut columns = who(at, true);
        columns.extend([
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("month", ints(at, |_| month)),
            ("scheme", text(at, |_| "120".into())),
            ("base_fen", longs(at, |it| 500_000 + (it as i64 * 7919) % 900_000)),
            ("employer_fen", longs(at, |it| 80_000 + (it as i64 * 7919) % 90_000)),
        ]);
        columns
    })
}

/// Deaths, leaves and the like: a few in ten thousand.
fn small_tables(source: &Path, people: usize, last: i32) -> Result<(), Trouble> {
    let every = |n: usize, shift: usize| move |it: usize| it % n == shift;
    some(source, "death", people, &every(10_000, 17), &|at| {
        let mut columns = who(at, false);
        columns.push(("died_on", days(at, |_| day(2026, 3, 9))));
        columns
    })?;
    some(source, "movement", people, &left, &|at| {
        let mut columns = who(at, false);
        columns.extend([
            ("kind", text(at, |_| "41".into())),
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("effective_on", days(at, |_| day(2026, 5, 6))),
        ]);
        columns
    })?;
    some(source, "pension", people, &every(20_000, 23), &|at| {
        let mut columns = who(at, false);
        columns.extend([("month", ints(at, |_| last)), ("amount_fen", longs(at, |_| 410_000))]);
        columns
    })?;
    some(source, "attendance", people, &every(4, 1), &|at| {
        let mut columns = who(at, false);
        columns.extend([
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("month", ints(at, |_| last)),
            ("required_days", ints(at, |_| 21)),
            ("present_days", ints(at, |it| if it % 20_000 == 29 { 0 } else { 21 })),
            ("absent_days", ints(at, |it| if it % 20_000 == 29 { 21 } else { 0 })),
        ]);
        columns
    })?;
    for (name, shift) in [("leave", 31), ("secondment", 37)] {
        some(source, name, people, &every(1000, shift), &|at| {
            let mut columns = who(at, false);
            columns.extend([
                ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
                ("from_on", days(at, |_| day(2026, 3, 2))),
                ("to_on", days(at, |_| day(2026, 4, 30))),
                ("returned_on", days(at, |it| if it % 20_000 == shift { None } else { day(2026, 5, 1) })),
            ]);
            columns
        })?;
    }
    some(source, "sanction", people, &every(10_000, 41), &|at| {
        let mut columns = who(at, false);
        columns.push(("from_on", days(at, |_| day(2026, 6, 1))));
        columns
    })?;
    some(source, "post", people, &every(500, 43), &|at| {
        let mut columns = who(at, false);
        columns.extend([
            ("unit_code", text(at, |it| unit_code(it / PEOPLE_PER_UNIT))),
            ("concurrent", Arc::new(BooleanArray::from(vec![false; at.len()])) as ArrayRef),
            ("from_on", days(at, |_| day(2024, 1, 1))),
        ]);
        columns
    })
}

type Columns = Vec<(&'static str, ArrayRef)>;

fn table(source: &Path, name: &str, rows: usize, columns: &dyn Fn(&[usize]) -> Columns) -> Result<(), Trouble> {
    some(source, name, rows, &|_| true, columns)
}

fn some(
    source: &Path,
    name: &str,
    rows: usize,
    keep: &dyn Fn(usize) -> bool,
    columns: &dyn Fn(&[usize]) -> Columns,
) -> Result<(), Trouble> {
    let schema = batch(columns(&[]))?.schema();
    let file = File::create(source.join(format!("{name}.parquet")))?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(pull::settings().build()))?;
    for start in (0..rows).step_by(CHUNK) {
        let at: Vec<usize> = (start..rows.min(start + CHUNK)).filter(|it| keep(*it)).collect();
        writer.write(&batch(columns(&at))?)?;
    }
    writer.close()?;
    Ok(())
}

/// Every column may be null, whether or not a value of these rows is.
fn batch(columns: Columns) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
}

fn who(at: &[usize], damaged: bool) -> Columns {
    vec![("id_number", text(at, |it| if damaged && it % 100 == 7 { damaged_id(it) } else { id_number(it) })), ("name", text(at, name))]
}

fn text(at: &[usize], of: impl Fn(usize) -> String) -> ArrayRef {
    maybe(at, |it| Some(of(it)))
}

fn maybe(at: &[usize], of: impl Fn(usize) -> Option<String>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(at.len(), at.len() * 18);
    for it in at {
        builder.append_option(of(*it));
    }
    Arc::new(builder.finish())
}

fn ints(at: &[usize], of: impl Fn(usize) -> i32) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(at.iter().map(|it| of(*it))))
}

fn longs(at: &[usize], of: impl Fn(usize) -> i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(at.iter().map(|it| of(*it))))
}

fn days(at: &[usize], of: impl Fn(usize) -> Option<NaiveDate>) -> ArrayRef {
    Arc::new(at.iter().map(|it| of(*it).map(|it| it.num_days_from_ce() - 719_163)).collect::<Date32Array>())
}

fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The months up to the one before the bench's night, rising.
fn months_before(months: u32) -> Vec<i32> {
    let last = 2026 * 12 + 9;
    (0..months as i32).rev().map(|back| (last - back) / 12 * 100 + (last - back) % 12 + 1).collect()
}

fn unit_code(unit: usize) -> String {
    format!("33{unit:07}")
}

fn left(it: usize) -> bool {
    it % 1000 == 3 || it.is_multiple_of(20_000)
}

fn birth(it: usize) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(720_000 + ((it * 7) % BIRTHDAYS) as i32).expect("a day of the years 1972 to 1996")
}

fn sex_digit(it: usize) -> usize {
    (it / BIRTHDAYS / 60) % 1000
}

/// A valid number: unique by place, birth day and sequence.
fn id_number(it: usize) -> String {
    let area = 330_101 + (it / BIRTHDAYS) % 60;
    let body = format!("{area}{}{:03}", birth(it).format("%Y%m%d"), sex_digit(it));
    // GB 11643-1999: weights and check characters.
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = body.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{body}{}", ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum % 11])
}

/// One digit wrong, as typed by hand.
fn damaged_id(it: usize) -> String {
    let mut number = id_number(it).into_bytes();
    let at = 6 + it % 8;
    number[at] = b'0' + (number[at] - b'0' + 1) % 10;
    String::from_utf8(number).expect("digits")
}

fn name(it: usize) -> String {
    const SURNAMES: [char; 20] =
        ['王', '李', '张', '刘', '陈', '杨', '黄', '赵', '吴', '周', '徐', '孙', '马', '朱', '胡', '郭', '何', '林', '高', '罗'];
    const GIVEN: [char; 30] = [
        '伟', '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋', '勇', '艳', '杰', '娟', '涛', '明', '超', '秀', '霞', '平', '刚', '桂',
        '英', '华', '玉', '萍', '红', '建', '文', '国',
    ];
    let mixed = it.wrapping_mul(2_654_435_761) >> 7;
    [SURNAMES[mixed % 20], GIVEN[mixed / 20 % 30], GIVEN[mixed / 600 % 30]].iter().collect()
}
