//! The workbook a reviewer works from. The same night gives the same bytes.

mod cases;
mod cover;
mod look;
mod prompt;
mod quality;
mod quota;
mod rules;

use muster_core::finding::Family;
use muster_core::prompt::Which;
use muster_core::report::{Lang, ReportColumn};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

use crate::digest::CardText;
use crate::night::Night;
use look::Look;

/// What the operator sets about the workbook.
#[derive(Clone, Debug)]
pub struct SheetSettings {
    /// Language of everything but the data.
    pub lang: Lang,
    /// Whether ID numbers are shown whole.
    pub full_ids: bool,
    /// Columns of the sheets that list cases.
    pub columns: Vec<ReportColumn>,
}

/// The whole workbook: cover, one sheet per family that has cases, prompt tables, data quality, rules.
pub fn workbook(night: &Night, cards: &[CardText], settings: &SheetSettings) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    book.set_properties(&properties(night, settings.lang)?);
    let look = Look::new(settings.lang, night);

    cover::write(book.add_worksheet(), night, &look)?;
    for family in Family::ALL.into_iter().filter(|family| night.cases.iter().any(|it| it.family == *family)) {
        cases::write(book.add_worksheet(), night, family, settings, &look)?;
    }
    quota::write(book.add_worksheet(), night, &look)?;
    for table in night.tables.iter().filter(|it| it.table != Which::Quota) {
        prompt::write(book.add_worksheet(), table, &look)?;
    }
    quality::write(book.add_worksheet(), night, &look)?;
    rules::write(book.add_worksheet(), night, cards, &look)?;
    book.save_to_buffer()
}

/// Excel would write the wall clock here; the night is the only date that belongs to the night.
fn properties(night: &Night, lang: Lang) -> Result<DocProperties, XlsxError> {
    let title = format!("{} {} {}", lang.of(&night.city), look::report_name(lang), night.tonight);
    Ok(DocProperties::new()
        .set_title(title)
        .set_subject(lang.pick("疑似线索，待核实", "Leads, to be verified"))
        .set_author("muster")
        .set_keywords(night.tonight.to_string())
        .set_comment(lang.pick("含个人信息，请按规定保管、使用和销毁。", "Holds personal data: keep, use and destroy as prescribed."))
        .set_creation_datetime(&ExcelDateTime::parse_from_str(&night.tonight.to_string())?)
        .set_custom_property("night", night.tonight.to_string()))
}

#[cfg(test)]
mod tests;
