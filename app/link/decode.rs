//! The bytes of a file of people as text, never with a letter replaced in silence.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8, WINDOWS_1252};

use crate::words::Lang;

/// The text, and the name of the encoding it was written in.
///
/// `told` is believed. Otherwise a byte order mark is; what is UTF-8 is UTF-8; single letters above ASCII inside words of ASCII are
/// Western European; the rest is GB 18030, in which old exports are written.
pub fn decode<'a>(bytes: &'a [u8], told: Option<&'static Encoding>, lang: Lang) -> Result<(Cow<'a, str>, &'static str), String> {
    let marked = Encoding::for_bom(bytes);
    let bytes = marked.map_or(bytes, |(_, length)| &bytes[length..]);
    let encoding = told.or(marked.map(|it| it.0)).unwrap_or_else(|| guess(bytes));
    match strictly(bytes, encoding) {
        Ok(text) => Ok((text, encoding.name())),
        Err(line) => Err(lang.pick(
            format!("第 {line} 行：不是有效的 {} 文本；可用 --encoding 指明编码（如 gb18030、windows-1252、big5）", encoding.name()),
            format!("line {line}: not valid {}; name the encoding with --encoding (as gb18030, windows-1252, big5)", encoding.name()),
        )),
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else if western(bytes) {
        WINDOWS_1252
    } else {
        GB18030
    }
}

/// `Pérez` has one high byte between letters; Hanzi are two and mostly come together.
fn western(bytes: &[u8]) -> bool {
    let letter = |at: Option<usize>| at.and_then(|it| bytes.get(it)).is_some_and(u8::is_ascii_alphabetic);
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|it| *it >= 0x80).map(|it| at + it) {
        let length = bytes[start..].iter().take_while(|it| **it >= 0x80).count();
        at = start + length;
        if length > 2 || !(letter(start.checked_sub(1)) || letter(Some(at))) {
            return false;
        }
    }
    true
}

/// The text, or the line of the first byte that is wrong.
fn strictly<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Result<Cow<'a, str>, usize> {
    let line = |at: usize| bytes[..at.min(bytes.len())].split(|it| *it == b'\n').count();
    if encoding == UTF_8 {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|err| line(err.valid_up_to()));
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let length = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len());
    let mut text = String::with_capacity(length);
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(Cow::Owned(text)),
        // A byte that ended a line may have been taken for the second half of a letter.
        (_, read) => Err(line(read.saturating_sub(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<(&str, &str), &str>) {
        match (decode(bytes, None, Lang::En), expected) {
            (Ok((text, name)), Ok(expected)) => assert_eq!((text.as_ref(), name), expected),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (got, expected) => panic!("{got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn encodings_are_told_apart() {
        check("王秀英,女".as_bytes(), Ok(("王秀英,女", "UTF-8")));
        check("\u{feff}王".as_bytes(), Ok(("王", "UTF-8")));
        check(&GB18030.encode("王秀英,女\n").0, Ok(("王秀英,女\n", "gb18030")));
        check(&GB18030.encode("Ann,男\n").0, Ok(("Ann,男\n", "gb18030")));
        check(b"P\xe9rez,Mu\xf1oz\n", Ok(("Pérez,Muñoz\n", "windows-1252")));
        check(&[0xff, 0xfe, b'A', 0, b'\n', 0], Ok(("A\n", "UTF-16LE")));
        check(b"a\nb\n\xff\xff\xff\xff\n", Err("line 3"));
        assert!(decode("王".as_bytes(), Some(encoding_rs::BIG5), Lang::Zh).is_err_and(|it| it.contains("第 1 行")));
    }
}
