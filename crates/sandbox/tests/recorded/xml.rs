//! XML as JSON has it: an element of texts is text, elements of one name are a list, `member`s are their list's.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// What is inside the outermost element.
pub(crate) fn read(text: &str) -> Value {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> = vec![(String::new(), Map::new(), String::new())];
    let name = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push((name(start.local_name().as_ref()), Map::new(), String::new())),
            Event::Empty(start) => put(
                &mut open,
                name(start.local_name().as_ref()),
                Value::String(String::new()),
            ),
            Event::Text(text) => open.last_mut().unwrap().2 += &text.decode().unwrap(),
            Event::GeneralRef(reference) => {
                let escaped = format!("&{};", reference.decode().unwrap());
                open.last_mut().unwrap().2 += &quick_xml::escape::unescape(&escaped).unwrap();
            }
            Event::End(_) => {
                let (name, members, text) = open.pop().unwrap();
                let value = if members.is_empty() {
                    Value::String(text)
                } else {
                    closed(members)
                };
                put(&mut open, name, value);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let (_, root, _) = open.remove(0);
    root.into_iter().next().map(|(_, inside)| inside).unwrap_or_default()
}

fn closed(mut members: Map<String, Value>) -> Value {
    match (members.len(), members.remove("member")) {
        (1, Some(Value::Array(all))) => Value::Array(all),
        (1, Some(one)) => Value::Array(vec![one]),
        (_, Some(other)) => {
            members.insert("member".to_owned(), other);
            Value::Object(members)
        }
        (_, None) => Value::Object(members),
    }
}

fn put(open: &mut [(String, Map<String, Value>, String)], name: String, value: Value) {
    let members = &mut open.last_mut().unwrap().1;
    match members.get_mut(&name) {
        None => {
            members.insert(name, value);
        }
        Some(Value::Array(all)) => all.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}
