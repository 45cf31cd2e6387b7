use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn written<'a>(prefix: &'a str, name: &'a str) -> Written<'a> {
    Written {
        prefix: Some(prefix),
        name,
    }
}

fn moved(from: &str, to: &str) -> Standing {
    Standing::Moved(Move {
        from: from.to_owned(),
        to: to.to_owned(),
    })
}

#[test]
fn a_token_is_in_place_only_at_its_own_key() {
    let table = [
        ("p/", "x.csv", "p/x.csv", Standing::InPlace),
        ("", "x.csv", "x.csv", Standing::InPlace),
        ("p/", "x.csv", "p/sub/x.csv", moved("p/", "p/sub/")),
        ("p/", "x.csv", "x.csv", moved("p/", "")),
        ("", "x.csv", "p/x.csv", moved("", "p/")),
        ("old/a/", "x.csv", "new/a/x.csv", moved("old/", "new/")),
        ("a/", "x.csv", "b/a/x.csv", moved("", "b/")),
        ("a/a/", "x.csv", "a/x.csv", moved("a/", "")),
        ("p/", "sub/x.csv", "q/x.csv", Standing::Renamed),
        ("p/", "x.csv", "p/y.csv", Standing::Renamed),
        ("p/", "x.csv", "p/ax.csv", Standing::Renamed),
        ("p/", "", "p/x", Standing::Renamed),
    ];
    for (prefix, name, key, expected) in table {
        assert_eq!(written(prefix, name).at(key), expected, "{prefix} {name} {key}");
    }
}

#[test]
fn version_1_is_never_in_place() {
    let first = Written {
        prefix: None,
        name: "x.csv",
    };
    assert_eq!(first.at("x.csv"), Standing::Unrecorded);
    assert_eq!(first.at("p/x.csv"), Standing::Unrecorded);
    assert_eq!(first.at("p/y.csv"), Standing::Renamed);
}

#[test]
fn a_declared_move_explains_what_it_moved_and_nothing_beside_it() {
    let told = written("old/", "sub/x.csv");
    for given in ["old/", "old", "s3://bucket/old/", "s3://bucket/old"] {
        let declared = Declared::new(given, Some("new/"));
        assert!(declared.explains(&told, "new/sub/x.csv"), "{given}");
        for wrong in ["new/x.csv", "new/sub/sub/x.csv", "old/sub/x.csv", "new/sub/y.csv"] {
            assert!(!declared.explains(&told, wrong), "{given} {wrong}");
        }
    }
    // A part of an upload, named whole.
    assert!(Declared::new("old/sub/", Some("new/")).explains(&told, "new/x.csv"));
    assert!(!Declared::new("ol", Some("new/")).explains(&told, "new/d/sub/x.csv"));
    assert!(Declared::new("", Some("n/")).explains(&told, "n/old/sub/x.csv"));

    let alone = |given| Declared::new(given, None);
    assert!(alone("old/").explains(&told, "new/sub/x.csv"));
    assert!(alone("old/sub/").explains(&told, "new/x.csv"));
    assert!(alone("old/sub/x.csv").explains(&told, "new/sub/x.csv"));
    assert!(!alone("old/").explains(&told, "new/x.csv"));
    assert!(!alone("other/").explains(&told, "new/sub/x.csv"));

    let first = Written {
        prefix: None,
        name: "sub/x.csv",
    };
    assert!(Declared::new("old/", Some("old/")).explains(&first, "old/sub/x.csv"));
    assert!(!Declared::new("old/", Some("old/")).explains(&first, "old/a/sub/x.csv"));
}

#[test]
fn the_weakest_bond_is_the_bond_of_all() {
    let away = || Bond::Moved { from: "a".to_owned() };
    assert_eq!(Bond::Bound.and(Bond::Bound), Bond::Bound);
    assert_eq!(Bond::Bound.and(away()), away());
    assert_eq!(away().and(Bond::Unbound).and(Bond::Bound), Bond::Unbound);
}

/// A bucket of tokens: by key, what each was written as.
type Bucket = BTreeMap<String, (String, String)>;

fn standing(bucket: &Bucket, key: &str) -> Standing {
    let (prefix, name) = &bucket[key];
    written(prefix, name).at(key)
}

/// What opening a prefix makes of each of its objects: accepted or not.
fn opened<'a>(bucket: &'a Bucket, prefix: &str) -> BTreeMap<&'a str, Option<Bond>> {
    let keys = || bucket.keys().filter(|key| key.starts_with(prefix));
    let mut survey = Survey::default();
    keys().for_each(|key| survey.note(key, &standing(bucket, key)));
    let bond = |key: &String| match standing(bucket, key) {
        Standing::InPlace => Some(Bond::Bound),
        Standing::Moved(found) => survey.explained_by(&found).is_ok().then(|| Bond::Moved {
            from: written(&bucket[key].0, &bucket[key].1).place(),
        }),
        Standing::Unrecorded | Standing::Renamed => None,
    };
    keys().map(|key| (key.as_str(), bond(key))).collect()
}

fn parts(least: usize, most: usize) -> impl Strategy<Value = Vec<String>> {
    let part = prop::sample::select(vec!["a", "b", "ab", "c"]);
    prop::collection::vec(part.prop_map(str::to_owned), least..=most)
}

fn prefix() -> impl Strategy<Value = String> {
    parts(0, 3).prop_map(|parts| parts.iter().map(|part| format!("{part}/")).collect())
}

/// One upload: a prefix, and names under it.
fn upload() -> impl Strategy<Value = (String, Vec<String>)> {
    (
        prefix(),
        prop::collection::vec(parts(1, 3).prop_map(|parts| parts.join("/")), 1..5),
    )
}

fn uploaded(uploads: Vec<(String, Vec<String>)>) -> Bucket {
    let each = |(prefix, names): (String, Vec<String>)| {
        names
            .into_iter()
            .map(move |name| (format!("{prefix}{name}"), (prefix.clone(), name)))
    };
    uploads.into_iter().flat_map(each).collect()
}

/// The bucket once everything under one prefix is under another, which was empty.
fn renamed(bucket: &Bucket, from: &str, to: &str) -> Bucket {
    let move_one = |(key, what): (&String, &(String, String))| {
        let key = key.strip_prefix(from).map_or(key.clone(), |rest| format!("{to}{rest}"));
        (key, what.clone())
    };
    bucket.iter().map(move_one).collect()
}

proptest! {
    #[test]
    fn no_wrong_place_is_ever_bound(
        uploads in prop::collection::vec(upload(), 1..5),
        copies in prop::collection::vec((any::<Index>(), any::<Index>()), 0..6),
        moves in prop::collection::vec((prefix(), prefix()), 0..3),
        looked in prefix(),
    ) {
        let mut bucket = uploaded(uploads);
        for (from, to) in moves {
            bucket = renamed(&bucket, &from, &to);
        }
        let keys: Vec<String> = bucket.keys().cloned().collect();
        for (one, other) in copies {
            let what = bucket[one.get(&keys)].clone();
            bucket.insert(other.get(&keys).clone(), what);
        }
        for (key, bond) in opened(&bucket, &looked) {
            let (prefix, name) = &bucket[key];
            let is_home = format!("{prefix}{name}") == key;
            prop_assert_eq!(bond == Some(Bond::Bound), is_home, "{} as {:?}", key, bond);
        }
    }

    #[test]
    fn a_prefix_that_was_moved_whole_into_an_empty_one_is_never_refused(
        uploads in prop::collection::vec(upload(), 1..5),
        around in prefix(),
        target in prefix(),
        deeper in prefix(),
    ) {
        // Whole uploads below `around`; elsewhere in the bucket there may be whatever there is.
        let below = uploads.into_iter().map(|(prefix, names)| (format!("{around}{prefix}"), names)).collect();
        let to = format!("empty/{target}");
        let bucket = renamed(&uploaded(below), &around, &to);
        for looked in [String::new(), "empty/".to_owned(), to.clone(), format!("{to}{deeper}")] {
            for (key, bond) in opened(&bucket, &looked) {
                prop_assert!(matches!(bond, Some(Bond::Moved { .. })), "{} under {}: {:?}", key, looked, bond);
            }
        }
    }

    #[test]
    fn what_changed_places_inside_a_moved_prefix_is_refused(
        uploads in prop::collection::vec(upload(), 1..5),
        around in prefix(),
        target in prefix(),
        one in any::<Index>(),
        other in any::<Index>(),
        is_copy in any::<bool>(),
    ) {
        let below = uploads.into_iter().map(|(prefix, names)| (format!("{around}{prefix}"), names)).collect();
        let to = format!("empty/{target}");
        let mut bucket = renamed(&uploaded(below), &around, &to);
        let keys: Vec<String> = bucket.keys().cloned().collect();
        let (one, other) = (one.get(&keys).clone(), other.get(&keys).clone());
        prop_assume!(one != other);
        let (first, second) = (bucket[&one].clone(), bucket[&other].clone());
        bucket.insert(other.clone(), first);
        if !is_copy {
            bucket.insert(one.clone(), second);
        }
        let opened = opened(&bucket, &to);
        prop_assert_eq!(&opened[other.as_str()], &None, "{} stands at {}", one, other);
        if !is_copy {
            prop_assert_eq!(&opened[one.as_str()], &None, "{} stands at {}", other, one);
        }
    }

    #[test]
    fn beside_one_that_is_in_place_nothing_counts_as_moved(
        uploads in prop::collection::vec(upload(), 1..4),
        from in any::<Index>(),
        to in any::<Index>(),
    ) {
        let mut bucket = uploaded(uploads);
        let keys: Vec<String> = bucket.keys().cloned().collect();
        let (from, to) = (from.get(&keys).clone(), to.get(&keys).clone());
        prop_assume!(from != to);
        let what = bucket[&from].clone();
        bucket.insert(to.clone(), what);
        prop_assert_eq!(&opened(&bucket, "")[to.as_str()], &None, "{} stands at {}", from, to);
    }
}
