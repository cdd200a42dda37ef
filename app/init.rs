//! Writes a configuration, a department file and a mapping draft from what a live source offers.
//!
//! The draft is for a person to read: tables and columns are proposed by what they are called, and how to read them by a sample of their
//! cells. What cannot be told is marked with `?`. A feed with such marks is a draft: it can be tried and looked at, and no night
//! concludes anything from it. What cannot be read at all stands there as a remark, out of the others' way.

mod draft;
mod from;
mod hints;
mod interface;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use futures::StreamExt;
use muster_connectors::{Ask, Connector, Offer, Piece, Place};
use muster_core::mapping;
use serde::Serialize;

use crate::cli::InitArgs;
use crate::commands::{Code, Done, Say};
use crate::key;
use crate::run::Stop;
use crate::vault::Vault;
use crate::words::{Lang, pad};
use draft::Draft;
use from::Origin;

/// Rows of a table that are looked at.
const SAMPLE_ROWS: usize = 2000;

/// What was written, and from what.
#[derive(Serialize)]
struct Told {
    /// Files, and whether they were written: one that was there is untouched.
    files: Vec<(String, bool)>,
    tables: Vec<Draft>,
}

/// `muster init`: never overwrites a file.
pub async fn write(args: &InitArgs, say: Say) -> Done {
    let mut origins = from::read(&args.from, say.lang)?;
    let mut tables = Vec::new();
    let several = origins.len() > 1;
    for origin in &mut origins {
        set(&mut origin.settings, &args.settings)?;
        let place = Place { department: args.department.clone(), source: origin.name.clone(), root: args.out.clone() };
        let wrong = |it: muster_connectors::Said| Stop::Usage(say.lang.pick(it.zh, it.en));
        // What is wrong with the settings is told before anything is asked of anybody.
        drop(muster_connectors::open(place.clone(), origin.settings.clone()).map_err(wrong)?);
        if origin.settings.get("kind").and_then(toml::Value::as_str) == Some("http") {
            interface::complete(&place, &mut origin.settings).await?;
        }
        let source = muster_connectors::open(place, origin.settings.clone()).map_err(wrong)?;
        let offers = source.offers().await?;
        drafts(source.as_ref(), origin, &offers, &args.table, several, &mut tables).await;
    }
    if tables.is_empty() {
        return Err(Stop::Usage(
            say.lang.pick("没有可映射的表；--table 对吗？", "nothing to map; is --table right, does the source offer any?").to_owned(),
        ));
    }
    let mapping = format!("{}{}", head(&args.department), tables.iter().map(|it| it.text.as_str()).collect::<String>());
    let texts = [
        ("config/muster.toml".to_owned(), CONFIG.to_owned()),
        (format!("config/departments/{}.toml", args.department), department(&args.department, origins)),
        (format!("mappings/{}.toml", args.department), mapping),
    ];
    let mut files = Vec::new();
    for (name, text) in texts {
        let path = args.out.join(&name);
        files.push((name, keep(&path, &text)?));
    }
    files.push((KEY_FILE.to_owned(), key::write_new(&args.out.join(KEY_FILE), &Vault::new_file())?));
    let told = Told { files, tables };
    say.print(&told, || text(&told, args, say.lang));
    Ok(Code::Fine)
}

/// Drafts what a source offers. A database has many tables; without a word from the operator only those are drafted that look like one of
/// ours, and the others are named.
async fn drafts(source: &dyn Connector, origin: &Origin, offers: &[Offer], asked: &[String], several: bool, tables: &mut Vec<Draft>) {
    let fits =
        |pattern: &str, table: &str| pattern == table || muster_connectors::fits(pattern, table) || muster_connectors::fits(table, pattern);
    let wanted: Vec<&str> = origin.only.iter().chain(asked).map(String::as_str).collect();
    for offer in offers.iter().filter(|it| wanted.is_empty() || wanted.iter().any(|wanted| fits(wanted, &it.table))) {
        if mapping::propose(&offer.table, &offer.columns).table.is_none() {
            tables.push(Draft::unknown(offer));
            continue;
        }
        let sample = sample(source, offer).await;
        let name = single(&kebab(&offer.table), tables);
        tables.push(draft::feed(&name, several.then_some(origin.name.as_str()), offer, &sample));
    }
}

/// A name that no feed has yet.
fn single(name: &str, tables: &[Draft]) -> String {
    let taken = |it: &str| tables.iter().any(|table| table.name == it);
    let numbered = (2..).map(|nth| format!("{name}-{nth}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|it| !taken(it)).expect("numbers do not end")
}

/// What was found and written, and what to do next.
fn text(told: &Told, args: &InitArgs, lang: Lang) -> String {
    let mut out = String::new();
    for it in &told.tables {
        let _ = writeln!(out, "  {} {}", pad(&it.table, 28), found(it, lang));
    }
    out.push('\n');
    for (name, written) in &told.files {
        let word =
            if *written { lang.pick("已写入", "written") } else { lang.pick("已有，未改动", "is there already, untouched") };
        let _ = writeln!(out, "  {} {word}", pad(name, 40));
    }
    let config = args.out.join("config/muster.toml");
    let usable = told.tables.iter().any(|it| it.fills.is_some() && it.lacks.is_empty());
    let marks: usize = told.tables.iter().map(|it| it.marks).sum();
    let mapping = args.out.join(format!("mappings/{}.toml", args.department));
    out.push('\n');
    if marks > 0 {
        let _ = match lang {
            Lang::Zh => writeln!(out, "  {} 中有 {marks} 处标了 ?，需要人来定；未定之前，夜间只取这些表、不下结论", mapping.display()),
            Lang::En => writeln!(
                out,
                "  {} says ? in {marks} places that a person must settle; until then nights pull those tables and conclude nothing",
                mapping.display()
            ),
        };
    }
    if !usable {
        let _ = writeln!(out, "  {}", lang.pick("还没有可用的表：请先补全映射", "no table can be used yet: complete the mapping first"));
        return out;
    }
    let _ = writeln!(out, "  {}", lang.pick("下一步：", "next:"));
    for (next, zh, en) in [
        ("connect", "逐项检查来源", "tries the source step by step"),
        ("preview", "看转换结果和拒收原因", "shows what rows become, and why some are rejected"),
    ] {
        let command = format!("muster {next} {} --config {}", args.department, config.display());
        let _ = writeln!(out, "    {command}   # {}", lang.pick(zh, en));
    }
    out
}

/// What a table was taken for.
fn found(it: &Draft, lang: Lang) -> String {
    let Some((zh, en)) = it.labels() else {
        return lang.pick("? 未识别，未映射", "? not recognised, not mapped").to_owned();
    };
    let fills = it.fills.unwrap_or_default();
    let mut out = match lang {
        Lang::Zh => format!("→ {zh} {fills}：{} 列已映射，{} 列未用", it.mapped, it.unread),
        Lang::En => format!("→ {en} ({fills}): {} columns mapped, {} not used", it.mapped, it.unread),
    };
    if !it.lacks.is_empty() {
        let lacks = it.lacks.join(lang.pick("、", ", "));
        let _ = match lang {
            Lang::Zh => write!(out, "，还缺 {lacks}，暂未启用"),
            Lang::En => write!(out, "; lacks {lacks}, not in use yet"),
        };
    } else if it.marks > 0 {
        let _ = match lang {
            Lang::Zh => write!(out, "，{} 处待定", it.marks),
            Lang::En => write!(out, ", {} to settle", it.marks),
        };
    }
    out
}

/// `KEY=VALUE`, where a key may be dotted (`password.env=PG_PASSWORD`) and a value is TOML if it can be, text otherwise.
pub fn set(settings: &mut toml::Table, given: &[String]) -> Result<(), Stop> {
    for setting in given {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(Stop::Usage(format!("--set takes KEY=VALUE, not `{setting}`")));
        };
        let mut keys: Vec<&str> = key.trim().split('.').collect();
        let last = keys.pop().unwrap_or_default();
        let mut table = &mut *settings;
        for key in keys {
            let inner = table.entry(key).or_insert_with(|| toml::Table::new().into());
            table = inner.as_table_mut().ok_or_else(|| Stop::Usage(format!("--set {setting}: `{key}` has a value of its own already")))?;
        }
        table.insert(last.to_owned(), typed(value));
    }
    Ok(())
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

fn department(name: &str, origins: Vec<Origin>) -> String {
    let sources: toml::Table = origins.into_iter().map(|it| (it.name, it.settings.into())).collect();
    let source: toml::Table = [("source".to_owned(), sources.into())].into_iter().collect();
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

fn kebab(table: &str) -> String {
    let stem = draft::file_stem(table).unwrap_or(table);
    let words: Vec<&str> = stem.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()).collect();
    if words.is_empty() { "feed".to_owned() } else { words.join("-").to_lowercase() }
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
    fn feeds_are_called_like_their_tables() {
        for (table, expected) in [
            ("GZFF_*.csv", "gzff"),
            ("工资发放表-*年*月.xlsx", "工资发放表-年-月"),
            ("hr.staff", "hr-staff"),
            ("AC01", "ac01"),
            ("*.csv", "feed"),
        ] {
            assert_eq!(kebab(table), expected);
        }
    }

    #[test]
    fn settings_may_be_nested_and_typed() {
        let given = ["host=db.finance.test", "port=5432", "password.env=PG_PASSWORD", "tables=[\"a\"]", "file=2026.db", "day=2026-01-01"];
        let given: Vec<String> = given.iter().map(|it| (*it).to_owned()).collect();
        let mut found = toml::Table::new();
        set(&mut found, &given).unwrap_or_else(|_| panic!("right settings"));
        let text = department("finance", vec![Origin { name: "main".to_owned(), settings: found, only: None }]);
        let read: toml::Table = text.parse().expect("the department file is TOML");
        let main = &read["source"]["main"];
        assert_eq!((main["port"].as_integer(), main["password"]["env"].as_str()), (Some(5432), Some("PG_PASSWORD")));
        assert_eq!((main["file"].as_str(), main["day"].as_str()), (Some("2026.db"), Some("2026-01-01")));
        assert!(set(&mut toml::Table::new(), &["folder".to_owned()]).is_err());
    }
}
