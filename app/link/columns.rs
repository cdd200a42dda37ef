//! Which column says what: guessed by header, or told by a small mapping.

use std::collections::BTreeMap;

use muster_core::link::pair::{Evidence, Side, Texts};
use muster_core::mapping;
use serde::Deserialize;

use super::read::Table;
use crate::words::Lang;

/// What a column may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Key,
    Id,
    Name,
    Given,
    Middle,
    Family,
    Sex,
    Birth,
    Year,
    Month,
    Day,
    Unit,
    Street,
    House,
    Place,
    District,
    Postcode,
    State,
    Phone,
    Email,
    Birthplace,
    Occupation,
}

use Role::{
    Birth, Birthplace, Day, District, Email, Family, Given, House, Id, Key, Middle, Month, Name, Occupation, Phone, Place, Postcode, Sex,
    State, Street, Unit, Year,
};

/// Roles whose headers departments use too: those stand with the shared columns.
const SHARED: [(Role, &str); 6] =
    [(Id, "id_number"), (Name, "name"), (Sex, "sex"), (Birth, "birth_date"), (Unit, "unit_name"), (Unit, "unit_code")];

/// Further headers, in small letters without blanks and marks; `surname` and `last name` are the family name in English files.
const HEADERS: &[(Role, &[&str])] = &[
    (
        Key,
        &[
            "key",
            "recid",
            "recordid",
            "uniqueid",
            "rowid",
            "row",
            "rowno",
            "personkey",
            "voterid",
            "voterregnum",
            "sourcekey",
            "序号",
            "主键",
            "行号",
        ],
    ),
    (
        Id,
        &[
            "id",
            "idno",
            "idnumber",
            "idcard",
            "ssn",
            "socsecid",
            "nationalid",
            "nino",
            "nhsnumber",
            "personid",
            "citizenid",
            "passport",
            "taxid",
            "socialsecuritynumber",
        ],
    ),
    (Name, &["name", "fullname", "personname", "firstandsurname"]),
    (Given, &["givenname", "firstname", "forename", "fname", "given", "first", "fnamec1", "名", "givennames", "forenames"]),
    (Middle, &["middlename", "middle", "midlname", "mname", "fnamec2", "middlenames", "secondname"]),
    (Family, &["surname", "lastname", "familyname", "lname", "family", "last", "lnamec1", "姓"]),
    (Sex, &["sex", "gender", "sexcode", "gendercode"]),
    (Birth, &["birth", "birthdate", "dob", "dateofbirth", "birthday", "birthon"]),
    (Year, &["by", "birthyear", "yearofbirth", "yob"]),
    (Month, &["bm", "birthmonth", "monthofbirth"]),
    (Day, &["bd", "birthdayofmonth", "dayofbirth"]),
    (Unit, &["unit", "unitname", "unitcode", "employer", "department", "company", "organisation", "organization"]),
    (
        Street,
        &[
            "address",
            "address1",
            "street",
            "streetname",
            "addr",
            "resstreetaddress",
            "地址",
            "住址",
            "家庭住址",
            "streetaddress",
            "addressline1",
            "zz",
            "dz",
        ],
    ),
    (House, &["streetnumber", "housenumber", "houseno", "housenum", "门牌号"]),
    (Place, &["address2", "addressline2", "village", "locality", "neighbourhood"]),
    (District, &["suburb", "city", "town", "rescitydesc", "municipality", "district", "county", "城市", "区县"]),
    (Postcode, &["postcode", "zip", "zipcode", "postalcode", "zipcode5", "postcodefake", "邮编", "邮政编码"]),
    (State, &["state", "region", "province", "statecd", "省份", "省"]),
    (
        Phone,
        &[
            "phone",
            "telephone",
            "phonenumber",
            "mobile",
            "tel",
            "fullphonenumber",
            "phonenum",
            "电话",
            "手机",
            "手机号",
            "联系电话",
            "手机号码",
            "homephone",
        ],
    ),
    (Email, &["email", "emailaddress", "mail", "邮箱", "电子邮箱"]),
    (Birthplace, &["birthplace", "placeofbirth", "籍贯", "出生地"]),
    (Occupation, &["occupation", "job", "profession", "职业"]),
];

/// Columns of further evidence, and what they are evidence of.
const MORE: [(Role, Evidence); 11] = [
    (Unit, Evidence::Unit),
    (Street, Evidence::Address),
    (House, Evidence::Address),
    (Place, Evidence::Address),
    (District, Evidence::Address),
    (Postcode, Evidence::Address),
    (State, Evidence::Other),
    (Phone, Evidence::Contact),
    (Email, Evidence::Contact),
    (Birthplace, Evidence::Other),
    (Occupation, Evidence::Other),
];

/// By role: the header, for each side. Read from TOML:
/// ```toml
/// [left]
/// id = "SFZH"
/// name = "XM"
/// [right]
/// id = "证件号码"
/// name = "职工姓名"
/// ```
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    #[serde(default)]
    pub left: BTreeMap<Role, String>,
    #[serde(default)]
    pub right: BTreeMap<Role, String>,
}

/// The columns of a table by role. What the mapping names is taken; the rest is guessed, each role once.
pub fn roles(table: &Table, told: &BTreeMap<Role, String>, lang: Lang) -> Result<BTreeMap<Role, usize>, String> {
    let mut roles = BTreeMap::new();
    for (role, header) in told {
        let place = table.place(header).ok_or_else(|| {
            let (path, there) = (&table.path, table.headers.join(", "));
            lang.pick(format!("{path}：没有 `{header}` 列；现有 {there}"), format!("{path}: no column `{header}`; there are {there}"))
        })?;
        roles.insert(*role, place);
    }
    for (place, header) in table.headers.iter().enumerate() {
        if let Some(role) = role(&plain(header))
            && !roles.values().any(|it| *it == place)
        {
            roles.entry(role).or_insert(place);
        }
    }
    if roles.contains_key(&Given) && roles.contains_key(&Family) {
        roles.remove(&Name);
    }
    Ok(key_or_number(table, roles))
}

/// The role of a plain header.
fn role(header: &str) -> Option<Role> {
    let own = HEADERS.iter().find(|(_, headers)| headers.contains(&header)).map(|it| it.0);
    own.or_else(|| {
        let is_known = |column: &str| mapping::headers_of(column).iter().any(|it| plain(it) == header);
        SHARED.iter().find(|(_, column)| is_known(column)).map(|it| it.0)
    })
}

fn plain(header: &str) -> String {
    header.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `id` in an English file is mostly a row's key: a number that counts rows, or a text no number of which looks like a citizen's.
fn key_or_number(table: &Table, mut roles: BTreeMap<Role, usize>) -> BTreeMap<Role, usize> {
    let Some(place) = roles.get(&Id).copied().filter(|it| plain(&table.headers[*it]) == "id") else { return roles };
    let column = &table.columns[place];
    let sample = 0..table.rows.min(1000);
    let long = sample.clone().filter(|row| column.get(*row).chars().filter(char::is_ascii_digit).count() >= 13).count();
    if long * 2 < sample.len() && sample.len() > 1 {
        roles.remove(&Id);
        roles.entry(Key).or_insert(place);
    }
    roles
}

/// What two files must both tell, or nobody can be compared.
const TELLING: [&[Role]; 2] = [&[Id], &[Name, Given, Family]];

/// Says what is missing where the files have nothing in common that tells a person.
pub fn comparable(
    left: &Table,
    left_roles: &BTreeMap<Role, usize>,
    right: &Table,
    right_roles: &BTreeMap<Role, usize>,
    lang: Lang,
) -> Result<(), String> {
    let has = |roles: &BTreeMap<Role, usize>, wanted: &[Role]| wanted.iter().any(|it| roles.contains_key(it));
    if TELLING.iter().any(|it| has(left_roles, it) && has(right_roles, it)) {
        return Ok(());
    }
    let (a, b) = (left.headers.join(", "), right.headers.join(", "));
    let (left, right) = (&left.path, &right.path);
    Err(lang.pick(
        format!("两份文件没有共同的姓名列或证件号列；用 --mapping 指明。{left} 现有 {a}；{right} 现有 {b}"),
        format!("the files have neither names nor ID numbers in common; say which column is which with --mapping. {left} has {a}; {right} has {b}"),
    ))
}

/// Both tables as sides. Further columns are compared where both files have them.
pub fn sides(left: &Table, left_roles: &BTreeMap<Role, usize>, right: &Table, right_roles: &BTreeMap<Role, usize>) -> (Side, Side) {
    let (mut one, mut other) = (side(left, left_roles), side(right, right_roles));
    for (role, evidence) in MORE {
        if let (Some(a), Some(b)) = (left_roles.get(&role), right_roles.get(&role)) {
            one.more.push((evidence, left.columns[*a].clone()));
            other.more.push((evidence, right.columns[*b].clone()));
        }
    }
    (one, other)
}

fn side(table: &Table, roles: &BTreeMap<Role, usize>) -> Side {
    let column = |role: Role| roles.get(&role).map(|it| &table.columns[*it]);
    let given = match (column(Given), column(Middle)) {
        (Some(given), Some(middle)) => Some(joined(table.rows, &[given, middle], " ")),
        (given, _) => given.cloned(),
    };
    let birth = match (column(Birth), column(Year), column(Month), column(Day)) {
        (None, Some(year), Some(month), Some(day)) => Some(joined(table.rows, &[year, month, day], "-")),
        (None, Some(year), _, _) => Some(year.clone()),
        (birth, ..) => birth.cloned(),
    };
    Side {
        rows: table.rows,
        id: column(Id).cloned(),
        name: column(Name).cloned(),
        given,
        family: column(Family).cloned(),
        sex: column(Sex).cloned(),
        birth,
        more: Vec::new(),
    }
}

fn joined(rows: usize, columns: &[&Texts], between: &str) -> Texts {
    let mut texts = Texts::default();
    for row in 0..rows {
        let parts: Vec<&str> = columns.iter().map(|it| it.get(row)).filter(|it| !it.is_empty()).collect();
        texts.push(&parts.join(between));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(headers: &[&str], row: &[&str]) -> Table {
        let columns = row.iter().map(|it| [*it, *it].into_iter().collect()).collect();
        let headers = headers.iter().map(|it| (*it).to_owned()).collect();
        Table { path: "people.csv".to_owned(), encoding: "UTF-8", headers, columns, rows: 2 }
    }

    #[test]
    fn columns_are_known_by_their_headers() {
        let chinese = table(
            &["序号", "身份证号", "姓名", "性别", "出生日期", "单位"],
            &["1", "330683198001011243", "王秀英", "女", "1980-01-01", "一中"],
        );
        let roles_of = |it: &Table| roles(it, &BTreeMap::new(), Lang::En).expect("no mapping").into_keys().collect::<Vec<_>>();
        assert_eq!(roles_of(&chinese), [Key, Id, Name, Sex, Birth, Unit]);
        let english = table(&["rec_id", "given_name", "Surname", "date_of_birth", "soc_sec_id"], &["r1", "Ann", "Lee", "19800101", "123"]);
        assert_eq!(roles_of(&english), [Key, Id, Given, Family, Birth]);
        assert_eq!(roles_of(&table(&["id", "name"], &["17", "Ann Lee"])), [Key, Name]);
        let mapping: Mapping = toml::from_str("[left]\nid = \"N\"\n").expect("a mapping");
        let told = roles(&table(&["X"], &["1"]), &mapping.left, Lang::En).expect_err("there is no N");
        assert_eq!(told, "people.csv: no column `N`; there are X");
        assert_eq!(roles(&table(&["N"], &["1"]), &mapping.left, Lang::En).expect("there"), BTreeMap::from([(Id, 0)]));
        let (names, numbers) = (table(&["姓名"], &["甲"]), table(&["身份证号"], &["1"]));
        let of = |it: &Table| roles(it, &BTreeMap::new(), Lang::En).expect("no mapping");
        assert!(comparable(&names, &of(&names), &names, &of(&names), Lang::En).is_ok());
        assert!(comparable(&names, &of(&names), &numbers, &of(&numbers), Lang::En).is_err());
    }

    #[test]
    fn birth_in_three_columns() {
        let german = table(&["fname_c1", "lname_c1", "by", "bm", "bd"], &["CARSTEN", "MEIER", "1949", "7", "22"]);
        let side = side(&german, &roles(&german, &BTreeMap::new(), Lang::En).expect("no mapping"));
        assert_eq!(side.birth.expect("joined").get(0), "1949-7-22");
    }
}
