//! The residual passes: for each record the people it may be, and a link where one of them stands out.

use hashbrown::{HashMap, HashSet};

use super::decide::{Belief, Evidence, Number, believe, plausible};
use super::identity::{NO_DAY, Said, Sex, day_number};
use super::kernel::Digits;
use super::linked::{Considered, Considering, Linked, Members, Method, SURE};
use super::parallel;
use super::record::{Cause, Record, Written, collect, nothing};
use crate::name::{self, Nearness};
use crate::person_id::{PersonId, Repairs, State, classify, repair};

/// Links records of the registers first, with anybody who works, is paid or insured; then all others, with people of the
/// registers only: a broken number is never believed for the sake of somebody who is not staff. `rejected` are numbers and names
/// of rows that were not mapped.
pub fn link(said: &Said, linked: &mut Linked, rejected: &[(String, String)]) {
    let records = collect(said, linked);
    let mut wanted = Wanted::default();
    records.iter().flat_map(|it| &it.members).for_each(|it| wanted.add(said.get(*it).name));
    for (_, name) in rejected {
        wanted.add(name::key_hash(name));
    }
    let (registers, others): (Vec<Record>, Vec<Record>) = records.into_iter().partition(|it| it.register);

    let kinds = linked.kinds(said);
    let search = Search::new(said, linked, &wanted, |cluster, believed| believed && kinds.living(cluster));
    let decided = search.decide_all(linked, &registers);
    decided.into_iter().zip(&registers).for_each(|(it, record)| apply(linked, record, it));

    let kinds = linked.kinds(said);
    let search = Search::new(said, linked, &wanted, |cluster, _| kinds.staff(cluster));
    let decided = search.decide_all(linked, &others);
    let in_doubt: Vec<u32> = rejected.iter().flat_map(|(id, name)| search.rejected(linked, id, name)).collect();
    decided.into_iter().zip(&others).for_each(|(it, record)| apply(linked, record, it));
    for cluster in in_doubt {
        linked.doubt(cluster);
    }
}

/// What becomes of a record.
struct Decision {
    link: Option<(u32, Belief)>,
    /// Others it may be about.
    possible: Vec<u32>,
    /// Whether it may well be somebody else's: not for a number that is far from everybody's.
    unsure: bool,
    /// Everybody it has more in common with than a name, and how believable that was.
    compared: Vec<(u32, Evidence, f32)>,
}

fn apply(linked: &mut Linked, record: &Record, decision: Decision) {
    for (cluster, evidence, score) in &decision.compared {
        let verdict = match decision.link {
            Some((linked, _)) if linked == *cluster => Considering::Linked,
            _ if decision.possible.contains(cluster) => Considering::Review,
            _ => Considering::Rejected,
        };
        let considered =
            |identity: &u32| Considered { identity: *identity, cluster: *cluster, verdict, evidence: *evidence, score: *score };
        linked.considered.extend(record.members.iter().map(considered));
    }
    if let Some((cluster, belief)) = decision.link {
        for number in &record.members {
            linked.put(*number, cluster, belief.method, belief.score);
            let repairs = &mut linked.links[*number as usize].repairs;
            *repairs = repairs.and(belief.repairs);
        }
        if belief.score < SURE {
            linked.doubt(cluster);
        }
    } else if decision.unsure {
        linked.doubt(record.home);
        if record.cause == Cause::Broken {
            record.members.iter().for_each(|it| linked.links[*it as usize].score = 0.5);
        }
    }
    if let Cause::Disputed { owner } = record.cause {
        linked.doubt(owner);
        linked.doubt(record.home);
    }
    decision.possible.into_iter().for_each(|it| linked.doubt(it));
}

/// The names that records bear, for the one question that is asked of every identity: most are turned away by one bit that is
/// near, and never looked up.
#[derive(Default)]
struct Wanted {
    bits: Vec<u64>,
    names: HashSet<u64>,
}

impl Wanted {
    const WORDS: usize = 1 << 15;

    fn add(&mut self, name: u64) {
        self.bits.resize(Wanted::WORDS, 0);
        self.bits[Wanted::word(name)] |= 1 << (name % 64);
        self.names.insert(name);
    }

    fn has(&self, name: u64) -> bool {
        name != 0 && self.bits.get(Wanted::word(name)).is_some_and(|it| it >> (name % 64) & 1 == 1) && self.names.contains(&name)
    }

    fn word(name: u64) -> usize {
        (name >> 32) as usize % Wanted::WORDS
    }
}

/// The people that records may be.
struct Search<'a> {
    said: &'a Said<'a>,
    members: Members,
    allowed: Vec<bool>,
    /// By name: clusters that are allowed, each once.
    names: HashMap<u64, Vec<u32>>,
}

impl<'a> Search<'a> {
    /// `allow` takes a cluster and whether its number is believed.
    fn new(said: &'a Said<'a>, linked: &Linked, wanted: &Wanted, allow: impl Fn(u32, bool) -> bool) -> Search<'a> {
        let allowed: Vec<bool> = linked.clusters.iter().enumerate().map(|(at, it)| allow(at as u32, it.id != 0)).collect();
        let mut names: HashMap<u64, Vec<u32>> = HashMap::new();
        for (identity, link) in said.all.iter().zip(&linked.links) {
            if wanted.has(identity.name) && allowed.get(link.cluster as usize) == Some(&true) {
                names.entry(identity.name).or_default().push(link.cluster);
            }
        }
        for clusters in names.values_mut() {
            clusters.sort_unstable();
            clusters.dedup();
        }
        Search { said, members: linked.members(said), allowed, names }
    }

    fn decide_all(&self, linked: &Linked, records: &[Record]) -> Vec<Decision> {
        parallel::pieces(records.len(), |piece| records[piece].iter().map(|it| self.decide(linked, it)).collect())
    }

    fn decide(&self, linked: &Linked, record: &Record) -> Decision {
        let mut believed: Vec<(Belief, u32)> = Vec::new();
        let (mut possible, mut unsure, mut compared) = (Vec::new(), false, Vec::new());
        for candidate in self.candidates(linked, record) {
            let evidence = self.evidence(linked, record, candidate);
            let belief = believe(&evidence).filter(|it| fits(record.cause, *it));
            if evidence.beyond_name() {
                compared.push((candidate, evidence, belief.map_or(0.0, |it| it.score)));
            }
            believed.extend(belief.map(|it| (it, candidate)));
            let another = evidence.number == Number::Far;
            // Two valid numbers are two people; a number that is broken beyond telling may be anybody's of that name.
            if plausible(&evidence) && (!another || record.cause == Cause::Broken) {
                possible.push(candidate);
                unsure |= !another;
            }
        }
        believed.sort_by_key(|(belief, _)| belief.class);
        let link = match believed.as_slice() {
            [(belief, cluster)] => Some((*cluster, *belief)),
            [(first, cluster), (second, _), ..] if first.class < second.class => {
                // Somebody else would do as well, if less: the link stands, with less certainty.
                Some((*cluster, Belief { score: first.score - 0.03, ..*first }))
            }
            _ => None,
        };
        if link.is_some_and(|(_, belief)| belief.score >= SURE) {
            possible.clear();
        }
        unsure |= believed.len() > 1;
        possible.extend(believed.iter().filter(|_| link.is_none()).map(|it| it.1));
        Decision { link, possible, unsure, compared }
    }

    /// By number: one edit away, or the same first digits. By name: everybody of that name.
    fn candidates(&self, linked: &Linked, record: &Record) -> Vec<u32> {
        let mut found: Vec<u32> = record.near.iter().filter_map(|(id, _)| linked.by_number(id.body())).collect();
        if let Some(ids) = prefix_range(&record.text) {
            found.extend(linked.by_numbers(ids));
        }
        let names = record.members.iter().map(|it| self.said.get(*it).name);
        found.extend(names.filter_map(|it| self.names.get(&it)).flatten());
        found.sort_unstable();
        found.dedup();
        let owner = if let Cause::Disputed { owner } = record.cause { Some(owner) } else { None };
        found.retain(|it| self.allowed.get(*it as usize) == Some(&true) && *it != record.home && Some(*it) != owner);
        found
    }

    fn evidence(&self, linked: &Linked, record: &Record, candidate: u32) -> Evidence {
        let said = self.said;
        let id = PersonId::from_body(linked.clusters[candidate as usize].id);
        let ours = || record.members.iter().map(|it| said.get(*it));
        let theirs = || self.members.of_cluster(candidate).iter().map(|it| said.get(*it));
        // What a valid number says of its owner counts before what sources say.
        let births = || id.map(|it| day_number(it.birth())).into_iter().chain(theirs().filter(|_| id.is_none()).map(|it| it.birth));
        let sexes = || id.map(|it| Sex::read(Some(it.sex()))).into_iter().chain(theirs().filter(|_| id.is_none()).map(|it| it.sex));
        Evidence {
            number: number_of(record, id),
            name: self.nearness(record, candidate),
            birth: meet(ours().map(|it| it.birth), births, NO_DAY),
            sex: meet(ours().map(|it| it.sex), sexes, Sex::Unknown),
            unit: meet(ours().map(|it| it.unit), || theirs().map(|it| it.unit), -1),
            population: record.population,
        }
    }

    /// The nearest of all names; `None` where the record has none.
    fn nearness(&self, record: &Record, candidate: u32) -> Option<Nearness> {
        let theirs = self.members.of_cluster(candidate);
        let compared = |our: &u32, their: &u32| match (self.said.get(*our).name, self.said.get(*their).name) {
            (our, their) if our == their => Nearness::Variant,
            _ => name::compare(self.said.name(*our), self.said.name(*their)),
        };
        // Most are here for their name: nothing has to be read for them.
        let name = |it: &u32| self.said.get(*it).name;
        let first = record.members.iter().map(name).find(|it| *it != 0)?;
        if theirs.iter().any(|it| name(it) == first) {
            return Some(Nearness::Variant);
        }
        let ours = record.members.iter().filter(|it| self.said.get(**it).name != 0);
        ours.map(|our| theirs.iter().map(|their| compared(our, their)).min().unwrap_or(Nearness::Other)).min()
    }

    /// Whom a row that was not mapped may be about.
    fn rejected(&self, linked: &Linked, id: &str, name: &str) -> Vec<u32> {
        let reading = classify(id);
        if let Some(id) = reading.id {
            return linked.by_number(id.body()).into_iter().collect();
        }
        let (near, written) = (repair::candidates(id), Written::of(id));
        let alike = self.names.get(&name::key_hash(name)).into_iter().flatten().copied();
        let may_be = |cluster: &u32| {
            let theirs = PersonId::from_body(linked.clusters[*cluster as usize].id);
            nothing(reading.state, id) || theirs.is_some_and(|it| number(id, written, reading.state, it, &near) != Number::Far)
        };
        alike.filter(may_be).collect()
    }
}

/// Whether any of ours is one of theirs; `None` where one side has nothing but `unknown`.
fn meet<T: PartialEq + Copy, I: Iterator<Item = T>>(ours: impl Iterator<Item = T>, theirs: impl Fn() -> I, unknown: T) -> Option<bool> {
    let known = || theirs().filter(|it| *it != unknown);
    known().next()?;
    ours.filter(|it| *it != unknown).map(|our| known().any(|it| it == our)).reduce(|a, b| a || b)
}

/// What kind of belief a cause allows: a number that passes is only overruled by what explains how it came to pass.
fn fits(cause: Cause, belief: Belief) -> bool {
    match cause {
        Cause::Broken => true,
        Cause::Lonely15 => belief.method == Method::IdRepaired,
        Cause::Cut => belief.repairs == Repairs::PREFIX,
        Cause::Disputed { .. } => belief.method == Method::NameBirth,
    }
}

fn number_of(record: &Record, id: Option<PersonId>) -> Number {
    match id {
        _ if nothing(record.state, &record.text) => Number::Nothing,
        Some(id) => number(&record.text, record.written, record.state, id, &record.near),
        None => Number::Far,
    }
}

/// What a broken text says about a valid number.
fn number(text: &str, written: Written, state: State, id: PersonId, near: &[(PersonId, Repairs)]) -> Number {
    let full = Digits::of_body(id.body(), id.check_digit());
    let common = written.digits.common_prefix(full);
    if nothing(state, text) {
        Number::Nothing
    } else if let Some((_, repairs)) = near.iter().find(|it| it.0 == id) {
        Number::OneEdit(*repairs)
    } else if state == State::Masked {
        if mask_shows(text, &id.to_string()) { Number::Mask } else { Number::Far }
    } else if written.digits.len() == 15 && id.short().is_some() {
        match written.pattern.osa(full.old_form()) {
            0 | 1 => Number::OneEdit(Repairs::EXTENDED.and(Repairs::REPLACED)),
            2 => Number::TwoEdits,
            _ if common >= 14 => Number::Prefix,
            _ => Number::Far,
        }
    } else if common >= 14 {
        Number::Prefix
    } else if written.digits.len().abs_diff(full.len()) <= 2 && written.pattern.osa(full) <= 2 {
        Number::TwoEdits
    } else {
        Number::Far
    }
}

/// Whether the shown beginning and end of a masked number are those of `full`; at least four characters must show.
fn mask_shows(text: &str, full: &str) -> bool {
    let shown = |letter: &char| letter.is_ascii_digit();
    let head: String = text.chars().take_while(shown).collect();
    let tail: String = text.chars().rev().take_while(|it| shown(it) || *it == 'X').collect::<Vec<_>>().into_iter().rev().collect();
    let tail = tail.trim_start_matches('X');
    head.len() + tail.len() >= 4 && full.starts_with(&head) && full.ends_with(tail)
}

/// The valid numbers with the same first fourteen digits.
fn prefix_range(text: &str) -> Option<std::ops::Range<u64>> {
    let prefix: u64 = text.get(..14).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    Some(prefix * 1000..(prefix + 1) * 1000)
}
