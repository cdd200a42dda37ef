//! What the passes have decided so far.

use super::decide::Evidence;
use super::identity::{Rank, Said};
use crate::person_id::{Repairs, State};

/// The cluster of an identity that says too little to be anybody.
pub const NOBODY: u32 = u32::MAX;

/// Links below this are kept, but whoever they lead to is in doubt.
pub const SURE: f32 = 0.95;

/// How an identity was linked; the words are those of `identity.method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The same number, and nothing against it.
    IdExact,
    /// The same number in its old form.
    Id15,
    /// A broken number that can be told by other evidence.
    IdRepaired,
    /// Name and birth date, or a name that is unique in the unit.
    NameBirth,
    /// A reviewer said so.
    Judged,
    /// Nobody else is this person.
    Own,
    /// Nobody could be told.
    None,
}

impl Method {
    /// The word in `identity.method`.
    pub fn word(self) -> &'static str {
        match self {
            Method::IdExact => "id-exact",
            Method::Id15 => "id-15",
            Method::IdRepaired => "id-repaired",
            Method::NameBirth => "name-birth",
            Method::Judged => "judged",
            Method::Own => "own",
            Method::None => "none",
        }
    }
}

/// Why an equal number was not believed; the words are those of `identity.conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The names have nothing in common that counts.
    NameDiffers,
    /// The source's own birth date is not the number's.
    BirthDiffers,
}

impl Conflict {
    /// The word in `identity.conflict`.
    pub fn word(self) -> &'static str {
        match self {
            Conflict::NameDiffers => "name-differs",
            Conflict::BirthDiffers => "birth-differs",
        }
    }
}

/// One identity's link.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub cluster: u32,
    pub method: Method,
    pub score: f32,
    pub repairs: Repairs,
    pub conflict: Option<Conflict>,
}

/// Identities that are one person, by the number that is believed.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    /// The seventeen digits of the valid number, 0 without one or where it belongs to somebody else.
    pub id: u64,
    /// Whether something that may be about this person could not be told.
    pub doubt: bool,
}

/// A link by an equal number whose names do not agree: believed with doubt, or refused.
#[derive(Clone, Copy, Debug)]
pub struct Dispute {
    pub identity: u32,
    /// Whose number it is.
    pub owner: u32,
}

/// Somebody whom a record of the residual was compared with, and what was thought of it.
#[derive(Clone, Copy, Debug)]
pub struct Considered {
    pub identity: u32,
    pub cluster: u32,
    pub verdict: Considering,
    pub evidence: Evidence,
    /// 0 where the evidence is not believed at all.
    pub score: f32,
}

/// What was thought of a candidate; the words are those of `candidate.verdict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Considering {
    /// The same person.
    Linked,
    /// Perhaps the same person: both are in doubt.
    Review,
    /// Somebody else.
    Rejected,
}

impl Considering {
    /// The word in `candidate.verdict`.
    pub fn word(self) -> &'static str {
        match self {
            Considering::Linked => "linked",
            Considering::Review => "review",
            Considering::Rejected => "rejected",
        }
    }
}

/// The state of linking: a cluster for every identity.
#[derive(Debug)]
pub struct Linked {
    pub links: Vec<Link>,
    pub clusters: Vec<Cluster>,
    /// Clusters by believed number, ascending.
    pub numbers: Vec<(u64, u32)>,
    pub disputes: Vec<Dispute>,
    /// With whom of the residual more agrees than the name.
    pub considered: Vec<Considered>,
}

impl Linked {
    /// Nothing is linked yet.
    pub fn new(identities: usize) -> Linked {
        let nobody = Link { cluster: NOBODY, method: Method::None, score: 0.0, repairs: Repairs::default(), conflict: None };
        Linked { links: vec![nobody; identities], clusters: Vec::new(), numbers: Vec::new(), disputes: Vec::new(), considered: Vec::new() }
    }

    /// A new cluster under a number that is believed, or 0. Numbers come in ascending order.
    pub fn open(&mut self, id: u64) -> u32 {
        let cluster = self.clusters.len() as u32;
        self.clusters.push(Cluster { id, doubt: false });
        if id != 0 {
            self.numbers.push((id, cluster));
        }
        cluster
    }

    /// Puts an identity into a cluster.
    pub fn put(&mut self, identity: u32, cluster: u32, method: Method, score: f32) {
        let link = &mut self.links[identity as usize];
        *link = Link { cluster, method, score, ..*link };
    }

    /// The cluster whose believed number this is.
    pub fn by_number(&self, id: u64) -> Option<u32> {
        let at = self.numbers.binary_search_by_key(&id, |it| it.0).ok()?;
        Some(self.numbers[at].1)
    }

    /// The clusters whose believed numbers lie in a range, for common first digits.
    pub fn by_numbers(&self, ids: std::ops::Range<u64>) -> impl Iterator<Item = u32> {
        let start = self.numbers.partition_point(|it| it.0 < ids.start);
        self.numbers[start..].iter().take_while(move |it| it.0 < ids.end).map(|it| it.1)
    }

    /// Something that may be about this person could not be told.
    pub fn doubt(&mut self, cluster: u32) {
        if let Some(cluster) = self.clusters.get_mut(cluster as usize) {
            cluster.doubt = true;
        }
    }

    /// What kinds of identities are in each cluster now.
    pub fn kinds(&self, said: &Said) -> Kinds {
        let mut kinds = vec![0; self.clusters.len()];
        for (identity, link) in said.all.iter().zip(&self.links).filter(|(_, link)| link.cluster != NOBODY) {
            let kind = &mut kinds[link.cluster as usize];
            *kind |= if *kind & Kinds::ANY == 0 { Kinds::ANY } else { Kinds::SEVERAL };
            *kind |= if identity.rank.register() { Kinds::STAFF } else { 0 };
            *kind |= if identity.rank == Rank::Population { 0 } else { Kinds::LIVING };
            *kind |= if identity.state == State::Valid15 { 0 } else { Kinds::NEW_FORM };
        }
        Kinds(kinds)
    }

    /// Who is in each cluster now.
    pub fn members(&self, said: &Said) -> Members {
        Members::of(self, said.all.len())
    }
}

/// What kinds of identities every cluster holds: a byte each, read in the order of identities, which is the order of memory.
pub struct Kinds(Vec<u8>);

impl Kinds {
    const ANY: u8 = 1;
    const SEVERAL: u8 = 1 << 1;
    const STAFF: u8 = 1 << 2;
    const LIVING: u8 = 1 << 3;
    const NEW_FORM: u8 = 1 << 4;

    /// Nobody is in it any more.
    pub fn empty(&self, cluster: u32) -> bool {
        !self.has(cluster, Kinds::ANY)
    }

    /// One identity and no more.
    pub fn alone(&self, cluster: u32) -> bool {
        !self.has(cluster, Kinds::SEVERAL)
    }

    /// A register knows the person.
    pub fn staff(&self, cluster: u32) -> bool {
        self.has(cluster, Kinds::STAFF)
    }

    /// A source knows the person that is not a register of everybody.
    pub fn living(&self, cluster: u32) -> bool {
        self.has(cluster, Kinds::LIVING)
    }

    /// The number came in its old form only.
    pub fn old_form(&self, cluster: u32) -> bool {
        !self.has(cluster, Kinds::NEW_FORM)
    }

    fn has(&self, cluster: u32, kind: u8) -> bool {
        self.0.get(cluster as usize).is_some_and(|it| it & kind != 0)
    }
}

/// The identities of every cluster, cluster after cluster.
pub struct Members {
    starts: Vec<u32>,
    list: Vec<u32>,
}

impl Members {
    fn of(linked: &Linked, identities: usize) -> Members {
        let mut starts = vec![0; linked.clusters.len() + 2];
        let linked_to = |identity: usize| Some(linked.links[identity].cluster as usize).filter(|it| *it != NOBODY as usize);
        for cluster in (0..identities).filter_map(linked_to) {
            starts[cluster + 2] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut list = vec![0; starts[starts.len() - 1] as usize];
        for identity in 0..identities {
            if let Some(cluster) = linked_to(identity) {
                list[starts[cluster + 1] as usize] = identity as u32;
                starts[cluster + 1] += 1;
            }
        }
        Members { starts, list }
    }

    /// The identities of one cluster.
    pub fn of_cluster(&self, cluster: u32) -> &[u32] {
        let at = cluster as usize;
        &self.list[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}
