//! Establishment against staff, in total: the figures that leaders read first.

use serde::{Deserialize, Serialize};

/// The published table of the city: administrative and institutional quotas, who fills them, and what is vacant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Administrative quotas (administrative, political and legal, support workers).
    pub administrative: Line,
    /// Institution quotas.
    pub institution: Line,
    /// Public institutions that exist.
    pub institutions: u64,
    /// Units that have more staff of some quota group than they may.
    pub units_over: u64,
    /// Accounts on the real-name network.
    pub network_accounts: u64,
    /// Approval documents in the archive.
    pub documents: u64,
}

/// Approved, actual, and the difference both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Approved number.
    pub approved: i64,
    /// People who occupy it.
    pub actual: i64,
    /// Sum of vacancies over the units that have some.
    pub vacant: i64,
    /// Sum of excess over the units that have some. `approved - actual = vacant - over`.
    pub over: i64,
}

impl Line {
    /// Net vacancy: approved less actual.
    pub fn net(&self) -> i64 {
        self.approved - self.actual
    }
}
