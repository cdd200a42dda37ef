//! The cases as one table of text.

use encoding_rs::GB18030;
use muster_core::finding::Family;
use muster_core::report::{Cell, Style, tabulate};

use crate::digest;
use crate::night::Night;
use crate::sheet::SheetSettings;
use crate::words::yuan;

/// How text becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Encoding {
    /// UTF-8 with a byte order mark, so that spreadsheets know.
    #[default]
    Utf8,
    /// GB 18030.
    Gb18030,
}

/// A table: the head, then a line per case and rule, families one after another.
pub fn cases(night: &Night, settings: &SheetSettings) -> Vec<Vec<String>> {
    let (known, style) = (digest::known(night), Style { lang: settings.lang, full_ids: settings.full_ids });
    let grids: Vec<_> = Family::ALL.iter().map(|it| tabulate(&settings.columns, &night.cases, &known, *it, night.tonight, style)).collect();
    let head = grids.first().map(|it| it.heads.iter().map(|it| it.title.clone()).collect()).unwrap_or_default();
    let rows = grids.into_iter().flat_map(|it| it.rows).map(|row| row.iter().map(text).collect());
    std::iter::once(head).chain(rows).collect()
}

/// A cell as text. What a spreadsheet would take for a formula gets an apostrophe before it.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::Blank => String::new(),
        Cell::Text(it) if it.starts_with(['=', '+', '-', '@', '\t']) => format!("'{it}"),
        Cell::Text(it) => it.clone(),
        Cell::Number(it) => it.to_string(),
        Cell::Money(it) => yuan(*it).replace(',', ""),
        Cell::Date(it) => it.to_string(),
        Cell::Share(it) => format!("{it:.4}"),
    }
}

/// The table's bytes. `Err` names what the encoding does not have: nothing is ever replaced.
pub fn bytes(table: &[Vec<String>], encoding: Encoding) -> Result<Vec<u8>, Vec<char>> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in table {
        out.write_record(row).expect("rows of one table are as long as its head, and memory takes everything");
    }
    let utf8 = out.into_inner().expect("memory takes everything");
    let text = String::from_utf8(utf8).expect("texts are UTF-8");
    match encoding {
        Encoding::Utf8 => Ok(["\u{feff}".as_bytes(), text.as_bytes()].concat()),
        Encoding::Gb18030 => {
            let (bytes, _, unknown) = GB18030.encode(&text);
            if !unknown {
                return Ok(bytes.into_owned());
            }
            let mut lacking: Vec<char> = text.chars().filter(|it| GB18030.encode(&it.to_string()).2).collect();
            lacking.sort_unstable();
            lacking.dedup();
            Err(lacking)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_what_an_encoding_lacks_is_named() {
        let table = vec![vec!["姓名".to_owned(), "备注".to_owned()], vec!["𬱖 \"a\"".to_owned(), "一,二".to_owned()]];
        let utf8 = bytes(&table, Encoding::Utf8).expect("UTF-8 has everything");
        assert_eq!(String::from_utf8(utf8).expect("text"), "\u{feff}姓名,备注\r\n\"𬱖 \"\"a\"\"\",\"一,二\"\r\n");
        let gb = bytes(&table, Encoding::Gb18030).expect("rare characters are in it");
        assert_eq!(GB18030.decode(&gb).0, "姓名,备注\r\n\"𬱖 \"\"a\"\"\",\"一,二\"\r\n");
        assert_eq!(bytes(&[vec!["\u{e5e5}x".to_owned()]], Encoding::Gb18030), Err(vec!['\u{e5e5}']));
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(text(&Cell::Text("=HYPERLINK(\"x\")".into())), "'=HYPERLINK(\"x\")");
        assert_eq!(text(&Cell::Money(-123_456)), "-1234.56");
        assert_eq!(text(&Cell::Text("330623198001012318".into())), "330623198001012318");
    }
}
