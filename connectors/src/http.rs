//! JSON over REST: the interfaces of data-sharing platforms.
//!
//! Such a source has no catalogue, so its tables are declared: where they are, how they come in pages, where the records stand. From
//! there a pull reads like this: `settings` (what is declared), `wire` with `auth`, `sign` and `pace` (one request and its answer),
//! `body` (the answer in pieces), `split` with `inside` and `pointer` (pieces to `records`), `answer` (one answer, once), `request` (what is asked
//! for a page), `paging` (which page comes next, and whether that was all), `read` (all pages of a table), `shape`, `record` and `escape` (records
//! to cells). `examine` is for a person who connects a source.

mod answer;
mod auth;
mod body;
mod escape;
mod examine;
mod inside;
mod pace;
mod paging;
mod pointer;
mod read;
mod record;
mod records;
mod request;
mod settings;
mod shape;
mod sign;
mod split;
mod template;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use reqwest::Url;

use crate::patience::Patience;
use crate::row::Row;
use crate::sink::{Outlet, Rows, Stop, Under, spawned, text_column, with_places};
use crate::{
    Ask, BrokenRow, Connector, Consistency, Failure, Kind, Offer, PLACE_COLUMNS, Piece, Place, Pull, Said, Setting, SkippedLine, Spot,
    Step, near, said,
};
use answer::Limits;
use escape::as_it_stands;
pub use examine::not_after;
use read::Reader;
use record::Cells;
use records::Records;
use settings::{Settings, Table};
use shape::Shape;
use wire::{Shared, Wire};

/// This many records are looked at for their columns, or this many bytes.
const AHEAD_ROWS: usize = 500;
const AHEAD_BYTES: usize = 4 << 20;

/// See [`crate::KINDS`].
pub(crate) const KIND: Kind = Kind {
    name: "http",
    about: "JSON over REST, page by page; a table is one that the settings declare",
    about_zh: "REST 接口的 JSON 数据，逐页读取；表名即配置中声明的表",
    open,
    consistency: Consistency::None,
    since: true,
    settings: SETTINGS,
};

const fn told(name: &'static str, about: &'static str, about_zh: &'static str) -> Setting {
    Setting { name, about, about_zh }
}

const SETTINGS: &[Setting] = &[
    told("url", "Address of the interface; every request stays on its host. Required", "接口地址；所有请求都不会离开该主机。必填"),
    told(
        "auth",
        "How we log in: `{ kind = \"bearer\", token }`, `{ kind = \"basic\", user, password }`, `{ kind = \"key\", key, header | query }`, or `{ kind = \"oauth2\", token_url, client_id, client_secret }`, which may also say `send` (`form`, `basic`, `json`, `query`), `scope`, `id_field`, `secret_field`, `fields`, `token` and `expires` (pointers into the answer), `header`, `prefix`, `query` (how the token is carried). Default: none",
        "登录方式：`bearer`（令牌）、`basic`（用户名口令）、`key`（放在请求头或参数中的密钥）、`oauth2`（先取令牌，到期前及被拒绝时自动换新；`send`、`scope`、`id_field`、`secret_field`、`fields`、`token`、`expires`、`header`、`prefix`、`query` 适配各平台的差异）。默认不登录",
    ),
    told(
        "sign",
        "Signed requests: `algorithm` (`hmac-sha256`, `hmac-sm3`, `hmac-sha1`, `hmac-md5`, or a plain `sha256`, `sm3`, `sha1`, `md5`), `secret`, `key`, `text` (what is signed: `{method}` `{path}` `{query}` `{query_plain}` `{body}` `{body_hash}` `{timestamp}` `{nonce}` `{key}` `{secret}` in the declared order), `encoding` (`hex`, `hex-upper`, `base64`), `timestamp` (`seconds`, `millis`, or a form like `%Y%m%d%H%M%S`), `zone_hours` (default 8), `headers` and `query` (what is sent: `{signature}` and the parts)",
        "请求签名：`algorithm` 算法，`secret` 密钥，`key` 应用标识，`text` 待签名内容（各部分按声明的顺序拼接），`encoding` 编码，`timestamp` 时间戳格式，`zone_hours` 时区（默认东八区），`headers`、`query` 随请求发送的签名字段",
    ),
    told("headers", "Headers of every request", "每个请求附带的请求头"),
    told("query", "Parameters of every request", "每个请求附带的参数"),
    told(
        "ca",
        "PEM file of the authorities to trust, and no others. Default: those of the system",
        "只信任的证书颁发机构（PEM 文件）。默认用系统的",
    ),
    told("client_certificate", "PEM file of our certificate, for services that ask for one", "客户端证书（PEM 文件），用于双向认证"),
    told(
        "client_key",
        "Its key in PEM, as a secret. Default: in the same file",
        "客户端证书的私钥（PEM，按密钥方式配置）。默认与证书同一文件",
    ),
    told("proxy", "Address of a proxy. Default: none, whatever the environment says", "代理地址。默认不用代理，也不看环境变量"),
    told(
        "requests_per_second",
        "Most requests in a second, of all tables together. Default: no limit",
        "每秒最多请求次数（所有表合计）。默认不限",
    ),
    told("retries", "How often a page is asked for again after a passing trouble. Default 4", "暂时故障时每页最多重试次数。默认 4"),
    told("wait_seconds", "The longest wait that `Retry-After` may ask for. Default 120", "`Retry-After` 最长等待秒数。默认 120"),
    told("idle_seconds", "The longest silence. Default 60", "最长无响应秒数。默认 60"),
    told("total_minutes", "The longest pull of a table. Default 120", "单表最长取数分钟数。默认 120"),
    told("record_kib_max", "The longest record in KiB. Default 4096", "单条记录最大 KiB 数。默认 4096"),
    told("answer_mib_max", "The longest answer in MiB, unpacked. Default 8192", "单次应答解压后最大 MiB 数。默认 8192"),
    told("every", "What holds for each table that does not say otherwise; the settings of a table", "各表共同的设置，表内可另行指定"),
    told("table", "The tables: `[source.NAME.table.payroll]` and what follows here", "表的声明：`[source.名称.table.表名]`，可写以下各项"),
    told("table.*.path", "Path below `url`. Required", "`url` 之下的路径。必填"),
    told("table.*.method", "`GET` or `POST`. Default `GET`", "`GET` 或 `POST`。默认 `GET`"),
    told(
        "table.*.query",
        "Parameters; `{page}` `{size}` `{offset}` `{cursor}` `{since}` stand for what they say, and a parameter without a value yet is left out",
        "请求参数；可含 `{page}`、`{size}`、`{offset}`、`{cursor}`、`{since}`，尚无值的参数不发送",
    ),
    told("table.*.body", "Template of the body of a POST, with the same places", "POST 请求体模板，可含同样的占位符"),
    told("table.*.body_as", "`json` or `form`. Default `json`", "请求体格式：`json` 或 `form`。默认 `json`"),
    told("table.*.format", "`json`, or `ndjson`: one record a line. Default `json`", "`json`，或每行一条的 `ndjson`。默认 `json`"),
    told(
        "table.*.records",
        "JSON pointer to the list of records, like `/data/list`. Default: the whole answer",
        "记录列表的 JSON 指针，如 `/data/list`。默认整个应答就是列表",
    ),
    told(
        "table.*.columns",
        "Columns that may be absent from all records, because the platform leaves out what is empty. Default: none",
        "可能在所有记录中都缺失的列（平台不返回空值时用）。默认无",
    ),
    told(
        "table.*.total",
        "JSON pointer to the declared number of rows; compared with the rows that came",
        "声明总数的 JSON 指针；与实收行数核对",
    ),
    told("table.*.total_header", "Header that declares the number of rows", "声明总数的响应头"),
    told("table.*.pages", "JSON pointer to the declared number of pages", "声明总页数的 JSON 指针"),
    told("table.*.more", "JSON pointer to whether there is more", "是否还有下一页的 JSON 指针"),
    told(
        "table.*.paging",
        "`{ kind = \"page\", page, size, rows, first }`, `{ kind = \"offset\", offset, limit, rows, first }`, `{ kind = \"cursor\", cursor, size, rows, start, next | last }`, `{ kind = \"link\" }` for the Link header, `{ kind = \"url\", next }`; names of parameters, `rows` in a page, `next` a pointer into the answer, `last` a column of the last record. Default: one answer holds everything",
        "分页方式：`page` 页码，`offset` 偏移量，`cursor` 游标（`next` 应答中的指针，或 `last` 末条记录的列），`link` Link 响应头，`url` 应答中的下一页地址；`page`、`size` 等是参数名，`rows` 每页行数，`first` 起始值。默认一次返回全部",
    ),
    told(
        "table.*.end",
        "What ends the pages: `total`, `pages`, `more`, `next` (none is named), `empty`, `short` (a page shorter than `rows`; only where the source never gives less). Default: what is declared, else `empty`",
        "结束条件：`total` 收满总数，`pages` 总页数，`more` 标志，`next` 无下一页，`empty` 空页，`short` 不足一页（仅当平台不会少给时用）。默认按已声明的，否则为 `empty`",
    ),
    told(
        "table.*.ok",
        "What an answer says of itself: `{ at = \"/code\", is = [\"0\", 200], expired = [..], busy = [..], message = \"/msg\" }`",
        "业务状态码：`at` 位置，`is` 成功值，`expired` 令牌失效值，`busy` 稍后重试值，`message` 提示信息的位置",
    ),
    told("table.*.since", "The column whose least value `{since}` is, for incremental pulls", "增量取数时 `{since}` 所指的列"),
    told("table.*.charset", "Charset of the answers. Default: what their head says, else UTF-8", "应答的字符集。默认按响应头，否则 UTF-8"),
];

struct Http {
    place: Place,
    base: Url,
    settings: Settings,
    tables: BTreeMap<String, Table>,
    shared: Arc<Shared>,
}

fn open(place: Place, settings: toml::Table) -> Result<Box<dyn Connector>, Said> {
    let (settings, base, tables) = Settings::read(settings)?;
    let shared = Arc::new(Shared::new(settings.requests_per_second));
    Ok(Box::new(Http { place, base, settings, tables, shared }))
}

#[async_trait]
impl Connector for Http {
    async fn offers(&self) -> Result<Vec<Offer>, Failure> {
        let mut offers = Vec::new();
        for name in self.tables.keys() {
            let ask = Ask { table: name.clone(), columns: Vec::new(), batch_rows: 1, since: None };
            let begun = self.begin(&ask).await?;
            let rows = begun.reader.total().or(begun.done.then_some(begun.ahead.len() as u64));
            offers.push(Offer { table: name.clone(), columns: begun.shape.names, rows });
        }
        Ok(offers)
    }

    async fn pull(&self, ask: &Ask) -> Result<Pull, Failure> {
        let begun = self.begin(ask).await?;
        let schema = with_places(begun.shape.names.iter().map(|it| text_column(it)));
        let patience = Patience::new(self.settings.idle_seconds, self.settings.total_minutes);
        // The reader itself minds the silence of the server; here only the whole pull is timed.
        let patience = Patience { idle: patience.total * 2, ..patience };
        let failure = self.place.failure(&ask.table, "");
        let reading = Reading { schema: Arc::clone(&schema), batch_rows: ask.batch_rows, failure: failure.clone() };
        let pieces = spawned(&self.place, &ask.table, |outlet| reading.while_taken(begun, outlet));
        Ok(Pull { schema, pieces: patience.watch(failure, pieces) })
    }

    async fn examine(&self, tables: &[String]) -> Vec<Step> {
        self.steps(tables).await
    }
}

/// The beginning of a table.
struct Begun {
    reader: Reader,
    shape: Shape,
    /// The records that were looked at.
    ahead: Records,
    /// Whether they are all.
    done: bool,
    /// For every column: whether it must be in some record.
    due: Vec<bool>,
}

impl Http {
    /// Reads the first records, and finds the columns in them.
    async fn begin(&self, ask: &Ask) -> Result<Begun, Failure> {
        let (wire, table) = self.way(ask)?;
        let columns = table.columns.clone();
        let failure = self.place.failure(&ask.table, "");
        let limits = Limits {
            record_bytes: self.settings.record_kib_max.unwrap_or(4096).max(1) << 10,
            answer_bytes: self.settings.answer_mib_max.unwrap_or(8192).max(1) << 20,
        };
        let since = ask.since.as_ref().map(|it| it.at_least.clone());
        let mut reader = Reader::new(wire, table, self.base.clone(), since, failure, limits);
        let (mut ahead, mut done) = (Records::default(), false);
        while !done && ahead.len() < AHEAD_ROWS && ahead.bytes() < AHEAD_BYTES {
            done = !reader.more(&mut ahead).await?;
        }
        let wanted: Vec<String> = ask.columns.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).cloned().collect();
        let known: Vec<String> = wanted.iter().chain(&columns).cloned().collect();
        let mut shape = Shape::found(ahead.from(0), &known);
        let found = shape.names.clone();
        if ahead.len() > 0 && !wanted.is_empty() && !wanted.iter().any(|it| found.contains(it)) {
            let failure =
                self.place.failure(&ask.table, said!("记录中没有映射用到的任何一列", "the records have none of the mapped columns"));
            return Err(failure.hint(said!("它们的列有 {}", "their columns are {}"; near::list(found.iter().map(String::as_str)))));
        }
        for it in &columns {
            shape.named(it);
        }
        // A column that is missing in all records is missing; one that comes later in a long table is not.
        if !done || ahead.len() == 0 {
            for it in &wanted {
                shape.named(it);
            }
        }
        let due = shape.names.iter().map(|it| !columns.contains(it)).collect();
        Ok(Begun { reader, shape, ahead, done, due })
    }

    /// The declared table, and the way to it.
    fn way(&self, ask: &Ask) -> Result<(Wire, Table), Failure> {
        let names = || self.tables.keys().map(String::as_str);
        let Some(table) = self.tables.get(&ask.table) else {
            return Err(self
                .place
                .failure(&ask.table, said!("没有声明这张表", "no such table is declared"))
                .hint(near::did_you_mean(&ask.table, names())));
        };
        if let Some(since) = &ask.since
            && table.since.as_ref() != Some(&since.column)
        {
            let failure = self
                .place
                .failure(&ask.table, said!("该表没有声明 `since = \"{}\"`", "the table does not declare `since = \"{}\"`", since.column));
            return Err(failure.hint(said!(
                "`since` 写列名，并在参数中写 `{{since}}`；否则请全量取数",
                "`since` names the column, and a parameter says `{{since}}`; else pull all"
            )));
        }
        let wire = Wire::new(&self.settings, &self.base, &self.place.root, Arc::clone(&self.shared));
        Ok((wire.map_err(|why| self.place.failure(&ask.table, why))?, table.clone()))
    }
}

/// A table on its way into batches.
struct Reading {
    schema: SchemaRef,
    batch_rows: usize,
    failure: Failure,
}

impl Reading {
    /// A reader that waits for its server stops as soon as nobody takes its pieces; nothing has to be ended there.
    async fn while_taken(self, begun: Begun, outlet: Outlet) -> Result<(), Stop> {
        tokio::select! {
            ended = self.run(begun, &outlet) => ended,
            () = outlet.gone() => Err(Stop::Gone),
        }
    }

    async fn run(self, begun: Begun, outlet: &Outlet) -> Result<(), Stop> {
        let Begun { mut reader, shape, ahead: mut records, mut done, due } = begun;
        let from: Vec<Option<usize>> = (0..shape.names.len()).map(Some).collect();
        let mut rows = Rows::new(Arc::clone(&self.schema), self.batch_rows);
        let (mut cells, mut row, mut row_no) = (Cells::default(), Row::default(), 0);
        let mut seen = vec![false; shape.names.len()];
        loop {
            for record in records.from(0) {
                row_no += 1;
                match cells.read(record, &shape.root, shape.names.len()) {
                    Ok(()) => {
                        cells.give(&mut row, &mut seen);
                        rows.add(row_no, &row, &from);
                    }
                    Err(why) => {
                        let spot = Spot { row: Some(row_no), ..Spot::default() };
                        let raw = as_it_stands(record, reader.marked);
                        outlet.put_async(Piece::Broken(BrokenRow { spot, raw, why })).await?;
                    }
                }
                if rows.is_full() {
                    put(&mut rows, outlet).await?;
                }
            }
            records.clear();
            if done {
                break;
            }
            done = !reader.more(&mut records).await?;
        }
        put(&mut rows, outlet).await?;
        if row_no > 0 {
            self.all_seen(&shape, &due, &seen)?;
        }
        if !cells.strange.is_empty() {
            let text = cells.strange.join(" ");
            let why = "columns that the first records do not have";
            outlet.put_async(Piece::Skipped(SkippedLine { spot: Spot::default(), text, why })).await?;
        }
        Ok(())
    }

    /// Every mapped column was in some record, or its absence is declared.
    fn all_seen(&self, shape: &Shape, due: &[bool], seen: &[bool]) -> Result<(), Failure> {
        let missing = shape.names.iter().zip(due).zip(seen).filter(|((_, due), seen)| **due && !**seen).map(|((name, _), _)| name.as_str());
        let missing: Vec<&str> = missing.collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = said!("没有任何记录含有映射列 {}", "no record has the mapped columns {}"; near::list(missing.iter().copied()));
        Err(Failure { why, ..self.failure.clone() }.hint(said!(
            "映射对吗？若平台不返回空值，请在 `columns` 中写明这些列",
            "is the mapping right? if the platform leaves out what is empty, name them in `columns`"
        )))
    }
}

async fn put(rows: &mut Rows, outlet: &Outlet) -> Result<(), Stop> {
    match rows.batch(&Under::default()) {
        Some(batch) => outlet.put_async(Piece::Rows(batch)).await,
        None => Ok(()),
    }
}
