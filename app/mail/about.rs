//! What a letter tells, as its template sees it: texts and counts, ready to be set. Nothing else gets into a letter.

use muster_core::report::Lang;
use muster_core::report::total::Balance;
use serde::Serialize;

use crate::words::count;

/// Every letter's matter; what a kind does not tell is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct About {
    /// Whether it is in Chinese.
    pub zh: bool,
    /// Its kind's word.
    pub kind: &'static str,
    /// The city.
    pub city: String,
    /// The department or person that it goes to; empty for operators.
    pub reader: String,
    /// The night, or the day of an alarm.
    pub night: String,
    /// Subject line.
    pub subject: String,
    /// Can tonight be trusted? One sentence.
    pub trust: String,
    /// `good`, `fair` or `bad`.
    pub trust_colour: &'static str,
    /// Every feed.
    pub feeds: Vec<FeedTold>,
    /// The night of the letter before; empty when there was none.
    pub since: String,
    /// The line of counts.
    pub balance: BalanceTold,
    /// Open cases whose next step is overdue, as a number; empty where the kind does not tell it.
    pub overdue: String,
    /// Open cases whose next step is due within a week, as a number; empty where the kind does not tell it.
    pub soon: String,
    /// Cases that are new or back, the gravest first.
    pub cases: Vec<CaseTold>,
    /// How many more there are.
    pub further: usize,
    /// Cases whose next step is overdue, the longest first; of a night also those that are due within a week.
    pub late: Vec<CaseTold>,
    /// How many more there are.
    pub late_further: usize,
    /// Units with open cases, the most first.
    pub units: Vec<UnitTold>,
    /// Open cases by family.
    pub families: Vec<Counted>,
    /// Open cases by official category.
    pub categories: Vec<Counted>,
    /// The prompt tables in figures.
    pub tables: Vec<TableTold>,
    /// Month by month, the oldest first.
    pub trend: Vec<MonthTold>,
    /// What operators must mend.
    pub lines: Vec<Line>,
    /// Whether an urgent letter takes back the one before.
    pub withdrawn: bool,
    /// Address of the page that letters point to; empty where there is none.
    pub link: String,
    /// Who keeps scopes and kinds of letters.
    pub keeper: String,
}

/// A line of counts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BalanceTold {
    /// Open before.
    pub open_before: String,
    /// New.
    pub opened: String,
    /// Back.
    pub reopened: String,
    /// Disappeared.
    pub cured: String,
    /// Decided.
    pub decided: String,
    /// Open now.
    pub open_now: String,
    /// Whether it adds up.
    pub holds: bool,
}

impl BalanceTold {
    /// In digits.
    pub fn of(it: &Balance) -> BalanceTold {
        BalanceTold {
            open_before: count(it.open_before),
            opened: count(it.opened),
            reopened: count(it.reopened),
            cured: count(it.cured),
            decided: count(it.decided),
            open_now: count(it.open_tonight),
            holds: it.holds(),
        }
    }
}

/// One line of the table of feeds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FeedTold {
    /// Department and table.
    pub name: String,
    /// Rows pulled.
    pub rows: String,
    /// The months it covers.
    pub covers: String,
    /// Whether it was used.
    pub state: &'static str,
    /// `good`, `fair` or `bad`.
    pub colour: &'static str,
    /// Why it was not.
    pub why: String,
}

/// One case that is listed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CaseTold {
    /// `MU-2026-000123`.
    pub number: String,
    /// New or back; empty where neither.
    pub what: &'static str,
    /// `bad` for the gravest.
    pub colour: &'static str,
    /// `S1` to `S4`.
    pub severity: String,
    /// Titles of its rules.
    pub rules: String,
    /// Names of its units.
    pub unit: String,
    /// The day up to which its next step is due; empty where none is told.
    pub due: String,
}

/// What is open at a unit.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UnitTold {
    /// Its name.
    pub name: String,
    /// Open cases.
    pub open: String,
    /// Of them overdue.
    pub overdue: String,
    /// Of them new or back since the letter before.
    pub came: String,
}

/// Something that was counted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counted {
    /// What.
    pub name: String,
    /// How many.
    pub many: String,
}

/// A prompt table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TableTold {
    /// Its title.
    pub title: String,
    /// As of the end of this month, `2026-10`.
    pub month: String,
    /// Its sums.
    pub sums: Vec<Counted>,
}

/// A month of the trend.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MonthTold {
    /// `2026-10`.
    pub month: String,
    /// New or back.
    pub came: String,
    /// Cured or decided.
    pub gone: String,
    /// Open at its end.
    pub open: String,
    /// That, as a share of the highest of all months, in percent: for a bar.
    pub share: u64,
}

/// Something that operators must mend, or that is mended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// `bad`, `fair`, or `good` when it is over.
    pub colour: &'static str,
    /// What.
    pub text: String,
    /// How to mend it; empty where that is not said.
    pub hint: String,
}

impl About {
    /// What templates are tried on before a night: every field filled, or as empty as a letter can be.
    pub fn sample(kind: &'static str, lang: Lang, full: bool) -> About {
        let zh = lang == Lang::Zh;
        let text = |zh: &str, en: &str| lang.pick(zh, en).to_owned();
        let empty = About {
            zh,
            kind,
            city: text("某市", "A city"),
            reader: text("市财政局", "Finance bureau"),
            night: "2026-11-16".to_owned(),
            subject: text("新增 1", "1 new"),
            trust: text("可信", "Yes"),
            trust_colour: "good",
            keeper: "ops@city.example".to_owned(),
            ..About::default()
        };
        if !full {
            return empty;
        }
        let number = || "12".to_owned();
        let case = || CaseTold {
            number: "MU-2026-000123".to_owned(),
            what: lang.pick("新增", "new"),
            colour: "bad",
            severity: "S1".to_owned(),
            rules: text("死亡后仍发工资", "Paid after death"),
            unit: text("市水文站", "Water station"),
            due: "2026-11-20".to_owned(),
        };
        let counted = || vec![Counted { name: text("吃空饷", "ghost payroll"), many: number() }];
        About {
            feeds: vec![FeedTold {
                name: text("市财政局 · 工资", "Finance · pay"),
                rows: number(),
                covers: "2026-10".to_owned(),
                state: lang.pick("✗ 未采用", "✗ left out"),
                colour: "bad",
                why: text("未到", "not there"),
            }],
            since: "2026-11-09".to_owned(),
            balance: BalanceTold { holds: true, ..BalanceTold::default() },
            overdue: number(),
            soon: number(),
            cases: vec![case()],
            further: 3,
            late: vec![case()],
            late_further: 3,
            units: vec![UnitTold { name: text("市水文站", "Water station"), open: number(), overdue: number(), came: number() }],
            families: counted(),
            categories: counted(),
            tables: vec![TableTold { title: text("提示表", "A table"), month: "2026-10".to_owned(), sums: counted() }],
            trend: vec![MonthTold { month: "2026-10".to_owned(), came: number(), gone: number(), open: number(), share: 100 }],
            lines: vec![Line { colour: "bad", text: text("磁盘不足", "disk is short"), hint: text("扩充", "add some") }],
            withdrawn: true,
            link: "https://muster.city.example".to_owned(),
            ..empty
        }
    }
}
