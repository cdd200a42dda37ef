//! What an operator does with sources: connect them, draft a mapping, hold a feed and release it.

mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::story;

const NIGHT: &str = "2026-11-15";
const NEXT: &str = "2026-11-16";

fn run(root: &Path, args: &[&str]) -> (String, i32) {
    let config = root.join("config/muster.toml").display().to_string();
    let out = support::muster(&[args, &["--config", &config, "--lang", "en"]].concat());
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(!text.contains("panicked"), "{text}");
    (text, out.status.code().unwrap_or(-1))
}

/// A city with a register and a payroll of so many people.
fn city(root: &Path, people: usize) {
    let mut text = format!("## {NIGHT}\n`unit`\n| unit_code | unit_name | kind |\n| U1 | 中心小学 | institution |\n");
    text.push_str("`payment`\n| id_number | name | unit_code | month | kind | gross_fen |\n");
    for it in 0..people {
        let _ = writeln!(text, "| 33068319800101{it:04} | 张{it} | U1 | 202610 | salary | 500000 |");
    }
    text.push_str("finds nothing\n");
    let story = story::read(&text);
    if !root.join("config").exists() {
        story::settle(&story, root);
        // The numbers of these people are made up; their check digits are not what is tested here.
        let mapping = root.join("mappings/payment.toml");
        let text = fs::read_to_string(&mapping).expect("the story wrote it").replace("max = 0.0", "max = 1.0");
        fs::write(mapping, text).expect("a file of the test");
    }
    story::deliver(&story.nights[0], root);
}

fn feed<'a>(night: &'a Value, name: &str) -> &'a Value {
    night["feeds"].as_array().expect("feeds").iter().find(|it| it["feed"] == name).expect("the feed is told")
}

#[test]
fn every_source_of_a_city_is_tried_and_the_first_thing_in_the_way_is_named() {
    let root = tempfile::tempdir().expect("a temporary folder");
    city(root.path(), 3);
    let (text, code) = run(root.path(), &["connect", "payment"]);
    assert_eq!(code, 0, "{text}");
    for line in [
        "┌ main · csv",
        "│ ✓ open",
        "│ ✓ table      `payment.csv`: 1",
        "│ ✓ columns",
        "all 6 mapped columns are there",
        "└ ✓ ready",
        "1 of 1 sources are ready",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }

    let file = root.path().join("payment/payment.csv");
    let renamed = fs::read_to_string(&file).expect("delivered").replacen("gross_fen", "gross_fee", 1);
    fs::write(&file, renamed).expect("a file of the test");
    let (text, code) = run(root.path(), &["connect", "payment"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("lacks `gross_fen`") && text.contains("→ did you mean `gross_fee`?"), "{text}");

    fs::remove_dir_all(root.path().join("payment")).expect("a folder of the test");
    let (text, code) = run(root.path(), &["connect", "--json"]);
    assert_eq!(code, 1, "{text}");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let fine: Vec<bool> = told.as_array().expect("sources").iter().filter_map(|it| it["fine"].as_bool()).collect();
    assert_eq!(fine.iter().filter(|it| **it).count(), 1, "the other department is not in the way: {text}");
    let (text, code) = run(root.path(), &["connect", "paymnet"]);
    assert!(code == 64 && text.contains("did you mean `payment`?"), "{text}");
}

#[test]
fn a_mass_change_is_held_and_an_operator_releases_it_with_a_reason() {
    let root = tempfile::tempdir().expect("a temporary folder");
    city(root.path(), 400);
    let (first, code) = support::night(root.path(), NIGHT);
    assert_eq!(code, 0, "{}", first["feeds"]);
    city(root.path(), 150);
    let (held, code) = support::night(root.path(), NEXT);
    assert_eq!(code, 3);
    let why = feed(&held, "payment/payment")["left_out"].to_string();
    assert!(why.contains("held for a mass change: 150 rows against 400"), "{why}");
    assert!(held["events"].as_array().expect("events").is_empty(), "nothing is opened or closed by it");
    let skipped = held["rules"].as_array().expect("rules").iter().filter(|it| !it["skipped"].is_null()).count();
    assert!(skipped > 0, "rules that need it did not run");

    let (text, code) = run(root.path(), &["feed", "list"]);
    assert!(code == 0 && text.contains("held by guard") && text.contains("2 feeds, 1 held"), "{text}");
    let release = ["feed", "release", "payment/payment", "--by", "wang", "--why", "a school was closed"];
    let (text, code) = run(root.path(), &release);
    assert!(code == 0 && text.contains("is released") && text.contains(&format!("muster run --night {NEXT}")), "{text}");
    let (text, code) = run(root.path(), &release);
    assert!(code == 0 && text.contains("nothing changed"), "{text}");
    let (used, code) = support::night(root.path(), NEXT);
    assert_eq!((code, feed(&used, "payment/payment")["left_out"].to_string().as_str()), (0, "[]"));

    city(root.path(), 149);
    let (worse, code) = support::night(root.path(), "2026-11-17");
    assert_eq!(code, 3, "an approval is a ceiling: {}", worse["feeds"]);
    let (text, _) = run(root.path(), &["feed", "list", "--history"]);
    assert!(text.contains("released wang: a school was closed"), "{text}");
    let (text, code) = run(root.path(), &["feed", "release", "payment/payment", "--by", "wang", "--why", " "]);
    assert_eq!(code, 2, "a reason is needed: {text}");
}

#[test]
fn a_feed_held_by_hand_is_not_concluded_from_until_it_is_released() {
    let root = tempfile::tempdir().expect("a temporary folder");
    city(root.path(), 30);
    let hold = ["feed", "hold", "payment/payment", "--by", "li", "--why", "the bureau migrates its system"];
    let (text, code) = run(root.path(), &hold);
    assert!(code == 0 && text.contains("is held"), "{text}");
    assert!(run(root.path(), &hold).0.contains("held already"));
    let (night, code) = support::night(root.path(), NIGHT);
    let why = feed(&night, "payment/payment")["left_out"].to_string();
    assert!(code == 3 && why.contains("held by li") && why.contains("muster feed list"), "{why}");
    // A person reads one line for all rules that wait for it, and what to try is there to be tried.
    let (text, _) = run(root.path(), &["run", "--night", NIGHT]);
    let waiting: Vec<&str> = text.lines().filter(|it| it.contains("payment/payment") && it.contains("did not run")).collect();
    assert!(waiting.len() == 1 && waiting[0].contains("G20") && waiting[0].contains("rules did not run"), "{text}");
    assert!(text.contains("muster preview payment") && !text.contains("finance") && !text.contains("muster rejects"), "{text}");
    run(root.path(), &["feed", "release", "payment/payment", "--by", "li", "--why", "done"]);
    assert_eq!(support::night(root.path(), NIGHT).1, 0);
    let told: Value = serde_json::from_str(&run(root.path(), &["audit", "list", "--about", "payment/payment", "--json"]).0).expect("JSON");
    let told: Vec<_> = told.as_array().expect("entries").iter().map(|it| (it["what"].as_str(), it["who"].as_str())).collect();
    assert_eq!(told, [(Some("feed-released"), Some("li")), (Some("feed-held"), Some("li"))], "each decision once");
    let (text, code) = run(root.path(), &["feed", "hold", "payment/paymnt", "--by", "li", "--why", "x"]);
    assert!(code == 64 && text.contains("payment/payment"), "{text}");
}

/// Runs `init` in `root`, and gives the mapping that it wrote.
fn init(root: &Path, department: &str, args: &[&str]) -> String {
    let out = root.display().to_string();
    let said = support::muster(&[&["init", department, "--out", &out, "--lang", "en"], args].concat());
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    fs::read_to_string(root.join(format!("mappings/{department}.toml"))).expect("init writes it")
}

#[test]
fn a_draft_says_how_columns_are_written_and_where_a_person_must_look() {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(root.path().join("drop")).expect("a folder of the test");
    let rows = "姓名,身份证号,所属月份,发放类别,应发合计,是否领导\n俞娟,330623197108090422,202610,在职,8120.50,1\n马晓,33068319980310011X,202610,岗贴,7300,0\n";
    fs::write(root.path().join("drop/工资.csv"), rows).expect("a file of the test");
    fs::write(root.path().join("drop/other.csv"), "a,b\n1,2\n").expect("a file of the test");
    let folder = root.path().join("drop").display().to_string();
    let draft = init(root.path(), "finance", &["--from", &folder]);
    for line in [
        "fills = \"payment\"",
        "draft = true",
        "gross_fen = { from = \"应发合计\", money = \"yuan\" }",
        "codes = { \"在职\" = \"salary\" } }   # ? 待补代码",
        "codes to add: \"岗贴\"",
        "not recognised: \"other.csv\": a, b",
    ] {
        assert!(draft.contains(line), "{line}\n{draft}");
    }
    assert!(!draft.contains("俞娟") && !draft.contains("330623197108090422"), "nobody stands in a draft: {draft}");
    let (text, code) = run(root.path(), &["connect", "finance"]);
    assert!(code == 0 && text.contains("✓ ready"), "what init wrote can be tried: {text}");
    let (text, code) = run(root.path(), &["preview", "finance"]);
    assert!(code == 0 && text.contains("2 rows pulled = 1 mapped + 1 rejected"), "{text}");
    assert!(text.contains("unmapped code: kind = `岗贴`"), "{text}");
    let (night, code) = support::night(root.path(), NIGHT);
    let why = feed(&night, "finance/工资")["left_out"].to_string();
    assert!(code == 3 && why.contains("remove draft = true"), "no night concludes anything from a draft: {why}");

    let path = root.path().join("mappings/finance.toml");
    let settled = draft.replace("\"在职\" = \"salary\"", "\"在职\" = \"salary\", \"岗贴\" = \"salary\"");
    let settled: Vec<&str> = settled.lines().filter(|it| !it.starts_with("draft")).collect();
    fs::write(&path, settled.join("\n")).expect("a file of the test");
    let (text, code) = run(root.path(), &["preview", "finance"]);
    assert!(code == 0 && text.contains("2 rows pulled = 2 mapped + 0 rejected"), "{text}");
    let (night, _) = support::night(root.path(), NIGHT);
    assert_eq!(feed(&night, "finance/工资")["left_out"].to_string(), "[]");
}

#[test]
fn a_folder_of_several_kinds_is_connected_and_read_without_a_persons_correction() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let drop = root.path().join("drop");
    fs::create_dir_all(&drop).expect("a folder of the test");
    let payroll = "XM,SFZH,DWDM,DWMC,GZ,SFGZ,YHZH\n俞娟,330623197108090422,800001,三界镇小,8120.50,6000.00,6200000000000001\n";
    for month in ["202609", "202610"] {
        fs::write(drop.join(format!("GZFF_{month}.csv")), payroll).expect("a file of the test");
    }
    fs::write(drop.join("SWDJ.csv"), "AAC003,AAC002,AAE138\n俞娟,330623197108090422,20261003\n").expect("a file of the test");
    fs::write(drop.join("请假.tsv"), "姓名\t身份证号\t假别\t开始日期\t结束日期\n俞娟\t330623197108090422\t病假\t2026.3.2\t2026.3.13\n")
        .expect("a file of the test");
    sqlite(
        &root.path().join("hr.db"),
        &[
            "create table 借调登记(姓名 text, 身份证号码 text, 所在单位 text, 借入单位 text, 类别 text, 开始日期 text, 结束日期 text, 返回日期 text)",
            "insert into 借调登记 values ('竺敏', '330623198005010028', '城南小学', '教体局', '专班', '2026-07-01', '2026-12-31', '')",
            "create table staff(id integer, employee_name text, id_number text, department text, employment_status text, hire_date text)",
            "insert into staff values (1, '竺敏', '330623198005010028', '城南小学', 'active', '2001-09-01')",
            "create table sys_log(id integer, what text)",
        ],
    );
    let folder = drop.display().to_string();
    let draft = init(root.path(), "finance", &["--from", &folder]);
    assert!(draft.contains("from = \"_file\", pattern = ") && draft.contains("kind = { value = \"salary\" }"), "{draft}");
    assert!(draft.matches("draft = true").count() == 0, "headers are honest: {draft}");
    let database = root.path().join("hr.db").display().to_string();
    let draft = init(root.path(), "hr", &["--from", &database]);
    assert!(draft.contains("fills = \"secondment\"") && draft.contains("to_unit_name = { from = \"借入单位\" }"), "{draft}");
    for department in ["finance", "hr"] {
        let (text, code) = run(root.path(), &["connect", department]);
        assert!(code == 0 && text.contains("1 of 1 sources are ready"), "{text}");
        let (text, code) = run(root.path(), &["preview", department]);
        assert!(code == 0 && text.contains("no defects found") && !text.contains('✗'), "{text}");
    }
    let (text, _) = run(root.path(), &["preview", "finance"]);
    assert!(text.contains("months 202609 – 202610"), "{text}");
    let file = drop.join("GZFF_202610.csv").display().to_string();
    let mapping = root.path().join("mappings/finance.toml").display().to_string();
    let checked = support::muster(&["check", "--mapping", &mapping, &file, "--lang", "en"]);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.code() == Some(0) && text.contains("no defects found"), "{text}");
}

fn sqlite(path: &Path, statements: &[&str]) {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = sqlx::sqlite::SqliteConnection::connect_with(&options).await.expect("a database");
        for statement in statements {
            connection.execute(AssertSqlSafe(*statement)).await.expect("SQL of the test");
        }
    });
}

/// A platform with ten records a page that wraps them in `data`, and what it was asked.
async fn platform(listener: tokio::net::TcpListener) {
    use axum::extract::Query;
    use axum::routing::get;
    let records: Vec<Value> = (1..=34)
        .map(|it| serde_json::json!({ "xm": "俞娟", "sfzh": "330623197108090422", "dwmc": "三界镇小", "ny": "202610", "yfhj": format!("{it}.50") }))
        .collect();
    let answer = move |Query(asked): Query<std::collections::BTreeMap<String, usize>>| {
        let (page, size) = (asked.get("pageNo").copied().unwrap_or(1), asked.get("pageSize").copied().unwrap_or(10).min(10));
        let some: Vec<Value> = records.iter().skip((page - 1) * size).take(size).cloned().collect();
        let whole = serde_json::json!({ "code": 200, "data": { "records": some, "total": 34 } }).to_string();
        async move { ([("content-type", "application/json")], whole) }
    };
    axum::serve(listener, axum::Router::new().route("/api/payroll", get(answer))).await.expect("it serves");
}

#[test]
fn how_an_interface_wraps_and_pages_its_records_is_found_out() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = format!("http://{}/api/payroll", listener.local_addr().expect("a port"));
    runtime.spawn(platform(listener));
    init(root.path(), "finance", &["--from", &address]);
    let department = fs::read_to_string(root.path().join("config/departments/finance.toml")).expect("init writes it");
    for line in ["records = \"/data/records\"", "total = \"/data/total\"", "page = \"pageNo\"", "size = \"pageSize\""] {
        assert!(department.contains(line), "{line}\n{department}");
    }
    let (text, code) = run(root.path(), &["connect", "finance"]);
    assert!(code == 0 && text.contains("34"), "{text}");
    let (text, code) = run(root.path(), &["preview", "finance"]);
    assert!(code == 0 && text.contains("34 rows pulled = 34 mapped + 0 rejected"), "{text}");

    let out = root.path().display().to_string();
    let refused = support::muster(&["init", "other", "--from", &address.replace("payroll", "nothing"), "--out", &out, "--lang", "en"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("404"));
    assert!(!root.path().join("mappings/other.toml").exists(), "nothing is written of a source that does not answer");
}

#[test]
fn a_wrong_pull_setting_and_parts_of_a_source_that_has_none_are_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    city(root.path(), 3);
    let department = root.path().join("config/departments/payment.toml");
    let text = fs::read_to_string(&department).expect("the story wrote it");
    fs::write(&department, format!("{text}[source.main.pull]\nretires = 3\n")).expect("a file of the test");
    let (said, code) = run(root.path(), &["connect"]);
    assert!(code == 78 && said.contains("retires"), "{said}");
    fs::write(&department, format!("{text}[source.main.pull]\nretries = 3\n")).expect("a file of the test");
    let mapping = root.path().join("mappings/payment.toml");
    let feed = fs::read_to_string(&mapping).expect("the story wrote it");
    let parts = "incremental = { column = \"month\", lookback = 2, key = \"id_number\" }\n[feed.columns]";
    fs::write(&mapping, feed.replace("[feed.columns]", parts)).expect("a file of the test");
    let (said, code) = run(root.path(), &["connect"]);
    assert!(code == 78 && said.contains("is `incremental`, but a source of kind `csv`"), "{said}");
}

#[test]
fn what_a_run_by_hand_writes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().expect("a temporary folder");
    city(root.path(), 3);
    // Where the operator made the folder, what comes into it is closed all the same.
    fs::create_dir(root.path().join("data")).expect("a folder");
    support::night(root.path(), NIGHT);
    for it in fs::read_dir(root.path().join("data")).expect("the data").flatten() {
        let mode = it.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", it.path().display());
    }
}

#[test]
fn a_preview_hashes_accounts_with_the_key_of_the_city() {
    let account = |key: &str| {
        let root = tempfile::tempdir().expect("a temporary folder");
        let story = story::read(&format!(
            "## {NIGHT}\n`payment`\n| id_number | name | month | kind | account |\n\
             | 33068319750220222X | 王桂兰 | 202610 | salary | 6222020200112233445 |\nfinds nothing\n"
        ));
        story::settle(&story, root.path());
        story::deliver(&story.nights[0], root.path());
        let config = root.path().join("config/muster.toml").display().to_string();
        let mut preview = support::command(&["preview", "payment", "--reveal", "a test", "--config", &config]);
        let told = String::from_utf8(preview.env("MUSTER_KEY", key).output().expect("the binary runs").stdout).expect("text");
        told.lines().find(|it| it.contains("account")).unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    let swapped = support::KEY.replace("hash ", "? ").replace("seal ", "hash ").replace("? ", "seal ");
    assert_eq!(account(support::KEY), account(support::KEY));
    assert_ne!(account(support::KEY), account(&swapped));
}
