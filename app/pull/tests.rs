//! Pulls from a scripted source: what it has, and how it misbehaves.

mod scripted;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, AsArray};
use chrono::{Days, NaiveDate};
use muster_core::case::Folded;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::clock;
use crate::config;
use crate::key;
use crate::progress::Show;
use crate::store::feeds::FeedEvent;
use crate::store::{Store, StoreError};
use crate::vault::Vault;
use crate::words::Lang;
use scripted::{Row, Scripted, Source, row};

/// A city with one feed, whose source is a script.
struct Hub {
    folder: TempDir,
    city: City,
    source: Arc<Source>,
    store: Store,
}

const SETTINGS: &str = "city = { zh = \"测试市\", en = \"Test city\" }\nregion = \"330683\"\n";
const DEPARTMENT: &str = "name = \"finance\"\ntitle = { zh = \"财政局\", en = \"Finance\" }\nmapping = \"pay\"\n\
                          pull = { retries = 2, wait_seconds = 0 }\n[source.main]\nkind = \"csv\"\n";
const MAPPING: &str = "title = { zh = \"工资\", en = \"Pay\" }\n[[feed]]\nname = \"payroll\"\nfills = \"payment\"\ntable = \"pay\"\n\
                       [feed.columns]\nid_number = { from = \"id\" }\nmonth = { value = \"202610\" }\nkind = { value = \"salary\" }\n\
                       gross_fen = { from = \"yuan\", money = \"yuan\" }\n[feed.ignore]\ncolumns = [\"changed\"]\n";
const IN_PARTS: &str = "[feed.incremental]\ncolumn = \"changed\"\nlookback = \"2 days\"\nkey = [\"id\"]\nfull_every = \"30 days\"\n";

impl Hub {
    async fn new(more: &str) -> Hub {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        for (name, text) in
            [("config/muster.toml", SETTINGS), ("config/departments/finance.toml", DEPARTMENT), ("mappings/pay.toml", MAPPING)]
        {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of the test");
            std::fs::write(path, text).expect("a file of the test");
        }
        let mut city = config::read(&root.join("config/muster.toml")).expect("a configuration of the test");
        // Kinds that can be pulled in parts are servers; the script stands for one.
        let text = format!("{MAPPING}{more}");
        city.departments[0].mapping =
            muster_core::mapping::read(&muster_core::diag::Source::new("mappings/pay.toml", text), &|_| None).expect("a mapping");
        let source = Arc::new(Source::default());
        city.departments[0].sources.insert("main".to_owned(), Box::new(Scripted(source.clone())));
        key::write_new(&root.join("config/muster.key"), &Vault::new_file()).expect("a key file");
        let store = Store::of(&city).await.unwrap_or_else(|_| panic!("a new store opens"));
        Hub { folder, city, source, store }
    }

    /// Pulls on a night and keeps what came of it.
    async fn night(&self, day: u32) -> FeedPulled {
        let tonight = night(day);
        let before = self.store.before(tonight, &self.city.calendar).await.expect("the night may run");
        let data = self.city.data();
        let sealed = data.join("nights").join(format!("{tonight}.partial/sealed"));
        std::fs::create_dir_all(&sealed).expect("a folder of the test");
        let vault = self.vault();
        let landing = Landing { deliveries: data.join("deliveries"), sealed, tonight, vault };
        let progress = Arc::new(Progress::new(Show::Nothing, Lang::En));
        let mut pulled = all(&self.city, &landing, &before, &progress).await;
        let feed = pulled.remove(0);
        self.store
            .keep(tonight, std::slice::from_ref(&feed.told), &[], &Folded::default(), |_| Ok::<_, StoreError>(((), Vec::new())))
            .await
            .expect("the night is kept");
        feed
    }

    fn vault(&self) -> Arc<Vault> {
        self.city.vault().unwrap_or_else(|_| panic!("the test wrote a key file"))
    }

    /// What was landed, without places, sorted: `id yuan changed`.
    fn landed(&self, day: u32) -> Vec<String> {
        let file = std::fs::File::open(self.delivery(day).join("raw.parquet")).expect("a delivery");
        let mut rows = Vec::new();
        for batch in self.vault().rows(file).expect("Parquet").build().expect("Parquet") {
            let batch = batch.expect("Parquet");
            let cell = |name: &str, row: usize| {
                let column = batch.column_by_name(name).expect("a column").as_string::<i32>();
                if column.is_null(row) { "~".to_owned() } else { column.value(row).to_owned() }
            };
            rows.extend((0..batch.num_rows()).map(|it| ["id", "yuan", "changed"].map(|name| cell(name, it)).join(" ")));
        }
        rows.sort();
        rows
    }

    fn delivery(&self, day: u32) -> PathBuf {
        self.city.data().join("deliveries/finance/payroll").join(night(day).to_string())
    }

    fn deliveries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.city.data().join("deliveries/finance/payroll")).into_iter().flatten();
        let mut names: Vec<String> = entries.filter_map(|it| it.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    async fn release(&self, day: u32) -> bool {
        let event = FeedEvent {
            at: clock::now(),
            night: night(day),
            feed: "finance/payroll".into(),
            held: false,
            by_guard: false,
            by_whom: "审核员".into(),
            why: "机构改革".into(),
            hold: Hold::default(),
            margin: 0.0,
        };
        self.store.decide(&event, "local:test").await.expect("the store is there")
    }
}

fn night(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day").checked_add_days(Days::new(u64::from(day) - 1)).expect("a day")
}

fn people(ids: std::ops::Range<u32>) -> Vec<Row> {
    // One of them changed lately: what is older than the lookback is not asked for again.
    let newest = ids.end;
    ids.map(|it| row(it, 5000, if it + 1 == newest { 9 } else { 1 })).collect()
}

fn reasons(feed: &FeedPulled) -> String {
    feed.told.left_out.iter().map(|it| it.en.as_str()).collect::<Vec<_>>().join("; ")
}

fn notes(feed: &FeedPulled) -> String {
    feed.told.notes.iter().map(|it| it.en.as_str()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_and_leaves_one_delivery() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..50));
    hub.source.fail(&[Some(true), Some(true)]);
    let feed = hub.night(1).await;
    assert_eq!((reasons(&feed).as_str(), notes(&feed).as_str()), ("", "it came at try 3"));
    assert_eq!(feed.told.tally.as_ref().map(|it| it.mapped), Some(50), "nothing of the broken tries is counted");
    assert_eq!(hub.deliveries(), ["2026-11-01"]);
    assert_eq!(hub.landed(1).len(), 50);
    assert_eq!(hub.source.pulls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again_and_the_last_delivery_stays() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..50));
    hub.night(1).await;
    hub.source.fail(&[Some(false)]);
    let feed = hub.night(2).await;
    assert!(reasons(&feed).starts_with("the pull failed: the login was refused"), "{}", reasons(&feed));
    assert!(feed.sealed.is_none());
    assert_eq!(hub.source.pulls.load(Ordering::Relaxed), 2);
    assert_eq!(hub.deliveries(), ["2026-11-01"]);
    assert_eq!(hub.landed(1).len(), 50);
}

#[tokio::test]
async fn patience_ends_and_a_rerun_keeps_what_was_there() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..50));
    hub.night(1).await;
    hub.source.set(people(0..10));
    hub.source.fail(&[Some(true), Some(true), Some(true)]);
    let feed = hub.night(1).await;
    assert!(reasons(&feed).contains("tried 3 times"), "{}", reasons(&feed));
    assert_eq!(hub.landed(1).len(), 50, "a failed rerun touches nothing");
}

/// Hours that begin so many hours from now and last one.
fn hours_in(hours: i64) -> Hours {
    let at = |it: i64| (clock::instant() + chrono::TimeDelta::hours(8 + it)).format("%H:%M").to_string();
    Hours::try_from(format!("{}-{}", at(hours), at(hours + 1))).expect("hours")
}

#[tokio::test]
async fn outside_its_hours_a_source_is_not_touched() {
    let mut hub = Hub::new("").await;
    hub.source.set(people(0..50));
    hub.night(1).await;
    let usual = PullSettings::default();
    hub.city.departments[0].pulls.insert("main".to_owned(), PullSettings { between: Some(hours_in(5)), ..usual });
    let feed = hub.night(2).await;
    assert!(reasons(&feed).contains("it may be pulled between"), "{}", reasons(&feed));
    assert!(feed.sealed.is_none());
    let asked = (hub.source.pulls.load(Ordering::Relaxed), hub.source.holds.load(Ordering::Relaxed));
    assert_eq!(asked, (1, 1), "the first night's alone");
    hub.city.departments[0].pulls.insert("main".to_owned(), PullSettings { between: Some(hours_in(0)), ..usual });
    assert_eq!(reasons(&hub.night(3).await), "");
    assert_eq!(hub.deliveries(), ["2026-11-01", "2026-11-03"]);
}

#[tokio::test]
async fn a_source_is_held_once_for_its_feeds_and_anew_after_a_loss() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..5));
    hub.night(1).await;
    assert_eq!((hub.source.holds.load(Ordering::Relaxed), hub.source.held.load(Ordering::Relaxed)), (1, 0), "held once, let go of");
    hub.source.fail(&[Some(true)]);
    hub.night(2).await;
    assert_eq!((hub.source.holds.load(Ordering::Relaxed), hub.source.held.load(Ordering::Relaxed)), (3, 0));
}

#[tokio::test]
async fn a_new_column_is_told_and_a_renamed_one_fails_with_a_hint() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..5));
    hub.night(1).await;
    hub.source.columns(&["id", "yuan", "changed", "bonus"]);
    let feed = hub.night(2).await;
    assert_eq!((reasons(&feed).as_str(), notes(&feed).as_str()), ("", "the source has new columns: bonus"));
    hub.source.columns(&["id", "yuan_new", "changed", "bonus"]);
    let feed = hub.night(3).await;
    assert!(reasons(&feed).contains("the source has no column `yuan`"), "{}", reasons(&feed));
    assert!(reasons(&feed).contains("new tonight: yuan_new"), "{}", reasons(&feed));
}

#[tokio::test]
async fn a_retyped_column_is_held_until_somebody_says_that_it_is_right() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..5));
    hub.night(1).await;
    hub.source.whole_yuan.store(true, Ordering::Relaxed);
    let feed = hub.night(2).await;
    assert!(reasons(&feed).contains("column `yuan` was Utf8 and is Int64"), "{}", reasons(&feed));
    assert!(hub.release(2).await);
    assert_eq!(reasons(&hub.night(2).await), "");
}

#[tokio::test]
async fn a_mass_change_is_held_released_and_held_again_when_it_is_worse() {
    let hub = Hub::new("").await;
    hub.source.set(people(0..1000));
    for day in 1..=3 {
        assert_eq!(reasons(&hub.night(day).await), "");
    }
    hub.source.set(people(0..500));
    let held = hub.night(4).await;
    assert!(reasons(&held).contains("500 rows against 1000"), "{}", reasons(&held));
    assert!(held.sealed.is_none() && held.told.held.is_some());
    // Again, on the next night too: nothing changes by waiting, and nothing of it becomes the usual.
    assert!(!reasons(&hub.night(4).await).is_empty());
    assert!(!reasons(&hub.night(5).await).is_empty());
    assert!(hub.release(5).await && !hub.release(5).await, "released once");
    assert_eq!(reasons(&hub.night(5).await), "");
    assert_eq!(reasons(&hub.night(5).await), "", "the same night again gives the same");
    hub.source.set(people(0..499));
    assert!(reasons(&hub.night(6).await).contains("499 rows against 1000"), "an approval is a ceiling");
    hub.source.set(people(0..1000));
    assert_eq!(reasons(&hub.night(7).await), "", "as usual again");
    let decisions = hub.store.decisions("finance/payroll").await.expect("the store is there");
    let told: Vec<(&str, bool)> = decisions.iter().map(|it| (it.by_whom.as_str(), it.held)).collect();
    assert_eq!(told, [("guard", true), ("guard", true), ("审核员", false), ("guard", true), ("guard", false)]);
}

#[tokio::test]
async fn a_feed_in_parts_takes_only_what_changed() {
    let hub = Hub::new(IN_PARTS).await;
    hub.source.set(people(0..300));
    assert_eq!(notes(&hub.night(10).await), "");
    hub.source.change(|rows| {
        rows[3] = row(3, 6000, 11);
        rows.push(row(900, 100, 11));
    });
    let feed = hub.night(11).await;
    assert_eq!((reasons(&feed).as_str(), notes(&feed).as_str()), ("", ""));
    assert_eq!(hub.landed(11), hub.source.told());
    assert!(hub.source.sent() < 5, "the whole of it was listed, not sent: {}", hub.source.sent());
}

#[tokio::test]
async fn a_deletion_is_found_the_same_night() {
    let hub = Hub::new(IN_PARTS).await;
    hub.source.set(people(0..300));
    hub.night(10).await;
    hub.source.change(|rows| {
        rows.remove(7);
    });
    let feed = hub.night(11).await;
    assert_eq!(notes(&feed), "merged it has 300 rows, the source 299, so it was pulled whole");
    assert_eq!(hub.landed(11), hub.source.told());
    // One gone and one put in with an old date: the counts agree, the rows do not.
    hub.source.change(|rows| rows[5] = row(777, 5000, 1));
    let feed = hub.night(12).await;
    assert!(notes(&feed).contains("299 rows each but not the same ones"), "{}", notes(&feed));
    assert_eq!(hub.landed(12), hub.source.told());
}

#[tokio::test]
async fn a_full_pull_is_due_once_in_a_while_and_a_touched_delivery_is_not_built_upon() {
    let hub = Hub::new(&IN_PARTS.replace("30 days", "2 days")).await;
    hub.source.set(people(0..30));
    assert_eq!(notes(&hub.night(10).await), "");
    assert_eq!(notes(&hub.night(11).await), "");
    // Changed behind the column's back: only the full pull sees it.
    hub.source.change(|rows| rows[0].yuan = 1);
    assert_eq!(notes(&hub.night(12).await), "pulled whole tonight: a full pull is due");
    assert_eq!(hub.landed(12), hub.source.told());
    let raw = hub.delivery(12).join("raw.parquet");
    std::fs::copy(hub.delivery(11).join("raw.parquet"), raw).expect("a file of the test");
    assert!(notes(&hub.night(13).await).contains("not the one that was kept"));
    assert_eq!(hub.landed(13), hub.source.told());
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_part_is_tried_again() {
    let hub = Hub::new(IN_PARTS).await;
    hub.source.set(people(0..300));
    hub.night(10).await;
    hub.source.change(|rows| rows.push(row(900, 100, 11)));
    hub.source.fail(&[None, Some(true)]);
    let feed = hub.night(11).await;
    assert_eq!((reasons(&feed).as_str(), notes(&feed).as_str()), ("", "it came at try 2"));
    assert_eq!(hub.landed(11), hub.source.told());
    assert!(hub.folder.path().join("data/deliveries/finance/payroll/2026-11-11").join("delivery.json").exists());
}

/// What a department does to its table between two nights.
#[derive(Clone, Debug)]
enum Deed {
    Insert(u32, u32),
    Update(usize, u32),
    Delete(usize),
    /// Without touching the changing column: a key that is new under an old date.
    Backdate(u32),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1000..2000_u32, 1..9000_u32).prop_map(|(id, yuan)| Deed::Insert(id, yuan)),
        (0..100_usize, 1..9000_u32).prop_map(|(at, yuan)| Deed::Update(at, yuan)),
        (0..100_usize).prop_map(Deed::Delete),
        (2000..3000_u32).prop_map(Deed::Backdate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn in_parts_is_what_whole_would_have_been(nights in prop::collection::vec(prop::collection::vec(deed(), 0..6), 1..6)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let hub = Hub::new(&format!("{IN_PARTS}[feed.guard]\non = false\n")).await;
            hub.source.set(people(0..40));
            hub.night(10).await;
            for (day, deeds) in (11..).zip(nights) {
                hub.source.change(|rows| {
                    let mut known: BTreeMap<u32, Row> = rows.drain(..).map(|it| (it.id, it)).collect();
                    for deed in deeds {
                        let at = |at: usize| known.keys().nth(at % known.len().max(1)).copied();
                        match deed {
                            Deed::Insert(id, yuan) => drop(known.insert(id, row(id, yuan, day))),
                            Deed::Update(place, yuan) => {
                                if let Some(id) = at(place) {
                                    known.insert(id, row(id, yuan, day));
                                }
                            }
                            Deed::Delete(place) => {
                                if let Some(id) = at(place) {
                                    known.remove(&id);
                                }
                            }
                            Deed::Backdate(id) => drop(known.insert(id, row(id, 1, 2))),
                        }
                    }
                    *rows = known.into_values().collect();
                });
                let feed = hub.night(day).await;
                assert_eq!(reasons(&feed), "");
                assert_eq!(hub.landed(day), hub.source.told(), "night {day}: {}", notes(&feed));
            }
        });
    }
}
