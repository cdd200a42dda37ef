//! Prints the references from the code that they describe.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use muster_core::finding::Family;
use muster_core::rule::Rule;
use muster_core::{codes, function, mapping, schema};

use crate::cli::{Cli, DocsArgs};
use crate::commands::{Code, Done, Say};
use crate::config;
use crate::run::Stop;

/// A page: file name and how it is printed.
type Page = (&'static str, fn() -> String);

/// Every page.
const PAGES: &[Page] = &[
    ("schema.md", schema_page),
    ("functions.md", functions_page),
    ("rules.md", rules_page),
    ("connectors.md", connectors_page),
    ("commands.md", commands_page),
    ("mapping.schema.json", mapping_schema),
];

/// `muster docs`.
pub fn print(args: &DocsArgs, say: Say) -> Done {
    if let Some(folder) = &args.write {
        std::fs::create_dir_all(folder)?;
        for (name, page) in PAGES {
            std::fs::write(folder.join(name), page())?;
        }
        return Ok(Code::Fine);
    }
    let Some(wanted) = &args.page else {
        let names: Vec<&str> = PAGES.iter().map(|it| it.0).collect();
        say.print(&names, || names.join("\n") + "\n");
        return Ok(Code::Fine);
    };
    match PAGES.iter().find(|(name, _)| name == wanted || name.split('.').next() == Some(wanted)) {
        Some((_, page)) => print!("{}", page()),
        None => return Err(Stop::Usage(format!("no page `{wanted}`"))),
    }
    Ok(Code::Fine)
}

const PRINTED: &str = "<!-- printed by `muster docs --write docs`; do not edit -->\n";

fn schema_page() -> String {
    let mut out = format!("# 共享数据表 The shared vocabulary\n{PRINTED}\n");
    out.push_str("金额为整数分，月份为 yyyymm，日期不带时区；任何列都可为空。\nMoney is whole fen, months are yyyymm, dates have no time zone; every column may be null.\n\n");
    out.push_str("映射填写的是输入形态；规则读到的是识别之后的形态：人员列变为 `person_id`，单位列变为 `unit_id`，另有 `feed`、`row_no` 指回来源。\n");
    out.push_str("Mappings fill the input shape; rules read the linked shape, where person columns become `person_id`, unit columns become `unit_id`, and `feed`, `row_no` point back to the source.\n");
    for table in schema::TABLES {
        let _ = write!(out, "\n## {} {}（{}）\n\n{}\n\n", table.name, table.label_zh, table.label_en, table.about);
        out.push_str("| column | 名称 | kind | about |\n|---|---|---|---|\n");
        for it in table.input() {
            let kind = match it.column.kind {
                schema::Kind::Code(list) => format!("code: [{}](#{})", list.name, list.name),
                other => other.word().to_owned(),
            };
            let required = if it.column.required { " (required)" } else { "" };
            let _ = writeln!(out, "| {} | {} | {kind}{required} | {} |", it.name, it.column.label_zh, it.column.about);
        }
    }
    out.push_str("\n# 派生表 Derived tables\n");
    for table in schema::DERIVED.iter().copied().chain([&schema::CANDIDATES]) {
        let _ = write!(out, "\n## {} {}\n\n{}\n\n| column | type | about |\n|---|---|---|\n", table.name, table.label_zh, table.about);
        for (name, kind, about) in table.columns {
            let _ = writeln!(out, "| {name} | {kind} | {about} |");
        }
    }
    out.push_str("\n# 代码表 Code lists\n");
    for list in codes::LISTS {
        let _ = write!(out, "\n## {}\n\n| code | 名称 | name |\n|---|---|---|\n", list.name);
        for code in list.codes {
            let _ = writeln!(out, "| {} | {} | {} |", code.value, code.zh, code.en);
        }
    }
    out
}

/// Cards and lists as they come with the binary: every test holds them right.
fn rules_page() -> String {
    let mut mistakes = Vec::new();
    let nowhere = Path::new("");
    let cards = config::rules(nowhere, &mut mistakes);
    let lists = config::categories(nowhere, &cards, &mut mistakes);
    assert!(mistakes.is_empty(), "shipped cards are right");
    let examples: usize = cards.iter().map(|it| it.examples.len()).sum();
    let mut out = format!("# 规则目录 The rule catalogue\n{PRINTED}\n");
    let _ = writeln!(out, "{} 条规则，{examples} 个样例；`muster rules show ID` 显示全文。\n", cards.len());
    let _ = writeln!(out, "{} rules, proved by {examples} examples; `muster rules show ID` prints a card in full.\n", cards.len());
    out.push_str("“需要”的数据未接入时规则不运行，并如实说明。级别 S1 最重。核对对象：第一个需要的表（或标 † 的表）中的人员或单位。\n\n");
    out.push_str("A rule whose needs nobody delivers does not run, and says so. S1 is the gravest. Looked at: people or units of the first table needed, or of the one marked †.\n");
    for family in Family::ALL {
        rules_of(&mut out, family, &cards);
    }
    out.push_str("\n# 官方类别 Official categories\n");
    for (at, list) in lists.iter().enumerate() {
        let _ = write!(out, "\n## {} {}\n\n| 类别 | 情形 | form | 规则 rules |\n|---|---|---|---|\n", list.title.zh, list.title.en);
        for it in &list.categories {
            let rules: Vec<&str> = cards.iter().filter(|card| list.holds(it, card, at == 0)).map(|card| card.id.as_str()).collect();
            let _ = writeln!(out, "| {} | {} | {} | {} |", it.code, it.zh, it.en, rules.join(" "));
        }
    }
    out
}

fn rules_of(out: &mut String, family: Family, cards: &[Rule]) {
    let of: Vec<&Rule> = cards.iter().filter(|it| it.family == family).collect();
    let (zh, en) = family.label();
    let _ = write!(out, "\n## {} {zh} {en}（{}）\n\n", family.letter(), of.len());
    out.push_str("| 规则 | 名称 | title | 级别 | 需要 needs | 参数 parameters | 样例 examples | 依据 | basis |\n|---|---|---|---|---|---|---|---|---|\n");
    for card in of {
        let need = |it: &String| if card.looks_at.as_ref() == Some(it) { format!("{it}†") } else { it.clone() };
        let needs: Vec<String> = card.needs.iter().map(need).collect();
        let settings: Vec<String> = card.settings().iter().map(|(name, it)| format!("{name} = {it}")).collect();
        let basis = card.basis.as_ref();
        let cells = [
            format!("[{}](../rules/{}.md)", card.id, card.name),
            card.title.zh.clone(),
            card.title.en.clone(),
            format!("{:?}", card.severity),
            needs.join(", "),
            settings.join(", "),
            card.examples.len().to_string(),
            basis.map_or_else(|| "-".to_owned(), |it| it.zh.clone()),
            basis.map_or_else(|| "-".to_owned(), |it| it.en.clone()),
        ];
        let _ = writeln!(out, "| {} |", cells.map(|it| it.replace('|', "\\|")).join(" | "));
    }
}

fn functions_page() -> String {
    let mut out = format!("# 规则可用的函数 Functions for rule cards\n{PRINTED}\n| function | 说明 | about |\n|---|---|---|\n");
    for it in function::FUNCTIONS {
        let _ = writeln!(out, "| `{}` | {} | {} |", it.signature, it.about_zh, it.about_en);
    }
    out
}

fn connectors_page() -> String {
    let mut out = format!("# 连接方式 Connectors\n{PRINTED}");
    for kind in muster_connectors::KINDS {
        let _ = write!(out, "\n## {}\n\n{}\n\n{}\n\n| setting | about |\n|---|---|\n", kind.name, kind.about_zh, kind.about);
        for it in kind.settings {
            let _ = writeln!(out, "| {} | {} |", it.name, it.about);
        }
    }
    out.push_str("\n## 各类型的取数结果 What comes of every type\n");
    for page in CONFORMANCE {
        // Each has a heading of its own, which goes two levels down.
        let _ = write!(out, "\n##{page}");
    }
    out
}

/// What the tests of the connectors have seen of every type: null, least, most, and rare characters.
const CONFORMANCE: [&str; 6] = [
    include_str!("../connectors/tests/conformance/files.md"),
    include_str!("../connectors/tests/conformance/sqlite.md"),
    include_str!("../connectors/tests/conformance/postgres.md"),
    include_str!("../connectors/tests/conformance/mysql.md"),
    include_str!("../connectors/tests/conformance/sqlserver.md"),
    include_str!("../connectors/tests/conformance/odbc.md"),
];

fn commands_page() -> String {
    let mut out = format!("# 命令 Commands\n{PRINTED}");
    let mut root = Cli::command();
    root.build();
    command(&mut out, &root, "muster");
    out
}

fn command(out: &mut String, it: &Command, path: &str) {
    let help = it.clone().term_width(100).render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(out, "\n## {path}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for sub in it.get_subcommands().filter(|it| it.get_name() != "help") {
        command(out, sub, &format!("{path} {}", sub.get_name()));
    }
}

fn mapping_schema() -> String {
    serde_json::to_string_pretty(&mapping::json_schema()).expect("a JSON value prints") + "\n"
}
