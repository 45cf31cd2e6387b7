//! A person's own configuration file: keys, colours, contexts, what is shown without being listed, what jobs are begun with,
//! what writes carry.
//!
//! `config.toml` in the XDG configuration folder of strongroom, or what `--config` names. `assets/config.toml` shows all
//! there is to set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use super::{LONGEST, read_text};
use crate::app::{Keymap, ThemeName};
use crate::cli;
use crate::domain::{
    Arn, AwsContext, Colour, Fault, JobSettings, Named, ObjectUri, RoleSettings, UploadRule, UploadSettings, bucket,
    check_tags,
};
use crate::ui::{Abilities, Colours};

/// What the file may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    theme: Option<WrittenTheme>,
    mouse: Option<bool>,
    #[serde(default)]
    keys: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    show: Show,
    #[serde(default)]
    jobs: JobSettings,
    #[serde(default)]
    roles: RoleSettings,
    #[serde(default)]
    uploads: BTreeMap<String, Uploads>,
    #[serde(default)]
    contexts: BTreeMap<String, Context>,
}

/// Who and where to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Context {
    profile: Option<String>,
    region: Option<String>,
    role: Option<String>,
    read_only: bool,
    colour: Option<Colour>,
    show: Show,
    jobs: JobSettings,
    roles: RoleSettings,
    uploads: BTreeMap<String, Uploads>,
}

/// What writes to buckets carry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Uploads {
    sse: Option<String>,
    sse_key: Option<String>,
    sse_context: BTreeMap<String, String>,
    bucket_key: bool,
    tags: BTreeMap<String, String>,
    storage_class: Option<String>,
    expected_owner: Option<String>,
    requester_pays: bool,
    acl: Option<String>,
    data_keys_below: Option<String>,
}

impl Uploads {
    /// Refuses what S3 would not know.
    fn check(&self, buckets: &str) -> Result<(), String> {
        let known: [(&str, &Option<String>, &[&str]); 3] = [
            ("sse", &self.sse, &cli::ENCRYPTIONS),
            ("storage-class", &self.storage_class, &cli::STORAGE_CLASSES),
            ("acl", &self.acl, &cli::ACLS),
        ];
        for (setting, value, values) in known {
            if let Some(value) = value.as_ref().filter(|value| !values.contains(&value.as_str())) {
                let values = values.join(", ");
                return Err(format!("`{value}` in uploads.{buckets}.{setting} is none of {values}"));
            }
        }
        let owner = self.expected_owner.as_deref().map_or(Ok(String::new()), cli::account);
        owner.map_err(|why| format!("uploads.{buckets}.expected-owner: {why}"))?;
        Ok(())
    }
}

fn rules(uploads: BTreeMap<String, Uploads>) -> Result<Vec<UploadRule>, String> {
    let rule = |(buckets, written): (String, Uploads)| {
        written.check(&buckets)?;
        if let Some(below) = written.data_keys_below.as_ref().filter(|below| !below.ends_with('/')) {
            return Err(format!(
                "`{below}` in uploads.{buckets}.data-keys-below is no prefix: it ends in /"
            ));
        }
        let settings = UploadSettings {
            encryption: written.sse,
            key: written.sse_key,
            context: written.sse_context,
            bucket_key: written.bucket_key,
            tags: written.tags,
            storage_class: written.storage_class,
            owner: written.expected_owner,
            requester_pays: written.requester_pays,
            acl: written.acl,
            data_keys_below: written.data_keys_below,
        };
        settings.check().map_err(|why| format!("uploads.{buckets}: {why}"))?;
        Ok(UploadRule { buckets, settings })
    };
    uploads.into_iter().map(rule).collect()
}

/// What jobs are begun with, unless something is wrong with it.
fn jobs(mut written: JobSettings) -> Result<JobSettings, String> {
    check_tags(&written.tags, MOST_TAGS).map_err(|why| format!("jobs.tags: {why}"))?;
    if let Some(seconds) = written.spot_wait.filter(|seconds| *seconds < 1) {
        return Err(format!("`{seconds}` in jobs.spot are no seconds to wait"));
    }
    for (setting, ids, begin) in [
        ("subnets", &written.subnets, "subnet-"),
        ("security-groups", &written.security_groups, "sg-"),
    ] {
        if let Some(other) = ids.iter().find(|id| !id.starts_with(begin)) {
            return Err(format!("`{other}` in jobs.{setting} does not begin with {begin}"));
        }
    }
    if written.subnets.is_empty() != written.security_groups.is_empty() {
        return Err("jobs.subnets and jobs.security-groups go together".to_owned());
    }
    let is_variable = |name: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(inner) && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    if let Some(other) = written.environment.keys().find(|name| !is_variable(name)) {
        return Err(format!("`{other}` in jobs.environment is no name of a variable"));
    }
    written.program = written.program.filter(|path| !path.as_os_str().is_empty());
    Ok(written)
}

/// What roles are made with, unless something is wrong with it.
fn roles(written: RoleSettings) -> Result<RoleSettings, String> {
    let is_policy = |arn: &&String| Arn::parse(arn).is_some_and(|arn| arn.resource.starts_with("policy/"));
    if let Some(other) = written.boundary.as_ref().filter(|arn| !is_policy(arn)) {
        return Err(format!("`{other}` in roles.permissions-boundary is no ARN of a policy"));
    }
    let is_path = |path: &&String| {
        let inner = |c: char| c.is_ascii_graphic();
        path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && path.chars().all(inner)
    };
    if let Some(other) = written.path.as_ref().filter(|path| !is_path(path)) {
        return Err(format!("`{other}` in roles.path is no path: it begins and ends with /"));
    }
    check_tags(&written.tags, MOST_TAGS).map_err(|why| format!("roles.tags: {why}"))?;
    Ok(written)
}

/// Of a job or a role.
const MOST_TAGS: usize = 50;

impl Context {
    fn of(self, name: String) -> Result<AwsContext, String> {
        let is_role = |arn: &String| Arn::parse(arn).is_some_and(|arn| arn.resource.starts_with("role/"));
        if let Some(role) = self.role.as_ref().filter(|role| !is_role(role)) {
            return Err(format!("`{role}` in contexts.{name}.role is no ARN of a role"));
        }
        for (setting, value) in [("profile", &self.profile), ("region", &self.region)] {
            if value.as_deref().is_some_and(str::is_empty) {
                return Err(format!("contexts.{name}.{setting} is empty: leave it out, or give one"));
            }
        }
        Ok(AwsContext {
            profile: self.profile,
            region: self.region,
            role: self.role,
            read_only: self.read_only,
            colour: self.colour,
            named: self.show.named()?,
            jobs: jobs(self.jobs)?,
            roles: roles(self.roles)?,
            uploads: rules(self.uploads)?,
            name: Some(name),
        })
    }
}

/// What is shown without being listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Show {
    keys: Vec<String>,
    buckets: Vec<String>,
    jobs: Vec<String>,
}

impl Show {
    fn named(&self) -> Result<Vec<Named>, String> {
        let of = |setting: &str, text: &String, named: Option<Named>| {
            named.ok_or_else(|| format!("`{text}` in show.{setting} names none"))
        };
        let keys = self.keys.iter().map(|text| {
            let key = Named::parse(text).filter(|named| matches!(named, Named::Key(_)));
            of("keys", text, key)
        });
        let buckets = self.buckets.iter().map(|text| {
            let is_name = !text.is_empty() && bucket::split(text) == (text, "");
            let bucket = Named::Place(ObjectUri::new(text, ""));
            match bucket.check() {
                Ok(()) => of("buckets", text, is_name.then_some(bucket)),
                Err(fault) => Err(format!("`{text}` in show.buckets: {}: {}", fault.cause, fault.remedy)),
            }
        });
        let jobs = self.jobs.iter().map(|text| {
            let is_name = !text.is_empty() && !text.contains('/');
            of("jobs", text, is_name.then(|| Named::Job(text.clone())))
        });
        keys.chain(buckets).chain(jobs).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenTheme {
    Terminal,
    Dark,
    Light,
    HighContrast,
    ColourBlind,
    None,
}

/// Keys and colours, ready to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) theme: ThemeName,
    pub(super) abilities: Abilities,
    pub(super) has_mouse: bool,
    pub(super) keymap: Keymap,
    pub(super) named: Vec<Named>,
    pub(super) jobs: JobSettings,
    pub(super) roles: RoleSettings,
    pub(super) uploads: Vec<UploadRule>,
    pub(super) contexts: Vec<AwsContext>,
}

/// Reads the file that was named, or the one in its usual place if there is one. What the terminal can show has the
/// last word.
pub(super) fn read(named: Option<&Path>, abilities: Abilities) -> Result<Own, Fault> {
    let usual = || {
        etcetera::choose_base_strategy()
            .ok()
            .map(|folders| usual_place(&folders))
    };
    let path = named.map(Path::to_path_buf).or_else(usual);
    let text = match path.as_deref().map(|path| read_text(path, LONGEST)) {
        Some(Ok(text)) => text,
        // Nobody named it, and it is not there as far as can be seen: a home of somebody else's cannot even be looked into.
        Some(Err(_)) if named.is_none() && !path.as_deref().is_some_and(Path::exists) => String::new(),
        Some(Err(error)) => return Err(fault(path.as_deref(), error.to_string())),
        None => String::new(),
    };
    parse(&text, abilities).map_err(|cause| fault(path.as_deref(), cause))
}

fn usual_place(folders: &impl BaseStrategy) -> PathBuf {
    folders.config_dir().join("strongroom").join("config.toml")
}

fn parse(text: &str, abilities: Abilities) -> Result<Own, String> {
    let written: Written = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("{} (line {})", error.message(), before.matches('\n').count() + 1)
    })?;
    let keymap = Keymap::default()
        .with(&written.keys)
        .map_err(|error| error.to_string())?;
    let theme = match written.theme {
        None | Some(WrittenTheme::Terminal | WrittenTheme::None) => ThemeName::Terminal,
        Some(WrittenTheme::Dark) => ThemeName::Dark,
        Some(WrittenTheme::Light) => ThemeName::Light,
        Some(WrittenTheme::HighContrast) => ThemeName::HighContrast,
        Some(WrittenTheme::ColourBlind) => ThemeName::ColourBlind,
    };
    let colours = match written.theme {
        Some(WrittenTheme::None) => Colours::None,
        _ => abilities.colours,
    };
    let contexts = written.contexts.into_iter();
    Ok(Own {
        theme,
        abilities: Abilities { colours, ..abilities },
        has_mouse: written.mouse.unwrap_or(true),
        keymap,
        named: written.show.named()?,
        jobs: jobs(written.jobs)?,
        roles: roles(written.roles)?,
        uploads: rules(written.uploads)?,
        contexts: contexts
            .map(|(name, context)| context.of(name))
            .collect::<Result<_, _>>()?,
    })
}

fn fault(path: Option<&Path>, cause: String) -> Fault {
    let path = path.map(|path| path.display().to_string()).unwrap_or_default();
    let remedy = "mend the file, or name another with --config";
    Fault::usage("read the configuration", path, cause, remedy)
}

#[cfg(test)]
mod tests;
