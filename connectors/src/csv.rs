//! Text files with one row a line: `.csv`, `.txt`, `.tsv`, in whatever encoding and with whatever delimiter a system exports.

use arrow::datatypes::SchemaRef;
use encoding_rs::Encoding;
use serde::Deserialize;

use crate::files::{self, Format, Reading, Stopped};
use crate::heading::{self, Heading};
use crate::sink::Under;
use crate::split::TextLines;
use crate::spool::Found;
use crate::store::Trouble;
use crate::table::{Table, peek, union};
use crate::{Connector, Consistency, Kind, Place, Said, Setting, said, text};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "csv",
    about: "Text files with one row a line, in any encoding and with any delimiter",
    about_zh: "文本文件，一行一条记录，编码与分隔符不限",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &files::and::<3, 18>([
        Setting {
            name: "encoding",
            about: "`gb18030` (also for GBK and GB2312), `utf-8`, `utf-16le` … Default `auto`: a byte order mark, else valid UTF-8, else GB18030",
            about_zh: "`gb18030`（含 GBK、GB2312）、`utf-8`、`utf-16le` 等。默认 `auto`：有 BOM 依 BOM，否则能按 UTF-8 读的为 UTF-8，其余为 GB18030",
        },
        Setting {
            name: "delimiter",
            about: "What stands between two cells, `tab` for a tabulator. Default: whichever of `,` tab `|` `;` finds the heading",
            about_zh: "单元格之间的分隔符，制表符写作 `tab`。默认：在 `,`、制表符、`|`、`;` 中取能找到表头的一个",
        },
        Setting {
            name: "columns",
            about: "Names of the columns of files without a heading. Default: the heading names them",
            about_zh: "无表头文件的列名。默认：由表头给出",
        },
    ]),
};

/// Delimiters to try when the settings name none.
const DELIMITERS: [&str; 4] = [",", "\t", "|", ";"];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    encoding: String,
    delimiter: Option<String>,
    columns: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { encoding: "auto".to_owned(), delimiter: None, columns: Vec::new() }
    }
}

#[derive(Clone)]
struct Csv {
    /// Null: to be found out from each file.
    encoding: Option<&'static Encoding>,
    /// To try, in this order.
    delimiters: Vec<String>,
    /// Of files without a heading.
    columns: Vec<String>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    files::open(place, settings, csv)
}

fn csv(settings: toml::Table) -> Result<Csv, Said> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    let encoding = match settings.encoding.as_str() {
        "auto" => None,
        label => Some(
            Encoding::for_label(label.as_bytes()).ok_or_else(|| said!("没有名为 `{label}` 的编码", "no encoding is called `{label}`"))?,
        ),
    };
    let delimiters = match settings.delimiter.as_deref() {
        None => DELIMITERS.map(str::to_owned).to_vec(),
        Some("tab" | "\\t") => vec!["\t".to_owned()],
        Some(it) if it.is_empty() || it.contains(['"', '\n', '\r']) => {
            return Err(said!("`delimiter` 可以是不含引号和换行的任何文本", "`delimiter` may be any text without quotes and line ends"));
        }
        Some(it) => vec![it.to_owned()],
    };
    Ok(Csv { encoding, delimiters, columns: settings.columns })
}

/// How a file is to be read.
struct Layout {
    encoding: &'static Encoding,
    delimiter: String,
    heading: Heading,
}

impl Format for Csv {
    type Layout = Layout;

    const ENDINGS: &'static [&'static str] = &[".csv", ".txt", ".tsv"];

    /// Finds out how a file is written and where its heading stands.
    fn layout(&self, found: &Found, asked: &[String], _alone: bool) -> Result<Layout, Trouble> {
        let io = |it: std::io::Error| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}"));
        if found.beginning(1).map_err(io)?.is_empty() {
            return Err(Trouble::new(said!("是空的", "is empty")).hint(said!("请对方重新送来", "have the file delivered again")));
        }
        // A byte order mark is surer than what anybody wrote down about the file.
        let encoding = match (text::by_mark(&found.path).map_err(io)?, self.encoding) {
            (Some(encoding), _) | (None, Some(encoding)) => encoding,
            (None, None) => text::detect(&found.path).map_err(io)?,
        };
        let mut near = None;
        let mut best: Option<(usize, Layout)> = None;
        for delimiter in &self.delimiters {
            let lines = peek(&mut TextLines::open(&found.path, encoding, delimiter).map_err(io)?).map_err(Trouble::new)?;
            let heading = if self.columns.is_empty() { heading::find(&lines, asked) } else { Some(heading::given(&self.columns)) };
            let Some(heading) = heading else {
                near = near.or_else(|| heading::nearly(&lines, asked));
                continue;
            };
            let columns = heading.names.iter().flatten().count();
            if best.as_ref().is_none_or(|(most, _)| columns > *most) {
                best = Some((columns, Layout { encoding, delimiter: delimiter.clone(), heading }));
            }
        }
        let look = said!(
            "看看开头几行：是不是另一张表，或编码、分隔符不同？",
            "look at its first lines: is it another table, another encoding or another delimiter?"
        );
        let unfound = || {
            Trouble::new(said!("没有含映射列的表头（按 {} 读取）", "has no heading with the mapped columns (read as {})", encoding.name()))
        };
        best.map(|(_, layout)| layout).ok_or_else(|| unfound().hint(near.unwrap_or(look)))
    }

    fn schema(&self, layouts: &[&Layout], _asked: &[String]) -> Result<SchemaRef, Trouble> {
        Ok(union(layouts.iter().map(|it| &it.heading)))
    }

    fn read(&self, found: &Found, layout: &Layout, reading: &Reading<'_>) -> Result<(), Stopped> {
        let lines = TextLines::open(&found.path, layout.encoding, &layout.delimiter);
        let mut lines = lines.map_err(|it| Trouble::new(said!("无法读取：{it}", "cannot be read: {it}")))?;
        let under = Under { file: Some(found.name.clone()), sheet: None, title: layout.heading.title.clone() };
        Table::new(&layout.heading, under, true, reading).read(&mut lines)
    }
}
