//! JSON pointers (RFC 6901) and the text of a single value.

use std::fmt;

use serde::Deserialize;

use crate::{Said, said};

/// Where in an answer something stands: `/data/list`; empty for the answer itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pointer(Vec<String>);

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Pointer, String> {
        let Some(rest) = text.strip_prefix('/') else {
            let problem = || format!("`{text}` is no JSON pointer; write `/{}`", text.replace('.', "/"));
            return if text.is_empty() { Ok(Pointer::default()) } else { Err(problem()) };
        };
        Ok(Pointer(rest.split('/').map(|it| it.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(the whole answer)");
        }
        self.0.iter().try_for_each(|it| write!(f, "/{it}"))
    }
}

impl Pointer {
    /// The names on the way; numbers for places in a list.
    pub(crate) fn steps(&self) -> &[String] {
        &self.0
    }
}

/// A text, number or truth value as text. Null for JSON's null; an error for lists and objects.
pub(crate) fn plain(json: &[u8]) -> Result<Option<String>, Said> {
    match json.first() {
        Some(b'"') => serde_json::from_slice(json).map(Some).map_err(|_| said!("它不是文本", "it is no text")),
        Some(b'{' | b'[') => Err(said!("它是列表或对象", "it is a list or an object")),
        _ if json == b"null" => Ok(None),
        _ => Ok(Some(String::from_utf8_lossy(json).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_and_shown() {
        let pointer = Pointer::try_from("/data/a~1b/0".to_owned()).expect("a pointer");
        assert_eq!(pointer.steps(), ["data", "a/b", "0"]);
        assert!(Pointer::try_from("data.list".to_owned()).expect_err("no pointer").contains("/data/list"));
        assert_eq!(Pointer::try_from(String::new()), Ok(Pointer::default()));
    }

    #[test]
    fn a_plain_value_is_text() {
        assert_eq!(plain(b"\"a\\n\""), Ok(Some("a\n".to_owned())));
        assert_eq!(plain(b"20000000000000000001"), Ok(Some("20000000000000000001".to_owned())));
        assert_eq!(plain(b"null"), Ok(None));
        assert!(plain(b"{").is_err());
    }
}
