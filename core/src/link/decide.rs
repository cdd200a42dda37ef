//! What counts as evidence, in two tables that read from the top.

use super::linked::{Conflict, Method};
use crate::name::Nearness;
use crate::person_id::Repairs;

/// How an identity agrees with the person whose number it carries. `None`: one side does not say.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub name: Option<Nearness>,
    /// The source's own birth date against the number's.
    pub birth: Option<bool>,
    /// The source's own sex against the number's.
    pub sex: Option<bool>,
    pub unit: Option<bool>,
    /// The number came in its old form, which has no check character.
    pub fifteen: bool,
    /// The source is a register of everybody: a wrong link there declares somebody dead.
    pub population: bool,
}

/// What is thought of an equal number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// The same person.
    Believed(f32),
    /// Probably the same person under a new name; the person is in doubt.
    Doubted(f32),
    /// Somebody else's number.
    Refused(Conflict),
}

/// Judges an equal number. In some two hundred of a million cases it is somebody else's, most often a family member's; in some
/// two thousand the name was changed. The source's own birth date and sex tell one from the other, the unit helps.
pub fn verify(claim: Claim) -> Verdict {
    use Nearness::{OneAway, Surname};
    use Verdict::{Believed, Doubted, Refused};
    match (claim.name, claim.birth, claim.unit) {
        (Some(name), ..) if name.same() => Believed(if claim.fifteen { 0.99 } else { 1.0 }),
        // Brothers and sisters have names one character apart, too.
        (_, Some(false), _) => Refused(Conflict::BirthDiffers),
        (None, ..) => Believed(0.97),
        (Some(_), ..) if claim.sex == Some(false) => Refused(Conflict::NameDiffers),
        (Some(OneAway), ..) => Believed(if claim.fifteen { 0.97 } else { 0.98 }),
        (Some(_), ..) if claim.fifteen || claim.population => Refused(Conflict::NameDiffers),
        (Some(_), Some(true), Some(true)) | (Some(Surname), Some(true), None) => Doubted(0.92),
        (Some(Surname), None, Some(true) | None) => Doubted(0.90),
        (Some(_), ..) => Refused(Conflict::NameDiffers),
    }
}

/// What a broken number says about a person's valid one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// One slip of the hand away.
    OneEdit(Repairs),
    /// The first fourteen digits or more are the same: area, birth date.
    Prefix,
    /// Every digit that the mask shows is the same.
    Mask,
    /// Two slips away.
    TwoEdits,
    /// There is no number, or it is known to be somebody else's.
    Nothing,
    /// Another number.
    Far,
}

impl Number {
    /// The word in `candidate.number`.
    pub fn word(self) -> &'static str {
        match self {
            Number::OneEdit(_) => "one-edit",
            Number::Prefix => "prefix",
            Number::Mask => "mask-fits",
            Number::TwoEdits => "two-edits",
            Number::Nothing => "silent",
            Number::Far => "far",
        }
    }
}

/// How a residual record agrees with a person. `None`: one side does not say.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    pub number: Number,
    pub name: Option<Nearness>,
    pub birth: Option<bool>,
    pub sex: Option<bool>,
    pub unit: Option<bool>,
    /// The record comes from a register of everybody.
    pub population: bool,
}

impl Evidence {
    /// Whether anything agrees beside the name: namesakes of a common name are many, and nothing is to be said of them.
    pub fn beyond_name(&self) -> bool {
        !matches!(self.number, Number::Nothing | Number::Far) || self.birth == Some(true) || self.unit == Some(true)
    }
}

/// A way to believe a residual link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Its place in the table; of two candidates the earlier class wins, of one class nobody does.
    pub class: u8,
    pub method: Method,
    pub score: f32,
    pub repairs: Repairs,
}

/// Whether a residual record is this person, if no other candidate is as good.
pub fn believe(it: &Evidence) -> Option<Belief> {
    let same = it.name.is_some_and(Nearness::same);
    let near = it.name == Some(Nearness::OneAway);
    let (born, unit, sex) = (it.birth == Some(true), it.unit == Some(true), it.sex != Some(false));
    let not_born = it.birth == Some(false);
    let repaired = |class, score, repairs| Some(Belief { class, method: Method::IdRepaired, score, repairs });
    let by_name = |class, score| Some(Belief { class, method: Method::NameBirth, score, repairs: Repairs::default() });
    let belief = match it.number {
        Number::OneEdit(repairs) if same && sex => repaired(1, if not_born { 0.95 } else { 0.99 }, repairs),
        Number::OneEdit(repairs) if near && sex && !not_born => repaired(5, 0.96, repairs),
        Number::OneEdit(repairs) if it.name.is_none() && (born || unit) => repaired(9, 0.93, repairs),
        Number::Prefix if same => repaired(2, 0.98, Repairs::PREFIX),
        Number::Prefix if near && unit && !not_born => repaired(6, 0.95, Repairs::PREFIX),
        Number::Mask if same && (unit || born) => repaired(3, 0.97, Repairs::UNMASKED),
        Number::Mask if same && sex && !not_born => repaired(10, 0.92, Repairs::UNMASKED),
        Number::TwoEdits if same && sex && !not_born => repaired(4, 0.96, Repairs::REPLACED),
        Number::Nothing if same && born && sex && unit => by_name(7, 0.97),
        Number::Nothing if same && born && sex => by_name(8, if it.unit.is_none() { 0.95 } else { 0.92 }),
        // The name may be nobody else's in the unit: two such candidates are one class, and neither is believed.
        Number::Nothing if same && unit && sex && !not_born => by_name(11, 0.92),
        Number::Nothing if near && born && unit && sex => by_name(12, 0.92),
        // One invalid number contradicts weakly; everything else agrees.
        Number::Far if same && born && unit && sex => by_name(13, 0.92),
        _ => None,
    };
    belief.filter(|belief| !it.population || belief.score >= super::linked::SURE)
}

/// Whether a record that was not linked may still be about this person.
pub fn plausible(it: &Evidence) -> bool {
    let number = !matches!(it.number, Number::Nothing | Number::Far);
    let beside = it.birth == Some(true) || it.unit == Some(true) && it.birth.is_none();
    it.name.is_some_and(Nearness::same) && it.sex != Some(false) && (number || beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim = Claim { name: None, birth: None, sex: None, unit: None, fifteen: false, population: false };
    const EVIDENCE: Evidence = Evidence { number: Number::Far, name: None, birth: None, sex: None, unit: None, population: false };

    fn claim(name: Nearness, birth: Option<bool>, unit: Option<bool>, verdict: Verdict) {
        let claim = Claim { name: Some(name), birth, unit, ..CLAIM };
        assert_eq!(verify(claim), verdict, "{claim:?}");
    }

    #[test]
    fn an_equal_number_is_not_proof() {
        let refused = Verdict::Refused(Conflict::NameDiffers);
        claim(Nearness::Exact, Some(false), Some(false), Verdict::Believed(1.0));
        claim(Nearness::OneAway, None, None, Verdict::Believed(0.98));
        claim(Nearness::OneAway, Some(false), Some(true), Verdict::Refused(Conflict::BirthDiffers));
        claim(Nearness::Surname, None, Some(true), Verdict::Doubted(0.90));
        claim(Nearness::Surname, None, Some(false), refused);
        claim(Nearness::Surname, Some(false), Some(true), Verdict::Refused(Conflict::BirthDiffers));
        claim(Nearness::Other, Some(true), Some(true), Verdict::Doubted(0.92));
        claim(Nearness::Other, None, Some(true), refused);
        let dead = Claim { name: Some(Nearness::Surname), birth: Some(true), population: true, ..CLAIM };
        assert_eq!(verify(dead), refused, "nobody dies of somebody else's certificate");
    }

    fn evidence(number: Number, name: Nearness, birth: Option<bool>, unit: Option<bool>, class: Option<u8>) {
        let evidence = Evidence { number, name: Some(name), birth, unit, ..EVIDENCE };
        assert_eq!(believe(&evidence).map(|it| it.class), class, "{evidence:?}");
    }

    #[test]
    fn a_broken_number_needs_a_name_and_a_missing_one_more() {
        evidence(Number::OneEdit(Repairs::REPLACED), Nearness::Exact, None, None, Some(1));
        evidence(Number::OneEdit(Repairs::REPLACED), Nearness::Surname, Some(true), Some(true), None);
        evidence(Number::Prefix, Nearness::Variant, None, Some(false), Some(2));
        evidence(Number::Prefix, Nearness::OneAway, None, None, None);
        evidence(Number::Nothing, Nearness::Exact, Some(true), Some(true), Some(7));
        evidence(Number::Nothing, Nearness::Exact, None, Some(true), Some(11));
        evidence(Number::Nothing, Nearness::Exact, None, None, None);
        evidence(Number::Far, Nearness::Exact, None, Some(true), None);
        evidence(Number::Far, Nearness::Exact, Some(true), Some(true), Some(13));
        let dead = Evidence {
            number: Number::Nothing,
            name: Some(Nearness::Exact),
            birth: Some(true),
            unit: Some(false),
            population: true,
            ..EVIDENCE
        };
        assert_eq!(believe(&dead), None);
    }
}
