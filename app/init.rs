//! Writes a configuration, a department file and a mapping draft from what a live source offers.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use muster_connectors::{Offer, Place};
use muster_core::mapping;

use crate::cli::InitArgs;
use crate::commands::{Code, Done, Say};
use crate::run::Stop;

/// `muster init`: never overwrites a file.
pub async fn write(args: &InitArgs, say: Say) -> Done {
    let mut settings = toml::Table::new();
    settings.insert("kind".to_owned(), args.kind.clone().into());
    for setting in &args.settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(Stop::Trouble(format!("--set takes KEY=VALUE, not `{setting}`")));
        };
        settings.insert(key.to_owned(), typed(value));
    }
    let place = Place { department: args.department.clone(), source: "main".to_owned(), root: args.out.clone() };
    let source = muster_connectors::open(place, settings.clone()).map_err(Stop::Trouble)?;
    let offers: Vec<Offer> = source.offers().await?;
    let chosen: Vec<&Offer> = offers
        .iter()
        .filter(|it| args.table.is_empty() || args.table.iter().any(|pattern| muster_connectors::fits(pattern, &it.table)))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = offers.iter().map(|it| it.table.as_str()).collect();
        return Err(Stop::Trouble(format!("nothing to map; the source offers: {}", names.join(", "))));
    }
    let files = [
        ("config/muster.toml".to_owned(), CONFIG.to_owned()),
        (format!("config/departments/{}.toml", args.department), department(&args.department, &settings)),
        (format!("mappings/{}.toml", args.department), mapping(&args.department, &chosen)),
    ];
    let mut told = Vec::new();
    for (name, text) in files {
        let path = args.out.join(&name);
        told.push((name, keep(&path, &text)?));
    }
    say.print(&told, || {
        let mut out = String::new();
        for (name, written) in &told {
            let word = if *written {
                say.lang.pick("已写入", "written")
            } else {
                say.lang.pick("已有，未改动", "is there already, untouched")
            };
            let _ = writeln!(out, "  {name}  {word}");
        }
        let next = format!("muster preview {} --config {}", args.department, args.out.join("config/muster.toml").display());
        let _ = writeln!(out, "  {}\n    {next}", say.lang.pick("补全映射中的 ? 行，然后", "mend the lines with ? in the mapping, then"));
        out
    });
    Ok(Code::Fine)
}

fn typed(value: &str) -> toml::Value {
    match (value.parse::<i64>(), value) {
        (Ok(number), _) => number.into(),
        (_, "true" | "false") => (value == "true").into(),
        _ => value.into(),
    }
}

fn keep(path: &Path, text: &str) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(path, text)?;
    Ok(true)
}

fn department(name: &str, settings: &toml::Table) -> String {
    format!(
        "# 部门文件：是谁、怎么连、用哪个映射。 Who they are, how to connect, which mapping.\n\
         name    = \"{name}\"\n\
         title   = {{ zh = \"{name}\", en = \"{name}\" }}\n\
         mapping = \"{name}\"\n\
         reviewers = []\n\n\
         [source.main]\n{settings}"
    )
}

fn mapping(name: &str, offers: &[&Offer]) -> String {
    let mut text = format!(
        "# 映射草稿：按列名猜测，请逐行核对。 A draft by column names: look at every line.\n\
         # 共享表与列见 docs/schema.md。 Shared tables and columns are in docs/schema.md.\n\
         title = {{ zh = \"{name}\", en = \"{name}\" }}\n"
    );
    for offer in offers {
        let proposal = mapping::propose(&offer.columns);
        let fills = proposal.table.map_or("?", |it| it.name);
        let _ =
            write!(text, "\n[[feed]]\nname  = {:?}\nfills = {fills:?}\ntable = {:?}\n\n[feed.columns]\n", kebab(&offer.table), offer.table);
        for (header, shared) in &proposal.columns {
            if let Some(shared) = shared {
                let _ = writeln!(text, "{shared} = {{ from = {header:?} }}");
            }
        }
        let rest: Vec<String> = proposal.columns.iter().filter(|(_, shared)| shared.is_none()).map(|(it, _)| format!("{it:?}")).collect();
        let _ = write!(text, "\n[feed.ignore]   # ? 未映射 not mapped\ncolumns = [{}]\n", rest.join(", "));
        let _ = write!(text, "\n[feed.expect]\nrows = {{ min = 1 }}\n");
    }
    text
}

fn kebab(table: &str) -> String {
    let text: String = table.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
    text.trim_matches('-').to_lowercase()
}

const CONFIG: &str = "\
# 一个城市的设置；每一项见 docs/config.md。 The settings of one city; every key is explained in docs/config.md.
city   = { zh = \"某市\", en = \"A city\" }
region = \"000000\"            # 行政区划代码 GB/T 2260 division code
data   = \"data\"              # 数据、台账、报告的目录 deliveries, cases and reports
salt   = \"change-me\"         # 银行账号摘要用的盐，请换成随机文字 mixed into account hashes: put random text here

[report]
lang     = \"zh\"
full_ids = false             # 工作簿是否显示完整证件号 whole ID numbers in the workbook

[engine]
memory_mib = 1024
";
