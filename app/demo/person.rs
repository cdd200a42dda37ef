//! A person of the city, and what every department could truly say of them. Departments write from this; damage comes on top.

use chrono::{Datelike, NaiveDate};
use muster_core::retirement::Category;

use super::calendar::{Sex, month_of};
use super::units::QuotaType;

/// What somebody is to the city on the last day of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// On a quota.
    Staff,
    /// Was on a quota when the window began, or came and went within it.
    Leaver,
    /// Works without a quota: contract or labour dispatch.
    NonQuota,
    /// Retired before the window.
    Retiree,
    /// Receives a survivor's allowance.
    Survivor,
    /// Is paid for single pieces of work.
    Expert,
    /// Nobody knows them but the payroll.
    Stranger,
    /// Appears only in the register of deaths.
    Citizen,
}

/// Why a spell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// 辞职.
    Resignation,
    /// 辞退.
    Dismissal,
    /// 合同期满.
    ContractEnd,
    /// 退休.
    Retirement,
    /// 死亡.
    Death,
    /// 调出.
    Transfer,
}

/// Who employs: a unit of the city or somebody outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Employer {
    /// By index in the city's units.
    Unit(usize),
    /// By index in the employers outside.
    Outside(usize),
}

/// A spell on the establishment register.
#[derive(Clone, Debug)]
pub struct Register {
    /// Where.
    pub unit: usize,
    /// On which kind of quota.
    pub quota: QuotaType,
    /// Whether it occupies the quota.
    pub counts: bool,
    /// Since when; None: before the register began.
    pub entered: Option<NaiveDate>,
    /// By which document.
    pub document: Option<String>,
    /// Until when, and why.
    pub exited: Option<(NaiveDate, Reason)>,
}

/// What a movement form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// 入编.
    Entry,
    /// From one unit of the city to another.
    Transfer,
    /// Off the register, for this reason.
    Exit(Reason),
}

/// A registration of an entry, an exit or a move.
#[derive(Clone, Debug)]
pub struct Move {
    /// What it is for.
    pub kind: MoveKind,
    /// From where.
    pub from: Option<usize>,
    /// To where.
    pub to: Option<usize>,
    /// The kind of quota concerned.
    pub quota: QuotaType,
    /// The day the order names.
    pub effective: NaiveDate,
    /// The day it was registered; None: not yet.
    pub registered: Option<NaiveDate>,
}

/// How somebody is employed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// 在编.
    OnQuota,
    /// 合同聘用.
    Contract,
    /// 劳务派遣.
    Dispatch,
    /// 返聘.
    Rehired,
}

/// An employment spell.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where.
    pub unit: usize,
    /// How.
    pub kind: JobKind,
    /// Off post (start-up leave and the like), while employed.
    pub off_post: bool,
    /// Since when; None: before the system began.
    pub start: Option<NaiveDate>,
    /// Until when, and why.
    pub end: Option<(NaiveDate, Reason)>,
}

/// What a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PayKind {
    /// 在职工资.
    Salary,
    /// 补发.
    Arrears,
    /// 绩效年终奖.
    Performance,
    /// 离退休费.
    Retirement,
    /// 遗属抚恤.
    Survivor,
    /// 返聘劳务.
    Rehired,
    /// 编外工资.
    NonQuota,
    /// 一次性劳务.
    OneOff,
}

/// Somebody is paid every month from one to another, both included.
#[derive(Clone, Debug)]
pub struct Pay {
    /// By whom.
    pub unit: usize,
    /// For what.
    pub kind: PayKind,
    /// First month.
    pub from: i32,
    /// Last month.
    pub to: i32,
    /// Of the full pay.
    pub percent: i64,
}

/// A single payment.
#[derive(Clone, Debug)]
pub struct Single {
    /// By whom.
    pub unit: usize,
    /// For what.
    pub kind: PayKind,
    /// For which month, as the payroll names it.
    pub month: i32,
    /// How much.
    pub gross_fen: i64,
    /// The months that arrears make up for.
    pub arrears: Option<(i32, i32)>,
}

/// How a salary line comes to stand in a batch more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Paid twice.
    Twice,
    /// Reversed and written again: three lines that come to one.
    Corrected,
}

/// Insurance schemes that the city's insurer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// 机关事业养老.
    Public,
    /// 企业养老.
    Enterprise,
    /// 工伤.
    Injury,
}

/// Somebody is insured by an employer from one month to another, both included.
#[derive(Clone, Debug)]
pub struct Insured {
    /// By whom.
    pub employer: Employer,
    /// In which scheme.
    pub scheme: Scheme,
    /// First month.
    pub from: i32,
    /// Last month.
    pub to: i32,
    /// The month in which it was paid later; None: as usual.
    pub made_up_in: Option<i32>,
}

/// A pension from one month to another, both included.
#[derive(Clone, Debug)]
pub struct Pension {
    /// First month.
    pub from: i32,
    /// Last month.
    pub to: i32,
    /// A month.
    pub amount_fen: i64,
}

/// A death.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    /// The day.
    pub died_on: NaiveDate,
    /// The day the register took it in.
    pub registered_on: NaiveDate,
}

/// A leave or official travel.
#[derive(Clone, Debug)]
pub struct Leave {
    /// HR's own word.
    pub kind: &'static str,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Back at work on; None: no return on file.
    pub returned: Option<NaiveDate>,
    /// HR's own word for what happens to the pay.
    pub effect: &'static str,
}

/// Somewhere else for a while, by order.
#[derive(Clone, Debug)]
pub struct Secondment {
    /// HR's own word.
    pub kind: &'static str,
    /// Where to: a unit of the city.
    pub unit: Option<usize>,
    /// Where to, when it is outside the city.
    pub elsewhere: Option<&'static str>,
    /// First day.
    pub from: NaiveDate,
    /// Last approved day.
    pub to: NaiveDate,
    /// Back on; None: not back.
    pub returned: Option<NaiveDate>,
}

/// A month of attendance that is not the usual one.
#[derive(Clone, Copy, Debug)]
pub struct Attended {
    /// Days present.
    pub present: i32,
    /// Days absent without leave.
    pub absent: i32,
    /// The longest absence that reaches into the month.
    pub longest: i32,
}

/// A sanction.
#[derive(Clone, Debug)]
pub struct Sanction {
    /// HR's own word.
    pub kind: &'static str,
    /// From.
    pub from: NaiveDate,
    /// To; None: in force.
    pub to: Option<NaiveDate>,
    /// HR's own word for what happens to the pay.
    pub effect: &'static str,
}

/// A department that writes about people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// 编办.
    Organization,
    /// 人社.
    Hr,
    /// 财政.
    Finance,
    /// 社保.
    Insurance,
}

/// How a department miswrites somebody.
#[derive(Clone, Debug)]
pub struct Slip {
    /// Who miswrites.
    pub source: Source,
    /// The number as written; empty when it is left out.
    pub id: Option<String>,
    /// The name as written.
    pub name: Option<String>,
    /// In which months, for departments that write every month.
    pub months: (i32, i32),
}

/// One person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The true number.
    pub id: String,
    /// The true name.
    pub name: String,
    /// Sex.
    pub sex: Sex,
    /// Day of birth.
    pub birth: NaiveDate,
    /// Which retirement age applies.
    pub category: Category,
    /// What they are to the city.
    pub role: Role,
    /// Bank account.
    pub account: String,
    /// Full monthly pay in the first month of the window.
    pub gross_fen: i64,
    /// What the establishment office knows.
    pub register: Vec<Register>,
    /// Its forms.
    pub moves: Vec<Move>,
    /// What HR knows.
    pub jobs: Vec<Job>,
    /// Leave.
    pub leaves: Vec<Leave>,
    /// Secondments.
    pub secondments: Vec<Secondment>,
    /// Sanctions.
    pub sanctions: Vec<Sanction>,
    /// Months of attendance that are not the usual ones.
    pub attendance: Vec<(i32, Attended)>,
    /// Monthly pay.
    pub pay: Vec<Pay>,
    /// Single payments.
    pub singles: Vec<Single>,
    /// Months whose salary line stands in the batch more than once.
    pub repeated: Vec<(i32, Repeat)>,
    /// Insurance.
    pub insured: Vec<Insured>,
    /// Pensions.
    pub pensions: Vec<Pension>,
    /// Death.
    pub death: Option<Death>,
    /// How departments miswrite them.
    pub slips: Vec<Slip>,
    /// Has a part in a story already: no other story and no damage may touch them.
    pub marked: bool,
}

impl Person {
    /// Somebody of whom nothing is known yet.
    pub fn new(id: String, name: String, sex: Sex, birth: NaiveDate, category: Category, role: Role) -> Person {
        Person {
            id,
            name,
            sex,
            birth,
            category,
            role,
            account: String::new(),
            gross_fen: 0,
            register: Vec::new(),
            moves: Vec::new(),
            jobs: Vec::new(),
            leaves: Vec::new(),
            secondments: Vec::new(),
            sanctions: Vec::new(),
            attendance: Vec::new(),
            pay: Vec::new(),
            singles: Vec::new(),
            repeated: Vec::new(),
            insured: Vec::new(),
            pensions: Vec::new(),
            death: None,
            slips: Vec::new(),
            marked: false,
        }
    }

    /// The unit whose quota they occupied last.
    pub fn unit(&self) -> Option<usize> {
        self.register.last().map(|it| it.unit)
    }

    /// Staff with one quiet spell that began before `month`: nothing else was ever told of them.
    pub fn is_ordinary_since(&self, month: i32) -> bool {
        self.role == Role::Staff
            && !self.marked
            && self.leaves.is_empty()
            && self.secondments.is_empty()
            && self.sanctions.is_empty()
            && self.register.len() == 1
            && self.register[0].entered.is_none_or(|entered| month_of(entered) < month)
    }

    /// Age in whole years.
    pub fn age_on(&self, day: NaiveDate) -> i32 {
        day.year() - self.birth.year() - i32::from((day.month(), day.day()) < (self.birth.month(), self.birth.day()))
    }

    /// Marks them as part of a story.
    pub fn mark(&mut self) -> &mut Person {
        self.marked = true;
        self
    }

    /// Their last pay goes to that month, and nothing is paid after it.
    pub fn stop_pay_after(&mut self, month: i32) {
        self.pay.retain(|it| it.from <= month);
        for pay in &mut self.pay {
            pay.to = pay.to.min(month);
        }
    }

    /// They are insured to that month and not after it.
    pub fn stop_insurance_after(&mut self, month: i32) {
        self.insured.retain(|it| it.from <= month);
        for insured in &mut self.insured {
            insured.to = insured.to.min(month);
        }
    }

    /// How a department writes the number and the name in a month.
    pub fn as_written(&self, source: Source, month: i32) -> (&str, &str) {
        let slip = |it: &&Slip| it.source == source && it.months.0 <= month && month <= it.months.1;
        let id = self.slips.iter().filter(slip).find_map(|it| it.id.as_deref()).unwrap_or(&self.id);
        let name = self.slips.iter().filter(slip).find_map(|it| it.name.as_deref()).unwrap_or(&self.name);
        (id, name)
    }
}
