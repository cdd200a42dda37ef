//! Texts with places like `{page}` in them.

/// The text with its places filled. A place that `value_of` does not know is left as it stands: a body may hold braces of its own.
pub(crate) fn fill(template: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = place(rest);
        match name.and_then(&value_of) {
            Some(value) => {
                filled.push_str(&value);
                rest = &rest[name.map_or(0, |it| it.len() + 1)..];
            }
            None => filled.push('{'),
        }
    }
    filled.push_str(rest);
    filled
}

/// The names of all places, in order.
pub(crate) fn places(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(place)
}

/// The name at the beginning of what follows a brace, when the brace closes after it.
fn place(rest: &str) -> Option<&str> {
    let name = &rest[..rest.find('}')?];
    (!name.is_empty() && name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_other_braces_stay() {
        let value_of = |name: &str| (name == "page").then(|| "7".to_owned());
        assert_eq!(fill("{page}", value_of), "7");
        assert_eq!(fill("query{people(n:{page}){id}} {", value_of), "query{people(n:7){id}} {");
        assert_eq!(fill("{{page}}", value_of), "{7}");
        assert_eq!(places("{method}\n{path}{x").collect::<Vec<_>>(), ["method", "path"]);
    }
}
