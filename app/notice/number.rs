//! 发文字号: the number of an official document.

use std::fmt;

use crate::words::Lang;

/// `嵊编办〔2026〕12号`: who issues, the year, and which document of the year. GB/T 9704-2012, 7.2.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentNumber {
    agency: String,
    year: u16,
    serial: u32,
}

/// What people write in place of 〔 and 〕.
const OTHER_BRACKETS: [(&str, &str); 7] = [("[", "]"), ("(", ")"), ("（", "）"), ("［", "］"), ("【", "】"), ("{", "}"), ("<", ">")];

impl DocumentNumber {
    /// Reads one; what is wrong is told with what to write.
    pub fn read(text: &str, lang: Lang) -> Result<DocumentNumber, String> {
        let text = text.trim();
        if let Some(read) = strictly(text) {
            return Ok(read);
        }
        let mended = mended(text).filter(|it| strictly(it).is_some());
        let rule = lang.pick(
            "发文字号应为：机关代字、六角括号〔〕括入的四位年份、不加“第”不编虚位的序号、“号”",
            "a document number is the agency's short name, the year of four digits in 〔〕, the serial without leading zeros, and 号",
        );
        let like = mended.unwrap_or_else(|| "嵊编办〔2026〕12号".to_owned());
        Err(format!("`{text}`: {rule}{}{like}", lang.pick("；如 ", "; like ")))
    }

    /// The number that many documents further on.
    #[must_use]
    pub fn plus(&self, more: usize) -> DocumentNumber {
        DocumentNumber { serial: self.serial.saturating_add(u32::try_from(more).unwrap_or(u32::MAX)), ..self.clone() }
    }
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}〔{}〕{}号", self.agency, self.year, self.serial)
    }
}

fn strictly(text: &str) -> Option<DocumentNumber> {
    let (agency, rest) = text.split_once('〔')?;
    let (year, rest) = rest.split_once('〕')?;
    let serial = rest.strip_suffix('号')?;
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let is_agency = !agency.is_empty() && agency.chars().all(char::is_alphanumeric);
    if !is_agency || year.len() != 4 || !digits(year) || !digits(serial) || serial.starts_with('0') {
        return None;
    }
    Some(DocumentNumber { agency: agency.to_owned(), year: year.parse().ok()?, serial: serial.parse().ok()? })
}

/// The same with the right brackets, without blanks, 第 and leading zeros.
fn mended(text: &str) -> Option<String> {
    let mut text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    for (open, close) in OTHER_BRACKETS {
        text = text.replace(open, "〔").replace(close, "〕");
    }
    let (before, serial) = text.split_once('〕')?;
    let serial = serial.trim_start_matches('第').trim_start_matches('0').trim_end_matches('号');
    Some(format!("{before}〕{serial}号"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_is_read_and_printed_as_it_was() {
        for text in ["嵊编办〔2026〕12号", "浙委编〔2026〕1号", "AB〔2026〕130号"] {
            assert_eq!(DocumentNumber::read(text, Lang::Zh).expect(text).to_string(), text);
        }
        let ninth = DocumentNumber::read("嵊编办〔2026〕9号", Lang::Zh).expect("right");
        assert_eq!(ninth.plus(2).to_string(), "嵊编办〔2026〕11号");
    }

    #[test]
    fn what_is_wrong_is_told_with_what_to_write() {
        for text in [
            "嵊编办[2026]12号",
            "嵊编办（2026）12号",
            "嵊编办〔2026〕第12号",
            "嵊编办〔2026〕012号",
            "嵊编办 【2026】 12 号",
            "嵊编办〔2026〕12",
        ] {
            let told = DocumentNumber::read(text, Lang::En).expect_err(text);
            assert!(told.contains("〔〕") && told.ends_with("嵊编办〔2026〕12号"), "{told}");
        }
        for text in ["", "12号", "〔2026〕12号", "嵊编办〔26〕12号", "嵊编办〔2026〕0号", "嵊编办〔2026〕十二号"] {
            assert!(DocumentNumber::read(text, Lang::Zh).expect_err(text).contains("六角括号"), "{text}");
        }
    }
}
