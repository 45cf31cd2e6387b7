//! SageMaker's constraints on the members of requests that create jobs, of which `rules.json` has one a line behind the patterns that
//! they name. All that are broken are told at once.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::super::super::api::camel;
use super::super::invalid;
use super::super::kind::Kind;
use crate::prelude::*;

/// What `rules.json` holds. One that is wrong is the sandbox's own mistake: a test reads them all.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("rules.json")).expect("the table of rules can be read"));

#[derive(Deserialize)]
struct Table {
    patterns: BTreeMap<String, Pattern>,
    training: Vec<Member>,
    processing: Vec<Member>,
    tags: Vec<Member>,
}

impl Table {
    fn of(&self, kind: Kind) -> impl Iterator<Item = &Member> {
        let own = match kind {
            Kind::Training => &self.training,
            Kind::Processing => &self.processing,
        };
        own.iter().chain(&self.tags)
    }
}

/// What a member must be.
#[derive(Deserialize)]
enum Rule {
    /// Something with members of its own.
    Group,
    /// A type of instance that trains.
    Instance,
    /// A type of instance that processes.
    ProcessingInstance,
    /// So many characters, by the pattern of a name.
    Text(usize, usize, String),
    /// One of the words of a text.
    OneOf(String),
    /// A number from here to there.
    Number(i64, i64),
    /// So many entries; each text of at most so many characters.
    List(usize, usize, Option<usize>),
    /// So many words of a command, each of at most so many characters, by the pattern of a name.
    Words(usize, usize, usize, String),
    /// So many entries, with keys and values of so many characters, by the patterns of names.
    Map(usize, (usize, String), (usize, String)),
}

/// A member by its path, whether it must be there where what holds it is, and its rule.
type Member = (String, bool, Rule);

/// A pattern of SageMaker's, which texts follow from their beginning to their end.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern {
    /// As SageMaker tells it.
    told: String,
    regex: Regex,
    /// Whether it has the only classes of Unicode that there are, which the regular expressions here do not know: letters,
    /// spaces, numbers.
    has_classes: bool,
}

impl TryFrom<String> for Pattern {
    type Error = regex_lite::Error;

    fn try_from(told: String) -> Result<Self, Self::Error> {
        let has_classes = told.contains("\\p{");
        let ascii = told.replace("\\p{L}\\p{Z}\\p{N}", "a-zA-Z0-9 ");
        let regex = Regex::new(&format!("(?R)^(?:{ascii})$"))?;
        Ok(Self {
            told,
            regex,
            has_classes,
        })
    }
}

impl Pattern {
    fn named(name: &str) -> &'static Self {
        let pattern = TABLE.patterns.get(name);
        pattern.expect("the patterns that rules name are there")
    }

    fn is_followed_by(&self, text: &str) -> bool {
        if !self.has_classes {
            return self.regex.is_match(text);
        }
        let plain = |c: char| match c {
            c if c.is_alphanumeric() => 'a',
            // Tabs and the ends of lines are controls: they are of no class.
            c if c.is_whitespace() && !c.is_control() => ' ',
            c => c,
        };
        self.regex.is_match(&text.chars().map(plain).collect::<String>())
    }
}

/// Holds a request against every rule.
pub(in super::super) fn check(kind: Kind, body: &Value) -> Result<(), ApiError> {
    check_members(body, TABLE.of(kind))
}

/// Holds tags alone against theirs.
pub(in super::super) fn check_tags(body: &Value) -> Result<(), ApiError> {
    check_members(body, TABLE.tags.iter())
}

fn check_members<'a>(body: &Value, members: impl Iterator<Item = &'a Member>) -> Result<(), ApiError> {
    let mut broken = Vec::new();
    for (path, is_required, rule) in members {
        visit(body, path, String::new(), *is_required, rule, &mut broken);
    }
    match broken.len() {
        0 => Ok(()),
        1 => Err(invalid(format!("1 validation error detected: {}", broken[0]))),
        several => {
            let told = broken.join("; ");
            Err(invalid(format!("{several} validation errors detected: {told}")))
        }
    }
}

fn visit(value: &Value, path: &str, shown: String, is_required: bool, rule: &Rule, broken: &mut Vec<String>) {
    let (head, rest) = match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
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
        None => {
            let at = format!("at '{shown}' failed to satisfy constraint:");
            if !below.is_null() {
                let wrong = rule.broken_by(below).into_iter();
                broken.extend(wrong.map(|what| format!("{} {at} {what}", told(below))));
            } else if is_required {
                broken.push(format!("Value null {at} Member must not be null"));
            }
        }
    }
}

impl Rule {
    /// The constraints that a value breaks, in SageMaker's words.
    fn broken_by(&self, value: &Value) -> Vec<String> {
        let at_most = |most: usize| format!("Member must have length less than or equal to {most}");
        let at_least = |least: usize| format!("Member must have length greater than or equal to {least}");
        let by_pattern =
            |pattern: &Pattern| format!("Member must satisfy regular expression pattern: {}", pattern.told);
        let one_of = |words: &str| {
            let known: Vec<&str> = words.split_whitespace().collect();
            let told = || format!("Member must satisfy enum value set: [{}]", known.join(", "));
            (!known.iter().any(|word| value == word)).then(told)
        };
        let of_length = |length: usize, least: usize, most: usize| {
            let too_long = (length > most).then(|| at_most(most));
            too_long.into_iter().chain((length < least).then(|| at_least(least)))
        };
        let mut broken = Vec::new();
        match self {
            Self::Group => {}
            Self::Instance => broken.extend(one_of(include_str!("instances.txt"))),
            Self::ProcessingInstance => broken.extend(one_of(include_str!("processing_instances.txt"))),
            Self::OneOf(words) => broken.extend(one_of(words)),
            Self::Text(least, most, pattern) => {
                let (text, pattern) = (value.as_str().unwrap_or_default(), Pattern::named(pattern));
                broken.extend((!pattern.is_followed_by(text)).then(|| by_pattern(pattern)));
                broken.extend(of_length(text.chars().count(), *least, *most));
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
                broken.extend(of_length(entries.len(), *least, *most));
                let fits = |most: &usize| {
                    let mut texts = entries.iter().map(Value::as_str);
                    texts.all(|text| text.is_some_and(|text| text.chars().count() <= *most))
                };
                if let Some(longest) = longest.filter(|longest| !fits(longest)) {
                    broken.push(format!("Member must satisfy constraint: [{}]", at_most(longest)));
                }
            }
            Self::Words(least, most, longest, pattern) => {
                let (words, pattern) = (value.as_array().map_or(&[][..], Vec::as_slice), Pattern::named(pattern));
                broken.extend(of_length(words.len(), *least, *most));
                let all = |fits: &dyn Fn(&str) -> bool| words.iter().all(|word| word.as_str().is_some_and(fits));
                let wrong = [
                    (!all(&|word| word.chars().count() <= *longest)).then(|| at_most(*longest)),
                    (!all(&|word| pattern.is_followed_by(word))).then(|| by_pattern(pattern)),
                ];
                let wrong: Vec<String> = wrong.into_iter().flatten().collect();
                if !wrong.is_empty() {
                    broken.push(format!("Member must satisfy constraint: [{}]", wrong.join(", ")));
                }
            }
            Self::Map(most, key, text) => {
                let entries = || value.as_object().into_iter().flatten();
                let rule = |what: &str, (most, pattern): &(usize, String)| {
                    let [most, least] = [at_most(*most), at_least(0)];
                    format!(
                        "Map {what} must satisfy constraint: [{most}, {least}, {}]",
                        by_pattern(Pattern::named(pattern))
                    )
                };
                let all_fit = |(most, pattern): &(usize, String), texts: Vec<&str>| {
                    let pattern = Pattern::named(pattern);
                    let mut texts = texts.into_iter();
                    texts.all(|text| text.chars().count() <= *most && pattern.is_followed_by(text))
                };
                let (names, texts) = entries()
                    .map(|(name, text)| (&**name, text.as_str().unwrap_or_default()))
                    .unzip();
                broken.extend(of_length(entries().count(), 0, *most));
                if !all_fit(key, names) {
                    broken.push(rule("keys", key));
                }
                if !all_fit(text, texts) {
                    broken.push(rule("value", text));
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
            let pair = |(name, value): (&String, &Value)| format!("{name}={}", one(value));
            format!(
                "Value '{{{}}}'",
                entries.iter().map(pair).collect::<Vec<_>>().join(", ")
            )
        }
        value => format!("Value '{}'", one(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_names_patterns_that_can_be_read_and_every_pattern_is_named() {
        let mut named: Vec<&str> = Vec::new();
        for (_, _, rule) in TABLE.of(Kind::Training).chain(&TABLE.processing) {
            match rule {
                Rule::Text(_, _, pattern) | Rule::Words(_, _, _, pattern) => named.push(pattern),
                Rule::Map(_, (_, key), (_, text)) => named.extend([key.as_str(), text.as_str()]),
                _ => {}
            }
        }
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, TABLE.patterns.keys().collect::<Vec<_>>());
        for wrong in ["(", "[a-z", "\\p{Lu}"] {
            assert!(Pattern::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_text_follows_its_pattern_to_its_end() {
        for (pattern, text, follows) in [
            ("any", "", true),
            ("any", "a b\t\u{e9}", true),
            ("any", "a\n", false),
            ("any", "\na", false),
            ("any", "a\r\nb", false),
            ("lines", "a\r\nb\n", true),
            ("some", "", false),
            ("job", "job\n", false),
            ("key", "alias/key\n", false),
            ("uri", "s3://bucket/a\nb", false),
            ("uri", "https://bucket", true),
            ("uri", "s3:///key", false),
            ("variable", "A_1\n", false),
            ("tag", "two words \u{e9}\u{a0}\u{663c}\u{661}", true),
            ("tag", "a\nb", false),
            ("tag", "a\tb", false),
            ("tag", "a\n", false),
            ("role", "arn:aws:iam::111122223333:role/r", true),
            ("role", "arn:aws-cn:iam::111122223333:role/r", true),
            ("role", "arn:aws-us-gov:iam::111122223333:role/service-role/r", true),
            ("role", "arn:awsome:iam::111122223333:role/r", true),
            ("role", "arn:aws2:iam::111122223333:role/r", false),
            ("role", "arn:AWS:iam::111122223333:role/r", false),
            ("role", "arn:gcp:iam::111122223333:role/r", false),
            ("role", "arn:aws:iam::1111:role/r", false),
            ("role", "arn:aws:iam::111122223333:role/r\n", false),
        ] {
            let is_followed = Pattern::named(pattern).is_followed_by(text);
            assert_eq!(is_followed, follows, "{pattern}: {text:?}");
        }
    }
}
