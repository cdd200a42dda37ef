//! Equal valid numbers, each link verified: the first pass, and nearly all of the links.

use std::cmp::Reverse;

use super::decide::{Claim, Verdict, verify};
use super::identity::{Identity, NO_DAY, Rank, Said, Sex, day_number};
use super::linked::{Dispute, Linked, Method};
use crate::name;
use crate::person_id::{PersonId, State};

/// Clusters identities by valid number. Where names disagree, the name that the registers and most sources use owns the number;
/// an identity that is not believed goes to a cluster of its own, with the others under its name.
pub fn link(said: &Said) -> Linked {
    let mut linked = Linked::new(said.all.len());
    let numbered = said.all.iter().enumerate().filter(|(_, it)| it.id != 0);
    let mut order: Vec<(u64, u32)> = numbered.map(|(number, it)| (it.id, number as u32)).collect();
    order.sort_unstable();
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        let name = said.get(group[0].1).name;
        let cluster = linked.open(group[0].0);
        if group.iter().all(|(_, number)| said.get(*number).name == name) {
            let score = if name == 0 { 0.97 } else { 1.0 };
            for (_, number) in group {
                put(said, &mut linked, *number, cluster, score);
            }
        } else {
            verify_group(said, &mut linked, group, cluster);
        }
    }
    linked
}

fn put(said: &Said, linked: &mut Linked, number: u32, cluster: u32, score: f32) {
    match said.get(number).state {
        State::Valid15 => linked.put(number, cluster, Method::Id15, score.min(0.99)),
        _ => linked.put(number, cluster, Method::IdExact, score),
    }
}

/// The identities of one number, under several names.
fn verify_group(said: &Said, linked: &mut Linked, group: &[(u64, u32)], cluster: u32) {
    let members: Vec<u32> = group.iter().map(|(_, number)| *number).collect();
    let owner = owner(said, &members);
    let owner_name = said.name(owner);
    let own: Vec<u32> = members.iter().copied().filter(|it| said.get(*it).name == said.get(owner).name).collect();
    let id = PersonId::from_body(group[0].0);
    let mut refused: Vec<(u64, u32)> = Vec::new();
    for number in members {
        let identity = said.get(number);
        let claim = Claim {
            name: (identity.name != 0).then(|| name::compare(owner_name, said.name(number))),
            birth: id.filter(|_| identity.birth != NO_DAY).map(|id| identity.birth == day_number(id.birth())),
            sex: id.filter(|_| identity.sex != Sex::Unknown).map(|id| identity.sex.word() == Some(id.sex())),
            unit: same_unit(said, &own, identity),
            fifteen: identity.state == State::Valid15,
            population: said.rank(number) == Rank::Population,
        };
        match verify(claim) {
            Verdict::Believed(score) => put(said, linked, number, cluster, score),
            Verdict::Doubted(score) => {
                put(said, linked, number, cluster, score);
                linked.disputes.push(Dispute { identity: number, owner: cluster });
            }
            Verdict::Refused(conflict) => {
                linked.links[number as usize].conflict = Some(conflict);
                linked.disputes.push(Dispute { identity: number, owner: cluster });
                refused.push((identity.name, number));
            }
        }
    }
    refused.sort_unstable();
    for same_name in refused.chunk_by(|a, b| a.0 == b.0 && a.0 != 0) {
        let other = linked.open(0);
        let method = if same_name.len() == 1 { Method::Own } else { Method::IdExact };
        for (_, number) in same_name {
            linked.put(*number, other, method, 0.5);
        }
    }
}

/// Whose number it is: the name that the establishment register uses, or HR, or most identities; the smaller text where all is
/// equal, so that the order of feeds does not decide.
fn owner(said: &Said, members: &[u32]) -> u32 {
    let mut by_name = members.to_vec();
    by_name.sort_unstable_by_key(|it| said.get(*it).name);
    let support = |alike: &[u32]| {
        let first = alike.iter().copied().min_by_key(|it| (said.rank(*it), said.name(*it), said.feed(*it))).expect("chunks have members");
        let living = alike.iter().filter(|it| said.rank(**it) != Rank::Population).count();
        ((said.get(first).name == 0, said.rank(first), Reverse((living, alike.len())), said.name(first).to_owned()), first)
    };
    let names = by_name.chunk_by(|a, b| said.get(*a).name == said.get(*b).name);
    names.map(support).min().expect("a group has members").1
}

/// Whether the identity's unit is one of theirs; `None` where one side has no unit.
fn same_unit(said: &Said, theirs: &[u32], identity: &Identity) -> Option<bool> {
    let mut units = theirs.iter().map(|it| said.get(*it).unit).filter(|it| *it >= 0).peekable();
    (identity.unit >= 0 && units.peek().is_some()).then(|| units.any(|it| it == identity.unit))
}
