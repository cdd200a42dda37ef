//! Finds out how a JSON interface answers: where its records stand, where it declares how many there are, how it is paged.
//!
//! Only what the settings leave open is tried, with the requests that the connector itself would make. What is found is written into the
//! department file, and `muster connect` tries it again.

use muster_connectors::{Connector, Failure, Offer, Place, Said};
use toml::{Table, Value};

/// Where data-sharing platforms put records, the most particular first.
const RECORDS: [&str; 20] = [
    "/data/records",
    "/data/list",
    "/data/rows",
    "/data/items",
    "/data/content",
    "/data/data",
    "/data/result",
    "/result/records",
    "/result/list",
    "/result/rows",
    "/result/data",
    "/data",
    "/result",
    "/rows",
    "/records",
    "/list",
    "/items",
    "/content",
    "/results",
    "",
];

/// What they call the number of all records.
const TOTALS: [&str; 7] = ["total", "totalCount", "totalElements", "total_count", "count", "recordsTotal", "totalNum"];

/// How pages are asked for.
const PAGES: [(&str, &str); 7] = [
    ("page", "size"),
    ("pageNum", "pageSize"),
    ("pageNo", "pageSize"),
    ("current", "size"),
    ("page", "pageSize"),
    ("page", "limit"),
    ("page", "per_page"),
];

/// Rows that a page is asked for.
const PAGE_ROWS: i64 = 200;

/// Completes the settings of every table; what was said stays as it is.
pub async fn complete(place: &Place, settings: &mut Table) -> Result<(), Failure> {
    let every = settings.get("every").and_then(Value::as_table).cloned().unwrap_or_default();
    let names: Vec<String> = settings.get("table").and_then(Value::as_table).map_or_else(Vec::new, |it| it.keys().cloned().collect());
    for name in names {
        let said = |key: &str, settings: &Table| every.contains_key(key) || own(settings, &name).is_some_and(|it| it.contains_key(key));
        if said("format", settings) {
            continue;
        }
        if !said("records", settings) {
            find_records(place, settings, &name).await?;
        }
        if !["total", "total_header", "pages", "more"].iter().any(|it| said(it, settings)) {
            find_total(place, settings, &name, said("paging", settings)).await;
        }
    }
    Ok(())
}

fn own<'a>(settings: &'a Table, name: &str) -> Option<&'a Table> {
    settings.get("table")?.get(name)?.as_table()
}

/// The settings with this table alone, and with `more` said of it.
fn with(settings: &Table, name: &str, more: &Table) -> Table {
    let mut alone = settings.clone();
    let mut table = own(settings, name).cloned().unwrap_or_default();
    table.extend(more.clone());
    alone.insert("table".to_owned(), [(name.to_owned(), Value::from(table))].into_iter().collect::<Table>().into());
    alone
}

/// Says it for good.
fn keep(settings: &mut Table, name: &str, more: Table) {
    if let Some(table) = settings.get_mut("table").and_then(|it| it.get_mut(name)).and_then(Value::as_table_mut) {
        table.extend(more);
    }
}

async fn offer(place: &Place, settings: &Table) -> Result<Option<Offer>, Failure> {
    let source: Result<Box<dyn Connector>, Said> = muster_connectors::open(place.clone(), settings.clone());
    match source {
        Ok(it) => Ok(it.offers().await?.pop()),
        Err(_) => Ok(None),
    }
}

fn pointer(key: &str, at: &str) -> Table {
    [(key.to_owned(), Value::from(at))].into_iter().collect()
}

/// The first place at which records with several columns stand. A server that cannot be reached, or refuses the login, is asked once.
async fn find_records(place: &Place, settings: &mut Table, name: &str) -> Result<(), Failure> {
    let mut first = None;
    for at in RECORDS {
        let more = pointer("records", at);
        match offer(place, &with(settings, name, &more)).await {
            Ok(Some(it)) if it.columns.len() > 1 => {
                keep(settings, name, more);
                return Ok(());
            }
            Ok(_) => {}
            Err(failure) if is_elsewhere(&failure) => first = first.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
    }
    first.map_or(Ok(()), Err)
}

/// Whether the answer came, and has its records somewhere else.
fn is_elsewhere(failure: &Failure) -> bool {
    failure.hint.as_ref().is_some_and(|it| it.en.contains("`records`"))
}

/// The number that the answer declares beside its records or above; where fewer come than it says, the way to ask for pages.
async fn find_total(place: &Place, settings: &mut Table, name: &str, paged: bool) {
    let records = own(settings, name).and_then(|it| it.get("records")).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut above: Vec<&str> = vec![records.rsplit_once('/').map_or("", |(above, _)| above)];
    if !above[0].is_empty() {
        above.push("");
    }
    if records.is_empty() {
        return;
    }
    for at in above.iter().flat_map(|above| TOTALS.iter().map(move |it| format!("{above}/{it}"))) {
        let total = pointer("total", &at);
        let mut ways = vec![total.clone()];
        if !paged {
            ways.extend(PAGES.iter().map(|(page, size)| {
                let paging: Table =
                    [("kind", Value::from("page")), ("page", (*page).into()), ("size", (*size).into()), ("rows", PAGE_ROWS.into())]
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect();
                total.clone().into_iter().chain([("paging".to_owned(), paging.into())]).collect()
            }));
        }
        let mut stands_there = false;
        for more in ways {
            match offer(place, &with(settings, name, &more)).await {
                Ok(Some(it)) if it.rows.is_some() => {
                    keep(settings, name, more);
                    return;
                }
                Err(failure) if failure.why.en.contains("were declared") => stands_there = true,
                // Nothing stands there: no way of paging makes it stand there.
                _ if !stands_there => break,
                _ => {}
            }
        }
        if stands_there {
            keep(settings, name, total);
            return;
        }
    }
}
