//! The words of official papers, in both languages. A lead is a lead until it is confirmed; nothing here accuses before that.

use chrono::NaiveDate;
use muster_core::money_words;

use super::paper::{Piece, day};
use super::rows::Sums;
use crate::words::{Lang, count, yuan};

/// What the text of a notice speaks of.
pub struct Said<'a> {
    /// Language.
    pub lang: Lang,
    /// Who issues it.
    pub from: &'a str,
    /// The night whose data it goes by.
    pub night: NaiveDate,
    /// Until when the unit answers or is done.
    pub due: NaiveDate,
    /// What its cases come to.
    pub sums: Sums,
}

/// How an office speaks of itself: 我办, 我局, …
pub fn we(from: &str) -> &'static str {
    const ENDS: [(&str, &str); 7] =
        [("办公室", "我办"), ("办", "我办"), ("委员会", "我委"), ("委", "我委"), ("局", "我局"), ("厅", "我厅"), ("中心", "我中心")];
    ENDS.into_iter().find(|(end, _)| from.trim().ends_with(end)).map_or("本机关", |it| it.1)
}

fn head(text: &str) -> Piece {
    Piece::Head(text.to_owned())
}

fn point(head: &str, text: impl Into<String>) -> Piece {
    Piece::Point(head.to_owned(), text.into())
}

/// Title of the query.
pub fn verify_title(lang: Lang) -> &'static str {
    lang.pick("关于核查机构编制实名制疑似问题线索的通知", "Query about leads from the reconciliation")
}

/// Title of its table.
pub fn verify_table(lang: Lang) -> &'static str {
    lang.pick("疑似问题线索核查表", "Leads to be verified")
}

/// Text of the query.
pub fn verify(it: &Said) -> Vec<Piece> {
    let (due, night, cases) = (day(it.due, it.lang), day(it.night, it.lang), count(it.sums.cases as u64));
    match it.lang {
        Lang::Zh => vec![
            Piece::Text(format!(
                "根据机构编制实名制管理工作安排，{}对编制、人事、工资、社会保险等部门的数据进行了比对。截至{night}，发现涉及你单位的疑似问题线索{cases}件。现请你单位予以核查，有关事项通知如下。",
                we(it.from)
            )),
            head("一、核查内容"),
            Piece::Text(
                "请对照附件逐件核实有关人员的在编、在岗、工资发放、社会保险缴纳等情况。附件所列均为数据比对产生的疑似线索，须经核查后方可认定，不作为对任何单位或个人的结论。"
                    .to_owned(),
            ),
            head("二、答复要求"),
            point("（一）答复时限。", format!("请于{due}前书面答复。")),
            point("（二）答复方式。", "请在附件“单位答复”栏逐件写明核查结果，在“依据”栏写明证明材料的名称和文号，加盖公章后连同材料复印件一并报送。"),
            point("（三）分类处理。", "情况属实的，请先行停止发放有关款项，并说明原因和已发放金额；属于借调、请假、返聘等合规情形的，请提供批准文件；数据有误的，请指明哪个部门的哪项数据有误。"),
            head("三、其他事项"),
            Piece::Text("附件含有个人信息，仅供本次核查使用，请妥善保管，不得扩散。逾期不能答复的，请在期限届满前书面说明理由。".to_owned()),
        ],
        Lang::En => vec![
            Piece::Text(format!(
                "The data of the departments for establishment, personnel, payroll and social insurance were compared. As of {night}, {cases} of the leads concern your unit. You are asked to look into them, as follows."
            )),
            head("1. What to verify"),
            Piece::Text(
                "Please verify for each case in the attachment whether the person is on the establishment and at work, and what was paid and insured. All cases are leads from a comparison of data. They must be verified before anything is concluded, and are no conclusion about any unit or person."
                    .to_owned(),
            ),
            head("2. How to answer"),
            point("(1) When. ", format!("Please answer in writing by {due}.")),
            point("(2) How. ", "Write the result of each case into the column “Answer of the unit” and the title and number of what shows it into “Documents”; put the unit's seal on it and send it with copies of the documents."),
            point("(3) What then. ", "Where a lead is true, stop the payments first, and say how it came about and how much was paid. Where a secondment, leave or re-employment is in order, send the approval. Where the data are wrong, say which data of which department."),
            head("3. Further"),
            Piece::Text("The attachment holds personal information. It is for this query alone; keep it safe and do not pass it on. Who cannot answer in time says why in writing before that day.".to_owned()),
        ],
    }
}

/// Below the table of the query.
pub fn verify_notes(lang: Lang) -> Vec<String> {
    let note = lang.pick(
        "注：所列均为疑似线索，须经核查后方可认定。“单位答复”填属实、合规或数据有误，并简述情况；“依据”填证明材料名称和文号。",
        "All cases are leads that await verification. Answer: true, in order, or wrong data, and in short why. Documents: title and number of what shows it.",
    );
    vec![
        note.to_owned(),
        lang.pick(
            "单位（盖章）：　　　　　　　　　　填表人：　　　　　　　　　　负责人：　　　　　　　　　　日期：",
            "Unit (seal):                              Filled in by:                              Head:                              Date:",
        )
        .to_owned(),
    ]
}

/// Title of the order.
pub fn rectify_title(lang: Lang) -> &'static str {
    lang.pick("机构编制实名制问题整改通知书", "Notice to put right what was confirmed")
}

/// Title of its table.
pub fn rectify_table(lang: Lang) -> &'static str {
    lang.pick("问题整改清单", "What is to be put right")
}

/// Text of the order.
pub fn rectify(it: &Said) -> Vec<Piece> {
    let (due, cases) = (day(it.due, it.lang), count(it.sums.cases as u64));
    let (amount, recovered, left) = (yuan(it.sums.amount_fen), yuan(it.sums.recovered_fen), yuan(it.sums.left_fen));
    let owes = it.sums.left_fen > 0;
    match it.lang {
        Lang::Zh => vec![
            Piece::Text(format!(
                "经核查并由另一人复核，认定你单位存在附件所列问题{cases}件，涉及金额{amount}元，已追回{recovered}元，尚应追回{left}元（大写：{}）。现通知你单位限期整改。",
                money_words::words(it.sums.left_fen)
            )),
            head("一、整改事项"),
            point(
                "（一）停止发放。",
                "自收到本通知书之日起，立即停止向附件所列人员发放其不应领取的工资、津贴补贴和其他款项，不得以其他名义补发。",
            ),
            point(
                "（二）办理出编。",
                format!(
                    "已死亡、退休、调出、辞职、被辞退或者开除的人员尚未核减的，于{due}前办理出编手续，并同步办理工资停发和社会保险减员手续。"
                ),
            ),
            if owes {
                point("（三）追回款项。", format!("尚应追回的{left}元，于{due}前追回，按原渠道缴回，并取得缴款凭证。"))
            } else {
                point("（三）核对款项。", "有关款项已全部追回，请核对缴款凭证并妥善保存。")
            },
            point("（四）查找原因。", "查明问题发生的环节和责任，健全人员变动当月报告和工资审核制度，防止再次发生。"),
            head("二、整改报告"),
            Piece::Text(format!(
                "请于{due}前将整改结果书面报告{}，逐件填写附件“整改结果”栏，并附停发工资、出编手续、缴款凭证等材料。对认定的事实有异议的，请在收到本通知书后及时书面提出并附依据，{}将予复核。",
                we(it.from),
                we(it.from)
            )),
            Piece::Text("附件含有个人信息，仅供整改使用，请妥善保管，不得扩散。".to_owned()),
        ],
        Lang::En => vec![
            Piece::Text(format!(
                "The {cases} cases in the attachment were verified, and another person has looked at them: they are confirmed. They come to CNY {amount}, of which CNY {recovered} came back and CNY {left} did not. Your unit is to put them right, as follows."
            )),
            head("1. What is to be done"),
            point(
                "(1) Stop the pay. ",
                "From the day on which you receive this notice, pay nothing more to the people in the attachment that is not due to them, under whatever name.",
            ),
            point(
                "(2) Register the exit. ",
                format!(
                    "Who has died, retired, moved, resigned or been dismissed and is still on the establishment is taken off it by {due}, and off payroll and insurance with it."
                ),
            ),
            if owes {
                point(
                    "(3) Recover the money. ",
                    format!(
                        "The CNY {left} that did not come back are recovered by {due} and paid in the way they came; keep the receipts."
                    ),
                )
            } else {
                point("(3) Check the money. ", "All of it came back; check the receipts and keep them.")
            },
            point(
                "(4) Find the cause. ",
                "Find out where it went wrong and who is responsible, and see to it that changes are reported in their month and the payroll is checked against them.",
            ),
            head("2. Report"),
            Piece::Text(format!(
                "Please report the result in writing by {due}: fill in the last column of the attachment for each case, and send what shows that pay was stopped, the exit registered and the money paid in. If you hold that a fact is wrong, say so in writing soon after you receive this notice, with what shows it; it will be looked at again."
            )),
            Piece::Text(
                "The attachment holds personal information. It is for putting things right alone; keep it safe and do not pass it on."
                    .to_owned(),
            ),
        ],
    }
}

/// Why a total may be less than the sum of its rows.
pub fn one_money(lang: Lang) -> &'static str {
    lang.pick(
        "注：同一人员有多件问题的，可能涉及同一笔款项，合计只计其中金额最大的一件。",
        "Several cases about one person may speak of the same money: the total counts the largest of them.",
    )
}

/// Below the ledger.
pub fn ledger_notes(hidden: bool, lang: Lang) -> Vec<String> {
    let mut notes = vec![
        lang.pick(
            "注：未有结论的均为疑似线索，须经核查后方可认定。数据质量问题由数据主管部门另行处理，不列入本台账。",
            "Cases without an outcome are leads that await verification. Questions of data quality go to the owners of the data and are not listed.",
        )
        .to_owned(),
    ];
    if hidden {
        notes.push(
            lang.pick("本台账只列制表人可见范围内的案件。", "Only the cases that the maker of this list may see are in it.").to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_speaks_of_itself_as_offices_do() {
        for (from, ours) in [
            ("中共嵊州市委机构编制委员会办公室", "我办"),
            ("嵊州市人力资源和社会保障局", "我局"),
            ("嵊州市委编委", "我委"),
            ("嵊州市大数据中心", "我中心"),
            ("嵊州市人民政府", "本机关"),
        ] {
            assert_eq!(we(from), ours);
        }
    }
}
