//! The shared vocabulary: every table and column that a mapping may fill and a rule may read.
//!
//! Defined here and nowhere else. Arrow schemas, docs/schema.md, the JSON Schema of mapping files, hints and labels are
//! printed from it. A table has three shapes on its way through a night:
//!
//! | shape  | who makes it | person columns                       | unit columns                        |
//! |--------|--------------|--------------------------------------|-------------------------------------|
//! | input  | a mapping    | `id_number` `name` `sex` `birth_date`| `unit_code` `unit_name` `uscc`      |
//! | sealed | the snapshot | `who`: the feed's n-th identity      | `unit_at`: the feed's n-th reference|
//! | linked | the engine   | `person_id`: who it is, tonight      | `unit_id`: which unit, tonight      |
//!
//! Rules read the linked shape. Money is i64 fen, months are i32 yyyymm, days are Date32. Every column may be null.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::codes::{self, CodeList};

/// One table of the shared vocabulary.
#[derive(Debug)]
pub struct Table {
    /// Its name in mappings and in SQL.
    pub name: &'static str,
    /// 中文名称, as the field calls it.
    pub label_zh: &'static str,
    /// English name.
    pub label_en: &'static str,
    /// What one row says.
    pub about: &'static str,
    /// Whether a row speaks of a person.
    pub person: bool,
    /// The units a row speaks of, by the prefix of their columns: `""`, `"from_"`, `"to_"`.
    pub units: &'static [&'static str],
    /// The column that says which month a row is about, for tables that come month by month.
    pub month: Option<&'static str>,
    /// What else a row says.
    pub columns: &'static [Column],
}

/// One column of a shared table.
#[derive(Debug)]
pub struct Column {
    /// Its name in mappings and in SQL; the unit stands last.
    pub name: &'static str,
    /// 中文名称.
    pub label_zh: &'static str,
    /// English name.
    pub label_en: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row without it is rejected.
    pub required: bool,
    /// What it means, and what null means where that is not "unknown".
    pub about: &'static str,
}

/// What a column holds; fixes its Arrow type and how text is read into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Resident identity number as the source writes it, cleaned but perhaps broken; `person_id.rs` says how broken.
    IdNumber,
    /// A person's name as the source writes it, without blanks at its ends.
    Name,
    /// Any other text.
    Text,
    /// A bank account; kept only as a keyed hash of 16 hexadecimal digits.
    Account,
    /// A value of a code list.
    Code(&'static CodeList),
    /// A day, Date32.
    Date,
    /// A month, i32 yyyymm.
    Month,
    /// Money, i64 fen (CNY).
    Fen,
    /// A whole number, i32.
    Count,
    /// Yes or no.
    Flag,
}

impl Kind {
    /// The Arrow type of a column of this kind.
    pub fn arrow(self) -> DataType {
        match self {
            Kind::IdNumber | Kind::Name | Kind::Text | Kind::Account | Kind::Code(_) => DataType::Utf8,
            Kind::Date => DataType::Date32,
            Kind::Month | Kind::Count => DataType::Int32,
            Kind::Fen => DataType::Int64,
            Kind::Flag => DataType::Boolean,
        }
    }

    /// The word for this kind in docs and hints.
    pub fn word(self) -> &'static str {
        match self {
            Kind::IdNumber => "id number",
            Kind::Name => "name",
            Kind::Text => "text",
            Kind::Account => "account",
            Kind::Code(_) => "code",
            Kind::Date => "date",
            Kind::Month => "month",
            Kind::Fen => "money",
            Kind::Count => "count",
            Kind::Flag => "flag",
        }
    }
}

const fn column(name: &'static str, kind: Kind, zh: &'static str, en: &'static str, about: &'static str) -> Column {
    Column { name, label_zh: zh, label_en: en, kind, required: false, about }
}

const fn required(name: &'static str, kind: Kind, zh: &'static str, en: &'static str, about: &'static str) -> Column {
    Column { name, label_zh: zh, label_en: en, kind, required: true, about }
}

/// The four columns that say who a row is about.
pub const PERSON: &[Column] = &[
    column("id_number", Kind::IdNumber, "公民身份号码", "ID number", "GB 11643-1999; other documents as written"),
    column("name", Kind::Name, "姓名", "name", "as the source writes it"),
    column("sex", Kind::Code(&codes::SEX), "性别", "sex", "GB/T 2261.1"),
    column("birth_date", Kind::Date, "出生日期", "birth date", "the source's own column; never read from the ID number"),
];

/// The three columns that say which unit a row is about; a table's prefixes stand before them.
pub const UNIT: &[Column] = &[
    column("unit_code", Kind::Text, "单位代码", "unit code", "of the establishment register, after the mapping's code map"),
    column("unit_name", Kind::Text, "单位名称", "unit name", "as the source writes it"),
    column("uscc", Kind::Text, "统一社会信用代码", "unified social credit code", "GB 32100-2015"),
];

/// Every table that a mapping may fill, in reading order.
pub const TABLES: &[Table] = &[
    UNITS,
    QUOTA,
    LEADER_QUOTA,
    DOCUMENT,
    ESTABLISHMENT,
    MOVEMENT,
    EMPLOYMENT,
    POST,
    ATTENDANCE,
    LEAVE,
    SECONDMENT,
    ASSESSMENT,
    SANCTION,
    PAYMENT,
    TREASURY,
    PENSION,
    CONTRIBUTION,
    DEATH,
    COMPANY,
    ACCOUNT_HOLDER,
    SUPPLIER,
    BENEFIT,
    BORDER,
];

/// 机构: one row per unit of the establishment register, current or abolished.
pub const UNITS: Table = Table {
    name: "unit",
    label_zh: "机构",
    label_en: "unit",
    about: "One row per unit of the establishment register, current or abolished; in its linked shape one row per unit_id.",
    person: false,
    units: &[""],
    month: None,
    columns: &[
        column("short_name", Kind::Text, "简称", "short name", ""),
        column("aliases", Kind::Text, "别名", "declared aliases", "other names in use, separated by | or 、"),
        column("parent_code", Kind::Text, "主管单位代码", "superior's code", "null at the top"),
        column("kind", Kind::Code(&codes::UNIT_KIND), "单位性质", "kind", ""),
        column("system", Kind::Code(&codes::SYSTEM), "系统", "system", ""),
        column("level", Kind::Code(&codes::LEVEL), "机构级别", "level", ""),
        column("funding", Kind::Code(&codes::FUNDING), "经费形式", "funding", ""),
        column("benefit_class", Kind::Code(&codes::BENEFIT_CLASS), "事业单位类别", "benefit class", "institutions only"),
        column("region", Kind::Text, "行政区划", "division code", "GB/T 2260, six digits"),
        column("set_up_document", Kind::Text, "设立文号", "set-up document", ""),
        column("set_up_on", Kind::Date, "设立日期", "set up on", ""),
        column("abolished_document", Kind::Text, "撤销文号", "abolition document", "null while it exists"),
        column("abolished_on", Kind::Date, "撤销日期", "abolished on", "null while it exists"),
        column(
            "network_account",
            Kind::Text,
            "实名制账户",
            "network account",
            "the account under which it works on the real-name network; several units share one",
        ),
        column("confidential", Kind::Flag, "涉密", "confidential", "shown to cleared roles only"),
    ],
};

/// 编制核定.
pub const QUOTA: Table = Table {
    name: "quota",
    label_zh: "编制核定",
    label_en: "quota",
    about: "One row per unit, quota type and effective date: how many people the unit may have.",
    person: false,
    units: &[""],
    month: None,
    columns: &[
        required("quota_type", Kind::Code(&codes::QUOTA_TYPE), "编制类型", "quota type", ""),
        required("amount", Kind::Count, "编制数", "approved number", "people"),
        column("document_no", Kind::Text, "核定文号", "document number", "null is a finding (E09)"),
        column("effective_on", Kind::Date, "生效日期", "effective on", ""),
        column("ends_on", Kind::Date, "终止日期", "ends on", "null while in force"),
    ],
};

/// 领导职数.
pub const LEADER_QUOTA: Table = Table {
    name: "leader_quota",
    label_zh: "领导职数",
    label_en: "leader quota",
    about: "One row per unit, class of leading post and effective date.",
    person: false,
    units: &[""],
    month: None,
    columns: &[
        required("post_class", Kind::Code(&codes::POST_CLASS), "职数类别", "post class", ""),
        required("amount", Kind::Count, "职数", "approved number", "posts"),
        column("document_no", Kind::Text, "核定文号", "document number", ""),
        column("effective_on", Kind::Date, "生效日期", "effective on", ""),
    ],
};

/// 批文.
pub const DOCUMENT: Table = Table {
    name: "document",
    label_zh: "批文",
    label_en: "approval document",
    about: "One row per approval document in the archive.",
    person: false,
    units: &[],
    month: None,
    columns: &[
        required("document_no", Kind::Text, "文号", "document number", ""),
        column("title", Kind::Text, "标题", "title", ""),
        column("issuer", Kind::Text, "发文机关", "issuer", ""),
        column("signed_on", Kind::Date, "成文日期", "signed on", ""),
        column("kind", Kind::Code(&codes::DOCUMENT_KIND), "文件类别", "kind", ""),
    ],
};

/// 在编.
pub const ESTABLISHMENT: Table = Table {
    name: "establishment",
    label_zh: "在编",
    label_en: "establishment",
    about: "One row per person on the real-name establishment register and spell; exited spells may be kept.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        column("quota_type", Kind::Code(&codes::QUOTA_TYPE), "编制类型", "quota type", ""),
        column("counts", Kind::Flag, "占编", "occupies a quota", "null counts as yes; no for a post held concurrently"),
        column("entered_on", Kind::Date, "入编日期", "entered on", "null: before the register began"),
        column("entry_document", Kind::Text, "入编文号", "entry document", ""),
        column("exited_on", Kind::Date, "出编日期", "exited on", "null while on the register"),
        column("exit_reason", Kind::Code(&codes::END_REASON), "出编原因", "exit reason", ""),
        column("level", Kind::Code(&codes::LEVEL), "职务层次", "level", ""),
        column("is_leader", Kind::Flag, "领导职务", "leading post", ""),
    ],
};

/// 出入编登记.
pub const MOVEMENT: Table = Table {
    name: "movement",
    label_zh: "出入编登记",
    label_en: "movement",
    about: "One row per registration of an entry, an exit or a move.",
    person: true,
    units: &["from_", "to_"],
    month: None,
    columns: &[
        required("kind", Kind::Code(&codes::MOVEMENT_KIND), "业务类别", "kind", ""),
        column("quota_type", Kind::Code(&codes::QUOTA_TYPE), "编制类型", "quota type", ""),
        column("applied_on", Kind::Date, "申请日期", "applied on", ""),
        column("approved_on", Kind::Date, "批准日期", "approved on", ""),
        column("effective_on", Kind::Date, "生效日期", "effective on", "the day the order names"),
        column("registered_on", Kind::Date, "登记日期", "registered on", "null: not yet registered"),
        column("form_no", Kind::Text, "表单号", "form number", ""),
    ],
};

/// 人事.
pub const EMPLOYMENT: Table = Table {
    name: "employment",
    label_zh: "人事",
    label_en: "employment",
    about: "One row per employment spell in the personnel system.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        column("type", Kind::Code(&codes::EMPLOYMENT_TYPE), "用工类型", "type", ""),
        column("status", Kind::Code(&codes::EMPLOYMENT_STATUS), "人员状态", "status", ""),
        column("start_on", Kind::Date, "起始日期", "start on", "null: before the system began"),
        column("end_on", Kind::Date, "终止日期", "end on", "null while employed"),
        column("end_reason", Kind::Code(&codes::END_REASON), "终止原因", "end reason", ""),
        column("post_title", Kind::Text, "岗位", "post", ""),
        column("rank", Kind::Text, "职级", "rank", ""),
        column("document_no", Kind::Text, "文号", "document number", "of the latest change"),
    ],
};

/// 任职.
pub const POST: Table = Table {
    name: "post",
    label_zh: "任职",
    label_en: "post",
    about: "One row per post a person holds or held.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        column("post_title", Kind::Text, "职务", "title", ""),
        column("post_class", Kind::Code(&codes::POST_CLASS), "职数类别", "post class", ""),
        column("level", Kind::Code(&codes::LEVEL), "职务层次", "level", ""),
        column("is_leader", Kind::Flag, "领导职务", "leading post", ""),
        column("concurrent", Kind::Flag, "兼任", "held concurrently", ""),
        column("from_on", Kind::Date, "任职日期", "from", ""),
        column("to_on", Kind::Date, "免职日期", "to", "null while held"),
        column("document_no", Kind::Text, "文号", "document number", ""),
    ],
};

/// 考勤.
pub const ATTENDANCE: Table = Table {
    name: "attendance",
    label_zh: "考勤",
    label_en: "attendance",
    about: "One row per person and month where attendance is kept.",
    person: true,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "月份", "month", ""),
        column("required_days", Kind::Count, "应出勤天数", "required days", "working days"),
        column("present_days", Kind::Count, "实际出勤天数", "days present", "working days"),
        column("absent_days", Kind::Count, "旷工天数", "days absent without approval", "working days"),
        column(
            "longest_absence_days",
            Kind::Count,
            "最长连续旷工天数",
            "longest unapproved absence",
            "consecutive working days, counted into this month from earlier ones",
        ),
    ],
};

/// 请假.
pub const LEAVE: Table = Table {
    name: "leave",
    label_zh: "请假",
    label_en: "leave",
    about: "One row per approved leave or official travel.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        required("kind", Kind::Code(&codes::LEAVE_KIND), "类别", "kind", ""),
        column("from_on", Kind::Date, "起始日期", "from", ""),
        column("to_on", Kind::Date, "终止日期", "to", "last day of the leave"),
        column("returned_on", Kind::Date, "销假日期", "returned on", "null: no return on file"),
        column("document_no", Kind::Text, "批准文号", "document number", ""),
        column("approver", Kind::Text, "批准人", "approver", "an office, not a person's name"),
        column("pay_effect", Kind::Code(&codes::PAY_EFFECT), "待遇影响", "pay effect", ""),
    ],
};

/// 借调.
pub const SECONDMENT: Table = Table {
    name: "secondment",
    label_zh: "借调",
    label_en: "secondment",
    about: "One row per secondment or posting away from the own unit.",
    person: true,
    units: &["from_", "to_"],
    month: None,
    columns: &[
        column("kind", Kind::Code(&codes::SECONDMENT_KIND), "类别", "kind", ""),
        column("from_on", Kind::Date, "起始日期", "from", ""),
        column("to_on", Kind::Date, "终止日期", "to", "last approved day; null: no end was set"),
        column("returned_on", Kind::Date, "返回日期", "returned on", "null: not back yet"),
        column("document_no", Kind::Text, "批准文号", "document number", ""),
    ],
};

/// 年度考核.
pub const ASSESSMENT: Table = Table {
    name: "assessment",
    label_zh: "年度考核",
    label_en: "annual assessment",
    about: "One row per person and year.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        required("year", Kind::Count, "年度", "year", ""),
        column("result", Kind::Code(&codes::ASSESSMENT_RESULT), "结果", "result", ""),
        column("document_no", Kind::Text, "文号", "document number", ""),
    ],
};

/// 处分与强制措施.
pub const SANCTION: Table = Table {
    name: "sanction",
    label_zh: "处分与强制措施",
    label_en: "sanction",
    about: "One row per sanction, measure or judgement that may change pay.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        required("kind", Kind::Code(&codes::SANCTION_KIND), "类别", "kind", ""),
        column("from_on", Kind::Date, "起始日期", "from", ""),
        column("to_on", Kind::Date, "终止日期", "to", "null while in force"),
        column("pay_effect", Kind::Code(&codes::PAY_EFFECT), "待遇影响", "pay effect", ""),
        column("document_no", Kind::Text, "文号", "document number", ""),
    ],
};

/// 工资发放.
pub const PAYMENT: Table = Table {
    name: "payment",
    label_zh: "工资发放",
    label_en: "payment",
    about: "One row per person, payer, month and batch line.",
    person: true,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "所属月份", "month", "the month the pay is for"),
        column("paid_on", Kind::Date, "发放日期", "paid on", ""),
        required("kind", Kind::Code(&codes::PAY_KIND), "发放类别", "kind", "only `salary` is pay of active staff"),
        column("gross_fen", Kind::Fen, "应发", "gross", "before deductions"),
        column("base_fen", Kind::Fen, "基本工资", "base pay", ""),
        column("allowance_fen", Kind::Fen, "津贴补贴", "allowances", ""),
        column("performance_fen", Kind::Fen, "绩效工资", "performance pay", ""),
        column("deduction_fen", Kind::Fen, "代扣合计", "deductions", ""),
        column("net_fen", Kind::Fen, "实发", "net", ""),
        column("employer_fen", Kind::Fen, "单位缴费", "employer contributions", "on top of gross"),
        column("arrears_from", Kind::Month, "补发起始月", "arrears from", "null unless arrears"),
        column("arrears_to", Kind::Month, "补发截止月", "arrears to", "null unless arrears"),
        column("account", Kind::Account, "银行账号", "bank account", "keyed hash"),
        column("account_holder", Kind::Name, "户名", "account holder", "as the bank writes it"),
        column("batch_no", Kind::Text, "批次号", "batch number", ""),
    ],
};

/// 国库支付: what the treasury paid out for payroll batches, to be compared with the lines.
pub const TREASURY: Table = Table {
    name: "treasury",
    label_zh: "国库支付",
    label_en: "treasury payment",
    about: "One row per voucher with which the treasury paid a payroll batch of a unit.",
    person: false,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "所属月份", "month", "the month the pay is for"),
        column("paid_on", Kind::Date, "支付日期", "paid on", ""),
        column("kind", Kind::Code(&codes::PAY_KIND), "发放类别", "kind", "null: all kinds of pay of the month"),
        column("amount_fen", Kind::Fen, "支付金额", "amount", "negative when the bank returned it"),
        column("voucher_no", Kind::Text, "凭证号", "voucher number", ""),
    ],
};

/// 养老金发放.
pub const PENSION: Table = Table {
    name: "pension",
    label_zh: "养老金发放",
    label_en: "pension",
    about: "One row per person, scheme and month of pension paid.",
    person: true,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "所属月份", "month", ""),
        column("scheme", Kind::Code(&codes::SCHEME), "险种", "scheme", ""),
        column("amount_fen", Kind::Fen, "金额", "amount", ""),
        column("account", Kind::Account, "银行账号", "bank account", "keyed hash"),
    ],
};

/// 社保缴费.
pub const CONTRIBUTION: Table = Table {
    name: "contribution",
    label_zh: "社保缴费",
    label_en: "contribution",
    about: "One row per person, employer, scheme and month of contribution.",
    person: true,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "费款所属期", "month", "the month the contribution is for"),
        column("scheme", Kind::Code(&codes::SCHEME), "险种", "scheme", ""),
        column("base_fen", Kind::Fen, "缴费基数", "base", ""),
        column("employer_fen", Kind::Fen, "单位缴费", "employer's part", ""),
        column("person_fen", Kind::Fen, "个人缴费", "person's part", ""),
        column("paid_on", Kind::Date, "到账日期", "paid on", ""),
        column("makeup", Kind::Flag, "补缴", "make-up payment", "null counts as no"),
        column("region", Kind::Text, "统筹区", "pooling area", "division code; null: the city's own"),
    ],
};

/// 死亡登记.
pub const DEATH: Table = Table {
    name: "death",
    label_zh: "死亡登记",
    label_en: "death",
    about: "One row per death or declaration.",
    person: true,
    units: &[],
    month: None,
    columns: &[
        required("died_on", Kind::Date, "死亡日期", "died on", ""),
        column("registered_on", Kind::Date, "登记日期", "registered on", ""),
        column("source", Kind::Code(&codes::DEATH_SOURCE), "信息来源", "source", ""),
    ],
};

/// 企业任职.
pub const COMPANY: Table = Table {
    name: "company_role",
    label_zh: "企业任职",
    label_en: "company role",
    about: "One row per person and role in a company.",
    person: true,
    units: &[""],
    month: None,
    columns: &[
        column("role", Kind::Code(&codes::COMPANY_ROLE), "任职", "role", ""),
        column("from_on", Kind::Date, "起始日期", "from", ""),
        column("to_on", Kind::Date, "终止日期", "to", "null while held"),
        column("status", Kind::Code(&codes::COMPANY_STATUS), "企业状态", "company status", ""),
    ],
};

/// 账户户名.
pub const ACCOUNT_HOLDER: Table = Table {
    name: "account_holder",
    label_zh: "账户户名",
    label_en: "account holder",
    about: "One row per bank account: who the bank says owns it.",
    person: true,
    units: &[],
    month: None,
    columns: &[
        required("account", Kind::Account, "银行账号", "bank account", "keyed hash"),
        column("bank", Kind::Text, "开户行", "bank", ""),
        column("verified_on", Kind::Date, "核验日期", "verified on", ""),
    ],
};

/// 收款单位.
pub const SUPPLIER: Table = Table {
    name: "supplier",
    label_zh: "收款单位付款",
    label_en: "payment to a supplier",
    about: "One row per payment of a unit to a supplier of goods or services.",
    person: false,
    units: &[""],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "付款月份", "month", ""),
        required("account", Kind::Account, "收款账号", "supplier's account", "keyed hash"),
        column("supplier_name", Kind::Text, "收款单位", "supplier", "as the source writes it"),
        column("amount_fen", Kind::Fen, "付款金额", "amount", ""),
    ],
};

/// 救助待遇领取.
pub const BENEFIT: Table = Table {
    name: "benefit",
    label_zh: "救助待遇领取",
    label_en: "benefit",
    about: "One row per person, kind of benefit and month in which it was drawn.",
    person: true,
    units: &[],
    month: Some("month"),
    columns: &[
        required("month", Kind::Month, "所属月份", "month", ""),
        required("kind", Kind::Code(&codes::BENEFIT_KIND), "待遇类别", "kind", ""),
        column("amount_fen", Kind::Fen, "金额", "amount", ""),
        column("household", Kind::Flag, "按户发放", "for the household", "yes: granted to a family, of which the person is one"),
    ],
};

/// 出入境记录.
pub const BORDER: Table = Table {
    name: "border",
    label_zh: "出入境记录",
    label_en: "stay abroad",
    about: "One row per person and stay abroad.",
    person: true,
    units: &[],
    month: None,
    columns: &[
        required("left_on", Kind::Date, "出境日期", "left on", ""),
        column("returned_on", Kind::Date, "入境日期", "returned on", "null: not back yet"),
        column("official", Kind::Flag, "因公", "official", "yes: on an official passport"),
    ],
};

/// The shared table called `name`.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|it| it.name == name)
}

/// A column of a table in its input shape: `name` may carry a unit prefix (`from_unit_code`).
#[derive(Clone, Debug)]
pub struct InputColumn {
    /// The name with its prefix.
    pub name: String,
    /// Its definition, whose own name has no prefix.
    pub column: &'static Column,
}

impl Table {
    /// The columns a mapping may fill, in order: person, units, own.
    pub fn input(&self) -> Vec<InputColumn> {
        let person = if self.person { PERSON } else { &[] };
        let mut columns: Vec<InputColumn> = person.iter().map(|column| InputColumn { name: column.name.to_owned(), column }).collect();
        for prefix in self.units {
            columns.extend(UNIT.iter().map(|column| InputColumn { name: format!("{prefix}{}", column.name), column }));
        }
        columns.extend(self.columns.iter().map(|column| InputColumn { name: column.name.to_owned(), column }));
        columns
    }

    /// The Arrow schema of the input shape.
    pub fn input_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.input().iter().map(|it| Field::new(&it.name, it.column.kind.arrow(), true)).collect::<Vec<_>>()))
    }

    /// The Arrow schema of the sealed shape: `row_no`, `who`, `unit_at`, then the table's own columns.
    pub fn sealed_schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("row_no", DataType::Int64, false)];
        if self.person {
            fields.push(Field::new("who", DataType::Int32, true));
        }
        fields.extend(self.units.iter().map(|prefix| Field::new(format!("{prefix}unit_at"), DataType::Int32, true)));
        fields.extend(self.columns.iter().map(|it| Field::new(it.name, it.kind.arrow(), true)));
        Arc::new(Schema::new(fields))
    }

    /// The Arrow schema of the linked shape, which rules read: `feed`, `row_no`, `person_id`, `unit_id`, then the table's own
    /// columns. `unit` is different: there the unit's own code, name and credit code come before its columns.
    pub fn linked_schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("feed", DataType::Utf8, true), Field::new("row_no", DataType::Int64, true)];
        if self.person {
            fields.push(Field::new("person_id", DataType::Int32, true));
        }
        fields.extend(self.units.iter().map(|prefix| Field::new(format!("{prefix}unit_id"), DataType::Int32, true)));
        if self.name == UNITS.name {
            fields.extend(UNIT.iter().map(|it| Field::new(it.name, it.kind.arrow(), true)));
        }
        fields.extend(self.columns.iter().map(|it| Field::new(it.name, it.kind.arrow(), true)));
        Arc::new(Schema::new(fields))
    }
}

/// A table that the hub derives and rules may read.
#[derive(Debug)]
pub struct Derived {
    /// Its name in SQL.
    pub name: &'static str,
    /// 中文名称.
    pub label_zh: &'static str,
    /// What one row says.
    pub about: &'static str,
    /// Its columns: name, Arrow type, meaning.
    pub columns: &'static [(&'static str, DataType, &'static str)],
}

impl Derived {
    /// The Arrow schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>()))
    }
}

/// Every derived table. The linked `unit` table is in [`TABLES`].
pub const DERIVED: &[&Derived] = &[&PERSONS, &IDENTITY, &UNIT_REFERENCE, &PRESENCE, &FEED];

/// 人员: one row per person of tonight.
pub const PERSONS: Derived = Derived {
    name: "person",
    label_zh: "人员",
    about: "One row per person that linking made of tonight's identities.",
    columns: &[
        ("person_id", DataType::Int32, "dense number, valid tonight only"),
        ("person_key", DataType::Utf8, "lasting key; cases hang on it"),
        ("id_number", DataType::Utf8, "the best number: valid before repaired before broken"),
        ("id_valid", DataType::Boolean, "whether id_number passes GB 11643"),
        ("name", DataType::Utf8, "the best name: the establishment's before HR's before the rest"),
        ("sex", DataType::Utf8, "of the ID number where valid, else of the best source"),
        ("birth_date", DataType::Date32, "of the ID number where valid, else of the best source"),
        (
            "doubt",
            DataType::Boolean,
            "true: some row that may be about this person was rejected or is linked with doubt; rules that accuse by absence leave such people alone",
        ),
    ],
};

/// 来源身份: one row per distinct person text of a feed.
pub const IDENTITY: Derived = Derived {
    name: "identity",
    label_zh: "来源身份",
    about: "One row per feed and distinct (ID number, name, sex, birth date): what a source says about who somebody is, and how it was linked.",
    columns: &[
        ("feed", DataType::Utf8, "department/feed"),
        ("table_name", DataType::Utf8, "the shared table that the feed fills"),
        ("who", DataType::Int32, "the feed's n-th identity, from 0"),
        ("id_number", DataType::Utf8, "cleaned, perhaps broken"),
        ("name", DataType::Utf8, "as the source writes it"),
        ("sex", DataType::Utf8, "the source's own column"),
        ("birth_date", DataType::Date32, "the source's own column"),
        ("unit_id", DataType::Int32, "unit of the first row that carries the identity"),
        ("rows", DataType::Int32, "rows of the feed that carry it"),
        ("person_id", DataType::Int32, "who it is tonight; null when nobody could be told"),
        (
            "method",
            DataType::Utf8,
            "how it was linked: id-exact, id-15, id-repaired, name-birth, judged (a reviewer said so), own (nobody else has it), none",
        ),
        ("score", DataType::Float32, "probability that the link is right, 0 to 1"),
        (
            "id_state",
            DataType::Utf8,
            "valid-18, valid-15, checksum, date, length, charset, damaged-excel, masked, placeholder, other-document, missing",
        ),
        ("repairs", DataType::Utf8, "what normalisation did to the raw number, separated by spaces; null: nothing"),
        ("conflict", DataType::Utf8, "why an equal number was not believed: name-differs, birth-differs; null: no conflict"),
    ],
};

/// 识别候选: one row per identity of the residual and person it was compared with. Kept with the night for people who look after
/// linking; rules do not read it.
pub const CANDIDATES: Derived = Derived {
    name: "candidate",
    label_zh: "识别候选",
    about: "One row per identity without a believed number and person it was compared with: every link, review and rejection of the night beyond equal numbers, but for those who have no more than the name in common. A file of the night; not for rules.",
    columns: &[
        ("feed", DataType::Utf8, "department/feed"),
        ("who", DataType::Int32, "the feed's n-th identity, from 0"),
        ("person_id", DataType::Int32, "the person it was compared with"),
        ("verdict", DataType::Utf8, "linked, review (perhaps: both are in doubt), rejected"),
        ("score", DataType::Float32, "probability if it were the only candidate; null: the evidence is not enough by itself"),
        ("number", DataType::Utf8, "one-edit, two-edits, prefix, mask-fits, far, silent"),
        ("name", DataType::Utf8, "same, normal, variant, one-away, family, other; null: one side has none"),
        ("birth", DataType::Boolean, "whether the birth dates agree; null: one side does not say"),
        ("sex", DataType::Boolean, "whether the sexes agree; null: one side does not say"),
        ("unit", DataType::Boolean, "whether the units agree; null: one side does not say"),
    ],
};

/// 单位引用: one row per distinct unit text of a feed.
pub const UNIT_REFERENCE: Derived = Derived {
    name: "unit_reference",
    label_zh: "单位引用",
    about: "One row per feed and distinct (unit code, unit name, credit code), and the unit it was linked to.",
    columns: &[
        ("feed", DataType::Utf8, "department/feed"),
        ("at", DataType::Int32, "the feed's n-th reference, from 0"),
        ("unit_code", DataType::Utf8, "after the mapping's code map"),
        ("unit_name", DataType::Utf8, "as the source writes it"),
        ("uscc", DataType::Utf8, "as the source writes it"),
        ("rows", DataType::Int32, "rows of the feed that carry it"),
        ("unit_id", DataType::Int32, "null: could not be linked; nothing is guessed"),
        ("method", DataType::Utf8, "code, uscc, name, alias, outside (declared as none of the city's), none"),
        ("nearest_name", DataType::Utf8, "the most similar registered name, for a person to confirm; never used as a link"),
        ("nearest_score", DataType::Float32, "its similarity, 0 to 1"),
    ],
};

/// 在岗在编月表: the month-by-month presence of every person in the four stories.
pub const PRESENCE: Derived = Derived {
    name: "presence",
    label_zh: "人月对照",
    about: "One row per person and month of the window in which anything is known of the person; computed once a night, read by most rules.",
    columns: &[
        ("person_id", DataType::Int32, "who"),
        ("month", DataType::Int32, "yyyymm"),
        ("on_establishment", DataType::Boolean, "on the register on any day of the month"),
        ("employed", DataType::Boolean, "employed per HR on any day of the month (retired, dead or left is not employed)"),
        ("on_post", DataType::Boolean, "attendance shows days present; null where no attendance is kept for the month"),
        ("paid", DataType::Boolean, "a salary line exists for the month"),
        ("paid_again", DataType::Boolean, "a second salary line exists for the month, of the same unit or another"),
        ("insured", DataType::Boolean, "a contribution by an employer exists for the month"),
        ("insured_again", DataType::Boolean, "a contribution by a second employer exists for the month"),
        ("pensioned", DataType::Boolean, "a pension or retirement pay exists for the month"),
        ("dead", DataType::Boolean, "died before the first day of the month"),
        ("on_leave", DataType::Boolean, "an approved leave touches the month"),
        ("seconded", DataType::Boolean, "an approved secondment touches the month"),
        ("establishment_unit_id", DataType::Int32, "null where not on the register"),
        ("employment_unit_id", DataType::Int32, "null where not employed"),
        ("payer_unit_id", DataType::Int32, "of the month's largest salary line"),
        ("insurer_unit_id", DataType::Int32, "of the month's first contribution"),
    ],
};

/// 数据源: what arrived tonight.
pub const FEED: Derived = Derived {
    name: "feed",
    label_zh: "数据源",
    about: "One row per feed of tonight, used or left out.",
    columns: &[
        ("feed", DataType::Utf8, "department/feed"),
        ("table_name", DataType::Utf8, "the shared table that it fills"),
        ("used", DataType::Boolean, "false: left out tonight, nothing may be concluded from it"),
        ("rows", DataType::Int64, "rows used"),
        ("first_month", DataType::Int32, "first month it covers; null for tables without months"),
        ("last_month", DataType::Int32, "last month it covers"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_column_has_both_labels() {
        let mut names: Vec<&str> = TABLES.iter().map(|it| it.name).chain(DERIVED.iter().map(|it| it.name)).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
        for table in TABLES {
            let mut columns: Vec<String> = table.input().into_iter().map(|it| it.name).collect();
            columns.sort_unstable();
            columns.dedup();
            assert_eq!(columns.len(), table.input().len(), "{}", table.name);
            assert!(table.columns.iter().all(|it| !it.label_zh.is_empty() && !it.label_en.is_empty()), "{}", table.name);
            assert!(table.month.is_none_or(|month| table.columns.iter().any(|it| it.name == month)), "{}", table.name);
        }
    }
}
