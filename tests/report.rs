//! Reports that are taken out on purpose, and the worklist on its way back: scopes, marks, passwords, conflicts.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use calamine::{Data, DataType, Reader, Xlsx, open_workbook};
use rust_xlsxwriter::Workbook;
use serde_json::Value;
use support::City;

const ID: &str = "33068319750220222X";

/// 王桂兰 is paid though dead, the water station is over its quota, and so is the school.
const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
| U2 | 实验小学 |
`quota`
| unit_code | quota_type | amount |
| U1 | institution | 1 |
| U2 | institution | 1 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
| 330683198207032242 | 董秀峰 | U1 | institution | 2012-08-01 |
| 330683198105062118 | 李建军 | U2 | institution | 2012-08-01 |
| 330683199003154621 | 陈晓燕 | U2 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

const PEOPLE: &str = "\
[[person]]
id = 'wang-lei'
name = '王蕾'
address = 'w@city.example'
departments = ['payment', 'death']
[[person]]
id = 'li-na'
name = '李娜'
address = 'l@city.example'
departments = ['*']
units = ['U2']
lang = 'en'
[[person]]
id = 'chief'
name = '主任'
address = 'c@city.example'
departments = ['*']
";

fn city() -> City {
    let city = City::of(STORY);
    support::night(city.path(), "2026-11-15");
    city
}

impl City {
    fn run(&self, args: &[&str]) -> (String, String, i32) {
        self.run_in("en", args)
    }

    /// Takes out a report and gives its place; `Err` says why there is none.
    fn take(&self, name: &str, args: &[&str]) -> Result<PathBuf, String> {
        let out = self.root.path().join(name);
        let (_, err, code) = self.run(&[&["report", "--out", &out.display().to_string(), "--why", "monthly check"], args].concat());
        if code == 0 { Ok(out) } else { Err(err) }
    }

    fn people(&self) {
        fs::write(self.root.path().join("config/people.toml"), PEOPLE).expect("a file of the test");
    }

    fn audit(&self) -> Vec<Value> {
        self.json(&["audit", "list"]).as_array().expect("entries").clone()
    }
}

fn sheets(path: &Path) -> Vec<(String, Vec<Vec<Data>>)> {
    let mut book: Xlsx<_> = open_workbook(path).expect("a workbook");
    book.worksheets().into_iter().map(|(name, range)| (name, range.rows().map(<[Data]>::to_vec).collect())).collect()
}

fn everything(path: &Path) -> String {
    sheets(path).iter().flat_map(|(_, rows)| rows.iter().flatten()).filter_map(|it| it.as_string()).collect::<Vec<_>>().join("\n")
}

/// The rows of a sheet as texts.
fn sheet(path: &Path, name: &str) -> Vec<Vec<String>> {
    let rows = sheets(path).into_iter().find(|it| it.0 == name).unwrap_or_else(|| panic!("a sheet {name}")).1;
    rows.iter().map(|row| row.iter().map(|it| it.as_string().unwrap_or_default()).collect()).collect()
}

#[test]
fn everybody_gets_what_they_may_see_and_no_more() {
    let city = city();
    let night = city.take("all.xlsx", &["--for", "unit"]).expect("without people.toml whoever has the terminal may");
    assert!(sheets(&night).iter().any(|it| it.0 == "办理清单"));
    city.people();
    let refused = |args: &[&str]| city.take("no.xlsx", args).expect_err("it is refused");
    assert!(refused(&["--for", "wang-lei"]).contains("--as"));
    assert!(refused(&["--for", "chief", "--as", "wang-lei"]).contains("beyond what you may see"));
    assert!(refused(&["--for", "leaders", "--as", "li-na"]).contains("beyond what you may see"));
    assert!(refused(&["--for", "owner:unit", "--as", "wang-lei"]).contains("beyond what you may see"));
    assert!(refused(&["--for", "wang-lie", "--as", "chief"]).contains("wang-lei"), "the nearest name is told");
    assert!(refused(&["--for", "owner:payroll", "--as", "chief"]).contains("no department"));
    assert!(refused(&["--for", "chief", "--as", "chief", "--as-of", "2026-11-01"]).contains("2026-11-01"));
    assert!(!city.root.path().join("no.xlsx").exists());

    // The dead clerk is of payment and death; the school's quota is nothing of theirs.
    let wang = everything(&city.take("wang.xlsx", &["--for", "wang-lei", "--as", "wang-lei"]).expect("their own"));
    assert!(wang.contains("王桂兰") && wang.contains("wang-lei") && wang.contains("monthly check"));
    assert!(!wang.contains("E01 实验小学") && !wang.contains(ID));
    let li = city.take("li.xlsx", &["--for", "li-na", "--as", "li-na"]).expect("their own");
    let (text, list) = (everything(&li), sheet(&li, "Worklist"));
    assert!(!text.contains("王桂兰") && !text.contains("市水文站") && text.contains("实验小学"), "{text}");
    assert_eq!(list.iter().filter(|it| it[0].starts_with("MU-")).count(), 1);
    for format in ["html", "csv", "json"] {
        let name = format!("li.{format}");
        let text = fs::read_to_string(city.take(&name, &["--for", "li-na", "--as", "li-na", "--format", format]).expect(format));
        let text = text.expect("UTF-8");
        assert!(!text.contains("王桂兰") && !text.contains("市水文站") && !text.contains("王*"), "{format}: {text}");
    }
    // Leaders read of numbers, owners of rows: nobody is named.
    for (name, args) in
        [("leaders.xlsx", vec!["--for", "leaders", "--as", "chief"]), ("owner.xlsx", vec!["--for", "owner:payment", "--as", "wang-lei"])]
    {
        let text = everything(&city.take(name, &args).expect(name));
        assert!(!["王桂兰", "董秀峰", "李建军", ID].iter().any(|it| text.contains(it)), "{name}: {text}");
    }
    let page = fs::read_to_string(city.take("leaders.html", &["--for", "leaders", "--as", "chief", "--format", "html"]).expect("a page"));
    let page = page.expect("UTF-8");
    assert!(!page.contains("MU-2026") && !page.contains('桂') && page.contains("chief"), "numbers alone, and the mark");
    let trend: Value = serde_json::from_slice(
        &fs::read(city.take("leaders.json", &["--for", "leaders", "--as", "chief", "--format", "json"]).expect("JSON")).expect("there"),
    )
    .expect("JSON");
    assert_eq!((trend["trend"][0]["open"].as_u64(), trend["balance"]["open_tonight"].as_u64()), (Some(3), Some(3)), "{trend}");

    // A report is never replaced; each one is written down with its purpose.
    assert!(city.take("wang.xlsx", &["--for", "wang-lei", "--as", "wang-lei"]).expect_err("it is there").contains("name another file"));
    let taken: Vec<Value> = city.audit().into_iter().filter(|it| it["what"] == "report-taken-out").collect();
    assert_eq!(taken.len(), 10);
    assert!(
        taken.iter().all(|it| it["detail"]["why"] == "monthly check" && it["detail"]["sha256"].as_str().is_some_and(|it| it.len() == 64))
    );
}

#[test]
fn a_confidential_unit_is_counted_and_listed_for_the_cleared_alone() {
    let unit = "| unit_code | unit_name |\n| U1 | 市水文站 |\n| U2 | 实验小学 |\n";
    let marked = "| unit_code | unit_name | confidential |\n| U1 | 市水文站 | false |\n| U2 | 实验小学 | true |\n";
    assert!(STORY.contains(unit));
    let city = City::of(&STORY.replace(unit, marked));
    support::night(city.path(), "2026-11-15");
    let cleared = PEOPLE.to_owned()
        + "[[person]]\nid = 'cleared'\nname = '机要员'\naddress = 'j@city.example'\ndepartments = ['*']\nconfidential = true\n";
    fs::write(city.root.path().join("config/people.toml"), cleared).expect("a file of the test");

    let cases = |who: &str| city.json(&["case", "list", "--as", who]).as_array().expect("cases").clone();
    let of_school = |it: &&Value| it["units"].as_array().is_some_and(|it| it.iter().any(|it| it == "U2"));
    let all = cases("cleared");
    let school = all.iter().find(of_school).expect("the school is over its quota")["number"].as_str().expect("a number").to_owned();
    assert!(cases("chief").len() < all.len() && !cases("chief").iter().any(|it| of_school(&it)));
    assert!(cases("li-na").is_empty(), "her own unit, and she is not cleared for it");
    for (who, seen) in [("chief", false), ("cleared", true)] {
        for looked in [&["case", "show", &school][..], &["explain", &school], &["case", "note", &school, "--why", "x"]] {
            let (told, _, code) = city.run(&[looked, &["--as", who]].concat());
            assert_eq!((code == 0, !told.is_empty()), (seen, seen), "{who} {looked:?}: {told}");
        }
        for format in ["html", "csv", "json"] {
            let file = city.take(&format!("{who}.{format}"), &["--for", who, "--as", who, "--format", format]).expect(format);
            let text = fs::read_to_string(file).expect("UTF-8");
            assert_eq!((text.contains("实验小学"), text.contains(&school)), (seen, seen), "{who} {format}");
            assert!(format != "html" || text.contains("涉密单位 1 个") != seen, "{who}: it is said that there is one");
        }
        let book = everything(&city.take(&format!("{who}.xlsx"), &["--for", who, "--as", who]).expect("a workbook"));
        assert_eq!((book.contains("实验小学"), book.contains(&school)), (seen, seen), "{who}");
    }
    assert!(city.take("no.xlsx", &["--for", "cleared", "--as", "chief"]).expect_err("refused").contains("beyond what you may see"));
    assert!(city.take("yes.xlsx", &["--for", "chief", "--as", "cleared"]).is_ok());
    let leaders = everything(&city.take("leaders.xlsx", &["--for", "leaders", "--as", "chief"]).expect("a workbook"));
    assert!(!leaders.contains("实验小学") && leaders.contains("涉密单位 1 个"), "{leaders}");
    let (table, _, _) = city.run(&["table", "quota"]);
    assert!(!table.contains("实验小学") && table.contains("涉密单位 1 个"), "{table}");
}

#[test]
fn a_workbook_with_whole_numbers_has_a_password() {
    let city = city();
    let config = city.root.path().join("config/muster.toml");
    let before = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, format!("{before}[report]\nfull_ids = true\n")).expect("written");
    // The night was kept with masked numbers; from now on they are whole.
    support::night(city.root.path(), "2026-11-16");
    assert!(city.take("open.xlsx", &["--for", "payment"]).expect_err("in clear").contains("needs a password"));
    let password = city.root.path().join("password");
    fs::write(&password, "嵊州-2026-pass\n").expect("written");
    let shut = city.take("shut.xlsx", &["--for", "payment", "--password-file", &password.display().to_string()]).expect("with a password");
    assert!(fs::read(&shut).expect("there").starts_with(&[0xD0, 0xCF, 0x11, 0xE0]));
    // An independent program opens it with the password, and with no other.
    let open = |word: &str, to: &str| {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin/msoffcrypto-tool");
        let out = city.root.path().join(to);
        let done = Command::new(tool).args(["-p", word]).arg(&shut).arg(&out).output().expect("./test installs msoffcrypto-tool");
        (done.status.success(), out)
    };
    let (done, clear) = open("嵊州-2026-pass", "clear.xlsx");
    assert!(done && everything(&clear).contains(ID));
    assert!(!open("something else", "wrong.xlsx").0);
    let csv =
        fs::read(city.take("gb.csv", &["--for", "payment", "--format", "csv", "--encoding", "gb18030"]).expect("a table")).expect("there");
    assert!(csv.windows(6).any(|it| it == [0xCD, 0xF5, 0xB9, 0xF0, 0xC0, 0xBC]), "王桂兰 in GB 18030");
}

/// Fills in the worklist: by case number what stands in the yellow columns.
fn fill(city: &City, name: &str, filled: &[(&str, [&str; 4])]) -> PathBuf {
    let taken = city.root.path().join(format!("taken-{name}"));
    if !taken.exists() {
        city.take(&format!("taken-{name}"), &["--for", "unit"]).expect("a worklist");
    }
    let rows = sheet(&taken, "办理清单");
    let (mut book, out) = (Workbook::new(), city.root.path().join(name));
    let sheet = book.add_worksheet();
    for (at, row) in rows.iter().enumerate() {
        let asked = filled.iter().find(|it| it.0 == row[0]).map(|it| it.1);
        for (col, text) in row.iter().enumerate() {
            let text = if let (Some(asked), 13..17) = (asked, col) { asked[col - 13] } else { text };
            match text.parse::<f64>() {
                Ok(number) if col == 10 => sheet.write_number(at as u32, col as u16, number),
                _ => sheet.write_string(at as u32, col as u16, text),
            }
            .expect("written");
        }
    }
    book.save(&out).expect("saved");
    out
}

#[test]
fn the_worklist_goes_round() {
    let city = city();
    let cases = city.json(&["case", "list", "--rule", "E01"]);
    let number = |at: usize| cases[at]["number"].as_str().expect("a number").to_owned();
    let (one, other) = (number(0), number(1));
    let import =
        |file: &Path, more: &[&str]| city.run(&[&["case", "import", &file.display().to_string(), "--by", "wang-lei"], more].concat());
    let list = fill(
        &city,
        "list.xlsx",
        &[(&one, ["C11 其他合理情形", "2027-06-30", "市编办 2026 年第 3 号文", ""]), (&other, ["", "", "电话核实中", ""])],
    );
    let (told, err, code) = import(&list, &["--dry-run"]);
    assert!(code == 0 && told.contains("2 cases could be done"), "{told}{err}");
    let (told, err, code) = import(&list, &[]);
    assert!(code == 0 && told.contains("2 cases done; 0 rows were done before, 0 are not filled in"), "{told}{err}");
    let (told, err, code) = import(&list, &[]);
    assert!(code == 0 && told.contains("0 cases done; 2 rows were done before"), "the same list twice is one list: {told}{err}");
    let (shown, _, _) = city.run(&["case", "show", &one]);
    assert!(shown.contains("C11") && shown.contains("2027-06-30") && shown.contains("第 3 号文"), "{shown}");

    // The same old list with another word about a case: somebody has worked on it since.
    let late = fill(&city, "list.xlsx", &[(&other, ["C12 无法核实", "", "查无档案", ""])]);
    let (told, _, code) = import(&late, &[]);
    assert!(code == 1 && told.contains(&other) && told.contains("wang-lei has worked on it"), "{told}");
    // A new list has it; what is wrong is told row by row, and nothing is done.
    let wrong = fill(&city, "new.xlsx", &[(&other, ["C4 合规借调", "", "没有写有效至", ""])]);
    let (told, _, code) = import(&wrong, &[]);
    assert!(code == 1 && told.contains("row ") && told.contains("until") && told.contains("nothing was changed"), "{told}");
    let wrong = fill(&city, "new.xlsx", &[(&other, ["属实", "", "x", ""])]);
    assert!(import(&wrong, &[]).0.contains("choose the outcome from the list"));
    let right = fill(&city, "new.xlsx", &[(&other, ["C1 属实", "", "工资表与登记核对", ""])]);
    assert_eq!(import(&right, &[]).2, 0);
    let second = fill(&city, "second.xlsx", &[(&other, ["", "", "", "同意"])]);
    assert!(import(&second, &[]).0.contains("another person"), "nobody seconds what they decided");
    let (told, err, code) = city.run(&["case", "import", &second.display().to_string(), "--by", "li-na"]);
    assert!(code == 0 && told.contains("1 cases done"), "{told}{err}");

    let nothing = city.root.path().join("other.xlsx");
    let mut book = Workbook::new();
    book.add_worksheet().write_string(0, 0, "something").expect("written");
    book.save(&nothing).expect("saved");
    assert!(import(&nothing, &[]).1.contains("no sheet has these columns"));
    fs::write(&nothing, "not a workbook").expect("written");
    assert!(import(&nothing, &[]).1.contains("is no Excel workbook"));
    assert_eq!(city.run(&["audit", "verify"]).2, 0);
}
