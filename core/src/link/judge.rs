//! Judgements: what reviewers have said of two rows, obeyed after every other pass.
//!
//! A row is what one feed says of one person, word for word, so that a judgement outlives the night. `same` is transitive: whoever is the
//! same as the same is the same. `different` inside such a chain is a contradiction and is refused, with the chain. `unsure` links nothing and leaves both
//! people in doubt, so that no rule accuses them by absence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::NaiveDate;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::identity::{NO_DAY, Said, day_number};
use super::linked::{Linked, Method, NOBODY};

/// What one feed says of one person, as it is kept in `identity`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row {
    /// `department/feed`.
    pub feed: String,
    /// As cleaned, empty without one.
    pub id_number: String,
    /// As the source writes it, empty without one.
    pub name: String,
    /// `male`, `female`, or empty.
    pub sex: String,
    /// The source's own birth date.
    pub birth_date: Option<NaiveDate>,
}

/// What is said of two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// One person.
    Same,
    /// Two people.
    Different,
    /// It cannot be told; both stay in doubt.
    Unsure,
}

/// One judgement that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Its number, by which it is withdrawn.
    pub number: i64,
    /// What was said.
    pub word: Word,
    /// Of this row,
    pub one: Row,
    /// and this one.
    pub other: Row,
}

/// The judgements that a new one contradicts, as a chain from one row to the other; `None` where it fits. `standing` hold no contradiction.
///
/// A `different` contradicts the chain of `same` that joins its rows. A `same` contradicts any `different` whose rows it would join: the chain is that
/// `different` and the `same` on both sides.
pub fn contradiction(standing: &[Judgement], word: Word, one: &Row, other: &Row) -> Option<Vec<i64>> {
    match word {
        Word::Unsure => None,
        Word::Different => chain(standing, one, other),
        Word::Same => standing.iter().filter(|it| it.word == Word::Different).find_map(|different| {
            let joined = |a: &Row, b: &Row| Some([chain(standing, one, a)?, vec![different.number], chain(standing, b, other)?].concat());
            joined(&different.one, &different.other).or_else(|| joined(&different.other, &different.one))
        }),
    }
}

/// The shortest chain of `same` from one row to another; empty from a row to itself.
fn chain(standing: &[Judgement], from: &Row, to: &Row) -> Option<Vec<i64>> {
    let mut ways: BTreeMap<&Row, Vec<(&Row, i64)>> = BTreeMap::new();
    for it in standing.iter().filter(|it| it.word == Word::Same) {
        ways.entry(&it.one).or_default().push((&it.other, it.number));
        ways.entry(&it.other).or_default().push((&it.one, it.number));
    }
    let mut seen = BTreeSet::from([from]);
    let mut next = VecDeque::from([(from, Vec::new())]);
    while let Some((row, path)) = next.pop_front() {
        if row == to {
            return Some(path);
        }
        for (other, number) in ways.get(row).into_iter().flatten() {
            if seen.insert(other) {
                next.push_back((other, [path.as_slice(), &[*number]].concat()));
            }
        }
    }
    None
}

/// Obeys every judgement whose rows are there tonight; the others wait.
pub fn obey(said: &Said, linked: &mut Linked, judgements: &[Judgement]) {
    if judgements.is_empty() {
        return;
    }
    let found = Found::new(said, judgements);
    let pairs = |word: Word| {
        let of = judgements.iter().filter(move |it| it.word == word);
        of.filter_map(|it| found.pair(it)).collect::<BTreeSet<(u32, u32)>>()
    };
    let same = pairs(Word::Same);
    for (one, other) in &same {
        join(said, linked, *one, *other);
    }
    for (one, other) in pairs(Word::Different) {
        part(said, linked, one, other, &same);
    }
    for (one, other) in pairs(Word::Unsure) {
        for number in [one, other] {
            linked.doubt(linked.links[number as usize].cluster);
        }
    }
}

/// The rows of judgements, by their number of tonight.
struct Found<'a> {
    numbers: HashMap<&'a Row, u32>,
}

impl<'a> Found<'a> {
    fn new(said: &Said, judgements: &'a [Judgement]) -> Found<'a> {
        let mut wanted: HashMap<(&str, &str, &str), Vec<&'a Row>> = HashMap::new();
        for row in judgements.iter().flat_map(|it| [&it.one, &it.other]) {
            wanted.entry((&row.feed, &row.id_number, &row.name)).or_default().push(row);
        }
        let mut numbers = HashMap::new();
        for texts in said.feeds.iter().filter(|texts| wanted.keys().any(|it| it.0 == texts.feed.feed)) {
            for number in texts.start as u32..(texts.start + texts.rows.len()) as u32 {
                let rows = wanted.get(&(texts.feed.feed, said.id_text(number), said.name(number))).into_iter().flatten();
                numbers.extend(rows.filter(|it| says(said, number, it)).map(|it| (*it, number)));
            }
        }
        Found { numbers }
    }

    fn pair(&self, judgement: &Judgement) -> Option<(u32, u32)> {
        let (one, other) = (*self.numbers.get(&judgement.one)?, *self.numbers.get(&judgement.other)?);
        Some((one.min(other), one.max(other)))
    }
}

fn says(said: &Said, number: u32, row: &Row) -> bool {
    let identity = said.get(number);
    identity.sex.word().unwrap_or_default() == row.sex && identity.birth == row.birth_date.map_or(NO_DAY, day_number)
}

/// Puts both rows and everybody linked to either into one cluster: that of the register, or of the smaller believed number.
fn join(said: &Said, linked: &mut Linked, one: u32, other: u32) {
    let cluster = |it: u32| linked.links[it as usize].cluster;
    let (a, b) = (cluster(one), cluster(other));
    if a != b || a == NOBODY {
        let rank = |row: u32, cluster: u32| {
            let id = linked.clusters.get(cluster as usize).map_or(0, |it| it.id);
            (cluster == NOBODY, id == 0, said.rank(row), id, said.name(row).to_owned(), said.id_text(row).to_owned())
        };
        let (stays, goes) = if rank(one, a) <= rank(other, b) { (a, b) } else { (b, a) };
        let stays = if stays == NOBODY { linked.open(0) } else { stays };
        if goes == NOBODY {
            let nobody = [one, other].into_iter().filter(|it| linked.links[*it as usize].cluster == NOBODY).collect::<Vec<u32>>();
            nobody.into_iter().for_each(|it| linked.put(it, stays, Method::Judged, 1.0));
        } else {
            let (doubt, members) = (linked.clusters[goes as usize].doubt, members(linked, goes));
            members.into_iter().for_each(|it| linked.links[it as usize].cluster = stays);
            linked.clusters[stays as usize].doubt |= doubt;
        }
    }
    for row in [one, other] {
        let link = &mut linked.links[row as usize];
        (link.method, link.score) = (Method::Judged, 1.0);
    }
}

/// Takes one of the rows out of the cluster that holds both: the one of the lesser source, with the rows that say the same as it and not as the
/// other, and with those that are judged the same.
fn part(said: &Said, linked: &mut Linked, one: u32, other: u32, same: &BTreeSet<(u32, u32)>) {
    let cluster = linked.links[one as usize].cluster;
    if cluster == NOBODY || cluster != linked.links[other as usize].cluster {
        return;
    }
    let id = linked.clusters[cluster as usize].id;
    let order =
        |row: u32| (said.get(row).id != id, said.rank(row), said.feed(row), said.id_text(row).to_owned(), said.name(row).to_owned());
    let (stays, goes) = if order(one) <= order(other) { (one, other) } else { (other, one) };
    let says = |row: u32| (said.id_text(row), said.get(row).name);
    let mut going = BTreeSet::from([goes]);
    if says(goes) != says(stays) {
        going.extend(members(linked, cluster).into_iter().filter(|it| says(*it) == says(goes)));
    }
    loop {
        let more = |(a, b): &(u32, u32)| if going.contains(a) == going.contains(b) { None } else { Some([*a, *b]) };
        let Some(more) = same.iter().find_map(more) else { break };
        going.extend(more);
    }
    let apart = linked.open(0);
    for row in going.into_iter().filter(|it| *it != stays) {
        linked.put(row, apart, Method::Judged, 1.0);
    }
    linked.links[stays as usize].method = Method::Judged;
}

fn members(linked: &Linked, cluster: u32) -> Vec<u32> {
    let here = linked.links.iter().enumerate().filter(|(_, link)| link.cluster == cluster);
    here.map(|(number, _)| number as u32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(name: &str) -> Row {
        let text = |it: &str| it.to_owned();
        Row { feed: text("finance/payroll"), id_number: text(""), name: text(name), sex: text(""), birth_date: None }
    }

    /// `a=b` is the same, `a!b` different, `a?b` unsure.
    fn judged(words: &[&str]) -> Vec<Judgement> {
        let judgement = |(number, text): (i64, &&str)| {
            let mut letters = text.chars().map(String::from);
            let mut next = || letters.next().unwrap_or_default();
            let (one, word, other) = (next(), next(), next());
            let word = match word.as_str() {
                "=" => Word::Same,
                "!" => Word::Different,
                _ => Word::Unsure,
            };
            Judgement { number, word, one: row(&one), other: row(&other) }
        };
        (1..).zip(words).map(judgement).collect()
    }

    fn check(standing: &[&str], new: &str, chain: Option<&[i64]>) {
        let new = judged(&[new]).remove(0);
        let found = contradiction(&judged(standing), new.word, &new.one, &new.other);
        assert_eq!(found.as_deref(), chain, "{standing:?}");
    }

    #[test]
    fn a_contradiction_is_told_with_its_chain() {
        check(&["a=b", "b=c", "x=y"], "a!c", Some(&[1, 2]));
        check(&["a=b", "b=c"], "a!d", None);
        check(&["a=b", "b!c"], "a=c", Some(&[1, 2]));
        check(&["b!c", "c=d", "a=b"], "d=a", Some(&[2, 1, 3]));
        check(&["a!b"], "b=a", Some(&[1]));
        check(&["a=b"], "b!a", Some(&[1]));
        check(&["a=b"], "a?b", None);
        check(&["a?b"], "a=b", None);
        check(&["a=b", "a!c"], "b!c", None);
    }

    proptest! {
        #[test]
        fn what_is_never_refused_is_never_a_contradiction(asked in proptest::collection::vec((0..6_u8, 0..6_u8, any::<bool>()), 0..24)) {
            let mut standing: Vec<Judgement> = Vec::new();
            for (one, other, same) in asked.into_iter().filter(|it| it.0 != it.1) {
                let (one, other) = (row(&one.to_string()), row(&other.to_string()));
                let word = if same { Word::Same } else { Word::Different };
                if contradiction(&standing, word, &one, &other).is_none() {
                    standing.push(Judgement { number: standing.len() as i64, word, one, other });
                }
            }
            for it in standing.iter().filter(|it| it.word == Word::Different) {
                prop_assert_eq!(chain(&standing, &it.one, &it.other), None);
            }
        }
    }
}
