//! The trace of a night as a collector gets it: stages below the night, feeds and rules below their stages, and nobody in it.
#![allow(clippy::disallowed_methods, reason = "a test waits for other processes")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::City;

const STORY: &str = "\
## 2026-11-15
`unit`
| unit_code | unit_name |
| U1 | 市水文站 |
`establishment`
| id_number | name | unit_code | quota_type | entered_on |
| 33068319750220222X | 王桂兰 | U1 | institution | 2012-08-01 |
`payment`
| id_number | name | unit_code | month | kind | gross_fen |
| 33068319750220222X | 王桂兰 | U1 | 202605..202610 | salary | 543210 |
`death`
| id_number | name | died_on |
| 33068319750220222X | 王桂兰 | 2026-06-03 |
finds nothing
";

/// The city of the story, whose traces go to `port`.
fn city(port: u16) -> City {
    let city = City::of(STORY);
    support::only_rules(city.path(), &["G01"]);
    let path = city.path().join("config/muster.toml");
    let plain = fs::read_to_string(&path).expect("the settings");
    fs::write(path, format!("{plain}[telemetry]\notlp = \"http://127.0.0.1:{port}/v1/traces\"\n")).expect("to write");
    city
}

/// Takes one request, answers as a collector does, and gives head and body.
fn collect(listener: &TcpListener) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().expect("somebody comes");
    let mut heard = Vec::new();
    let mut bytes = [0; 8192];
    loop {
        let read = stream.read(&mut bytes).expect("it is read");
        heard.extend_from_slice(&bytes[..read]);
        let Some(end) = heard.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&heard[..end]).into_owned();
        let length = head.lines().find_map(|it| it.to_lowercase().strip_prefix("content-length:").map(|it| it.trim().parse::<usize>()));
        if heard.len() >= end + 4 + length.expect("its length is said").expect("a number") {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").expect("it is answered");
            return (head, heard[end + 4..].to_vec());
        }
    }
}

#[test]
fn a_collector_gets_stages_feeds_and_rules_and_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let city = city(listener.local_addr().expect("its address").port());
    let collector = thread::spawn(move || collect(&listener));
    let (_, told, code) = city.run_in("en", &["run", "--night", "2026-11-15"]);
    assert_eq!(code, 0, "{told}");
    let (head, body) = collector.join().expect("a request came");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1") && head.to_lowercase().contains("content-type: application/json"), "{head}");
    let text = String::from_utf8(body).expect("text");
    for private in ["王桂兰", "33068319750220222X", "197502", "市水文站", "543210", "5432.10", "city.example"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    let sent: Value = serde_json::from_str(&text).expect("JSON");
    let resource = sent["resourceSpans"][0]["resource"]["attributes"].to_string();
    assert!(resource.contains("service.name") && resource.contains("muster"), "{resource}");
    let spans = sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
    let word = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> = spans.iter().map(|it| (word(it, "spanId"), word(it, "name"))).collect();
    assert_eq!(names.len(), spans.len(), "every span has an id of its own");
    let trace = word(&spans[0], "traceId");
    let instant = |it: &Value, name: &str| word(it, name).parse::<u64>().expect("nanoseconds");
    let mut nested: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for span in &spans {
        assert_eq!(word(span, "traceId"), trace);
        let above = names.get(&word(span, "parentSpanId")).cloned().unwrap_or_default();
        nested.entry(above).or_default().push(word(span, "name"));
        let parent = spans.iter().find(|it| word(it, "spanId") == word(span, "parentSpanId"));
        let (from, to) = (instant(span, "startTimeUnixNano"), instant(span, "endTimeUnixNano"));
        assert!(from <= to, "{span}");
        if let Some(parent) = parent {
            assert!(instant(parent, "startTimeUnixNano") <= from && to <= instant(parent, "endTimeUnixNano"), "{span} in {parent}");
        }
    }
    let below = |name: &str| {
        let mut names = nested.get(name).cloned().unwrap_or_default();
        names.sort();
        names
    };
    assert_eq!(nested[""], ["night"]);
    assert_eq!(nested["night"], ["prove", "pull", "link", "presence", "check", "tables", "fold", "keep"]);
    assert_eq!(below("pull"), ["feed death/death", "feed establishment/establishment", "feed payment/payment", "feed unit/unit"]);
    assert_eq!(below("check"), ["rule G01"], "a rule that does not run has no span");
    let about = |name: &str| spans.iter().find(|it| it["name"] == name).expect("the span")["attributes"].to_string();
    assert!(about("feed payment/payment").contains("\"6\"") || about("feed payment/payment").contains(":6"), "{text}");
    assert!(about("night").contains("2026-11-15") && about("night").contains("kept"), "{text}");
}

#[test]
fn a_collector_that_is_not_there_or_never_answers_harms_no_night() {
    // Nobody listens there.
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
    let city = city(gone);
    let (_, told, code) = city.run_in("en", &["run", "--night", "2026-11-15"]);
    assert!(code == 0 && told.contains("the trace of the night could not be sent"), "{code} {told}");
    // Somebody takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("its address").port();
    let path = city.path().join("config/muster.toml");
    let text = fs::read_to_string(&path).expect("the settings").replace(&gone.to_string(), &port.to_string());
    fs::write(path, text).expect("to write");
    let began = Instant::now();
    let (_, told, code) = city.run_in("en", &["run", "--night", "2026-11-16"]);
    assert!(code == 0 && told.contains("the trace of the night could not be sent"), "{code} {told}");
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert_eq!(city.json(&["history", "--job", "night"]).as_array().map(Vec::len), Some(0), "nights by hand are no due nights");
    assert!(city.json(&["doctor", "--offline"]).to_string().contains("2026-11-16"), "the night is kept");
}
