//! Whether the store holds together: the file itself, every text that is read as something else, the audit log's chain.

use std::collections::BTreeMap;

use muster_core::case::Case;
use muster_core::case::work::Act;
use muster_core::link::judge;
use muster_core::map::Tally;
use serde::Serialize;
use serde::de::IgnoredAny;

use super::db::{Pool, Row, values};
use super::feeds::Hold;
use super::{Store, StoreError, from_json};
use crate::night::Said;

/// Rows looked at at once.
const ROWS_AT_ONCE: usize = 2_000;

/// What looking came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// Rows looked at, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is wrong; empty when nothing is. Quotes no row.
    pub wrong: Vec<Said>,
}

impl Checked {
    fn wrong(&mut self, zh: String, en: String) {
        self.wrong.push(Said { zh, en });
    }
}

impl Store {
    /// Looks at everything; reads one state and changes nothing.
    pub async fn check(&self) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        if let Pool::Sqlite(_) = self.db.pool {
            self.check_file(&mut checked, "pragma integrity_check", "integrity_check").await?;
        }
        self.readable(&mut checked, "case_version", |row| from_json::<Case>("case", row.text("body")?).map(drop)).await?;
        self.readable(&mut checked, "case_event", |row| from_json::<Vec<String>>("event", row.text("rules")?).map(drop)).await?;
        self.readable(&mut checked, "case_act", |row| from_json::<Act>("case act", row.text("body")?).map(drop)).await?;
        self.readable(&mut checked, "feed_event", |row| from_json::<Hold>("hold", row.text("hold")?).map(drop)).await?;
        self.readable(&mut checked, "judgement_event", |row| {
            row.maybe_text("one")?.map(|it| from_json::<judge::Row>("judgement", it)).transpose()?;
            row.maybe_text("other")?.map(|it| from_json::<judge::Row>("judgement", it)).transpose().map(drop)
        })
        .await?;
        self.readable(&mut checked, "rule_night", |row| {
            row.maybe_text("skipped")?.map(|it| from_json::<IgnoredAny>("rule's night", it)).transpose().map(drop)
        })
        .await?;
        self.readable(&mut checked, "feed_night", |row| {
            from_json::<Vec<Said>>("reason", row.text("left_out")?)?;
            row.maybe_text("tally")?.map(|it| from_json::<Tally>("feed's counts", it)).transpose().map(drop)
        })
        .await?;
        self.check_events(&mut checked).await?;
        let chain = self.audit_verify(None).await?;
        checked.rows.insert("audit_entry", chain.entries);
        if let Some(id) = chain.broken_at {
            checked.wrong(format!("审计日志自第 {id} 条起不再相连"), format!("the audit log's chain breaks at entry {id}"));
        }
        Ok(checked)
    }

    /// The part of [`Store::check`] that does not read every row's text.
    pub async fn check_quickly(&self) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        if let Pool::Sqlite(_) = self.db.pool {
            self.check_file(&mut checked, "pragma quick_check", "quick_check").await?;
        }
        self.check_events(&mut checked).await?;
        Ok(checked)
    }

    async fn check_file(&self, checked: &mut Checked, pragma: &'static str, column: &'static str) -> Result<(), StoreError> {
        let mut read = self.db.read().await?;
        for row in read.rows(pragma, values![]).await? {
            let said = row.text(column)?;
            if said != "ok" {
                checked.wrong(format!("数据库文件损坏：{said}"), format!("the file is damaged: {said}"));
            }
        }
        for row in read.rows("pragma foreign_key_check", values![]).await? {
            let table = row.text("table")?;
            checked.wrong(format!("{table} 有一行指向不存在的记录"), format!("a row of {table} refers to one that is not there"));
        }
        Ok(())
    }

    async fn check_events(&self, checked: &mut Checked) -> Result<(), StoreError> {
        let lost = self
            .rows(
                "select count(*) as n from case_event e left join case_version v on v.run = e.run and v.case_key = e.case_key where v.run is null",
                values![],
            )
            .await?;
        let lost = lost.first().ok_or(StoreError::Damaged { what: "event" })?.int("n")?;
        if lost > 0 {
            checked.wrong(format!("{lost} 条案件事件没有对应的案件记录"), format!("{lost} case events have no state of their case"));
        }
        Ok(())
    }

    /// Counts the rows of `table` and those that `look` cannot read.
    async fn readable(
        &self,
        checked: &mut Checked,
        table: &'static str,
        look: impl Fn(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut read = self.db.read().await?;
        let mut batches = read.batches(format!("select * from {table}"), ROWS_AT_ONCE);
        let (mut rows, mut bad) = (0, 0_u64);
        while let Some(batch) = batches.next().await? {
            rows += batch.len() as u64;
            bad += batch.iter().filter(|it| look(it).is_err()).count() as u64;
        }
        checked.rows.insert(table, rows);
        if bad > 0 {
            checked.wrong(format!("{table} 有 {bad} 行无法读取"), format!("{bad} rows of {table} cannot be read"));
        }
        Ok(())
    }
}
