//! The two languages of everything that `muster` says, and how numbers and columns are set in a terminal.

use std::fmt::Write;

pub use muster_core::report::Lang;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Reads `--lang`.
pub fn lang(text: &str) -> Result<Lang, String> {
    match text {
        "zh" => Ok(Lang::Zh),
        "en" => Ok(Lang::En),
        _ => Err("zh or en".to_owned()),
    }
}

/// `12,345`.
pub fn count(number: impl TryInto<i64>) -> String {
    let number: i64 = number.try_into().unwrap_or(i64::MAX);
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Fen as `6,234.70`.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", count(i64::try_from(fen / 100).unwrap_or(i64::MAX)), fen % 100)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// One line of at most `max` characters, whatever a name holds: what would break a line, set it backwards or hide in it becomes a blank.
pub fn one_line(text: &str, max: usize) -> String {
    let blank = |it: char| {
        it.is_control() || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let line: String = text.chars().map(|it| if blank(it) { ' ' } else { it }).collect();
    let line = line.trim();
    if line.chars().count() <= max { line.to_owned() } else { line.chars().take(max.saturating_sub(1)).chain(['…']).collect() }
}

/// Pads `text` to `width` columns of a terminal, in which a Chinese character takes two.
pub fn pad(text: &str, width: usize) -> String {
    let used = text.width();
    format!("{text}{}", " ".repeat(width.saturating_sub(used)))
}

/// The same, with the blanks before the text.
pub fn pad_left(text: &str, width: usize) -> String {
    let used = text.width();
    format!("{}{text}", " ".repeat(width.saturating_sub(used)))
}

/// How wide running text is set.
pub const WIDTH: usize = 96;

/// Running text below `first`, which stands before its first line.
pub fn wrapped(out: &mut String, first: &str, text: &str) {
    let indent = first.width();
    let mut lines = vec![String::new()];
    for word in words_of(text) {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() || indent + line.width() + word.trim_end().width() <= WIDTH {
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    for (at, line) in lines.iter().enumerate() {
        let before = if at == 0 { first } else { &" ".repeat(indent) };
        let _ = writeln!(out, "{before}{}", line.trim_end());
    }
}

/// The pieces between which a line may break: words with the blank behind them, single Chinese characters with the
/// punctuation that must not begin a line.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for it in text.chars() {
        let wide = it.width() == Some(2);
        let hangs = "，。；：、）》」”！？".contains(it);
        match words.last_mut() {
            Some(word) if hangs || (open && !wide) => word.push(it),
            _ => words.push(it.to_string()),
        }
        open = !wide && !it.is_whitespace();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(-999), "-999");
        assert_eq!(yuan(623_470), "6,234.70");
        assert_eq!(yuan(-5), "-0.05");
        assert_eq!(pad("编制", 6), "编制  ");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(one_line("市水文站\r\nBcc: all\u{2028}x\u{202e}y", 60), "市水文站  Bcc: all x y");
        assert_eq!(one_line(&"长".repeat(70), 60).chars().count(), 60);
    }
}
