//! What is chosen by a word and a name in the palette: where to go, and as whom.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::effect::ThemeName;
use super::format::last_part;
use super::fuzzy::Fuzzy;
use super::state::State;
use super::state::overlay::PaletteRow;
use crate::domain::policy::role_label;
use crate::domain::{Arn, AwsContext, Named, ObjectUri};

/// Stands before the name of what is to be opened.
pub(super) const OPEN: &str = "open ";
/// Stands before the name of a bookmark.
pub(super) const BOOKMARK: &str = "bookmark ";
/// Stands before the name of a context.
pub(super) const CONTEXT: &str = "context ";
/// Stands before the name of a theme.
pub(super) const THEME: &str = "theme ";
const SCHEME: &str = "s3://";
const PROFILE: &str = "profile ";
const REGION: &str = "region ";
const ROLE: &str = "role ";

/// How many of each kind are proposed.
const PROPOSED: usize = 20;

/// Regions that are proposed; any other may be typed.
const REGIONS: &str = "us-east-1 us-east-2 us-west-1 us-west-2 af-south-1 ap-east-1 ap-east-2 ap-northeast-1 \
    ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 \
    ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 \
    eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1 us-gov-east-1 \
    us-gov-west-1 cn-north-1 cn-northwest-1";

/// What the text proposes, if it begins with one of these words, or tells by itself what it names.
pub(super) fn proposed(state: &State, typed: &str) -> Option<Vec<PaletteRow>> {
    let typed = typed.trim_start();
    let word = |before: &str| typed.strip_prefix(before).map(str::trim);
    if let Some(word) = word(OPEN) {
        return Some(opened(state, word));
    }
    if let Some(word) = word(BOOKMARK) {
        let marks = Fuzzy::new(word).best(state.bookmarks().into_iter(), Named::to_string);
        return Some(marks.into_iter().map(PaletteRow::Open).collect());
    }
    if let Some(word) = word(THEME) {
        return Some(themes(word).into_iter().map(PaletteRow::Theme).collect());
    }
    let contexts = if let Some(word) = word(CONTEXT) {
        contexts(state, word)
    } else if let Some(word) = word(PROFILE) {
        profiles(state, word)
    } else if let Some(word) = word(REGION) {
        regions(state, word)
    } else if let Some(word) = word(ROLE) {
        roles(state, word)
    } else {
        let is_named = Named::parse(typed).is_some() || role_of(typed).is_some() || typed.starts_with(SCHEME);
        return is_named.then(|| opened(state, typed));
    };
    let rows = contexts
        .into_iter()
        .map(|context| PaletteRow::Switch(Box::new(context)));
    Some(rows.collect())
}

/// By name, or by a word of what they are.
fn themes(word: &str) -> Vec<ThemeName> {
    let mut fuzzy = Fuzzy::new(word);
    let ranked = ThemeName::ALL.into_iter();
    let mut found: Vec<_> = ranked
        .filter_map(|theme| Some((fuzzy.rank(theme.as_str(), theme.help())?, theme)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, theme)| theme).collect()
}

/// Those left before, the last first, then those of the configuration, then the profiles.
fn contexts(state: &State, word: &str) -> Vec<AwsContext> {
    let settings = &state.settings;
    let profiles = settings.profiles.iter().map(|profile| of_profile(state, profile));
    let all = state.recent.iter().chain(&settings.contexts).cloned().chain(profiles);
    let mut found: Vec<AwsContext> = Vec::new();
    let mut fuzzy = Fuzzy::new(word);
    for context in all {
        let is_new = context != settings.context && !found.contains(&context);
        if is_new && fuzzy.is_in(&context.label()) {
            found.push(context);
        }
    }
    found
}

fn profiles(state: &State, word: &str) -> Vec<AwsContext> {
    // The embedded world reads no profile.
    if state.settings.sandbox {
        return Vec::new();
    }
    let known = state.settings.profiles.iter().map(String::as_str);
    let recent = state.recent.iter().filter_map(|context| context.profile.as_deref());
    names(first(recent, known), word)
        .iter()
        .map(|name| of_profile(state, name))
        .collect()
}

/// Whoever may change nothing here goes on so: only what the configuration calls by a name takes that off.
fn of_profile(state: &State, profile: &str) -> AwsContext {
    AwsContext {
        profile: Some(profile.to_owned()),
        read_only: state.settings.context.read_only,
        ..AwsContext::default()
    }
}

fn regions(state: &State, word: &str) -> Vec<AwsContext> {
    let elsewhere = |region: String| AwsContext {
        name: None,
        region: Some(region),
        ..state.settings.context.clone()
    };
    let is_other = |region: &String| Some(region) != state.settings.region.as_ref();
    let recent = state.recent.iter().filter_map(|context| context.region.as_deref());
    let regions = names(first(recent, REGIONS.split_whitespace()), word).into_iter();
    regions.filter(is_other).map(elsewhere).collect()
}

/// By name or ARN; without one, back to who one was before the role.
fn roles(state: &State, word: &str) -> Vec<AwsContext> {
    let here = &state.settings.context;
    let as_role = |role: Option<String>| AwsContext {
        name: None,
        role,
        ..here.clone()
    };
    let mut arns: Vec<String> = state.roles.iter().map(|role| role.arn.clone()).collect();
    arns.extend(state.recent.iter().filter_map(|context| context.role.clone()));
    let mut fuzzy = Fuzzy::new(word);
    arns.retain(|arn| arn.contains(word) || fuzzy.is_in(role_label(arn)));
    let whose = state.identity.as_ref().and_then(|who| Arn::parse(&who.arn));
    if Arn::parse(word).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
        arns.insert(0, word.to_owned());
    } else if let (Some(whose), false) = (whose, word.is_empty()) {
        arns.push(format!("arn:{}:iam::{}:role/{word}", whose.partition, whose.account));
    }
    let mut found: Vec<String> = Vec::new();
    for arn in arns {
        if !found.contains(&arn) && Some(&arn) != here.role.as_ref() {
            found.push(arn);
        }
    }
    let back = (here.role.is_some() && word.is_empty()).then(|| as_role(None));
    let others = found.into_iter().map(|arn| as_role(Some(arn)));
    back.into_iter().chain(others).collect()
}

/// Those of before in front, and each once.
fn first<'a>(
    before: impl Iterator<Item = &'a str>,
    known: impl Iterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    let mut seen = BTreeSet::new();
    before.chain(known).filter(move |name| seen.insert(*name))
}

/// Those that have the word's letters, the word itself first; last, if it is none of them.
fn names<'a>(known: impl Iterator<Item = &'a str>, word: &str) -> Vec<String> {
    let mut found: Vec<String> = Fuzzy::new(word)
        .best(known, |name| (*name).to_owned())
        .into_iter()
        .map(str::to_owned)
        .collect();
    match found.iter().position(|name| name == word) {
        Some(exact) => found.swap(0, exact),
        None if !word.is_empty() => found.push(word.to_owned()),
        None => {}
    }
    found
}

/// What `open WORD` may mean, roles too.
fn opened(state: &State, word: &str) -> Vec<PaletteRow> {
    if let Some(role) = role_of(word) {
        return vec![PaletteRow::Role(role)];
    }
    let mut rows: Vec<PaletteRow> = places(state, word).into_iter().map(PaletteRow::Open).collect();
    if !word.is_empty() && Named::parse(word).is_none() {
        let roles = sorted(state.roles.iter(), |role| &role.name);
        let roles = Fuzzy::new(word).best(roles.into_iter(), |role| role.name.clone());
        let roles = roles.into_iter().take(PROPOSED);
        rows.extend(roles.map(|role| PaletteRow::Role(role.name.clone())));
    }
    rows
}

fn sorted<'a, T, K: Ord>(rows: impl Iterator<Item = &'a T>, by: impl Fn(&&'a T) -> K) -> Vec<&'a T> {
    let mut rows: Vec<&T> = rows.collect();
    rows.sort_by_key(by);
    rows
}

/// The role's name, of `role/NAME` or its ARN.
fn role_of(word: &str) -> Option<String> {
    let resource = match Arn::parse(word) {
        Some(arn) if arn.service == "iam" => arn.resource,
        Some(_) => return None,
        None => word,
    };
    let name = last_part(resource.strip_prefix("role/")?);
    (!name.is_empty()).then(|| name.to_owned())
}

/// What is listed of S3 and begins as was typed; first what was typed, if it names something.
fn completed(state: &State, typed: &str) -> Vec<Named> {
    let rest = typed.strip_prefix(SCHEME).unwrap_or_default();
    let buckets = sorted(state.buckets.rows().iter(), |bucket| &bucket.name);
    let buckets = buckets
        .into_iter()
        .filter(|bucket| bucket.name.starts_with(rest) && bucket.name != rest)
        .map(|bucket| ObjectUri::new(&bucket.name, ""));
    let listed = state.place.iter().flat_map(|(bucket, _)| {
        let rows = state.objects.rows().iter();
        rows.map(move |row| ObjectUri::new(bucket, row.key()))
    });
    let listed = listed.filter(|uri| {
        let name = uri.to_string();
        name.starts_with(typed) && name != typed && rest.contains('/')
    });
    let first = Named::parse(typed).into_iter();
    let others = buckets.chain(listed).take(PROPOSED).map(Named::Place);
    first.chain(others).collect()
}

/// A bare word: the key, bucket or job of that name, in this order; a job if none is listed.
fn of_word(state: &State, word: &str) -> Named {
    let alias = format!("alias/{word}");
    if state.keys.rows().iter().any(|key| key.is_meant(&alias)) {
        return Named::Key(alias);
    }
    if state.buckets.rows().iter().any(|bucket| bucket.name == word) {
        return Named::Place(ObjectUri::new(word, ""));
    }
    Named::Job(word.to_owned())
}

/// What `open WORD` may mean: what the word says by itself, else what is listed under such a name.
fn places(state: &State, word: &str) -> Vec<Named> {
    if word.starts_with(SCHEME) {
        return completed(state, word);
    }
    if let Some(named) = Named::parse(word) {
        return vec![named];
    }
    let mut fuzzy = Fuzzy::new(word);
    // Of equal matches, and where nothing is typed: by name, jobs the newest first, however their lists came.
    let aliases = state.keys.rows().iter().filter_map(|key| key.aliases.first());
    let aliases = sorted(aliases, |alias| *alias);
    let keys = fuzzy.best(aliases.into_iter(), |alias| (*alias).clone()).into_iter();
    let keys = keys.map(|alias| Named::Key(alias.clone()));
    let buckets = sorted(state.buckets.rows().iter(), |bucket| &bucket.name);
    let buckets = fuzzy
        .best(buckets.into_iter(), |bucket| bucket.name.clone())
        .into_iter();
    let buckets = buckets.map(|bucket| Named::Place(ObjectUri::new(&bucket.name, "")));
    let jobs = sorted(state.jobs.rows().iter(), |job| Reverse(job.created));
    let jobs = fuzzy.best(jobs.into_iter(), |job| job.name.clone()).into_iter();
    let jobs = jobs.map(|job| Named::Job(job.id().into_owned()));
    // An id is told from its beginning on.
    let by_id = state.keys.rows().iter().filter(|key| {
        let is_begun = word.len() > 3 && key.id.starts_with(word);
        is_begun && !word.is_empty()
    });
    let keys = keys.chain(by_id.map(|key| Named::Key(key.id.clone()))).take(PROPOSED);
    let mut all: Vec<Named> = keys.chain(buckets.take(PROPOSED)).chain(jobs.take(PROPOSED)).collect();
    // A name of a job has neither.
    if !word.is_empty() && !word.contains(['/', ':']) {
        let exact = of_word(state, word);
        all.retain(|named| *named != exact);
        let is_listed = match &exact {
            Named::Job(name) => state.jobs.rows().iter().any(|job| job.id() == *name),
            Named::Key(_) | Named::Place(_) => true,
        };
        // What nothing lists is the last guess.
        let place = if is_listed { 0 } else { all.len() };
        all.insert(place, exact);
    }
    all
}
