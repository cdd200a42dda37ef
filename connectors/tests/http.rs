//! JSON over REST: every way in, every way of paging, and every fault, against a platform of our own.
#![allow(clippy::disallowed_methods, reason = "a test that waits for a server looks at the clock")]

mod api;
mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{After, Platform, people, raw};
use futures::StreamExt as _;
use muster_connectors::{Ask, Connector, Failure, Piece, Place, Since, StepState, open};
use tokio_rustls::TlsAcceptor;

const LIST: &str = "records = '/data/list'\ntotal = '/data/total'\nok = { at = '/code', is = 0, message = '/msg' }\n";
const PAGE: &str = "paging = { kind = 'page', page = 'page', size = 'size', rows = 10 }\n";

/// A source with one table `t`; secrets are in the file `key`.
struct Source {
    root: tempfile::TempDir,
    settings: String,
}

fn source(address: impl std::fmt::Display, own: &str, table: &str) -> Source {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("key"), "s3cret\n").expect("to write the secret");
    let settings = format!("kind = 'http'\nurl = 'http://{address}'\nretries = 1\n{own}\n[table.t]\n{table}\n");
    Source { root, settings }
}

fn connect(root: &Path, settings: &str) -> Box<dyn Connector> {
    let place = Place { department: "finance".to_owned(), source: "platform".to_owned(), root: root.to_owned() };
    open(place, settings.parse().expect("the test writes TOML")).expect("the settings are right")
}

impl Source {
    /// The rows with these columns as text; the failure and its hint after what came before it.
    async fn told(&self, columns: &[&str]) -> Vec<String> {
        common::told(self.root.path(), &self.settings, "t", columns).await
    }

    async fn ids(&self) -> Vec<String> {
        let told = self.told(&["id"]).await;
        told.iter().map(|it| it.split(' ').nth(2).unwrap_or(it).to_owned()).collect()
    }

    async fn pulls_all(&self, what: &str) {
        let expected: Vec<String> = (0..25).map(|nth| format!("P{nth:05}")).collect();
        assert_eq!(self.ids().await, expected, "{what}: {:?}", self.told(&["id"]).await.last());
    }

    /// What is said when the pull fails, which is never a secret or a person.
    async fn fails(&self, with: &str) -> Failure {
        let ask = Ask { table: "t".to_owned(), columns: Vec::new(), batch_rows: 100, since: None };
        let failure = match connect(self.root.path(), &self.settings).pull(&ask).await {
            Err(failure) => failure,
            Ok(mut pull) => loop {
                match pull.pieces.next().await {
                    Some(Ok(_)) => {}
                    Some(Err(failure)) => break failure,
                    None => panic!("the pull went well, without: {with}"),
                }
            },
        };
        let said = format!("{failure} {:?}", failure.hint);
        assert!(said.contains(with), "{said}");
        assert!(!said.contains("s3cret") && !said.contains("330683"), "{said}");
        // No address is told with its parameters.
        assert!(!said.split('?').skip(1).any(|it| it.starts_with(char::is_alphanumeric)), "{said}");
        assert_eq!((failure.department.as_str(), failure.source.as_str(), failure.table.as_str()), ("finance", "platform", "t"));
        failure
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_paging_gives_all_rows_once() {
    let platform = Platform::start().await;
    for (path, table) in [
        ("all", String::new()),
        ("moved", String::new()),
        ("page", format!("{LIST}{PAGE}")),
        ("page-from-0", format!("{LIST}paging = {{ kind = 'page', page = 'page', size = 'size', rows = 10, first = 0 }}")),
        ("page", format!("records = '/data/list'\n{PAGE}")),
        ("page", format!("records = '/data/list'\nend = 'short'\n{PAGE}")),
        ("page", format!("{LIST}query = {{ page = '{{page}}', size = 10 }}\npaging = {{ kind = 'page', rows = 10 }}")),
        ("offset", "paging = { kind = 'offset', offset = 'offset', limit = 'limit', rows = 10 }".to_owned()),
        ("more", format!("records = '/rows'\nmore = '/hasNext'\n{PAGE}")),
        ("pages", format!("records = '/rows'\npages = '/pageCount'\n{PAGE}")),
        ("cursor", "records = '/rows'\npaging = { kind = 'cursor', cursor = 'after', next = '/next' }".to_owned()),
        ("cursor", "records = '/rows'\nquery = { after = '{cursor}' }\npaging = { kind = 'cursor', next = '/next' }".to_owned()),
        ("keyset", "paging = { kind = 'cursor', cursor = 'after_id', last = 'id' }".to_owned()),
        ("link", "paging = { kind = 'link' }".to_owned()),
        ("url", "records = '/rows'\npaging = { kind = 'url', next = '/links/next' }".to_owned()),
        ("count-header", "total_header = 'X-Total-Count'".to_owned()),
        ("lines", "format = 'ndjson'".to_owned()),
        (
            "post",
            format!(
                "{LIST}method = 'POST'\nbody = {{ year = 2026, p = {{ no = '{{page}}', size = '{{size}}' }} }}\npaging = {{ kind = 'page', rows = 10 }}"
            ),
        ),
        ("form", format!("{LIST}{PAGE}method = 'POST'\nbody_as = 'form'")),
    ] {
        source(platform.address, "", &format!("path = '{path}'\n{table}")).pulls_all(path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_behind_the_declared_end_takes_what_platforms_answer_there() {
    let platform = Platform::start().await;
    for path in ["page-again", "page-404"] {
        let ids = source(platform.address, "", &format!("path = '{path}'\n{LIST}{PAGE}")).ids().await;
        assert_eq!(ids.len(), 20, "{path}: {ids:?}");
        assert_eq!(platform.asked(&format!("/{path}")).len(), 3, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_no_whole_table_fail() {
    let platform = Platform::start().await;
    for (path, table, why) in [
        ("total-low", format!("{LIST}{PAGE}"), "20 rows were declared, and there are more"),
        ("total-high", format!("{LIST}{PAGE}"), "30 rows were declared, and only 25 have come"),
        ("total-moves", format!("{LIST}{PAGE}"), "25 rows were declared, and 26 on a later page"),
        ("same-page", format!("{LIST}{PAGE}"), "page 2 has the same rows"),
        ("cursor-loop", "records = '/rows'\npaging = { kind = 'cursor', cursor = 'after', next = '/next' }".to_owned(), "leads back"),
        ("url-away", "records = '/rows'\npaging = { kind = 'url', next = '/links/next' }".to_owned(), "another host: http://other.invalid"),
        ("page", "records = '/rows'".to_owned(), "no records at /rows"),
        ("page", "records = '/data'".to_owned(), "stands an object and not a list"),
    ] {
        source(platform.address, "", &format!("path = '{path}'\n{table}")).fails(why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_no_data_fail_and_say_why() {
    let platform = Platform::start().await;
    for (path, table, why, passing) in [
        ("html", "", "a web page", false),
        ("html-as-json", "", "a web page", false),
        ("cut-json", "", "ends before it is complete", true),
        ("business", LIST, "the code `5001`: 证件 … 未授权", false),
        ("away", "", "another host: http://other.invalid", false),
        ("429", "", "429 Too Many Requests, 2 times", true),
        ("503-tomorrow", "", "asks to wait 86400 s", true),
        ("403", "", "403 Forbidden", false),
        ("422", "", "422", false),
        ("nowhere", "", "is `path` right?", false),
        ("blanks", "", "longer than 1 MiB", false),
    ] {
        let failure = source(platform.address, "answer_mib_max = 1", &format!("path = '{path}'\n{table}")).fails(why).await;
        assert_eq!(failure.passing, passing, "{path}");
    }
    // What lasts is asked once.
    for path in ["/403", "/422", "/nowhere", "/business", "/503-tomorrow"] {
        assert_eq!(platform.asked(path).len(), 1, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_trouble_is_asked_again() {
    let platform = Platform::start().await;
    let started = Instant::now();
    source(platform.address, "", "path = '429-once'").pulls_all("429-once").await;
    assert!(started.elapsed() >= Duration::from_secs(1), "Retry-After is kept");
    let twice = source(platform.address, "", "path = '502-twice'");
    Source { settings: twice.settings.replace("retries = 1", "retries = 3"), ..twice }.pulls_all("502-twice").await;
    let busy = LIST.replace("is = 0,", "is = 0, busy = [429],").replace("total = '/data/total'", "");
    source(platform.address, "", &format!("path = 'business-busy'\n{busy}")).pulls_all("business-busy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_is_a_failure_and_no_half_table() {
    let whole = format!("[{}]", people(0, 25));
    let cut = |head: &str| format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{}", &whole[..whole.len() / 2]).into_bytes();
    let long = format!("content-length: {}", whole.len());
    for (bytes, after, why) in [
        (cut(&long), After::Close, "broke off"),
        (cut("connection: close"), After::Close, "ends before it is complete"),
        (cut(&long), After::Reset, "broke off"),
        (cut(&long), After::Stall, "nothing came for 1 s"),
        (Vec::new(), After::Close, "the request failed"),
        (Vec::new(), After::Stall, "nothing came for 1 s"),
    ] {
        let (address, server) = raw(bytes, after).await;
        let failure = source(address, "idle_seconds = 1", "path = 'x'").fails(why).await;
        assert!(failure.passing && failure.why.contains("2 times"), "{failure}");
        server.abort();
    }
    let lines = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"id\":1}\n".to_vec();
    let (address, _server) = raw(lines, After::Close).await;
    source(address, "", "path = 'x'\nformat = 'ndjson'").fails("does not say how long it is").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_works_and_a_wrong_secret_is_told_without_it() {
    let platform = Platform::start().await;
    let oauth = "kind = 'oauth2', token_url = 'token', client_id = 'muster', client_secret = { file = 'key' }";
    for (path, auth) in [
        ("bearer", "auth = { kind = 'bearer', token = { file = 'key' } }".to_owned()),
        ("basic", "auth = { kind = 'basic', user = 'muster', password = { file = 'key' } }".to_owned()),
        ("key-header", "auth = { kind = 'key', key = { file = 'key' }, header = 'X-App-Key' }".to_owned()),
        ("key-query", "auth = { kind = 'key', key = { file = 'key' }, query = 'appkey' }".to_owned()),
        ("oauth", format!("auth = {{ {oauth} }}")),
        ("oauth", format!("auth = {{ {oauth}, send = 'query', secret_field = 'secret', token = '/data/token' }}")),
    ] {
        let good = source(platform.address, &auth, &format!("path = '{path}'\n{LIST}{PAGE}"));
        good.pulls_all(path).await;
        std::fs::write(good.root.path().join("key"), "wrong").expect("to write");
        let failure = good.fails("401 Unauthorized").await;
        assert!(!failure.passing && !failure.to_string().contains("wrong"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_is_renewed() {
    let oauth = "auth = { kind = 'oauth2', token_url = 'token', client_id = 'muster', client_secret = { file = 'key' }";
    let platform = Platform::start().await;
    source(platform.address, &format!("{oauth} }}"), &format!("path = 'oauth-ends'\n{LIST}{PAGE}")).pulls_all("on 401").await;
    let platform = Platform::start().await;
    let code = LIST.replace("is = 0,", "is = 0, expired = 40001,");
    source(platform.address, &format!("{oauth}, header = 'X-Token' }}"), &format!("path = 'oauth-code'\n{code}{PAGE}"))
        .pulls_all("on a code")
        .await;
    assert_eq!(platform.asked("/token").len(), 2);
    // A second of life is renewed before it ends, page by page.
    let platform = Platform::start().await;
    let slow = format!("requests_per_second = 1.0\n{oauth}, scope = 'short' }}");
    source(platform.address, &slow, &format!("path = 'oauth'\n{LIST}{PAGE}")).ids().await;
    assert!(platform.asked("/token").len() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_as_declared_and_paced() {
    let platform = Platform::start().await;
    let own = "requests_per_second = 10.0\nquery = { app = 'muster' }\n[sign]\nalgorithm = 'hmac-sha256'\nsecret = { file = 'key' }\nkey = 'app-1'\n\
               text = \"{method}\\n{path}\\n{query}\\n{timestamp}\\n{nonce}\"\n\
               headers = { X-Key = '{key}', X-Time = '{timestamp}', X-Nonce = '{nonce}', X-Sign = '{signature}' }";
    let started = Instant::now();
    source(platform.address, own, &format!("path = 'page'\n{LIST}{PAGE}")).pulls_all("signed").await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    let asked = platform.asked("/page");
    assert!(asked.iter().all(|it| it.query["app"] == "muster"));
    let nonces: std::collections::HashSet<_> = asked.iter().map(|it| it.headers["x-nonce"].clone()).collect();
    assert_eq!(nonces.len(), asked.len());
    assert!(asked.iter().all(|it| it.headers["x-sign"].len() == 64 && it.headers["x-key"] == "app-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_stay_as_they_are_written() {
    let platform = Platform::start().await;
    let told = source(platform.address, "", "path = 'values'").told(&[]).await;
    assert_eq!(told[0], r#"row 1: 33068319800101123412 | 0.10 | true | ~ |  | [1, {"a":"b"}] | 1E400 | ~"#);
    assert_eq!(told[1], "row 2: x | ~ | ~ | ~ | ~ | ~ | ~ | 1");
    let told = source(platform.address, "", "path = 'all'").told(&["dept.code", "pay"]).await;
    assert_eq!(told[3], "row 4: P00003 | 张3 | 3.10 | D0");
    assert_eq!(source(platform.address, "", "path = 'gbk'").told(&["unit"]).await, ["row 1: 陈晨 | 财政局"]);
    let told = source(platform.address, "", "path = 'bad-bytes'").told(&["a"]).await;
    assert!(told.contains(&"broken 2: {\"a\":\"\\xB3\\xC2\"} (it holds bytes that are no UTF-8 text)".to_owned()), "{told:?}");
    assert_eq!(told.len(), 3);
    let told = source(platform.address, "", &format!("path = 'empty'\n{}", LIST.replace("total = '/data/total'", ""))).told(&["id"]).await;
    assert_eq!(told, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_pull_says_from_where() {
    let platform = Platform::start().await;
    let source = source(platform.address, "", "path = 'all'\nsince = 'updated'\nquery = { from = '{since}' }");
    let mut ask = Ask { table: "t".to_owned(), columns: Vec::new(), batch_rows: 100, since: None };
    connect(source.root.path(), &source.settings).pull(&ask).await.expect("a full pull");
    ask.since = Some(Since { column: "updated".to_owned(), at_least: "2026-03-01 08:00".to_owned() });
    connect(source.root.path(), &source.settings).pull(&ask).await.expect("an incremental pull");
    let asked: Vec<String> = platform.asked("/all").iter().map(|it| it.raw_query.clone()).collect();
    assert_eq!(asked, ["", "from=2026-03-01+08%3A00"]);
    ask.since = Some(Since { column: "other".to_owned(), at_least: "1".to_owned() });
    let failure = connect(source.root.path(), &source.settings).pull(&ask).await.err().expect("not declared");
    assert!(failure.why.contains("does not declare"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_nobody_takes_stops() {
    let platform = Platform::start().await;
    let source = source(platform.address, "", "path = 'endless'");
    let ask = Ask { table: "t".to_owned(), columns: Vec::new(), batch_rows: 100, since: None };
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut pull = connect(source.root.path(), &source.settings).pull(&ask).await.expect("it begins");
    assert!(matches!(pull.pieces.next().await, Some(Ok(Piece::Rows(_)))));
    let before = tasks();
    drop(pull);
    let ended = async {
        while tasks() >= before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("the reader has stopped");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|it| it.starts_with("VmRSS")).expect("a line");
    line.split_whitespace().nth(1).and_then(|it| it.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_whatever_the_size_of_an_answer() {
    let platform = Platform::start().await;
    let source = source(platform.address, "", "path = 'large'");
    let ask = Ask { table: "t".to_owned(), columns: Vec::new(), batch_rows: 4096, since: None };
    let before = resident_kib();
    let (mut rows, mut peak) = (0, 0);
    let mut pull = connect(source.root.path(), &source.settings).pull(&ask).await.expect("it begins");
    while let Some(piece) = pull.pieces.next().await {
        if let Piece::Rows(batch) = piece.expect("the pull goes well") {
            rows += batch.num_rows();
        }
        peak = peak.max(resident_kib());
    }
    assert_eq!(rows, 300_001);
    let grown = peak.saturating_sub(before) >> 10;
    println!("300 MB: {grown} MiB more at the peak");
    assert!(grown < 100, "{grown} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checklist_is_told_step_by_step() {
    let platform = Platform::start().await;
    let good = source(platform.address, "", &format!("path = 'page'\n{LIST}{PAGE}"));
    let steps = connect(good.root.path(), &good.settings).examine(&["t".to_owned()]).await;
    let names: Vec<&str> = steps.iter().map(|it| it.name).collect();
    assert_eq!(names, ["name", "port", "tls", "read-only", "table", "columns", "count", "speed", "clock"], "{steps:?}");
    assert!(steps.iter().all(|it| it.state != StepState::Failed), "{steps:?}");
    assert_eq!(steps[6].told, "25 rows are declared");
    let shut = Source { settings: good.settings.replace(&platform.address.to_string(), "127.0.0.1:1"), ..good };
    let steps = connect(shut.root.path(), &shut.settings).examine(&["t".to_owned()]).await;
    assert_eq!(steps.last().map(|it| (it.name, it.state)), Some(("port", StepState::Failed)), "{steps:?}");
}

/// An authority, and what it signed for the server and for us.
struct Certificates {
    authority: String,
    server: (Vec<u8>, Vec<u8>),
    client: String,
}

fn certificates() -> Certificates {
    let key = || rcgen::KeyPair::generate().expect("a key");
    let mut settings = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    settings.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = key();
    let authority = settings.self_signed(&authority_key).expect("an authority");
    let issuer = rcgen::Issuer::from_params(&settings, &authority_key);
    let signed = |name: &str| {
        let own = key();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name").signed_by(&own, &issuer).expect("signed");
        (certificate, own)
    };
    let ((server, server_key), (client, client_key)) = (signed("localhost"), signed("muster.test"));
    Certificates {
        authority: authority.pem(),
        server: (server.der().to_vec(), server_key.serialize_der()),
        client: format!("{}{}", client.pem(), client_key.serialize_pem()),
    }
}

/// A server that wants a certificate of that authority.
async fn secure(all: &Certificates) -> u16 {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs};
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(all.authority.as_bytes()).expect("PEM")).expect("an authority");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().expect("a verifier");
    let key = PrivateKeyDer::try_from(all.server.1.clone()).expect("a key");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![CertificateDer::from(all.server.0.clone())], key)
        .expect("a server");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = stream.read(&mut [0; 4096]).await;
                let body = format!("[{}]", people(0, 25));
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_declared_authority_is_trusted_and_our_certificate_is_shown() {
    let all = certificates();
    let port = secure(&all).await;
    let own = "ca = 'ca.pem'\nclient_certificate = 'me.pem'";
    let make = |own: &str| {
        let source = source(format!("localhost:{port}"), own, "path = 'x'");
        std::fs::write(source.root.path().join("ca.pem"), &all.authority).expect("to write");
        std::fs::write(source.root.path().join("me.pem"), &all.client).expect("to write");
        Source { settings: source.settings.replace("http://", "https://"), ..source }
    };
    let good = make(own);
    good.pulls_all("TLS").await;
    let steps = connect(good.root.path(), &good.settings).examine(&["t".to_owned()]).await;
    assert!(steps.iter().any(|it| it.name == "tls" && it.told.contains("days")), "{steps:?}");
    make("ca = 'ca.pem'").fails("").await;
    let other = make(own);
    std::fs::write(other.root.path().join("ca.pem"), certificates().authority).expect("to write");
    let failure = other.fails("`ca` names the authority").await;
    assert!(!failure.passing, "{failure}");
}
