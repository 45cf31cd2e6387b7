//! Pages of a bucket's listing, in time proportional to the page and not to the bucket.

use std::collections::BTreeMap;
use std::ops::Bound;

/// Where a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// At the first key.
    Nothing,
    /// Behind a key.
    Key(String),
    /// Behind every key of a common prefix.
    Prefix(String),
}

/// What to list, of keys or of versions.
#[derive(Debug, Clone)]
pub(crate) struct Query<A = After> {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    pub(crate) after: A,
    pub(crate) limit: usize,
}

/// One page: keys and common prefixes together are at most the limit.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) contents: Vec<(String, T)>,
    pub(crate) prefixes: Vec<String>,
    /// Set when there is more.
    pub(crate) next: Option<After>,
}

impl<T> Page<T> {
    fn len(&self) -> usize {
        self.contents.len() + self.prefixes.len()
    }
}

/// Walks `objects` from where `query` begins. A common prefix costs one look-up, however many keys it hides.
pub(crate) fn page<T: Clone>(objects: &BTreeMap<String, T>, query: &Query) -> Page<T> {
    let mut page = Page {
        contents: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    if query.limit == 0 {
        return page;
    }
    let prefix = query.prefix.as_str();
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let Some(mut from) = start(prefix, &query.after) else {
        return page;
    };
    let mut last = After::Nothing;
    loop {
        let bound = match &from {
            Bound::Included(key) => Bound::Included(key.as_str()),
            Bound::Excluded(key) => Bound::Excluded(key.as_str()),
            Bound::Unbounded => Bound::Unbounded,
        };
        let mut jump = None;
        for (key, value) in objects.range::<str, _>((bound, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else {
                return page;
            };
            if page.len() == query.limit {
                page.next = Some(last);
                return page;
            }
            if let Some(delimiter) = delimiter
                && let Some(at) = rest.find(delimiter)
            {
                let common = key[..prefix.len() + at + delimiter.len()].to_owned();
                jump = Some(common);
                break;
            }
            page.contents.push((key.clone(), value.clone()));
            last = After::Key(key.clone());
        }
        let Some(common) = jump else {
            return page;
        };
        let beyond = successor(&common);
        last = After::Prefix(common.clone());
        page.prefixes.push(common);
        match beyond {
            Some(key) => from = Bound::Included(key),
            None => return page,
        }
    }
}

/// The first position that both the prefix and the start allow; none if there cannot be one.
pub(super) fn start(prefix: &str, after: &After) -> Option<Bound<String>> {
    let first = Bound::Included(prefix.to_owned());
    Some(match after {
        After::Nothing => first,
        After::Key(key) if key.as_str() < prefix => first,
        After::Key(key) => Bound::Excluded(key.clone()),
        After::Prefix(common) => {
            let beyond = successor(common)?;
            if beyond.as_str() < prefix {
                first
            } else {
                Bound::Included(beyond)
            }
        }
    })
}

/// The smallest string greater than every string that begins with `prefix`. Strings are ordered by bytes,
/// which for UTF-8 is the order of the characters.
pub(super) fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = if last == '\u{d7ff}' {
            Some('\u{e000}')
        } else {
            char::from_u32(last as u32 + 1)
        };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(keys: &[&str]) -> BTreeMap<String, usize> {
        keys.iter().enumerate().map(|(n, key)| ((*key).to_owned(), n)).collect()
    }

    fn query(prefix: &str, delimiter: &str, after: After, limit: usize) -> Query {
        Query {
            prefix: prefix.to_owned(),
            delimiter: (!delimiter.is_empty()).then(|| delimiter.to_owned()),
            after,
            limit,
        }
    }

    fn keys<T>(page: &Page<T>) -> Vec<&str> {
        page.contents.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn a_key_and_a_prefix_of_the_same_name_are_both_listed() {
        let objects = bucket(&["a", "a/b", "a/c", "b"]);
        let page = page(&objects, &query("", "/", After::Nothing, 1000));
        assert_eq!(keys(&page), ["a", "b"]);
        assert_eq!(page.prefixes, ["a/"]);
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_prefix_matches_strings_and_not_folders() {
        let objects = bucket(&["dat", "data", "data/x", "database", "date"]);
        let page = page(&objects, &query("data", "", After::Nothing, 1000));
        assert_eq!(keys(&page), ["data", "data/x", "database"]);
    }

    #[test]
    fn pages_of_any_size_join_to_the_whole_listing() {
        let mut names: Vec<String> = Vec::new();
        for folder in ["", "a/", "b/", "b/deep/", "z/", "é/", "\u{d7ff}/", "\u{10ffff}/"] {
            for n in 0..7 {
                names.push(format!("{folder}k{n}"));
            }
        }
        let objects: BTreeMap<String, usize> = names.into_iter().zip(0..).collect();
        for prefix in ["", "b/", "b", "zz"] {
            for delimiter in ["", "/", "k", "deep/"] {
                let whole = page(&objects, &query(prefix, delimiter, After::Nothing, 1000));
                for limit in 1..12 {
                    let (mut contents, mut prefixes, mut after) = (Vec::new(), Vec::new(), After::Nothing);
                    loop {
                        let part = page(&objects, &query(prefix, delimiter, after, limit));
                        assert!(part.len() <= limit);
                        contents.extend(part.contents);
                        prefixes.extend(part.prefixes);
                        match part.next {
                            Some(next) => after = next,
                            None => break,
                        }
                    }
                    assert_eq!(contents, whole.contents, "{prefix} {delimiter} {limit}");
                    assert_eq!(prefixes, whole.prefixes, "{prefix} {delimiter} {limit}");
                }
            }
        }
    }

    #[test]
    fn a_full_last_page_does_not_promise_more() {
        let objects = bucket(&["a", "b"]);
        assert_eq!(page(&objects, &query("", "", After::Nothing, 2)).next, None);
        let next = page(&objects, &query("", "", After::Nothing, 1)).next;
        assert_eq!(next, Some(After::Key("a".to_owned())));
        assert_eq!(page(&objects, &query("", "", After::Nothing, 0)).next, None);
    }

    #[test]
    fn a_listing_may_start_behind_a_key_that_is_not_there() {
        let objects = bucket(&["a", "c", "e"]);
        let page = page(&objects, &query("", "", After::Key("b".to_owned()), 1000));
        assert_eq!(keys(&page), ["c", "e"]);
    }
}
