//! Text files with one row a line: `.csv`, `.txt`, `.tsv`, in whatever encoding and with whatever delimiter a system exports.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use encoding_rs::Encoding;
use serde::Deserialize;

use crate::files::{Folder, Found};
use crate::heading::{self, Heading};
use crate::sink::{Outlet, Stop, Under, blocking};
use crate::split::TextLines;
use crate::table::{ReadStop, Table, peek, union};
use crate::{Ask, Connector, Consistency, Failure, Kind, Offer, Place, Pull, Setting, text};

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "csv",
    about: "Text files with one row a line, in any encoding and with any delimiter",
    about_zh: "文本文件，一行一条记录，编码与分隔符不限",
    open,
    consistency: Consistency::Pinned,
    since: false,
    settings: &[
        Setting {
            name: "folder",
            about: "Folder that holds the files; a table is a file name or a pattern like `pay-*.csv`. Default: the source's root",
            about_zh: "文件所在文件夹；表名即文件名或 `pay-*.csv` 之类的通配符。默认：数据根目录",
        },
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
    ],
};

/// Delimiters to try when the settings name none.
const DELIMITERS: [&str; 4] = [",", "\t", "|", ";"];

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    folder: String,
    encoding: String,
    delimiter: Option<String>,
    columns: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { folder: ".".to_owned(), encoding: "auto".to_owned(), delimiter: None, columns: Vec::new() }
    }
}

#[derive(Clone)]
struct Csv {
    folder: Folder,
    /// Null: to be found out from each file.
    encoding: Option<&'static Encoding>,
    /// To try, in this order.
    delimiters: Vec<String>,
    /// Of files without a heading.
    columns: Vec<String>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, String> {
    let settings: Settings = settings.try_into().map_err(|it| it.message().to_owned())?;
    let encoding = match settings.encoding.as_str() {
        "auto" => None,
        label => Some(Encoding::for_label(label.as_bytes()).ok_or_else(|| format!("no encoding is called `{label}`"))?),
    };
    let delimiters = match settings.delimiter.as_deref() {
        None => DELIMITERS.map(str::to_owned).to_vec(),
        Some("tab" | "\\t") => vec!["\t".to_owned()],
        Some(it) if it.is_empty() || it.contains(['"', '\n', '\r']) => {
            return Err("`delimiter` may be any text without quotes and line ends".to_owned());
        }
        Some(it) => vec![it.to_owned()],
    };
    Ok(Box::new(Csv { folder: Folder::new(place, &settings.folder), encoding, delimiters, columns: settings.columns }))
}

/// How a file is to be read.
struct Layout {
    found: Found,
    encoding: &'static Encoding,
    delimiter: String,
    heading: Heading,
}

#[async_trait]
impl Connector for Csv {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let csv = self.clone();
        let columns = move |found: &Found| Some(csv.layout(found, &[]).ok()?.heading.names.into_iter().flatten().collect());
        let folder = self.folder.clone();
        let offers = tokio::task::spawn_blocking(move || folder.offers(&[".csv", ".txt", ".tsv"], columns));
        offers.await.map_err(|it| self.folder.place.failure("", it.to_string()))?
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let (csv, asked) = (self.clone(), ask.clone());
        let layouts = tokio::task::spawn_blocking(move || csv.layouts(&asked));
        let layouts = layouts.await.map_err(|it| self.folder.place.failure(&ask.table, it.to_string()))??;
        let schema = union(layouts.iter().map(|it| &it.heading));
        let (place, table, batch_rows, whole) = (self.folder.place.clone(), ask.table.clone(), ask.batch_rows, Arc::clone(&schema));
        let pieces = blocking(&self.folder.place, &ask.table, move |outlet| {
            layouts.iter().try_for_each(|it| read(it, &whole, batch_rows, outlet, &|why| place.failure(&table, why)))
        });
        Ok(Pull { schema, pieces })
    }
}

impl Csv {
    fn layouts(&self, ask: &Ask) -> Result<Vec<Layout>, Failure> {
        self.folder
            .find(&ask.table)?
            .iter()
            .map(|it| self.layout(it, &ask.columns).map_err(|it| Failure { table: ask.table.clone(), ..it }))
            .collect()
    }

    /// Finds out how a file is written and where its heading stands.
    fn layout(&self, found: &Found, asked: &[String]) -> Result<Layout, Failure> {
        let failure = |why: String| self.folder.place.failure("", format!("{} {why}", found.name));
        let io = |it: std::io::Error| failure(format!("cannot be read: {it}"));
        if found.beginning(1).map_err(io)?.is_empty() {
            return Err(failure("is empty".to_owned()));
        }
        // A byte order mark is surer than what anybody wrote down about the file.
        let encoding = match (text::by_mark(&found.path).map_err(io)?, self.encoding) {
            (Some(encoding), _) | (None, Some(encoding)) => encoding,
            (None, None) => text::detect(&found.path).map_err(io)?,
        };
        let mut near = None;
        let mut best: Option<(usize, Layout)> = None;
        for delimiter in &self.delimiters {
            let lines = peek(&mut TextLines::open(&found.path, encoding, delimiter).map_err(io)?).map_err(failure)?;
            let heading = if self.columns.is_empty() { heading::find(&lines, asked) } else { Some(heading::given(&self.columns)) };
            let Some(heading) = heading else {
                near = near.or_else(|| heading::nearly(&lines, asked));
                continue;
            };
            let columns = heading.names.iter().flatten().count();
            if best.as_ref().is_none_or(|(most, _)| columns > *most) {
                best = Some((columns, Layout { found: found.clone(), encoding, delimiter: delimiter.clone(), heading }));
            }
        }
        let unfound = || failure(format!("has no heading with the mapped columns (read as {})", encoding.name()));
        best.map(|(_, layout)| layout).ok_or_else(|| match near {
            Some(near) => unfound().hint(near),
            None => unfound().hint("look at its first lines: is it another table, another encoding or another delimiter?"),
        })
    }
}

fn read(layout: &Layout, schema: &SchemaRef, batch_rows: usize, outlet: &Outlet, failure: &dyn Fn(String) -> Failure) -> Result<(), Stop> {
    let name = &layout.found.name;
    let broke = |why: String| Stop::Failed(failure(format!("{name} {why}")).hint("have the file delivered again"));
    let mut lines = TextLines::open(&layout.found.path, layout.encoding, &layout.delimiter).map_err(|it| broke(it.to_string()))?;
    let under = Under { file: Some(name.clone()), sheet: None, title: layout.heading.title.clone() };
    let table = Table::new(&layout.heading, under, true, schema, batch_rows, outlet);
    table.read(&mut lines).map_err(|it| match it {
        ReadStop::Broke(why) => broke(why),
        ReadStop::Stop(stop) => stop,
    })?;
    layout.found.unchanged().map_err(|why| Stop::Failed(failure(why)))
}
