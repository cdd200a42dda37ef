use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringArray, new_null_array};
use arrow::datatypes::{Float32Type, Int32Type};
use proptest::prelude::*;

use super::*;
use crate::schema::{self, IDENTITY, PERSONS, UNITS};
use crate::snapshot::{Sealed, Sealer};

/// What became of one row: its person, how it was linked, what was not believed, whether the person is in doubt.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    key: Option<String>,
    told: String,
    /// What its number is.
    state: String,
}

fn tonight() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 15).expect("a day")
}

/// `feed/table id name sex birth unit`, `-` for nothing.
fn cells(line: &str) -> [Option<&str>; 6] {
    let mut words = line.split_whitespace().map(|it| (it != "-").then_some(it));
    std::array::from_fn(|_| words.next().flatten())
}

fn batch(table: &'static Table, lines: &[[Option<&str>; 6]]) -> RecordBatch {
    let schema = table.input_schema();
    let texts = |at: usize| Arc::new(lines.iter().map(|it| it[at]).collect::<StringArray>()) as ArrayRef;
    let day = |text: &str| identity::day_number(text.parse().expect("a day"));
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "id_number" => texts(1),
        "name" => texts(2),
        "sex" => texts(3),
        "birth_date" => Arc::new(lines.iter().map(|it| it[4].map(day)).collect::<Date32Array>()) as ArrayRef,
        "unit_code" => texts(5),
        _ => new_null_array(field.data_type(), lines.len()),
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("columns follow the schema")
}

/// Links rows, feed after feed in the order in which feeds are met.
fn run(lines: &[&str], rejected: &[(&str, &str)]) -> Vec<Outcome> {
    let rows: Vec<[Option<&str>; 6]> = lines.iter().map(|it| cells(it)).collect();
    let mut feeds: Vec<&str> = rows.iter().filter_map(|it| it[0]).collect();
    let mut met: Vec<&str> = Vec::new();
    feeds.retain(|it| {
        !met.contains(it) && {
            met.push(it);
            true
        }
    });
    let table = |feed: &str| schema::table(feed.split('/').nth(1).expect("feed/table")).expect("a shared table");
    let mut whos: HashMap<&str, std::vec::IntoIter<Option<i32>>> = HashMap::new();
    let sealed: Vec<(&str, Sealed)> = feeds
        .iter()
        .map(|feed| {
            let own: Vec<[Option<&str>; 6]> = rows.iter().filter(|it| it[0] == Some(feed)).copied().collect();
            let mut sealer = Sealer::new(table(feed));
            let rows = sealer.seal(&batch(table(feed), &own), &vec![0; own.len()]);
            let who: Vec<Option<i32>> =
                rows.column_by_name("who").expect("person tables have it").as_primitive::<Int32Type>().iter().collect();
            whos.insert(feed, who.into_iter());
            (*feed, sealer.finish())
        })
        .collect();
    let inputs: Vec<FeedIn> = sealed
        .iter()
        .map(|(feed, it)| FeedIn { feed, table: table(feed), identities: &it.identities, references: &it.references })
        .collect();
    let unit = |code| [None, None, None, None, None, Some(code)];
    let register = batch(&UNITS, &["U1", "U2", "U3"].map(unit));
    let units = units(&[register], &inputs, &[]);
    let rejected: Vec<(String, String)> = rejected.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
    let linking = people(&inputs, &units, &rejected, &[], tonight(), "the test's own");
    let people = &linking.people;
    assert_eq!(linking.methods().values().sum::<u64>() as usize, linking.identities().map(|it| it.num_rows()).sum::<usize>());
    let identities: HashMap<String, RecordBatch> =
        linking.identities().map(|it| (it.column_by_name("feed").expect("a column").as_string::<i32>().value(0).to_owned(), it)).collect();
    assert_eq!(people.persons.schema(), PERSONS.schema());
    let whos: Vec<(usize, Option<i32>)> = rows
        .iter()
        .map(|row| {
            let feed = row[0].expect("every line has a feed");
            let at = feeds.iter().position(|it| *it == feed).expect("met");
            (at, whos.get_mut(feed).and_then(Iterator::next).flatten())
        })
        .collect();
    whos.into_iter().map(|(feed, who)| outcome(people, feed, identities.get(feeds[feed]), who)).collect()
}

fn outcome(people: &People, feed: usize, identities: Option<&RecordBatch>, who: Option<i32>) -> Outcome {
    let Some(who) = who else { return Outcome { key: None, told: "none".to_owned(), state: "missing".to_owned() } };
    let identities = identities.expect("a feed that says who has identities");
    assert_eq!(identities.schema(), IDENTITY.schema());
    let text = |batch: &RecordBatch, name: &str, row: usize| {
        let texts = batch.column_by_name(name).expect("a column").as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let person = people.person_of[feed][who as usize];
    let person_ids = identities.column_by_name("person_id").expect("a column").as_primitive::<Int32Type>();
    assert_eq!(if person_ids.is_valid(who as usize) { person_ids.value(who as usize) } else { -1 }, person);
    let scores = identities.column_by_name("score").expect("a column").as_primitive::<Float32Type>();
    assert!(scores.is_null(who as usize) || (0.0..=1.0).contains(&scores.value(who as usize)));
    let method = text(identities, "method", who as usize).expect("never null");
    let conflict = text(identities, "conflict", who as usize).unwrap_or_default();
    let doubt = person >= 0 && people.persons.column_by_name("doubt").expect("a column").as_boolean().value(person as usize);
    let told = [method.as_str(), &conflict, if doubt { "doubt" } else { "" }]
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let state = text(identities, "id_state", who as usize).expect("never null");
    Outcome { key: (person >= 0).then(|| text(&people.persons, "person_key", person as usize).expect("never null")), told, state }
}

/// What the number of every line turns out to be.
fn states(lines: &[&str]) -> Vec<String> {
    run(lines, &[]).into_iter().map(|it| it.state).collect()
}

/// Each line and what becomes of it: a letter for the person, then method, conflict and doubt.
fn check(story: &[(&str, &str)]) {
    check_rejected(story, &[]);
}

fn check_rejected(story: &[(&str, &str)], rejected: &[(&str, &str)]) {
    let lines: Vec<&str> = story.iter().map(|it| it.0).collect();
    let mut letters: Vec<String> = Vec::new();
    for ((line, expected), found) in story.iter().zip(run(&lines, rejected)) {
        let letter = match found.key {
            None => "-".to_owned(),
            Some(key) => {
                let at = letters.iter().position(|it| *it == key).unwrap_or_else(|| {
                    letters.push(key);
                    letters.len() - 1
                });
                char::from(b'A' + at as u8).to_string()
            }
        };
        assert_eq!(format!("{letter} {}", found.told), *expected, "{line}");
    }
}

// Valid: 330683198001011235 and 330623197505120039 (men), 330683198001011243 and 33068319800101126X (women).

#[test]
fn one_number_in_four_stories_is_one_person() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("hr/employment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("fin/payment 330683800101124 王秀英 - - U1", "A id-15"),
        ("si/contribution 330683198001011243 王秀瑛 - - U2", "A id-exact"),
        ("fin/payment 33068319800101126X 王秀英 - - U1", "B own"),
        ("fin/payment - - - - U1", "- none"),
        ("fin/payment - - female - U1", "- none"),
    ]);
}

#[test]
fn a_mistyped_number_beside_the_right_name_is_repaired() {
    for broken in [
        "330683198001011247",
        "330683198007011243",
        "330683198001101243",
        "33068319800101123",
        "3306831980010112433",
        "33068319800101l2A3",
        "330683198013011243",
    ] {
        let line = format!("fin/payment {broken} 王秀英 - - U2");
        check(&[("hr/employment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"), (&line, "A id-repaired")]);
        let stranger = format!("fin/payment {broken} 李建国 - - U1");
        check(&[("hr/employment 330683198001011243 王秀英 female 1980-01-01 U1", "A own"), (&stranger, "B own")]);
    }
}

#[test]
fn a_broken_number_of_the_register_is_repaired_by_the_payroll() {
    check(&[
        ("org/establishment 330683198001011247 王秀英 female 1980-01-01 U1", "A id-repaired"),
        ("hr/employment 330683198001011247 王秀英 female 1980-01-01 U1", "A id-repaired"),
        ("fin/payment 330683198001011243 王秀英 - - U1", "A id-exact"),
    ]);
}

#[test]
fn a_broken_number_is_not_repaired_for_the_sake_of_a_stranger() {
    check(&[("si/contribution 330683198001011247 王秀英 - - U1", "A own"), ("fin/payment 330683198001011243 王秀英 - - U1", "B own")]);
}

#[test]
fn a_number_that_truly_ends_in_000_was_not_cut_where_another_digit_is_wrong() {
    let lines = [
        "hr/employment 330683198001010005 王秀英 - - U1",
        "fin/payment 350683198001010005 王秀英 - - U1",
        "hr/employment 330683195003151000 张伟 - - U1",
        "fin/payment 350683195003151000 张伟 - - U1",
        "hr/employment 330683198001011235 李建国 - - U1",
        "fin/payment 330683198001011000 李建国 - - U1",
    ];
    assert_eq!(states(&lines), ["valid-18", "checksum", "valid-18", "checksum", "valid-18", "damaged-excel"]);
}

#[test]
fn a_number_cut_by_a_spreadsheet_is_told_by_the_name() {
    check(&[
        ("hr/employment 330683198001011243 王秀英 - - U1", "A id-exact"),
        ("hr/employment 330683198001011235 张伟 - - U1", "B id-exact"),
        ("fin/payment 330683198001011000 王秀英 - - U1", "A id-repaired"),
        ("fin/payment 330683198001011000 張偉 - - U2", "B id-repaired"),
        ("fin/payment 330683198001011000 李建国 - - U1", "C own"),
    ]);
    // One in eleven cut numbers passes its check character.
    check(&[
        ("hr/employment 330683195003151238 王秀英 - - U1", "A id-exact"),
        ("fin/payment 330683195003151000 王秀英 - - U1", "A id-repaired"),
    ]);
    check(&[("hr/employment 330683195003151238 王秀英 - - U1", "A own"), ("fin/payment 330683195003151000 李建国 - - U1", "B own")]);
}

#[test]
fn a_namesake_ghost_stays_a_ghost() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("fin/payment 330683198001011243 王秀英 female - U1", "A id-exact"),
        ("fin/payment 33068319800101126X 王秀英 female - U1", "B own"),
    ]);
    // Also under a number that does not pass and is far from everybody's; only the employee is left alone by rules of absence.
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("fin/payment 330623197505120038 王秀英 female - U1", "B own"),
    ]);
}

#[test]
fn a_family_member_s_number_leads_back_to_the_name() {
    // 王小红 is paid under her sister's number; the register knows both.
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact doubt"),
        ("org/establishment 33068319800101126X 王小红 female 1980-01-01 U1", "B id-exact doubt"),
        ("fin/payment 330683198001011243 王秀英 - - U1", "A id-exact doubt"),
        ("fin/payment 330683198001011243 王小红 - - U1", "B name-birth doubt"),
    ]);
    // A name that no register knows stays a person of its own, and says why.
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("fin/payment 330683198001011243 李建国 - - U1", "B own name-differs doubt"),
    ]);
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("hr/employment 330683198001011243 王建国 male 1982-02-03 U1", "B own birth-differs doubt"),
    ]);
}

#[test]
fn nobody_dies_of_somebody_else_s_certificate() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("civil/death 330683198001011243 王建国 - - -", "B own name-differs doubt"),
    ]);
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("civil/death 330683198001011243 王秀英 - - -", "A id-exact"),
        ("civil/death 33068319800101126X 王秀英 - - -", "B own"),
    ]);
    // Only the name and nothing else: not enough to kill, enough to ask.
    check(&[("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own"), ("civil/death - 王秀英 - - -", "B own")]);
}

#[test]
fn twins_stay_two() {
    check(&[
        ("org/establishment 330683198001011243 王小红 female 1980-01-01 U1", "A id-exact"),
        ("org/establishment 33068319800101126X 王小兰 female 1980-01-01 U1", "B id-exact"),
        ("fin/payment 330683198001011247 王小红 - - U1", "A id-repaired"),
        ("fin/payment 330683198001011263 王小兰 - - U1", "B id-repaired"),
    ]);
}

#[test]
fn a_change_of_name_links_with_doubt() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact doubt"),
        ("hr/employment 330683198001011243 王梦瑶 female 1980-01-01 U1", "A id-exact doubt"),
    ]);
}

#[test]
fn two_registers_two_names_one_number_is_seen() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("hr/employment 330683198001011243 李小兰 female 1985-03-02 U2", "B own birth-differs doubt"),
    ]);
}

#[test]
fn a_missing_number_needs_name_and_birth_date_or_a_name_unique_in_the_unit() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("hr/employment - 王秀英 female 1980-01-01 U1", "A name-birth"),
        ("hr/employment 无 王秀英 female 1981-01-01 U1", "B own"),
    ]);
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact doubt"),
        ("fin/payment - 王秀英 - - U1", "A name-birth doubt"),
    ]);
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("org/establishment 33068319800101126X 王秀英 female 1980-01-01 U1", "B own doubt"),
        ("fin/payment - 王秀英 - - U1", "C own doubt"),
    ]);
    check(&[("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own"), ("fin/payment - 王秀英 - - U2", "B own")]);
}

#[test]
fn what_a_mask_shows_is_compared() {
    check(&[
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A id-exact"),
        ("fin/payment 330683********1243 王秀英 - - U1", "A id-repaired"),
        ("si/contribution 330***********1243 王秀英 - - U1", "A id-repaired"),
        ("si/contribution 330***********1244 王秀英 - - U2", "B own"),
    ]);
}

#[test]
fn the_same_damage_in_two_sources_is_one_person() {
    check(&[
        ("fin/payment 330683198001011247 王秀英 - - U1", "A id-exact"),
        ("si/contribution 330683198001011247 王秀英 - - U1", "A id-exact"),
        ("si/contribution 330683198001011247 李建国 - - U1", "B own"),
    ]);
    check(&[("fin/payment G1234567 JOHN·SMITH - - U1", "A id-exact"), ("si/contribution G1234567 John·Smith - - U1", "A id-exact")]);
}

#[test]
fn a_number_of_the_unborn_is_broken() {
    check(&[
        ("org/establishment 330683203001011247 王秀英 - - U1", "A id-exact"),
        ("fin/payment 330683203001011247 王秀英 - - U1", "A id-exact"),
    ]);
}

#[test]
fn a_rejected_row_casts_doubt_on_whom_it_may_be_about() {
    let story = [
        ("org/establishment 330683198001011243 王秀英 female 1980-01-01 U1", "A own doubt"),
        ("org/establishment 330623197505120039 张伟 male 1975-05-12 U1", "B own"),
    ];
    check_rejected(&story, &[("330683198001011243", "")]);
    check_rejected(&story, &[("330683198001011247", "王秀英")]);
    check_rejected(&story, &[("", "王秀英")]);
}

const NUMBERS: &[&str] = &[
    "330683198001011243",
    "33068319800101126X",
    "330683198001011235",
    "330623197505120039",
    "330683198001011247",
    "330683198001011000",
    "330683800101124",
    "330683195003151000",
    "330683195003151238",
    "330683********1243",
    "-",
    "无",
    "33068319800101123",
    "G1234567",
];
const NAMES: &[&str] = &["王秀英", "王秀瑛", "王小红", "张伟", "張偉", "李建国", "-"];

prop_compose! {
    fn row()(
        feed in prop::sample::select(&["org/establishment", "hr/employment", "fin/payment", "si/contribution", "civil/death", "fin/pension"][..]),
        id in prop::sample::select(NUMBERS),
        name in prop::sample::select(NAMES),
        sex in prop::sample::select(&["male", "female", "-"][..]),
        birth in prop::sample::select(&["1980-01-01", "1975-05-12", "-"][..]),
        unit in prop::sample::select(&["U1", "U2", "-"][..]),
    ) -> String {
        format!("{feed} {id} {name} {sex} {birth} {unit}")
    }
}

/// Rows with each identity once: two rows of one identity in different units count the first unit, which is the order's business.
fn rows() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(row(), 1..14).prop_map(|mut rows| {
        let mut met: Vec<String> = Vec::new();
        rows.retain(|it| {
            let who = it.rsplit_once(' ').map_or_else(String::new, |it| it.0.to_owned());
            !met.contains(&who) && {
                met.push(who);
                true
            }
        });
        rows
    })
}

fn outcomes(rows: &[String]) -> HashMap<String, Outcome> {
    let lines: Vec<&str> = rows.iter().map(String::as_str).collect();
    rows.iter().cloned().zip(run(&lines, &[])).collect()
}

proptest! {
    #[test]
    fn the_order_of_rows_and_feeds_decides_nothing((rows, shuffled) in rows().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle()))) {
        prop_assert_eq!(outcomes(&rows), outcomes(&shuffled));
    }

    #[test]
    fn a_stranger_changes_nobody_s_link(rows in rows(), feed in prop::sample::select(&["org/establishment", "fin/payment", "hr/employment"][..])) {
        let mut more = rows.clone();
        more.push(format!("{feed} 11010519491231002X 欧阳若兰 female 1949-12-31 U3"));
        let (before, after) = (outcomes(&rows), outcomes(&more));
        for row in &rows {
            prop_assert_eq!(&before[row], &after[row]);
        }
    }

    #[test]
    fn no_text_panics(id in "[0-9X*]{0,19}|\\S{0,20}", name in "\\S{1,6}", other in "\\S{1,6}") {
        let line = |feed: &str, id: &str, name: &str| format!("{feed} {} {name} - - U1", if id.is_empty() { "-" } else { id });
        let lines = [line("org/establishment", &id, &name), line("fin/payment", &id, &other), line("fin/payment", "330683198001011243", &name)];
        run(&lines.each_ref().map(String::as_str), &[(&id, &name)]);
    }
}
