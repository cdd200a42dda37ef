//! The nearest known name to a wrong one, for hints.

use crate::{Said, said};

/// The known name closest to `wrong`, when it is close enough to be a slip of the hand.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|it| (strsim::osa_distance(wrong, it), it))
        .filter(|(distance, it)| *distance <= it.chars().count() / 3 + 1)
        .min()
        .map(|(_, it)| it)
}

/// The one of `cells` that has more than half of a name in common with `wanted`: so much no person's name has with a heading.
pub(crate) fn alike<'a>(wanted: &str, cells: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = |it: &str| it.chars().count();
    let near = |it: &&str| strsim::osa_distance(wanted, it) * 2 < length(wanted).max(length(it));
    cells.into_iter().find(near)
}

/// "did you mean …?", or all that is known when nothing is close.
pub(crate) fn did_you_mean<'a, I: Iterator<Item = &'a str> + Clone>(wrong: &str, known: I) -> Said {
    match nearest(wrong, known.clone()) {
        Some(it) => said!("是不是 `{it}`？", "did you mean `{it}`?"),
        None => {
            let list = list(known);
            said!("已知的有 {}", "known are {}"; list)
        }
    }
}

/// The first names of a list, and how many more there are.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Said {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    let first: Vec<String> = names.iter().take(SHOWN).map(|it| format!("`{it}`")).collect();
    let (zh, en, more) = (first.join("、"), first.join(", "), names.len().saturating_sub(SHOWN));
    if more > 0 { Said { zh: format!("{zh} 等，另有 {more} 个"), en: format!("{en} and {more} more") } } else { Said { zh, en } }
}
