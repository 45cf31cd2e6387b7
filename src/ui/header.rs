//! Who and where: badge, identity, account, region, profile, endpoint, age of the data.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Theme;
use super::put::put;
use crate::app::format::{self, Tone};
use crate::app::{Freshness, Pane, State};
use crate::domain::Arn;

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme) {
    let settings = &state.settings;
    let mut spans = Vec::new();
    if settings.sandbox {
        spans.push(Span::styled(" SANDBOX ", theme.sandbox));
        spans.push(Span::raw(" "));
    }
    if settings.is_read_only() {
        spans.push(Span::styled(" READ-ONLY ", theme.badge));
        spans.push(Span::raw(" "));
    }
    if let Some(name) = &settings.context.name {
        spans.push(Span::styled(format!(" {} ", format::clean(name)), theme.context));
        spans.push(Span::raw(" "));
    }
    let colour = settings.context.colour.map(|colour| theme.header(colour));
    let dim = if colour.is_some() {
        Style::new()
    } else {
        theme.tone(Tone::Dim)
    };
    let age = age(state);
    let columns = usize::from(area.width);
    let used: usize = spans.iter().map(Span::width).sum();
    let room = columns.saturating_sub(used + format::width(&age) + 2);
    for (index, (tone, piece)) in pieces(state, room).into_iter().enumerate() {
        if index > 0 {
            spans.push(Span::styled(" · ", dim));
        }
        // On a colour of its own only plain words can be read.
        spans.push(Span::styled(
            piece,
            if colour.is_some() {
                Style::new()
            } else {
                theme.tone(tone)
            },
        ));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    spans.push(Span::raw(
        " ".repeat(columns.saturating_sub(used + format::width(&age))),
    ));
    spans.push(Span::styled(age, dim));
    put(frame, area, &[Line::from(spans).style(colour.unwrap_or_default())]);
}

/// The most that there is room for; the account, the region, and that AWS is elsewhere, are never left out.
fn pieces(state: &State, room: usize) -> Vec<(Tone, String)> {
    let settings = &state.settings;
    let (arn, account) = match &state.identity {
        Some(who) => (who.arn.as_str(), who.account.as_str()),
        None if state.unidentified => ("unknown identity", ""),
        None => ("…", ""),
    };
    let short = Arn::parse(arn).map_or(arn, |arn| arn.resource);
    let without = if state.unidentified { "no region" } else { "…" };
    let region = settings.region.as_deref().unwrap_or(without);
    let profile = settings
        .context
        .profile
        .as_ref()
        .map(|profile| format!("profile {profile}"));
    let endpoints = endpoints(state);
    let own: Vec<String> = endpoints.iter().map(|_| "own endpoint".to_owned()).collect();
    let extra: Vec<String> = profile.into_iter().chain(endpoints).collect();
    let whole = |identity: Vec<(Tone, String)>, extra: &[String]| {
        let mut pieces = identity;
        pieces.push((Tone::Plain, region.to_owned()));
        pieces.extend(extra.iter().map(|text| (Tone::Dim, text.clone())));
        pieces
    };
    let long = || vec![(Tone::Accent, arn.to_owned())];
    let brief = || vec![(Tone::Accent, short.to_owned()), (Tone::Plain, account.to_owned())];
    let candidates = [
        whole(long(), &extra),
        whole(long(), &own),
        whole(brief(), &extra),
        whole(brief(), &own),
    ];
    let width = |pieces: &[(Tone, String)]| {
        pieces
            .iter()
            .map(|(_, text)| format::width(&format::clean(text)) + 3)
            .sum::<usize>()
    };
    let fitting = candidates.iter().position(|pieces| width(pieces) <= room + 3);
    let last = candidates.len() - 1;
    let mut pieces = candidates.into_iter().nth(fitting.unwrap_or(last)).unwrap_or_default();
    for (_, piece) in &mut pieces {
        *piece = format::clean(piece);
    }
    pieces
}

/// Where AWS is, if anything of it is elsewhere: services at one place together.
fn endpoints(state: &State) -> Option<String> {
    if state.settings.sandbox {
        return None;
    }
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (service, url) in &state.elsewhere {
        places.entry(url).or_default().push(service);
    }
    let told = places
        .iter()
        .map(|(url, services)| format!("{} at {url}", services.join(" ")));
    let apart = (!places.is_empty()).then(|| told.collect::<Vec<_>>().join(", "));
    state.settings.endpoint.clone().or(apart)
}

fn age(state: &State) -> String {
    let stale = Pane::ALL
        .into_iter()
        .any(|pane| matches!(state.table(pane).freshness(), Freshness::Stale { .. }));
    let age = state.oldest().map(|at| format::age(at, state.now)).unwrap_or_default();
    let unfinished = Pane::ALL
        .into_iter()
        .filter(|pane| state.table(*pane).so_far().is_some());
    let unfinished: Vec<&str> = unfinished.map(Pane::name).collect();
    let loading = if unfinished.is_empty() {
        String::new()
    } else {
        format!("loading {} · ", unfinished.join(", "))
    };
    match (stale, age.as_str()) {
        (true, _) => format!("{loading}stale {age} "),
        (false, "") => "loading ".to_owned(),
        (false, "now") if loading.is_empty() => "up to date ".to_owned(),
        (false, "now") => format!("{} ", loading.trim_end_matches(" · ")),
        (false, age) => format!("{loading}{age} old "),
    }
}
