//! What every database asks of a table's columns before it is read.

use crate::heading::as_asked;
use crate::{Ask, Failure, PLACE_COLUMNS, Place, Said, Since, near, said};

/// Refuses a query that gives one name twice: a mapping could not tell which it means.
pub(crate) fn named_apart(place: &Place, ask: &Ask, names: &[String]) -> Result<(), Failure> {
    match names.iter().enumerate().find(|(at, it)| names[..*at].contains(it)) {
        None => Ok(()),
        Some((_, twice)) => {
            let failure =
                place.failure(&ask.table, said!("查询给出了两个名为 `{twice}` 的列", "the query gives two columns called `{twice}`"));
            Err(failure.hint(said!("用 AS 取不同的名称", "name them apart with AS")))
        }
    }
}

/// Refuses a table that has none of the columns which the mapping names; `besides` stands behind those that there are.
pub(crate) fn has_a_mapped_one(place: &Place, ask: &Ask, names: &[String], besides: &Said) -> Result<(), Failure> {
    let mut wanted = ask.columns.iter().filter(|it| !PLACE_COLUMNS.contains(&it.as_str())).peekable();
    if wanted.peek().is_none() || wanted.any(|it| as_asked(it, names).is_some()) {
        return Ok(());
    }
    let failure = place.failure(&ask.table, said!("表中没有映射用到的任何一列", "the table has none of the mapped columns"));
    let there = near::list(names.iter().map(String::as_str));
    Err(failure.hint(said!("它的列有 {}{}", "its columns are {}{}"; there, besides)))
}

/// Where the column of an incremental pull stands: the one of this name, else the one that differs in capitals only.
pub(crate) fn since(place: &Place, ask: &Ask, since: &Since, names: &[String]) -> Result<usize, Failure> {
    let exact = names.iter().position(|it| *it == since.column);
    exact.or_else(|| names.iter().position(|it| it.eq_ignore_ascii_case(&since.column))).ok_or_else(|| {
        let failure = place.failure(&ask.table, said!("没有用于增量取数的列 `{}`", "there is no column `{}` to pull since", since.column));
        failure.hint(near::did_you_mean(&since.column, names.iter().map(String::as_str)))
    })
}
