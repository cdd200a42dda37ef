//! Stub.

use serde::{Deserialize, Serialize};

/// A name in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    /// 中文.
    pub zh: String,
    /// English.
    pub en: String,
}
