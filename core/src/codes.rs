//! Code lists of the shared vocabulary: the one place where a code and its names stand.
//!
//! A mapping translates a department's own codes to these; rules compare with these; reports print their labels.
//! The values follow the meaning of GB/T 34981.1-2017 and its neighbours, whose own code values are not public.

/// One list of codes.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeList {
    /// How a schema column names the list.
    pub name: &'static str,
    /// Every code that exists, in reading order.
    pub codes: &'static [Code],
}

/// One code and its names.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The shared value, kebab case.
    pub value: &'static str,
    /// 中文名称.
    pub zh: &'static str,
    /// English name.
    pub en: &'static str,
}

const fn code(value: &'static str, zh: &'static str, en: &'static str) -> Code {
    Code { value, zh, en }
}

impl CodeList {
    /// The code called `value`.
    pub fn code(&self, value: &str) -> Option<&'static Code> {
        self.codes.iter().find(|it| it.value == value)
    }
}

/// The list called `name`.
pub fn list(name: &str) -> Option<&'static CodeList> {
    LISTS.iter().copied().find(|it| it.name == name)
}

/// Every list, in the order of docs/schema.md.
pub const LISTS: &[&CodeList] = &[
    &SEX,
    &UNIT_KIND,
    &SYSTEM,
    &LEVEL,
    &FUNDING,
    &BENEFIT_CLASS,
    &QUOTA_TYPE,
    &POST_CLASS,
    &DOCUMENT_KIND,
    &MOVEMENT_KIND,
    &EMPLOYMENT_TYPE,
    &EMPLOYMENT_STATUS,
    &END_REASON,
    &LEAVE_KIND,
    &SECONDMENT_KIND,
    &ASSESSMENT_RESULT,
    &SANCTION_KIND,
    &PAY_EFFECT,
    &PAY_KIND,
    &SCHEME,
    &DEATH_SOURCE,
    &COMPANY_ROLE,
    &COMPANY_STATUS,
    &BENEFIT_KIND,
];

/// 性别, GB/T 2261.1-2003 (1 male, 2 female).
pub const SEX: CodeList = CodeList { name: "sex", codes: &[code("male", "男", "male"), code("female", "女", "female")] };

/// 单位性质: what sort of unit it is on the establishment register.
pub const UNIT_KIND: CodeList = CodeList {
    name: "unit_kind",
    codes: &[
        code("organ", "行政机关", "administrative organ"),
        code("civil-like", "参公事业单位", "institution under the civil-servant law"),
        code("institution", "事业单位", "public institution"),
        code("mass", "群团组织", "mass organisation"),
        code("township", "乡镇街道", "township or subdistrict"),
        code("vertical", "垂直管理单位", "vertically managed unit"),
        code("enterprise", "企业", "enterprise"),
        code("inner", "内设机构", "inner unit"),
    ],
};

/// 系统: which part of the public body a unit belongs to.
pub const SYSTEM: CodeList = CodeList {
    name: "system",
    codes: &[
        code("party", "党委", "party"),
        code("congress", "人大", "people's congress"),
        code("government", "政府", "government"),
        code("consultative", "政协", "consultative conference"),
        code("supervision", "监委", "supervision"),
        code("court", "法院", "court"),
        code("procuratorate", "检察院", "procuratorate"),
        code("democratic-party", "民主党派", "democratic party"),
        code("mass", "群团", "mass organisation"),
        code("education", "教育", "education"),
        code("health", "卫健", "health"),
        code("other", "其他", "other"),
    ],
};

/// 机构级别, in falling order.
pub const LEVEL: CodeList = CodeList {
    name: "level",
    codes: &[
        code("department-chief", "正厅", "department, chief"),
        code("department-deputy", "副厅", "department, deputy"),
        code("division-chief", "正处", "division, chief"),
        code("division-deputy", "副处", "division, deputy"),
        code("section-chief", "正科", "section, chief"),
        code("section-deputy", "副科", "section, deputy"),
        code("subsection-chief", "正股", "subsection, chief"),
        code("subsection-deputy", "副股", "subsection, deputy"),
        code("staff", "科员及以下", "staff"),
        code("unranked", "未定级", "unranked"),
    ],
};

/// 经费形式.
pub const FUNDING: CodeList = CodeList {
    name: "funding",
    codes: &[
        code("full", "全额拨款", "fully funded"),
        code("partial", "差额补贴", "partly funded"),
        code("self", "经费自理", "self-funded"),
        code("enterprise", "企业化管理", "run as an enterprise"),
        code("undetermined", "未定", "undetermined"),
    ],
};

/// 事业单位类别.
pub const BENEFIT_CLASS: CodeList = CodeList {
    name: "benefit_class",
    codes: &[
        code("administrative", "行政类", "administrative"),
        code("public-1", "公益一类", "public benefit, class one"),
        code("public-2", "公益二类", "public benefit, class two"),
        code("productive", "生产经营类", "productive"),
    ],
};

/// 编制类型.
pub const QUOTA_TYPE: CodeList = CodeList {
    name: "quota_type",
    codes: &[
        code("administrative", "行政编制", "administrative quota"),
        code("political-legal", "政法专项编制", "political and legal quota"),
        code("worker", "工勤编制", "support-worker quota"),
        code("civil-like", "参公事业编制", "institution quota under the civil-servant law"),
        code("institution", "事业编制", "institution quota"),
        code("pool", "周转池编制", "revolving-pool quota"),
        code("non-quota", "编外控制数", "cap of non-quota staff"),
    ],
};

/// 职数类别.
pub const POST_CLASS: CodeList = CodeList {
    name: "post_class",
    codes: &[
        code("chief", "正职", "chief"),
        code("deputy", "副职", "deputy"),
        code("discipline", "纪检", "discipline inspection"),
        code("chief-engineer", "总师", "chief engineer, economist or accountant"),
        code("inner-chief", "内设机构正职", "chief of an inner unit"),
        code("inner-deputy", "内设机构副职", "deputy of an inner unit"),
        code("other", "其他", "other"),
    ],
};

/// 文件类别.
pub const DOCUMENT_KIND: CodeList = CodeList {
    name: "document_kind",
    codes: &[
        code("charter", "三定方案", "charter of functions, units and quota"),
        code("quota-approval", "编制核定", "quota approval"),
        code("quota-change", "编制调整", "quota change"),
        code("leader-quota", "职数核定", "leading-post approval"),
        code("unit-set-up", "机构设立", "unit set up"),
        code("unit-abolition", "机构撤销", "unit abolished"),
        code("entry", "入编批复", "entry approval"),
        code("exit", "出编", "exit"),
        code("appointment", "任免", "appointment"),
        code("pay", "工资审批", "pay approval"),
        code("retirement", "退休审批", "retirement approval"),
        code("secondment", "借调", "secondment"),
        code("sanction", "处分", "sanction"),
        code("judgement", "判决", "judgement"),
        code("other", "其他", "other"),
    ],
};

/// 出入编业务类别.
pub const MOVEMENT_KIND: CodeList = CodeList {
    name: "movement_kind",
    codes: &[
        code("entry", "入编", "entry"),
        code("exit", "出编", "exit"),
        code("internal", "内部调整", "move inside the body"),
        code("transfer", "调任转任", "transfer"),
        code("use-approval", "用编核准", "approval to use a quota"),
        code("quota-change", "编制类型变更", "change of quota type"),
        code("secondment-out", "借调出", "seconded out"),
        code("secondment-in", "借调入", "seconded in"),
        code("retirement", "退休", "retirement"),
        code("resignation", "辞职", "resignation"),
        code("dismissal", "辞退", "dismissal"),
        code("expulsion", "开除", "expulsion"),
        code("death", "死亡", "death"),
        code("abolition", "撤销机构划转", "moved from an abolished unit"),
    ],
};

/// 用工类型.
pub const EMPLOYMENT_TYPE: CodeList = CodeList {
    name: "employment_type",
    codes: &[
        code("on-quota", "在编", "on the establishment"),
        code("civil-like", "参公", "under the civil-servant law"),
        code("contract", "合同聘用", "contract"),
        code("dispatch", "劳务派遣", "labour dispatch"),
        code("rehired", "返聘", "re-hired after retirement"),
        code("probation", "见习", "trainee"),
    ],
};

/// 人员状态.
pub const EMPLOYMENT_STATUS: CodeList = CodeList {
    name: "employment_status",
    codes: &[
        code("active", "在职", "active"),
        code("off-post", "离岗", "off post"),
        code("suspended", "停职", "suspended"),
        code("stepped-back", "退居二线", "stepped back"),
        code("retired", "退休", "retired"),
        code("veteran-retired", "离休", "retired veteran cadre"),
        code("dead", "死亡", "dead"),
        code("moved", "调出", "moved away"),
        code("left", "离职", "left"),
    ],
};

/// 人事关系终止原因.
pub const END_REASON: CodeList = CodeList {
    name: "end_reason",
    codes: &[
        code("resignation", "辞职", "resignation"),
        code("dismissal", "辞退", "dismissal"),
        code("discharge", "解聘", "discharge"),
        code("expulsion", "开除", "expulsion"),
        code("contract-end", "合同期满", "end of contract"),
        code("retirement", "退休", "retirement"),
        code("death", "死亡", "death"),
        code("transfer", "调出", "transfer"),
        code("reorganisation", "划转", "reorganisation"),
    ],
};

/// 请假与离岗类别.
pub const LEAVE_KIND: CodeList = CodeList {
    name: "leave_kind",
    codes: &[
        code("sick", "病假", "sick leave"),
        code("personal", "事假", "personal leave"),
        code("maternity", "产假", "maternity leave"),
        code("paternity", "陪产假", "paternity leave"),
        code("childcare", "育儿假", "childcare leave"),
        code("work-injury", "工伤", "work injury"),
        code("home", "探亲假", "home leave"),
        code("marriage", "婚假", "marriage leave"),
        code("bereavement", "丧假", "bereavement leave"),
        code("annual", "年休假", "annual leave"),
        code("study", "学习", "study"),
        code("abroad", "出国", "abroad"),
        code("official-travel", "因公外出", "official travel"),
        code("start-up", "离岗创业", "entrepreneurship leave"),
        code("unpaid-retention", "停薪留职", "unpaid leave with post kept"),
        code("other", "其他", "other"),
    ],
};

/// 借调类别.
pub const SECONDMENT_KIND: CodeList = CodeList {
    name: "secondment_kind",
    codes: &[
        code("secondment", "借调", "secondment"),
        code("temporary-post", "挂职", "temporary post"),
        code("village", "驻村", "posted to a village"),
        code("aid", "援派", "aid posting"),
        code("task-force", "专班", "task force"),
    ],
};

/// 年度考核结果.
pub const ASSESSMENT_RESULT: CodeList = CodeList {
    name: "assessment_result",
    codes: &[
        code("excellent", "优秀", "excellent"),
        code("competent", "称职（合格）", "competent"),
        code("basic", "基本称职（基本合格）", "basically competent"),
        code("incompetent", "不称职（不合格）", "incompetent"),
        code("ungraded", "不定等次", "ungraded"),
        code("absent", "未参加", "not assessed"),
    ],
};

/// 处分与强制措施类别.
pub const SANCTION_KIND: CodeList = CodeList {
    name: "sanction_kind",
    codes: &[
        code("discipline", "纪律处分", "disciplinary sanction"),
        code("custody", "留置", "supervisory custody"),
        code("detention", "刑事拘留", "criminal detention"),
        code("arrest", "逮捕", "arrest"),
        code("bail", "取保候审", "released on bail"),
        code("residence", "监视居住", "residential surveillance"),
        code("prison", "判刑", "prison sentence"),
        code("probation", "缓刑", "suspended sentence"),
        code("expulsion", "开除", "expulsion"),
        code("rehabilitation", "强制戒毒", "compulsory rehabilitation"),
        code("declared-missing", "宣告失踪", "declared missing"),
        code("declared-dead", "宣告死亡", "declared dead"),
        code("suspension", "停职", "suspension"),
    ],
};

/// 待遇影响.
pub const PAY_EFFECT: CodeList = CodeList {
    name: "pay_effect",
    codes: &[
        code("none", "无", "none"),
        code("stop", "停发", "stopped"),
        code("living-75", "75%生活费", "75 % living allowance"),
        code("living-60", "60%生活费", "60 % living allowance"),
        code("reduced", "降低", "reduced"),
    ],
};

/// 发放类别: what a payment is for. Only `salary` says that somebody is paid as active staff.
pub const PAY_KIND: CodeList = CodeList {
    name: "pay_kind",
    codes: &[
        code("salary", "在职工资", "salary of active staff"),
        code("arrears", "补发", "arrears"),
        code("performance", "绩效年终奖", "performance or year-end pay"),
        code("retirement", "离退休费", "retirement pay"),
        code("survivor", "遗属抚恤", "survivor or death benefit"),
        code("rehired", "返聘劳务", "pay of a re-hired retiree"),
        code("non-quota", "编外工资", "pay of non-quota staff"),
        code("one-off", "一次性劳务", "one-off fee"),
    ],
};

/// 险种.
pub const SCHEME: CodeList = CodeList {
    name: "scheme",
    codes: &[
        code("pension-public", "机关事业养老", "pension of public bodies"),
        code("pension-enterprise", "企业养老", "pension of enterprises"),
        code("pension-resident", "城乡居民养老", "residents' pension"),
        code("annuity", "职业年金", "occupational annuity"),
        code("medical", "医疗", "medical"),
        code("unemployment", "失业", "unemployment"),
        code("work-injury", "工伤", "work injury"),
        code("maternity", "生育", "maternity"),
    ],
};

/// 死亡信息来源.
pub const DEATH_SOURCE: CodeList = CodeList {
    name: "death_source",
    codes: &[
        code("police", "公安", "police"),
        code("civil-affairs", "民政殡葬", "civil affairs"),
        code("health", "卫健", "health"),
        code("insurance", "社保", "social insurance"),
        code("court", "法院宣告", "court declaration"),
        code("unit", "单位报告", "report of the unit"),
    ],
};

/// 企业任职.
pub const COMPANY_ROLE: CodeList = CodeList {
    name: "company_role",
    codes: &[
        code("legal-representative", "法定代表人", "legal representative"),
        code("shareholder", "股东", "shareholder"),
        code("executive", "高管", "executive"),
        code("sole-trader", "个体户", "sole trader"),
    ],
};

/// 企业状态.
pub const COMPANY_STATUS: CodeList = CodeList {
    name: "company_status",
    codes: &[
        code("open", "存续", "open"),
        code("cancelled", "注销", "cancelled"),
        code("revoked", "吊销", "revoked"),
        code("disputed", "冒用登记撤销中", "disputed registration"),
    ],
};

/// 救助待遇类别.
pub const BENEFIT_KIND: CodeList = CodeList {
    name: "benefit_kind",
    codes: &[
        code("unemployment", "失业保险金", "unemployment benefit"),
        code("minimum-living", "最低生活保障", "minimum living allowance"),
        code("extreme-hardship", "特困供养", "support in extreme hardship"),
        code("housing", "住房保障", "housing benefit"),
        code("job-subsidy", "就业困难补贴", "subsidy for people hard to employ"),
        code("other", "其他", "other"),
    ],
};
