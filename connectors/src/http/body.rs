//! The body of an answer, piece by piece: unpacked, in UTF-8, within its limits.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::wire::told;
use crate::patience::Patience;
use crate::{Failure, Said, said};

/// A body under way.
pub(crate) struct Body {
    response: Response,
    /// For a charset that is not UTF-8.
    decoder: Option<Decoder>,
    begun: bool,
    read: u64,
    most: u64,
    patience: Patience,
}

impl Body {
    /// The body of `response`; `charset` overrules what its head says. An error names a charset that nobody knows.
    pub(crate) fn new(response: Response, charset: Option<&str>, most: u64, patience: Patience) -> Result<Body, Said> {
        let head = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let said = head.split(';').skip(1).find_map(|it| it.trim().strip_prefix("charset="));
        let name = charset.or(said).unwrap_or("utf-8").trim_matches('"');
        let encoding = Encoding::for_label(name.as_bytes()).ok_or_else(|| format!("no charset `{name}` is known"))?;
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Body { response, decoder, begun: false, read: 0, most, patience })
    }

    /// Whether bytes that the charset does not have are marked by 0xFF.
    pub(crate) fn is_marked(&self) -> bool {
        self.decoder.is_some()
    }

    /// The next piece; null at the end.
    pub(crate) async fn piece(&mut self, failure: &Failure) -> Result<Option<Bytes>, Failure> {
        let broke = |it| told(failure, &said!("应答中断", "the answer broke off"), it);
        let Some(mut piece) = self.patience.answer(failure, self.response.chunk(), broke).await? else {
            return Ok(None);
        };
        self.read += piece.len() as u64;
        if self.read > self.most {
            let why = said!("应答超过 {} MiB", "the answer is longer than {} MiB", self.most >> 20);
            return Err(Failure { why, ..failure.clone() }
                .hint(said!("上限由 `answer_mib_max` 设定；分页小些更好", "`answer_mib_max` sets the limit; smaller pages are better")));
        }
        if !self.begun {
            self.begun = true;
            piece = piece.strip_prefix(b"\xef\xbb\xbf").map_or(piece.clone(), |it| piece.slice_ref(it));
        }
        Ok(Some(match &mut self.decoder {
            Some(decoder) => Bytes::from(utf8(decoder, &piece)),
            None => piece,
        }))
    }
}

/// The piece in UTF-8. A byte that the charset does not have stays, after 0xFF, which no UTF-8 has: the record that holds it is told.
fn utf8(decoder: &mut Decoder, piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len() * 2);
    let mut rest = piece;
    loop {
        let mut part = String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3 + 16));
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut part, false);
        out.extend_from_slice(part.as_bytes());
        if let DecoderResult::Malformed(length, after) = result {
            let end = read.saturating_sub(usize::from(after));
            let bad = &rest[end.saturating_sub(usize::from(length))..end];
            for it in bad {
                out.extend([0xff, *it]);
            }
            if bad.is_empty() {
                out.extend([0xff, 0xff]);
            }
        }
        rest = &rest[read..];
        if rest.is_empty() && !matches!(result, DecoderResult::Malformed(..)) {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gbk_becomes_utf8_wherever_it_is_cut() {
        let (bytes, ..) = encoding_rs::GBK.encode("{\"姓名\":\"陈\\\"𠮷\"}");
        for size in [1, 2, 3, 100] {
            let mut decoder = encoding_rs::GB18030.new_decoder_without_bom_handling();
            let text: Vec<u8> = bytes.chunks(size).flat_map(|it| utf8(&mut decoder, it)).collect();
            assert_eq!(String::from_utf8_lossy(&text), encoding_rs::GB18030.decode(&bytes).0, "by {size}");
        }
    }

    #[test]
    fn what_gbk_does_not_have_is_marked() {
        let mut decoder = encoding_rs::GBK.new_decoder_without_bom_handling();
        let text = utf8(&mut decoder, b"\"a\xff\"");
        assert_eq!(text, b"\"a\xff\xff\"");
        assert_eq!(super::super::escape::as_it_stands(&text, true), "\"a\\xFF\"");
    }
}
