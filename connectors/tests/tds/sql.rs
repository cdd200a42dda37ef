//! The statements that the connector sends, and no others.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::types::{Kind, Value};
use super::{Habits, Table};

/// What becomes of a statement.
pub enum Outcome {
    /// It is done, and has no rows.
    Nothing,
    Begin {
        snapshot: bool,
    },
    Rollback,
    /// A small answer.
    Small(Columns, Vec<Vec<Value>>),
    /// Rows of a table.
    Rows(Select),
    /// Number, class and text.
    Refused(i32, u8, String),
}

type Columns = Vec<(String, Kind)>;

/// A SELECT over a table.
pub struct Select {
    pub table: Table,
    /// What is answered: name and type; where it is in the table; what it is converted from.
    pub columns: Columns,
    from: Vec<(usize, Vec<Kind>)>,
    top: u64,
    /// Column and least value.
    least: Option<(usize, String)>,
}

/// The same text in every answer of a catalogue.
const NAME: Kind = Kind::NVarChar(Some(128));

pub fn outcome(sql: &str, texts: &[String], tables: &BTreeMap<String, Table>, habits: &Habits) -> Outcome {
    if sql.starts_with("SET NOCOUNT ON;") {
        return Outcome::Nothing;
    }
    match sql {
        "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION" if !habits.snapshot => {
            Outcome::Refused(3952, 16, format!("Snapshot isolation is not allowed in database '{}'.", habits.database))
        }
        "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION" => Outcome::Begin { snapshot: true },
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION" => Outcome::Begin { snapshot: false },
        "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION" => Outcome::Rollback,
        sql if sql.contains("SERVERPROPERTY('ProductVersion')") => facts(habits),
        sql if sql.contains("IS_SRVROLEMEMBER") => numbers(&[0, 0, i64::from(habits.may_write), i64::from(habits.may_write), 0, 0]),
        sql if sql.contains("DATEDIFF(second, '20000101', SYSUTCDATETIME())") => numbers(&[clock(habits)]),
        sql if sql.contains("JOIN sys.schemas") => offers(tables),
        sql if sql.contains("OBJECT_ID(@P1)") => catalogued(texts.first().and_then(|it| tables.get(it)), false),
        sql if sql.contains("sys.dm_exec_describe_first_result_set(@P1, NULL, 0)") => described(texts, tables, habits),
        sql => select(sql, texts, tables),
    }
}

fn facts(habits: &Habits) -> Outcome {
    let bytes = if habits.true_bytes { vec![0x61, 0x00, 0x2d, 0x4e] } else { "a中".as_bytes().to_vec() };
    let columns = vec![unnamed(NAME), unnamed(Kind::Int), unnamed(Kind::Int), unnamed(Kind::VarBinary(Some(8)))];
    let row = vec![
        Value::Text(format!("{}.0.1000.6", habits.major)),
        Value::Whole(i64::from(habits.major)),
        Value::Whole(i64::from(habits.snapshot)),
        Value::Raw(bytes),
    ];
    Outcome::Small(columns, vec![row])
}

fn clock(habits: &Habits) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64;
    now - 946_684_800 + habits.clock_seconds
}

fn numbers(numbers: &[i64]) -> Outcome {
    let columns = numbers.iter().map(|_| unnamed(Kind::Int)).collect();
    Outcome::Small(columns, vec![numbers.iter().map(|it| Value::Whole(*it)).collect()])
}

fn unnamed(kind: Kind) -> (String, Kind) {
    (String::new(), kind)
}

fn offers(tables: &BTreeMap<String, Table>) -> Outcome {
    let columns = ["name", "name", "name"].map(|it| (it.to_owned(), NAME)).to_vec();
    let names = tables.iter().filter_map(|(key, table)| Some((key.strip_prefix("[dbo].[")?.strip_suffix(']')?, table)));
    let rows = names.flat_map(|(name, table)| {
        table.columns.iter().map(|(column, _)| ["dbo", name, column.as_str()].map(|it| Value::Text(it.to_owned())).to_vec())
    });
    Outcome::Small(columns, rows.collect())
}

fn catalogued(table: Option<&Table>, of_query: bool) -> Outcome {
    let mut columns = vec![("name".to_owned(), NAME), unnamed(NAME)];
    columns.extend((0..if of_query { 5 } else { 4 }).map(|_| unnamed(Kind::Int)));
    let row = |(name, kind): &(String, Kind)| {
        let (kind, bytes, precision, scale, page) = kind.catalogued();
        let mut row = vec![Value::Text(name.clone()), Value::Text(kind.to_owned())];
        row.extend([bytes, precision, scale].map(Value::Whole));
        row.push(page.map_or(Value::Null, Value::Whole));
        row.extend(of_query.then_some(Value::Null));
        row
    };
    Outcome::Small(columns, table.iter().flat_map(|it| it.columns.iter().map(row)).collect())
}

/// What cannot be described has one row without a type.
fn described(texts: &[String], tables: &BTreeMap<String, Table>, habits: &Habits) -> Outcome {
    assert!(habits.major >= 11, "SQL Server 2008 cannot describe queries");
    let sql = texts.first().map(String::as_str).unwrap_or_default();
    let asked = sql.find("SELECT * FROM (").and_then(|at| from(&sql[at + "SELECT * FROM ".len()..], &sql[..at], tables));
    let Some((table, _)) = asked else {
        let Outcome::Small(columns, _) = catalogued(None, true) else { return Outcome::Nothing };
        let mut row = vec![Value::Null; columns.len()];
        row[1] = Value::Text("clr".to_owned());
        row[6] = Value::Whole(208);
        return Outcome::Small(columns, vec![row]);
    };
    catalogued(Some(table), true)
}

/// `[with] SELECT [TOP (n)] … FROM … [WHERE [c] >= …]`
fn select(sql: &str, texts: &[String], tables: &BTreeMap<String, Table>) -> Outcome {
    let refused = |text: &str| Outcome::Refused(102, 15, format!("Incorrect syntax: the listener does not know {text}"));
    let start = if sql.starts_with("SELECT ") { 0 } else { sql.find(" SELECT ").map_or(0, |it| it + 1) };
    let (with, rest) = sql.split_at(start);
    let Some(rest) = rest.strip_prefix("SELECT ") else { return refused(sql) };
    let (top, rest) = match rest.strip_prefix("TOP (").and_then(|it| it.split_once(") ")) {
        Some((rows, rest)) => (rows.parse().unwrap_or(u64::MAX), rest),
        None => (u64::MAX, rest),
    };
    let Some(at) = position(rest, " FROM ") else { return refused(sql) };
    let (items, behind) = (&rest[..at], &rest[at + " FROM ".len()..]);
    let Some((table, condition)) = from(behind, with, tables) else {
        return Outcome::Refused(208, 16, format!("Invalid object name '{behind}'."));
    };
    let least = match condition.strip_prefix(" WHERE ").and_then(|it| it.split_once(" >= ")) {
        None => None,
        Some((name, _)) => {
            let Some(at) = place(table, name) else { return Outcome::Refused(207, 16, format!("Invalid column name '{name}'.")) };
            Some((at, texts.first().cloned().unwrap_or_default()))
        }
    };
    let mut select = Select { table: table.clone(), columns: Vec::new(), from: Vec::new(), top, least };
    if items == "COUNT_BIG(*)" {
        let rows = (0..table.rows).filter(|at| select.least.is_none() || select.wanted(&table.row(*at))).count();
        return Outcome::Small(vec![unnamed(Kind::BigInt)], vec![vec![Value::Whole(rows as i64)]]);
    }
    if items == "*" {
        select.columns.clone_from(&table.columns);
        select.from = table.columns.iter().enumerate().map(|(at, (_, kind))| (at, vec![*kind])).collect();
        return Outcome::Rows(select);
    }
    for item in pieces(items) {
        let (expression, name) = item.split_once(" AS ").unwrap_or((item, item));
        let Some((at, kinds)) = expressed(expression, table) else { return refused(item) };
        select.columns.push((name.trim_matches(['[', ']']).to_owned(), *kinds.last().expect("at least its own type")));
        select.from.push((at, kinds));
    }
    Outcome::Rows(select)
}

/// The table or query, and what stands behind it.
fn from<'a, 'b>(behind: &'a str, with: &str, tables: &'b BTreeMap<String, Table>) -> Option<(&'b Table, &'a str)> {
    let (source, condition) = behind.split_once(" AS asked")?;
    let key = match source.strip_prefix('(').and_then(|it| it.strip_suffix("\n)")) {
        Some(query) => format!("{with}{query}"),
        None => source.to_owned(),
    };
    Some((tables.get(&key)?, condition))
}

/// Where a column is, and the types that its value takes one after the other.
fn expressed(expression: &str, table: &Table) -> Option<(usize, Vec<Kind>)> {
    if let Some(inner) = expression.strip_prefix("CONVERT(").and_then(|it| it.strip_suffix(')')) {
        let (kind, inner) = inner.split_at(position(inner, ", ")?);
        let (at, mut kinds) = expressed(&inner[2..], table)?;
        kinds.push(converted(kind, *kinds.last()?)?);
        return Some((at, kinds));
    }
    let at = place(table, expression)?;
    Some((at, vec![table.columns[at].1]))
}

fn place(table: &Table, quoted: &str) -> Option<usize> {
    let name = quoted.strip_prefix('[')?.strip_suffix(']')?.replace("]]", "]");
    table.columns.iter().position(|it| it.0 == name)
}

/// The type that CONVERT names.
fn converted(kind: &str, from: Kind) -> Option<Kind> {
    let page = match from {
        Kind::Char(_, it) | Kind::VarChar(_, it) | Kind::Text(it) => it,
        _ => super::Page::Gbk,
    };
    Some(match kind {
        "decimal(19,4)" => Kind::Decimal(19, 4),
        "decimal(10,4)" => Kind::Decimal(10, 4),
        "binary(8)" => Kind::Binary(8),
        "varbinary(max)" => Kind::VarBinary(None),
        "nvarchar(max)" => Kind::NVarChar(None),
        "nvarchar(4000)" => Kind::NVarChar(Some(4000)),
        "varchar(max)" => Kind::VarChar(None, page),
        kind => Kind::VarBinary(Some(kind.strip_prefix("varbinary(")?.strip_suffix(')')?.parse().ok()?)),
    })
}

impl Select {
    /// How many rows it has at most.
    pub fn rows(&self) -> u64 {
        self.table.rows.min(self.top)
    }

    /// A row of the answer; none when the condition leaves it out.
    pub fn row(&self, at: u64) -> Option<Vec<Value>> {
        let row = self.table.row(at);
        if !self.wanted(&row) {
            return None;
        }
        Some(self.from.iter().map(|(at, kinds)| value(&row[*at], kinds)).collect())
    }

    /// Whether rows can be written once and copied.
    pub fn cycle(&self) -> Option<u64> {
        self.table.cycle.filter(|_| self.least.is_none())
    }

    fn wanted(&self, row: &[Value]) -> bool {
        let Some((at, least)) = &self.least else { return true };
        match &row[*at] {
            Value::Whole(it) => least.parse().is_ok_and(|least: i64| *it >= least),
            Value::Text(it) => it >= least,
            Value::Raw(it) => it.iter().map(|it| format!("{it:02x}")).collect::<String>() >= *least,
            _ => false,
        }
    }
}

/// A text that becomes binary is its bytes; every other conversion keeps the value.
fn value(value: &Value, kinds: &[Kind]) -> Value {
    let mut value = value.clone();
    for pair in kinds.windows(2) {
        if matches!(pair[1], Kind::VarBinary(_)) {
            value = pair[0].bytes(&value).map_or(Value::Null, Value::Raw);
        }
    }
    value
}

/// Where `wanted` stands outside of brackets.
fn position(text: &str, wanted: &str) -> Option<usize> {
    let (mut round, mut square) = (0, false);
    text.char_indices().find_map(|(at, it)| {
        if round == 0 && !square && text[at..].starts_with(wanted) {
            return Some(at);
        }
        match it {
            '[' => square = true,
            ']' => square = false,
            '(' if !square => round += 1,
            ')' if !square => round -= 1,
            _ => {}
        }
        None
    })
}

fn pieces(items: &str) -> Vec<&str> {
    let mut rest = items;
    let mut pieces = Vec::new();
    while let Some(at) = position(rest, ", ") {
        pieces.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    pieces.push(rest);
    pieces
}
