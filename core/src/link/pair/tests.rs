use proptest::prelude::*;

use super::*;

/// `key id name sex birth unit`, `-` for nothing; the key is only for the reader.
fn side(lines: &[String]) -> Side {
    let column = |at: usize| {
        let cell = |line: &String| line.split_whitespace().nth(at).filter(|it| *it != "-").unwrap_or_default().to_owned();
        let cells: Vec<String> = lines.iter().map(cell).collect();
        Some(cells.iter().map(String::as_str).collect::<Texts>())
    };
    Side {
        rows: lines.len(),
        id: column(1),
        name: column(2),
        sex: column(3),
        birth: column(4),
        more: vec![(Evidence::Unit, column(5).unwrap_or_default())],
        ..Side::default()
    }
}

/// A small town: everybody of it stands in both files, so that the model has something to learn from.
fn town(people: usize) -> Vec<String> {
    const FAMILY: [char; 7] = ['王', '李', '张', '刘', '陈', '裘', '竺'];
    const GIVEN: [char; 11] = ['伟', '芳', '秀', '英', '建', '国', '军', '丽', '敏', '静', '磊'];
    let person = |at: usize| {
        let name: String = [FAMILY[at % 7], GIVEN[at * 3 % 11], GIVEN[at / 7 % 11]].into_iter().collect();
        let birth = format!("19{:02}{:02}{:02}", 60 + at % 40, 1 + at % 12, 1 + at * 5 % 28);
        let body: u64 = format!("330683{birth}{:03}", at * 7 % 1000).parse().expect("digits");
        let id = crate::person_id::PersonId::from_body(body).expect("a day that exists");
        let sex = if id.sex() == "male" { "男" } else { "女" };
        format!("t{at} {id} {name} {sex} {}-{}-{} U{}", &birth[..4], &birth[4..6], &birth[6..], at % 13)
    };
    (0..people).map(person).collect()
}

/// Keys of linked pairs, in order.
fn links(left: &[String], right: &[String], threads: usize) -> Vec<(String, String)> {
    let settings = Settings { model: Model::shipped(), threads, same_file: false };
    let outcome = link(&side(left), &side(right), settings);
    let key = |lines: &[String], row: u32| lines[row as usize].split_whitespace().next().unwrap_or_default().to_owned();
    let mut pairs: Vec<(String, String)> = outcome.links.iter().map(|it| (key(left, it.left), key(right, it.right))).collect();
    pairs.sort();
    pairs
}

/// What becomes of one payroll row beside the whole town's: the keys it is linked to.
fn check(row: &str, linked: &[&str]) {
    let left = town(400);
    // Everybody but the three that the stories are about is paid as he is.
    let mut right: Vec<String> = left.iter().skip(3).map(|it| format!("p{it}")).collect();
    right.push(format!("x {row}"));
    let found: Vec<String> = links(&left, &right, 2).into_iter().filter(|it| it.1 == "x").map(|it| it.0).collect();
    assert_eq!(found, linked, "{row}");
}

// t0 330683196001010009 王伟伟 女 1960-01-01 U0, t1 330683196102060079 李建伟 男 1961-02-06 U1.

#[test]
fn a_row_is_who_it_is_and_a_ghost_is_nobody() {
    let town = town(2);
    let (zero, one) = (town[0].as_str(), town[1].as_str());
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (zero, one) = (cells(zero), cells(one));
    let (id, name, sex, birth, unit) = (&zero[1], &zero[2], &zero[3], &zero[4], &zero[5]);
    check(&format!("{id} {name} {sex} {birth} {unit}"), &["t0"]);
    // Damaged numbers.
    check(&format!("{}7 {name} {sex} {birth} {unit}", &id[..17]), &["t0"]);
    check(&format!("{}000 {name} {sex} - U5", &id[..15]), &["t0"]);
    check(&format!("{}********{} {name} {sex} - {unit}", &id[..6], &id[14..]), &["t0"]);
    check(&format!("- {name} {sex} {birth} {unit}"), &["t0"]);
    // Damaged and changed names.
    check(&format!("{id} 王玮伟 {sex} {birth} U9"), &["t0"]);
    check(&format!("{id} WangWeiwei {sex} {birth} {unit}"), &["t0"]);
    check(&format!("{id} 王改名 {sex} {birth} {unit}"), &["t0"]);
    // Somebody else's number.
    check(&format!("{} {name} {sex} {birth} {unit}", one[1]), &["t0"]);
    // A valid number of his own: nobody, whatever else agrees.
    let own = |body: u64| crate::person_id::PersonId::from_body(body).expect("a day that exists");
    check(&format!("{} {name} {sex} 1980-03-07 {unit}", own(11_010_519_800_307_002)), &[]);
    check(&format!("{} {name} {sex} {birth} {unit}", own(11_010_519_600_101_002)), &[]);
    check(&format!("{} {name} {sex} {birth} {unit}", own(33_068_319_600_101_042)), &[]);
    check("- 赵无名 男 1999-09-09 U99", &[]);
    check("- - - - -", &[]);
}

#[test]
fn one_file_finds_who_stands_in_it_twice() {
    let mut lines = town(300);
    lines.push(format!("again - {}", lines[7].split_whitespace().skip(2).collect::<Vec<_>>().join(" ")));
    let side = side(&lines);
    let settings = Settings { model: Model::shipped(), threads: 1, same_file: true };
    let found: Vec<(u32, u32)> = link(&side, &side, settings).links.iter().map(|it| (it.left, it.right)).collect();
    assert_eq!(found, [(7, 300)]);
}

/// People with three rows each: as they are, without a birth date, and under a short name; no two rows tell much by themselves.
fn three_rows_each(people: usize) -> Side {
    const FAMILY: [&str; 9] = ["Anderson", "Baker", "Clarke", "Dubois", "Evans", "Fischer", "Garcia", "Hughes", "Ivanov"];
    const GIVEN: [&str; 8] = ["Alice", "Bernard", "Catherine", "Daniel", "Edith", "Francis", "Gloria", "Henry"];
    let rows: Vec<[String; 4]> = (0..people * 3)
        .map(|row| {
            let (at, form) = (row / 3, row % 3);
            let (given, family) = (GIVEN[at % 8], FAMILY[at / 8 % 9]);
            let birth = format!("{}-{:02}-{:02}", 1930 + at % 61, 1 + at * 7 % 12, 1 + at * 11 % 28);
            let street = format!("{} {} Lane", 1 + at, FAMILY[at % 9]);
            let cells = match form {
                0 => [given, family, birth.as_str(), street.as_str()],
                1 => [given, family, "", street.as_str()],
                _ => [&given[..1], family, birth.as_str(), ""],
            };
            cells.map(str::to_owned)
        })
        .collect();
    let column = |at: usize| Some(rows.iter().map(|it| it[at].as_str()).collect::<Texts>());
    let more = vec![(Evidence::Address, column(3).unwrap_or_default())];
    Side { rows: rows.len(), given: column(0), family: column(1), birth: column(2), more, ..Side::default() }
}

#[test]
fn rows_of_one_person_are_found_through_each_other() {
    let side = three_rows_each(72);
    let settings = Settings { model: Model::shipped(), threads: 2, same_file: true };
    let found = link(&side, &side, settings).links;
    assert!(found.iter().all(|it| it.left / 3 == it.right / 3), "nobody is somebody else");
    assert_eq!(found.len(), 216, "three pairs of each of seventy-two");
    let two = link(&side, &side.clone(), Settings { same_file: false, ..settings }).links;
    assert!(two.iter().all(|it| it.left / 3 == it.right / 3), "nobody is somebody else");
    assert_eq!(two.len(), 648, "each of three rows with each of three");
}

#[test]
fn people_of_another_country_are_found_without_numbers() {
    let person = |at: usize, typo: bool| {
        const FAMILY: [&str; 9] = ["Anderson", "Baker", "Clarke", "Dubois", "Evans", "Fischer", "Garcia", "Hughes", "Ivanov"];
        const GIVEN: [&str; 8] = ["Alice", "Bernard", "Catherine", "Daniel", "Edith", "Francis", "Gloria", "Henry"];
        let (given, mut family) = (GIVEN[at % 8], FAMILY[at / 8 % 9].to_owned());
        if typo {
            family.remove(2);
        }
        [given.to_owned(), family, format!("{}-{:02}-{:02}", 1930 + at % 61, 1 + at * 7 % 12, 1 + at * 11 % 28), format!("{at} Mill Lane")]
    };
    let side = |typo: bool| {
        let people: Vec<[String; 4]> = (0..300).map(|at| person(at, typo && at % 3 == 0)).collect();
        let column = |at: usize| people.iter().map(|it| it[at].as_str()).collect::<Texts>();
        let more = vec![(Evidence::Address, column(3))];
        Side { rows: 300, given: Some(column(0)), family: Some(column(1)), birth: Some(column(2)), more, ..Side::default() }
    };
    let settings = Settings { model: Model::shipped(), threads: 2, same_file: false };
    let outcome = link(&side(false), &side(true), settings);
    let right = outcome.links.iter().filter(|it| it.left == it.right).count();
    assert_eq!((right, outcome.links.len()), (300, 300));
}

#[test]
fn nothing_is_linked_to_nothing() {
    let settings = Settings { model: Model::shipped(), threads: 3, same_file: false };
    assert!(link(&Side::default(), &Side::default(), settings).links.is_empty());
    let some = side(&town(3));
    assert!(link(&some, &Side::default(), settings).links.is_empty());
    assert!(link(&Side::default(), &some, settings).links.is_empty());
}

/// A payroll of the town in which every fifth row is damaged in some way.
fn damaged(town: &[String], seed: usize) -> Vec<String> {
    let damage = |(at, line): (usize, &String)| {
        let mut cells: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match (at + seed) % 23 {
            0 => cells[1] = "-".to_owned(),
            1 => cells[1].replace_range(15.., "000"),
            2 => cells[1].replace_range(3..14, "***********"),
            3 => cells[2] = cells[2].chars().take(2).collect(),
            4 => cells[5] = "U77".to_owned(),
            5 => cells[1] = town[(at + 1) % town.len()].split_whitespace().nth(1).unwrap_or("-").to_owned(),
            6 => cells[4] = "1970-07-07".to_owned(),
            _ => {}
        }
        cells[0].insert(0, 'p');
        cells.join(" ")
    };
    town.iter().enumerate().map(damage).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_rows_and_the_number_of_threads_change_nothing(seed in 0..23_usize, turn in 1..250_usize, threads in 1..5_usize) {
        let left = town(250);
        let right = damaged(&left, seed);
        let expected = links(&left, &right, 1);
        prop_assert!(expected.len() > 230);
        let (mut other_left, mut other_right) = (left.clone(), right.clone());
        other_left.rotate_left(turn);
        other_right.reverse();
        prop_assert_eq!(links(&other_left, &other_right, threads), expected);
    }

    #[test]
    fn a_stranger_changes_no_link(seed in 0..23_usize, serial in 100..900_u64) {
        let left = town(250);
        let right = damaged(&left, seed);
        let expected = links(&left, &right, 2);
        let id = crate::person_id::PersonId::from_body(65_430_119_710_919_000 + serial).expect("a day that exists");
        let stranger = format!("s {id} 龙傲天 {} 1971-09-19 U88", if id.sex() == "male" { "男" } else { "女" });
        let (mut more_left, mut more_right) = (left.clone(), right.clone());
        more_left.push(stranger);
        prop_assert_eq!(&links(&more_left, &right, 2), &expected);
        more_left.pop();
        more_right.push(format!("s {id} 龙傲天 - - -"));
        prop_assert_eq!(&links(&more_left, &more_right, 2), &expected);
    }

    #[test]
    fn no_text_panics(cells in proptest::collection::vec("\\PC{0,20}", 24)) {
        let side = |from: usize| {
            let column = |at: usize| (0..3).map(|row| cells[(from + at * 3 + row) % 24].as_str()).collect::<Texts>();
            let more = vec![(Evidence::Unit, column(4)), (Evidence::Contact, column(5))];
            Side { rows: 3, id: Some(column(0)), name: Some(column(1)), sex: Some(column(2)), birth: Some(column(3)), more, ..Side::default() }
        };
        let (left, right) = (side(0), side(6));
        let settings = Settings { model: Model::shipped(), threads: 2, same_file: false };
        let mut pairing = Pairing::read(&left, &right, settings);
        pairing.outcome();
        pairing.explain(0, 2);
    }
}
