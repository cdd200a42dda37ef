//! Stub.

use serde::{Deserialize, Serialize};

/// What a feed's mapping came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows pulled.
    pub pulled: u64,
    /// Rows mapped.
    pub mapped: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rows that the feed's `keep` leaves to others.
    pub set_aside: u64,
}
