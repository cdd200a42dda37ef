//! The command line: what can be asked, in one place. Help speaks both languages.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use muster_core::case::explanation::Explanation;
use muster_core::case::work::{Measure, Outcome};
use muster_core::finding::{Family, Severity};

use crate::demo;
use crate::report::csv::Encoding;
use crate::words::{self, Lang};

/// 机构编制实名制对账：每夜核对编制、人事、工资、社保四家数据，找出吃空饷和在编不在岗的线索。
/// Reconciles establishment, HR, payroll and social insurance every night, and finds leads to ghost payroll.
///
/// 退出码 Exit codes: 0 正常 fine · 1 发现缺陷 defects found (check, prove, demo) · 2 命令有误 wrong command line ·
/// 3 有数据源被剔除 a feed was left out · 64 所求无法办理（无此案件、被拒绝等）what was asked for cannot be done (no such case, refused) ·
/// 74 磁盘或数据库故障 disk or store failed · 78 配置、映射或规则有误 wrong configuration
#[derive(Debug, Parser)]
#[command(name = "muster", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// 输出语言 Language of what is printed
    #[arg(long, global = true, env = "MUSTER_LANG", default_value = "zh", value_name = "zh|en", value_parser = words::lang)]
    pub lang: Lang,

    /// 以 JSON 输出到标准输出 Print JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,

    /// 进度显示方式 How progress is told
    #[arg(long, global = true, default_value = "auto")]
    pub progress: ProgressArg,

    /// 日志格式 How the log is written
    #[arg(long, global = true, default_value = "text")]
    pub log: LogArg,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogArg {
    /// 文本 Text
    Text,
    /// 每行一个 JSON One JSON object a line
    Json,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressArg {
    /// 终端用进度条，否则不显示 Bars on a terminal, else nothing
    Auto,
    /// 每阶段一行 One line per stage
    Lines,
    /// 不显示 Nothing
    None,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// 生成演示城市、对账一夜并与真值比对 Make the demo city, reconcile a night, score it against the truth
    Demo(DemoArgs),
    /// 对账一夜 Reconcile one night
    Run(RunArgs),
    /// 用自带样例验证全部映射与规则 Prove all mappings and rule cards on their own examples
    Prove(ProveArgs),
    /// 规则目录：列出、查看、新建规则，命中历史与误报情况 The rule catalogue: list, show, new, history, noise
    Rules(RulesArgs),
    /// 入库前检查一个文件，逐条指出位置和改法 Check a delivery before it is loaded: every defect, where, and how to mend it
    Check(CheckArgs),
    /// 预览某部门转换后的数据、拒收行、未映射的列和代码 Preview a department: mapped rows, rejects, unmapped columns and codes
    Preview(PreviewArgs),
    /// 列出某夜拒收的行 List the rejected rows of a night
    Rejects(RejectsArgs),
    /// 并列展示一个问题的各方证据、规则和人员识别依据 Show a case: evidence side by side, the rule, the links
    Explain(ExplainArgs),
    /// 提示表：编制和人员、领导职数、三个一致、PEFA 工资控制，任意月份 The prompt tables and the PEFA card, as of any month
    Table(TableArgs),
    /// 一人的时间线：各来源逐月对照，空档、重叠与案件 One person: every source month by month, gaps, overlaps, cases
    Person(PersonArgs),
    /// 一个单位：编制、人员、沿革、案件、退休预测 One unit: quota, staff, history, cases, retirements
    Unit(UnitArgs),
    /// 逐步检测部门的各个数据源：域名、端口、登录、只读、表、列、速度 Try the way to every source of a department, step by step
    Connect(ConnectArgs),
    /// 查看、暂停或放行数据源 Feeds: list, hold, release
    Feed {
        /// 做什么 What to do
        #[command(subcommand)]
        what: FeedWhat,
    },
    /// 案件办理：列表、分派、核查、结论、复核、办结 Cases: list, assign, ask, decide, second, close
    Case {
        /// 做什么 What to do
        #[command(subcommand)]
        what: CaseWhat,
    },
    /// 公文：核查通知、整改通知书、问题台账（docx） Official papers: the query to a unit, the order to put right, the case list (docx)
    Notice(NoticeArgs),
    /// 核查人对两条来源身份的判断：同一人、不是、无法判断 What reviewers say of two rows: one person, two, or not to be told
    Judge {
        /// 做什么 What to do
        #[command(subcommand)]
        what: JudgeWhat,
    },
    /// 常驻：每夜自动对账 Stay, and run every night by itself
    Serve(ServeArgs),
    /// 现状：各夜结果、下一夜、数据源 How it is: newest nights, the next one, feeds
    Status(ConfigArg),
    /// 各夜到时与结果 What was due and what became of it
    History(HistoryArgs),
    /// 暂停自动对账 Pause the nights that run by themselves
    Pause(PauseArgs),
    /// 恢复自动对账 Let them go on
    Resume(ConfigArg),
    /// 重做一夜 Run a night again
    Rerun(RerunArgs),
    /// 依次补跑多夜 Run several nights, one after the other
    Backfill(BackfillArgs),
    /// 邮件：预览、测试、发件箱、重发 Mail: preview, test, outbox, retry
    Mail {
        /// 做什么 What to do
        #[command(subcommand)]
        what: MailWhat,
    },
    /// 体检：逐项检查整套安装，并说明如何改正 Look at the whole installation, and say how to mend it
    Doctor(DoctorArgs),
    /// 到期数据的清理：送达、夜间文件、已清案件、已发信件 Deletes what was kept long enough
    Retain(RetainArgs),
    /// 存储：检查、升级、复制、备份、恢复 The store: check, migrate, copy, back up, restore
    Store {
        /// 做什么 What to do
        #[command(subcommand)]
        what: StoreWhat,
    },
    /// 为某人导出报告：按其可见范围，记录用途，留有水印 Take out a report for somebody: what they may see, with a purpose and a mark
    Report(ReportArgs),
    /// 个人信息的密钥 The keys of personal data
    Key {
        /// 做什么 What to do
        #[command(subcommand)]
        what: KeyWhat,
    },
    /// 审计日志：谁做了什么，是否完整 The audit log: who did what, and whether it is whole
    Audit {
        /// 做什么 What to do
        #[command(subcommand)]
        what: AuditWhat,
    },
    /// 由现有数据源生成配置、部门文件和映射草稿 Write a configuration, a department file and a mapping draft from a live source
    Init(InitArgs),
    /// 打印参考手册 Print the references
    Docs(DocsArgs),
    /// 人员关联：评估与模型 Who is who: evaluation and model
    Link(LinkArgs),
    /// 性能测试 Benchmarks
    Bench(BenchArgs),
    /// 生成命令补全脚本 Print a completion script
    Completions {
        /// 终端类型 The shell
        shell: clap_complete::Shell,
    },
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct ConfigArg {
    /// 配置文件 The configuration
    #[arg(long, env = "MUSTER_CONFIG", default_value = "config/muster.toml")]
    pub config: PathBuf,
}

/// `muster demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// 随机种子 Seed; the same seed gives the same city
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 连续多个种子（含），只打印成绩表 Also run the seeds up to this one, and print a table of scores
    #[arg(long)]
    pub to_seed: Option<u64>,
    /// 在编人数；默认为样板城市的 13,950 人 Staff; the model city's own size by default
    #[arg(long, default_value_t = demo::TRUE_SIZE)]
    pub people: usize,
    /// 月数 Months of history
    #[arg(long, default_value_t = 24)]
    pub months: u32,
    /// 对账日 The night
    #[arg(long, default_value = "2026-11-15")]
    pub as_of: NaiveDate,
    /// 每类问题反复植入、半数证件号损坏，按规则打印查全率与误报率 Every kind of case many times over, half of them with damaged numbers; prints recall and false accusations by rule
    #[arg(long)]
    pub noisy: bool,
    /// 输出目录 Folder of the city; made anew
    #[arg(long, default_value = "demo-city")]
    pub out: PathBuf,
}

/// `muster doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 不连接任何外部系统 Leave out what asks other machines
    #[arg(long)]
    pub offline: bool,
    /// 只将新出现和已恢复的告警邮寄运维人员（muster serve 自动如此） Only mail operators what is new or over, as muster serve does by itself
    #[arg(long, conflicts_with = "offline")]
    pub tell: bool,
}

/// `muster retain`.
#[derive(Debug, Args)]
pub struct RetainArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 只列出到期者，不改动任何内容 Say what is due, and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `muster run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 对账日，默认为今天 The night; today by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    /// JSON 中显示完整证件号和姓名，并记入审计日志 ID numbers and names in full in the JSON; the audit log tells of it
    #[arg(long)]
    pub reveal: bool,
    /// 启动者消失即结束 End when whoever began it is gone
    #[arg(long, hide = true)]
    pub leash: bool,
}

/// `muster rerun`.
#[derive(Debug, Args)]
pub struct RerunArgs {
    /// 哪一夜 The night
    pub night: NaiveDate,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 每隔多少秒查看是否到时 How often it is looked whether something is due, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub tick_seconds: u64,
}

/// `muster history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// 任务：night 对账、backup 备份、retain 清理、mail-… 定时发信 What was due
    #[arg(long, default_value = "night", value_parser = ["night", "backup", "retain", "mail-nightly", "mail-weekly", "mail-monthly"])]
    pub job: String,
    /// 夜数 How many
    #[arg(long, default_value_t = 60)]
    pub rows: u32,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// 原因 The reason
    #[arg(long, value_parser = said)]
    pub why: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// 首夜 The first night
    #[arg(long)]
    pub from: NaiveDate,
    /// 末夜；默认为今天 The last night; today by default
    #[arg(long)]
    pub to: Option<NaiveDate>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 只验证这些规则（编号或名称，可多个），不验证映射 Only these rules, by id or name, and no mappings
    #[arg(long = "rule", value_name = "ID")]
    pub rules: Vec<String>,
}

/// `muster rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// 做什么；默认列出 What to do; a list by default
    #[command(subcommand)]
    pub what: Option<RulesWhat>,
    /// 配置文件；没有时用内置规则 The configuration; the shipped cards without one
    #[arg(long, env = "MUSTER_CONFIG", default_value = "config/muster.toml", global = true)]
    pub config: PathBuf,
    /// 只列一类，如 ghost 或 G Only this group, like ghost or G
    #[arg(long, value_parser = group)]
    pub group: Option<Family>,
    /// 只列一级 Only this severity
    #[arg(long, value_name = "S1..S4", value_parser = severity)]
    pub severity: Option<Severity>,
    /// 一条规则逐夜的命中数与基数 Hits and those it could have hit, night by night
    #[arg(long, value_name = "ID", conflicts_with = "noise")]
    pub history: Option<String>,
    /// 各规则的案件有多少最后属正常情形 How many of each rule's cases turned out innocent
    #[arg(long)]
    pub noise: bool,
}

/// `muster rules …`.
#[derive(Debug, Subcommand)]
pub enum RulesWhat {
    /// 查看一条规则：含义、正常情形、核查要点、参数、SQL、样例 One card: meaning, innocent cases, what to do, parameters, SQL, examples
    Show {
        /// 编号或名称，如 G01 Id or name
        rule: String,
    },
    /// 在本市规则目录新建一张规则卡 A new card in the folder of your own rules
    New {
        /// 编号，如 G90 The id
        id: String,
        /// 名称，如 paid-on-holidays The name, kebab case
        name: String,
    },
}

fn group(text: &str) -> Result<Family, String> {
    let is = |it: &Family| it.word() == text.to_lowercase() || it.letter().to_string().eq_ignore_ascii_case(text);
    Family::ALL.into_iter().find(is).ok_or_else(|| {
        let known: Vec<String> = Family::ALL.iter().map(|it| format!("{} ({})", it.word(), it.letter())).collect();
        format!("one of {}", known.join(", "))
    })
}

fn severity(text: &str) -> Result<Severity, String> {
    [Severity::S1, Severity::S2, Severity::S3, Severity::S4]
        .into_iter()
        .find(|it| format!("{it:?}").eq_ignore_ascii_case(text))
        .ok_or_else(|| "S1, S2, S3, S4".to_owned())
}

/// `muster check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// 待检查的文件 The file
    pub file: PathBuf,
    /// 映射名或映射文件 A mapping, by name or path
    #[arg(long)]
    pub mapping: String,
    /// 数据源名；默认为唯一或文件名匹配的那个 The feed; by default the one whose table fits the file
    #[arg(long)]
    pub feed: Option<String>,
    /// 文件编码 Encoding of a text file
    #[arg(long)]
    pub encoding: Option<String>,
    /// 对账日，默认为今天 The night to check against; today by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    /// 显示完整证件号、姓名和账号 Show ID numbers, names and accounts in full
    #[arg(long)]
    pub reveal: bool,
}

/// `muster preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// 部门 The department
    pub department: String,
    #[command(flatten)]
    pub config: ConfigArg,
    /// 只看一个数据源 Only this feed
    #[arg(long)]
    pub feed: Option<String>,
    /// 行数 Rows
    #[arg(long, default_value_t = 8)]
    pub rows: usize,
    /// 显示完整证件号、姓名和账号，并将原因记入审计日志 Show ID numbers, names and accounts in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
}

/// `muster rejects`.
#[derive(Debug, Args)]
pub struct RejectsArgs {
    #[command(flatten)]
    pub config: ConfigArg,
    /// 对账日，默认为最近一夜 The night; the latest by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    /// 只看一个部门 Only this department
    #[arg(long)]
    pub department: Option<String>,
    /// 最多列出多少行 At most so many
    #[arg(long, default_value_t = 50)]
    pub rows: usize,
    /// 显示单元格内容，并将原因记入审计日志 Show what the cells hold; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
}

/// `muster explain`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ExplainArgs {
    /// 问题编号，如 MU-2026-000123 The case
    #[arg(required = true)]
    pub case: Option<String>,
    /// 或解释一条关联 Or one link
    #[command(subcommand)]
    pub what: Option<ExplainWhat>,
    #[command(flatten)]
    pub config: ConfigArg,
    /// 显示完整证件号和姓名，并将原因记入审计日志 Show ID numbers and names in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
}

/// What else can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainWhat {
    /// 一条来源身份为何关联到某人：先验、逐项权重、后验，以及其他候选 Why one source identity is who it is: prior, each field's weight, posterior, other candidates
    Link(ExplainLinkArgs),
}

/// `muster explain link`.
#[derive(Debug, Args)]
pub struct ExplainLinkArgs {
    /// 来源身份，如 finance/payroll#17（见 `muster explain`） The row, as `muster explain` prints it
    pub row: String,
    /// 哪一夜；默认最近一夜 Which night; the newest by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    #[command(flatten)]
    pub config: ConfigArg,
    /// 显示完整证件号和姓名，并将原因记入审计日志 Show ID numbers and names in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
}

/// `muster table`.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// 哪张表 Which table
    pub table: WhichArg,
    /// 截至哪个月末，如 2026-10；默认为对账日的上月 As of the end of this month; the month before the night by default
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub as_of: Option<i32>,
    /// 按什么汇总 One row per what
    #[arg(long, default_value = "unit")]
    pub by: ByArg,
    /// 只看该单位及其下属单位 Only the unit with this code and those below it
    #[arg(long, value_name = "CODE")]
    pub unit: Option<String>,
    /// 输出格式 How to print
    #[arg(long, default_value = "text")]
    pub format: FormatArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Which prompt table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhichArg {
    /// 编制和人员情况 Quota and staff
    Quota,
    /// 领导干部配置 Leading posts
    Leaders,
    /// 三个一致 The three consistencies
    Consistency,
    /// PEFA PI-23 工资控制 Payroll controls, PEFA PI-23
    Pefa,
}

/// One row per what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ByArg {
    /// 单位 Unit
    Unit,
    /// 系统 System
    System,
    /// 行政区划 Division
    Region,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// 终端文本 For a terminal
    Text,
    /// JSON
    Json,
    /// CSV（UTF-8）
    Csv,
}

/// `2026-10` as 202610.
fn month(text: &str) -> Result<i32, String> {
    let parsed = text.split_once('-').and_then(|(year, month)| Some((year.parse::<i32>().ok()?, month.parse::<i32>().ok()?)));
    parsed
        .filter(|(year, month)| (1950..=2100).contains(year) && (1..=12).contains(month))
        .map(|(year, month)| year * 100 + month)
        .ok_or_else(|| "应为年-月，如 2026-10 a month like 2026-10".to_owned())
}

/// `muster person`.
#[derive(Debug, Args)]
pub struct PersonArgs {
    /// 案件编号，或来源身份如 finance/payroll#17；不写则由标准输入读取证件号码 A case, or a row like finance/payroll#17; without either, an ID number is read from standard input
    #[arg(value_name = "CASE|ROW")]
    pub who: Option<String>,
    /// 看多少个月 How many months
    #[arg(long, default_value_t = 24, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(3..=60))]
    pub months: usize,
    /// 输出格式 How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: PersonFormat,
    /// 写到此文件，不覆盖 Where to write; nothing is replaced
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// 显示完整证件号、姓名和出生日期，并将原因记入审计日志 Show ID number, name and birth date in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// How a person is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PersonFormat {
    /// 终端文本 For a terminal
    Text,
    /// JSON
    Json,
    /// 网页 A page
    Html,
    /// 时间线图 The timeline as a picture
    Svg,
}

/// `muster unit`.
#[derive(Debug, Args)]
pub struct UnitArgs {
    /// 单位代码 Code on the register
    #[arg(value_name = "CODE")]
    pub code: String,
    /// 人员名单每组最多列出多少人；JSON 全列 How many people of each group are listed; JSON lists all
    #[arg(long, default_value_t = 20)]
    pub rows: usize,
    /// 输出格式 How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: UnitFormat,
    /// 写到此文件，不覆盖 Where to write; nothing is replaced
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// 显示完整证件号和姓名，并将原因记入审计日志 Show ID numbers and names in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// How a unit is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnitFormat {
    /// 终端文本 For a terminal
    Text,
    /// JSON
    Json,
    /// 网页 A page
    Html,
}

/// `muster connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// 部门；默认为全部 The department; all of them by default
    pub department: Option<String>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster feed …`.
#[derive(Debug, Subcommand)]
pub enum FeedWhat {
    /// 列出数据源：在用、暂停及原因 List the feeds: used or held, and why
    List(FeedListArgs),
    /// 暂停使用一个数据源，直到放行 Hold a feed until it is released
    Hold(DecideArgs),
    /// 放行被暂停的数据源；更差的数据仍会被暂停 Release a held feed; worse data is held again
    Release {
        #[command(flatten)]
        decide: DecideArgs,
        /// 比本次更差多少仍可放行，如 0.05 How much worse than approved may still pass, as a share
        #[arg(long, default_value_t = 0.0, value_parser = share)]
        margin: f64,
    },
}

/// `muster feed list`.
#[derive(Debug, Args)]
pub struct FeedListArgs {
    /// 连同全部暂停与放行记录 With every decision that was ever made
    #[arg(long)]
    pub history: bool,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster feed hold` and `muster feed release`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// 数据源，如 finance/payroll The feed
    #[arg(value_name = "DEPARTMENT/FEED")]
    pub feed: String,
    /// 决定人 Who decides
    #[arg(long, value_parser = said)]
    pub by: String,
    /// 理由 The reason
    #[arg(long, value_parser = said)]
    pub why: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Who acts, where `people.toml` says who may see what.
#[derive(Debug, Args)]
pub struct AsArg {
    /// 以谁的身份（people.toml 中的 id）；只见其可见范围 Whose eyes: an id of people.toml, and only what they may see
    #[arg(long = "as", value_name = "ID", env = "MUSTER_AS")]
    pub person: Option<String>,
}

/// `muster case`.
#[derive(Debug, Subcommand)]
pub enum CaseWhat {
    /// 列出案件，逾期与严重者在前 List the cases, overdue and grave ones first
    List(CaseListArgs),
    /// 一件案件：依据、来源与办理经过 One case: evidence, sources, and what was done
    Show(CaseShowArgs),
    /// 分派 Give to somebody
    Assign {
        /// 承办人 To whom
        #[arg(long, value_parser = said)]
        to: String,
        #[command(flatten)]
        of: CaseNumbersArgs,
    },
    /// 备注 Write a comment
    Note(CaseNumbersArgs),
    /// 已向单位发出核查 The unit was asked
    Query(CaseNumbersArgs),
    /// 单位已答复 The unit has answered
    Reply(CaseNumbersArgs),
    /// 作出结论；属实与长期合规情形须另一人复核 Decide; accusations and long explanations need a second pair of eyes
    Decide(CaseDecideArgs),
    /// 复核同意 Second a decision
    Second(CaseNumbersArgs),
    /// 认定与另案重复，由另案办理 It is the same as another case, which is worked on instead
    Duplicate {
        /// 另案编号 Number of the other case
        #[arg(long = "of", value_name = "MU-…")]
        other: String,
        #[command(flatten)]
        of: CaseNumbersArgs,
    },
    /// 查实之后的处置：停发工资、办理出编、责令退还、线索移送、处理处分 What was done about a confirmed case: pay stopped, exit registered, recovery demanded, referred, disciplined
    Act(CaseActArgs),
    /// 登记追回的金额 Money that came back
    Recovered {
        /// 金额（元） In yuan
        #[arg(long, value_parser = fen)]
        yuan: i64,
        #[command(flatten)]
        of: CaseNumbersArgs,
    },
    /// 办结 Close
    Close(CaseNumbersArgs),
    /// 重新办理 Reopen
    Reopen(CaseNumbersArgs),
    /// 导入填好的办理清单（muster report 导出的工作簿） Take back a worklist that was filled in (from muster report)
    Import(CaseImportArgs),
    /// 列出结论与说明类型的代码 List the codes of outcomes and of explanations
    Outcomes,
    /// 逾期看板：各单位逾期案件，已升级到哪一级 Overdue cases by unit, and who above has heard of them
    Overdue(CaseBoardArgs),
    /// 金额：按结论汇总疑点、查实、避免、追回、尚欠 Amounts by outcome: suspected, detected, prevented, recovered, outstanding
    Amounts(CaseBoardArgs),
}

/// `muster case overdue` and `muster case amounts`.
#[derive(Debug, Args)]
pub struct CaseBoardArgs {
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster case act`.
#[derive(Debug, Args)]
pub struct CaseActArgs {
    /// 措施：pay-stopped 停发工资、exit-registered 办理出编、recovery-demanded 责令退还、referred 线索移送、disciplined 处理处分 Which measure
    #[arg(value_parser = measure)]
    pub measure: Measure,
    /// 自哪一天起；默认今天 From which day; today by default
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// 责令退还的金额（元） What was demanded, in yuan
    #[arg(long, value_parser = fen)]
    pub yuan: Option<i64>,
    /// 依据文件；记录其摘要 The document that orders or shows it; its hash is kept
    #[arg(long)]
    pub document: Option<PathBuf>,
    #[command(flatten)]
    pub of: CaseNumbersArgs,
}

/// Which cases are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CaseState {
    /// 未结 Open
    Open,
    /// 逾期 Overdue
    Overdue,
    /// 待复核 To be seconded
    Pending,
    /// 已有结论 Decided
    Decided,
    /// 自动销号 Cured
    Cured,
    /// 全部 All
    All,
}

/// `muster case list`.
#[derive(Debug, Args)]
pub struct CaseListArgs {
    /// 状态 Where they stand
    #[arg(long, default_value = "open")]
    pub state: CaseState,
    /// 规则，如 G01 A rule
    #[arg(long)]
    pub rule: Option<String>,
    /// 单位编码 Code of a unit
    #[arg(long)]
    pub unit: Option<String>,
    /// 承办人 Who has them
    #[arg(long)]
    pub assigned_to: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster case import`.
#[derive(Debug, Args)]
pub struct CaseImportArgs {
    /// 填好的工作簿 The workbook
    pub file: PathBuf,
    /// 只检查，不改动 Only try; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// 工作簿密码所在文件 The file that holds the workbook's password
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// 办理人；有 people.toml 时用 --as Who has filled it in; with people.toml, `--as` says it
    #[arg(long, value_parser = said)]
    pub by: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster case show`.
#[derive(Debug, Args)]
pub struct CaseShowArgs {
    /// 编号 Its number
    pub number: String,
    /// 显示完整证件号和姓名，并将原因记入审计日志 Show ID numbers and names in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Which cases an act is about, who does it, and why.
#[derive(Debug, Args)]
pub struct CaseNumbersArgs {
    /// 编号，可多个 Their numbers
    pub numbers: Vec<String>,
    /// 该规则的全部未结案件 Every open case of this rule alone
    #[arg(long, value_name = "RULE")]
    pub all_of: Option<String>,
    /// 仅此单位（配合 --all-of） Of this unit alone, with --all-of
    #[arg(long, requires = "all_of")]
    pub unit: Option<String>,
    /// 办理人；默认为系统用户；有 people.toml 时用 --as Who does it; the operating system's user by default; with people.toml, `--as` says it
    #[arg(long, value_parser = said)]
    pub by: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    /// 说明或依据 In words
    #[arg(long, value_parser = said)]
    pub why: Option<String>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster case decide`.
#[derive(Debug, Args)]
pub struct CaseDecideArgs {
    /// 结论代码，见 muster case outcomes What it turned out to be: see `muster case outcomes`
    #[arg(long, value_parser = outcome)]
    pub outcome: Outcome,
    /// 合规情形有效至 Until when an explanation holds
    #[arg(long)]
    pub until: Option<NaiveDate>,
    /// 说明类型，如 X01 借调，见 muster case outcomes Which explanation it is, like X01: see `muster case outcomes`
    #[arg(long, value_parser = explanation)]
    pub explanation: Option<Explanation>,
    /// 依据文件；记录其摘要 The document that shows it; its hash is kept
    #[arg(long)]
    pub document: Option<PathBuf>,
    #[command(flatten)]
    pub of: CaseNumbersArgs,
}

/// `muster notice`.
#[derive(Debug, Args)]
pub struct NoticeArgs {
    /// 哪种公文 Which paper
    pub kind: NoticeKind,
    /// 单位编码；可多个，各成一份，字号依次递增，--out 为目录 A unit; of several each gets a paper, numbered upwards, and --out is a folder
    #[arg(long = "unit", value_name = "CODE")]
    pub units: Vec<String>,
    /// 只含这些案件，逗号分隔；须属同一单位 These cases alone, of one unit
    #[arg(long = "case", value_name = "MU-…", value_delimiter = ',')]
    pub cases: Vec<String>,
    /// 发文字号，如 嵊编办〔2026〕12号 Number of the document
    #[arg(long, value_parser = said)]
    pub number: String,
    /// 发文机关全称 Who issues it, by full name
    #[arg(long, value_parser = said)]
    pub from: String,
    /// 成文日期；默认今天 Its date; today by default
    #[arg(long)]
    pub date: Option<NaiveDate>,
    /// 答复或整改期限；默认核查 10 个工作日、整改 60 日 When the unit answers or is done; 10 working days or 60 days by default
    #[arg(long)]
    pub due: Option<NaiveDate>,
    /// 印红色发文机关标志和红线；不写则供套红纸或白纸 Print the red head and line
    #[arg(long)]
    pub letterhead: bool,
    /// 联系人和电话，印于附注 Who answers questions, printed below the date
    #[arg(long, value_parser = said)]
    pub contact: Option<String>,
    /// 抄送机关；写明则印版记 Who gets a copy; printed at the foot of the last page
    #[arg(long, value_parser = said)]
    pub copy_to: Option<String>,
    /// 核查通知：同时将各案记为已向单位核查 With a query: write down that the unit was asked about each case
    #[arg(long)]
    pub send: bool,
    /// 用途；公文载有姓名，记入审计日志 What for: papers name people, so it goes into the audit log
    #[arg(long, value_parser = said)]
    pub why: String,
    /// 写到此 docx 文件（多个单位时为目录），不覆盖 Where to write; nothing is replaced
    #[arg(long)]
    pub out: PathBuf,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Which paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NoticeKind {
    /// 核查通知：请单位核查未结线索并答复 Asks the unit to look at its open leads and to answer
    Verify,
    /// 整改通知书：已认定并复核的问题 Orders the unit to put right what is confirmed and seconded
    Rectify,
    /// 问题台账：单位或全市的全部案件 The list of all cases of a unit, or of the city
    Ledger,
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::read(text).ok_or_else(|| "C1 to C12; `muster case outcomes` lists them".to_owned())
}

fn explanation(text: &str) -> Result<Explanation, String> {
    Explanation::read(text).ok_or_else(|| "X01 to X24; `muster case outcomes` lists them".to_owned())
}

fn measure(text: &str) -> Result<Measure, String> {
    let words = || Measure::ALL.map(Measure::word).join(", ");
    Measure::ALL.into_iter().find(|it| it.word() == text).ok_or_else(words)
}

/// `6234.70` yuan in fen.
fn fen(text: &str) -> Result<i64, String> {
    let wrong = || "an amount in yuan, like 6234.70".to_owned();
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let part = match part.len() {
        1 => part.parse::<i64>().ok().map(|it| it * 10),
        2 => part.parse().ok(),
        _ => None,
    };
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    Ok(i64::from(whole) * 100 + part.filter(|it| *it >= 0).ok_or_else(wrong)?)
}

/// `muster judge …`.
#[derive(Debug, Subcommand)]
pub enum JudgeWhat {
    /// 是同一人 They are one person
    Same(JudgeArgs),
    /// 不是同一人 They are two people
    Different(JudgeArgs),
    /// 无法判断：两人均存疑 It cannot be told: both stay in doubt
    Unsure(JudgeArgs),
    /// 列出判断 List the judgements
    List(JudgeListArgs),
    /// 撤回一条判断 Withdraw a judgement
    Withdraw(WithdrawArgs),
}

/// `muster judge same`, `different` and `unsure`.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// 来源身份，如 finance/payroll#17（见 `muster explain`） The row, as `muster explain` prints it
    #[arg(value_name = "ROW")]
    pub one: String,
    /// 另一条来源身份 The other row
    #[arg(value_name = "ROW")]
    pub other: String,
    /// 判断人，没有 people.toml 时；默认为本机用户 Who judges, where there is no people.toml; whoever is logged in
    #[arg(long, value_parser = said)]
    pub by: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    /// 理由 The reason
    #[arg(long, value_parser = said)]
    pub why: String,
    /// 编号属于哪一夜；默认最近一夜 The night that the rows are named in; the newest by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster judge list`.
#[derive(Debug, Args)]
pub struct JudgeListArgs {
    /// 连同已撤回的 With those that were withdrawn
    #[arg(long)]
    pub all: bool,
    /// 显示完整证件号和姓名，并将原因记入审计日志 Show ID numbers and names in full; the reason goes into the audit log
    #[arg(long, value_name = "WHY", value_parser = said)]
    pub reveal: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster judge withdraw`.
#[derive(Debug, Args)]
pub struct WithdrawArgs {
    /// 判断的编号（见 `muster judge list`） Its number, as `muster judge list` prints it
    pub number: i64,
    /// 撤回人，没有 people.toml 时；默认为本机用户 Who withdraws it, where there is no people.toml; whoever is logged in
    #[arg(long, value_parser = said)]
    pub by: Option<String>,
    #[command(flatten)]
    pub eyes: AsArg,
    /// 理由 The reason
    #[arg(long, value_parser = said)]
    pub why: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// A word that says something.
fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("不能为空 must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|it| (0.0..=1.0).contains(it)).ok_or_else(|| "0 到 1 之间 between 0 and 1".to_owned())
}

/// `muster init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// 部门代号，如 finance The department's id, kebab case
    pub department: String,
    /// 来源：文件夹、文件、地址（postgres://…、https://…）或连接方式（postgres、xlsx…） The source: a folder, a file, an address, or its kind
    #[arg(long, visible_alias = "kind")]
    pub from: String,
    /// 连接参数，如 --set folder=/data/finance Settings of the source, like --set folder=/data/finance
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// 表名或文件名模式，可多个；默认为数据源的全部表 Tables or file patterns; all that the source offers by default
    #[arg(long)]
    pub table: Vec<String>,
    /// 写到哪里 Where to write
    #[arg(long, default_value = ".")]
    pub out: PathBuf,
}

/// `muster docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// 打印哪一份 Which one
    pub page: Option<String>,
    /// 全部写入该目录 Write all of them to this folder
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// `muster link`.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// 做什么 What to do
    #[command(subcommand)]
    pub what: LinkWhat,
}

/// What to do with links.
#[derive(Debug, Subcommand)]
pub enum LinkWhat {
    /// 关联任意两份人员文件，与真值比对 Link any two files of people, and score them against a truth
    Evaluate(EvaluateArgs),
    /// 打印随附的模型 Print the model that is shipped
    Model,
}

/// `muster link evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// 左侧文件（名册），CSV 或 Parquet The left file (the register), CSV or Parquet
    #[arg(long)]
    pub left: PathBuf,
    /// 右侧文件；与左侧相同则查找重复 The right file; the same as the left to find who stands in it twice
    #[arg(long)]
    pub right: PathBuf,
    /// 真值：关联对文件（可带类别列），或两侧共有的列名 The truth: a file of pairs, perhaps with a class, or a column of both files
    #[arg(long)]
    pub truth: Option<String>,
    /// 列的对应关系（TOML）；默认按表头猜测 Which column is what (TOML); guessed by header otherwise
    #[arg(long)]
    pub mapping: Option<PathBuf>,
    /// 模型文件；默认为随附的模型 A model; the shipped one by default
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// 两份文件的编码；默认自动判别 Encoding of both files; told by their bytes by default
    #[arg(long)]
    pub encoding: Option<String>,
    /// 输出目录：links.csv、reviews.csv、errors.csv Folder for links.csv, reviews.csv and errors.csv
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// The sets of `muster bench link`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LinkSet {
    /// 证件号 2 %、姓名 1 % 损坏 2 % of numbers and 1 % of names damaged
    Plain,
    /// 证件号四分之一、姓名 10 %、单位 20 % 损坏 A quarter of numbers, 10 % of names, 20 % of units damaged
    Hard,
    /// 同上且无出生日期 The same without birth dates
    Nobirth,
    /// 证件号 10 % 损坏 10 % of numbers damaged
    Small,
}

/// `muster bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// 测什么 What to measure
    #[command(subcommand)]
    pub what: BenchWhat,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchWhat {
    /// 人员关联：按种子生成并损坏两份文件，再关联评分 Linking: two files made and damaged by seed, linked and scored
    Link {
        /// 人数 People
        #[arg(long, default_value_t = 100_000)]
        people: usize,
        /// 随机种子 Seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// 损坏的程度 How much is damaged
        #[arg(long, value_enum, default_value_t = LinkSet::Plain)]
        set: LinkSet,
        /// 数据目录 Folder of the files
        #[arg(long, default_value = "target/bench-link")]
        out: PathBuf,
    },
    /// 一夜：由落地文件到问题清单 One night: from landed Parquet to findings
    Night {
        /// 人数 People
        #[arg(long, default_value_t = 2_000_000)]
        people: usize,
        /// 月数 Months
        #[arg(long, default_value_t = 12)]
        months: u32,
        /// 数据目录，已有则复用 Folder of the files; used again when it is there
        #[arg(long, default_value = "target/bench-night")]
        out: PathBuf,
        /// 引擎内存池（MiB）Memory pool of the engine in MiB
        #[arg(long, default_value_t = 1024)]
        memory_mib: usize,
    },
    /// 多年：逐夜折叠、存储与办理，每夜验证计数与编号 Years: night after night folded, kept and worked on; counts and numbers are checked
    Nights(BenchNightsArgs),
    /// 取数：由数据库或文件到 Arrow A pull: from a database or file into Arrow
    Pull(BenchPullArgs),
    /// 取数一次，由 `bench pull` 在子进程中调用 One pull, as `bench pull` runs it in a process of its own
    #[command(hide = true)]
    PullOne(PullOneArgs),
}

/// `muster bench nights`.
#[derive(Debug, Args)]
pub struct BenchNightsArgs {
    /// 夜数 Nights
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub nights: u32,
    /// 人数 Staff
    #[arg(long, default_value_t = 14_000)]
    pub people: usize,
    /// 随机种子 Seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 空的 PostgreSQL 库；默认用 SQLite 文件 An empty PostgreSQL database; a SQLite file by default
    #[arg(long)]
    pub url: Option<String>,
    /// SQLite 文件所在目录，每次重建 Folder of the SQLite file, made anew
    #[arg(long, default_value = "target/bench-nights")]
    pub out: PathBuf,
}

/// `muster bench pull`.
#[derive(Debug, Args)]
pub struct BenchPullArgs {
    /// 连接方式：postgres、mysql、sqlite、sqlserver、xlsx、csv The kind of source
    #[arg(long)]
    pub kind: String,
    /// 行数 Rows
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub rows: u64,
    /// 可写入的服务器，如 postgres://user:password@127.0.0.1:5432/bench A server that may be written to
    #[arg(long)]
    pub url: Option<String>,
    /// 连接参数 Further settings of the source, like --set tls=off
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// 已有的表，不再生成 A table that is filled already; nothing is written then
    #[arg(long)]
    pub table: Option<String>,
    /// 文件目录，已有则复用 Folder of the files; used again when they are there
    #[arg(long, default_value = "target/bench-pull")]
    pub out: PathBuf,
}

/// `muster bench pull-one`.
#[derive(Debug, Args)]
pub struct PullOneArgs {
    /// 连接方式 The kind of source
    #[arg(long)]
    pub kind: String,
    /// 连接参数 Settings of the source
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// 表 The table
    #[arg(long)]
    pub table: String,
    /// 只用解析库读这个工作簿 Read this workbook with the library alone
    #[arg(long)]
    pub alone: Option<PathBuf>,
}

/// `muster mail`.
#[derive(Debug, Subcommand)]
pub enum MailWhat {
    /// 某夜每位收件人的信，不发送 The letters of a night; nothing is sent
    Preview(MailPreviewArgs),
    /// 立即发一封测试邮件 Send a test now
    Test(MailTestArgs),
    /// 列出发件箱 List the outbox
    Outbox(MailOutboxArgs),
    /// 将推迟或搁置的信重新发送 Send again what was deferred or parked
    Retry(MailRetryArgs),
    /// 发送已到时间的信 Send what is due
    Send(MailSendArgs),
    /// 读退信目录，列出近期退回的信 Read the folder of bounces, and list letters that came back
    Bounces(ConfigArg),
}

/// `muster mail preview`.
#[derive(Debug, Args)]
pub struct MailPreviewArgs {
    /// 只看这位收件人，如 finance、operator-1 This reader alone
    #[arg(long = "for", value_name = "READER")]
    pub reader: Option<String>,
    /// 只看这种信，不论该夜是否应发、收件人是否订阅 This kind alone, due that night or not, to everybody
    #[arg(long, value_parser = ["urgent", "nightly", "weekly", "monthly", "failures", "alarm"])]
    pub kind: Option<String>,
    /// 哪一夜；默认最近一夜 Which night; the newest by default
    #[arg(long)]
    pub night: Option<NaiveDate>,
    /// 将 HTML 写入此目录 Write the HTML into this folder
    #[arg(long, value_name = "FOLDER")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster mail send`.
#[derive(Debug, Args)]
pub struct MailSendArgs {
    /// 只发这种信 This kind alone
    #[arg(long, value_parser = ["urgent", "nightly", "weekly", "monthly", "failures", "alarm"])]
    pub kind: Option<String>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster mail test`.
#[derive(Debug, Args)]
pub struct MailTestArgs {
    /// 收件地址 Mail address
    #[arg(long)]
    pub to: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster mail outbox`.
#[derive(Debug, Args)]
pub struct MailOutboxArgs {
    /// 只看某一状态 One state alone
    #[arg(long, value_parser = ["queued", "deferred", "sent", "parked", "superseded", "bounced"])]
    pub state: Option<String>,
    /// 条数 How many
    #[arg(long, default_value_t = 50)]
    pub rows: u32,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster mail retry`.
#[derive(Debug, Args)]
pub struct MailRetryArgs {
    /// 信的编号；默认全部 Number of the letter; all by default
    pub letter: Option<i64>,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster store`.
#[derive(Debug, Subcommand)]
pub enum StoreWhat {
    /// 检查存储是否完好，不作改动 Look whether the store is whole; changes nothing
    Check(ConfigArg),
    /// 将表结构升级到本版本并列出 Bring the tables to this version, and list the migrations
    Migrate(ConfigArg),
    /// 复制到一个空的存储，如由 SQLite 迁往 PostgreSQL Copy everything into an empty store, as from SQLite to PostgreSQL
    Copy(StoreCopyArgs),
    /// 备份为一个文件；运行中亦可 Back up into one file, also while a night runs
    Backup(BackupArgs),
    /// 由备份恢复到空的存储 Restore a backup into an empty store
    Restore(StoreFileArgs),
}

/// `muster store copy`.
#[derive(Debug, Args)]
pub struct StoreCopyArgs {
    /// 目标：文件或 postgres:// 地址；口令取自 PGPASSWORD 或 ~/.pgpass Where to: a file or a postgres:// address; the password comes from PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "FILE|URL")]
    pub to: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster store backup` and `muster store restore`.
#[derive(Debug, Args)]
pub struct StoreFileArgs {
    /// 备份文件 The backup
    pub file: PathBuf,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster store backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    pub to: StoreFileArgs,
    /// 同一目录中只留最新的几份 muster-*.db，其余删除 Keep the newest so many muster-*.db of its folder, and remove the others
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
}

/// `muster report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// 给谁：部门或人员代号、leaders（领导）、owner:部门（数据所有者） For whom: a department, a person, leaders, owner:DEPARTMENT
    #[arg(long = "for", value_name = "WHO")]
    pub whom: String,
    /// 哪一夜；默认最近一夜 Which night; the newest otherwise
    #[arg(long, value_name = "NIGHT")]
    pub as_of: Option<NaiveDate>,
    /// 格式 How it is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Xlsx)]
    pub format: ReportFormat,
    /// CSV 的编码 Encoding of CSV
    #[arg(long, value_enum, default_value_t)]
    pub encoding: Encoding,
    /// 写到此文件，不覆盖 Where to write it; nothing is replaced
    #[arg(long)]
    pub out: PathBuf,
    /// 用途，记入审计日志与水印 The purpose; it stands in the audit log and on every page
    #[arg(long, value_parser = said)]
    pub why: String,
    /// 工作簿密码所在文件 The file that holds the workbook's password
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    #[command(flatten)]
    pub eyes: AsArg,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Excel.
    Xlsx,
    /// 网页 One page, nothing loaded from elsewhere.
    Html,
    /// 一张表 One table.
    Csv,
    /// For programs.
    Json,
    /// 打印（需 Chromium） To print; needs Chromium.
    Pdf,
}

/// `muster key`.
#[derive(Debug, Subcommand)]
pub enum KeyWhat {
    /// 写一个新密钥文件 muster.key，与 muster.toml 同一目录 Write a new key file, muster.key beside muster.toml
    New(ConfigArg),
    /// 哪些数据需要哪个密钥；有无未加密的文件 Which data needs which key, and whether anything is in clear
    Check(ConfigArg),
    /// 换用新密钥，并将全部数据改由其加密 A new key, and everything under it
    Rotate(ConfigArg),
    /// 将全部数据改由首个密钥加密 Put everything under the first key
    Reseal(ConfigArg),
    /// 解开一个加密文件，须写明理由，并记入审计日志 Open one sealed file; the reason goes into the audit log
    Open(KeyOpenArgs),
}

/// `muster key open`.
#[derive(Debug, Args)]
pub struct KeyOpenArgs {
    /// 加密的文件 The sealed file
    pub file: PathBuf,
    /// 写到此文件；不写则输出到屏幕 Where to write it; to the terminal otherwise
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// 理由 The reason
    #[arg(long, value_name = "WHY")]
    pub reveal: String,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster audit`.
#[derive(Debug, Subcommand)]
pub enum AuditWhat {
    /// 最近的记录，新者在前 The newest entries first
    List(AuditListArgs),
    /// 逐条核对摘要链 Follow the chain of hashes from its beginning
    Verify(AuditVerifyArgs),
}

/// `muster audit list`.
#[derive(Debug, Args)]
pub struct AuditListArgs {
    /// 只看某一案件、数据源或文件 Only what is about this case, feed or file
    #[arg(long)]
    pub about: Option<String>,
    /// 条数 How many
    #[arg(long, default_value_t = 50)]
    pub rows: u32,
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `muster audit verify`.
#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    /// 以前记下的末条摘要：须仍在日志之中 A head that was written down before: it must still be in the log
    #[arg(long)]
    pub head: Option<String>,
    #[command(flatten)]
    pub config: ConfigArg,
}
