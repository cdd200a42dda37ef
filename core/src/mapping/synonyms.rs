//! What departments call their columns, and a first guess at a mapping for `muster init`.
//!
//! The guess is written into a file that a person then reads: it never maps anything by itself.

use crate::schema::{InputColumn, TABLES, Table};

/// A shared column and the headers under which departments are known to keep it: Chinese export headers, GB/T element codes of
/// civil-servant systems (A01, B01), social-insurance names (AAC, AAE, AAB) and pinyin initials. A header may stand at several
/// columns: the table decides.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        "id_number",
        &[
            "身份证号",
            "身份证号码",
            "身份证",
            "公民身份号码",
            "公民身份证号码",
            "证件号码",
            "社会保障号码",
            "社会保障号",
            "AAC002",
            "A0184",
            "SFZH",
            "SFZHM",
            "GMSFHM",
            "ZJHM",
            "V060426113903",
        ],
    ),
    ("name", &["姓名", "职工姓名", "人员姓名", "AAC003", "A0101", "V060426113908", "XM", "RYXM"]),
    ("sex", &["性别", "AAC004", "A0104", "V060426113920", "XB"]),
    ("birth_date", &["出生日期", "出生年月", "出生年月日", "AAC006", "A0107", "CSRQ", "CSNY"]),
    ("unit_code", &["单位编码", "单位代码", "机构编码", "机构代码", "单位编号", "AAB001", "B0114", "DWDM", "DWBM", "JGDM", "JGBM"]),
    (
        "unit_name",
        &["单位", "所在单位", "单位名称", "工作单位", "参保单位", "机构名称", "DivName", "AAB004", "B0101", "A0157", "DWMC", "JGMC"],
    ),
    ("uscc", &["统一社会信用代码", "信用代码", "社会信用代码", "TYSHXYDM", "XYDM"]),
    ("from_unit_name", &["原单位", "调出单位", "借出单位", "派出单位", "YDW"]),
    ("to_unit_name", &["新单位", "调入单位", "借入单位", "接收单位", "借用单位", "XDW"]),
    ("from_unit_code", &["原单位编码", "调出单位编码"]),
    ("to_unit_code", &["新单位编码", "调入单位编码"]),
    ("short_name", &["简称", "单位简称", "机构简称", "B0104"]),
    ("aliases", &["别名", "曾用名称", "挂牌名称"]),
    ("parent_code", &["主管单位代码", "主管单位编码", "上级单位编码", "主管部门代码", "B0144", "SJDM"]),
    ("system", &["系统", "所属系统", "系统类别"]),
    ("level", &["机构级别", "机构规格", "职务层次", "职务级别", "B0127", "A0221", "JGJB"]),
    ("funding", &["经费形式", "编制经费形式", "供给方式", "JFXS"]),
    ("benefit_class", &["事业单位类别", "事业单位分类", "公益类别"]),
    ("region", &["行政区划", "行政区划代码", "统筹区", "B0117", "AAB301", "XZQH"]),
    ("set_up_document", &["设立文号", "批准设立文号", "B0167"]),
    ("set_up_on", &["设立日期", "成立日期", "批准日期", "B0164"]),
    ("abolished_document", &["撤销文号", "B0184"]),
    ("abolished_on", &["撤销日期", "B0181"]),
    ("quota_type", &["编制类别", "编制类型", "编制性质", "占编类型", "A0121", "BZLX", "BZLB"]),
    ("amount", &["编制数", "核定编制数", "核定数", "职数", "领导职数", "BZS", "ZS"]),
    ("post_class", &["职数类别", "领导职务类别"]),
    ("document_no", &["文号", "批准文号", "核定文号", "核编文号", "批文号", "WH", "PZWH"]),
    ("effective_on", &["生效日期", "执行日期", "核定日期", "SXRQ"]),
    ("title", &["标题", "文件名称", "文件标题"]),
    ("issuer", &["发文机关", "发文单位"]),
    ("signed_on", &["成文日期", "发文日期"]),
    ("entered_on", &["入编时间", "入编日期", "进入时间", "进入本单位时间", "A0192", "RBRQ", "RBSJ"]),
    ("entry_document", &["入编文号", "入编批准文号", "控编单编号", "RBWH"]),
    ("exited_on", &["出编时间", "出编日期", "离编日期", "CBRQ"]),
    ("exit_reason", &["出编原因", "离编原因", "减员原因"]),
    ("counts", &["占编", "是否占编", "是否在编", "SFZB"]),
    ("is_leader", &["领导职务", "是否领导", "领导标志"]),
    ("applied_on", &["申请日期", "申报日期"]),
    ("approved_on", &["批准日期", "审批日期"]),
    ("registered_on", &["登记日期", "登记时间", "DJRQ"]),
    ("form_no", &["表单号", "业务编号", "申请单号"]),
    ("type", &["用工类型", "用工形式", "人员身份", "人员性质", "人员类别", "A0151", "A0160", "AAC013"]),
    ("status", &["人员状态", "人员管理状态", "在职状态", "离退休状态", "A0163", "AAC084", "V060426113929", "RYZT"]),
    ("start_on", &["参加工作日期", "入职日期", "聘用日期", "起始日期", "RZRQ"]),
    ("end_on", &["离职日期", "终止日期", "解聘日期", "LZRQ"]),
    ("end_reason", &["终止原因", "离职原因", "退出原因", "A3110"]),
    ("post_title", &["职务", "现任职务", "岗位", "职务名称", "岗位名称", "AAC020", "ZW"]),
    ("rank", &["职级", "级别", "职务职级"]),
    ("concurrent", &["兼任", "是否兼任"]),
    ("required_days", &["应出勤天数", "应出勤", "工作日天数"]),
    ("present_days", &["实际出勤天数", "实出勤", "出勤天数"]),
    ("absent_days", &["旷工天数", "旷工"]),
    ("from_on", &["起始日期", "开始日期", "任职日期", "任现职时间", "请假开始日期", "借调开始日期", "KSRQ", "QSRQ"]),
    ("to_on", &["终止日期", "结束日期", "截止日期", "免职日期", "请假结束日期", "借调结束日期", "JSRQ", "ZZRQ"]),
    ("returned_on", &["销假日期", "返回日期", "回岗日期", "XJRQ"]),
    ("approver", &["批准人", "审批单位", "批准机关"]),
    ("pay_effect", &["待遇影响", "工资影响", "待遇处理"]),
    ("year", &["年度", "考核年度", "ND"]),
    ("result", &["考核结果", "结果", "考核等次", "考核等级"]),
    (
        "month",
        &[
            "所属月份",
            "月份",
            "发放月份",
            "工资月份",
            "所属期",
            "费款所属期",
            "缴费月份",
            "考勤月份",
            "年月",
            "FFNY",
            "AAE003",
            "AAE002",
            "NY",
        ],
    ),
    ("paid_on", &["发放日期", "发放时间", "到账日期", "缴费日期", "FFRQ"]),
    ("gross_fen", &["应发工资", "应发合计", "应发数", "应发金额", "YFHJ", "YFGZ"]),
    ("base_fen", &["基本工资", "岗位工资", "缴费基数", "AAE180", "AIC020", "JBGZ"]),
    ("allowance_fen", &["津贴补贴", "津补贴", "JTBT"]),
    ("performance_fen", &["绩效工资", "JXGZ"]),
    ("deduction_fen", &["代扣合计", "扣款合计", "代扣款合计", "DKHJ", "KKHJ"]),
    ("net_fen", &["实发工资", "实发合计", "实发数", "实发金额", "SFHJ", "SFGZ"]),
    ("employer_fen", &["单位缴费", "单位缴纳", "单位应缴金额", "单位缴费金额", "DWJF", "AAE020"]),
    ("person_fen", &["个人缴费", "个人缴纳", "个人应缴金额", "个人缴费金额", "AAE022"]),
    ("amount_fen", &["养老金", "发放金额", "养老金金额", "待遇金额", "AAE019"]),
    ("arrears_from", &["补发起始月", "补发开始月份"]),
    ("arrears_to", &["补发截止月", "补发结束月份"]),
    ("account", &["银行账号", "银行帐号", "账号", "帐号", "卡号", "银行卡号", "AAE010", "YHZH"]),
    ("account_holder", &["户名", "开户名", "账户名", "AAE009"]),
    ("batch_no", &["批次号", "发放批次", "PCH"]),
    ("scheme", &["险种", "险种类型", "AAE140", "XZ"]),
    ("makeup", &["补缴", "补缴标志", "是否补缴"]),
    ("died_on", &["死亡日期", "死亡时间", "AAE138", "SWRQ"]),
    ("source", &["信息来源", "数据来源"]),
    ("role", &["任职", "企业职务", "职务类型"]),
    ("bank", &["开户行", "开户银行", "银行名称", "AAE008"]),
    ("verified_on", &["核验日期", "验证日期"]),
    ("voucher_no", &["凭证号", "支付凭证号", "PZH"]),
    ("supplier_name", &["收款单位", "供应商", "收款人全称"]),
    ("household", &["按户发放", "是否按户"]),
    ("left_on", &["出境日期", "出境时间"]),
    ("official", &["因公", "是否因公"]),
];

/// A first guess at a mapping.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The shared table that most columns speak for; null when none does.
    pub table: Option<&'static Table>,
    /// Every header in its order, and the shared column it probably is. No shared column stands twice.
    pub columns: Vec<(String, Option<String>)>,
}

/// Headers under which departments are known to keep a shared column; none for one without synonyms.
pub fn headers_of(column: &str) -> &'static [&'static str] {
    SYNONYMS.iter().find(|(name, _)| *name == column).map_or(&[], |(_, headers)| headers)
}

/// Guesses the shared table and columns by the headers of a source.
pub fn propose(headers: &[String]) -> Proposal {
    let mut best: Option<(usize, &'static Table)> = None;
    for table in TABLES {
        let score = score(table, headers);
        // Of equals the first in reading order.
        if score > best.map_or(MIN_SCORE - 1, |(most, _)| most) {
            best = Some((score, table));
        }
    }
    let table = best.map(|(_, table)| table);
    Proposal { table, columns: columns(headers, table) }
}

/// One column of the table's own, or its person and one more: less says nothing.
const MIN_SCORE: usize = 4;

/// How much the headers speak for a table. Who and where stand in every table; what the row says is the table's own.
fn score(table: &'static Table, headers: &[String]) -> usize {
    let input = table.input();
    let own = |it: &InputColumn| table.columns.iter().any(|column| column.name == it.name);
    let named: Vec<&InputColumn> = input.iter().filter(|it| headers.iter().any(|header| is_called(header, it))).collect();
    let required = table.columns.iter().filter(|it| it.required);
    let missing = required.filter(|it| !named.iter().any(|found| found.name == it.name)).count();
    let points: usize = named.iter().map(|it| if own(it) { 3 } else { 1 }).sum();
    points.saturating_sub(missing * 2)
}

fn columns(headers: &[String], table: Option<&'static Table>) -> Vec<(String, Option<String>)> {
    let Some(table) = table else { return headers.iter().map(|it| (it.clone(), None)).collect() };
    let input = table.input();
    let mut taken: Vec<&str> = Vec::new();
    let mut columns = Vec::new();
    for header in headers {
        let found = input.iter().find(|it| !taken.contains(&it.name.as_str()) && is_called(header, it));
        taken.extend(found.map(|it| it.name.as_str()));
        columns.push((header.clone(), found.map(|it| it.name.clone())));
    }
    columns
}

/// Whether `header` is a known name of the column: its own, its label or a synonym, in any case and without blanks or the remarks
/// in parentheses that forms carry (`应发合计（元）`).
fn is_called(header: &str, column: &InputColumn) -> bool {
    let header = bare(header);
    let synonyms = headers_of(&column.name);
    let names = [column.name.as_str(), column.column.label_zh];
    // A label belongs to the column without its prefix: `单位名称` is not the unit somebody came from.
    let known = if column.name == column.column.name { &names[..] } else { &names[..1] };
    known.iter().chain(synonyms).any(|it| bare(it) == header)
}

fn bare(header: &str) -> String {
    let header = header.split(['(', '（']).next().unwrap_or(header);
    header.chars().filter(|it| !it.is_whitespace() && *it != '*').flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &str, table: &str, columns: &str) {
        let headers: Vec<String> = headers.split(' ').map(str::to_owned).collect();
        let found = propose(&headers);
        assert_eq!(found.table.map_or("none", |it| it.name), table, "{headers:?}");
        let found: Vec<String> = found.columns.into_iter().map(|(_, column)| column.unwrap_or_else(|| "-".to_owned())).collect();
        assert_eq!(found.join(" "), columns, "{headers:?}");
    }

    #[test]
    fn known_headers_name_their_table() {
        check(
            "序号 姓名 身份证号 单位编码 基本工资 津贴补贴 应发合计（元） 代扣合计 实发合计 银行账号",
            "payment",
            "- name id_number unit_code base_fen allowance_fen gross_fen deduction_fen net_fen account",
        );
        check(
            "AAC002 AAC003 AAB001 AAE140 AAE003 缴费基数 个人缴费",
            "contribution",
            "id_number name unit_code scheme month base_fen person_fen",
        );
        check("姓名 公民身份号码 死亡日期 登记日期", "death", "name id_number died_on registered_on");
        check("SFZH XM BZLX RBRQ DWBM", "establishment", "id_number name quota_type entered_on unit_code");
        check("单位名称 编制类型 核定编制数 核定文号", "quota", "unit_name quota_type amount document_no");
        check("姓名 身份证号 年度 考核结果", "assessment", "name id_number year result");
    }

    #[test]
    fn strange_headers_name_nothing() {
        check("A B C", "none", "- - -");
        check("姓名 备注", "none", "- -");
    }

    #[test]
    fn no_column_is_proposed_twice() {
        check("姓名 职工姓名 死亡日期", "death", "name - died_on");
    }

    #[test]
    fn every_synonym_belongs_to_a_shared_column() {
        for (column, headers) in SYNONYMS {
            assert!(TABLES.iter().any(|table| table.input().iter().any(|it| it.name == *column)), "{column}");
            let mut sorted = headers.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), headers.len(), "{column}");
        }
    }
}
