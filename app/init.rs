//! Writes a configuration, a department file and a mapping draft from what a live source offers.
//!
//! The draft is for a person to read: columns are proposed by their headers, and how to read them by a sample of their cells. What
//! cannot be told is marked with `?`, and `muster` refuses the draft there until somebody has looked.

mod hints;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use futures::StreamExt;
use muster_connectors::{Ask, Connector, Offer, Piece, Place};
use muster_core::mapping;

use crate::cli::InitArgs;
use crate::commands::{Code, Done, Say};
use crate::key;
use crate::run::Stop;
use crate::vault::Vault;

/// Rows of a table that are looked at.
const SAMPLE_ROWS: usize = 2000;

/// `muster init`: never overwrites a file.
pub async fn write(args: &InitArgs, say: Say) -> Done {
    let settings = settings(&args.kind, &args.settings)?;
    let place = Place { department: args.department.clone(), source: "main".to_owned(), root: args.out.clone() };
    let source = muster_connectors::open(place, settings.clone()).map_err(|it| Stop::Usage(say.lang.pick(it.zh, it.en)))?;
    let offers: Vec<Offer> = source.offers().await?;
    let asked = |it: &Offer| args.table.iter().any(|pattern| pattern == &it.table || muster_connectors::fits(pattern, &it.table));
    let chosen: Vec<&Offer> = offers.iter().filter(|it| args.table.is_empty() || asked(it)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = offers.iter().map(|it| it.table.as_str()).collect();
        return Err(Stop::Usage(format!("nothing to map; the source offers: {}", names.join(", "))));
    }
    // A database has many tables; without a word from the operator only those are drafted that look like one of ours.
    let (drafted, left): (Vec<&Offer>, Vec<&Offer>) =
        chosen.into_iter().partition(|it| !args.table.is_empty() || mapping::propose(&it.columns).table.is_some());
    let mut mapping = head(&args.department);
    for offer in drafted {
        let sample = sample(source.as_ref(), offer).await;
        feed(&mut mapping, offer, &sample);
    }
    for offer in left {
        let _ = writeln!(mapping, "\n# ? 未识别 not recognised: {:?}: {}", offer.table, offer.columns.join(", "));
    }
    let files = [
        ("config/muster.toml".to_owned(), CONFIG.to_owned()),
        (format!("config/departments/{}.toml", args.department), department(&args.department, settings)),
        (format!("mappings/{}.toml", args.department), mapping),
    ];
    let mut told = Vec::new();
    for (name, text) in files {
        let path = args.out.join(&name);
        told.push((name, keep(&path, &text)?));
    }
    told.push((KEY_FILE.to_owned(), key::write_new(&args.out.join(KEY_FILE), &Vault::new_file())?));
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
        let config = args.out.join("config/muster.toml");
        let _ = writeln!(out, "  {}", say.lang.pick("补全映射中的 ? 处，然后", "mend the mapping where it says ?, then"));
        for next in ["connect", "preview"] {
            let _ = writeln!(out, "    muster {next} {} --config {}", args.department, config.display());
        }
        out
    });
    Ok(Code::Fine)
}

/// `KEY=VALUE`, where a key may be dotted (`password.env=PG_PASSWORD`) and a value is TOML if it can be, text otherwise.
pub fn settings(kind: &str, given: &[String]) -> Result<toml::Table, Stop> {
    let mut settings = toml::Table::new();
    settings.insert("kind".to_owned(), kind.into());
    for setting in given {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(Stop::Usage(format!("--set takes KEY=VALUE, not `{setting}`")));
        };
        let mut keys: Vec<&str> = key.trim().split('.').collect();
        let last = keys.pop().unwrap_or_default();
        let mut table = &mut settings;
        for key in keys {
            let inner = table.entry(key).or_insert_with(|| toml::Table::new().into());
            table = inner.as_table_mut().ok_or_else(|| Stop::Usage(format!("--set {setting}: `{key}` has a value of its own already")))?;
        }
        table.insert(last.to_owned(), typed(value));
    }
    Ok(settings)
}

fn typed(value: &str) -> toml::Value {
    let read = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut it| it.remove("value"));
    read.filter(|it| !it.is_datetime() && !it.is_float()).unwrap_or_else(|| value.into())
}

/// The first rows of a table; none when it cannot be pulled, which `muster connect` tells better.
async fn sample(source: &dyn Connector, offer: &Offer) -> Vec<RecordBatch> {
    let ask = Ask { table: offer.table.clone(), columns: offer.columns.clone(), batch_rows: SAMPLE_ROWS, since: None };
    let Ok(mut pull) = source.pull(&ask).await else { return Vec::new() };
    let (mut batches, mut rows) = (Vec::new(), 0);
    while rows < SAMPLE_ROWS {
        match pull.pieces.next().await {
            Some(Ok(Piece::Rows(batch))) => {
                rows += batch.num_rows();
                batches.push(batch);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    batches
}

fn keep(path: &Path, text: &str) -> std::io::Result<bool> {
    if path.exists() {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(path, text)?;
    Ok(true)
}

fn department(name: &str, settings: toml::Table) -> String {
    let main: toml::Table = [("main".to_owned(), settings.into())].into_iter().collect();
    let source: toml::Table = [("source".to_owned(), main.into())].into_iter().collect();
    format!(
        "# 部门文件：是谁、怎么连、用哪个映射。 Who they are, how to connect, which mapping.\n\
         name    = \"{name}\"\n\
         title   = {{ zh = \"{name}\", en = \"{name}\" }}\n\
         mapping = \"{name}\"\n\
         reviewers = []\n\n\
         {source}"
    )
}

fn head(name: &str) -> String {
    format!(
        "# 映射草稿：列按表头猜测，格式按样本猜测，请逐行核对。 A draft by headers and a sample of cells: look at every line.\n\
         # 共享表与列见 docs/schema.md。 Shared tables and columns are in docs/schema.md.\n\
         title = {{ zh = \"{name}\", en = \"{name}\" }}\n"
    )
}

fn feed(text: &mut String, offer: &Offer, sample: &[RecordBatch]) {
    let proposal = mapping::propose(&offer.columns);
    let fills = proposal.table.map_or("?", |it| it.name);
    let _ = write!(text, "\n[[feed]]\nname  = {:?}\nfills = {fills:?}\ntable = {:?}\n\n[feed.columns]\n", kebab(&offer.table), offer.table);
    for (header, shared) in &proposal.columns {
        let (Some(shared), Some(table)) = (shared, proposal.table) else { continue };
        let input = table.input();
        let column = input.iter().find(|it| &it.name == shared).expect("a proposal is of the table's own columns");
        let hint = hints::hint(column.column.kind, &hints::cells(sample, header));
        let _ = writeln!(text, "{shared} = {{ from = {header:?}{} }}{}", hint.keys, hint.remark());
    }
    let mapped = |name: &str| proposal.columns.iter().any(|(_, shared)| shared.as_deref() == Some(name));
    for it in proposal.table.iter().flat_map(|it| it.input()).filter(|it| it.column.required && !mapped(&it.name)) {
        let _ = writeln!(text, "# {} = {{ from = \"?\" }}   # ? 必填 required: {} {}", it.name, it.column.label_zh, it.column.label_en);
    }
    let rest: Vec<String> = proposal.columns.iter().filter(|(_, shared)| shared.is_none()).map(|(it, _)| format!("{it:?}")).collect();
    if !rest.is_empty() {
        let _ = write!(
            text,
            "\n[feed.ignore]   # 未映射，请核对 not mapped: look whether any of them matters\ncolumns = [{}]\n",
            rest.join(", ")
        );
    }
    let rows = offer.rows.map_or(String::new(), |it| format!("   # 现有 {it} 行 rows now"));
    let _ = write!(text, "\n[feed.expect]\nrows = {{ min = 1, max_drop = 0.05 }}{rows}\n");
}

fn kebab(table: &str) -> String {
    let text: String = table.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
    text.trim_matches('-').to_lowercase()
}

/// Where the keys are, below the folder of a city.
const KEY_FILE: &str = "config/muster.key";

const CONFIG: &str = "\
# 一个城市的设置；每一项见 docs/config.md。 The settings of one city; every key is explained in docs/config.md.
city   = { zh = \"某市\", en = \"A city\" }
region = \"000000\"            # 行政区划代码 GB/T 2260 division code
data   = \"data\"              # 数据与台账的目录，其中个人信息均已加密 deliveries, nights and cases; personal data in it is sealed

[report]
lang     = \"zh\"
full_ids = false             # 工作簿是否显示完整证件号 whole ID numbers in the workbook
# folder = \"reports\"         # 每夜在此留下工作簿与网页；其中有姓名且未加密 workbook and page of every night; they name people and are not sealed

[engine]
memory_mib = 1024
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_may_be_nested_and_typed() {
        let given = ["host=db.finance.test", "port=5432", "password.env=PG_PASSWORD", "tables=[\"a\"]", "file=2026.db", "day=2026-01-01"];
        let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
        let found = settings("postgres", &given).unwrap_or_else(|_| panic!("right settings"));
        let text = department("finance", found);
        let read: toml::Table = text.parse().expect("the department file is TOML");
        let main = &read["source"]["main"];
        assert_eq!((main["port"].as_integer(), main["password"]["env"].as_str()), (Some(5432), Some("PG_PASSWORD")));
        assert_eq!((main["file"].as_str(), main["day"].as_str()), (Some("2026.db"), Some("2026-01-01")));
        assert!(settings("csv", &["folder".to_owned()]).is_err());
    }
}
