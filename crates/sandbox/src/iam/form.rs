//! The query protocol: a form goes in, XML comes out.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{ApiError, absent};

/// A decoded `application/x-www-form-urlencoded` body.
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        let given = self.text(name).filter(|value| !value.is_empty());
        given.ok_or_else(|| ApiError::new("ValidationError", absent(name)))
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// `NAME.member.1`, `NAME.member.2`, …; one whose number stands alone is one, too.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let members = self.numbers(name).into_iter();
        members
            .filter_map(|number| self.text(&format!("{name}.member.{number}")))
            .collect()
    }

    fn numbers(&self, name: &str) -> BTreeSet<u32> {
        let prefix = format!("{name}.member.");
        let rest = self.0.keys().filter_map(|key| key.strip_prefix(&prefix));
        rest.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
    }

    /// The members of the structure `NAME.member.1`, `NAME.member.2`, …, each as a form of its own.
    pub(crate) fn structures(&self, name: &str) -> Vec<Self> {
        let below = |number: u32| {
            let prefix = format!("{name}.member.{number}.");
            let members = self.0.iter();
            members
                .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value.clone())))
                .collect()
        };
        self.numbers(name)
            .into_iter()
            .map(|number| Self(below(number)))
            .collect()
    }
}

impl FromIterator<(String, String)> for Form {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(members: T) -> Self {
        Self(members.into_iter().collect())
    }
}

/// Elements of these names, with their texts.
pub(crate) fn elements(all: &[(&str, &str)]) -> String {
    let one = |(name, text): &(&str, &str)| format!("<{name}>{}</{name}>", escape(text));
    all.iter().map(one).collect()
}

/// Text inside XML; control characters that XML cannot hold become a question mark.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() && !"\t\n\r".contains(c) => escaped.push('?'),
            c => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_holds_texts_lists_and_structures() {
        let form = Form::parse(
            b"Action=Do&Name=a%20b+c&L.member.1=x&L.member.2=y&S.member.1.Key=k&S.member.1.Values.member.1=v&Empty=",
        );
        assert_eq!(form.text("Name"), Some("a b c"));
        assert_eq!(form.list("L"), ["x", "y"]);
        let gap = Form::parse(b"L.member.10=y&L.member.2=x&S.member.3.Key=k");
        assert_eq!((gap.list("L"), gap.structures("S").len()), (vec!["x", "y"], 1));
        let structures = form.structures("S");
        assert_eq!(structures[0].text("Key"), Some("k"));
        assert_eq!(structures[0].list("Values"), ["v"]);
        assert_eq!(form.required("Empty").unwrap_err().code, "ValidationError");
        assert!(form.required("Absent").unwrap_err().message.contains("'absent'"));
    }

    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        assert_eq!(escape("<a b=\"c\">&\u{1}é"), "&lt;a b=&quot;c&quot;&gt;&amp;?é");
    }
}
