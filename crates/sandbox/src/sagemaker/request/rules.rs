//! SageMaker's constraints on the members of a CreateTrainingJob. All that are broken are told at once.

use serde_json::Value;

use super::super::super::api::{ApiError, camel};
use super::super::invalid;

/// Twenty-eight days, the longest that a job may run.
const LONGEST: i64 = 28 * 24 * 3600;

/// What a member must be.
enum Rule {
    /// Something with members of its own.
    Group,
    /// So many characters, by a pattern.
    Text(usize, usize, Pattern),
    /// One of the words of a text.
    OneOf(&'static str),
    /// A number from here to there.
    Number(i64, i64),
    /// So many entries; each text of at most so many characters.
    List(usize, usize, Option<usize>),
    /// So many entries, with keys and values of so many characters.
    Map(usize, (usize, Pattern), (usize, Pattern)),
}

/// A pattern as SageMaker tells it, and whether a text follows it.
type Pattern = (&'static str, fn(&str) -> bool);

const ANY: Pattern = (".*", |text| !text.contains(['\n', '\r']));
const ALL: Pattern = ("[\\S\\s]*", |_| true);
const SOME: Pattern = (".+", |text| !text.is_empty());
const NAME: Pattern = ("^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", |name| is_name(name, 63));
const ENTITY: Pattern = ("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}", |name| is_name(name, 120));
const ROLE: Pattern = ("^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$", |arn| {
    let mut parts = arn.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.next().is_some_and(|part| part.starts_with("aws"))
        && parts.next() == Some("iam")
        && parts.next() == Some("")
        && parts
            .next()
            .is_some_and(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        && parts
            .next()
            .and_then(|name| name.strip_prefix("role"))
            .is_some_and(|name| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c))
            })
});
const PLACE: Pattern = ("^(https|s3)://([^/]+)/?(.*)$", |uri| {
    uri.strip_prefix("s3://")
        .or(uri.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
});
const KEY: Pattern = ("^[a-zA-Z0-9:/_-]*$", |key| {
    key.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c))
});
const CHANNEL: Pattern = ("[A-Za-z0-9\\.\\-_]+", |name| {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
});
const VARIABLE: Pattern = ("[a-zA-Z_][a-zA-Z0-9_]*", |name| {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
});
const TAG: Pattern = ("^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$", |text| {
    text.chars()
        .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c))
});
const MODES: Rule = Rule::OneOf("Pipe File FastFile");

/// Each member by its path, whether it must be there where what holds it is, and its rule.
const MEMBERS: &[(&str, bool, Rule)] = &[
    ("TrainingJobName", true, Rule::Text(1, 63, NAME)),
    ("RoleArn", true, Rule::Text(20, 2048, ROLE)),
    ("HyperParameters", false, Rule::Map(100, (256, ANY), (2500, ANY))),
    ("Environment", false, Rule::Map(100, (512, VARIABLE), (512, ALL))),
    ("AlgorithmSpecification.TrainingImage", false, Rule::Text(0, 255, ANY)),
    ("AlgorithmSpecification.TrainingInputMode", true, MODES),
    (
        "AlgorithmSpecification.ContainerEntrypoint",
        false,
        Rule::List(1, 100, Some(256)),
    ),
    (
        "AlgorithmSpecification.ContainerArguments",
        false,
        Rule::List(1, 100, Some(256)),
    ),
    (
        "AlgorithmSpecification.MetricDefinitions",
        false,
        Rule::List(0, 40, None),
    ),
    (
        "AlgorithmSpecification.MetricDefinitions[].Name",
        true,
        Rule::Text(1, 255, SOME),
    ),
    (
        "AlgorithmSpecification.MetricDefinitions[].Regex",
        true,
        Rule::Text(1, 500, SOME),
    ),
    ("InputDataConfig", false, Rule::List(1, 20, None)),
    ("InputDataConfig[].ChannelName", true, Rule::Text(1, 64, CHANNEL)),
    ("InputDataConfig[].DataSource", true, Rule::Group),
    (
        "InputDataConfig[].DataSource.S3DataSource.S3DataType",
        true,
        Rule::OneOf("ManifestFile S3Prefix AugmentedManifestFile Converse"),
    ),
    (
        "InputDataConfig[].DataSource.S3DataSource.S3Uri",
        true,
        Rule::Text(0, 1024, PLACE),
    ),
    (
        "InputDataConfig[].DataSource.S3DataSource.S3DataDistributionType",
        false,
        Rule::OneOf("FullyReplicated ShardedByS3Key"),
    ),
    ("InputDataConfig[].ContentType", false, Rule::Text(0, 256, ANY)),
    ("InputDataConfig[].CompressionType", false, Rule::OneOf("None Gzip")),
    (
        "InputDataConfig[].RecordWrapperType",
        false,
        Rule::OneOf("None RecordIO"),
    ),
    ("InputDataConfig[].InputMode", false, MODES),
    ("OutputDataConfig", true, Rule::Group),
    ("OutputDataConfig.S3OutputPath", true, Rule::Text(0, 1024, PLACE)),
    ("OutputDataConfig.KmsKeyId", false, Rule::Text(0, 2048, KEY)),
    ("OutputDataConfig.CompressionType", false, Rule::OneOf("GZIP NONE")),
    (
        "ResourceConfig.InstanceType",
        false,
        Rule::OneOf(include_str!("instances.txt")),
    ),
    ("ResourceConfig.VolumeKmsKeyId", false, Rule::Text(0, 2048, KEY)),
    ("ResourceConfig.VolumeSizeInGB", false, Rule::Number(1, i64::MAX)),
    (
        "ResourceConfig.KeepAlivePeriodInSeconds",
        false,
        Rule::Number(0, 21_600),
    ),
    ("VpcConfig.SecurityGroupIds", true, Rule::List(1, 5, Some(32))),
    ("VpcConfig.Subnets", true, Rule::List(1, 16, Some(32))),
    ("StoppingCondition.MaxRuntimeInSeconds", false, Rule::Number(1, LONGEST)),
    (
        "StoppingCondition.MaxWaitTimeInSeconds",
        false,
        Rule::Number(1, i64::MAX),
    ),
    ("RetryStrategy.MaximumRetryAttempts", true, Rule::Number(1, 30)),
    ("ExperimentConfig.ExperimentName", false, Rule::Text(1, 120, ENTITY)),
    ("ExperimentConfig.TrialName", false, Rule::Text(1, 120, ENTITY)),
    (
        "ExperimentConfig.TrialComponentDisplayName",
        false,
        Rule::Text(1, 120, ENTITY),
    ),
    ("ExperimentConfig.RunName", false, Rule::Text(1, 120, ENTITY)),
    ("DebugHookConfig.S3OutputPath", true, Rule::Text(0, 1024, PLACE)),
    ("DebugHookConfig.LocalPath", false, Rule::Text(0, 4096, ANY)),
    (
        "DebugHookConfig.HookParameters",
        false,
        Rule::Map(20, (256, ANY), (256, ANY)),
    ),
    (
        "DebugHookConfig.CollectionConfigurations",
        false,
        Rule::List(0, 20, None),
    ),
    ("ProfilerConfig.S3OutputPath", false, Rule::Text(0, 1024, PLACE)),
    (
        "ProfilerConfig.ProfilingParameters",
        false,
        Rule::Map(20, (256, ANY), (256, ANY)),
    ),
    ("CheckpointConfig.S3Uri", true, Rule::Text(0, 1024, PLACE)),
    ("CheckpointConfig.LocalPath", false, Rule::Text(0, 4096, ANY)),
    ("Tags", false, Rule::List(0, 50, None)),
    ("Tags[].Key", true, Rule::Text(1, 128, TAG)),
    ("Tags[].Value", true, Rule::Text(0, 256, TAG)),
];

/// Letters and digits, so many at most, with hyphens between them.
fn is_name(name: &str, most: usize) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    name.starts_with(is_letter)
        && name.ends_with(is_letter)
        && name.chars().all(|c| is_letter(c) || c == '-')
        && name.chars().filter(|c| is_letter(*c)).count() <= most
}

/// Holds a request against every rule.
pub(in super::super) fn check(body: &Value) -> Result<(), ApiError> {
    check_members(body, MEMBERS.iter())
}

/// Holds tags alone against theirs.
pub(in super::super) fn check_tags(body: &Value) -> Result<(), ApiError> {
    check_members(body, MEMBERS.iter().filter(|(path, ..)| path.starts_with("Tags")))
}

fn check_members<'a>(
    body: &Value,
    members: impl Iterator<Item = &'a (&'static str, bool, Rule)>,
) -> Result<(), ApiError> {
    let mut broken = Vec::new();
    for (path, is_required, rule) in members {
        visit(body, path, String::new(), *is_required, rule, &mut broken);
    }
    match broken.len() {
        0 => Ok(()),
        1 => Err(invalid(format!("1 validation error detected: {}", broken[0]))),
        several => Err(invalid(format!(
            "{several} validation errors detected: {}",
            broken.join("; ")
        ))),
    }
}

fn visit(value: &Value, path: &str, shown: String, is_required: bool, rule: &Rule, broken: &mut Vec<String>) {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let member = head.trim_end_matches("[]");
    let below = &value[member];
    let shown = shown + &camel(member);
    match rest {
        Some(rest) if head.ends_with("[]") => {
            for (number, entry) in below.as_array().into_iter().flatten().enumerate() {
                let shown = format!("{shown}.{}.member.", number + 1);
                visit(entry, rest, shown, is_required, rule, broken);
            }
        }
        Some(rest) if !below.is_null() => visit(below, rest, shown + ".", is_required, rule, broken),
        Some(_) => {}
        None if below.is_null() => {
            if is_required {
                broken.push(format!(
                    "Value null at '{shown}' failed to satisfy constraint: Member must not be null"
                ));
            }
        }
        None => broken.extend(
            rule.broken_by(below)
                .into_iter()
                .map(|what| format!("{} at '{shown}' failed to satisfy constraint: {what}", told(below))),
        ),
    }
}

impl Rule {
    /// The constraints that a value breaks, in SageMaker's words.
    fn broken_by(&self, value: &Value) -> Vec<String> {
        let at_most = |most: usize| format!("Member must have length less than or equal to {most}");
        let at_least = |least: usize| format!("Member must have length greater than or equal to {least}");
        let by_pattern = |pattern: &str| format!("Member must satisfy regular expression pattern: {pattern}");
        let mut broken = Vec::new();
        match self {
            Self::Group => {}
            Self::Text(least, most, (pattern, follows)) => {
                let text = value.as_str().unwrap_or_default();
                let length = text.chars().count();
                if !follows(text) {
                    broken.push(by_pattern(pattern));
                }
                if length > *most {
                    broken.push(at_most(*most));
                }
                if length < *least {
                    broken.push(at_least(*least));
                }
            }
            Self::OneOf(words) => {
                let words: Vec<&str> = words.split_whitespace().collect();
                if !words.iter().any(|word| value == word) {
                    broken.push(format!("Member must satisfy enum value set: [{}]", words.join(", ")));
                }
            }
            Self::Number(least, most) => {
                let number = value.as_i64().unwrap_or_default();
                if number < *least {
                    broken.push(format!("Member must have value greater than or equal to {least}"));
                }
                if number > *most {
                    broken.push(format!("Member must have value less than or equal to {most}"));
                }
            }
            Self::List(least, most, longest) => {
                let entries = value.as_array().map_or(&[][..], Vec::as_slice);
                if entries.len() > *most {
                    broken.push(at_most(*most));
                }
                if entries.len() < *least {
                    broken.push(at_least(*least));
                }
                let fits = |most: &usize| {
                    let mut texts = entries.iter().map(Value::as_str);
                    texts.all(|text| text.is_some_and(|text| text.chars().count() <= *most))
                };
                if let Some(longest) = longest.filter(|longest| !fits(longest)) {
                    broken.push(format!("Member must satisfy constraint: [{}]", at_most(longest)));
                }
            }
            Self::Map(most, key, text) => {
                let entries = value.as_object().into_iter().flatten();
                let rule = |(most, (pattern, _)): &(usize, Pattern)| {
                    format!("[{}, {}, {}]", at_most(*most), at_least(0), by_pattern(pattern))
                };
                let fits = |(most, (_, follows)): &(usize, Pattern), text: &str| {
                    text.chars().count() <= *most && follows(text)
                };
                if entries.clone().count() > *most {
                    broken.push(at_most(*most));
                }
                if !entries.clone().all(|(name, _)| fits(key, name)) {
                    broken.push(format!("Map keys must satisfy constraint: {}", rule(key)));
                }
                if !entries
                    .clone()
                    .all(|(_, value)| fits(text, value.as_str().unwrap_or_default()))
                {
                    broken.push(format!("Map value must satisfy constraint: {}", rule(text)));
                }
            }
        }
        broken
    }
}

/// A value as SageMaker repeats it.
fn told(value: &Value) -> String {
    let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(entries) if entries.iter().all(Value::is_string) => {
            format!("Value '[{}]'", entries.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Value::Array(_) => "Value".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{name}={}", one(value)))
                .collect();
            format!("Value '{{{}}}'", entries.join(", "))
        }
        value => format!("Value '{}'", one(value)),
    }
}
