//! Texts of JSON as they are meant, and records that are none as they stand.

use crate::{Said, said};

/// Appends a text with its escapes resolved (RFC 8259, section 7).
pub(crate) fn unescape(text: &str, out: &mut String) -> Result<(), Said> {
    let odd = || said!("其中的文本有无意义的转义", "a text in it has an escape that means nothing");
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.as_bytes().get(at + 1).ok_or_else(odd)?;
        let simple = match code {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (letter, length) = code_point(&rest[at..]).ok_or_else(odd)?;
                out.push(letter);
                rest = &rest[at + length..];
                continue;
            }
            _ => return Err(odd()),
        };
        out.push(simple);
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    Ok(())
}

/// The letter of `\uXXXX`, or of two of them, and how long that is. None for half a letter.
fn code_point(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|it| it.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let first = unit(0)?;
    if !(0xd800..0xe000).contains(&first) {
        return char::from_u32(first).map(|it| (it, 6));
    }
    let second = unit(6).filter(|it| first < 0xdc00 && (0xdc00..0xe000).contains(it))?;
    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|it| (it, 12))
}

/// A record that cannot be read, as it stands; what is no text as `\xNN`. `marked` says that `body` put 0xFF before every byte that its
/// charset does not have.
pub(crate) fn as_it_stands(record: &[u8], marked: bool) -> String {
    let mut shown = String::with_capacity(record.len());
    let mut after_mark = false;
    for chunk in record.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if std::mem::take(&mut after_mark) {
                shown.push_str(&format!("\\x{:02X}", u32::from(letter)));
            } else {
                shown.push(letter);
            }
        }
        for byte in chunk.invalid() {
            after_mark = marked && *byte == 0xff && !after_mark;
            if !after_mark {
                shown.push_str(&format!("\\x{byte:02X}"));
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_by_its_bytes() {
        assert_eq!(as_it_stands(b"{\"a\":\"\xb3\xc2\"}", false), "{\"a\":\"\\xB3\\xC2\"}");
        assert_eq!(as_it_stands(b"a\xff\x81\xff\xff\xff\x20b", true), "a\\x81\\xFF\\x20b");
    }
}
