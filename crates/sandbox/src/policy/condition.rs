//! The `Condition` element: operators over the facts of a request.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Question;
use super::document::{Malformed, strings};
use super::pattern::{Pattern, Reading};

/// One operator, one key, its values.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    operator: Operator,
    /// As it is written.
    name: String,
    /// In lower case.
    key: String,
    values: Vec<Pattern>,
}

/// Over which of a request's values an operator must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// AWS means it for keys of one value. Of several one is enough, and none may be when the operator is negated.
    One,
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Text,
    TextIgnoringCase,
    Like,
    Arn,
    Truth,
    Bytes,
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

/// An operator's name, read.
#[derive(Debug, Clone, Copy)]
struct Operator {
    test: Test,
    is_negated: bool,
    set: Set,
    if_exists: bool,
}

impl Condition {
    /// Reads the whole element: every condition must hold.
    pub(super) fn parse(element: &Value, has_variables: bool) -> Result<Vec<Self>, Malformed> {
        let mut conditions = Vec::new();
        if !element.is_null() && !element.is_object() {
            return Err(Malformed::SYNTAX);
        }
        for (name, keys) in element.as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().ok_or(Malformed::SYNTAX)? {
                let operator = Operator::parse(name).ok_or(Malformed::SYNTAX)?;
                conditions.push(Self::one(operator, key, &strings(values), has_variables)?);
            }
        }
        Ok(conditions)
    }

    fn one(operator: Operator, key: &str, values: &[String], has_variables: bool) -> Result<Self, Malformed> {
        let test = operator.test;
        if matches!(test, Test::Date(_)) && !values.iter().all(|value| moment(value).is_some()) {
            return Err(Malformed::LEGACY);
        }
        let reading = Reading {
            is_glob: matches!(test, Test::Like | Test::Arn),
            has_variables: has_variables
                && matches!(test, Test::Text | Test::TextIgnoringCase | Test::Like | Test::Arn),
        };
        Ok(Self {
            operator,
            name: key.to_owned(),
            key: key.to_lowercase(),
            values: values.iter().map(|value| Pattern::read(value, reading)).collect(),
        })
    }

    /// The condition key, as it is written.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn holds(&self, question: &Question) -> bool {
        let (test, is_negated) = (self.operator.test, self.operator.is_negated);
        let actual = question.values(&self.key);
        if test == Test::Absence {
            let is_absent = actual.is_empty().to_string();
            let mut said = self.values.iter().filter_map(|value| value.text(question));
            return said.any(|text| text.eq_ignore_ascii_case(&is_absent));
        }
        let fits = |value: &String| {
            let compare = |wanted: &Pattern| test.compare(wanted, value, question);
            self.values.iter().any(compare)
        };
        match self.operator.set {
            Set::All => actual.iter().all(|value| fits(value) != is_negated),
            Set::Any => actual.iter().any(|value| fits(value) != is_negated),
            Set::One if actual.is_empty() => self.operator.if_exists || is_negated,
            Set::One => actual.iter().any(fits) != is_negated,
        }
    }
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(_) => return None,
            None => (Set::One, name),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let test = match name {
            "StringEquals" | "StringNotEquals" => Test::Text,
            "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => Test::TextIgnoringCase,
            "StringLike" | "StringNotLike" => Test::Like,
            "ArnLike" | "ArnEquals" | "ArnNotLike" | "ArnNotEquals" => Test::Arn,
            "Bool" => Test::Truth,
            "BinaryEquals" => Test::Bytes,
            "NumericEquals" | "NumericNotEquals" => Test::Number(Order::Equal),
            "NumericLessThan" => Test::Number(Order::Less),
            "NumericLessThanEquals" => Test::Number(Order::LessOrEqual),
            "NumericGreaterThan" => Test::Number(Order::Greater),
            "NumericGreaterThanEquals" => Test::Number(Order::GreaterOrEqual),
            "DateEquals" | "DateNotEquals" => Test::Date(Order::Equal),
            "DateLessThan" => Test::Date(Order::Less),
            "DateLessThanEquals" => Test::Date(Order::LessOrEqual),
            "DateGreaterThan" => Test::Date(Order::Greater),
            "DateGreaterThanEquals" => Test::Date(Order::GreaterOrEqual),
            "IpAddress" | "NotIpAddress" => Test::Address,
            "Null" => Test::Absence,
            _ => return None,
        };
        let is_negated = name.contains("Not");
        Some(Self {
            test,
            is_negated,
            set,
            if_exists,
        })
    }
}

impl Test {
    fn compare(self, wanted: &Pattern, actual: &str, question: &Question) -> bool {
        match self {
            Self::Text | Self::Like => return wanted.fits(question, actual),
            Self::Arn => return wanted.fits_arn(question, actual),
            _ => {}
        }
        let Some(wanted) = wanted.text(question) else {
            return false;
        };
        match self {
            Self::TextIgnoringCase => wanted.to_lowercase() == actual.to_lowercase(),
            Self::Truth => wanted.eq_ignore_ascii_case(actual),
            Self::Bytes => STANDARD
                .decode(&wanted)
                .is_ok_and(|wanted| STANDARD.decode(actual).ok() == Some(wanted)),
            Self::Number(order) => match (number(&wanted), number(actual)) {
                (Some(wanted), Some(actual)) => actual.partial_cmp(&wanted).is_some_and(|found| order.holds(found)),
                _ => false,
            },
            Self::Date(order) => match (moment(&wanted), moment(actual)) {
                (Some(wanted), Some(actual)) => order.holds(actual.cmp(&wanted)),
                _ => false,
            },
            Self::Address => covers(&wanted, actual),
            Self::Text | Self::Like | Self::Arn | Self::Absence => false,
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

/// A decimal number; words like `inf` are none.
fn number(text: &str) -> Option<f64> {
    let is_decimal = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    is_decimal.then(|| text.parse().ok())?
}

/// ISO 8601, to the second, the minute or the day, or seconds since 1970.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.to_uppercase();
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    let utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    text.parse()
        .ok()
        .or_else(|| utc(text.trim_end_matches('Z').parse::<DateTime>().ok()?))
        .or_else(|| utc(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))
}

/// Whether an address lies in a block of addresses; a block may be one address.
fn covers(block: &str, address: &str) -> bool {
    let Some((base, bits)) = block.split_once('/') else {
        return matches!((block.parse::<IpAddr>(), address.parse::<IpAddr>()), (Ok(base), Ok(address)) if base == address);
    };
    match (base.parse(), address.parse(), bits.parse()) {
        (Ok(IpAddr::V4(base)), Ok(IpAddr::V4(address)), Ok(bits @ 0..=32)) => {
            (u32::from(base) ^ u32::from(address)).leading_zeros() >= bits
        }
        (Ok(IpAddr::V6(base)), Ok(IpAddr::V6(address)), Ok(bits @ 0..=128)) => {
            (u128::from(base) ^ u128::from(address)).leading_zeros() >= bits
        }
        _ => false,
    }
}
