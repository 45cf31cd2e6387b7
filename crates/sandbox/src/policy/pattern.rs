//! Patterns of `*` and `?`, and the variables in them.

use std::borrow::Cow;
use std::collections::HashSet;

use super::Question;

/// A text of a policy that texts of a request are held against, read.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Exact(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `*` that ends before the next colon.
    Within,
    /// `${aws:username, 'nobody'}`
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// `*` and `?` stand for others.
    pub(super) is_glob: bool,
    /// `${…}` stands for a fact of the request: only in policies of version 2012-10-17.
    pub(super) has_variables: bool,
}

impl Pattern {
    pub(super) fn read(text: &str, reading: Reading) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if reading.has_variables
                && let Some(inside) = rest.strip_prefix("${")
                && let Some((name, after)) = inside.split_once('}')
            {
                pieces.push(variable(name));
                rest = after;
                continue;
            }
            pieces.push(match first {
                '*' if reading.is_glob => Piece::Any,
                '?' if reading.is_glob => Piece::One,
                c => Piece::Exact(c),
            });
            rest = &rest[first.len_utf8()..];
        }
        Self { pieces }
    }

    /// A text whose `*` and `?` stand for others, and which has no variables.
    pub(super) fn glob(text: &str) -> Self {
        let (is_glob, has_variables) = (true, false);
        Self::read(text, Reading { is_glob, has_variables })
    }

    /// A text of `Resource`: parts that an ARN lacks at its end are any, and a `*` inside of one of its first five parts
    /// stays in there.
    pub(super) fn resource(text: &str, has_variables: bool) -> Self {
        let is_glob = true;
        let mut pattern = Self::read(text, Reading { is_glob, has_variables });
        let mut parts = 1;
        for at in 0..pattern.pieces.len() {
            let next = pattern.pieces.get(at + 1);
            match pattern.pieces[at] {
                Piece::Exact(':') => parts += 1,
                Piece::Any if parts < 6 && next.is_some_and(|next| *next != Piece::Exact(':')) => {
                    pattern.pieces[at] = Piece::Within;
                }
                _ => {}
            }
        }
        if text.starts_with("arn:") {
            for _ in parts..6 {
                pattern.pieces.extend([Piece::Exact(':'), Piece::Any]);
            }
        }
        pattern
    }

    /// Whether a text fits; a variable without value fits nothing.
    pub(super) fn fits(&self, question: &Question, text: &str) -> bool {
        self.resolved(question).is_some_and(|pieces| fit(&pieces, text))
    }

    /// Whether an ARN fits, each of its six parts for itself.
    pub(super) fn fits_arn(&self, question: &Question, text: &str) -> bool {
        let Some(pieces) = self.resolved(question) else {
            return false;
        };
        let wanted: Vec<&[Piece]> = pieces.splitn(6, |piece| *piece == Piece::Exact(':')).collect();
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        wanted.len() == 6 && parts.len() == 6 && wanted.iter().zip(parts).all(|(wanted, part)| fit(wanted, part))
    }

    /// The text with its variables' values, unless one has none.
    pub(super) fn text(&self, question: &Question) -> Option<String> {
        let pieces = self.resolved(question)?;
        let letters = pieces.iter().map(|piece| match piece {
            Piece::Exact(c) => *c,
            Piece::One => '?',
            _ => '*',
        });
        Some(letters.collect())
    }

    fn resolved(&self, question: &Question) -> Option<Cow<'_, [Piece]>> {
        if !self.pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
            return Some(Cow::Borrowed(&self.pieces));
        }
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Variable { key, default } => {
                    let value = question.single(key).or(default.as_deref())?;
                    pieces.extend(value.chars().map(Piece::Exact));
                }
                piece => pieces.push(piece.clone()),
            }
        }
        Some(Cow::Owned(pieces))
    }
}

/// What stands between `${` and `}`.
fn variable(name: &str) -> Piece {
    if let "*" | "?" | "$" = name {
        return Piece::Exact(name.chars().next().unwrap_or_default());
    }
    let (key, default) = name.split_once(',').unwrap_or((name, ""));
    let default = default
        .trim()
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''));
    Piece::Variable {
        key: key.trim().to_lowercase(),
        default: default.map(str::to_owned),
    }
}

/// Whether a text fits `*` and `?` alone.
pub(crate) fn globs(pattern: &str, text: &str) -> bool {
    fit(&Pattern::glob(pattern).pieces, text)
}

fn fit(pieces: &[Piece], text: &str) -> bool {
    let (mut p, mut t) = (0, 0);
    // Stars that may yet take more, each with how far it has taken: before a star that takes anything no other needs to.
    let mut stars: Vec<(usize, usize)> = Vec::new();
    // Where stars within a part went on from in vain: many of them would try the same over and over.
    let mut tried = HashSet::new();
    loop {
        let next = text[t..].chars().next();
        match (pieces.get(p), next) {
            (None, None) => return true,
            // At the end it takes all that is left.
            (Some(Piece::Any), _) if p + 1 == pieces.len() => return true,
            (Some(star @ (Piece::Any | Piece::Within)), _) => {
                if *star == Piece::Any {
                    stars.clear();
                }
                stars.push((p, t));
                p += 1;
                continue;
            }
            (Some(piece), Some(c)) if *piece == Piece::One || *piece == Piece::Exact(c) => {
                p += 1;
                t += c.len_utf8();
                continue;
            }
            _ => {}
        }
        loop {
            let Some((star, taken)) = stars.pop() else {
                return false;
            };
            match text[taken..].chars().next() {
                Some(c) if pieces[star] == Piece::Any || c != ':' => {
                    t = taken + c.len_utf8();
                    stars.push((star, t));
                    if pieces[star] == Piece::Within && !tried.insert((star, t)) {
                        continue;
                    }
                    p = star + 1;
                    break;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::policy::tests::user;

    #[test]
    fn many_stars_within_a_part_do_not_try_the_same_for_ever() {
        let mut pieces = Vec::new();
        for _ in 0..20 {
            pieces.extend([Piece::Within, Piece::Exact('a')]);
        }
        let text = "a".repeat(60);
        assert!(fit(&pieces, &text));
        assert!(!fit(&pieces, &format!("{text}b")));
        pieces.push(Piece::Within);
        assert!(fit(&pieces, &format!("{text}b")));
        assert!(!fit(&pieces, &format!("{text}:")));
    }

    const GLOB: Reading = Reading {
        is_glob: true,
        has_variables: true,
    };

    #[test]
    fn patterns_fit_as_in_aws() {
        let (user, nothing) = (user(), BTreeMap::new());
        let question = Question::new(&user, "s3:GetObject", "*", &nothing);
        for (pattern, text, fits) in [
            ("*", "", true),
            ("kms:*", "kms:Decrypt", true),
            ("kms:De*t", "kms:Decrypt", true),
            ("kms:De*t", "kms:Describe", false),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("", "x", false),
            ("${aws:username}/*", "ann/x", true),
            ("${AWS:UserName}", "ann", true),
            ("${aws:username}", "bob", false),
            ("${aws:PrincipalTag/team}", "", false),
            ("${aws:PrincipalTag/team, 'all'}", "all", true),
            ("${aws:username, 'all'}", "all", false),
            ("a${*}c", "a*c", true),
            ("a${*}c", "abc", false),
            ("a${?}c", "a?c", true),
            ("a${?}c", "abc", false),
            ("${$}{aws:username}", "${aws:username}", true),
            ("a${b", "a${b", true),
        ] {
            let found = Pattern::read(pattern, GLOB).fits(&question, text);
            assert_eq!(found, fits, "{pattern} ~ {text}");
        }
        let literal = Reading {
            is_glob: false,
            has_variables: false,
        };
        assert!(Pattern::read("a*${aws:username}", literal).fits(&question, "a*${aws:username}"));
    }

    #[test]
    fn a_resource_may_be_cut_short_and_a_star_inside_of_a_part_stays_there() {
        let (user, nothing) = (user(), BTreeMap::new());
        let question = Question::new(&user, "s3:GetObject", "*", &nothing);
        let key = "arn:aws:kms:us-east-1:111122223333:key/a:b";
        for (pattern, text, fits) in [
            ("*", key, true),
            ("*", "*", true),
            ("arn:aws:kms", key, true),
            ("arn:aws:kms:us-east-1", key, true),
            ("arn:aws:s3", key, false),
            ("arn:aws:kms:*", key, true),
            ("arn:aws:kms:*", "*", false),
            ("arn:aws:kms:*:key/a:b", key, true),
            ("arn:aws:kms:us-*-1:*:key/*", key, true),
            ("arn:aws:kms:u*3:key/*", key, false),
            ("arn:aws:kms:*:*:key/a*b", key, true),
            ("arn:aws:kms:us-east-1:111122223333:key/${aws:username}", key, false),
            ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/x:y", true),
            ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", false),
        ] {
            let found = Pattern::resource(pattern, true).fits(&question, text);
            assert_eq!(found, fits, "{pattern} ~ {text}");
        }
    }

    #[test]
    fn an_arn_fits_part_by_part() {
        let role = "arn:aws:iam::111122223333:role/a";
        let below = "arn:aws:iam::111122223333:role/a/b:c";
        let bob = "arn:aws:iam::111122223333:user/bob";
        let (user, nothing) = (user(), BTreeMap::new());
        let question = Question::new(&user, "s3:GetObject", "*", &nothing);
        for (pattern, text, fits) in [
            ("arn:aws:iam::111122223333:role/*", below, true),
            ("arn:aws:iam::*:role/a", role, true),
            ("arn:aws:iam::1111*", role, false),
            ("arn:aws:*:role/a", role, false),
            ("arn:aws:sns:*:*", "arn:aws:sns:us-east-1:111122223333:topic", false),
            ("arn:???:*:*:*:*", role, true),
            ("${aws:PrincipalArn}", "arn:aws:iam::111122223333:user/ann", true),
            ("arn:aws:iam::*:user/${aws:username}", bob, false),
            ("*", role, false),
            ("arn:aws:iam::*:role/a", "role/a", false),
        ] {
            let found = Pattern::read(pattern, GLOB).fits_arn(&question, text);
            assert_eq!(found, fits, "{pattern} ~ {text}");
        }
    }
}
