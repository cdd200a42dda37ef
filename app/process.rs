//! Which process this is, in words that another process can check.

use std::fs;

/// Names this process for good: a number alone is given to somebody else one day.
pub fn me() -> String {
    name_of(std::process::id()).unwrap_or_else(|| format!("?/?/{}/0", std::process::id()))
}

/// Whether the process called `holder` may still be there. Of another machine, or another container of this one, nothing is known: it may.
pub fn may_live(holder: &str) -> bool {
    let parts = |it: &str| it.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&me()), parts(holder));
    let (Some(here), Some(there)) = (mine.get(..2), theirs.get(..2)) else { return true };
    if here != there || here[0] == "?" {
        return true;
    }
    let Some(id) = theirs.get(2).and_then(|it| it.parse().ok()) else { return true };
    name_of(id).is_some_and(|it| it == holder)
}

/// Boot of the machine, name space of processes, number, start: together they never come twice.
fn name_of(id: u32) -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let space: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    // proc(5): the start is the twenty-second field; the name before may hold blanks and brackets. A process that has ended and was
    // not yet waited for holds nothing any more.
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    let start = fields.nth(18)?;
    Some(format!("{}/{space}/{id}/{start}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_while_it_lives_and_not_afterwards() {
        assert!(may_live(&me()));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep");
        let name = name_of(child.id()).expect("it lives");
        assert!(may_live(&name));
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert!(!may_live(&name));
        assert!(may_live("another-boot/1/2/3"), "of another machine nothing is known");
        let mut same_number: Vec<String> = me().split('/').map(str::to_owned).collect();
        same_number[3] = "1".to_owned();
        assert!(!may_live(&same_number.join("/")), "the number was given to somebody else");
    }
}
