//! Who one is and where, as a person chooses it.

use serde::Deserialize;

use super::{Arn, JobSettings, Named, RoleSettings, UploadRule};

/// What clients are made from: a profile, a region, a role. What is not chosen, environment and profile decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsContext {
    /// What the configuration calls it; `None` of one that was put together by hand.
    pub name: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region, where it is not the profile's.
    pub region: Option<String>,
    /// The ARN of a role that is assumed with the profile's credentials.
    pub role: Option<String>,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// What the header is coloured with.
    pub colour: Option<Colour>,
    /// What is shown without being listed.
    pub named: Vec<Named>,
    /// What jobs are begun with.
    pub jobs: JobSettings,
    /// What roles are made with.
    pub roles: RoleSettings,
    /// What writes to buckets carry.
    pub uploads: Vec<UploadRule>,
}

/// A colour that must not be overlooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of colours")]
pub enum Colour {
    Red,
    Yellow,
    Green,
    Blue,
    Magenta,
}

impl AwsContext {
    /// What a person calls it: its name, else what it is made of.
    pub fn label(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let made_of = self.made_of();
        if made_of.is_empty() {
            return "the credentials of the start".to_owned();
        }
        made_of
    }

    /// Profile, region and role, as far as they are chosen.
    pub fn made_of(&self) -> String {
        let role = self.role.as_deref().map(|arn| {
            let (account, resource) = Arn::parse(arn).map_or(("", arn), |arn| (arn.account, arn.resource));
            format!("as {} of {account}", resource.rsplit('/').next().unwrap_or(resource))
        });
        let profile = self.profile.as_ref().map(|name| format!("profile {name}"));
        let parts: Vec<String> = [profile, self.region.clone(), role].into_iter().flatten().collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_called_by_its_name_or_by_what_it_is_made_of() {
        let mut context = AwsContext::default();
        assert_eq!(context.label(), "the credentials of the start");
        context.role = Some("arn:aws:iam::1:role/team/trainer".to_owned());
        assert_eq!(context.label(), "as trainer of 1");
        context.profile = Some("research".to_owned());
        context.region = Some("eu-west-1".to_owned());
        assert_eq!(context.label(), "profile research, eu-west-1, as trainer of 1");
        context.name = Some("prod".to_owned());
        assert_eq!(context.label(), "prod");
        assert_eq!(context.made_of(), "profile research, eu-west-1, as trainer of 1");
    }
}
