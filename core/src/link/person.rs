//! Tells the result: dense person numbers in the order of lasting keys, and how every identity was linked.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float32Array, Int32Array, RecordBatch, StringArray, StringBuilder};
use sha2::{Digest, Sha256};

use super::People;
use super::identity::{NO_DAY, Said, Texts, day_number};
use super::linked::{Conflict, Link, Linked, Members, Method, NOBODY};
use crate::person_id::{PersonId, classify};
use crate::schema::{IDENTITY, PERSONS};

/// One person to be numbered: the key's first eight bytes, and the cluster.
type Keyed = (u64, u32);

/// See [`super::people`].
pub fn tell(said: &Said, linked: &Linked) -> People {
    let members = linked.members(said);
    let mut keyed: Vec<Keyed> = (0..linked.clusters.len() as u32)
        .filter(|it| !members.of_cluster(*it).is_empty())
        .map(|it| (key(said, linked, it, members.of_cluster(it)), it))
        .collect();
    keyed.sort_unstable();
    let mut person_of_cluster = vec![-1; linked.clusters.len()];
    keyed.iter().enumerate().for_each(|(person_id, (_, cluster))| person_of_cluster[*cluster as usize] = person_id as i32);
    let person = |number: usize| match linked.links[number].cluster {
        NOBODY => -1,
        cluster => person_of_cluster[cluster as usize],
    };
    let person_of: Vec<Vec<i32>> = said.feeds.iter().map(|it| (it.start..it.start + it.rows.len()).map(person).collect()).collect();
    People {
        persons: persons(said, linked, &members, &keyed),
        identities: said.feeds.iter().zip(&person_of).map(|(it, person_of)| identities(said, linked, &members, it, person_of)).collect(),
        person_of,
    }
}

/// The lasting key. A number that is valid and believed makes it alone, so that it outlives new names and sources; otherwise the
/// text that sorts first of what was said.
fn key(said: &Said, linked: &Linked, cluster: u32, members: &[u32]) -> u64 {
    let text = match PersonId::from_body(linked.clusters[cluster as usize].id) {
        Some(id) => id.to_string(),
        None => members.iter().map(|it| unnumbered(said, *it)).min().unwrap_or_default(),
    };
    let digest = Sha256::digest(format!("muster person|{text}"));
    digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

fn unnumbered(said: &Said, number: u32) -> String {
    let identity = said.get(number);
    let birth = if identity.birth == NO_DAY { String::new() } else { identity.birth.to_string() };
    let sex = identity.sex.word().unwrap_or_default();
    format!("{}|{}|{}|{birth}|{sex}", said.feed(number), said.id_text(number), said.name(number))
}

fn persons(said: &Said, linked: &Linked, members: &Members, keyed: &[Keyed]) -> RecordBatch {
    let (mut keys, mut id_numbers, mut names, mut sexes) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let (mut valid, mut births, mut doubts) = (Vec::new(), Vec::new(), Vec::new());
    for (key, cluster) in keyed {
        let mut of = members.of_cluster(*cluster).to_vec();
        // The register's word before HR's before the rest; where both are equal, what most rows say.
        of.sort_by_cached_key(|it| (said.rank(*it), Reverse(said.rows(*it)), said.name(*it), said.id_text(*it)));
        let first = |told: &dyn Fn(u32) -> Option<String>| of.iter().find_map(|it| told(*it));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let id = PersonId::from_body(linked.clusters[*cluster as usize].id);
        let id_number = id.map(|it| it.to_string()).or_else(|| first(&|it| text(said.id_text(it))));
        keys.append_value(format!("p-{key:016x}"));
        valid.push(id_number.as_deref().map(|it| id.is_some() || classify(it).id.is_some()));
        id_numbers.append_option(id_number);
        names.append_option(first(&|it| text(said.name(it))));
        sexes.append_option(id.map(PersonId::sex).or_else(|| of.iter().find_map(|it| said.get(*it).sex.word())));
        let own_birth = || of.iter().map(|it| said.get(*it).birth).find(|it| *it != NO_DAY);
        births.push(id.map(|it| day_number(it.birth())).or_else(own_birth));
        doubts.push(linked.clusters[*cluster as usize].doubt);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(0..keyed.len() as i32)),
        Arc::new(keys.finish()),
        Arc::new(id_numbers.finish()),
        Arc::new(BooleanArray::from(valid)),
        Arc::new(names.finish()),
        Arc::new(sexes.finish()),
        Arc::new(Date32Array::from(births)),
        Arc::new(BooleanArray::from(doubts)),
    ];
    RecordBatch::try_new(PERSONS.schema(), columns).expect("columns follow the schema")
}

fn identities(said: &Said, linked: &Linked, members: &Members, texts: &Texts, person_of: &[i32]) -> RecordBatch {
    let numbers = || texts.start..texts.start + person_of.len();
    let links = || numbers().map(|number| (&said.all[number], &linked.links[number]));
    let told = || links().map(|(_, link)| method(link.method, link.cluster, members));
    let present = |number: i32| (number >= 0).then_some(number);
    let shared: [ArrayRef; 4] =
        [Arc::new(texts.id_number.clone()), Arc::new(texts.name.clone()), Arc::new(texts.sex.clone()), Arc::new(texts.birth_date.clone())];
    let [id_number, name, sex, birth_date] = shared;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(numbers().map(|_| Some(texts.feed.feed)).collect::<StringArray>()),
        Arc::new(numbers().map(|_| Some(texts.feed.table.name)).collect::<StringArray>()),
        Arc::new(Int32Array::from_iter_values(0..person_of.len() as i32)),
        id_number,
        name,
        sex,
        birth_date,
        Arc::new(links().map(|(identity, _)| present(identity.unit)).collect::<Int32Array>()),
        Arc::new(texts.rows.clone()),
        Arc::new(person_of.iter().map(|it| present(*it)).collect::<Int32Array>()),
        Arc::new(told().map(|it| Some(it.word())).collect::<StringArray>()),
        Arc::new(links().map(|(_, link)| score(link, members)).collect::<Float32Array>()),
        Arc::new(links().map(|(identity, _)| Some(identity.state.word())).collect::<StringArray>()),
        Arc::new(links().map(|(identity, link)| identity.repairs.and(link.repairs).words()).collect::<StringArray>()),
        Arc::new(links().map(|(_, link)| link.conflict.map(Conflict::word)).collect::<StringArray>()),
    ];
    RecordBatch::try_new(IDENTITY.schema(), columns).expect("columns follow the schema")
}

/// Alone in a cluster is `own`, whatever pass put it there.
fn method(method: Method, cluster: u32, members: &Members) -> Method {
    match cluster {
        NOBODY => Method::None,
        _ if members.of_cluster(cluster).len() == 1 => Method::Own,
        _ => method,
    }
}

/// To be oneself is certain, unless it was a choice between others and none.
fn score(link: &Link, members: &Members) -> Option<f32> {
    let alone = || members.of_cluster(link.cluster).len() == 1 && link.score > 0.5;
    (link.cluster != NOBODY).then(|| if alone() { 1.0 } else { link.score })
}
