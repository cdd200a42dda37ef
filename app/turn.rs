//! One night at a time on one store: the lease under which a night works and is kept.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::run::Stop;
use crate::store::Store;
use crate::store::lease::{Lease, Taken};
use crate::{clock, process};

/// What the lease is called.
const NAME: &str = "night";

/// How long a lease lasts unless it is renewed. Of a process on this machine it is known at once when it is gone.
const LASTS_SECONDS: u64 = 120;

/// How often it is renewed.
const RENEWED_EVERY: Duration = Duration::from_secs(30);

/// The right to run a night. It is renewed while this value lives.
pub struct Turn {
    /// The store, whose nights are kept under the lease alone.
    pub store: Store,
    lease: Lease,
    renewal: JoinHandle<()>,
}

impl Turn {
    /// Takes it; says who has it when somebody else is at a night.
    pub async fn take(store: &Store) -> Result<Turn, Stop> {
        let (now, lasts_to) = (clock::now(), clock::after(LASTS_SECONDS));
        match store.take_lease(NAME, &process::me(), &now, &lasts_to, process::may_live).await? {
            Taken::Ours(lease) => {
                let renewal = tokio::spawn(renew(store.clone(), lease.clone()));
                Ok(Turn { store: store.under(lease.clone()), lease, renewal })
            }
            Taken::Theirs { holder, lasts_to } => {
                let process = holder.split('/').nth(2).unwrap_or_default();
                Err(Stop::Trouble(format!(
                    "另一进程（{process}）正在对账，最迟 {lasts_to} 自动释放 (another process, number {process}, is at a night; its right ends at {lasts_to} unless it is renewed)"
                )))
            }
        }
    }

    /// Gives it back at once. Without this it ends by itself.
    pub async fn give_back(self) -> Result<(), Stop> {
        Ok(self.store.give_back(&self.lease).await?)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Renews until it is lost. What a lost lease means is decided where the night is kept.
async fn renew(store: Store, lease: Lease) {
    loop {
        tokio::time::sleep(RENEWED_EVERY).await;
        match store.renew_lease(&lease, &clock::after(LASTS_SECONDS)).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("another process has taken the night over; this one will write nothing");
                return;
            }
            Err(err) => tracing::warn!(%err, "the lease could not be renewed; tried again"),
        }
    }
}
