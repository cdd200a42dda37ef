//! Tells the result: dense person numbers in the order of lasting keys, and how every identity was linked.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float32Array, Int32Array, RecordBatch, StringBuilder};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::People;
use super::identity::{Identity, NO_DAY, Said, Sex, Texts, day_number};
use super::linked::{Cluster, Conflict, Considered, Kinds, Link, Linked, Members, Method, NOBODY};
use super::parallel;
use crate::name::Nearness;
use crate::person_id::{PersonId, State};
use crate::schema::{CANDIDATES, IDENTITY, PERSONS};

/// One person to be numbered: the key's first eight bytes, and the cluster.
type Keyed = (u64, u32);

/// Rows of a batch of identities.
const BATCH: usize = 1 << 16;

/// What was said and how it was linked, from which identities are told.
pub struct Told<'a> {
    said: Said<'a>,
    linked: Linked,
    kinds: Kinds,
}

/// See [`super::people`].
pub fn tell<'a>(said: Said<'a>, linked: Linked, hash_key: &str) -> (People, Told<'a>) {
    let hash = Hmac::<Sha256>::new_from_slice(hash_key.as_bytes()).expect("HMAC takes keys of any length");
    let (kinds, members) = (linked.kinds(&said), linked.members(&said));
    let people: Vec<u32> = (0..linked.clusters.len() as u32).filter(|it| !kinds.empty(*it)).collect();
    let mut keyed: Vec<Keyed> =
        parallel::fill(people.len(), (0, 0), |it| (key(&said, &linked, people[it], members.of_cluster(people[it]), &hash), people[it]));
    drop(people);
    keyed.sort_unstable();
    let mut person_of_cluster = vec![-1; linked.clusters.len()];
    keyed.iter().enumerate().for_each(|(person_id, (_, cluster))| person_of_cluster[*cluster as usize] = person_id as i32);
    let person = |number: usize| match linked.links[number].cluster {
        NOBODY => -1,
        cluster => person_of_cluster[cluster as usize],
    };
    let persons_of = |feed: &Texts| Arc::new((feed.start..feed.start + feed.rows.len()).map(person).collect());
    let person_of: Vec<Arc<Vec<i32>>> = said.feeds.iter().map(persons_of).collect();
    let candidates = candidates(&said, &linked, &person_of_cluster);
    let people = People { candidates, persons: persons(&said, &linked, &members, &keyed), person_of };
    (people, Told { said, linked, kinds })
}

impl Told<'_> {
    /// See [`super::Linking::identities`].
    pub fn identities(&self, people: &People) -> impl Iterator<Item = RecordBatch> {
        let feeds = self.said.feeds.iter().zip(&people.person_of);
        feeds.flat_map(move |(feed, person_of)| {
            let starts = (0..person_of.len()).step_by(BATCH);
            starts.map(move |start| self.batch(feed, start, &person_of[start..person_of.len().min(start + BATCH)]))
        })
    }

    /// See [`super::Linking::methods`].
    pub fn methods(&self) -> BTreeMap<&'static str, u64> {
        let mut counted = BTreeMap::new();
        for link in &self.linked.links {
            *counted.entry(method(link, &self.kinds).word()).or_default() += 1;
        }
        counted
    }

    /// The identities of one feed from `start` on, as many as `person_of` has.
    fn batch(&self, feed: &Texts, start: usize, person_of: &[i32]) -> RecordBatch {
        let Told { said, linked, kinds } = self;
        let (first, count) = (feed.start + start, person_of.len());
        let links = || (first..first + count).map(|number| (&said.all[number], &linked.links[number]));
        let present = |number: i32| (number >= 0).then_some(number);
        let constant = |text: &str| texts(count, text.len(), std::iter::repeat_n(Some(text), count));
        let states = || (first as u32..).zip(links()).map(|(number, (_, link))| state(said, linked, number, link));
        let columns: Vec<ArrayRef> = vec![
            constant(feed.feed.feed),
            constant(feed.feed.table.name),
            Arc::new(Int32Array::from_iter_values(start as i32..(start + count) as i32)),
            Arc::new(feed.id_number.slice(start, count)),
            Arc::new(feed.name.slice(start, count)),
            Arc::new(feed.sex.slice(start, count)),
            Arc::new(feed.birth_date.slice(start, count)),
            Arc::new(links().map(|(identity, _)| present(identity.unit)).collect::<Int32Array>()),
            Arc::new(feed.rows.slice(start, count)),
            Arc::new(person_of.iter().map(|it| present(*it)).collect::<Int32Array>()),
            texts(count, 8, links().map(|(_, link)| Some(method(link, kinds).word()))),
            Arc::new(links().map(|(_, link)| score(link, kinds)).collect::<Float32Array>()),
            texts(count, 8, states().map(|it| Some(it.word()))),
            texts(count, 0, links().map(|(identity, link)| identity.repairs.and(link.repairs).words())),
            texts(count, 0, links().map(|(_, link)| link.conflict.map(Conflict::word))),
        ];
        RecordBatch::try_new(IDENTITY.schema(), columns).expect("columns follow the schema")
    }
}

/// The lasting key. A number that is valid and believed makes it alone, so that it outlives new names and sources; otherwise the
/// text that sorts first of what was said.
fn key(said: &Said, linked: &Linked, cluster: u32, members: &[u32], hash: &Hmac<Sha256>) -> u64 {
    let text = match PersonId::from_body(linked.clusters[cluster as usize].id) {
        Some(id) => id.to_string(),
        None => members.iter().map(|it| unnumbered(said, *it)).min().unwrap_or_default(),
    };
    let digest = hash.clone().chain_update(text.as_bytes()).finalize();
    digest.into_bytes().iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

fn unnumbered(said: &Said, number: u32) -> String {
    let identity = said.get(number);
    let birth = if identity.birth == NO_DAY { String::new() } else { identity.birth.to_string() };
    let sex = identity.sex.word().unwrap_or_default();
    format!("{}|{}|{}|{birth}|{sex}", said.feed(number), said.id_text(number), said.name(number))
}

fn persons(said: &Said, linked: &Linked, members: &Members, keyed: &[Keyed]) -> RecordBatch {
    let nothing = Spoken { name: None, id_text: None, sex: Sex::Unknown, birth: NO_DAY };
    let told = parallel::fill(linked.clusters.len(), nothing, |it| Spoken::of(said, linked, it as u32, members.of_cluster(it as u32)));
    let told = || keyed.iter().map(|(_, cluster)| (&told[*cluster as usize], &linked.clusters[*cluster as usize]));
    let id_number = |(told, cluster): (&Spoken, &Cluster)| match PersonId::from_body(cluster.id) {
        Some(id) => Some(id.to_string()),
        None => told.id_text.map(|it| said.id_text(it).to_owned()),
    };
    let valid = |(told, cluster): (&Spoken, &Cluster)| (cluster.id != 0).then_some(true).or_else(|| Some(said.get(told.id_text?).id != 0));
    let keys = keyed.iter().map(|(key, _)| Some(format!("p-{key:016x}")));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(0..keyed.len() as i32)),
        texts(keyed.len(), 18, keys),
        texts(keyed.len(), 18, told().map(id_number)),
        Arc::new(told().map(valid).collect::<BooleanArray>()),
        texts(keyed.len(), 9, told().map(|(told, _)| told.name.map(|it| said.name(it)))),
        texts(keyed.len(), 6, told().map(|(told, _)| told.sex.word())),
        Arc::new(told().map(|(told, _)| (told.birth != NO_DAY).then_some(told.birth)).collect::<Date32Array>()),
        Arc::new(told().map(|(_, cluster)| Some(cluster.doubt)).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(PERSONS.schema(), columns).expect("columns follow the schema")
}

/// Who says what of a person, by the identities that say it best. Found in the order of clusters, whose members are near each other
/// in memory; persons come in the order of keys, in which nothing is near.
#[derive(Clone)]
struct Spoken {
    name: Option<u32>,
    id_text: Option<u32>,
    sex: Sex,
    birth: i32,
}

impl Spoken {
    /// The register's word before HR's before the rest; where both are equal, what most rows say. A believed number says sex and
    /// birth date better than any source.
    fn of(said: &Said, linked: &Linked, cluster: u32, members: &[u32]) -> Spoken {
        let id = PersonId::from_body(linked.clusters[cluster as usize].id);
        let best = |known: &dyn Fn(&Identity) -> bool, text: &dyn Fn(u32) -> String| {
            let speak = || members.iter().copied().filter(|it| known(said.get(*it)));
            let rank = speak().map(|it| said.rank(it)).min()?;
            let mut best = speak().filter(|it| said.rank(*it) == rank);
            let first = best.next()?;
            // Mostly one source of the best rank speaks, or several say the same: then nothing has to be compared.
            let alike = |it: u32| said.name(it) == said.name(first);
            let order = |it: &u32| (Reverse(said.rows(*it)), text(*it), said.id_text(*it), said.name(*it));
            if id.is_some() && best.clone().all(alike) { Some(first) } else { std::iter::once(first).chain(best).min_by_key(order) }
        };
        let text = |it: u32| said.name(it).to_owned();
        let sex = || best(&|it| it.sex != Sex::Unknown, &|it| said.get(it).sex.word().unwrap_or_default().to_owned());
        let birth = || best(&|it| it.birth != NO_DAY, &|it| format!("{:+011}", said.get(it).birth));
        Spoken {
            name: best(&|it| it.name != 0, &text),
            id_text: if id.is_some() { None } else { best(&|it| it.state != State::Missing, &text) },
            sex: id.map_or_else(|| sex().map_or(Sex::Unknown, |it| said.get(it).sex), |id| Sex::read(Some(id.sex()))),
            birth: id.map_or_else(|| birth().map_or(NO_DAY, |it| said.get(it).birth), |id| day_number(id.birth())),
        }
    }
}

/// With whom of the residual more agrees than the name, in the order of feeds and identities.
fn candidates(said: &Said, linked: &Linked, person_of_cluster: &[i32]) -> RecordBatch {
    let person = |it: &Considered| person_of_cluster.get(it.cluster as usize).copied().unwrap_or(-1);
    let mut all: Vec<&Considered> = linked.considered.iter().filter(|it| person(it) >= 0).collect();
    all.sort_unstable_by_key(|it| (it.identity, person(it)));
    let who = |it: &Considered| it.identity as i32 - said.feeds[usize::from(said.get(it.identity).feed)].start as i32;
    let each = || all.iter().copied();
    let columns: Vec<ArrayRef> = vec![
        texts(all.len(), 16, each().map(|it| Some(said.feed(it.identity)))),
        Arc::new(each().map(|it| Some(who(it))).collect::<Int32Array>()),
        Arc::new(each().map(|it| Some(person(it))).collect::<Int32Array>()),
        texts(all.len(), 8, each().map(|it| Some(it.verdict.word()))),
        Arc::new(each().map(|it| (it.score > 0.0).then_some(it.score)).collect::<Float32Array>()),
        texts(all.len(), 8, each().map(|it| Some(it.evidence.number.word()))),
        texts(all.len(), 8, each().map(|it| it.evidence.name.map(Nearness::word))),
        Arc::new(each().map(|it| it.evidence.birth).collect::<BooleanArray>()),
        Arc::new(each().map(|it| it.evidence.sex).collect::<BooleanArray>()),
        Arc::new(each().map(|it| it.evidence.unit).collect::<BooleanArray>()),
    ];
    RecordBatch::try_new(CANDIDATES.schema(), columns).expect("columns follow the schema")
}

/// A text column built in one piece: `count` texts of about `length` bytes.
fn texts<T: AsRef<str>>(count: usize, length: usize, texts: impl Iterator<Item = Option<T>>) -> ArrayRef {
    let mut column = StringBuilder::with_capacity(count, count * length);
    texts.for_each(|it| column.append_option(it));
    Arc::new(column.finish())
}

/// Alone in a cluster is `own`, whatever pass put it there.
fn method(link: &Link, kinds: &Kinds) -> Method {
    match link.cluster {
        NOBODY => Method::None,
        cluster if kinds.alone(cluster) => Method::Own,
        _ => link.method,
    }
}

/// To be oneself is certain, unless it was a choice between others and none.
fn score(link: &Link, kinds: &Kinds) -> Option<f32> {
    let certain = || kinds.alone(link.cluster) && link.score > 0.5;
    (link.cluster != NOBODY).then(|| if certain() { 1.0 } else { link.score })
}

/// What is wrong with a number, now that the person's own is known: a number that truly ends in 000 and has a wrong digit before
/// looks like one that a spreadsheet cut, but a spreadsheet keeps the first fifteen digits.
fn state(said: &Said, linked: &Linked, number: u32, link: &Link) -> State {
    const KEPT: usize = 15;
    let told = said.get(number).state;
    if told != State::DamagedExcel || link.cluster == NOBODY {
        return told;
    }
    let written = crate::person_id::clean(said.id_text(number));
    let own = PersonId::from_body(linked.clusters[link.cluster as usize].id).map(|it| it.to_string());
    let kept = |own: &String| written.len() != own.len() || written.as_bytes()[..KEPT] == own.as_bytes()[..KEPT];
    if own.as_ref().is_none_or(kept) { told } else { State::Checksum }
}
