//! The data key of the store's personal texts, which stands in the store itself, wrapped under a master key.

use super::db::{Db, Row, values};
use super::{Store, StoreError};
use crate::vault::{Shut, Texts, Vault};

/// The key of the store; a new store gets one.
pub(super) async fn texts(db: &Db, vault: &Vault) -> Result<Texts, StoreError> {
    let select = "select wrapped, hash from sealing_key";
    let opened = |row: &Row| -> Result<Texts, StoreError> {
        let texts = vault.texts(row.text("wrapped")?)?;
        if row.text("hash")? == vault.hash_check() { Ok(texts) } else { Err(Shut::OtherHash.into()) }
    };
    if let Some(row) = db.read().await?.row(select, values![]).await? {
        return opened(&row);
    }
    // Two processes may open a new store at once: the second finds what the first wrote.
    let mut write = db.write().await?;
    if let Some(row) = write.row(select, values![]).await? {
        return opened(&row);
    }
    let wrapped = vault.new_texts();
    let insert = "insert into sealing_key (id, wrapped, hash) values (1, $1, $2)";
    write.run(insert, values![&wrapped, vault.hash_check()]).await?;
    write.commit().await?;
    Ok(vault.texts(&wrapped)?)
}

impl Store {
    /// Under which master key the store's key lies.
    pub async fn master(&self) -> Result<Option<String>, StoreError> {
        let rows = self.rows("select wrapped from sealing_key", values![]).await?;
        Ok(rows.first().map(|it| it.text("wrapped")).transpose()?.and_then(Vault::of_wrapped))
    }

    /// Puts the store's key under the newest master key; says whether it was not there yet.
    pub async fn rewrap(&self, vault: &Vault) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let row = write.row("select wrapped from sealing_key", values![]).await?.ok_or(StoreError::Damaged { what: "sealing key" })?;
        let Some(anew) = vault.rewrapped(row.text("wrapped")?)? else { return Ok(false) };
        write.run("update sealing_key set wrapped = $1", values![anew]).await?;
        write.commit().await?;
        Ok(true)
    }
}
