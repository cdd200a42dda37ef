//! The two languages of everything that `muster` says, and how numbers and columns are set in a terminal.

pub use muster_core::report::Lang;
use unicode_width::UnicodeWidthStr;

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
}
