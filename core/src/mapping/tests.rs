//! Mistakes as the operator sees them: `line: what (hint)`.

use std::fmt::Write;

use super::*;

/// A mapping that is right; tests spoil it.
const PAYROLL: &str = r#"
title = { zh = "市财政局工资系统", en = "Payroll of the finance bureau" }
[[feed]]
name   = "payroll"
fills  = "payment"
table  = "工资发放表-*.xlsx"
[feed.columns]
id_number = { from = "身份证号" }
name      = { from = "姓名" }
month     = { from = "_title", pattern = "(\\d{4})年(\\d{1,2})月", month = "%Y%m" }
kind      = { from = "发放类别", codes = "pay-kind" }
gross_fen = { from = "应发合计", money = "yuan" }
net_fen   = { sql = "round((\"YFHJ\" - \"DKHJ\") * 100)" }
unit_code = { from = "单位编码", codes = { file = "units.csv" } }
[feed.keep]
when = "\"ZT\" <> '9'"
[feed.ignore]
columns = ["BZ"]
[feed.expect]
rows      = { min = 12_000, max = 20_000, max_drop = 0.05 }
id_number = { filled = 0.98 }
gross_fen = { total = true }
fresh     = "40 days"
months    = { gaps = false }
[[feed.example]]
given = { "身份证号" = "1", "姓名" = "张三", _title = "2026年5月工资", "发放类别" = "01", YFHJ = 1.5, DKHJ = 1, ZT = "1" }
gives = { month = 202605, kind = "salary", net_fen = 50 }
[codes.pay-kind]
"01" = "salary"
"02" = "arrears"
"#;

fn files(name: &str) -> Option<String> {
    (name == "units.csv").then(|| "from,to,note\n001,330683-001,公安局\n002,330683-002,\n".to_owned())
}

fn check(text: &str, expected: &str) {
    let found = match read(&Source::new("mappings/test.toml", text), &files) {
        Ok(_) => "no mistake\n".to_owned(),
        Err(mistakes) => mistakes.iter().fold(String::new(), |mut all, it| {
            let line = it.place().replace("mappings/test.toml:", "").replace("mappings/", "");
            let hint = it.hint().map_or(String::new(), |hint| format!(" ({hint})"));
            writeln!(all, "{line}: {}{hint}", it.what).expect("a string takes everything");
            all
        }),
    };
    assert_eq!(found.trim(), expected.trim(), "\n{text}");
}

/// The payroll mapping with one text replaced by another.
fn spoiled(right: &str, wrong: &str, expected: &str) {
    assert!(PAYROLL.contains(right), "{right}");
    check(&PAYROLL.replacen(right, wrong, 1), expected);
}

#[test]
fn a_right_mapping_is_read_whole() {
    let mapping = read(&Source::new("mappings/test.toml", PAYROLL), &files).unwrap();
    let feed = &mapping.feeds[0];
    assert_eq!((feed.name.as_str(), feed.fills.name, feed.source.as_deref()), ("payroll", "payment", None));
    assert_eq!(
        feed.columns.iter().map(|it| it.into.as_str()).collect::<Vec<_>>(),
        ["id_number", "name", "unit_code", "month", "kind", "gross_fen", "net_fen"]
    );
    assert_eq!(feed.source_columns(), ["身份证号", "姓名", "单位编码", "发放类别", "应发合计", "DKHJ", "YFHJ", "ZT"]);
    assert_eq!(feed.expect.rows, RowsBound { min: Some(12_000), max: Some(20_000), max_drop: Some(0.05) });
    assert!((feed.expect.rejected_max - 0.01).abs() < f64::EPSILON);
    assert_eq!(feed.expect.fresh, Some(Fresh { column: None, within_days: 40 }));
    assert!(feed.expect.months.no_gaps);
    assert!(matches!(&feed.fill("unit_code").unwrap().reader, Reader::Code(codes) if codes.find("001").is_some()));
    assert_eq!(feed.examples.len(), 1);
}

#[test]
fn names_that_do_not_exist() {
    spoiled("fills  = \"payment\"", "fills = \"paymnt\"", "5: there is no shared table `paymnt` (did you mean `payment`?)");
    spoiled(
        "month     = {",
        "mnoth = {",
        "7: `payment` needs `month` (所属月份) (map it from a column, or give a constant: month = { value = \"…\" })\n10: `payment` has no column `mnoth` (did you mean `month`?)",
    );
    spoiled("name      = {", "\"姓名\" = {", "9: `payment` has no column `姓名` (did you mean `name`?)");
    spoiled("max_drop", "max_dorp", "20: `rows` has no key `max_dorp` (did you mean `max_drop`?)");
    spoiled("[feed.ignore]", "[feed.ignroe]", "17: the feed has no key `ignroe` (did you mean `ignore`?)");
    spoiled(
        "money = \"yuan\"",
        "mony = \"yuan\"",
        "12: `gross_fen` does not say what one unit of its number is worth (add money = \"yuan\" (or \"wan\" for 万元, \"fen\" for 分))\n12: `gross_fen` has no key `mony` (did you mean `money`?)",
    );
    spoiled("\"yuan\"", "\"元\"", "12: `元` is no unit of money (the units are yuan, wan, fen)");
}

#[test]
fn codes() {
    spoiled("\"salary\"\n\"02\"", "\"salery\"\n\"02\"", "29: `pay_kind` has no code `salery` (did you mean `salary`?)");
    spoiled("codes = \"pay-kind\"", "codes = \"paykind\"", "11: there is no table `codes.paykind` in this file (did you mean `pay-kind`?)");
    spoiled(
        "{ from = \"姓名\" }",
        "{ from = \"姓名\", codes = \"pay-kind\" }",
        "9: `codes` is for codes and texts; `name` is of kind name",
    );
    spoiled("units.csv", "unit.csv", "14: the code file `unit.csv` cannot be read (code files stand beside the mapping)");
    spoiled(
        "codes = \"pay-kind\"",
        "codes = { file = \"units.csv\" }",
        "units.csv:2: `pay_kind` has no code `330683-001` (the codes are salary, arrears, performance, retirement, survivor, rehired, non-quota, one-off)\nunits.csv:3: `pay_kind` has no code `330683-002` (the codes are salary, arrears, performance, retirement, survivor, rehired, non-quota, one-off)",
    );
    spoiled(
        "codes = \"pay-kind\"",
        "codes = 1",
        "11: `codes` of `kind` must be a table or the name of one (codes = { \"01\" = \"…\" }, codes = \"name\" for a table [codes.name], or codes = { file = \"….csv\" })",
    );
}

#[test]
fn code_files() {
    let twice = |text: &str| {
        let source = Source::new("mappings/test.toml", PAYROLL);
        let mistakes = read(&source, &|_| Some(text.to_owned())).unwrap_err();
        mistakes.iter().map(|it| format!("{} {}", it.place(), it.what)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(twice("from,to\n1,a\n1,b\n"), "mappings/units.csv:3 `1` stands here twice, with two meanings");
    assert_eq!(twice("code,meaning\n"), "mappings/units.csv:1 a code file begins with the line from,to");
    assert_eq!(twice("from,to\n,a\n"), "mappings/units.csv:2 this line lacks a code");
}

#[test]
fn where_a_column_comes_from() {
    spoiled(
        "{ from = \"姓名\" }",
        "{ }",
        "9: `name` does not say where it comes from (write from = \"source column\", value = \"constant\" or sql = \"expression\")",
    );
    spoiled(
        "{ from = \"姓名\" }",
        "{ from = \"姓名\", value = \"x\" }",
        "9: `name` comes from two places: from and value (keep one of them)",
    );
    spoiled("{ from = \"姓名\" }", "\"姓名\"", "9: `name` must be a table, not text");
    spoiled("{ from = \"姓名\" }", "{ from = 1 }", "9: `from` of `name` must be text, not a whole number");
    spoiled("name      = {", "id_number = {", "9: duplicate key");
}

#[test]
fn forms_and_patterns() {
    spoiled(
        "(\\\\d{4})年(\\\\d{1,2})月",
        "\\\\d{4}年",
        "10: the pattern captures nothing (put what is to be read in parentheses, such as (\\\\d{4})年(\\\\d{1,2})月)",
    );
    spoiled("(\\\\d{4})年", "(\\\\d{4}年", "10: this is no regular expression: unclosed group");
    spoiled(
        "\"%Y%m\"",
        "\"%Q\"",
        "10: the form `%Q` has a % that nobody knows (write any, excel, or a form like %Y-%m-%d, %Y%m, %Y年%m月)",
    );
    spoiled(
        "\"%Y%m\"",
        "\"yyyymm\"",
        "10: the form `yyyymm` does not say the year and the month (write any, excel, or a form like %Y-%m-%d, %Y%m, %Y年%m月)",
    );
    spoiled("month = \"%Y%m\"", "date = \"%Y%m\"", "10: `date` is for days; `month` is of kind month");
    spoiled(
        "money = \"yuan\"",
        "money = \"yuan\", default = \"none\"",
        "12: the default of `gross_fen` cannot be read as money: not an amount of money",
    );
    spoiled(
        "{ from = \"发放类别\", codes = \"pay-kind\" }",
        "{ value = \"wages\" }",
        "11: the value of `kind` cannot be read as code: the mapping does not name this code",
    );
}

#[test]
fn sql() {
    spoiled("round((", "roud((", "13: there is no SQL function `roud` (did you mean `round`?)");
    spoiled("* 100)", "* * 100)", "13: Expected: an expression, found: *");
    spoiled("<> '9'", "<> '9", "16: Unterminated string literal");
}

#[test]
fn expectations() {
    spoiled("\"40 days\"", "\"40\"", "23: `40` is no span of time (write \"40 days\" or \"6 weeks\")");
    spoiled("0.98", "98", "21: `filled` of `id_number` must be a share between 0 and 1 (5 % is written 0.05)");
    spoiled("12_000", "-1", "20: `min` of `rows` is below zero");
    spoiled("12_000", "30_000", "20: `rows` allows nothing: `max` is below `min`");
    spoiled("id_number = { filled", "base_fen = { filled", "21: `base_fen` is not mapped in this feed, so nothing can be expected of it");
    spoiled("id_number = { filled", "row = { filled", "21: `expect` has no key `row`, and `payment` no such column (did you mean `rows`?)");
    spoiled(
        "id_number = { filled = 0.98 }",
        "id_number = { total = true }",
        "21: `total` is for amounts; `id_number` is of kind id number",
    );
}

#[test]
fn examples() {
    spoiled("DKHJ = 1,", "DKJ = 1,", "26: the feed reads no column `DKJ` (did you mean `DKHJ`?)");
    spoiled("net_fen = 50", "nett_fen = 50", "27: `payment` has no column `nett_fen` (did you mean `net_fen`?)");
    spoiled("net_fen = 50", "base_fen = 50", "27: `base_fen` is not mapped in this feed");
    spoiled(
        "gives = {",
        "given2 = {",
        "25: an example says one of gives, gives_reject, gives_aside\n27: the example has no key `given2` (did you mean `given`?)",
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = PAYROLL
        .replace("\"payroll\"", "1")
        .replace("max_drop", "drop")
        .replace("\"salary\"\n\"02\"", "\"pay\"\n\"02\"")
        .replace(", en = ", ", eng = ");
    check(
        &text,
        "2: `title` lacks `en` (en: English name)
2: `title` has no key `eng` (did you mean `en`?)
4: `name` of the feed must be text, not a whole number
20: `rows` has no key `drop` (the keys are min, max, max_drop)
29: `pay_kind` has no code `pay` (the codes are salary, arrears, performance, retirement, survivor, rehired, non-quota, one-off)",
    );
}

#[test]
fn files_that_are_no_mappings() {
    check(
        "",
        "1: the mapping lacks `title` (title: What the system is called.)\n1: the mapping lacks `feed` (feed: One table of the system, and the shared table it fills.)",
    );
    check("title = ", "1: string values must be quoted, expected literal string");
    let twice = format!("{PAYROLL}\n{}", &PAYROLL[PAYROLL.find("[[feed]]").unwrap()..PAYROLL.find("[codes").unwrap()]);
    assert!(read(&Source::new("x", twice), &files).unwrap_err()[0].what.contains("two feeds are called `payroll`"));
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_caret() {
    let source = Source::new("mappings/test.toml", PAYROLL.replace("round((\\\"YFHJ", "round(, (\\\"YFHJ"));
    let mistake = read(&source, &files).unwrap_err().remove(0);
    let mut shown = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor()).with_width(120);
    handler.render_report(&mut shown, &mistake).unwrap();
    assert!(shown.contains("13 │ net_fen   = { sql = \"round(, (\\\"YFHJ\\\" - \\\"DKHJ\\\") * 100)\" }"), "{shown}");
    // The caret stands under the comma, although the backslashes before it are not part of the SQL.
    assert!(shown.contains("·                            ┬"), "{shown}");
}

#[test]
fn a_pull_in_parts_says_what_changed_and_which_row_is_which() {
    let with = |line: &str| PAYROLL.replacen("[feed.columns]", &format!("{line}\n[feed.columns]"), 1);
    let known = |text: &str| read(&Source::new("mappings/test.toml", text), &files).expect("right").feeds.remove(0);
    let feed = known(&with("incremental = { column = \"GXSJ\", lookback = \"2 weeks\", key = [\"ID\", \"NY\"], full_every = \"3 days\" }"));
    let parts = feed.incremental.clone().expect("it is said");
    assert_eq!((parts.column.as_str(), parts.lookback, parts.full_every_days), ("GXSJ", Lookback::Days(14), 3));
    assert!(["GXSJ", "ID", "NY"].iter().all(|it| feed.source_columns().contains(&(*it).to_owned())));
    let counted = known(&with("incremental = { column = \"BB\", lookback = 1000, key = \"ID\" }")).incremental.expect("it is said");
    assert_eq!((counted.lookback, counted.full_every_days), (Lookback::Count(1000), 7));
    check(
        &with("incremental = { column = \"GXSJ\", lookback = \"soon\" }"),
        "7: `incremental` lacks `key` (key: The source columns that tell which row is which.)\n7: `soon` is no span of time (write \"40 days\" or \"6 weeks\")",
    );
}

#[test]
fn a_guard_is_on_unless_the_mapping_says_otherwise() {
    let with = |line: &str| PAYROLL.replacen("[feed.columns]", &format!("{line}\n[feed.columns]"), 1);
    let known = |text: &str| read(&Source::new("mappings/test.toml", text), &files).expect("right").feeds.remove(0).guard;
    assert_eq!(known(PAYROLL), Guard::default());
    assert_eq!(known(&with("guard = { rows = 0.1, nights = 3 }")), Guard { rows: 0.1, nights: 3, ..Guard::default() });
    check(&with("guard = { nigths = 3 }"), "7: `guard` has no key `nigths` (did you mean `nights`?)");
    check(&with("guard = { rows = 5 }"), "7: `rows` of `guard` must be a share between 0 and 1 (5 % is written 0.05)");
    check(&with("guard = { nights = 90 }"), "7: `nights` must be 1 to 31");
}

#[test]
fn a_default_may_be_a_shared_code_or_a_boolean_whatever_the_source_writes() {
    let counts = "counts = { from = \"占编\", flag = { yes = [\"有\"], no = [\"无\"] }, default = true }";
    let text = |column: &str| {
        format!(
            "title = {{ zh = \"编办\", en = \"x\" }}\n[[feed]]\nname = \"a\"\nfills = \"establishment\"\ntable = \"A\"\n[feed.columns]\nname = {{ from = \"XM\" }}\n{column}\n"
        )
    };
    check(&text(counts), "no mistake");
    let kind = |code: &str| PAYROLL.replace("codes = \"pay-kind\"", &format!("codes = \"pay-kind\", default = \"{code}\""));
    check(&kind("retirement"), "no mistake");
    check(&kind("wages"), "11: the default of `kind` cannot be read as code: the mapping does not name this code");
}
