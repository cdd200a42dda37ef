use super::timeline::{Cell, Mark, Source};
use super::*;

const EVIL: &str = "<script>alert(1)</script>\"&";

/// Somebody who left in May and was paid to August, in a unit whose name is no name.
fn told() -> PersonTold {
    let months: Vec<i32> = (202_601..=202_608).collect();
    let unit = UnitTold { code: "330683001".to_owned(), name: format!("教育局{EVIL}") };
    let spell = Mark {
        feed: "organization/establishment".to_owned(),
        unit: Some(unit.clone()),
        from: Some(201_009),
        to: Some(202_605),
        from_on: "2010-09-01".parse().ok(),
        to_on: "2026-05-18".parse().ok(),
        what: Some(Title { zh: "行政编制".to_owned(), en: "administrative quota".to_owned() }),
        main: true,
        amount: None,
        rows: 1,
    };
    let pay = |month: i32| Mark {
        feed: "finance/payroll".to_owned(),
        from: Some(month),
        to: Some(month),
        from_on: None,
        to_on: None,
        what: Some(Title { zh: "在职工资".to_owned(), en: "salary of active staff".to_owned() }),
        amount: Some(812_050),
        ..spell.clone()
    };
    let until = |last: i32, there: Cell| months.iter().map(|it| if *it <= last { there } else { Cell::Nothing }).collect::<Vec<_>>();
    let strips = vec![
        Strip { source: Source::Establishment, cells: until(202_605, Cell::There), marks: vec![spell.clone()] },
        Strip { source: Source::Employment, cells: until(202_605, Cell::There), marks: vec![spell.clone()] },
        Strip { source: Source::Attendance, cells: vec![Cell::Uncovered; 8], marks: Vec::new() },
        Strip { source: Source::Salary, cells: vec![Cell::There; 8], marks: months.iter().map(|it| pay(*it)).collect() },
    ];
    let mut told = PersonTold {
        night: "2026-09-10".parse().expect("a day"),
        key: "p-1".to_owned(),
        name: Some(format!("王小明{EVIL}")),
        id_number: Some("330683198001011236".to_owned()),
        sex: Some("male".to_owned()),
        birth_date: "1980-01-01".parse().ok(),
        age: Some(46),
        retires_in: Some(204_301),
        unit: Some(unit),
        contrasts: contrast::contrasts(&strips, &months),
        months,
        strips,
        cases: vec![CaseTold {
            number: "MU-2026-000001".to_owned(),
            state: State::Open,
            opened_on: "2026-07-01".parse().expect("a day"),
            findings: vec![FindingTold {
                rule: "G04".to_owned(),
                title: Title { zh: "离职后仍发工资".to_owned(), en: "Paid after leaving".to_owned() },
                severity: Severity::S1,
                months: vec![202_606, 202_607, 202_608],
                amount_fen: Some(2_436_150),
            }],
        }],
        identities: Vec::new(),
        beyond: BTreeSet::new(),
    };
    mask(&mut told);
    told
}

#[test]
fn the_bars_of_all_strips_end_in_the_same_column() {
    use unicode_width::UnicodeWidthStr;
    let text = text::text(&told(), Lang::Zh);
    let bar = |label: &str| text.lines().find(|it| it.trim_start().starts_with(label)).unwrap_or_else(|| panic!("{label}\n{text}")).width();
    assert_eq!(bar("在职工资"), bar("考勤"));
    assert_eq!(bar("在职工资"), 2 + 12 + 8 * 3);
    assert_eq!(bar("在编"), 2 + 12 + 5 * 3);
    assert_eq!(bar("G04"), bar("在职工资"));
    assert!(text.contains("有工资，编制、人事均无此人：2026-06 至 2026-08"), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("2026-01 至 2026-08 · ") && words.contains("8 个月 · 64,964.00 元"), "{text}");
}

#[test]
fn nothing_whole_is_shown_and_what_sources_write_is_no_markup() {
    let told = told();
    for lang in [Lang::Zh, Lang::En] {
        let json = serde_json::to_string(&told).expect("text keys");
        let texts = [text::text(&told, lang), svg::svg(&told, lang), page::page(&told, lang).expect("the template fits"), json];
        for text in &texts {
            assert!(!text.contains("330683198001011236") && !text.contains("王小明") && !text.contains("1980-01"), "{text}");
        }
        assert!(texts[..3].iter().skip(1).all(|it| !it.contains("<script>") && it.contains("&lt;script&gt;")));
        let links = texts[2].matches("http").count();
        assert_eq!(
            links,
            texts[2].matches("http-equiv").count() + texts[2].matches("http://www.w3.org/2000/svg").count(),
            "nothing is loaded"
        );
    }
}

#[test]
fn an_english_page_has_no_chinese_label() {
    let mut told = told();
    told.name = None;
    for mark in told.strips.iter_mut().flat_map(|it| &mut it.marks) {
        mark.unit = None;
    }
    told.unit = None;
    let left = |text: &str| text.lines().filter(|it| crate::sample::has_chinese(it)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(left(&text::text(&told, Lang::En)), Vec::<String>::new());
    assert_eq!(left(&svg::svg(&told, Lang::En)), Vec::<String>::new());
    assert_eq!(left(&page::page(&told, Lang::En).expect("the template fits")), Vec::<String>::new());
}

#[test]
fn an_id_number_among_the_words_of_a_command_is_refused() {
    let asked = |it: &str| Asked::named(it, Lang::En);
    assert_eq!(asked("MU-2026-000123"), Ok(Asked::Case("MU-2026-000123".to_owned())));
    assert_eq!(asked("finance/payroll#17"), Ok(Asked::Row(Row { feed: "finance/payroll".to_owned(), who: 17 })));
    assert_eq!(asked("p-0123456789012345678"), Ok(Asked::Key("p-0123456789012345678".to_owned())));
    for number in ["330683198001011236", "33068319800101123x", "330683800101123", "３３０６８３１９８００１０１１２３６"]
    {
        assert!(asked(number).is_err_and(|it| it.contains("history") && !it.contains(number)));
    }
}
