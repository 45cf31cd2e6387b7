//! Where the session leads: told as soon as it is known, and as far as it is.

use std::collections::BTreeMap;

use strongroom::app::{Effect, Event, Topic};
use strongroom::domain::FaultKind;

use super::WIDE;
use crate::desk::{Desk, fault};

/// The header, and the command lines that are copied of a key, a prefix and an object.
fn header_and_commands(size: (u16, u16), endpoint: Option<&str>, elsewhere: &[(&str, &str)]) -> (String, [String; 3]) {
    let mut desk = Desk::filled(size);
    let elsewhere = elsewhere
        .iter()
        .map(|(word, url)| ((*word).to_owned(), (*url).to_owned()));
    desk.event(Event::Connected {
        region: "eu-north-1".to_owned(),
        endpoint: endpoint.map(str::to_owned),
        elsewhere: elsewhere.collect::<BTreeMap<_, _>>(),
    });
    let header = desk.screen().lines().next().unwrap_or_default().to_owned();
    desk.keys("1Y3YGY");
    let copied = desk.effects.iter().filter_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    (header, copied.collect::<Vec<_>>().try_into().unwrap())
}

#[test]
fn where_the_session_leads_is_in_its_header_and_in_the_commands_that_are_copied() {
    let roomy = (200, 36);
    let (header, lines) = header_and_commands(roomy, None, &[]);
    assert!(
        header.contains("eu-north-1") && !header.contains("endpoint"),
        "{header}"
    );
    assert!(lines.iter().all(|line| !line.contains("--endpoint-url")), "{lines:?}");
    let (header, lines) = header_and_commands(roomy, Some("http://moto:5000"), &[]);
    assert!(header.contains("http://moto:5000"), "{header}");
    let all = |line: &String| line.ends_with("--region eu-north-1 --endpoint-url http://moto:5000");
    assert!(lines.iter().all(all), "{lines:?}");

    let apart = [("kms", "http://k:1"), ("s3", "http://s:2"), ("sts", "http://k:1")];
    let (header, [key, prefix, object]) = header_and_commands(roomy, None, &apart);
    assert!(header.contains("kms sts at http://k:1, s3 at http://s:2"), "{header}");
    assert!(key.ends_with("--endpoint-url http://k:1"), "{key}");
    for (line, words) in [(prefix, "aws s3 ls "), (object, "aws s3api ")] {
        assert!(
            line.starts_with(words) && line.ends_with("--endpoint-url http://s:2"),
            "{line}"
        );
    }
    let (header, [key, ..]) = header_and_commands(roomy, None, &apart[1..2]);
    assert!(header.contains("s3 at http://s:2"), "{header}");
    assert!(!key.contains("--endpoint-url"), "{key}");
    // Where there is no room for the addresses it is said that there are some.
    let (header, _) = header_and_commands((80, 36), None, &apart);
    assert!(header.contains("eu-north-1 · own endpoint"), "{header}");
}

#[test]
fn a_session_that_leads_nowhere_says_that_it_has_no_region() {
    let mut desk = Desk::new(WIDE);
    desk.state.settings.region = None;
    assert!(desk.screen().lines().next().unwrap().contains('…'));
    let none = fault(FaultKind::Invalid, "connect to", "no region is set");
    desk.fail(Topic::Identity, none);
    let header = desk.screen().lines().next().unwrap().to_owned();
    assert!(
        header.contains("unknown identity") && header.contains("no region"),
        "{header}"
    );
    assert!(!header.contains('…'), "{header}");
}
