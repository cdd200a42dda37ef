//! The nearest known name to a wrong one, for hints.

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
pub(crate) fn did_you_mean<'a, I: Iterator<Item = &'a str> + Clone>(wrong: &str, known: I) -> String {
    nearest(wrong, known.clone()).map_or_else(|| format!("known are {}", list(known)), |it| format!("did you mean `{it}`?"))
}

/// The first names of a list, and how many more there are.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    let text = names.iter().take(SHOWN).map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{text} and {} more", names.len() - SHOWN) } else { text }
}
