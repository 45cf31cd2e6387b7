//! Contexts that were visited, kept over sessions: how to find them again, and nothing of what is in them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LONGEST, keep, read_file};
use crate::domain::AwsContext;
use crate::printable::is_clean;

const FILE: &str = "contexts.json";
/// How many are kept.
const MOST: usize = 10;

/// One of them. What a configuration says of a context is read there again: it may say more by then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Visited {
    /// What the configuration calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default)]
    read_only: bool,
    /// The context of the configuration whose settings it has otherwise; of an empty name, what holds without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<String>,
}

/// What the configuration knows.
pub(super) struct Known<'a> {
    pub(super) contexts: &'a [AwsContext],
    /// What holds without a context.
    pub(super) general: &'a AwsContext,
}

/// Those visited before, the last first; none if they cannot be read.
pub(super) fn read(state_dir: &Path, known: &Known<'_>) -> Vec<AwsContext> {
    let visited = of_file(state_dir);
    visited.into_iter().filter_map(|one| known.restored(one)).collect()
}

/// These were visited, the last one last. A failure costs a word more to type later, so it is not an error.
pub(super) fn note(state_dir: &Path, known: &Known<'_>, contexts: &[&AwsContext]) {
    // As it is now: other sessions go about too.
    let mut all = of_file(state_dir);
    for one in contexts.iter().filter_map(|context| known.visited(context)) {
        all.retain(|other| *other != one);
        all.insert(0, one);
    }
    all.truncate(MOST);
    if let Err(error) = keep(state_dir, FILE, &all) {
        tracing::warn!(%error, "could not keep the contexts that were visited");
    }
}

fn of_file(state_dir: &Path) -> Vec<Visited> {
    let read = read_file(&state_dir.join(FILE), LONGEST).ok();
    let all: Option<Vec<Visited>> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut all = all.unwrap_or_default();
    all.retain(Visited::is_clean);
    all.truncate(MOST);
    all
}

impl Visited {
    fn is_clean(&self) -> bool {
        let texts = [&self.name, &self.profile, &self.region, &self.role, &self.like];
        texts.into_iter().flatten().all(|text| is_clean(text))
    }
}

impl Known<'_> {
    fn named(&self, name: &str) -> Option<&AwsContext> {
        self.contexts.iter().find(|known| known.name.as_deref() == Some(name))
    }

    /// How it is found again; `None` if it is nothing in particular, or cannot be.
    fn visited(&self, context: &AwsContext) -> Option<Visited> {
        if let Some(name) = &context.name {
            let name = Some(name.clone());
            return Some(Visited {
                name,
                ..Visited::default()
            });
        }
        let is_something = context.profile.is_some() || context.region.is_some() || context.role.is_some();
        let is_like = |other: &AwsContext| {
            let settings = |of: &AwsContext| AwsContext {
                name: None,
                profile: None,
                region: None,
                role: None,
                read_only: false,
                ..of.clone()
            };
            settings(other) == settings(context)
        };
        let like = if is_like(&AwsContext::default()) {
            None
        } else if is_like(self.general) {
            Some(String::new())
        } else {
            Some(self.contexts.iter().find(|known| is_like(known))?.name.clone()?)
        };
        is_something.then(|| Visited {
            profile: context.profile.clone(),
            region: context.region.clone(),
            role: context.role.clone(),
            read_only: context.read_only,
            like,
            ..Visited::default()
        })
    }

    fn restored(&self, visited: Visited) -> Option<AwsContext> {
        if let Some(name) = &visited.name {
            return self.named(name).cloned();
        }
        let like = match visited.like.as_deref() {
            None => AwsContext::default(),
            Some("") => self.general.clone(),
            Some(name) => self.named(name)?.clone(),
        };
        Some(AwsContext {
            name: None,
            profile: visited.profile,
            region: visited.region,
            role: visited.role,
            // Whoever made it so since is not undone.
            read_only: visited.read_only || like.read_only,
            ..like
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::Colour;

    fn production() -> AwsContext {
        AwsContext {
            name: Some("prod".to_owned()),
            profile: Some("production".to_owned()),
            read_only: true,
            colour: Some(Colour::Red),
            ..AwsContext::default()
        }
    }

    fn known<'a>(contexts: &'a [AwsContext], general: &'a AwsContext) -> Known<'a> {
        Known { contexts, general }
    }

    fn elsewhere(region: usize) -> AwsContext {
        AwsContext {
            name: None,
            region: Some(format!("eu-west-{region}")),
            ..production()
        }
    }

    #[test]
    fn contexts_are_kept_the_last_first_no_more_than_ten_and_each_once() {
        let folder = tempfile::tempdir().unwrap();
        let (contexts, general) = ([production()], AwsContext::default());
        let known = known(&contexts, &general);
        assert!(read(folder.path(), &known).is_empty());
        for number in (0..20).chain([15]) {
            note(folder.path(), &known, &[&elsewhere(number)]);
        }
        note(folder.path(), &known, &[&AwsContext::default(), &production()]);
        let kept = read(folder.path(), &known);
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[..3], [production(), elsewhere(15), elsewhere(19)]);
        let file = std::fs::metadata(folder.path().join(FILE)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_the_configuration_says_of_a_context_is_not_kept_but_read_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut contexts, general) = ([production()], AwsContext::default());
        let environment = &mut contexts[0].jobs.environment;
        environment.insert("TOKEN".to_owned(), "hidden".to_owned());
        let mut made = elsewhere(1);
        made.jobs = contexts[0].jobs.clone();
        let of = |contexts: &[AwsContext]| read(folder.path(), &known(contexts, &general));
        note(folder.path(), &known(&contexts, &general), &[&made, &contexts[0]]);
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(!text.contains("hidden"), "{text}");
        assert_eq!(of(&contexts), [contexts[0].clone(), made.clone()]);
        contexts[0].jobs.volume_key = Some("alias/volumes".to_owned());
        assert!(of(&contexts).iter().all(|context| context.jobs.volume_key.is_some()));
        // What is no longer there leads nowhere.
        assert!(of(&[]).is_empty());
        // Of a context whose settings nobody has, nothing says how to find it again.
        made.colour = Some(Colour::Blue);
        note(folder.path(), &known(&contexts, &general), &[&made]);
        assert_eq!(of(&contexts).len(), 2);
    }

    #[test]
    fn a_file_that_is_none_of_ours_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let general = AwsContext::default();
        let known = known(&[], &general);
        for text in ["", "{}", "[1]", "\u{0}", r#"[{"profile": "a\u001b[2J"}]"#] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert!(read(folder.path(), &known).is_empty(), "{text}");
        }
        std::fs::write(folder.path().join(FILE), r#"[{"region": "eu-west-1", "of": "later"}]"#).unwrap();
        assert_eq!(read(folder.path(), &known)[0].region.as_deref(), Some("eu-west-1"));
    }
}
