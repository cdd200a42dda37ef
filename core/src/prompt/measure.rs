//! The columns of the prompt tables: what each counts, said once.

/// One column.
#[derive(Debug)]
pub struct Measure {
    /// Its name in JSON and CSV.
    pub name: &'static str,
    /// 中文表头.
    pub zh: &'static str,
    /// English head.
    pub en: &'static str,
    /// Whether it stands in the table that fits a terminal and a page; the others come with JSON, CSV and one unit alone.
    pub brief: bool,
}

const fn brief(name: &'static str, zh: &'static str, en: &'static str) -> Measure {
    Measure { name, zh, en, brief: true }
}

const fn wide(name: &'static str, zh: &'static str, en: &'static str) -> Measure {
    Measure { name, zh, en, brief: false }
}

/// 编制和人员情况提示表.
pub const QUOTA: &[Measure] = &[
    brief("approved", "核定", "Approved"),
    brief("actual", "实有", "Actual"),
    brief("vacant", "空编", "Vacant"),
    brief("over", "超编", "Over"),
    wide("admin-approved", "行政组核定", "Administrative group approved"),
    wide("admin-actual", "行政组实有", "Administrative group actual"),
    wide("admin-vacant", "行政组空编", "Administrative group vacant"),
    wide("admin-over", "行政组超编", "Administrative group over"),
    wide("inst-approved", "事业组核定", "Institution group approved"),
    wide("inst-actual", "事业组实有", "Institution group actual"),
    wide("inst-vacant", "事业组空编", "Institution group vacant"),
    wide("inst-over", "事业组超编", "Institution group over"),
    wide("administrative-approved", "行政核定", "Administrative approved"),
    wide("administrative-actual", "行政实有", "Administrative actual"),
    wide("administrative-vacant", "行政空编", "Administrative vacant"),
    wide("administrative-over", "行政超编", "Administrative over"),
    wide("political-legal-approved", "政法核定", "Political-legal approved"),
    wide("political-legal-actual", "政法实有", "Political-legal actual"),
    wide("political-legal-vacant", "政法空编", "Political-legal vacant"),
    wide("political-legal-over", "政法超编", "Political-legal over"),
    wide("worker-approved", "工勤核定", "Support workers approved"),
    wide("worker-actual", "工勤实有", "Support workers actual"),
    wide("worker-vacant", "工勤空编", "Support workers vacant"),
    wide("worker-over", "工勤超编", "Support workers over"),
    wide("civil-like-approved", "参公核定", "Civil-like approved"),
    wide("civil-like-actual", "参公实有", "Civil-like actual"),
    wide("civil-like-vacant", "参公空编", "Civil-like vacant"),
    wide("civil-like-over", "参公超编", "Civil-like over"),
    wide("institution-approved", "事业核定", "Institution approved"),
    wide("institution-actual", "事业实有", "Institution actual"),
    wide("institution-vacant", "事业空编", "Institution vacant"),
    wide("institution-over", "事业超编", "Institution over"),
    wide("pool-approved", "周转池核定", "Pool approved"),
    wide("pool-actual", "周转池实有", "Pool actual"),
    wide("pool-vacant", "周转池空编", "Pool vacant"),
    wide("pool-over", "周转池超编", "Pool over"),
    wide("non-quota-approved", "编外控制数", "Non-quota cap"),
    wide("non-quota-actual", "编外实有", "Non-quota actual"),
    brief("lent", "借出", "Lent"),
    brief("borrowed", "借入", "Borrowed"),
    brief("retire-3", "3月内退休", "Retire in 3m"),
    brief("retire-6", "6月内退休", "in 6m"),
    brief("retire-12", "12月内退休", "in 12m"),
    wide("opening", "上年末实有", "At last year's end"),
    brief("year-in", "本年入编", "In this year"),
    brief("year-out", "本年出编", "Out"),
    brief("open-s1", "线索S1", "Leads S1"),
    brief("open-s2", "S2", "S2"),
    brief("open-s3", "S3", "S3"),
];

/// 市管领导干部配置情况提示表.
pub const LEADERS: &[Measure] = &[
    brief("approved", "核定职数", "Approved"),
    brief("actual", "实配", "Filled"),
    brief("vacant", "空缺", "Vacant"),
    brief("over", "超配", "Over"),
    brief("chief-approved", "正职核定", "Chiefs approved"),
    brief("chief-actual", "正职实配", "Chiefs filled"),
    brief("deputy-approved", "副职核定", "Deputies approved"),
    brief("deputy-actual", "副职实配", "Deputies filled"),
    wide("discipline-approved", "纪检核定", "Discipline approved"),
    wide("discipline-actual", "纪检实配", "Discipline filled"),
    wide("chief-engineer-approved", "总师核定", "Chief engineers approved"),
    wide("chief-engineer-actual", "总师实配", "Chief engineers filled"),
    wide("inner-chief-approved", "内设正职核定", "Inner chiefs approved"),
    wide("inner-chief-actual", "内设正职实配", "Inner chiefs filled"),
    wide("inner-deputy-approved", "内设副职核定", "Inner deputies approved"),
    wide("inner-deputy-actual", "内设副职实配", "Inner deputies filled"),
    wide("other-approved", "其他核定", "Others approved"),
    wide("other-actual", "其他实配", "Others filled"),
    brief("concurrent", "兼任（不计）", "Concurrent, not counted"),
    wide("leaders", "领导人数", "Leaders"),
    brief("women", "女性", "Women"),
    brief("under-45", "45岁以下", "Under 45"),
    brief("ten-years", "任职满10年", "Ten years in post"),
    brief("retire-3", "3月内退休", "Retire in 3m"),
    brief("retire-6", "6月内退休", "in 6m"),
    brief("retire-12", "12月内退休", "in 12m"),
];

/// 三个一致.
pub const CONSISTENCY: &[Measure] = &[
    brief("unit-all", "机构", "Units"),
    brief("unit-fine", "有批文", "with document"),
    brief("unit-without", "无批文", "without"),
    wide("unit-unnamed", "未填文号", "no number named"),
    brief("person-all", "在编人员", "Staff"),
    brief("person-fine", "有人事档", "with file"),
    brief("person-without", "无人事档", "without"),
    brief("ledger-all", "台账条目", "Ledger entries"),
    brief("ledger-fine", "有批文", "with document"),
    brief("ledger-without", "无批文", "without"),
    wide("ledger-unnamed", "未填文号", "no number named"),
];
