//! What `--from` names: a kind of source, or the source itself as people have it at hand (a folder, a file, an address).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use muster_connectors::KINDS;
use toml::{Table, Value};

use crate::run::Stop;
use crate::words::Lang;

/// One source of the new department: its name in the department file, its settings, and the only table that is wanted; null for all.
pub struct Origin {
    /// `main`, or its kind where a folder holds several.
    pub name: String,
    /// With `kind`.
    pub settings: Table,
    /// The file that was named, of the folder it lies in.
    pub only: Option<String>,
}

impl Origin {
    fn main(settings: Table) -> Vec<Origin> {
        vec![Origin { name: "main".to_owned(), settings, only: None }]
    }
}

/// The sources that `from` names.
pub fn read(from: &str, lang: Lang) -> Result<Vec<Origin>, Stop> {
    if KINDS.iter().any(|it| it.name == from) {
        return Ok(Origin::main(kind(from)));
    }
    if let Some((scheme, rest)) = from.split_once("://") {
        return address(scheme, rest, lang).map(Origin::main);
    }
    let path = Path::new(from);
    if path.is_dir() {
        return folder(path, lang);
    }
    if path.is_file() {
        return file(path, lang).map(|it| vec![it]);
    }
    let known: Vec<&str> = KINDS.iter().map(|it| it.name).collect();
    let hint = muster_core::diag::did_you_mean(from, known.iter().copied(), &known.join(", "));
    Err(Stop::Usage(match lang {
        Lang::Zh => format!("`{from}` 既不是连接方式，也不是这里的文件夹、文件或地址；连接方式：{hint}"),
        Lang::En => format!("`{from}` is no kind of source, and no folder, file or address; kinds: {hint}"),
    }))
}

fn kind(name: &str) -> Table {
    [("kind".to_owned(), Value::from(name))].into_iter().collect()
}

/// Kinds of files by their endings.
const ENDINGS: [(&str, &[&str]); 4] =
    [("xlsx", &["xlsx", "xlsm", "xls", "xlsb", "ods"]), ("csv", &["csv", "txt", "tsv"]), ("dbf", &["dbf"]), ("parquet", &["parquet"])];

fn kind_of(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    ENDINGS.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(kind, _)| *kind)
}

/// One source for each kind of file that lies there.
fn folder(path: &Path, lang: Lang) -> Result<Vec<Origin>, Stop> {
    let path = fs::canonicalize(path)?;
    let kinds: BTreeSet<&str> = fs::read_dir(&path)?.flatten().filter_map(|it| kind_of(&it.path())).collect();
    let of_kind = |it: &str| {
        let mut settings = kind(it);
        settings.insert("folder".to_owned(), path.display().to_string().into());
        settings
    };
    match kinds.len() {
        0 => Err(Stop::Usage(
            lang.pick("文件夹里没有 xlsx、csv、dbf 或 parquet 文件", "the folder holds no xlsx, csv, dbf or parquet file").to_owned(),
        )),
        1 => Ok(kinds.into_iter().flat_map(|it| Origin::main(of_kind(it))).collect()),
        _ => Ok(kinds.into_iter().map(|it| Origin { name: it.to_owned(), settings: of_kind(it), only: None }).collect()),
    }
}

fn file(path: &Path, lang: Lang) -> Result<Origin, Stop> {
    let path = fs::canonicalize(path)?;
    if let Some(it) = kind_of(&path) {
        let mut settings = kind(it);
        settings.insert("folder".to_owned(), path.parent().unwrap_or(Path::new("/")).display().to_string().into());
        return Ok(Origin { name: "main".to_owned(), settings, only: path.file_name().map(|it| it.to_string_lossy().into_owned()) });
    }
    if fs::read(&path)?.starts_with(b"SQLite format 3\0") {
        let mut settings = kind("sqlite");
        settings.insert("file".to_owned(), path.display().to_string().into());
        return Ok(Origin { name: "main".to_owned(), settings, only: None });
    }
    let (zh, en) = ("不认识这个文件：应为 xlsx、csv、dbf、parquet 或 SQLite 数据库", "is no xlsx, csv, dbf, parquet or SQLite database");
    Err(Stop::Usage(format!("{} {}", path.display(), lang.pick(zh, en))))
}

/// Databases by the schemes that people write.
const SCHEMES: [(&str, &str); 7] = [
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("sqlserver", "sqlserver"),
    ("mssql", "sqlserver"),
    ("sqlite", "sqlite"),
];

fn address(scheme: &str, rest: &str, lang: Lang) -> Result<Table, Stop> {
    if matches!(scheme, "http" | "https") {
        return Ok(interface(scheme, rest));
    }
    let Some((_, name)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
        let known: Vec<&str> = SCHEMES.iter().map(|(it, _)| *it).chain(["http", "https"]).collect();
        let none = lang.pick("不认识的地址", "no address that is known");
        return Err(Stop::Usage(format!("{none} `{scheme}://`; {}", known.join(", "))));
    };
    let mut settings = kind(name);
    if *name == "sqlite" {
        settings.insert("file".to_owned(), rest.into());
        return Ok(settings);
    }
    let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    if login.contains(':') {
        let (zh, en) =
            ("地址里不要写密码；改用 --set password.env=变量名", "keep the password out of the address: --set password.env=NAME");
        return Err(Stop::Usage(lang.pick(zh, en).to_owned()));
    }
    let (server, database) = place.split_once('/').unwrap_or((place, ""));
    let database = database.split('?').next().unwrap_or_default();
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse::<i64>().ok()),
        _ => (server, None),
    };
    for (key, value) in [("host", host.trim_matches(['[', ']'])), ("database", database), ("user", login)] {
        if !value.is_empty() {
            settings.insert(key.to_owned(), value.into());
        }
    }
    settings.extend(port.map(|it| ("port".to_owned(), it.into())));
    Ok(settings)
}

/// Names of parameters that number pages, and of those that say how long they are.
const PAGE: [&str; 7] = ["page", "pageNum", "pageNo", "pageIndex", "current", "page_no", "p"];
const SIZE: [&str; 7] = ["size", "pageSize", "page_size", "limit", "rows", "per_page", "perPage"];
const OFFSET: [&str; 3] = ["offset", "skip", "start"];

/// `https://host/api/v1/staff?year=2026&page=1&size=500`: one table, called like its path ends.
fn interface(scheme: &str, rest: &str) -> Table {
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (base, path) = place.trim_end_matches('/').rsplit_once('/').unwrap_or((place, ""));
    let mut table = Table::new();
    table.insert("path".to_owned(), path.into());
    let mut given = Table::new();
    for (key, value) in query.split('&').filter_map(|it| it.split_once('=')) {
        given.insert(key.to_owned(), value.into());
    }
    let mut take = |names: &[&str]| {
        let name = names.iter().find(|it| given.contains_key(**it))?;
        let value = given.remove(*name)?.as_str()?.parse::<i64>().ok();
        Some(((*name).to_owned(), value))
    };
    let (page, offset) = (take(&PAGE), take(&OFFSET));
    let size = if page.is_some() || offset.is_some() { take(&SIZE) } else { None };
    let rows = size.as_ref().and_then(|(_, rows)| *rows).unwrap_or(500);
    let paging = |kind: &str, at: &str, (name, first): (String, Option<i64>), length: &str| {
        let mut paging: Table =
            [("kind".to_owned(), Value::from(kind)), (at.to_owned(), name.into()), ("rows".to_owned(), rows.into())].into_iter().collect();
        paging.extend(first.map(|it| ("first".to_owned(), it.into())));
        paging.extend(size.clone().map(|(name, _)| (length.to_owned(), name.into())));
        paging
    };
    match (page, offset) {
        (Some(page), _) => drop(table.insert("paging".to_owned(), paging("page", "page", page, "size").into())),
        (None, Some(offset)) => drop(table.insert("paging".to_owned(), paging("offset", "offset", offset, "limit").into())),
        (None, None) => {}
    }
    if !given.is_empty() {
        table.insert("query".to_owned(), given.into());
    }
    let name = path.split('.').next().filter(|it| !it.is_empty()).unwrap_or("records");
    let mut settings = kind("http");
    settings.insert("url".to_owned(), format!("{scheme}://{base}").into());
    settings.insert("table".to_owned(), [(name.to_owned(), Value::from(table))].into_iter().collect::<Table>().into());
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(from: &str) -> String {
        let mut origins = read(from, Lang::En).unwrap_or_else(|_| panic!("{from}"));
        let settings = origins.remove(0).settings;
        toml::to_string(&settings).expect("settings are TOML").trim().replace('\n', " ")
    }

    #[test]
    fn addresses_become_settings() {
        assert_eq!(settings("mysql"), "kind = \"mysql\"");
        assert_eq!(
            settings("postgresql://reader@10.1.2.3:5433/hr"),
            "database = \"hr\" host = \"10.1.2.3\" kind = \"postgres\" port = 5433 user = \"reader\""
        );
        assert!(read("mysql://reader:secret@h/db", Lang::En).is_err(), "a password in an address ends up in a shell's history");
        assert_eq!(
            settings("https://data.city.test/api/v1/staff?year=2026&pageNum=1&pageSize=200"),
            "kind = \"http\" url = \"https://data.city.test/api/v1\"  [table.staff] path = \"staff\"  \
             [table.staff.paging] first = 1 kind = \"page\" page = \"pageNum\" rows = 200 size = \"pageSize\"  \
             [table.staff.query] year = \"2026\""
        );
        assert!(read("no/such/folder", Lang::Zh).is_err());
    }
}
