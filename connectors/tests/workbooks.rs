//! The habits of people who fill in workbooks.

mod common;

use std::path::Path;

use common::told;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

/// Writes cells as text; `=1.5` is a number, `@45943` a date, an empty text no cell.
fn write(sheet: &mut Worksheet, lines: &[&[&str]]) {
    let date = Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"");
    for (row, cells) in lines.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
            let (row, column) = (row as u32, column as u16);
            let written = match (cell.strip_prefix('='), cell.strip_prefix('@')) {
                (Some(number), _) => sheet.write_number(row, column, number.parse::<f64>().expect("a number")),
                (_, Some(serial)) => {
                    let day = ExcelDateTime::from_serial_datetime(serial.parse::<f64>().expect("a number")).expect("a date");
                    sheet.write_datetime_with_format(row, column, day, &date)
                }
                _ => sheet.write_string(row, column, *cell),
            };
            written.expect("to write a cell");
        }
    }
}

fn book(path: &Path, sheets: &[(&str, &[&[&str]])]) {
    let mut book = Workbook::new();
    for (name, lines) in sheets {
        write(book.add_worksheet().set_name(*name).expect("a name"), lines);
    }
    book.save(path).expect("to write the workbook");
}

/// One sheet in one workbook, pulled.
async fn check(lines: &[&[&str]], columns: &[&str], expected: &[&str]) {
    let root = tempfile::tempdir().expect("a folder for the test");
    book(&root.path().join("工资.xlsx"), &[("Sheet1", lines)]);
    assert_eq!(told(root.path(), "kind = 'xlsx'", "工资.xlsx", columns).await, expected);
}

#[tokio::test]
async fn titles_totals_and_signatures_stand_around_the_rows() {
    check(
        &[
            &["嵊州市行政事业单位工资发放表"],
            &["2026年3月", "", "", "单位：元"],
            &["序号", "姓 名", "身份证\n号码", "应发\n合计"],
            &["=1", "张伟", "330683198001011234", "=8120.5"],
            &["=2", "陈䶮", "330683198102022245", "=6234.7000000000007"],
            &["", "小计", "", "=14355.2"],
            &[],
            &["=3", "李娜", "330683198203033254", "=100"],
            &["", "合 计", "", "=14455.2"],
            &["制表人：王芳", "", "审核：", "2026年3月31日"],
        ],
        &["姓名", "身份证号码", "应发合计"],
        &[
            "title 1: 嵊州市行政事业单位工资发放表",
            "title 2: 2026年3月 单位：元",
            "subtotal 6: 小计 14355.2",
            "blank 7: ",
            "row 4: 1 | 张伟 | 330683198001011234 | 8120.5",
            "row 5: 2 | 陈䶮 | 330683198102022245 | 6234.7",
            "row 8: 3 | 李娜 | 330683198203033254 | 100",
            "total 9: 姓名=合 计 应发合计=14455.2",
            "signature 10: 制表人：王芳 审核： 2026年3月31日",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_heading_of_two_lines_and_a_line_of_column_numbers() {
    check(
        &[
            &["姓名", "身份证号", "应发", "", "扣款", ""],
            &["", "", "基本工资", "金额", "养老保险", "金额"],
            &["栏次", "=1", "=2", "=3", "=4", "=5"],
            &["张伟", "330683198001011234", "=1", "=2", "=3", "=4"],
            &["姓名", "身份证号", "", "", "", ""],
        ],
        &["姓名", "身份证号", "养老保险"],
        &["column numbers 3: 栏次 1 2 3 4 5", "row 4: 张伟 | 330683198001011234 | 1 | 2 | 3 | 4", "row 5: 姓名 | 身份证号 | ~ | ~ | ~ | ~"],
    )
    .await;
}

#[tokio::test]
async fn a_printed_table_repeats_its_heading() {
    check(
        &[&["姓名", "金额"], &["张伟", "=1"], &["姓名", "金额"], &["李娜", "=2"]],
        &["姓名"],
        &["heading again 3: 姓名 金额", "row 2: 张伟 | 1", "row 4: 李娜 | 2"],
    )
    .await;
}

#[tokio::test]
async fn dates_are_iso_and_texts_are_untouched() {
    check(
        &[&["身份证号", "出生", "离职"], &["'330683198001011234 ", "@29342", "至今"], &["=330683198001011000", "1980.5", "@45943.5"]],
        &["身份证号"],
        &["row 2: '330683198001011234  | 1980-05-01 | 至今", "row 3: 330683198001011000 | 1980.5 | 2025-10-13 12:00:00"],
    )
    .await;
}

#[tokio::test]
async fn remarks_beside_the_table_are_told() {
    check(
        &[&["姓名", "金额"], &["张伟", "=1", "", "已调出"], &["李娜", "=2", "", "?"]],
        &["姓名"],
        &["row 2: 张伟 | 1", "row 3: 李娜 | 2", "under no heading 2: column D: 2 cells"],
    )
    .await;
}

#[tokio::test]
async fn only_visible_sheets_with_the_columns_are_read_unless_one_is_named() {
    let root = tempfile::tempdir().expect("a folder for the test");
    let mut book = Workbook::new();
    write(book.add_worksheet().set_name("说明").expect("a name"), &[&["本表说明", "见附件"]]);
    write(book.add_worksheet().set_name("在职").expect("a name"), &[&["姓名", "金额"], &["张伟", "=1"]]);
    write(book.add_worksheet().set_name("上月").expect("a name").set_hidden(true), &[&["姓名", "金额"], &["李娜", "=2"]]);
    write(book.add_worksheet().set_name("退休").expect("a name"), &[&["2026年"], &["单位", "姓名"], &["水利局", "王芳"]]);
    book.save(root.path().join("a.xlsx")).expect("to write the workbook");
    assert_eq!(
        told(root.path(), "kind = 'xlsx'", "a.xlsx", &["姓名"]).await,
        [
            "sheet without the mapped columns -: 说明",
            "hidden sheet -: 上月",
            "row 2: 张伟 | 1 | ~",
            "title 1: 2026年",
            "row 3: 王芳 | ~ | 水利局",
        ]
    );
    assert_eq!(told(root.path(), "kind = 'xlsx'\nsheet = '上*'", "a.xlsx", &["姓名"]).await[3..], ["row 2: 李娜 | 2"]);
    assert_eq!(
        told(root.path(), "kind = 'xlsx'\nsheet = '离休'", "a.xlsx", &["姓名"]).await,
        ["finance/archive a.xlsx: a.xlsx has no sheet with the mapped columns", "its sheets are `说明`, `在职`, `上月`, `退休`",]
    );
}

#[tokio::test]
async fn several_workbooks_are_one_table_in_name_order() {
    let root = tempfile::tempdir().expect("a folder for the test");
    book(&root.path().join("工资-02.xlsx"), &[("S", &[&["姓名", "金额", "津贴"], &["李娜", "=2", "=3"]])]);
    book(&root.path().join("工资-01.xlsx"), &[("S", &[&["姓名", "金额"], &["张伟", "=1"]])]);
    std::fs::write(root.path().join("~$工资-02.xlsx"), "open in Excel").expect("to write the lock");
    assert_eq!(
        told(root.path(), "kind = 'xlsx'", "工资-*.xlsx", &["姓名"]).await,
        ["lock of an open file -: ~$工资-02.xlsx", "row 2: 张伟 | 1 | ~", "row 2: 李娜 | 2 | 3"]
    );
}

#[tokio::test]
async fn what_is_no_workbook_says_what_to_do() {
    let root = tempfile::tempdir().expect("a folder for the test");
    for (name, bytes, hint) in [
        ("a.xls", "<html><table>", "open it in Excel or WPS and save it as .xlsx"),
        ("b.xls", "姓名\t金额", "if it is text, use `kind = \"csv\"`; else save it again as .xlsx"),
        ("c.xlsx", "PK\u{3}\u{4}", "open it in Excel or WPS; if it is whole there, save it again as .xlsx"),
        ("d.xlsx", "", "have the file delivered again"),
    ] {
        std::fs::write(root.path().join(name), bytes).expect("to write the file");
        assert_eq!(told(root.path(), "kind = 'xlsx'", name, &["姓名"]).await[1], hint, "{name}");
    }
}

#[tokio::test]
async fn a_heading_that_is_nearly_right_is_named() {
    check(
        &[&["姓名", "身份证号码"], &["张伟", "330683198001011234"]],
        &["SFZH", "XM", "身份证号"],
        &[
            "finance/archive 工资.xlsx: 工资.xlsx has no sheet with the mapped columns",
            "row 1 has `身份证号码` where the mapping says `身份证号`",
        ],
    )
    .await;
}

/// `files/pay.xls` is of the format of Excel 97 to 2003, written with xlwt.
#[tokio::test]
async fn an_old_workbook_is_read_alike() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    assert_eq!(
        told(&files, "kind = 'xlsx'", "*.xls", &["姓名", "应发合计"]).await,
        [
            "title 1: 2026年3月工资",
            "row 3: 陈䶮 | 330683198001011234 | 8120.5 | 1980-01-01",
            "row 4: 𠮷田 | 33068319810202224X | 100 | ~",
            "total 5: 姓名=合计 应发合计=8220.5",
            "signature 6: 制表人：王芳",
        ]
    );
}
