//! The archive of approval documents: numbers run on per issuer and year.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

/// One approval document.
#[derive(Debug)]
pub struct Document {
    /// 文号.
    pub number: String,
    /// Title.
    pub title: String,
    /// Issuing organ.
    pub issuer: &'static str,
    /// Day of signature.
    pub signed_on: NaiveDate,
    /// Code of the organization's own list of document kinds.
    pub kind: &'static str,
}

/// Documents in the order of their filing.
#[derive(Debug, Default)]
pub struct Archive {
    /// Every document.
    pub documents: Vec<Document>,
    last: BTreeMap<(&'static str, i32), u32>,
}

impl Archive {
    /// Files a document and gives its number.
    pub fn file(&mut self, kind: &'static str, signed_on: NaiveDate, title: String) -> String {
        let (stem, issuer) = match kind {
            "SD" | "SL" | "CX" => ("嵊编", "嵊州市机构编制委员会"),
            "RB" => ("嵊编入", "嵊州市委机构编制委员会办公室"),
            _ => ("嵊编办", "嵊州市委机构编制委员会办公室"),
        };
        let last = self.last.entry((stem, signed_on.year())).or_default();
        *last += 1;
        let number = format!("{stem}〔{}〕{last}号", signed_on.year());
        self.documents.push(Document { number: number.clone(), title, issuer, signed_on, kind });
        number
    }
}
