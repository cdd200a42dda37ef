//! What people do about a case, on top of what the nights say: acts, and the standing that they come to.
//!
//! Acts are append-only and belong to the case, not to a night: they outlive reruns. A decision settles a case until the case grows,
//! until the date of the explanation has passed, or until somebody reopens it; a settled case is not told again.

use chrono::{Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::Case;
use super::explanation::Explanation;
use crate::calendar::Calendar;
use crate::finding::Finding;

/// What a case turned out to be. C1 to C12 after the outcome codes of national matching exercises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Paid on purpose to somebody who was not entitled.
    C1,
    /// Paid by mistake.
    C2,
    /// Registered late, without loss.
    C3,
    /// A secondment in order.
    C4,
    /// Leave in order.
    C5,
    /// Retired in the month.
    C6,
    /// Death registered late, without loss.
    C7,
    /// Hired again in order.
    C8,
    /// Two people were taken for one, or one for two.
    C9,
    /// The source is wrong.
    C10,
    /// In order for another reason.
    C11,
    /// It could not be found out.
    C12,
    /// Another case is about the same.
    Dup,
}

/// What kind of decision an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as the rule says.
    Confirmed,
    /// All is in order.
    Explained,
    /// The data are wrong.
    DataError,
    /// It cannot be verified.
    Unverified,
    /// It is told by another case already.
    Duplicate,
}

impl Outcome {
    /// Every outcome, in order.
    pub const ALL: [Outcome; 13] = [
        Outcome::C1,
        Outcome::C2,
        Outcome::C3,
        Outcome::C4,
        Outcome::C5,
        Outcome::C6,
        Outcome::C7,
        Outcome::C8,
        Outcome::C9,
        Outcome::C10,
        Outcome::C11,
        Outcome::C12,
        Outcome::Dup,
    ];

    /// As it is typed: `C4` or `Dup`, in either case.
    pub fn read(text: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|it| format!("{it:?}").eq_ignore_ascii_case(text.trim()))
    }

    /// 中文名称 and English name.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Outcome::C1 => ("属实：吃空饷", "confirmed: ghost payroll"),
            Outcome::C2 => ("属实：误发多发", "confirmed: paid by mistake"),
            Outcome::C3 => ("登记滞后，未造成损失", "registered late, no loss"),
            Outcome::C4 => ("合规借调", "secondment in order"),
            Outcome::C5 => ("合规请假", "leave in order"),
            Outcome::C6 => ("当月退休", "retired in the month"),
            Outcome::C7 => ("死亡登记滞后，未造成损失", "death registered late, no loss"),
            Outcome::C8 => ("合规返聘", "hired again in order"),
            Outcome::C9 => ("身份匹配有误", "wrong match of identities"),
            Outcome::C10 => ("来源数据有误", "wrong data at the source"),
            Outcome::C11 => ("其他合理情形", "in order for another reason"),
            Outcome::C12 => ("无法核实", "cannot be verified"),
            Outcome::Dup => ("与另案重复", "the same as another case"),
        }
    }

    /// What kind of decision it is.
    pub fn verdict(self) -> Verdict {
        match self {
            Outcome::C1 | Outcome::C2 => Verdict::Confirmed,
            Outcome::C3 | Outcome::C4 | Outcome::C5 | Outcome::C6 | Outcome::C7 | Outcome::C8 | Outcome::C11 => Verdict::Explained,
            Outcome::C9 | Outcome::C10 => Verdict::DataError,
            Outcome::C12 => Verdict::Unverified,
            Outcome::Dup => Verdict::Duplicate,
        }
    }
}

/// What was done about a case that is confirmed. Money that came back is [`Deed::Recovered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The pay goes on no longer.
    PayStopped,
    /// The exit stands in the register.
    ExitRegistered,
    /// The money was asked for.
    RecoveryDemanded,
    /// Others were told of what may be an offence.
    Referred,
    /// Somebody was disciplined.
    Disciplined,
}

impl Measure {
    /// Every measure, in the order in which they are mostly taken.
    pub const ALL: [Measure; 5] =
        [Measure::PayStopped, Measure::ExitRegistered, Measure::RecoveryDemanded, Measure::Referred, Measure::Disciplined];

    /// 中文名称 and English name.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Measure::PayStopped => ("停发工资", "pay stopped"),
            Measure::ExitRegistered => ("办理出编", "exit registered"),
            Measure::RecoveryDemanded => ("责令退还", "recovery demanded"),
            Measure::Referred => ("线索移送", "referred"),
            Measure::Disciplined => ("处理处分", "disciplined"),
        }
    }

    /// The word in the audit log.
    pub fn word(self) -> &'static str {
        match self {
            Measure::PayStopped => "pay-stopped",
            Measure::ExitRegistered => "exit-registered",
            Measure::RecoveryDemanded => "recovery-demanded",
            Measure::Referred => "referred",
            Measure::Disciplined => "disciplined",
        }
    }
}

/// One thing that somebody did about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Instant, UTC.
    pub at: String,
    /// The day.
    pub on: NaiveDate,
    /// The newest night that was known then.
    pub night: NaiveDate,
    /// Who did it.
    pub who: String,
    /// What it was.
    pub deed: Deed,
    /// In words; empty where nothing was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// What can be done about a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Deed {
    /// Given to somebody.
    Assigned {
        /// To whom.
        to: String,
    },
    /// A comment.
    Noted,
    /// The unit was asked.
    Queried,
    /// The unit has answered.
    Replied,
    /// What it turned out to be.
    Decided {
        /// What.
        outcome: Outcome,
        /// Until when an explanation holds; null for other outcomes.
        until: Option<NaiveDate>,
        /// SHA-256 of the document that shows it.
        document: Option<String>,
        /// Which of the explanations of the catalogue it is; null where none was named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        explanation: Option<Explanation>,
    },
    /// Another case is about the same, and is worked on instead.
    Duplicate {
        /// Its number.
        of: String,
    },
    /// Another person has looked and agrees.
    Seconded,
    /// A measure was taken.
    Taken {
        /// Which.
        measure: Measure,
        /// The day from which it counts.
        from: NaiveDate,
        /// What was demanded, in fen; null for other measures.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount_fen: Option<i64>,
        /// SHA-256 of the document that orders or shows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<String>,
    },
    /// Money came back.
    Recovered {
        /// How much, in fen.
        amount_fen: i64,
    },
    /// Nothing more is to be done.
    Closed,
    /// It is open again.
    Reopened,
}

impl Deed {
    /// The word in the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            Deed::Assigned { .. } => "assigned",
            Deed::Noted => "noted",
            Deed::Queried => "queried",
            Deed::Replied => "replied",
            Deed::Decided { .. } => "decided",
            Deed::Duplicate { .. } => "duplicate",
            Deed::Seconded => "seconded",
            Deed::Taken { measure, .. } => measure.word(),
            Deed::Recovered { .. } => "recovered",
            Deed::Closed => "closed",
            Deed::Reopened => "reopened",
        }
    }
}

/// Where the work on a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nobody has taken it up.
    New,
    /// Somebody has it.
    Assigned,
    /// The unit was asked and has not answered.
    Querying,
    /// The unit has answered; a decision is due.
    Replied,
    /// Decided, and waiting for a second pair of eyes.
    Pending,
    /// Decided.
    Decided,
    /// Confirmed, and measures are being taken.
    Measures,
    /// Nothing more is to be done.
    Closed,
}

impl Stage {
    /// Whether it is decided and waits for nobody's word on that.
    pub fn is_settled(self) -> bool {
        matches!(self, Stage::Decided | Stage::Measures | Stage::Closed)
    }
}

/// What the acts about a case come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Where it stands.
    pub stage: Stage,
    /// Who has it.
    pub assigned_to: Option<String>,
    /// What was decided, also while that waits for a second pair of eyes.
    pub outcome: Option<Outcome>,
    /// Until when an explanation holds.
    pub until: Option<NaiveDate>,
    /// Which of the explanations of the catalogue holds.
    pub explanation: Option<Explanation>,
    /// Number of the case that is worked on instead.
    pub duplicate_of: Option<String>,
    /// When the next step is due; null where none is.
    pub due: Option<NaiveDate>,
    /// Measures that were taken and from which day they count, in the order in which they were written down.
    pub measures: Vec<(Measure, NaiveDate)>,
    /// What was demanded last, in fen; null where nothing was.
    pub demanded_fen: Option<i64>,
    /// What came back, in fen.
    pub recovered_fen: i64,
}

impl Standing {
    /// From when a measure counts; null where it was not taken.
    pub fn taken(&self, measure: Measure) -> Option<NaiveDate> {
        self.measures.iter().rev().find(|it| it.0 == measure).map(|it| it.1)
    }

    /// Whether it is confirmed and, where that is asked, seconded.
    pub fn is_confirmed(&self) -> bool {
        self.stage.is_settled() && self.outcome.is_some_and(|it| it.verdict() == Verdict::Confirmed)
    }
}

/// Working days for each step, and days for money to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To take a case up.
    pub acknowledge: i32,
    /// For the unit to answer.
    pub reply: i32,
    /// To decide, from when the case was opened.
    pub decide: i32,
    /// Days for money to come back, from when it was demanded; all days count.
    pub recover_days: u32,
    /// Months that an explanation may hold before a second pair of eyes must look.
    pub explained_months: u32,
}

impl Default for Deadlines {
    /// 5, 10 and 20 working days, 60 days, 12 months.
    fn default() -> Deadlines {
        Deadlines { acknowledge: 5, reply: 10, decide: 20, recover_days: 60, explained_months: 12 }
    }
}

/// What settles a case: how the night treats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Settled {
    /// What was decided.
    pub outcome: Outcome,
    /// Until when an explanation holds.
    pub until: Option<NaiveDate>,
    /// Whether a night has told that it was decided.
    pub told: bool,
}

/// Why an act is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no decision to second.
    NothingToSecond,
    /// Nobody seconds what they decided.
    OwnDecision,
    /// Only what is decided can be closed.
    NotDecided,
    /// It is decided; it must be reopened first.
    Settled,
    /// It is open.
    Open,
    /// An explanation says until when it holds.
    NoEnd,
    /// Its end has passed already.
    EndPassed,
    /// A decision says why.
    NoReason,
    /// Measures are for what is confirmed.
    NotConfirmed,
    /// What will be is not written down yet.
    Future,
    /// A case is no duplicate of itself.
    Itself,
    /// The case it shall be a duplicate of is not there.
    NoOther,
    /// That case is a duplicate of this one, directly or by others.
    Circle,
    /// `Dup` names another case.
    NamesNone,
    /// It was de-identified: its time is over.
    Gone,
}

impl Refused {
    /// 中文 and English.
    pub fn told(self) -> (&'static str, &'static str) {
        match self {
            Refused::NothingToSecond => ("没有等待复核的结论", "no decision waits for a second pair of eyes"),
            Refused::OwnDecision => ("复核须由另一人作出", "another person than the one who decided must look"),
            Refused::NotDecided => ("尚无结论，不能办结", "it is not decided; only what is decided can be closed"),
            Refused::Settled => ("已有结论；如需更改，请先 muster case reopen", "it is decided; reopen it first (muster case reopen)"),
            Refused::Open => ("本就未结", "it is open"),
            Refused::NoEnd => ("合规情形须写明截止日期 --until", "an explanation needs --until, the day up to which it holds"),
            Refused::EndPassed => ("截止日期已过", "the day up to which it holds has passed"),
            Refused::Gone => {
                ("已过保存期并去标识，不能再办理", "its time is over and it was de-identified; nothing more can be done about it")
            }
            Refused::NotConfirmed => {
                ("只有查实（C1、C2）并已复核的案件才能登记处置措施", "measures are for cases confirmed as C1 or C2 and seconded")
            }
            Refused::Future => ("日期在今天之后", "the day is yet to come"),
            Refused::Itself => ("不能与自身重复", "a case is no duplicate of itself"),
            Refused::NoOther => ("没有所指的另案编号", "the other case is not there"),
            Refused::Circle => ("所指的另案已（间接）认定为与本案重复", "the other case is a duplicate of this one, directly or by others"),
            Refused::NamesNone => (
                "重复案件须指明另案：muster case duplicate --of，或在说明中写另案编号",
                "say which other case: muster case duplicate --of, or its number in the reason",
            ),
            Refused::NoReason => ("结论须写明依据 --why", "a decision needs --why"),
        }
    }
}

/// The acts since the case was opened or came back last: what was done about it before is history.
fn since(acts: &[Act], came_on: NaiveDate) -> impl DoubleEndedIterator<Item = &Act> {
    acts.iter().filter(move |it| it.night >= came_on)
}

/// Whether a decision waits for a second pair of eyes: an accusation, or an explanation for a long time.
pub fn needs_second(outcome: Outcome, until: Option<NaiveDate>, on: NaiveDate, deadlines: Deadlines) -> bool {
    let long = on.checked_add_months(Months::new(deadlines.explained_months)).unwrap_or(NaiveDate::MAX);
    outcome.verdict() == Verdict::Confirmed || until.is_some_and(|it| it > long)
}

/// What `acts`, in order, come to. `came_on` is the night on which the case was opened or came back last.
pub fn standing(acts: &[Act], came_on: NaiveDate, calendar: &Calendar, deadlines: Deadlines) -> Standing {
    let mut it = Standing {
        stage: Stage::New,
        assigned_to: None,
        outcome: None,
        until: None,
        explanation: None,
        duplicate_of: None,
        due: None,
        measures: Vec::new(),
        demanded_fen: None,
        recovered_fen: 0,
    };
    let (mut asked_on, mut decided_by) = (None, None);
    for act in since(acts, came_on) {
        match &act.deed {
            Deed::Assigned { to } => {
                it.assigned_to = Some(to.clone());
                it.stage = it.stage.max(Stage::Assigned);
            }
            Deed::Noted => {}
            Deed::Queried => (it.stage, asked_on) = (Stage::Querying, Some(act.on)),
            Deed::Replied => it.stage = Stage::Replied,
            Deed::Decided { outcome, until, explanation, .. } => {
                (it.outcome, it.until, it.explanation, it.duplicate_of) = (Some(*outcome), *until, *explanation, None);
                let waits = needs_second(*outcome, *until, act.on, deadlines);
                it.stage = if waits { Stage::Pending } else { Stage::Decided };
                decided_by = Some(act.who.clone());
            }
            Deed::Seconded if it.stage == Stage::Pending && decided_by.as_ref() != Some(&act.who) => it.stage = Stage::Decided,
            Deed::Seconded => {}
            Deed::Duplicate { of } => {
                (it.outcome, it.until, it.explanation, it.duplicate_of) = (Some(Outcome::Dup), None, None, Some(of.clone()));
                it.stage = Stage::Decided;
            }
            Deed::Taken { measure, from, amount_fen, .. } => {
                it.measures.push((*measure, *from));
                it.demanded_fen = amount_fen.or(it.demanded_fen);
                it.stage = if it.stage == Stage::Decided { Stage::Measures } else { it.stage };
            }
            // Counted below: money that came back stays back, whatever becomes of the case.
            Deed::Recovered { .. } => {}
            Deed::Closed => it.stage = Stage::Closed,
            Deed::Reopened => {
                (it.outcome, it.until, it.explanation, it.duplicate_of, decided_by) = (None, None, None, None, None);
                (it.measures, it.demanded_fen) = (Vec::new(), None);
                it.stage = if it.assigned_to.is_some() { Stage::Assigned } else { Stage::New };
            }
        }
    }
    let recovered = |act: &Act| if let Deed::Recovered { amount_fen } = act.deed { amount_fen } else { 0 };
    it.recovered_fen = acts.iter().map(recovered).sum();
    it.due = match it.stage {
        Stage::New => Some(calendar.after_working_days(came_on, deadlines.acknowledge)),
        Stage::Querying => asked_on.map(|it| calendar.after_working_days(it, deadlines.reply)),
        Stage::Assigned | Stage::Replied | Stage::Pending => Some(calendar.after_working_days(came_on, deadlines.decide)),
        Stage::Decided | Stage::Closed => None,
        Stage::Measures => {
            let is_owed = it.demanded_fen.is_some_and(|demanded| it.recovered_fen < demanded);
            let asked = it.taken(Measure::RecoveryDemanded).filter(|_| is_owed);
            asked.and_then(|it| it.checked_add_days(Days::new(deadlines.recover_days.into())))
        }
    };
    it
}

/// Whether `deed` by `who` on the day `on` is possible after `acts`.
pub fn may(deed: &Deed, text: &str, who: &str, on: NaiveDate, acts: &[Act], came_on: NaiveDate, before: &Standing) -> Result<(), Refused> {
    let settled = before.stage.is_settled();
    match deed {
        Deed::Noted | Deed::Recovered { .. } => Ok(()),
        Deed::Decided { .. } | Deed::Duplicate { .. } if settled => Err(Refused::Settled),
        Deed::Decided { outcome: Outcome::Dup, .. } => Err(Refused::NamesNone),
        Deed::Duplicate { .. } if before.stage == Stage::Pending => Err(Refused::Settled),
        Deed::Duplicate { .. } => Ok(()),
        Deed::Taken { .. } if !matches!(before.stage, Stage::Decided | Stage::Measures) || !before.is_confirmed() => {
            Err(Refused::NotConfirmed)
        }
        Deed::Taken { from, .. } if *from > on => Err(Refused::Future),
        Deed::Taken { .. } => Ok(()),
        Deed::Decided { .. } if text.trim().is_empty() => Err(Refused::NoReason),
        Deed::Decided { outcome, until: None, .. } if outcome.verdict() == Verdict::Explained => Err(Refused::NoEnd),
        Deed::Decided { until: Some(until), .. } if *until < on => Err(Refused::EndPassed),
        Deed::Decided { .. } => Ok(()),
        Deed::Seconded if before.stage != Stage::Pending => Err(Refused::NothingToSecond),
        Deed::Seconded => {
            let decided = since(acts, came_on).rfind(|it| matches!(it.deed, Deed::Decided { .. }));
            if decided.is_some_and(|it| it.who == who) { Err(Refused::OwnDecision) } else { Ok(()) }
        }
        Deed::Closed if !matches!(before.stage, Stage::Decided | Stage::Measures) => Err(Refused::NotDecided),
        Deed::Closed => Ok(()),
        Deed::Reopened if !settled && before.stage != Stage::Pending => Err(Refused::Open),
        Deed::Reopened => Ok(()),
        Deed::Queried | Deed::Replied if before.stage == Stage::Pending => Err(Refused::Settled),
        Deed::Assigned { .. } | Deed::Queried | Deed::Replied if settled => Err(Refused::Settled),
        Deed::Assigned { .. } | Deed::Queried | Deed::Replied => Ok(()),
    }
}

/// What settles the case, where it is settled.
pub fn settled(standing: &Standing) -> Option<Settled> {
    let outcome = standing.outcome.filter(|_| standing.stage.is_settled())?;
    Some(Settled { outcome, until: standing.until, told: false })
}

/// Whether a settled case must be told again: its explanation is over, or tonight's findings say more than those that were decided on.
///
/// While an explanation holds, further months and amounts are what it explains; a new rule, or a graver finding, is not. Of every other
/// decision a further month is news: the pay that was to stop has not.
pub fn grown(case: &Case, settled: Settled, found: &std::collections::BTreeMap<String, Finding>, tonight: NaiveDate) -> bool {
    if settled.until.is_some_and(|until| tonight > until) {
        return true;
    }
    // Of a duplicate the other case tells the further months.
    let explained = matches!(settled.outcome.verdict(), Verdict::Explained | Verdict::Duplicate);
    found.iter().any(|(rule, now)| match case.findings.get(rule) {
        None => true,
        // S1 is the gravest and the least.
        Some(then) if now.severity < then.severity => true,
        Some(_) if explained => false,
        Some(then) => now.months.iter().any(|month| !then.months.contains(month)) || now.amount_fen > then.amount_fen,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn act(on: &str, who: &str, deed: Deed) -> Act {
        Act { at: format!("{on}T08:00:00Z"), on: day(on), night: day(on), who: who.to_owned(), deed, text: "the file".to_owned() }
    }

    fn decided(outcome: Outcome, until: Option<&str>) -> Deed {
        Deed::Decided { outcome, until: until.map(day), document: None, explanation: None }
    }

    fn stands(acts: &[Act]) -> Standing {
        standing(acts, day("2026-11-16"), &Calendar::shipped(), Deadlines::default())
    }

    #[test]
    fn a_case_goes_its_way_and_each_step_is_due() {
        assert_eq!((stands(&[]).stage, stands(&[]).due), (Stage::New, Some(day("2026-11-23"))));
        let mut acts = vec![act("2026-11-17", "li-na", Deed::Assigned { to: "wang-lei".into() })];
        assert_eq!((stands(&acts).stage, stands(&acts).due), (Stage::Assigned, Some(day("2026-12-14"))));
        acts.push(act("2026-11-18", "wang-lei", Deed::Queried));
        assert_eq!((stands(&acts).stage, stands(&acts).due), (Stage::Querying, Some(day("2026-12-02"))));
        acts.push(act("2026-11-25", "wang-lei", Deed::Replied));
        acts.push(act("2026-11-26", "wang-lei", decided(Outcome::C4, Some("2027-06-30"))));
        assert_eq!((stands(&acts).stage, stands(&acts).due), (Stage::Decided, None));
        assert_eq!(settled(&stands(&acts)), Some(Settled { outcome: Outcome::C4, until: Some(day("2027-06-30")), told: false }));
        acts.push(act("2026-11-27", "wang-lei", Deed::Reopened));
        assert_eq!((stands(&acts).stage, settled(&stands(&acts))), (Stage::Assigned, None));
    }

    #[test]
    fn an_accusation_and_a_long_explanation_need_a_second_pair_of_eyes() {
        for deed in [decided(Outcome::C1, None), decided(Outcome::C5, Some("2028-01-01"))] {
            let mut acts = vec![act("2026-11-17", "wang-lei", deed)];
            assert_eq!((stands(&acts).stage, settled(&stands(&acts))), (Stage::Pending, None));
            let may = |who: &str| may(&Deed::Seconded, "", who, day("2026-11-18"), &acts, day("2026-11-16"), &stands(&acts));
            assert_eq!((may("wang-lei"), may("li-na")), (Err(Refused::OwnDecision), Ok(())));
            acts.push(act("2026-11-18", "wang-lei", Deed::Seconded));
            assert_eq!(stands(&acts).stage, Stage::Pending, "nobody seconds what they decided, whatever the store holds");
            acts.push(act("2026-11-18", "li-na", Deed::Seconded));
            assert_eq!(stands(&acts).stage, Stage::Decided);
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        let waits = [act("2026-11-17", "wang-lei", decided(Outcome::C1, None))];
        let asks = may(&Deed::Queried, "", "li-na", day("2026-11-18"), &waits, day("2026-11-16"), &stands(&waits));
        assert_eq!(asks, Err(Refused::Settled), "a decision that waits is not lost by asking");
        let check =
            |acts: &[Act], deed: Deed, text: &str| may(&deed, text, "wang-lei", day("2026-11-18"), acts, day("2026-11-16"), &stands(acts));
        assert_eq!(check(&[], decided(Outcome::C4, None), "why"), Err(Refused::NoEnd));
        assert_eq!(check(&[], decided(Outcome::C4, Some("2026-11-01")), "why"), Err(Refused::EndPassed));
        assert_eq!(check(&[], decided(Outcome::C10, None), " "), Err(Refused::NoReason));
        assert_eq!(check(&[], Deed::Closed, ""), Err(Refused::NotDecided));
        assert_eq!(check(&[], Deed::Seconded, ""), Err(Refused::NothingToSecond));
        assert_eq!(check(&[], Deed::Reopened, ""), Err(Refused::Open));
        let settled = [act("2026-11-17", "wang-lei", decided(Outcome::C10, None))];
        assert_eq!(check(&settled, decided(Outcome::C2, None), "why"), Err(Refused::Settled));
        assert_eq!(check(&settled, Deed::Queried, ""), Err(Refused::Settled));
        assert_eq!(check(&settled, Deed::Closed, ""), Ok(()));
    }

    fn taken(measure: Measure, from: &str, amount_fen: Option<i64>) -> Deed {
        Deed::Taken { measure, from: day(from), amount_fen, document: None }
    }

    #[test]
    fn measures_are_for_what_is_confirmed_and_money_is_due_after_it_was_demanded() {
        let mut acts = vec![act("2026-11-17", "wang-lei", decided(Outcome::C2, None))];
        let check = |acts: &[Act], deed: Deed| may(&deed, "", "li-na", day("2026-11-18"), acts, day("2026-11-16"), &stands(acts));
        let stop = || taken(Measure::PayStopped, "2026-11-18", None);
        assert_eq!(check(&acts, stop()), Err(Refused::NotConfirmed), "nobody has seconded it");
        acts.push(act("2026-11-18", "li-na", Deed::Seconded));
        assert_eq!(check(&acts, taken(Measure::PayStopped, "2026-11-19", None)), Err(Refused::Future));
        assert_eq!(check(&acts, stop()), Ok(()));
        acts.push(act("2026-11-18", "li-na", stop()));
        assert_eq!((stands(&acts).stage, stands(&acts).due), (Stage::Measures, None));
        acts.push(act("2026-11-20", "li-na", taken(Measure::RecoveryDemanded, "2026-11-19", Some(900))));
        assert_eq!(stands(&acts).due, Some(day("2027-01-18")), "sixty days from when it was demanded");
        assert!(settled(&stands(&acts)).is_some(), "the night leaves it alone all the same");
        acts.push(act("2026-11-21", "li-na", Deed::Recovered { amount_fen: 900 }));
        assert_eq!(stands(&acts).due, None, "it came back");
        assert_eq!(check(&acts, Deed::Closed), Ok(()));
        let innocent = [act("2026-11-17", "wang-lei", decided(Outcome::C10, None))];
        assert_eq!(check(&innocent, stop()), Err(Refused::NotConfirmed));
    }

    #[test]
    fn a_duplicate_names_the_case_that_is_worked_on_instead() {
        let check = |acts: &[Act], deed: Deed| may(&deed, "x", "li-na", day("2026-11-18"), acts, day("2026-11-16"), &stands(acts));
        assert_eq!(check(&[], decided(Outcome::Dup, None)), Err(Refused::NamesNone));
        let same = || Deed::Duplicate { of: "MU-2026-000007".into() };
        assert_eq!(check(&[], same()), Ok(()));
        let acts = [act("2026-11-17", "wang-lei", same())];
        let it = stands(&acts);
        assert_eq!((it.stage, it.outcome, it.duplicate_of.as_deref()), (Stage::Decided, Some(Outcome::Dup), Some("MU-2026-000007")));
        assert_eq!(check(&acts, same()), Err(Refused::Settled));
    }

    #[test]
    fn what_was_done_before_a_case_came_back_is_history() {
        let acts = [
            act("2026-11-01", "wang-lei", Deed::Recovered { amount_fen: 500 }),
            act("2026-11-01", "wang-lei", decided(Outcome::C10, None)),
        ];
        assert_eq!(settled(&stands(&acts)), None);
        assert_eq!(stands(&acts).recovered_fen, 500, "money that came back stays back");
    }

    proptest! {
        /// Whatever was done in whatever order, a case is settled only by a decision, and money that came back is never forgotten.
        #[test]
        fn acts_come_to_a_standing(deeds in proptest::collection::vec((0..11_u8, 0..2_u8), 0..30)) {
            let acts: Vec<Act> = deeds.iter().map(|(deed, who)| act("2026-11-17", ["wang-lei", "li-na"][usize::from(*who)], match deed {
                0 => Deed::Assigned { to: "li-na".into() },
                1 => Deed::Noted,
                2 => Deed::Queried,
                3 => Deed::Replied,
                4 => decided(Outcome::C1, None),
                5 => decided(Outcome::C5, Some("2027-01-01")),
                6 => Deed::Seconded,
                7 => Deed::Recovered { amount_fen: 100 },
                8 => taken(Measure::RecoveryDemanded, "2026-11-17", Some(300)),
                9 => Deed::Duplicate { of: "MU-2026-000007".into() },
                _ => Deed::Reopened,
            })).collect();
            let it = stands(&acts);
            let last = acts.iter().rev().find(|it| matches!(it.deed, Deed::Decided { .. } | Deed::Duplicate { .. } | Deed::Reopened));
            let by_decision = last.is_some_and(|it| it.deed != Deed::Reopened);
            prop_assert!(settled(&it).is_none() || by_decision);
            let recovered = deeds.iter().filter(|it| it.0 == 7).count() as i64 * 100;
            prop_assert_eq!(it.recovered_fen, recovered);
        }
    }
}
