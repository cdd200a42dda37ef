//! Leases: what only one process may do at a time, on one machine or on several.
//!
//! A lease lasts for a while and is renewed; its token rises with every holder. Who writes under a lease checks the token in the
//! transaction that writes, so that a holder that slept through the end of its lease can change nothing.

use super::db::{Tx, values};
use super::{Store, StoreError};

/// A lease that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is for.
    pub name: &'static str,
    /// Who has it.
    pub holder: String,
    /// Rises with every holder.
    pub token: i64,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours(Lease),
    /// Somebody else has it.
    Theirs {
        /// Who.
        holder: String,
        /// Until when, unless it is renewed; an instant, UTC.
        lasts_to: String,
    },
}

impl Store {
    /// Takes the lease called `name` where nobody has it, where it is over, or where whoever had it is gone (`lives` says no).
    pub async fn take_lease(
        &self,
        name: &'static str,
        holder: &str,
        now: &str,
        lasts_to: &str,
        lives: impl Fn(&str) -> bool + Send,
    ) -> Result<Taken, StoreError> {
        let mut write = self.write().await?;
        let row = write.row("select holder, token, lasts_to from lease where name = $1", values![name]).await?;
        let mut token = 1;
        if let Some(row) = &row {
            token = row.int("token")? + 1;
            let (theirs, until) = (row.maybe_text("holder")?, row.text("lasts_to")?);
            if let Some(theirs) = theirs.filter(|it| *it != holder && until > now && lives(it)) {
                return Ok(Taken::Theirs { holder: theirs.to_owned(), lasts_to: until.to_owned() });
            }
        }
        write
            .run(
                "insert into lease (name, holder, token, lasts_to) values ($1, $2, $3, $4)
                 on conflict (name) do update set holder = excluded.holder, token = excluded.token, lasts_to = excluded.lasts_to",
                values![name, holder, token, lasts_to],
            )
            .await?;
        write.commit().await?;
        Ok(Taken::Ours(Lease { name, holder: holder.to_owned(), token }))
    }

    /// Makes it last longer; says whether it was still ours.
    pub async fn renew_lease(&self, lease: &Lease, lasts_to: &str) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let renew = "update lease set lasts_to = $1 where name = $2 and holder = $3 and token = $4";
        let ours = write.run(renew, values![lasts_to, lease.name, &lease.holder, lease.token]).await? > 0;
        write.commit().await?;
        Ok(ours)
    }

    /// Gives it back; nothing happens where it is not ours any more.
    pub async fn give_back(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let free = "update lease set holder = null where name = $1 and holder = $2 and token = $3";
        write.run(free, values![lease.name, &lease.holder, lease.token]).await?;
        write.commit().await
    }

    /// The same store, whose nights are kept under `lease` alone.
    #[must_use]
    pub fn under(&self, lease: Lease) -> Store {
        Store { lease: Some(lease), ..self.clone() }
    }
}

/// Whether the lease is still ours, in the transaction that is about to write.
pub(super) async fn must_hold(db: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    let find = "select token from lease where name = $1 and holder = $2 and token = $3";
    let found = db.row(find, values![lease.name, &lease.holder, lease.token]).await?;
    found.map(drop).ok_or(StoreError::LeaseLost)
}
