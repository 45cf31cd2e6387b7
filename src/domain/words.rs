//! Numbers and names as people read them.

use std::fmt::Display;

/// `1 object`, `2 objects`.
pub fn counted(number: impl Display + From<u8> + PartialEq, noun: &str) -> String {
    let plural = if number == 1.into() { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `2 refused`, `1 failed`: what there is of each, but for what there is nothing of.
pub fn some_of<const N: usize>(counts: [(u64, &str); N]) -> Vec<String> {
    let some = counts.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{count} {what}")).collect()
}

/// What a report rests on that was made of what other machines wrote, of which so many objects were looked at again.
pub fn rests_on(sampled: u64) -> String {
    match counted(sampled, "object") {
        _ if sampled == 0 => "this is what the hosts' results say; none of it was held against an object".to_owned(),
        objects => format!(
            "this is what the hosts' results say; a sample of them, {objects}, was held against the objects and is so"
        ),
    }
}

/// Of a plan that could not be held against the job that its act was begun with.
pub fn not_checked(why: &str) -> String {
    format!("whether the plan is the one that was begun could not be checked: {why}")
}

/// Objects, and what older versions and delete markers are beside them.
pub fn holdings(objects: u64, older: u64) -> String {
    let objects = counted(objects, "object");
    match older {
        0 => objects,
        1 => format!("{objects} and an older version or delete marker"),
        older => format!("{objects} and {older} older versions and delete markers"),
    }
}

/// A span of seconds: `7s`, `3m 05s`, `2h 07m`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number of bytes: `512 B`, `4.5 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// What stands after the last slash.
pub fn last_part(text: &str) -> &str {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or(text)
}

/// With a capital at its beginning.
pub fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}
