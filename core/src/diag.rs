//! One error shape for every file a person writes: what is wrong, where, and what to try.

use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// `said!("{rows} 行", "{rows} rows")`: a [`Said`] whose facts stand in both sentences. Behind a semicolon stand sentences, each of which
/// goes into its own language.
#[macro_export]
macro_rules! said {
    ($zh:literal, $en:literal $(, $fact:expr)* $(; $($said:expr),+)? $(,)?) => {
        $crate::diag::Said { zh: format!($zh $(, $fact)* $(, $(($said).zh),+)?), en: format!($en $(, $fact)* $(, $(($said).en),+)?) }
    };
}
pub use said;

/// What has one form in both: names, quotations, the words of others.
impl From<String> for Said {
    fn from(text: String) -> Said {
        Said { zh: text.clone(), en: text }
    }
}

impl From<&String> for Said {
    fn from(text: &String) -> Said {
        text.as_str().into()
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Said {
        text.to_owned().into()
    }
}

/// A mistake in a mapping, a rule card or the config, shown with the line it is on.
#[derive(Clone, Debug, Error, Diagnostic)]
#[error("{what}")]
pub struct Mistake {
    /// What is wrong, in one line.
    pub what: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("{label}")]
    at: SourceSpan,
    label: String,
    #[help]
    try_this: Option<String>,
    line: usize,
    zh: Chinese,
}

/// The same in Chinese.
#[derive(Clone, Debug)]
struct Chinese {
    what: String,
    label: String,
    try_this: Option<String>,
}

/// A text file that people write, kept whole so that a mistake can point into it.
#[derive(Clone, Debug)]
pub struct Source {
    /// How the operator finds it.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Source {
    /// A file at `path` that says `text`.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    /// A mistake at `at`, byte offsets into [`Source::text`].
    pub fn mistake(&self, at: Range<usize>, what: impl Into<Said>, label: impl Into<Said>) -> Mistake {
        let (what, label) = (what.into(), label.into());
        let start = at.start.min(self.text.len());
        let end = at.end.clamp(start, self.text.len());
        let before = self.text.get(..start).unwrap_or(&self.text);
        Mistake {
            what: what.en,
            source_code: NamedSource::new(&self.path, self.text.clone()),
            at: (start..end).into(),
            label: label.en,
            try_this: None,
            line: before.matches('\n').count() + 1,
            zh: Chinese { what: what.zh, label: label.zh, try_this: None },
        }
    }
}

impl Mistake {
    /// The same mistake with a hint.
    #[must_use]
    pub fn try_this(mut self, hint: impl Into<Said>) -> Mistake {
        let hint = hint.into();
        (self.try_this, self.zh.try_this) = (Some(hint.en), Some(hint.zh));
        self
    }

    /// The same mistake, told in Chinese.
    #[must_use]
    pub fn in_chinese(mut self) -> Mistake {
        (self.what, self.label, self.try_this) = (self.zh.what.clone(), self.zh.label.clone(), self.zh.try_this.clone());
        self
    }

    /// `file:line`, for lists and JSON.
    pub fn place(&self) -> String {
        format!("{}:{}", self.source_code.name(), self.line)
    }

    /// The line it begins on, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The hint, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.try_this.as_deref()
    }
}

/// A hint that names the closest of `known`, or `otherwise`.
pub fn perhaps<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>, otherwise: impl Into<Said>) -> Said {
    nearest(wrong, known).map_or_else(|| otherwise.into(), |it| said!("是不是 `{it}`？", "did you mean `{it}`?"))
}

/// The same in English alone.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    perhaps(wrong, known, otherwise).en
}

/// The known name closest to `wrong`, when it is close enough to be a slip of the hand.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|it| (strsim::osa_distance(wrong, it), it))
        .filter(|(distance, it)| *distance <= it.chars().count() / 3 + 1)
        .min()
        .map(|(_, it)| it)
}
