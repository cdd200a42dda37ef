//! The workbook a reviewer works from. The same night gives the same bytes.

mod cases;
mod cover;
mod look;
mod owner;
mod pefa;
mod prompt;
mod quality;
mod quota;
mod rules;
mod trend;
pub mod work;

use std::io::Write as _;

use ms_offcrypto_writer::Ecma376AgileWriter;
use muster_core::finding::Family;
use muster_core::map::Reject;
use muster_core::prompt::Which;
use muster_core::report::{Lang, ReportColumn};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

use crate::digest::CardText;
use crate::night::Night;
use crate::store::trend::TrendNight;
use crate::store::work::Worked;
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

/// What goes into a workbook.
pub struct Book<'a> {
    /// The night, or the share of it that its reader may see.
    pub night: &'a Night,
    /// What the rule cards say.
    pub cards: &'a [CardText],
    /// How it is written.
    pub settings: &'a SheetSettings,
    /// Who took it out, when and what for; null for the night's own report.
    pub mark: Option<&'a str>,
    /// For whom it is.
    pub reader: BookReader<'a>,
}

/// For whom a workbook is: what stands in it beside, or instead of, the night's own sheets.
pub enum BookReader<'a> {
    /// Nobody in particular: everything of the night.
    Night,
    /// Who works with the cases: the worklist before them.
    Reviewer(&'a [Worked]),
    /// Leaders: the tables and the trend, and nobody by name.
    Leaders(&'a [TrendNight]),
    /// The owner of a department's data: what could not be read of it.
    Owner(&'a [(String, Vec<Reject>)]),
}

/// The workbook's bytes.
pub fn workbook(it: &Book) -> Result<Vec<u8>, XlsxError> {
    let Book { night, cards, settings, mark, reader } = it;
    let mut book = Workbook::new();
    book.set_properties(&properties(night, settings.lang, *mark)?);
    let look = Look::new(settings.lang, night, *mark);
    let cases = |book: &mut Workbook| -> Result<(), XlsxError> {
        for family in Family::ALL.into_iter().filter(|family| night.cases.iter().any(|it| it.family == *family)) {
            cases::write(book.add_worksheet(), night, family, settings, &look)?;
        }
        Ok(())
    };
    let tables = |book: &mut Workbook| -> Result<(), XlsxError> {
        quota::write(book.add_worksheet(), night, &look)?;
        for table in night.tables.iter().filter(|it| it.table != Which::Quota) {
            prompt::write(book.add_worksheet(), table, &look)?;
        }
        if let Some(card) = &night.pefa {
            pefa::write(book.add_worksheet(), card, &look)?;
        }
        Ok(())
    };
    if !matches!(reader, BookReader::Owner(_)) {
        cover::write(book.add_worksheet(), night, &look)?;
    }
    match reader {
        BookReader::Night => {
            cases(&mut book)?;
            tables(&mut book)?;
        }
        BookReader::Reviewer(work) => {
            work::write(book.add_worksheet(), night, work, &look)?;
            work::overdue(book.add_worksheet(), night, work, &look)?;
            work::decided(book.add_worksheet(), night, work, &look)?;
            cases(&mut book)?;
            tables(&mut book)?;
        }
        BookReader::Leaders(trend) => {
            tables(&mut book)?;
            trend::write(book.add_worksheet(), trend, &look)?;
            return book.save_to_buffer();
        }
        BookReader::Owner(rejects) => owner::write(book.add_worksheet(), rejects, &look)?,
    }
    quality::write(book.add_worksheet(), night, &look)?;
    if !matches!(reader, BookReader::Owner(_)) {
        rules::write(book.add_worksheet(), night, cards, &look)?;
    }
    if matches!(reader, BookReader::Reviewer(_)) {
        work::codes(book.add_worksheet(), &look)?;
    }
    book.save_to_buffer()
}

/// A workbook under a password, as Excel and WPS open it (agile encryption of MS-OFFCRYPTO, AES-256).
pub fn with_password(clear: &[u8], password: &str) -> std::io::Result<Vec<u8>> {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut writer = Ecma376AgileWriter::create(&mut rand_of_workbooks::rng(), password, &mut out)?;
    writer.write_all(clear)?;
    Ok(writer.into_inner()?.get_ref().clone())
}

/// Excel would write the wall clock here; the night is the only date that belongs to the night.
fn properties(night: &Night, lang: Lang, mark: Option<&str>) -> Result<DocProperties, XlsxError> {
    let title = format!("{} {} {}", lang.of(&night.city), look::report_name(lang), night.tonight);
    Ok(DocProperties::new()
        .set_title(title)
        .set_subject(lang.pick("疑似线索，待核实", "Leads, to be verified"))
        .set_author("muster")
        .set_keywords(night.tonight.to_string())
        .set_comment(format!(
            "{}{}",
            lang.pick("含个人信息，请按规定保管、使用和销毁。", "Holds personal data: keep, use and destroy as prescribed."),
            mark.map(|it| format!(" {it}")).unwrap_or_default()
        ))
        .set_creation_datetime(&ExcelDateTime::parse_from_str(&night.tonight.to_string())?)
        .set_custom_property("night", night.tonight.to_string()))
}

#[cfg(test)]
mod tests;
