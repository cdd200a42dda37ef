//! Bytes of a text file as text, a piece at a time.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_8};

use crate::cell;

/// Stands before every `\xNN` that is written for an undecodable byte. A noncharacter: no text holds it.
pub(crate) const MARK: char = '\u{fdd0}';

const CHUNK_BYTES: usize = 256 * 1024;
/// No encoding has longer characters than this; so many bytes of the chunk before are kept to show a character that was cut.
const KEPT_BYTES: usize = 8;

/// A text file being decoded.
pub(crate) struct TextReader {
    file: File,
    decoder: Decoder,
    /// The last bytes of the chunk before, and the chunk.
    bytes: Vec<u8>,
    ended: bool,
    /// Whether anything so far could not be decoded.
    pub broken: bool,
    /// Whether the file ends in the middle of a character.
    pub cut: bool,
}

impl TextReader {
    /// The file from its beginning; a byte order mark is left out.
    pub(crate) fn open(path: &Path, encoding: &'static Encoding) -> io::Result<TextReader> {
        let decoder = encoding.new_decoder_with_bom_removal();
        Ok(TextReader { file: File::open(path)?, decoder, bytes: Vec::new(), ended: false, broken: false, cut: false })
    }

    /// Appends the next piece of text; false at the end of the file.
    pub(crate) fn read(&mut self, text: &mut String) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let kept = self.bytes.len().min(KEPT_BYTES);
        self.bytes.drain(..self.bytes.len() - kept);
        self.bytes.resize(kept + CHUNK_BYTES, 0);
        let read = self.file.read(&mut self.bytes[kept..])?;
        self.bytes.truncate(kept + read);
        self.ended = read == 0;
        self.decode(kept, text);
        Ok(true)
    }

    fn decode(&mut self, mut at: usize, text: &mut String) {
        loop {
            let source = &self.bytes[at..];
            text.reserve(self.decoder.max_utf8_buffer_length_without_replacement(source.len()).unwrap_or(source.len() * 3) + KEPT_BYTES);
            let (result, read) = self.decoder.decode_to_string_without_replacement(source, text, self.ended);
            at += read;
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(len, after) => {
                    self.broken = true;
                    self.cut = self.ended;
                    let end = at.saturating_sub(usize::from(after));
                    write_bytes(&self.bytes[end.saturating_sub(usize::from(len))..end], text);
                }
            }
        }
    }
}

/// Appends what `bytes` say in an encoding, undecodable ones as `\xNN`; false when there are such.
pub(crate) fn push_decoded(encoding: &'static Encoding, bytes: &[u8], out: &mut String) -> bool {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let (mut at, mut whole) = (0, true);
    loop {
        let rest = &bytes[at..];
        out.reserve(decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3));
        let (result, read) = decoder.decode_to_string_without_replacement(rest, out, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => return whole,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(len, after) => {
                whole = false;
                let end = at.saturating_sub(usize::from(after));
                for byte in &bytes[end.saturating_sub(usize::from(len))..end] {
                    cell::append(out, &format_args!("\\x{byte:02X}"));
                }
            }
        }
    }
}

fn write_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        cell::append(text, &format_args!("{MARK}\\x{byte:02X}"));
    }
}

/// What a file is written in: what its byte order mark says; else UTF-8, if it is that; else GB18030, of which GBK and GB2312 are parts.
///
/// A file of UTF-8 with a few bad bytes is still UTF-8: its rows that hold them are told, and the others read rightly.
pub(crate) fn detect(path: &Path) -> io::Result<&'static Encoding> {
    if let Some(encoding) = by_mark(path)? {
        return Ok(encoding);
    }
    let mut file = File::open(path)?;
    let (mut bytes, mut good, mut bad) = (Vec::new(), 0, 0);
    loop {
        let kept = bytes.len();
        bytes.resize(kept + CHUNK_BYTES, 0);
        let read = file.read(&mut bytes[kept..])?;
        bytes.truncate(kept + read);
        let rest = count_utf8(&bytes, read == 0, &mut good, &mut bad);
        bytes.drain(..bytes.len() - rest);
        // In GBK hardly any character is good UTF-8: the first thousand bad ones decide, or so many good ones that it cannot be chance.
        if read == 0 || bad > 1000 && bad * 20 > good || good > 200_000 {
            return Ok(if bad * 20 > good { GB18030 } else { UTF_8 });
        }
    }
}

/// What the file's byte order mark says; null without.
pub(crate) fn by_mark(path: &Path) -> io::Result<Option<&'static Encoding>> {
    let mut beginning = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut beginning)?;
    Ok(Encoding::for_bom(&beginning).map(|(encoding, _)| encoding))
}

/// Counts the characters beyond ASCII that are good UTF-8, and the places that are not. Gives how many bytes at the end are left over.
fn count_utf8(bytes: &[u8], ended: bool, good: &mut usize, bad: &mut usize) -> usize {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                *good += beyond_ascii(text.as_bytes());
                return 0;
            }
            Err(error) => {
                *good += beyond_ascii(&rest[..error.valid_up_to()]);
                rest = &rest[error.valid_up_to()..];
                match error.error_len() {
                    Some(len) => rest = &rest[len..],
                    None if ended => rest = &[],
                    None => return rest.len(),
                }
                *bad += 1;
            }
        }
    }
}

fn beyond_ascii(utf8: &[u8]) -> usize {
    utf8.iter().filter(|it| **it >= 0xc0).count()
}

#[cfg(test)]
mod tests {
    use encoding_rs::{UTF_16BE, UTF_16LE};

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        std::fs::write(file.path(), bytes).expect("to write it");
        file
    }

    fn decoded(bytes: &[u8], encoding: &'static Encoding) -> (String, bool) {
        let file = file(bytes);
        let mut reader = TextReader::open(file.path(), encoding).expect("to open it");
        let mut text = String::new();
        while reader.read(&mut text).expect("to read it") {}
        (text, reader.broken)
    }

    fn check(bytes: &[u8], expected: &'static Encoding) {
        assert_eq!(detect(file(bytes).path()).expect("to read it"), expected);
    }

    #[test]
    fn gb18030_is_read_whole() {
        // GB 18030-2022: 䶮 has a place of two bytes (FE9F), 𠮷 one of four; · is A1A4.
        assert_eq!(decoded(b"\xfe\x9f\x95\x34\xb2\x35\xa1\xa4", GB18030), ("䶮𠮷·".to_owned(), false));
    }

    #[test]
    fn what_is_no_text_is_shown_byte_by_byte() {
        assert_eq!(decoded(b"a\xff,b", GB18030), (format!("a{MARK}\\xFF,b"), true));
        assert_eq!(decoded(b"a\xd5", GB18030), (format!("a{MARK}\\xD5"), true));
        assert_eq!(decoded(b"a\xe5\xbc,b", UTF_8), (format!("a{MARK}\\xE5{MARK}\\xBC,b"), true));
    }

    #[test]
    fn characters_may_stand_across_chunks() {
        for pad in 0..4 {
            let mut bytes = vec![b'a'; CHUNK_BYTES - pad];
            bytes.extend(b"\x95\x34\xb2\x35\xff\xff");
            let (text, _) = decoded(&bytes, GB18030);
            assert!(text.ends_with(&format!("a𠮷{MARK}\\xFF{MARK}\\xFF")), "{pad}");
        }
    }

    #[test]
    fn encodings_are_told_apart() {
        check("姓名,张伟".as_bytes(), UTF_8);
        check("\u{feff}姓名".as_bytes(), UTF_8);
        check(b"name", UTF_8);
        check(&GB18030.encode("姓名,张伟").0, GB18030);
        check(b"\xff\xfe\x31\x00", UTF_16LE);
        check(b"\xfe\xff\x00\x31", UTF_16BE);
        let mut nearly = "姓名,张伟\n".repeat(100).into_bytes();
        nearly.extend(b"\xff\xfe");
        check(&nearly, UTF_8);
    }
}
