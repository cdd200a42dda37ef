//! What did not work, without anything in it that names a person or a secret.

use muster_connectors::odbc::line::{At, Request, Trouble};
use odbc_api::Error;

/// Why the helper stops.
pub enum Broken {
    /// Nobody reads any more.
    Pipe,
    /// The driver, or what was asked of it.
    Trouble(Trouble),
}

impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Broken {
        Broken::Pipe
    }
}

/// Longer words of a driver are cut.
const MESSAGE_MAX: usize = 300;
/// Longer numbers may be of a person.
const DIGITS_MAX: usize = 5;

/// A driver's error, while we were at something.
pub fn at(at: At) -> impl Fn(Error) -> Broken {
    move |error| {
        let (state, message) = match &error {
            Error::Diagnostics { record, .. }
            | Error::UnsupportedOdbcApiVersion(record)
            | Error::UnableToRepresentNull(record)
            | Error::OracleOdbcDriverDoesNotSupport64Bit(record)
            | Error::InvalidRowArraySize { record, .. } => (record.state.as_str().to_owned(), String::from_utf16_lossy(&record.message)),
            _ => (String::new(), String::new()),
        };
        Broken::Trouble(Trouble { at: at.clone(), state, message })
    }
}

/// No error of a driver: what was asked for cannot be.
pub fn refused(at: At) -> Broken {
    Broken::Trouble(Trouble { at, state: String::new(), message: String::new() })
}

/// Takes out of a message what must not be told.
pub struct Scrub {
    password: Option<String>,
}

impl Scrub {
    pub fn new(request: &Request) -> Scrub {
        Scrub { password: request.password.clone().filter(|it| !it.is_empty()) }
    }

    /// The same trouble, fit to be shown. Words about values (classes 22 and 23) may quote any data, so nothing of them stays.
    pub fn trouble(&self, trouble: Trouble) -> Trouble {
        let message =
            if ["22", "23"].iter().any(|it| trouble.state.starts_with(it)) { String::new() } else { self.message(&trouble.message) };
        Trouble { message, ..trouble }
    }

    /// Without the password, texts in quotes, and long numbers; the first line, and not all of a long one.
    fn message(&self, message: &str) -> String {
        let hidden = self.password.as_ref().map_or_else(|| message.to_owned(), |it| message.replace(it.as_str(), "…"));
        let line = hidden.trim().lines().next().unwrap_or_default();
        let mut told = String::new();
        let mut rest = line;
        while let Some(start) = opening(rest) {
            told.push_str(&without_long_numbers(&rest[..start]));
            told.push_str("'…'");
            rest = rest[start + 1..].split_once('\'').map_or("", |(_, behind)| behind);
        }
        told.push_str(&without_long_numbers(rest));
        told.chars().take(MESSAGE_MAX).collect()
    }
}

/// Where a quote opens a text; in `Can't` none does.
fn opening(text: &str) -> Option<usize> {
    let behind_letter = |at: usize| text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    text.match_indices('\'').map(|(at, _)| at).find(|at| !behind_letter(*at))
}

fn without_long_numbers(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|it: char| it.is_ascii_digit()) {
        let digits = rest[start..].find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len() - start);
        told.push_str(&rest[..start]);
        told.push_str(if digits > DIGITS_MAX { "…" } else { &rest[start..start + digits] });
        rest = &rest[start + digits..];
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_nobody_and_no_secret() {
        let scrub = Scrub { password: Some("s3cret".to_owned()) };
        let check = |state: &str, message: &str, expected: &str| {
            let trouble = Trouble { at: At::Rows, state: state.to_owned(), message: message.to_owned() };
            assert_eq!(scrub.trouble(trouble).message, expected);
        };
        check("42P01", "ERROR: relation \"pay\" does not exist;\nError while executing", "ERROR: relation \"pay\" does not exist;");
        check("HY000", "bad '330683198001011234' near 33068319800101123X, s3cret (1)", "bad '…' near …X, … (1)");
        check("01000", "Can't open lib 'Oracle 23' : file not found", "Can't open lib '…' : file not found");
        check("22P02", "invalid input: \"张伟\"", "");
    }
}
