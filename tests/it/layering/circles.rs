//! Modules of a layer know each other in one direction only: siblings in a circle are one module, or want a third.
//!
//! What a module names counts for all that it lies in, so the children of two siblings make no circle either. A parent and
//! its children may know each other; a name that a parent only passes on counts as its owner's.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, files, root};

type Module = Vec<String>;

#[test]
fn no_modules_of_a_layer_know_each_other_in_a_circle() {
    let circles: Vec<_> = Tree::read()
        .circles()
        .into_iter()
        .map(|(parent, circle)| format!("in `{parent}`:\n  {}", circle.join("\n  ")))
        .collect();
    assert!(circles.is_empty(), "circles {}", circles.join("\n"));
}

#[test]
fn circles_are_found_however_they_are_written() {
    let told = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(name, code)| (module(name), (*code).to_owned()));
        Tree::of(files.collect()).circles().len()
    };
    for (what, code) in [
        ("one name", "use super::b::B;"),
        ("several at once", "use super::{a, b::{self, B}};"),
        ("from the root", "use crate::{x, layer::{b}};"),
        (
            "in the middle of code",
            "fn f() -> crate::layer::b::B { super::b::new() }",
        ),
        ("through the parent", "use super::B;"),
    ] {
        let files = [
            ("layer", "mod a; mod b; pub use b::{B, C as D};"),
            ("layer::a", code),
            ("layer::b::child", "fn f() { crate::layer::a::f() }"),
            ("layer::b", ""),
        ];
        assert_eq!(told(&files), 1, "{what}");
    }
    let tree = [
        ("layer", "mod a; mod b; use a::A; use b::B; const C: u8 = 0;"),
        ("layer::a", "use super::C; use super::b; use self::child::X; mod child;"),
        ("layer::a::child", "use super::A; use crate::layer::b::B;"),
        ("layer::b", "use std::fmt; use ab::a; fn a(b: u8) {}"),
    ];
    assert_eq!(told(&tree), 0, "parents, children, and what only looks alike");
}

/// The paths that code names, those of `use` spelled out.
pub(super) fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut rest = code;
    while let Some(at) = rest.find(is_part) {
        rest = &rest[at..];
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        rest = &rest[word.len()..];
        let tree = &rest[..rest.find(';').unwrap_or(rest.len())];
        // A text may say "use" too.
        if word == "use"
            && tree
                .trim_start()
                .split(|c| !is_part(c))
                .next()
                .is_some_and(|first| first.contains("::"))
        {
            spell_out("", tree, &mut found);
            rest = &rest[tree.len()..];
        } else if word.contains("::") {
            found.push(word.to_owned());
        }
    }
    found
}

/// `a::{b, c::{d, e as f}}` -> `a::b`, `a::c::d`, `a::c::e as f`.
fn spell_out(before: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((path, inner)) = tree.split_once('{') else {
        let path = format!("{before}{tree}");
        found.push(path.trim_end_matches("::self").to_owned());
        return;
    };
    let inner = &inner[..inner.rfind('}').unwrap_or(inner.len())];
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[from..at].trim().is_empty() {
                    spell_out(&format!("{before}{path}"), &inner[from..at], found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

fn module(path: &str) -> Module {
    path.split("::").map(str::to_owned).collect()
}

/// The modules below `src`, and what each of them names.
struct Tree {
    named: BTreeMap<Module, Vec<String>>,
    /// Module and name -> the path from which it has the name.
    had_from: BTreeMap<(Module, String), String>,
}

impl Tree {
    fn read() -> Self {
        let mut read = BTreeMap::new();
        for path in files(&root()) {
            let relative = path.strip_prefix(root()).unwrap().with_extension("");
            let module: Module = relative
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if !module
                .iter()
                .any(|part| ["tests", "main", "lib"].contains(&part.as_str()))
            {
                read.insert(module, code(&std::fs::read_to_string(path).unwrap()));
            }
        }
        Self::of(read)
    }

    fn of(code: BTreeMap<Module, String>) -> Self {
        let named: BTreeMap<_, _> = code
            .iter()
            .map(|(module, code)| (module.clone(), paths(code)))
            .collect();
        let mut had_from = BTreeMap::new();
        for (module, paths) in &named {
            for path in paths {
                let (path, name) = match path.split_once(" as ") {
                    Some((path, name)) => (path, name.trim()),
                    None => (path.as_str(), path.rsplit("::").next().unwrap_or_default()),
                };
                had_from
                    .entry((module.clone(), name.to_owned()))
                    .or_insert_with(|| path.to_owned());
            }
        }
        Self { named, had_from }
    }

    /// The module that a path in `from` leads to; `None` outside of the crate.
    fn resolve(&self, from: &[String], path: &str, turns: u8) -> Option<Module> {
        let path = path.split(" as ").next().unwrap_or_default();
        let mut parts = path.split("::").map(str::trim).peekable();
        let mut at = from.to_vec();
        let below = |at: &Module, part: &str| [at.as_slice(), &[part.to_owned()]].concat();
        match *parts.peek()? {
            "crate" => at.clear(),
            "self" | "super" => {}
            first if self.named.contains_key(&below(&at, first)) => {}
            _ => return None,
        }
        while let Some(part) = parts.next_if(|part| ["crate", "self", "super"].contains(part)) {
            if part == "super" {
                at.pop();
            }
        }
        while let Some(part) = parts.next_if(|part| self.named.contains_key(&below(&at, part))) {
            at.push(part.to_owned());
        }
        let passed_on = parts
            .next()
            .and_then(|name| self.had_from.get(&(at.clone(), name.to_owned())));
        let owner = passed_on
            .filter(|_| turns > 0)
            .and_then(|path| self.resolve(&at, path, turns - 1));
        Some(owner.unwrap_or(at))
    }

    /// Parent, and one line for everything in which modules of a circle below it name each other.
    fn circles(&self) -> Vec<(String, Vec<String>)> {
        // Parent -> (one child, another) -> who names whom.
        let mut below: BTreeMap<Module, BTreeMap<(String, String), BTreeSet<String>>> = BTreeMap::new();
        for (from, paths) in &self.named {
            for to in paths.iter().filter_map(|path| self.resolve(from, path, 4)) {
                let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
                if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                    let told = format!("{} names {}", from.join("::"), to.join("::"));
                    let pairs = below.entry(from[..common].to_vec()).or_default();
                    pairs.entry((one.clone(), other.clone())).or_default().insert(told);
                }
            }
        }
        let mut found = Vec::new();
        for (parent, pairs) in &below {
            let reach = |from: &str| {
                let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
                while let Some(one) = next.pop() {
                    let known = pairs.keys().filter(|(from, _)| *from == one).map(|(_, to)| to.clone());
                    next.extend(known.filter(|to| seen.insert(to.clone())));
                }
                seen
            };
            let reached: BTreeMap<&String, _> = pairs.keys().map(|(one, _)| (one, reach(one))).collect();
            let knows = |one: &String, other: &String| reached.get(one).is_some_and(|seen| seen.contains(other));
            let told: Vec<_> = pairs
                .iter()
                .filter(|((one, other), _)| knows(other, one))
                .flat_map(|(_, told)| told.clone())
                .collect();
            if !told.is_empty() {
                found.push((parent.join("::"), told));
            }
        }
        found
    }
}
