//! Where a name, a text, a number or a record ends, however the answer is cut into pieces.

/// What a piece of an answer begins in the middle of: a name, a text, a number, or a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    pub what: What,
    /// Open lists and objects of a record.
    depth: usize,
    text: bool,
    escaped: bool,
    /// A number or a word, which ends where something else begins.
    pub bare: bool,
}

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Key,
    Record,
    /// A value for these pointers; 0 for a value that nobody wants.
    Value(u64),
}

impl Inside {
    /// At its first byte.
    pub(crate) fn at(what: What, byte: u8) -> Inside {
        let bare = !matches!(byte, b'"' | b'{' | b'[');
        Inside { what, depth: 0, text: false, escaped: false, bare }
    }

    /// How many of these bytes still belong to it, when it ends in them.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.bare {
            return bytes.iter().position(|it| matches!(it, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n'));
        }
        for (at, byte) in bytes.iter().enumerate() {
            if self.text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.text = false;
                        if self.depth == 0 {
                            return Some(at + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Whether it is a number, true, false or null.
pub(crate) fn is_bare(json: &[u8]) -> bool {
    matches!(json, b"true" | b"false" | b"null") || is_number(json)
}

/// RFC 8259, section 6.
fn is_number(json: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|it| it.is_ascii_digit()).count();
    let rest = json.strip_prefix(b"-").unwrap_or(json);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one() {
        for good in ["0", "-0.10", "20000000000000000001", "1E+5"] {
            assert!(is_bare(good.as_bytes()), "{good}");
        }
        for bad in ["01", "1.", ".5", "+1", "NaN", "1e", "True", ""] {
            assert!(!is_bare(bad.as_bytes()), "{bad}");
        }
    }
}
