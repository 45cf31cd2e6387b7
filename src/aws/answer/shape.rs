//! The shape of an answer: which members it has, not what they say.
//!
//! Data keys and credentials pass through here: of a text only this is kept, whether there is one.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// No answer of AWS is nested deeper.
const DEEPEST: usize = 64;

/// A value, as far as it can be told apart from others without being kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing, or null.
    Empty,
    /// Yes or no.
    Flag(bool),
    /// A whole number that is not negative.
    Number(u64),
    /// Anything else that is one value.
    Text,
    /// JSON's arrays.
    List(Vec<Shape>),
    /// By name, in their order; XML repeats a name for each entry of a list.
    Members(Vec<(String, Shape)>),
}

impl Shape {
    /// The members of this name; of a list, those of its entries.
    fn all<'a>(&'a self, name: &'a str) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        match self {
            Self::Empty | Self::Flag(_) | Self::Number(_) | Self::Text => Box::new(std::iter::empty()),
            Self::List(entries) => Box::new(entries.iter().flat_map(move |entry| entry.all(name))),
            Self::Members(members) => Box::new(
                members
                    .iter()
                    .filter(move |(other, _)| other == name)
                    .map(|(_, shape)| shape),
            ),
        }
    }

    /// What stands at a path of names: for each of the last one's parents, what it has of that name.
    pub(super) fn at<'a>(&'a self, path: &'a str) -> Vec<Option<&'a Self>> {
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut found = vec![self];
        for name in parents.split('.').filter(|name| !name.is_empty()) {
            found = found.into_iter().flat_map(|shape| shape.all(name)).collect();
        }
        let parents = found.into_iter().flat_map(|shape| match shape {
            Self::List(entries) => entries.iter().collect(),
            other => vec![other],
        });
        parents.map(|parent| parent.all(name).next()).collect()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Flag(_) | Self::Number(_) | Self::Text => false,
            Self::List(entries) => entries.is_empty(),
            Self::Members(members) => members.is_empty(),
        }
    }

    /// How many members of this name there are.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.all(name).count() as u64
    }

    fn of_text(text: &str) -> Self {
        match text.trim() {
            "" => Self::Empty,
            "true" => Self::Flag(true),
            "false" => Self::Flag(false),
            word => word.parse().map_or(Self::Text, Self::Number),
        }
    }

    /// One text after another, as a reference in the middle cuts them.
    fn and(self, more: Self) -> Self {
        match (self, more) {
            (one, Self::Empty) => one,
            (Self::Empty, other) => other,
            (_, _) => Self::Text,
        }
    }
}

/// An element that is open: its name, its text, its members.
type Open = (String, Shape, Vec<(String, Shape)>);

/// The name of an XML document's root, and its shape.
///
/// # Errors
/// Says in what way it is no such document.
pub(super) fn of_xml(body: &[u8]) -> Result<(String, Shape), &'static str> {
    const CUT: &str = "it ends in the middle";
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    loop {
        let event = reader.read_event().map_err(|_| CUT)?;
        let text = match event {
            Event::Start(_) | Event::Empty(_) if root.is_some() || open.len() == DEEPEST => {
                return Err("it holds more than an answer");
            }
            Event::Start(start) => {
                open.push((named(&start), Shape::Empty, Vec::new()));
                continue;
            }
            Event::Empty(start) => {
                match open.last_mut() {
                    Some((_, _, siblings)) => siblings.push((named(&start), Shape::Empty)),
                    None => root = Some((named(&start), Shape::Empty)),
                }
                continue;
            }
            Event::End(_) => {
                let (name, text, members) = open.pop().ok_or(CUT)?;
                let shape = if members.is_empty() {
                    text
                } else {
                    Shape::Members(members)
                };
                match open.last_mut() {
                    Some((_, _, siblings)) => siblings.push((name, shape)),
                    None => root = Some((name, shape)),
                }
                continue;
            }
            Event::Text(text) => Shape::of_text(&String::from_utf8_lossy(&text)),
            Event::CData(_) | Event::GeneralRef(_) => Shape::Text,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            Event::Eof if open.is_empty() => return root.ok_or("it holds no element"),
            Event::Eof => return Err(CUT),
        };
        match (open.last_mut(), text) {
            (Some((_, before, _)), text) => *before = std::mem::replace(before, Shape::Empty).and(text),
            (None, Shape::Empty) => {}
            (None, _) => return Err("there is text around it"),
        }
    }
}

fn named(start: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(start.local_name().as_ref()).into_owned()
}

/// The shape of a JSON object.
///
/// # Errors
/// Says in what way it is none.
pub(super) fn of_json(body: &[u8]) -> Result<Shape, &'static str> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let shape = Shape::deserialize(&mut json).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => "it ends in the middle",
        serde_json::error::Category::Syntax | serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "it is not JSON"
        }
    })?;
    json.end().map_err(|_| "there is text behind it")?;
    match shape {
        Shape::Members(_) => Ok(shape),
        Shape::Empty | Shape::Flag(_) | Shape::Number(_) | Shape::Text | Shape::List(_) => Err("it is not an object"),
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Empty)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Shape, E> {
        Ok(Shape::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(Shape::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Text)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(if text.is_empty() { Shape::Empty } else { Shape::Text })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Shape::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Shape::Members(members))
    }
}
