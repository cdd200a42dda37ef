//! A data-sharing platform of our own, with the habits of real ones, faults included. It listens on a free port of the loopback and
//! stops when it is dropped. What a path means stands beside it in [`answer`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A platform under way.
pub struct Platform {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub query: HashMap<String, String>,
    pub raw_query: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Platform {
    /// Starts one.
    pub async fn start() -> Platform {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, seen) = (listener.local_addr().expect("its address"), Arc::new(Mutex::new(Vec::new())));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Platform { address, seen, server }
    }

    /// The requests to a path.
    pub fn asked(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().expect("the list").iter().filter(|it| it.path == path).cloned().collect()
    }
}

/// A server that answers every connection with these bytes, and then does what `after` says.
pub async fn raw(bytes: Vec<u8>, after: After) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&bytes).await;
                match after {
                    After::Close => {}
                    After::Reset => stream.set_zero_linger().expect("a socket"),
                    After::Stall => tokio::time::sleep(Duration::from_mins(10)).await,
                }
            });
        }
    });
    (address, server)
}

/// What a raw server does after its bytes.
#[derive(Clone, Copy)]
pub enum After {
    Close,
    Reset,
    Stall,
}

type Log = Arc<Mutex<Vec<Seen>>>;

async fn answer(State(log): State<Log>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a small body");
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    let pairs = reqwest::Url::parse(&format!("http://x/?{raw_query}")).expect("a query");
    let query: HashMap<String, String> = pairs.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let seen = Seen {
        path: parts.uri.path().to_owned(),
        query,
        raw_query,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    };
    let nth = {
        let mut log = log.lock().expect("the list");
        log.push(seen.clone());
        log.iter().filter(|it| it.path == seen.path).count()
    };
    reply(&seen, nth)
}

/// The rows from `from` to before `to` of a table of people.
pub fn people(from: usize, to: usize) -> String {
    let row = |nth: usize| format!(r#"{{"id":"P{nth:05}","name":"张{nth}","pay":{nth}.10,"dept":{{"code":"D{}"}}}}"#, nth % 3);
    (from..to).map(row).collect::<Vec<_>>().join(",")
}

fn json(text: impl Into<String>) -> Response {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from(text.into())).expect("an answer")
}

fn status(code: u16) -> Response {
    Response::builder().status(StatusCode::from_u16(code).expect("a status")).body(Body::empty()).expect("an answer")
}

fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().expect("a header"));
    response
}

fn reply(seen: &Seen, nth: usize) -> Response {
    let number = |name: &str| seen.query.get(name).and_then(|it| it.parse::<usize>().ok());
    let (page, size) = (number("page").unwrap_or(1), number("size").unwrap_or(10));
    let header = |name: &str| seen.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    // 25 people, in pages.
    let slice = |from: usize, to: usize| people(from.min(25), to.min(25));
    let of_page = || slice((page - 1) * size, page * size);
    let list = |total: usize, rows: &str| json(format!(r#"{{"code":0,"msg":"ok","data":{{"total":{total},"list":[{rows}]}}}}"#));
    let after = |allowed: bool, code: u16| if allowed { list(25, &of_page()) } else { status(code) };
    match seen.path.as_str() {
        "/all" => json(format!("[{}]", people(0, 25))),
        "/page" => list(25, &of_page()),
        "/page-from-0" => list(25, &slice(page * size, (page + 1) * size)),
        // The last page for every number behind it, as PageHelper does; 20 people.
        "/page-again" => list(20, &people((page.min(2) - 1) * 10, page.min(2) * 10)),
        "/page-404" if page > 2 => status(404),
        "/page-404" => list(20, &people((page - 1) * 10, page * 10)),
        "/total-low" => list(20, &of_page()),
        "/total-high" => list(30, &of_page()),
        "/total-moves" => list(24 + page, &of_page()),
        "/same-page" => list(25, &people(0, 10)),
        "/offset" => {
            let offset = number("offset").unwrap_or(0);
            json(format!("[{}]", slice(offset, offset + number("limit").unwrap_or(10).min(7))))
        }
        "/more" => json(format!(r#"{{"rows":[{}],"hasNext":{}}}"#, of_page(), page < 3)),
        "/pages" => json(format!(r#"{{"rows":[{}],"pageCount":"3"}}"#, of_page())),
        "/cursor" => {
            let from: usize = seen.query.get("after").map_or(0, |it| it.trim_start_matches('c').parse().expect("our cursor"));
            let next = if from + 10 < 25 { format!("\"c{}\"", from + 10) } else { "null".to_owned() };
            json(format!(r#"{{"rows":[{}],"next":{next}}}"#, slice(from, from + 10)))
        }
        "/cursor-loop" => json(format!(r#"{{"rows":[{}],"next":"c1"}}"#, people(nth * 10, nth * 10 + 10))),
        "/keyset" => {
            let from = seen.query.get("after_id").map_or(0, |it| it[1..].parse::<usize>().expect("our id") + 1);
            json(format!("[{}]", slice(from, from + 10)))
        }
        "/link" if page < 3 => with(json(format!("[{}]", of_page())), "link", &format!("</link?page={}&size=10>; rel=\"next\"", page + 1)),
        "/link" => json(format!("[{}]", of_page())),
        "/url" => {
            let next = if page < 3 { format!("\"/url?page={}\"", page + 1) } else { "\"\"".to_owned() };
            json(format!(r#"{{"rows":[{}],"links":{{"next":{next}}}}}"#, of_page()))
        }
        "/url-away" => json(format!(r#"{{"rows":[{}],"links":{{"next":"http://other.invalid/x?token=s3cret"}}}}"#, of_page())),
        "/count-header" => with(json(format!("[{}]", people(0, 25))), "x-total-count", "25"),
        "/post" => {
            let body: serde_json::Value = serde_json::from_str(&seen.body).expect("a JSON body");
            let page = body["p"]["no"].as_u64().expect("a number") as usize;
            assert_eq!(body["p"]["size"], 10);
            assert_eq!(body["year"], 2026);
            list(25, &slice((page - 1) * 10, page * 10))
        }
        "/form" => {
            let form: HashMap<String, String> =
                seen.body.split('&').filter_map(|it| it.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            let page: usize = form["page"].parse().expect("a number");
            list(25, &slice((page - 1) * 10, page * 10))
        }
        "/lines" => json(people(0, 25).replace("},{\"id\"", "}\n{\"id\"")),
        "/gbk" => {
            let text = encoding_rs::GBK.encode(r#"[{"name":"陈晨","unit":"财政局"}]"#).0.into_owned();
            with(Response::new(Body::from(text)), "content-type", "application/json; charset=GBK")
        }
        "/bad-bytes" => json("").map(|_| Body::from(b"[{\"a\":\"x\"},{\"a\":\"\xb3\xc2\"},{\"a\":\"z\"}]".to_vec())),
        "/values" => json(
            r#"[{"id":33068319800101123412,"pay":0.10,"ok":true,"none":null,"empty":"","tags":[1, {"a":"b"}],"big":1E400},{"id":"x","late":1}]"#,
        ),
        "/business" => json(r#"{"code":"5001","msg":"证件 330683198001011234 未授权"}"#),
        "/business-busy" if nth < 2 => json(r#"{"code":429,"data":null}"#),
        "/business-busy" => list(25, &slice(0, 25)),
        "/empty" => json(r#"{"code":0,"data":null}"#),
        "/html" => with(json("<!DOCTYPE html><html>login</html>"), "content-type", "text/html; charset=utf-8"),
        "/html-as-json" => json("<html>login</html>"),
        "/cut-json" => json(r#"[{"id":"P1"},{"id""#),
        "/away" => with(status(302), "location", "http://other.invalid/login?token=s3cret"),
        "/moved" => with(status(307), "location", "/all"),
        "/429-once" if nth == 1 => with(status(429), "retry-after", "1"),
        "/429-once" => json(format!("[{}]", people(0, 25))),
        "/429" => with(status(429), "retry-after", "0"),
        "/503-tomorrow" => with(status(503), "retry-after", "86400"),
        "/502-twice" if nth < 3 => status(502),
        "/502-twice" => json(format!("[{}]", people(0, 25))),
        "/403" => status(403),
        "/422" => status(422),
        "/endless" => Response::new(Body::from_stream(stream::unfold(0_usize, |nth| async move {
            let row = if nth == 0 { "[{\"id\":1}".to_owned() } else { format!(",{{\"id\":{nth}}}") };
            Some((Ok::<_, std::io::Error>(Bytes::from(row.repeat(if nth == 0 { 1 } else { 500 }))), nth + 1))
        }))),
        "/large" => large(),
        "/blanks" => {
            Response::new(Body::from_stream(stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 16]))))))
        }
        // Whoever may come in.
        "/bearer" => after(header("authorization") == "Bearer s3cret", 401),
        "/basic" => after(header("authorization") == "Basic bXVzdGVyOnMzY3JldA==", 401),
        "/key-header" => after(header("x-app-key") == "s3cret", 401),
        "/key-query" => after(seen.query.get("appkey").is_some_and(|it| it == "s3cret"), 401),
        "/token" if seen.body.contains("client_secret=s3cret") || seen.query.get("secret").is_some_and(|it| it == "s3cret") => {
            json(format!(
                r#"{{"access_token":"t{nth}","expires_in":{},"data":{{"token":"t{nth}"}}}}"#,
                if seen.body.contains("short") { 1 } else { 3600 }
            ))
        }
        "/token" => status(401),
        "/oauth" => after(header("authorization").starts_with("Bearer t"), 401),
        // The first token ends in the middle.
        "/oauth-ends" => after(header("authorization") == if page < 2 { "Bearer t1" } else { "Bearer t2" }, 401),
        "/oauth-code" if page > 1 && header("x-token") == "t1" => json(r#"{"code":40001,"msg":"token expired"}"#),
        "/oauth-code" => list(25, &of_page()),
        _ => status(404),
    }
}

/// 300 MB in one answer.
fn large() -> Response {
    const ROWS: usize = 300_000;
    let row = format!(r#"{{"id":"330683198001011234","name":"张伟","note":"{}"}}"#, "x".repeat(950));
    let part = Bytes::from(format!("{row},").repeat(100));
    let first = std::iter::once(Bytes::from_static(b"["));
    let middle = (0..ROWS / 100).map(move |_| part.clone());
    let all = first.chain(middle).chain(std::iter::once(Bytes::from(format!("{row}]"))));
    Response::new(Body::from_stream(stream::iter(all.map(Ok::<_, std::io::Error>))))
}
