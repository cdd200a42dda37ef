//! A feed pulled in parts: rows that changed lately, merged into the last delivery that was used, and proved against the source.
//!
//! Of the last delivery stays what is older than the lookback and was not sent again; what was sent takes the place of the rest. A row
//! that was deleted or changed behind the column's back is found because the whole then weighs something else than what the source
//! lists of its keys tonight. Then, or when anything about the last delivery is in doubt, everything is pulled the same night.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::compute::{and, filter_record_batch};
use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use futures::StreamExt;
use muster_connectors::{Ask, BrokenRow, Piece, Since};
use muster_core::mapping::Incremental;

use super::landing::{Delivery, Landed, Trouble, Worker, writer};
use super::order;
use super::weight::{Keys, Scale, Weight};
use super::{BATCH_ROWS, Broken, Job};
use crate::night::Said;
use crate::vault::{self, Vault};

/// The delivery to merge into, and from which value on to ask.
pub struct Base {
    parts: Incremental,
    delivery: Delivery,
    schema: SchemaRef,
    full_on: NaiveDate,
    since: String,
}

/// Whether tonight's pull may be in parts: into which delivery; `Err` when it must be whole, with the reason where it is news.
pub fn base(job: &Job<'_>) -> Result<Base, Option<Said>> {
    let Some(parts) = &job.feed.incremental else { return Err(None) };
    let Some(night) = job.before.night else { return Err(None) };
    let delivery = Delivery::of(job.landing, &job.department.file.name, &job.feed.name, night);
    let because = |zh: &str, en: &str| Some(Said { zh: format!("本次全量取数：{zh}"), en: format!("pulled whole tonight: {en}") });
    let Some(about) = delivery.about() else {
        return Err(because("上次的送达文件已不在", "the last delivery is no longer there"));
    };
    if (job.landing.tonight - about.full_on).num_days() >= i64::from(parts.full_every_days) {
        return Err(because("到了定期全量的日子", "a full pull is due"));
    }
    if about.broken > 0 {
        return Err(because("上次有无法解析的行", "the last delivery has rows that are no columns"));
    }
    let since = about.newest.and_then(|it| order::since(&it, parts.lookback, job.landing.tonight));
    let Some(since) = since else {
        return Err(because(&format!("列“{}”的值无法排序", parts.column), &format!("the values of `{}` do not order", parts.column)));
    };
    let whole = vault::content_hash(&delivery.raw()).ok().filter(|it| Some(it) == job.before.sha256.as_ref());
    let schema = super::drift::landed_schema(&job.landing.vault, &delivery.raw()).filter(|_| whole.is_some());
    let Some(schema) = schema else {
        return Err(because("上次的送达文件与登记的摘要不符", "the last delivery is not the one that was kept"));
    };
    Ok(Base { parts: parts.clone(), delivery, schema, full_on: about.full_on, since })
}

/// Pulls what changed and merges it. `Ok(Err)` tells why the merge is not what the source holds: then everything must be pulled.
pub async fn land(job: &Job<'_>, base: Base) -> Result<Result<Landed, Said>, Broken> {
    match merge(job, &base).await {
        Ok(Ok((worker, delivery))) => {
            let since = Some(base.since.clone());
            let full_on = base.full_on;
            super::blocking(move || worker.close(&delivery, full_on, since)).await.map(Ok).map_err(Broken::Disk)
        }
        Ok(Err(why)) => {
            job.delivery().discard();
            Ok(Err(why))
        }
        // A source that cannot be asked in parts can still be asked for everything; a lost connection is for the retry.
        Err(Broken::Source(failure)) if !failure.passing => {
            job.delivery().discard();
            Ok(Err(Said {
                zh: format!("无法增量取数（{}），已改为全量", failure.why.zh),
                en: format!("it cannot be pulled in parts ({}), so it was pulled whole", failure.why.en),
            }))
        }
        Err(broken) => {
            job.delivery().discard();
            Err(broken)
        }
    }
}

async fn merge(job: &Job<'_>, base: &Base) -> Result<Result<(Worker, Delivery), Said>, Broken> {
    let delivery = job.delivery();
    delivery.begin().map_err(|it| Broken::Disk(it.to_string()))?;
    let file = delivery.partial.join("changed.parquet");
    let changed = match changed(job, base, &file).await? {
        Ok(it) => it,
        Err(why) => return Ok(Err(why)),
    };
    let listed = listed(job, &base.parts).await?;
    let worker = {
        let (feed, landing, delivery) = (job.feed.clone(), job.landing.clone(), delivery.clone());
        let (parts, since, raw, schema) = (base.parts.clone(), base.since.clone(), base.delivery.raw(), base.schema.clone());
        super::blocking(move || {
            let mut worker = Worker::open(&feed, &landing, &delivery, &schema)?;
            for rows in batches(&landing.vault, &raw)? {
                let rows = kept(&rows?, &parts, &since, &changed.keys)?;
                worker.take(Piece::Rows(rows))?;
            }
            for rows in batches(&landing.vault, &file)? {
                worker.take(Piece::Rows(rows?))?;
            }
            for row in changed.broken {
                worker.take(Piece::Broken(row))?;
            }
            std::fs::remove_file(&file)?;
            Ok(worker)
        })
        .await
        .map_err(Broken::Disk)?
    };
    let merged = worker.weight().expect("a feed in parts is weighed");
    Ok(if merged == listed { Ok((worker, delivery)) } else { Err(differs(merged, listed)) })
}

/// What the source sent of late, on disk, and what is remembered of it.
struct Changed {
    keys: Keys,
    broken: Vec<BrokenRow>,
}

/// Pulls the rows from `base.since` on into `file`.
async fn changed(job: &Job<'_>, base: &Base, file: &Path) -> Result<Result<Changed, Said>, Broken> {
    let since = Since { column: base.parts.column.clone(), at_least: base.since.clone() };
    let ask = Ask { since: Some(since), ..super::ask(job.feed) };
    let mut pull = job.connector.pull(&ask).await.map_err(Broken::Source)?;
    let Some(keys) = Keys::new(&base.parts, &pull.schema).filter(|_| pull.schema == base.schema) else {
        return Ok(Err(Said {
            zh: "来源的列有变化，已改为全量取数".to_owned(),
            en: "the source's columns have changed, so it was pulled whole".to_owned(),
        }));
    };
    let disk = |it: Trouble| Broken::Disk(it.to_string());
    let mut out = writer(&job.landing.vault, file, pull.schema.clone()).map_err(disk)?;
    let mut changed = Changed { keys, broken: Vec::new() };
    while let Some(piece) = pull.pieces.next().await {
        match piece.map_err(Broken::Source)? {
            Piece::Rows(rows) => {
                job.bar.rows(rows.num_rows());
                changed.keys.add(&rows);
                out.write(&rows).map_err(|it| disk(it.into()))?;
            }
            Piece::Broken(row) => changed.broken.push(row),
            Piece::Total(_) | Piece::Skipped(_) | Piece::File(_) => {}
        }
    }
    out.close().map_err(|it| disk(it.into()))?;
    Ok(Ok(changed))
}

/// The weight of what the source lists tonight: key and changing column of every row.
async fn listed(job: &Job<'_>, parts: &Incremental) -> Result<Weight, Broken> {
    let columns: Vec<String> = parts.key.iter().chain([&parts.column]).cloned().collect();
    let table = list(&job.feed.table, &columns, job.kind());
    let ask = Ask { table, columns, batch_rows: BATCH_ROWS, since: None };
    let mut pull = job.connector.pull(&ask).await.map_err(Broken::Source)?;
    let mut scale = Scale::new(parts, &pull.schema);
    if !scale.has_columns() {
        return Ok(Weight::default());
    }
    let mut broken = 0;
    while let Some(piece) = pull.pieces.next().await {
        match piece.map_err(Broken::Source)? {
            Piece::Rows(rows) => scale.add(&rows),
            Piece::Broken(_) => broken += 1,
            Piece::Total(_) | Piece::Skipped(_) | Piece::File(_) => {}
        }
    }
    let weight = scale.weight();
    Ok(Weight { rows: weight.rows + broken, ..weight })
}

/// The query that lists `columns` of a table or query, in the words of the source's kind.
fn list(table: &str, columns: &[String], kind: &str) -> String {
    let quoted = |name: &str| match kind {
        "mysql" => format!("`{}`", name.replace('`', "``")),
        "sqlserver" => format!("[{}]", name.replace(']', "]]")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    };
    let columns: Vec<String> = columns.iter().map(|it| quoted(it)).collect();
    let first = table.trim_start().split(|it: char| !it.is_ascii_alphabetic()).next().unwrap_or_default();
    let from = if first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with") {
        format!("({table}) AS listed")
    } else {
        table.split('.').map(quoted).collect::<Vec<_>>().join(".")
    };
    format!("SELECT {} FROM {from}", columns.join(", "))
}

/// The rows of the last delivery that stay: older than the lookback, and not sent again.
fn kept(rows: &RecordBatch, parts: &Incremental, since: &str, sent: &Keys) -> Result<RecordBatch, Trouble> {
    let changing = rows.column_by_name(&parts.column).ok_or("the column is there: the source still has it")?;
    let old = order::is_before(changing, since, parts.lookback).map_err(|_| "the column orders: it did the last time")?;
    Ok(filter_record_batch(rows, &and(&old, &sent.new_in(rows))?)?)
}

fn batches(vault: &Vault, file: &Path) -> Result<impl Iterator<Item = Result<RecordBatch, arrow::error::ArrowError>> + use<>, Trouble> {
    Ok(vault.rows(File::open(file)?)?.with_batch_size(BATCH_ROWS).build()?)
}

fn differs(merged: Weight, listed: Weight) -> Said {
    if merged.rows == listed.rows {
        return Said {
            zh: format!("增量合并后与来源的校验和不符（均为 {} 行），已改为全量取数", merged.rows),
            en: format!("merged and source have {} rows each but not the same ones, so it was pulled whole", merged.rows),
        };
    }
    Said {
        zh: format!("增量合并后 {} 行，来源 {} 行，已改为全量取数", merged.rows, listed.rows),
        en: format!("merged it has {} rows, the source {}, so it was pulled whole", merged.rows, listed.rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_keys_is_asked_for_in_the_words_of_the_kind() {
        let columns = ["ID".to_owned(), "更新时间".to_owned()];
        assert_eq!(list("dbo.GZFF", &columns, "postgres"), "SELECT \"ID\", \"更新时间\" FROM \"dbo\".\"GZFF\"");
        assert_eq!(list("GZFF", &columns, "mysql"), "SELECT `ID`, `更新时间` FROM `GZFF`");
        assert_eq!(list("dbo.GZFF", &columns, "sqlserver"), "SELECT [ID], [更新时间] FROM [dbo].[GZFF]");
        assert_eq!(list("select * from t", &columns, "sqlite"), "SELECT \"ID\", \"更新时间\" FROM (select * from t) AS listed");
        assert_eq!(list("selection", &columns, "sqlite"), "SELECT \"ID\", \"更新时间\" FROM \"selection\"");
    }
}
