//! The published figures, and how large the city is beside the true one.

/// Staff of the true city.
pub const STAFF: usize = 13_950;

/// The published figures.
pub mod published {
    /// Administrative quotas approved.
    pub const ADMINISTRATIVE: u32 = 2_976;
    /// People on them.
    pub const ADMINISTRATIVE_ACTUAL: u32 = 2_592;
    /// Institution quotas approved.
    pub const INSTITUTION: u32 = 13_244;
    /// People on them.
    pub const INSTITUTION_ACTUAL: u32 = 11_358;
    /// Public institutions.
    pub const INSTITUTIONS: u32 = 435;
    /// Public institutions abolished before.
    pub const ABOLISHED: u32 = 50;
    /// Public institutions with more people than quotas.
    pub const OVER: u32 = 65;
    /// Accounts on the real-name network.
    pub const ACCOUNTS: u32 = 291;
    /// Approval documents.
    pub const DOCUMENTS: u32 = 973;
}

/// How large the city is beside the true one.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Staff over 13,950.
    pub staff: f64,
}

impl Scale {
    /// The scale of a city with about `people` staff.
    pub fn of(people: usize) -> Scale {
        Scale { staff: people as f64 / STAFF as f64 }
    }

    /// A published number of people or rows, in proportion.
    pub fn people(self, published: u32) -> u32 {
        (f64::from(published) * self.staff).round() as u32
    }

    /// A published number of units, in proportion: a larger city has larger units, not more of them.
    pub fn units(self, published: u32) -> u32 {
        (f64::from(published) * self.staff.min(1.0)).round() as u32
    }
}
