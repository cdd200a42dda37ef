//! What a department file says about a source of this kind.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::Deserialize;

use super::auth::AuthSettings;
use super::paging::{End, Paging};
use super::pointer::Pointer;
use super::sign::SignSettings;
use crate::secret::Secret;
use crate::{Said, said};

/// The source. See `SETTINGS` in `http.rs` for what each means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub url: String,
    #[serde(default)]
    pub auth: AuthSettings,
    pub sign: Option<SignSettings>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    pub ca: Option<String>,
    pub client_certificate: Option<String>,
    pub client_key: Option<Secret>,
    pub proxy: Option<String>,
    pub requests_per_second: Option<f64>,
    pub retries: Option<u32>,
    pub wait_seconds: Option<u64>,
    pub idle_seconds: Option<u64>,
    pub total_minutes: Option<u64>,
    pub record_kib_max: Option<usize>,
    pub answer_mib_max: Option<u64>,
    #[serde(default)]
    pub every: toml::Table,
    #[serde(default)]
    pub table: BTreeMap<String, toml::Table>,
}

/// One table of the source.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub path: String,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub query: BTreeMap<String, toml::Value>,
    pub body: Option<toml::Value>,
    #[serde(default)]
    pub body_as: BodyAs,
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub records: Pointer,
    #[serde(default)]
    pub columns: Vec<String>,
    pub total: Option<Pointer>,
    pub total_header: Option<String>,
    pub pages: Option<Pointer>,
    pub more: Option<Pointer>,
    #[serde(default)]
    pub paging: Paging,
    pub end: Option<End>,
    pub ok: Option<Ok200>,
    pub since: Option<String>,
    pub charset: Option<String>,
}

/// What an answer says of itself, though its status is 200.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ok200 {
    /// Where its code stands.
    pub at: Pointer,
    /// Codes of an answer that is good.
    pub is: Codes,
    /// Codes that ask for a new token.
    #[serde(default)]
    pub expired: Codes,
    /// Codes that ask to come again.
    #[serde(default)]
    pub busy: Codes,
    /// Where the source says in words what is wrong.
    pub message: Option<Pointer>,
}

/// One code or several; `0` and `"0"` are the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "toml::Value")]
pub(crate) struct Codes(Vec<String>);

impl From<toml::Value> for Codes {
    fn from(value: toml::Value) -> Codes {
        match value {
            toml::Value::Array(all) => Codes(all.iter().map(text).collect()),
            one => Codes(vec![text(&one)]),
        }
    }
}

impl Codes {
    /// Whether the code is one of these.
    pub(crate) fn has(&self, code: &str) -> bool {
        self.0.iter().any(|it| it == code)
    }
}

/// A value as an address or a form has it.
pub(crate) fn text(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a table is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Get,
    Post,
}

/// What a body is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyAs {
    #[default]
    Json,
    Form,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    #[default]
    Json,
    Ndjson,
}

impl Settings {
    /// Reads the settings; `every` holds for each table that does not say otherwise.
    pub(crate) fn read(settings: toml::Table) -> Result<(Settings, Url, BTreeMap<String, Table>), Said> {
        let settings: Settings = settings.try_into().map_err(|it: toml::de::Error| it.message().to_owned())?;
        let url = base(&settings.url)?;
        settings.auth.check(&url)?;
        settings.sign.as_ref().map_or(Ok(()), SignSettings::check)?;
        if settings.requests_per_second.is_some_and(|it| !(it.is_finite() && it >= 0.001)) {
            return Err(said!("`requests_per_second` 至少为 0.001", "`requests_per_second` must be at least 0.001"));
        }
        if settings.client_key.is_some() && settings.client_certificate.is_none() {
            return Err(said!("有 `client_key` 而没有 `client_certificate`", "`client_key` without `client_certificate`"));
        }
        if settings.table.is_empty() {
            return Err(said!(
                "没有声明任何表；表以 `[source.名称.table.表名]` 开头，并须有 `path`",
                "no table is declared; a table begins like `[source.NAME.table.payroll]` and needs a `path`"
            ));
        }
        let mut tables = BTreeMap::new();
        for (name, own) in &settings.table {
            let mut whole = settings.every.clone();
            whole.extend(own.clone());
            let table: Table =
                whole.try_into().map_err(|it: toml::de::Error| said!("表 `{name}`：{}", "table `{name}`: {}", it.message()))?;
            table.check(&url).map_err(|it| said!("表 `{name}`：{}", "table `{name}`: {}"; it))?;
            tables.insert(name.clone(), table);
        }
        Ok((settings, url, tables))
    }
}

/// The source's address; paths are below it.
fn base(text: &str) -> Result<Url, Said> {
    let mut url = Url::parse(text).map_err(|it| said!("`url` 不是地址：{it}", "`url` is no address: {it}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(said!("`url` 必须以 https:// 或 http:// 开头", "`url` must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(said!("`url` 中不得有账号；请写在 `auth` 中", "`url` must hold no login; that belongs in `auth`"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(said!(
            "`url` 中不得有参数；每个请求都带的写在 `query` 中",
            "`url` must have no query; what every request says belongs in `query`"
        ));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

impl Table {
    /// Its address, which is on the host of `base`.
    pub(crate) fn url(&self, base: &Url) -> Result<Url, Said> {
        let url = base.join(self.path.trim_start_matches('/')).map_err(|it| said!("`path` 不是路径：{it}", "`path` is no path: {it}"))?;
        if url.origin() != base.origin() {
            return Err(said!("`path` 指向别的主机", "`path` leads to another host"));
        }
        if url.query().is_some() {
            Err(said!("`path` 中不得有参数；请写在 `query` 中", "`path` must have no query; that belongs in `query`"))
        } else {
            Ok(url)
        }
    }

    /// What ends it.
    pub(crate) fn end(&self) -> End {
        self.end.unwrap_or_else(|| {
            self.paging.end(self.more.is_some(), self.total.is_some() || self.total_header.is_some(), self.pages.is_some())
        })
    }

    fn check(&self, base: &Url) -> Result<(), Said> {
        self.url(base)?;
        let need = |there: bool, what: &str| if there { Ok(()) } else { Err(said!("`end` 需要 `{what}`", "`end` needs `{what}`")) };
        match self.end() {
            End::Total => need(self.total.is_some() || self.total_header.is_some(), "total")?,
            End::Pages => need(self.pages.is_some(), "pages")?,
            End::More => need(self.more.is_some(), "more")?,
            End::Short => need(self.paging.size().is_some(), "rows")?,
            End::Next if matches!(self.paging, Paging::Page { .. } | Paging::Offset { .. }) => {
                return Err(said!("按页码分页没有下一页的说法", "pages by number name no next page"));
            }
            End::Empty | End::Next => {}
        }
        if self.paging.size() == Some(0) {
            return Err(said!("`rows` 至少为 1", "`rows` must be at least 1"));
        }
        if let Paging::Cursor { next, last, .. } = &self.paging
            && next.is_some() == last.is_some()
        {
            return Err(said!(
                "游标要么在应答中（`next`），要么在末条记录中（`last`）",
                "a cursor stands either in the answer (`next`) or in its last record (`last`)"
            ));
        }
        if self.body.is_some() && self.method == Method::Get {
            return Err(said!("GET 没有 `body`；请写 `method = \"POST\"`", "a GET has no `body`; say `method = \"POST\"`"));
        }
        if self.format == Format::Ndjson && (!self.records.steps().is_empty() || self.total.is_some()) {
            return Err(said!(
                "ndjson 没有 `records` 和 `total`；每行就是一条记录",
                "ndjson has no `records` or `total`; its lines are the records"
            ));
        }
        match &self.charset {
            Some(name) if encoding_rs::Encoding::for_label(name.as_bytes()).is_none() => {
                Err(said!("没有名为 `{name}` 的字符集", "no charset `{name}` is known"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(settings: &str) -> Said {
        Settings::read(settings.parse().expect("the test writes TOML")).map(|_| ()).expect_err("the settings are wrong")
    }

    #[test]
    fn every_table_has_what_holds_for_every_one() {
        let text = "url = 'https://a.test/api'\n[every]\nrecords = '/data/list'\nok = { at = '/code', is = 0 }\n\
                    [table.pay]\npath = '/v1/pay'\n[table.dead]\npath = 'v1/dead'\nrecords = '/rows'";
        let (_, url, tables) = Settings::read(text.parse().expect("TOML")).expect("settings");
        assert_eq!(tables["pay"].url(&url).expect("a URL").as_str(), "https://a.test/api/v1/pay");
        assert_eq!(tables["pay"].records.to_string(), "/data/list");
        assert_eq!(tables["dead"].records.to_string(), "/rows");
        assert!(tables["dead"].ok.as_ref().is_some_and(|it| it.is.has("0")));
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let table = |text: &str| refusal(&format!("url = 'http://a.test/'\n[table.pay]\npath = 'p'\n{text}"));
        assert!(refusal("url = 'http://a.test/'").contains("no table is declared"));
        assert!(refusal("url = 'ftp://a.test/'").contains("https://"));
        assert!(refusal("url = 'http://me:pw@a.test/'").contains("`auth`"));
        assert!(refusal("url = 'http://a.test/'\n[table.pay]\npath = 'http://b.test/p'").contains("another host"));
        assert!(table("paging = { kind = 'page', rows = 0 }").contains("at least 1"));
        assert!(table("end = 'total'").contains("needs `total`"));
        assert!(table("paging = { kind = 'cursor' }").contains("either"));
        assert!(table("records = 'data.list'").contains("/data/list"));
        assert!(table("body = { a = 1 }").contains("POST"));
        assert!(table("pagging = 1").contains("pagging"));
    }
}
