//! A night that never was: synthetic people, every section of a report filled. For tests of what reports look like.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use muster_core::case::{Case, CaseEvent, State, What};
use muster_core::check::About;
use muster_core::figures::{Figures, Line as Staff, UnitFigures};
use muster_core::finding::{Family, Finding, Line, Severity, Subject};
use muster_core::map::Tally;
use muster_core::mapping::Title;

use crate::digest::CardText;
use crate::night::{FeedNight, Night, PersonShown, RuleNight, Said, UnitShown, UnlinkedUnit};

const UNITS: &[(&str, &str, &str, i64, i64)] = &[
    ("330683101", "嵊州市财政局", "organ", 86, 74),
    ("330683102", "嵊州市人力资源和社会保障局", "organ", 64, 58),
    ("330683103", "嵊州市教育体育局", "organ", 52, 47),
    ("330683205", "嵊州市公共资源交易中心", "civil-like", 18, 20),
    ("330683301", "嵊州市第一中学", "institution", 262, 241),
    ("330683302", "嵊州市剡山小学", "institution", 148, 151),
    ("330683303", "嵊州市人民医院", "institution", 1_120, 1_064),
    ("330683304", "嵊州市中医院", "institution", 640, 553),
    ("330683305", "嵊州市水利水电工程质量监督站", "institution", 16, 12),
    ("330683306", "嵊州市文化馆", "institution", 22, 22),
    ("330683307", "嵊州市甘霖镇农业综合服务中心", "institution", 34, 29),
    ("330683308", "嵊州市崇仁镇中心卫生院", "institution", 96, 101),
];

struct Card {
    id: &'static str,
    zh: &'static str,
    en: &'static str,
    family: Family,
    severity: Severity,
    line_zh: &'static str,
    line_en: &'static str,
    fen: Option<i64>,
    months: &'static [i32],
    subjects: usize,
}

#[allow(clippy::too_many_arguments)]
const fn card(
    id: &'static str,
    titles: [&'static str; 2],
    family: Family,
    severity: Severity,
    lines: [&'static str; 2],
    fen: Option<i64>,
    months: &'static [i32],
    subjects: usize,
) -> Card {
    Card { id, zh: titles[0], en: titles[1], family, severity, line_zh: lines[0], line_en: lines[1], fen, months, subjects }
}

const CARDS: &[Card] = &[
    card(
        "D01",
        ["两家单位同月发薪", "Paid by two units in one month"],
        Family::Duplicate,
        Severity::S2,
        [
            "{m} 由 嵊州市第一中学 与 嵊州市剡山小学 同时发放在职工资，合计 11,830.00 元",
            "in {m} two units paid a salary, 11,830.00 CNY together",
        ],
        Some(563_000),
        &[202_603, 202_604],
        3,
    ),
    card(
        "D09",
        ["一个账户收多人工资", "One account receives several salaries"],
        Family::Duplicate,
        Severity::S3,
        ["{m} 同一银行账户收取 3 人在职工资", "in {m} one account received the salaries of 3 people"],
        None,
        &[202_604],
        2,
    ),
    card(
        "E01",
        ["单位超编", "Unit over quota"],
        Family::Establishment,
        Severity::S3,
        ["{m} 事业编制核定 148，实有 151，超编 3", "in {m} 148 approved, 151 actual, 3 over"],
        None,
        &[202_604],
        3,
    ),
    card(
        "G01",
        ["死亡后仍发工资", "Paid after death"],
        Family::Ghost,
        Severity::S1,
        [
            "2025-10-12 死亡（公安登记），{m} 仍由 嵊州市水利水电工程质量监督站 发放在职工资 6,234.70 元",
            "died 2025-10-12 (police), still paid 6,234.70 CNY in {m}",
        ],
        Some(771_540),
        &[202_512, 202_601, 202_602, 202_603, 202_604],
        1,
    ),
    card(
        "G03",
        ["退休后仍按在职发薪", "Paid as active after retirement"],
        Family::Ghost,
        Severity::S1,
        [
            "2025-12 退休并领取养老金，{m} 仍发在职工资 7,412.00 元",
            "retired in 2025-12 and draws a pension, still paid 7,412.00 CNY in {m}",
        ],
        Some(741_200),
        &[202_602, 202_603, 202_604],
        1,
    ),
    card(
        "G08",
        ["在编而无人事、工资、社保记录", "On the register, unknown elsewhere"],
        Family::Ghost,
        Severity::S2,
        ["{m} 在编，人事、工资、社保均无记录", "on the establishment in {m}; HR, payroll and insurance know nothing"],
        None,
        &[202_602, 202_603, 202_604],
        2,
    ),
    card(
        "P01",
        ["连续旷工超限", "Absent beyond the limit"],
        Family::Absent,
        Severity::S1,
        ["{m} 连续旷工 23 个工作日，未见请假批准，照发工资 5,870.00 元", "absent 23 working days without leave in {m}, paid 5,870.00 CNY"],
        Some(587_000),
        &[202_603, 202_604],
        2,
    ),
    card(
        "P03",
        ["请假逾期不归", "Not back from leave"],
        Family::Absent,
        Severity::S2,
        [
            "病假至 2026-01-31，未见销假或续假，{m} 照发工资 4,911.30 元",
            "leave ended 2026-01-31, no return on file, paid 4,911.30 CNY in {m}",
        ],
        Some(491_130),
        &[202_603, 202_604],
        3,
    ),
    card(
        "P04",
        ["借调到期未归", "Secondment ended, not back"],
        Family::Absent,
        Severity::S2,
        ["借调至 2025-12-31 到期，未见返回或延期", "secondment ended 2025-12-31, no return or extension on file"],
        None,
        &[],
        1,
    ),
    card(
        "Q01",
        ["身份证号校验不通过", "ID number fails its check digit"],
        Family::Quality,
        Severity::S4,
        ["人事系统的身份证号校验位不符", "the ID number in the personnel system fails its check digit"],
        None,
        &[],
        14,
    ),
    card(
        "T02",
        ["出编登记逾期", "Exit registered late"],
        Family::Timing,
        Severity::S3,
        ["2026-03-02 办理退休，至今 41 个工作日未办出编", "retired 2026-03-02; no exit registered for 41 working days"],
        None,
        &[],
        9,
    ),
];

const SURNAMES: [&str; 12] = ["王", "李", "张", "陈", "裘", "钱", "周", "邢", "马", "史", "俞", "竺"];
const GIVEN: [&str; 9] = ["建国", "丽娟", "志强", "燕", "海波", "月琴", "伟", "雅芳", "国庆"];

/// The night of 2026-05-31.
pub fn tonight() -> NaiveDate {
    "2026-05-31".parse().expect("a day")
}

/// A night with a lost feed, skipped rules, new, reopened and cured cases.
pub fn night() -> Night {
    let mut night = Night {
        city: title("嵊州市", "Shengzhou"),
        tonight: tonight(),
        feeds: feeds(),
        rules: rules(),
        cases: Vec::new(),
        events: Vec::new(),
        people: BTreeMap::new(),
        units: UNITS
            .iter()
            .enumerate()
            .map(|(at, it)| (at as i32, UnitShown { code: it.0.into(), name: it.1.into(), parent: None }))
            .collect(),
        confidential: BTreeMap::new(),
        unlisted_units: 0,
        escalated: Vec::new(),
        amounts: None,
        unlinked_units: unlinked(),
        figures: figures(),
        tables: Vec::new(),
        pefa: None,
        people_count: 14_212,
        link_methods: [("id-exact", 38_112), ("id-15", 214), ("id-repaired", 61), ("name-birth", 37), ("own", 12)]
            .map(|(method, n)| (method.to_owned(), n))
            .into(),
    };
    for card in CARDS {
        for at in 0..card.subjects {
            open(&mut night, card, at);
        }
    }
    night
}

/// What the sample's cards say to reviewers.
pub fn cards() -> Vec<CardText> {
    let prose = |zh: &str, en: &str| title(zh, en);
    CARDS
        .iter()
        .map(|it| CardText {
            id: it.id.into(),
            meaning: prose(
                "登记的事实与发放的事实互相矛盾，已超过宽限期。",
                "What is registered contradicts what is paid, beyond the grace period.",
            ),
            innocent: prose(
                "补发、遗属抚恤、当月办理中的登记属正常情形。",
                "Arrears, survivor benefits and registrations under way are normal.",
            ),
            review: prose(
                "向发薪单位调取停薪通知；没有的，核对经办手续。",
                "Ask the paying unit for the stop-pay notice; without one, look into how it was handled.",
            ),
            basis: Some(prose("国办发〔2014〕65号", "General Office of the State Council (2014) No. 65")),
            amount: it.fen.map(|_| prose("应发与单位缴费之和", "gross pay and the employer's contributions")),
        })
        .collect()
}

fn title(zh: &str, en: &str) -> Title {
    Title { zh: zh.into(), en: en.into() }
}

fn open(night: &mut Night, card: &Card, at: usize) {
    let n = night.cases.len();
    let unit = &UNITS[(n * 5 + 8) % UNITS.len()];
    let key = format!("p-{n:016x}");
    let subject = if card.family == Family::Establishment {
        Subject::Unit { key: UNITS[[5, 11, 3][at % 3]].0.into(), id: 5 }
    } else {
        night.people.insert(n as i32, person(n, &key));
        Subject::Person { key, id: n as i32 }
    };
    let (state, what) = match n % 9 {
        0 | 7 => (State::Open, Some(What::Opened)),
        4 => (State::Cured, Some(What::Cured)),
        5 => (State::Reopened, Some(What::Reopened)),
        _ => (State::Open, None),
    };
    let opened_on = if what == Some(What::Opened) { tonight() } else { "2026-04-18".parse().expect("a day") };
    let finding = finding(card, &subject, unit.0);
    let case = Case {
        key: format!("{n:016x}"),
        number: Some(format!("MU-2026-{:06}", n + 1)),
        family: card.family,
        subject,
        state,
        opened_on,
        changed_on: tonight(),
        findings: BTreeMap::from([(card.id.to_owned(), finding)]),
    };
    night.events.extend(what.map(|what| CaseEvent { case: case.key.clone(), on: tonight(), what, rules: vec![card.id.to_owned()] }));
    night.cases.push(case);
}

fn person(n: usize, key: &str) -> PersonShown {
    let name = format!("{}{}", SURNAMES[n % SURNAMES.len()], GIVEN[(n * 7) % GIVEN.len()]);
    PersonShown { key: key.into(), id_number: Some(format!("33068319{:02}0{}15{:03}X", 62 + n % 35, 1 + n % 9, 10 + n)), name: Some(name) }
}

fn finding(card: &Card, subject: &Subject, unit_code: &str) -> Finding {
    let line = |month: Option<i32>| {
        let shown = month.map(muster_core::report::month).unwrap_or_default();
        Line {
            month,
            zh: card.line_zh.replace("{m}", &shown),
            en: card.line_en.replace("{m}", &shown),
            amount_fen: card.fen,
            places: vec![("finance/payroll-archive".into(), i64::from(month.unwrap_or(17) % 1000 * 37))],
            facts: BTreeMap::new(),
        }
    };
    let months: Vec<Option<i32>> = if card.months.is_empty() { vec![None] } else { card.months.iter().copied().map(Some).collect() };
    Finding {
        rule: card.id.into(),
        family: card.family,
        severity: card.severity,
        subject: subject.clone(),
        unit_id: Some(1),
        unit_code: matches!(subject, Subject::Person { .. }).then(|| unit_code.to_owned()),
        months: card.months.to_vec(),
        since: card.months.first().copied(),
        amount_fen: card.fen.map(|it| it * card.months.len() as i64),
        confidence: 0.97,
        settings: BTreeMap::from([("grace_months".to_owned(), "1".to_owned())]),
        lines: months.into_iter().map(line).collect(),
    }
}

fn rules() -> Vec<RuleNight> {
    let mut rules: Vec<RuleNight> = CARDS
        .iter()
        .map(|it| RuleNight {
            id: it.id.into(),
            title: title(it.zh, it.en),
            family: it.family,
            severity: it.severity,
            about: Some(About::People),
            looked_at: Some(13_950),
            found: Some(it.subjects as u64),
            skipped: None,
            broke_off: false,
            categories: vec![title("国办发〔2014〕65号 P6 其他情形", "State Council General Office 2014 No. 65 P6 other forms")],
            off: false,
        })
        .collect();
    rules.push(RuleNight {
        id: "P13".into(),
        title: title("服刑或被采取强制措施期间仍发工资", "Paid while in custody or prison"),
        family: Family::Absent,
        severity: Severity::S1,
        about: None,
        looked_at: None,
        found: None,
        categories: Vec::new(),
        off: false,
        skipped: Some(Said { zh: "缺少可用数据：处分".into(), en: "no usable data: sanction".into() }),
        broke_off: false,
    });
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn feeds() -> Vec<FeedNight> {
    let feed =
        |feed: &str, department: [&str; 2], table: &str, [pulled, rejected, set_aside]: [u64; 3], months: Option<(i32, i32)>| FeedNight {
            feed: feed.into(),
            department: title(department[0], department[1]),
            table: table.into(),
            left_out: vec![],
            tally: Some(Tally {
                pulled,
                mapped: pulled - rejected - set_aside,
                rejected,
                set_aside,
                unmapped_codes: if table == "payment" {
                    vec![("kind".into(), "47".into(), 12), ("kind".into(), "=cmd|' /C calc'!A0".into(), 1)]
                } else {
                    vec![]
                },
                untold_columns: if table == "employment" { vec!["BZ2".into()] } else { vec![] },
                first_month: months.map(|it| it.0),
                last_month: months.map(|it| it.1),
                ..Tally::default()
            }),
            skipped_lines: if table == "payment" { 48 } else { 0 },
            sha256: Some("0".repeat(64)),
            notes: vec![],
            held: None,
        };
    let (org, hr) = (["中共嵊州市委编办", "Establishment office"], ["市人力社保局", "Human resources bureau"]);
    let (fin, ins) = (["市财政局", "Finance bureau"], ["市社保中心", "Social insurance centre"]);
    let mut lost = feed("hr/sanctions", hr, "sanction", [0, 0, 0], None);
    lost.tally = None;
    lost.left_out = vec![Said {
        zh: "文件夹中没有与 处分*.xlsx 相符的文件".into(),
        en: "no file in the folder matches the pattern".into(),
    }];
    vec![
        feed("organization/units", org, "unit", [512, 0, 0], None),
        feed("organization/quotas", org, "quota", [1_466, 0, 0], None),
        feed("organization/staff", org, "establishment", [15_204, 0, 0], None),
        feed("hr/employment", hr, "employment", [16_377, 9, 0], None),
        feed("hr/attendance", hr, "attendance", [168_210, 31, 0], Some((202_505, 202_604))),
        lost,
        feed("finance/payroll-archive", fin, "payment", [171_944, 22, 3_120], Some((202_505, 202_603))),
        feed("finance/payroll-current", fin, "payment", [15_630, 3, 288], Some((202_604, 202_604))),
        feed("insurance/contributions", ins, "contribution", [169_377, 87, 0], Some((202_505, 202_604))),
        feed("civil/deaths", ["市民政局", "Civil affairs bureau"], "death", [61, 0, 0], None),
    ]
}

fn unlinked() -> Vec<UnlinkedUnit> {
    let unit = |feed: &str, code: Option<&str>, name: Option<&str>, rows, nearest: Option<&str>| UnlinkedUnit {
        feed: feed.into(),
        unit_code: code.map(Into::into),
        unit_name: name.map(Into::into),
        rows,
        nearest_name: nearest.map(Into::into),
    };
    vec![
        unit("hr/employment", None, Some("水利质监站"), 12, Some("嵊州市水利水电工程质量监督站")),
        unit("finance/payroll-archive", Some("0107"), Some("=HYPERLINK(\"http://evil.test\",\"点我\")"), 9, None),
        unit("insurance/contributions", Some("91330683MA2XXXXXXX"), Some("绍兴某某人力资源有限公司"), 4, None),
    ]
}

/// The published figures, and a few units of them.
fn figures() -> Figures {
    let unit = |(code, name, kind, approved, actual): &(&str, &str, &str, i64, i64)| {
        let line = Staff::of(*approved, *actual);
        let organ = *kind == "organ";
        UnitFigures {
            code: (*code).into(),
            name: (*name).into(),
            kind: Some((*kind).into()),
            administrative: if organ { line } else { Staff::default() },
            institution: if organ { Staff::default() } else { line },
        }
    };
    Figures {
        administrative: Staff { approved: 2_976, actual: 2_592, vacant: 391, over: 7 },
        institution: Staff { approved: 13_244, actual: 11_358, vacant: 2_021, over: 135 },
        institutions: 435,
        units_over: 65,
        network_accounts: 291,
        documents: 973,
        units: UNITS.iter().map(unit).collect(),
    }
}

/// Whether any character is Chinese.
pub fn has_chinese(text: &str) -> bool {
    text.chars().any(|it| matches!(it, '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}'))
}

/// The night with names that an English reader could type: what is Chinese afterwards is a label of ours.
pub fn without_chinese(mut night: Night) -> Night {
    for person in night.people.values_mut() {
        person.name = Some("Wang".into());
    }
    for (code, name) in night.units.values_mut().map(|it| (&it.code, &mut it.name)) {
        *name = format!("Unit {code}");
    }
    for unit in &mut night.figures.units {
        unit.name = format!("Unit {}", unit.code);
    }
    for unit in &mut night.unlinked_units {
        (unit.unit_name, unit.nearest_name) = (Some("=1".into()), None);
    }
    night
}
