//! What operators were told of by mail and is not mended yet.

use chrono::NaiveDate;

use super::db::values;
use super::{Store, StoreError, day, outbox};
use crate::mail::Letter;
use crate::night::Said;

/// Something that operators must mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What it is about: the same as long as it lasts.
    pub key: String,
    /// How it stands: another mark is told again.
    pub mark: String,
    /// In words.
    pub told: Said,
}

/// What is to be told of alarms now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Alarms that are new, or stand otherwise than they were told.
    pub new: Vec<Alarm>,
    /// Those that were told, and are over.
    pub over: Vec<Alarm>,
}

impl News {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.over.is_empty()
    }
}

impl Store {
    /// Holds `found` against what was told, and queues the letters that `tell` makes of the difference, in one transaction. An alarm is
    /// told once a day at most, and again only when it stands otherwise.
    pub async fn alarms<E: From<StoreError>>(
        &self,
        today: NaiveDate,
        now: &str,
        found: &[Alarm],
        tell: impl FnOnce(&News) -> Result<Vec<Letter>, E> + Send,
    ) -> Result<News, E> {
        let mut write = self.write().await?;
        let rows = write.rows("select * from alarm order by key", values![]).await?;
        let mut news = News::default();
        let mut known = Vec::new();
        for row in &rows {
            let key = row.text("key").map(str::to_owned)?;
            let told_on = day(row.text("told_on")?)?;
            if !found.iter().any(|it| it.key == key) {
                let told = Said { zh: row.text("told_zh")?.to_owned(), en: row.text("told_en")?.to_owned() };
                write.run("delete from alarm where key = $1", values![&key]).await?;
                news.over.push(Alarm { key, mark: row.text("mark")?.to_owned(), told });
                continue;
            }
            known.push((key, row.text("mark")?.to_owned(), told_on));
        }
        for it in found {
            match known.iter().find(|(key, ..)| *key == it.key) {
                Some((_, mark, told_on)) if *mark == it.mark || *told_on >= today => continue,
                Some(_) => {
                    let again = "update alarm set mark = $1, told_zh = $2, told_en = $3, told_on = $4 where key = $5";
                    write.run(again, values![&it.mark, &it.told.zh, &it.told.en, today, &it.key]).await?;
                }
                None => {
                    let first = "insert into alarm (key, mark, told_zh, told_en, told_on, since) values ($1, $2, $3, $4, $5, $5)";
                    write.run(first, values![&it.key, &it.mark, &it.told.zh, &it.told.en, today]).await?;
                }
            }
            news.new.push(it.clone());
        }
        if news.is_empty() {
            return Ok(news);
        }
        outbox::add(&mut write, today, now, &tell(&news)?).await?;
        write.commit().await?;
        Ok(news)
    }
}
