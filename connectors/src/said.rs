//! What is told to an operator, in both languages and in one place: each sentence is written once in Chinese and once in English, side by
//! side where the trouble is met, with the same facts in it. Who shows it picks a language.

use std::ops::Deref;

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// `said!("{rows} 行", "{rows} rows")`: a [`Said`] whose facts stand in both sentences; more facts may follow, as in `format!`. Behind a
/// semicolon stand sentences, each of which goes into its own language: `said!("已知的有 {}", "known are {}"; list)`. A sentence cannot be
/// a fact: it has no form for both languages.
macro_rules! said {
    ($zh:literal, $en:literal $(, $fact:expr)* $(; $($said:expr),+)? $(,)?) => {
        $crate::Said { zh: format!($zh $(, $fact)* $(, $(($said).zh),+)?), en: format!($en $(, $fact)* $(, $(($said).en),+)?) }
    };
}
pub(crate) use said;

impl Said {
    /// What others say, in whatever language they do: the words of a server, a name.
    pub fn plain(text: impl Into<String>) -> Said {
        let text = text.into();
        Said { zh: text.clone(), en: text }
    }

    /// This, then `why` behind a colon.
    #[must_use]
    pub(crate) fn because(&self, why: &Said) -> Said {
        Said { zh: format!("{}：{}", self.zh, why.zh), en: format!("{}: {}", self.en, why.en) }
    }
}

/// The English sentence, for logs and tests. It cannot be a fact of another sentence: there is no `Display`.
impl Deref for Said {
    type Target = str;

    fn deref(&self) -> &str {
        &self.en
    }
}

impl PartialEq<&str> for Said {
    fn eq(&self, other: &&str) -> bool {
        self.en == *other
    }
}

/// The English sentence, where a mistake in a file has one language.
impl From<Said> for String {
    fn from(said: Said) -> String {
        said.en
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Said {
        Said::plain(text)
    }
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said::plain(text)
    }
}
