//! The data key of the store's personal texts, which stands in the store itself, wrapped under a master key.

use super::db::{Db, values};
use super::{Store, StoreError};
use crate::vault::{Texts, Vault};

/// The key of the store; a new store gets one.
pub(super) async fn texts(db: &Db, vault: &Vault) -> Result<Texts, StoreError> {
    let select = "select wrapped from sealing_key";
    if let Some(row) = db.read().await?.row(select, values![]).await? {
        return Ok(vault.texts(row.text("wrapped")?)?);
    }
    // Two processes may open a new store at once: the second finds what the first wrote.
    let mut write = db.write().await?;
    if let Some(row) = write.row(select, values![]).await? {
        return Ok(vault.texts(row.text("wrapped")?)?);
    }
    let wrapped = vault.new_texts();
    write.run("insert into sealing_key (id, wrapped) values (1, $1)", values![&wrapped]).await?;
    write.commit().await?;
    Ok(vault.texts(&wrapped)?)
}

impl Store {
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
