//! The `Condition` element: operators over the facts of a request.

use jiff::Timestamp;
use serde_json::Value;

use super::document::{Malformed, strings};
use super::{Question, like};

/// One operator, one key, its values.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    test: Test,
    is_negated: bool,
    set: Set,
    if_exists: bool,
    /// In lower case.
    key: String,
    values: Vec<String>,
}

/// Over which of a request's values an operator must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    One,
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Text,
    TextIgnoringCase,
    Pattern,
    Truth,
    Number(Order),
    Date(Order),
    Address,
    Absence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Reads the whole element: every condition must hold.
    pub(super) fn parse(element: &Value) -> Result<Vec<Self>, Malformed> {
        let mut conditions = Vec::new();
        let Some(operators) = element.as_object() else {
            return if element.is_null() {
                Ok(conditions)
            } else {
                Err(Malformed("a Condition must be an object"))
            };
        };
        for (operator, keys) in operators {
            let keys = keys
                .as_object()
                .ok_or(Malformed("a condition operator must hold keys and values"))?;
            for (key, values) in keys {
                conditions.push(Self::one(operator, key, strings(values))?);
            }
        }
        Ok(conditions)
    }

    fn one(operator: &str, key: &str, values: Vec<String>) -> Result<Self, Malformed> {
        let (set, name) = match operator.split_once(':') {
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(_) => return Err(Malformed("a condition operator is not known")),
            None => (Set::One, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let (test, is_negated) = match name {
            "StringEquals" => (Test::Text, false),
            "StringNotEquals" => (Test::Text, true),
            "StringEqualsIgnoreCase" => (Test::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase, true),
            "StringLike" | "ArnLike" | "ArnEquals" => (Test::Pattern, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (Test::Pattern, true),
            "Bool" => (Test::Truth, false),
            "NumericEquals" => (Test::Number(Order::Equal), false),
            "NumericNotEquals" => (Test::Number(Order::Equal), true),
            "NumericLessThan" => (Test::Number(Order::Less), false),
            "NumericLessThanEquals" => (Test::Number(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Test::Number(Order::Greater), false),
            "NumericGreaterThanEquals" => (Test::Number(Order::GreaterOrEqual), false),
            "DateEquals" => (Test::Date(Order::Equal), false),
            "DateNotEquals" => (Test::Date(Order::Equal), true),
            "DateLessThan" => (Test::Date(Order::Less), false),
            "DateLessThanEquals" => (Test::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Test::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Test::Date(Order::GreaterOrEqual), false),
            "IpAddress" => (Test::Address, false),
            "NotIpAddress" => (Test::Address, true),
            "Null" => (Test::Absence, false),
            _ => return Err(Malformed("a condition operator is not known")),
        };
        Ok(Self {
            test,
            is_negated,
            set,
            if_exists,
            key: key.to_lowercase(),
            values,
        })
    }

    pub(super) fn holds(&self, question: &Question) -> bool {
        let actual = question.context.get(&self.key);
        if self.test == Test::Absence {
            return self.values.iter().any(|value| (value == "true") == actual.is_none());
        }
        let Some(actual) = actual else {
            return self.if_exists || self.set == Set::All || self.is_negated;
        };
        let wanted: Vec<String> = self.values.iter().map(|value| substitute(value, question)).collect();
        let one = |value: &String| wanted.iter().any(|wanted| self.test.compare(wanted, value)) != self.is_negated;
        match self.set {
            Set::All => actual.iter().all(one),
            Set::One | Set::Any => actual.iter().any(one),
        }
    }
}

impl Test {
    fn compare(self, wanted: &str, actual: &str) -> bool {
        match self {
            Self::Text => wanted == actual,
            Self::TextIgnoringCase | Self::Truth => wanted.eq_ignore_ascii_case(actual),
            Self::Pattern => like(wanted, actual),
            Self::Number(order) => match (wanted.parse::<f64>(), actual.parse::<f64>()) {
                (Ok(wanted), Ok(actual)) => order.holds(actual.total_cmp(&wanted)),
                _ => false,
            },
            Self::Date(order) => match (moment(wanted), moment(actual)) {
                (Some(wanted), Some(actual)) => order.holds(actual.cmp(&wanted)),
                _ => false,
            },
            Self::Address => covers(wanted, actual),
            Self::Absence => false,
        }
    }
}

impl Order {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// ISO 8601 or seconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

/// Whether an address lies in a block of IPv4 addresses; a block may be one address.
fn covers(block: &str, address: &str) -> bool {
    let (base, bits) = block.split_once('/').unwrap_or((block, "32"));
    let parse = |text: &str| text.parse::<std::net::Ipv4Addr>().map(u32::from);
    match (parse(base), bits.parse::<u32>(), parse(address)) {
        (Ok(base), Ok(bits @ 0..=32), Ok(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            base & mask == address & mask
        }
        _ => false,
    }
}

/// Puts the request's facts in for `${aws:username}` and the like.
fn substitute(value: &str, question: &Question) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, tail)) = rest.split_once("${") {
        let Some((name, after)) = tail.split_once('}') else {
            break;
        };
        text.push_str(before);
        let known = question.context.get(&name.to_lowercase());
        text.push_str(known.and_then(|values| values.first()).map_or("", String::as_str));
        rest = after;
    }
    text + rest
}
