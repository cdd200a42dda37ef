use super::*;
use crate::schema::EMPLOYMENT;
use crate::snapshot::REFERENCES;

/// Code, name, credit code, short name, aliases, abolished on: `-` for nothing.
const REGISTER: &[&str] = &[
    "1001 嵊州市教育局 91110000600037341L 教育局 教体局|市教体局 -",
    "1002 嵊州市卫生健康局 - 卫健局 - -",
    "1003 嵊州市三界镇中心小学 - 镇小 - -",
    "1004 嵊州市甘霖镇中心小学 - 镇小 - -",
    "1005 中共嵊州市委组织部 - - - -",
    "1006 嵊州市农机站 - - - 2014-01-01",
    "1007 嵊州市农机站 - - - -",
    "1008 嵊州市粮食局 - - - 2015-01-01",
];

fn texts_of(lines: &[&str], at: usize) -> ArrayRef {
    let cell = |line: &&str| line.split_whitespace().nth(at).filter(|it| *it != "-").map(str::to_owned);
    Arc::new(lines.iter().map(cell).collect::<StringArray>())
}

fn register(lines: &[&str]) -> RecordBatch {
    let schema = UNITS.input_schema();
    let day = |text: &str| super::super::identity::day_number(text.parse().expect("a day"));
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "unit_code" => texts_of(lines, 0),
        "unit_name" => texts_of(lines, 1),
        "uscc" => texts_of(lines, 2),
        "short_name" => texts_of(lines, 3),
        "aliases" => texts_of(lines, 4),
        "abolished_on" => {
            Arc::new(texts_of(lines, 5).as_string::<i32>().iter().map(|it| it.map(day)).collect::<arrow::array::Date32Array>())
        }
        _ => new_null_array(field.data_type(), lines.len()),
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("columns follow the schema")
}

/// Links references (code, name, credit code) against [`REGISTER`]; gives the code of the unit, the method and the proposal.
fn linked(lines: &[&str], aliases: &[(&str, &str)]) -> Vec<String> {
    let identities = RecordBatch::new_empty(Arc::clone(&crate::snapshot::IDENTITIES));
    let count = Int32Array::from_iter_values(0..lines.len() as i32);
    let columns: Vec<ArrayRef> = vec![Arc::new(count.clone()), texts_of(lines, 0), texts_of(lines, 1), texts_of(lines, 2), Arc::new(count)];
    let references = RecordBatch::try_new(Arc::clone(&REFERENCES), columns).expect("columns follow the schema");
    let aliases: Vec<(String, String)> = aliases.iter().map(|(alias, target)| ((*alias).to_owned(), (*target).to_owned())).collect();
    let feed = FeedIn { feed: "hr/employment", table: &EMPLOYMENT, identities: &identities, references: &references };
    let (first, second) = REGISTER.split_at(3);
    let units = link(&[register(second), register(first)], &[feed], &aliases);
    assert_eq!(units.table.schema(), UNITS.linked_schema());
    assert_eq!(units.table.num_rows(), REGISTER.len());
    let codes = units.table.column_by_name("unit_code").expect("a column").as_string::<i32>();
    let text = |name| units.reference.column_by_name(name).expect("a column").as_string::<i32>();
    (0..lines.len())
        .map(|at| {
            let unit_id = units.unit_of[0][at];
            let code = if unit_id < 0 { "-" } else { codes.value(unit_id as usize) };
            let proposal = cell(text("nearest_name"), at).unwrap_or("-");
            format!("{code} {} {proposal}", text("method").value(at))
        })
        .collect()
}

fn check(story: &[(&str, &str)], aliases: &[(&str, &str)]) {
    let lines: Vec<&str> = story.iter().map(|it| it.0).collect();
    for ((line, expected), found) in story.iter().zip(linked(&lines, aliases)) {
        assert_eq!(found, *expected, "{line}");
    }
}

#[test]
fn the_surest_way_leads_first() {
    check(
        &[
            ("1002 嵊州市教育局 -", "1002 code -"),
            ("9999 嵊州市教育局 -", "1001 name -"),
            ("- - 91110000600037341l", "1001 uscc -"),
            ("- 嵊州市教育局（本级） -", "1001 name -"),
            ("- 浙江省绍兴市嵊州市教育局 -", "1001 name -"),
            ("- 市教育局 -", "1001 name -"),
            ("- 教育局 -", "1001 alias -"),
            ("- 卫生健康局 -", "1002 name -"),
            ("- 卫健局 -", "1002 alias -"),
            ("- 市教体局 -", "1001 alias -"),
            ("- 市委组织部 -", "1005 name -"),
            ("- 嵊州市农机站 -", "1007 name -"),
            ("- 嵊州市粮食局 -", "1008 name -"),
            ("- - -", "- none -"),
        ],
        &[],
    );
}

#[test]
fn what_several_units_answer_to_leads_nowhere() {
    check(&[("- 镇小 -", "- none -"), ("- 三界镇中心小学 -", "1003 name -")], &[]);
}

#[test]
fn nothing_is_guessed_but_the_nearest_name_is_proposed() {
    check(
        &[
            ("- 嵊州市三界镇中学小学 -", "- none 嵊州市三界镇中心小学"),
            ("- 新昌县教育局 -", "- none -"),
            ("- 阿里巴巴有限公司 -", "- none -"),
        ],
        &[],
    );
}

#[test]
fn declared_aliases_and_units_outside() {
    let aliases =
        [("三界镇小", "1003"), ("某街道学校", "嵊州市教育局"), ("*有限公司", OUTSIDE), ("绍兴市教育局", OUTSIDE), ("无此", "4711")];
    check(
        &[
            ("- 三界镇小 -", "1003 alias -"),
            ("- 某街道学校 -", "1001 alias -"),
            ("- 阿里巴巴有限公司 -", "- outside -"),
            ("- 绍兴市教育局 -", "- outside -"),
            ("outside 嵊州市教育局 -", "- outside -"),
        ],
        &aliases,
    );
}
