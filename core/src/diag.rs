//! One error shape for every file a person writes: what is wrong, where, and what to try.

use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

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
    pub fn mistake(&self, at: Range<usize>, what: impl Into<String>, label: impl Into<String>) -> Mistake {
        let start = at.start.min(self.text.len());
        let end = at.end.clamp(start, self.text.len());
        let before = self.text.get(..start).unwrap_or(&self.text);
        Mistake {
            what: what.into(),
            source_code: NamedSource::new(&self.path, self.text.clone()),
            at: (start..end).into(),
            label: label.into(),
            try_this: None,
            line: before.matches('\n').count() + 1,
        }
    }
}

impl Mistake {
    /// The same mistake with a hint.
    #[must_use]
    pub fn try_this(mut self, hint: impl Into<String>) -> Mistake {
        self.try_this = Some(hint.into());
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
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(wrong, known).map_or_else(|| otherwise.to_owned(), |it| format!("did you mean `{it}`?"))
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
