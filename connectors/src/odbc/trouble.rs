//! What a driver's refusal means for the night: worth a retry or not, and what to try.

use super::child::End;
use super::line::{At, Trouble};
use crate::{Failure, Said, near, said};

/// How the helper is made.
pub(super) fn build_it() -> Said {
    said!(
        "先装 unixODBC（apt-get install unixodbc-dev），再用 `cargo build --release -p muster-odbc --features odbc` 编译，把 muster-odbc 放在 muster 旁边，或用 `program` 写明位置",
        "install unixODBC (apt-get install unixodbc-dev), build it with `cargo build --release -p muster-odbc --features odbc`, and put muster-odbc beside muster, or say with `program` where it is"
    )
}

/// The helper ended in the middle.
pub(super) fn died(failure: Failure, end: End) -> Failure {
    match end {
        End::Signal(signal) => {
            let why = said!("ODBC 驱动崩溃（信号 {signal}）", "the ODBC driver broke down (signal {signal})");
            let hint = said!(
                "多半是线路中断；驱动在独立的进程中运行，别的来源不受影响。会自动重试；若总是如此，请换驱动版本或连接参数",
                "mostly the line was cut; drivers run in a process of their own, so nothing else is touched. It is tried again; if it stays so, try another version of the driver or other settings of the connection"
            );
            Failure { why, ..failure }.hint(hint).passing()
        }
        End::NoLibrary => {
            Failure { why: said!("辅助程序缺少库，无法启动", "the helper lacks a library and does not start"), ..failure }
                .hint(said!("apt-get install unixodbc", "apt-get install unixodbc"))
        }
        End::Code(_) | End::Unknown => {
            let why = said!("辅助程序中途退出", "the helper ended in the middle");
            Failure { why, ..failure }.hint(said!("会自动重试", "it is tried again")).passing()
        }
    }
}

/// What the driver says, after what was being done.
pub(super) fn told(failure: Failure, trouble: &Trouble) -> Failure {
    let doing = match &trouble.at {
        At::NoTable(known) => {
            let why = said!("数据库没有这张表，或该账号看不到", "the database has no such table, or none that the login may see");
            let hint = near::did_you_mean(&failure.table, known.iter().map(String::as_str));
            return Failure { why, ..failure }.hint(hint);
        }
        At::ManyTables(known) => {
            let why = said!("不止一个模式有这张表", "more than one schema has this table");
            let list = near::list(known.iter().map(String::as_str));
            return Failure { why, ..failure }.hint(said!("写成其中之一：{}", "write one of {}"; list));
        }
        At::Longer(column) => {
            let why = said!("`{column}` 的值比驱动所称的更长", "a value of `{column}` is longer than the driver says");
            return Failure { why, ..failure }.hint(said!("加上 `blocks = false`，逐格读取", "`blocks = false` reads cell by cell"));
        }
        At::Manager => said!("unixODBC 无法使用", "unixODBC cannot be used"),
        At::Connect => said!("连接不上", "no connection"),
        At::Begin => said!("无法开始只读事务", "a transaction that only reads cannot begin"),
        At::Offers => said!("无法列出表", "the tables cannot be listed"),
        At::Query => said!("无法查询", "it cannot be queried"),
        At::Rows => said!("取数中断", "the pull broke off"),
        At::Count => said!("无法计数", "the rows cannot be counted"),
    };
    of_driver(failure, &doing, trouble)
}

/// <https://learn.microsoft.com/sql/odbc/reference/appendixes/appendix-a-odbc-error-codes>; psqlodbc hands over the server's own codes.
fn of_driver(failure: Failure, doing: &Said, trouble: &Trouble) -> Failure {
    let state = trouble.state.as_str();
    let words = match (trouble.message.as_str(), state.get(..2).unwrap_or_default()) {
        (_, "22" | "23") => said!("有值无法计算（{state}）", "a value cannot be computed ({state})"),
        ("", _) => said!("错误 {state}", "error {state}"),
        (message, _) => said!("{message}（{state}）", "{message} ({state})"),
    };
    let failure = Failure { why: doing.because(&words), ..failure };
    let connecting = matches!(trouble.at, At::Connect);
    match (state.get(..2).unwrap_or_default(), state) {
        ("IM", _) | (_, "01000") => failure.hint(said!(
            "`Driver=` 是 `odbcinst -q -d` 列出的名称吗？驱动装了吗？",
            "is `Driver=` one of those that `odbcinst -q -d` lists, and is it installed?"
        )),
        (class, _) if connecting && class != "HY" && is_login(&trouble.message) => {
            failure.hint(said!("账号对吗，口令是最新的吗？", "is the user right, is the password current?"))
        }
        ("28", _) => failure.hint(said!("账号对吗，口令是最新的吗？", "is the user right, is the password current?")),
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "HYT01") => {
            failure.hint(said!("服务器在运行吗，线路稳定吗？", "is the server up, is the line stable?")).passing()
        }
        (_, "HYT00" | "57014") => {
            failure.hint(said!("`command_timeout` 是查询的时限", "`command_timeout` is how long a query may take")).passing()
        }
        ("40", _) | (_, "55P03" | "72000") => {
            failure.hint(said!("同时有人在改这张表，会自动重试", "others changed the table meanwhile; it is tried again")).passing()
        }
        ("53" | "58", _) | (_, "HY001") => {
            failure.hint(said!("服务器或本机内存、磁盘不足", "the server or this machine is short of memory or disk")).passing()
        }
        (_, "42501" | "42000") => failure.hint(said!(
            "该账号可能无权读取；也请用别的程序试一试这条查询",
            "the login may not be allowed to read this; try the query with another program too"
        )),
        (_, "42S02" | "42P01") => failure.hint(said!("表名对吗？大小写要一致", "is the table's name right? Capitals matter")),
        (_, "42S22" | "42703") => failure.hint(said!("查询用到了没有的列", "the query names a column that is not there")),
        (_, "25006") => failure.hint(said!("该查询不只是读取", "the query does more than read")),
        // What has no code of its own may be a lost line: it is worth another try.
        (_, "" | "HY000") if matches!(trouble.at, At::Rows | At::Count | At::Begin) || connecting => failure
            .hint(said!("服务器在运行吗，线路稳定吗？会自动重试", "is the server up, is the line stable? It is tried again"))
            .passing(),
        _ => failure.hint(said!("用别的程序（如 isql）试一试", "try it with another program, such as isql")),
    }
}

/// Drivers without a code for a refused login still say so.
fn is_login(message: &str) -> bool {
    let message = message.to_lowercase();
    ["password", "authentication", "ora-01017", "role"].iter().any(|it| message.contains(it))
}
