//! Where the sources tell different stories of one person: gaps and overlaps, named, with their months.
//!
//! They are what a reader would see in the strips, no findings: whether somebody is to blame is for the rule cards, which know graces and
//! explanations.

use muster_core::mapping::Title;
use serde::Serialize;

use super::timeline::{Cell, Source, Strip};

/// One kind of difference, and the months in which it stands.
#[derive(Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Kebab-case, for programs.
    pub id: &'static str,
    /// In words.
    pub title: Title,
    /// Rising, yyyymm.
    pub months: Vec<i32>,
}

/// One month over all strips; null where a source does not cover it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked by itself, in the list of kinds")]
struct Month {
    on_register: Option<bool>,
    employed: Option<bool>,
    seen: Option<bool>,
    paid: Option<bool>,
    insured: Option<bool>,
    pensioned: Option<bool>,
    away: bool,
    dead: bool,
    two_registers: bool,
    two_files: bool,
    two_payers: bool,
    two_insurers: bool,
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);

/// Name, Chinese, English, and when.
type Kind = (&'static str, &'static str, &'static str, fn(&Month) -> bool);

const KINDS: &[Kind] = &[
    ("paid-after-death", "死亡次月起仍有工资", "a salary after the month of death", |it| it.dead && it.paid == YES),
    ("pension-after-death", "死亡次月起仍有养老待遇", "a pension after the month of death", |it| it.dead && it.pensioned == YES),
    ("paid-and-unknown", "有工资，编制、人事均无此人", "a salary, and neither register nor personnel knows the person", |it| {
        it.paid == YES && it.on_register == NO && it.employed == NO
    }),
    ("paid-off-register", "有工资、有人事档，不在编", "a salary and a personnel file, not on the register", |it| {
        it.paid == YES && it.on_register == NO && it.employed == YES
    }),
    ("paid-without-file", "有工资、在编，人事无此人", "a salary, on the register, no personnel file", |it| {
        it.paid == YES && it.on_register == YES && it.employed == NO
    }),
    ("register-alone", "仅在编，人事、工资、参保均无", "on the register alone: no file, no salary, no insurance", |it| {
        it.on_register == YES && it.employed == NO && it.paid == NO && it.insured == NO
    }),
    ("unpaid", "在编在册而未发工资", "on the register and employed, without a salary", |it| {
        it.on_register == YES && it.employed == YES && it.paid == NO && !it.dead
    }),
    ("salary-and-pension", "同月领取工资和养老待遇", "a salary and a pension in the same month", |it| {
        it.paid == YES && it.pensioned == YES && !it.dead
    }),
    ("two-payers", "两个单位同月发工资", "two units pay a salary in the same month", |it| it.two_payers),
    ("two-insurers", "两家同月参保", "two employers insure in the same month", |it| it.two_insurers),
    ("two-registers", "同时占两处编制", "on two quotas at once", |it| it.two_registers),
    ("two-files", "同时有两处人事关系", "employed in two places at once", |it| it.two_files),
    (
        "paid-unseen",
        "考勤全月无出勤，无请假借调，仍有工资",
        "a salary without a day of attendance, leave or secondment",
        |it| it.paid == YES && it.seen == NO && !it.away,
    ),
    ("paid-uninsured", "有工资而未参保", "a salary, not insured", |it| it.paid == YES && it.insured == NO && it.on_register == YES),
    ("insured-unpaid", "参保而未发工资", "insured, without a salary", |it| {
        it.insured == YES && it.paid == NO && it.on_register == NO
    }),
];

/// Every difference between the strips, in the order of [`KINDS`].
pub fn contrasts(strips: &[Strip], months: &[i32]) -> Vec<Contrast> {
    let seen: Vec<Month> = (0..months.len()).map(|at| month(strips, at, months)).collect();
    let kind = |(id, zh, en, stands): &Kind| Contrast {
        id,
        title: Title { zh: (*zh).to_owned(), en: (*en).to_owned() },
        months: months.iter().zip(&seen).filter(|(_, it)| stands(it)).map(|(month, _)| *month).collect(),
    };
    KINDS.iter().map(kind).filter(|it| !it.months.is_empty()).collect()
}

fn month(strips: &[Strip], at: usize, months: &[i32]) -> Month {
    let cell = |source: Source| strips.iter().find(|it| it.source == source).map(|it| it.cells[at]);
    // A strip that is not there had nothing to say in any month.
    let is_there = |source: Source| match cell(source) {
        Some(Cell::There | Cell::Twice) => Some(true),
        Some(Cell::Nothing) | None => Some(false),
        // Beside the main thing is neither yes nor no.
        Some(Cell::Beside | Cell::Uncovered | Cell::Unseen) => None,
    };
    let is_twice = |source: Source| cell(source) == Some(Cell::Twice);
    let died = strips.iter().filter(|it| it.source == Source::Death).flat_map(|it| &it.marks).filter_map(|it| it.from).min();
    Month {
        on_register: is_there(Source::Establishment),
        employed: is_there(Source::Employment),
        seen: match cell(Source::Attendance) {
            Some(Cell::There | Cell::Beside) => Some(true),
            Some(Cell::Unseen) => Some(false),
            _ => None,
        },
        paid: is_there(Source::Salary),
        insured: is_there(Source::Insurance),
        pensioned: is_there(Source::Pension),
        away: matches!(cell(Source::Away), Some(Cell::There)),
        dead: died.is_some_and(|it| it < months[at]),
        two_registers: is_twice(Source::Establishment),
        two_files: is_twice(Source::Employment),
        two_payers: is_twice(Source::Salary),
        two_insurers: is_twice(Source::Insurance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTHS: &[i32] = &[202_601, 202_602, 202_603];

    fn strip(source: Source, cells: [Cell; 3]) -> Strip {
        Strip { source, cells: cells.to_vec(), marks: Vec::new() }
    }

    /// `cells` of register, personnel, salary and insurance.
    fn check(cells: [[Cell; 3]; 4], expected: &[(&str, &[i32])]) {
        let sources = [Source::Establishment, Source::Employment, Source::Salary, Source::Insurance];
        let strips: Vec<Strip> = sources.into_iter().zip(cells).map(|(source, cells)| strip(source, cells)).collect();
        let found = contrasts(&strips, MONTHS);
        let found: Vec<(&str, &[i32])> = found.iter().map(|it| (it.id, it.months.as_slice())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_gap_is_told_with_its_months() {
        use Cell::{Nothing, There, Twice, Uncovered};
        let all = [There; 3];
        check([all, all, all, all], &[]);
        check(
            [[There, Nothing, Nothing], [There, Nothing, Nothing], all, [There, There, Nothing]],
            &[("paid-and-unknown", &[202_602, 202_603])],
        );
        check([all, all, [There, Twice, There], all], &[("two-payers", &[202_602])]);
        // A lost payroll is no evidence that nobody was paid.
        check([all, all, [There, Uncovered, Nothing], all], &[("unpaid", &[202_603])]);
    }
}
