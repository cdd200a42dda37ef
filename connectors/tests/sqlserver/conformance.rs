//! Every type by null, usual, empty, extreme and rare values, from the listener and from a genuine server, beside the printed table.

use std::fmt::Write as _;
use std::path::Path;

use muster_connectors::Connector;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use crate::cases::{self, Case, Sample};
use crate::tds::{Habits, Kind, Listener, Page, Table, Value};
use crate::{Source, ask, column, opened, pulled};

const PRINTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/sqlserver.md");

/// A table of one column, as the listener keeps it.
fn table(case: &Case) -> Table {
    let rows = case.samples.iter().enumerate().map(|(at, it)| vec![Value::Whole(at as i64), it.value.clone()]).collect();
    Table::of(&[("n", Kind::Int), ("v", case.kind)], rows)
}

fn all() -> Vec<Case> {
    cases::all().into_iter().chain([cases::row_version()]).collect()
}

async fn listener(habits: Habits) -> Listener {
    let listener = Listener::start(habits).await;
    for (at, case) in all().iter().enumerate() {
        listener.table(&format!("c{at}"), table(case));
        listener.query(&query(&format!("c{at}")), table(case));
    }
    listener
}

fn query(table: &str) -> String {
    format!("SELECT n, v FROM [{table}]")
}

/// What came out, by sample; the type that it came in.
async fn got(connector: &dyn Connector, table: &str) -> (Vec<Option<String>>, String) {
    let pull = connector.pull(&ask(table)).await.unwrap_or_else(|it| panic!("{table}: {it} {:?}", it.hint));
    let kind = pull.schema.field(1).data_type().to_string();
    let pieces = pulled(connector, &ask(table)).await.unwrap_or_else(|it| panic!("{table}: {it} {:?}", it.hint));
    (column(&pieces, "v"), kind)
}

fn expected(case: &Case) -> Vec<Option<String>> {
    case.samples.iter().map(|it| it.gives.map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_type_comes_as_it_is_and_the_printed_table_is_fresh() {
    let listener = listener(Habits::default()).await;
    let source = Source::new(&listener, "");
    let mut printed = String::from(
        "# SQL Server: types\n<!-- printed by the test connectors/tests/sqlserver.rs (UPDATE=1); do not edit -->\n\n\
         | type | Arrow | null | usual | empty | extreme | rare |\n|---|---|---|---|---|---|---|\n",
    );
    for (at, case) in all().iter().enumerate() {
        let (found, arrow) = got(&*source.connector, &format!("c{at}")).await;
        assert_eq!(found, expected(case), "{}", case.declared);
        let _ = writeln!(printed, "| {} | {arrow} |{}", case.declared, cells(case, &found));
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PRINTED, &printed).expect("to print the table");
    }
    let kept = std::fs::read_to_string(PRINTED).unwrap_or_default();
    assert!(kept == printed, "{PRINTED} is not fresh: UPDATE=1 prints it");
}

fn cells(case: &Case, found: &[Option<String>]) -> String {
    let shown = |it: &Option<String>| match it.as_deref() {
        None => "NULL".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(it) if it.chars().count() > 45 => format!("{} characters", it.chars().count()),
        Some(it) => format!("`{it}`"),
    };
    let of = |what: &str| {
        let fits = |(sample, _): &(&Sample, &Option<String>)| sample.what == what;
        case.samples.iter().zip(found).filter(fits).map(|(_, it)| shown(it)).collect::<Vec<_>>().join(", ")
    };
    ["null", "usual", "empty", "extreme", "rare"].map(|it| format!(" {} |", of(it))).concat()
}

#[tokio::test]
async fn a_query_gives_the_same_as_its_table() {
    let listener = listener(Habits::default()).await;
    let source = Source::new(&listener, "");
    for (at, case) in all().iter().enumerate() {
        assert_eq!(got(&*source.connector, &query(&format!("c{at}"))).await.0, expected(case), "{}", case.declared);
    }
}

#[tokio::test]
async fn a_server_of_2008_that_cannot_describe_queries_gives_them_too() {
    let listener = listener(Habits { major: 10, ..Habits::default() }).await;
    let source = Source::new(&listener, "");
    for (at, case) in all().iter().enumerate() {
        if matches!(case.kind, Kind::VarChar(_, Page::Dos)) {
            // The driver knows no code page of DOS, and this server does not tell which columns are in one.
            let failure = pulled(&*source.connector, &ask(&query(&format!("c{at}")))).await.expect_err("it cannot be decoded");
            assert!(!failure.passing && failure.why.contains("no text"), "{failure}");
            continue;
        }
        assert_eq!(got(&*source.connector, &query(&format!("c{at}"))).await.0, expected(case), "{}", case.declared);
    }
}

#[tokio::test]
async fn a_relative_that_does_not_give_the_bytes_of_text_is_read_through_the_driver() {
    let listener = listener(Habits { true_bytes: false, ..Habits::default() }).await;
    let source = Source::new(&listener, "");
    for (at, case) in all().iter().enumerate() {
        assert_eq!(got(&*source.connector, &format!("c{at}")).await.0, expected(case), "{}", case.declared);
    }
}

/// `sqlserver://user:password@host:port/database?encryption=required&trust=true`
struct Genuine {
    user: String,
    password: String,
    host: String,
    port: u16,
    database: String,
    encryption: String,
    trust: bool,
}

impl Genuine {
    fn named() -> Option<Genuine> {
        let url = std::env::var("MUSTER_TEST_SQLSERVER_URL").ok()?;
        let rest = url.split_once("://").expect("sqlserver://…").1;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (login, place) = rest.rsplit_once('@').expect("user:password@host");
        let (user, password) = login.split_once(':').expect("user:password");
        let (address, database) = place.split_once('/').expect("host:port/database");
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "1433"));
        let option = |name: &str| query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
        Some(Genuine {
            user: user.to_owned(),
            password: password.to_owned(),
            host: host.to_owned(),
            port: port.parse().expect("a port"),
            database: database.to_owned(),
            encryption: option("encryption").unwrap_or_else(|| "required".to_owned()),
            trust: option("trust").is_some_and(|it| it == "true"),
        })
    }

    fn settings(&self, root: &Path) -> String {
        std::fs::write(root.join("password"), &self.password).expect("to write the password");
        format!(
            "kind = 'sqlserver'\nhost = '{}'\nport = {}\ndatabase = '{}'\nuser = '{}'\npassword = {{ file = 'password' }}\nencryption = '{}'\ntrust = {}",
            self.host, self.port, self.database, self.user, self.encryption, self.trust
        )
    }

    /// Makes and drops what is pulled.
    async fn run(&self, statements: &[String]) {
        let mut config = Config::new();
        config.host(&self.host);
        config.database(&self.database);
        config.authentication(AuthMethod::sql_server(&self.user, &self.password));
        config.encryption(if self.encryption == "off" { EncryptionLevel::NotSupported } else { EncryptionLevel::Required });
        if self.trust {
            config.trust_cert();
        }
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await.expect("the server of MUSTER_TEST_SQLSERVER_URL answers");
        let mut client = Client::connect(config, socket.compat_write()).await.expect("the login of MUSTER_TEST_SQLSERVER_URL");
        for statement in statements {
            let done = async { client.simple_query(statement.as_str()).await?.into_results().await };
            done.await.unwrap_or_else(|it| panic!("{statement}: {it}"));
        }
    }
}

/// Runs against a genuine server when one is named, else against the listener: the same checks either way.
#[tokio::test]
async fn a_genuine_server_gives_the_same() {
    let Some(genuine) = Genuine::named() else {
        println!("MUSTER_TEST_SQLSERVER_URL is not set: the listener stands in, no genuine server was asked");
        let listener = listener(Habits::default()).await;
        return same(&*Source::new(&listener, "").connector, |at| format!("c{at}")).await;
    };
    let name = |at: usize| format!("muster_conformance_{}_{at}", std::process::id());
    let mut made = Vec::new();
    for (at, case) in all().iter().enumerate() {
        made.push(format!("CREATE TABLE dbo.[{}] (n int NOT NULL PRIMARY KEY, v {} NULL)", name(at), case.declared));
        for (no, sample) in case.samples.iter().enumerate() {
            made.push(format!("INSERT INTO dbo.[{}] (n, v) VALUES ({no}, {})", name(at), sample.literal));
        }
    }
    genuine.run(&made).await;
    let root = tempfile::tempdir().expect("a folder for the test");
    let connector = opened(root.path(), &genuine.settings(root.path()));
    // What was made is dropped whatever the checks say.
    let checked = tokio::spawn(async move { same(&*connector, name).await }).await;
    let dropped: Vec<String> = (0..all().len()).map(|at| format!("DROP TABLE dbo.[{}]", name(at))).collect();
    genuine.run(&dropped).await;
    checked.expect("every type comes as it is");
}

async fn same(connector: &dyn Connector, name: impl Fn(usize) -> String) {
    let mut wrong = Vec::new();
    for (at, case) in all().iter().enumerate() {
        let found = got(connector, &name(at)).await.0;
        let is_made_there = case.declared == "rowversion" && found.iter().all(|it| it.as_ref().is_some_and(|it| it.len() == 16));
        if !is_made_there && found != expected(case) {
            wrong.push(format!("{}: {:?} instead of {:?}", case.declared, found, expected(case)));
        }
        let asked = got(connector, &query(&name(at))).await.0;
        if asked != found {
            wrong.push(format!("{} by a query: {asked:?} instead of {found:?}", case.declared));
        }
    }
    let offers = connector.offers().await.expect("the tables are listed");
    assert!((0..all().len()).all(|at| offers.iter().any(|it| it.table == name(at) && it.columns == ["n", "v"])));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
