//! Where the fingers go: the menu, marks and orders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use strongroom::app::{Effect, Event, Habit, Keymap, Overlay, Page, Pane, ThemeName, Topic};
use strongroom::domain::{AccountRequest, ObjectFormat, ObjectRequest, Outcome, Plaintext, Request};

use super::WIDE;
use crate::desk::{BUCKET, Desk, at, object, role};

fn labels(desk: &Desk) -> Vec<&'static str> {
    match desk.state.overlays.last() {
        Some(Overlay::Menu(menu)) => menu.actions.iter().map(|action| action.label).collect(),
        other => panic!("no menu but {other:?}"),
    }
}

#[test]
fn the_menu_narrows_as_one_types_and_does_what_is_left_on_top() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    let all = labels(&desk);
    desk.keys("dlals");
    assert_eq!(labels(&desk), ["delete alias"]);
    assert!(desk.screen().contains("› dlals"), "{}", desk.screen());
    // What it does is looked through too, and letters move nothing.
    desk.keys("<ctrl-u>jk");
    assert!(desk.screen().contains("Nothing here has this"), "{}", desk.screen());
    desk.keys("<ctrl-u>");
    assert_eq!(labels(&desk), all);
    desk.keys("tags<enter>");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Form(_))),
        "{}",
        desk.screen()
    );
}

#[test]
fn the_menu_has_what_is_used_most_first_and_what_is_dangerous_last_and_marked() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    assert_eq!(labels(&desk).last(), Some(&"clean up"));
    let row = |screen: &str| {
        screen
            .lines()
            .find(|line| line.contains("delete alias"))
            .unwrap()
            .to_owned()
    };
    assert!(row(&desk.screen()).contains(" ! "), "{}", desk.screen());
    assert_ne!(labels(&desk)[0], "dependents");
    desk.keys("dependents<enter>a");
    assert_eq!(labels(&desk)[0], "dependents");
    assert!(desk.effects.contains(&Effect::Habit(Habit::Used("dependents"))));
    // However often it is used, what is dangerous stays last.
    desk.keys("dlals<enter><esc>a");
    assert_eq!(labels(&desk).last(), Some(&"clean up"));
}

#[test]
fn what_is_taken_back_is_not_used() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1aallow role<enter>");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Form(_))),
        "{}",
        desk.screen()
    );
    desk.keys("<esc>a");
    assert_ne!(labels(&desk)[0], "allow role");
    // Nor by something else that is sent afterwards.
    desk.keys("<esc>p");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>");
    assert_eq!(desk.started().len(), 1, "{}", desk.screen());
    let is_used = |label: &'static str| desk.effects.contains(&Effect::Habit(Habit::Used(label)));
    assert!(!is_used("allow role"));
    // What is sent is, once it is.
    desk.keys("aadd alias<enter>");
    let is_used = |desk: &Desk| desk.effects.contains(&Effect::Habit(Habit::Used("add alias")));
    assert!(!is_used(&desk));
    desk.keys("another<enter>");
    assert_eq!(desk.started().len(), 2, "{}", desk.screen());
    assert!(is_used(&desk));
}

/// Presses the mouse on a cell, counted from 0.
fn press(desk: &mut Desk, (column, row): (usize, usize)) {
    let (columns, rows) = desk.state.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut hit = None;
    terminal
        .draw(|frame| {
            let hits = strongroom::ui::draw(&desk.state, &desk.theme, frame);
            hit = hits.at(u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
        })
        .unwrap();
    desk.event(Event::Click(hit.unwrap()));
}

#[test]
fn a_row_of_the_menu_that_is_pressed_twice_is_done_whatever_had_the_cursor() {
    // The first has the cursor already: one press does nothing there either.
    for row in 0..8 {
        let mut desk = Desk::filled((80, 24));
        desk.keys("1a");
        let label = labels(&desk)[row];
        let screen = desk.screen();
        let typed = screen.lines().enumerate().find_map(|(line, text)| {
            let column = text.chars().position(|character| character == '›')?;
            Some((column, line))
        });
        let (column, line) = typed.unwrap();
        let cell = (column + 3, line + 1 + row);
        press(&mut desk, cell);
        assert_eq!(labels(&desk)[row], label);
        let under_cursor = desk.screen().lines().nth(cell.1).map(str::to_owned).unwrap();
        assert!(under_cursor.contains(&format!("▸ {label}")), "{}", desk.screen());
        press(&mut desk, cell);
        assert!(
            !matches!(desk.state.overlays.last(), Some(Overlay::Menu(_))),
            "{label}: {}",
            desk.screen()
        );
    }
}

#[test]
fn a_menu_has_no_row_for_nothing_and_tells_every_sentence_whole() {
    let mut desk = Desk::filled((200, 50));
    let screen = desk.keys("1a").screen();
    let lines: Vec<&str> = screen.lines().collect();
    let last = lines.iter().rposition(|line| line.contains(" clean up ")).unwrap();
    assert!(lines[last + 1].contains("╰──"), "{screen}");
    let mut desk = Desk::filled((80, 24));
    desk.keys("1a");
    let words = |text: &str| text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    for row in 0..labels(&desk).len() {
        let Some(Overlay::Menu(menu)) = desk.state.overlays.last() else {
            panic!("no menu")
        };
        let help = menu.actions[row].help;
        assert!(words(&desk.screen()).contains(help), "{help}: {}", desk.screen());
        desk.keys("<down>");
    }
}

#[test]
fn themes_are_found_by_letters_and_words_and_what_is_typed_stays_where_it_is() {
    let mut desk = Desk::filled((80, 24));
    desk.state.settings.arrangement.theme = Some(ThemeName::Light);
    desk.keys("B");
    assert_eq!(
        desk.state.theme(),
        ThemeName::Light,
        "looking for another takes none off"
    );
    let typed = |desk: &Desk| {
        let screen = desk.screen();
        screen.lines().position(|line| line.contains("│ : theme "))
    };
    let before = typed(&desk);
    assert!(before.is_some(), "{}", desk.screen());
    for (letters, theme) in [
        ("hi", ThemeName::HighContrast),
        ("orange", ThemeName::ColourBlind),
        ("da", ThemeName::Dark),
    ] {
        desk.keys(letters);
        assert_eq!(desk.state.theme(), theme, "{letters}");
        assert_eq!(typed(&desk), before, "{}", desk.screen());
        desk.keys(&"<backspace>".repeat(letters.len()));
        assert_eq!(desk.state.theme(), ThemeName::Light);
    }
    desk.keys("zzz");
    assert_eq!(typed(&desk), before, "{}", desk.screen());
}

#[test]
fn every_action_is_in_the_palette_by_name_with_its_key() {
    let mut desk = Desk::filled(WIDE);
    let screen = desk.keys("1:policy").screen();
    for row in ["edit policy      a", "detach policy    a"] {
        assert!(screen.contains(row), "no `{row}`: {screen}");
    }
    let screen = desk.keys("<esc>:verify").screen();
    assert!(screen.contains("verify           v"), "{screen}");
}

#[test]
fn all_are_marked_the_others_are_and_a_range_is_and_what_acts_on_them_says_how_many() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3<ctrl-a>");
    assert!(desk.screen().contains("5 marked, 54.8 KiB"), "{}", desk.screen());
    desk.keys("*");
    assert!(!desk.screen().contains("marked"), "{}", desk.screen());
    // From the mark to the cursor.
    desk.keys("ggj jj+");
    assert!(desk.screen().contains("4 marked, 54.8 KiB"), "{}", desk.screen());
    assert!(desk.screen().contains("v verify 4"), "{}", desk.screen());
    assert!(
        desk.keys("a").screen().contains("4 marked, 54.8 KiB"),
        "{}",
        desk.screen()
    );
    desk.keys("<esc>v");
    let Some(Request::Object(ObjectRequest::Verify { objects, .. })) = desk.started().pop() else {
        panic!("nothing is verified: {}", desk.screen())
    };
    assert_eq!(objects, ["dont_look", "housing.csv", "other.csv", "readme.txt"]);
    desk.keys("<esc>");
    assert!(!desk.screen().contains("marked"), "{}", desk.screen());
    // Where nothing can be marked it is said where something can.
    desk.keys("1<ctrl-a>");
    assert!(desk.screen().contains("can be marked"), "{}", desk.screen());
}

#[test]
fn where_all_is_marked_the_folder_is_still_named_and_the_number_told_once() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5<ctrl-a>");
    let title = |desk: &Desk| {
        let screen = desk.screen();
        screen
            .lines()
            .find(|line| line.contains("3 marked"))
            .unwrap()
            .to_owned()
    };
    assert!(title(&desk).contains(" 5 /data ─"), "{}", desk.screen());
    desk.state.dir = PathBuf::from("/home/ann/experiments/of/this/year/and/the/last/housing");
    let title = title(&desk);
    let (_, name) = title.split_once(" 5 /").unwrap();
    assert!(name.contains('…') && name.contains("ng ─"), "{title}");
}

#[test]
fn esc_and_a_key_that_come_as_one_are_two_keys_unless_alt_is_bound_or_edits_a_text() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a<alt-w>");
    let is_walk = |desk: &Desk| matches!(desk.state.overlays.as_slice(), [Overlay::Guide(_)]);
    assert!(is_walk(&desk), "{}", desk.screen());
    let mut desk = Desk::filled(WIDE);
    desk.keys("3/hous<alt-O>");
    assert!(!desk.state.typing, "{}", desk.screen());
    assert_eq!(desk.state.objects.shown(), 5, "{}", desk.screen());
    assert!(matches!(desk.state.overlays.as_slice(), [Overlay::Palette(_)]));
    // A word less, and typed on before the one that is left.
    let mut desk = Desk::filled(WIDE);
    desk.keys("3/hous ing<alt-backspace><alt-b>x");
    assert!(
        desk.state.typing && desk.screen().contains("/x▏hous"),
        "{}",
        desk.screen()
    );
    // Where nothing is typed these are no keys of a text.
    desk.keys("<esc>1<enter><alt-b>");
    assert!(desk.state.overlays.is_empty(), "{}", desk.screen());
    // A person's own key.
    let mut desk = Desk::filled(WIDE);
    let own = BTreeMap::from([("walk".to_owned(), vec!["alt-w".to_owned()])]);
    desk.state.settings.keymap = Keymap::default().with(&own).unwrap();
    assert!(is_walk(desk.keys("1<alt-w>")), "{}", desk.screen());
}

#[test]
fn every_line_that_is_typed_is_edited_by_the_same_keys_and_shows_its_caret() {
    let edits = [
        ("<alt-b>x", "one x▏two"),
        ("<left><delete>", "one tw▏"),
        ("<home><alt-d>", "▏two"),
        ("<ctrl-a><alt-f>x", "one x▏two"),
        ("<home><right><ctrl-k>", "o▏"),
        ("<ctrl-w>", "one ▏"),
        ("<ctrl-u>x", "x▏"),
        ("<home><end>x", "one twox▏"),
    ];
    // The filter of a pane and of the audit log, what is looked for in a text and in a log, a form, the palette, the menu.
    for line in ["3/", "4<enter>/", "4l/", "1n", ":", "1a"] {
        for (keys, shown) in edits {
            // There Home and End go to the ends of the list.
            if line == "1a" && (keys.contains("<home>") || keys.contains("<end>")) {
                continue;
            }
            let mut desk = Desk::filled(WIDE);
            desk.keys(line).keys("<ctrl-u>one two").keys(keys);
            assert!(desk.screen().contains(shown), "{line} {keys}: {}", desk.screen());
        }
    }
}

#[test]
fn a_pasted_text_goes_where_the_caret_of_the_filter_is() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3/sv<home>").event(Event::Paste("c\n".to_owned()));
    assert!(desk.screen().contains("/c▏sv"), "{}", desk.screen());
    assert_eq!(desk.state.objects.shown(), 2, "{}", desk.screen());
    // What is typed the next time goes to the end again.
    desk.keys("<enter>/x");
    assert!(desk.screen().contains("/csvx▏"), "{}", desk.screen());
}

#[test]
fn arrows_go_sideways_into_what_has_rows_and_out_of_it() {
    let at = |desk: &Desk| {
        let place = desk.state.place.as_ref().map(|(_, prefix)| prefix.clone());
        (desk.state.focus, place, desk.state.dir.clone())
    };
    let (root, data) = (Some(String::new()), PathBuf::from("/data"));
    let out = Some("output/".to_owned());
    for (keys, focus, place, dir) in [
        ("1<right>", Pane::Objects, &root, "/data"),
        ("1<right>j<right>", Pane::Files, &root, "/data"),
        ("1<left>", Pane::Keys, &root, "/data"),
        ("2<right>", Pane::Jobs, &root, "/data"),
        ("4h", Pane::Grants, &root, "/data"),
        ("4<right>", Pane::Jobs, &root, "/data"),
        // Into a prefix and out of it; a bucket is not left so.
        ("3gg<right>", Pane::Objects, &out, "/data"),
        ("3gg<right>h", Pane::Objects, &root, "/data"),
        ("3gg<right>hh", Pane::Keys, &root, "/data"),
        ("3-<left>", Pane::Keys, &None, "/data"),
        ("3-<right>", Pane::Objects, &root, "/data"),
        // The folder of the start is not left so either.
        ("5gg<right>", Pane::Files, &root, "/data/raw"),
        ("5gg<right>h", Pane::Files, &root, "/data"),
        ("5gg<right>hh", Pane::Objects, &root, "/data"),
        ("5j<right>", Pane::Files, &root, "/data"),
    ] {
        let mut desk = Desk::filled(WIDE);
        assert_eq!(at(&desk).2, data);
        desk.keys(keys);
        assert_eq!(at(&desk), (focus, place.clone(), PathBuf::from(dir)), "{keys}");
    }
    // In what is read they turn its pages.
    let page = |keys: &str| {
        let mut desk = Desk::filled(WIDE);
        match desk.keys(keys).state.overlays.last() {
            Some(Overlay::Details(details)) => details.subject.pages()[details.page],
            other => panic!("{keys}: {other:?}"),
        }
    };
    assert_eq!(page("1<enter><right>"), "Policy");
    assert_eq!(page("1<enter>h"), "JSON");
    assert_eq!(page("1<enter><right><left>"), "Overview");
}

#[test]
fn half_a_page_is_moved_by_the_keys_of_pagers() {
    let mut desk = Desk::filled(WIDE);
    desk.objects(
        (0..90)
            .map(|n| object(&format!("{n:02}.csv"), ObjectFormat::Plain, None))
            .collect(),
    );
    desk.keys("3gg<pgdown>");
    let page = desk.state.objects.cursor();
    desk.keys("gg<ctrl-d>");
    let half = desk.state.objects.cursor();
    assert!(
        half > 0 && (half == page / 2 || half == page.div_ceil(2)),
        "{half} of {page}"
    );
    desk.keys("<ctrl-d><ctrl-u>");
    assert_eq!(desk.state.objects.cursor(), half);
    let mut desk = Desk::filled((80, 24));
    desk.keys("4<enter>G").keys("<ctrl-u>");
    let Some(Overlay::Details(details)) = desk.state.overlays.last() else {
        panic!("no details: {}", desk.screen())
    };
    let up = details.scroll.0;
    desk.keys("<ctrl-d>");
    let Some(Overlay::Details(details)) = desk.state.overlays.last() else {
        panic!("no details: {}", desk.screen())
    };
    assert!(details.scroll.0 > up, "{}", desk.screen());
}

#[test]
fn one_esc_too_many_does_not_leave_the_bucket() {
    let place = |desk: &Desk| desk.state.place.is_some();
    // A page, a question, a form, a filter that is typed or kept, marks.
    for opened in ["3jj<enter>", "3jjx", "3n", "3/hous", "3/hous<enter>", "3jj ", "3jja"] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(opened).keys("<esc>");
        assert!(
            desk.state.overlays.is_empty() && place(&desk),
            "{opened}: one layer at a time"
        );
        desk.keys("<esc>");
        assert!(place(&desk), "{opened}: {}", desk.screen());
        assert!(
            desk.screen().contains("Esc once more goes to the buckets"),
            "{}",
            desk.screen()
        );
        desk.keys("<esc>");
        assert!(!place(&desk), "{opened}: who means it leaves");
    }
    // Whoever does something in between means it, and another key does at once.
    for keys in [
        "3jj<enter><esc>j<esc>",
        "3<esc>",
        "3jj<enter><esc><esc>j<esc>",
        "3jj<enter><esc>-",
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(keys);
        assert!(!place(&desk), "{keys}: {}", desk.screen());
    }
    // A prefix is left as before: its bucket is still there.
    let mut desk = Desk::filled(WIDE);
    desk.keys("3gg<enter>");
    desk.keys("<esc>");
    assert_eq!(desk.state.place, Some((BUCKET.to_owned(), String::new())));
}

#[test]
fn every_page_of_details_is_found_by_its_name() {
    for (keys, page) in [
        ("4:metr<enter>", "Metrics"),
        ("1:key policy<enter>", "Policy"),
        ("1:json<enter>", "JSON"),
        ("4:json<enter>", "JSON"),
        // Where they are open it is turned to.
        ("4<enter>ametrics<enter>", "Metrics"),
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(keys);
        let [Overlay::Details(details)] = desk.state.overlays.as_slice() else {
            panic!("{keys}: {}", desk.screen())
        };
        assert_eq!(details.subject.pages()[details.page], page, "{keys}");
    }
}

#[test]
fn a_filter_is_marked_as_a_whole_and_no_more_than_it() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3/csv<enter><ctrl-a>");
    assert_eq!(desk.state.objects.marked(), 2, "{}", desk.screen());
}

#[test]
fn rows_are_sorted_by_the_letter_of_a_column_and_the_same_again_reverses_them() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3s");
    assert!(
        desk.screen().contains("z size") || desk.screen().contains("s size"),
        "{}",
        desk.screen()
    );
    desk.keys("s");
    assert_eq!(desk.state.objects.sort(), Some(("SIZE", false)));
    desk.keys("ss");
    assert_eq!(desk.state.objects.sort(), Some(("SIZE", true)));
    // By the number of the column too; and not at all.
    desk.keys("s1");
    assert_eq!(desk.state.objects.sort(), Some(("NAME", false)));
    desk.keys("s<esc>");
    assert_eq!(desk.state.objects.sort(), Some(("NAME", false)));
    assert!(desk.state.overlays.is_empty());
    // It stays over what is opened.
    desk.keys("swgg<enter>");
    assert_eq!(desk.state.objects.sort(), Some(("WHAT", false)));
}

/// What was put on the clipboard last.
fn copied(desk: &Desk) -> String {
    let copied = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    copied.unwrap_or_else(|| panic!("nothing was copied: {}", desk.screen()))
}

#[test]
fn an_object_is_copied_by_the_letter_of_what_is_wanted_of_it() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jj");
    let mut copy = |letter: &str| {
        desk.keys("U").keys(letter);
        assert!(desk.state.overlays.is_empty(), "{}", desk.screen());
        copied(&desk)
    };
    assert_eq!(copy("n"), "housing.csv");
    assert_eq!(copy("a"), format!("arn:aws:s3:::{BUCKET}/housing.csv"));
    assert_eq!(copy("u"), format!("s3://{BUCKET}/housing.csv"));
    let page = copy("c");
    assert!(
        page.starts_with("https://us-east-1.console.aws.amazon.com/s3/object/"),
        "{page}"
    );
    assert!(copy("l").starts_with("aws s3api head-object --bucket"));
    let lines = copy("p");
    for part in [
        "profile_name=\"research\"",
        "Key=\".strongroom/data-keys/6f0c\"",
        "Fernet(",
    ] {
        assert!(lines.contains(part), "no `{part}`: {lines}");
    }
}

#[test]
fn a_presigned_url_is_made_when_it_is_wanted_and_never_shown() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjUs");
    let (bucket, object) = (BUCKET.to_owned(), "housing.csv".to_owned());
    assert_eq!(
        desk.started(),
        [Request::Object(ObjectRequest::Presign { bucket, object })]
    );
    let url = "https://example.com/housing.csv?X-Amz-Signature=0123";
    desk.done(
        1,
        Outcome::Presigned {
            source: format!("s3://{BUCKET}/housing.csv"),
            url: Plaintext::from(url.to_owned()),
            until: at(3600),
        },
    );
    assert_eq!(copied(&desk), url);
    let screen = desk.screen();
    assert!(screen.contains("whoever has it reads"), "{screen}");
    assert!(!screen.contains("Signature"), "{screen}");
    let said = format!("{:?} {:?}", desk.state.operations, desk.state.messages);
    assert!(!said.contains("Signature"), "{said}");
    // Of a prefix, or a key, there is none.
    for row in ["3ggU", "1U"] {
        let screen = desk.keys(row).screen();
        assert!(screen.contains("Copy of") && !screen.contains("presigned"), "{screen}");
        desk.keys("<esc>");
    }
}

#[test]
fn the_rows_that_are_shown_are_saved_in_their_order() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3/csv<enter>sn").keys("sn").keys("E");
    assert!(
        desk.screen().contains("Save 2 rows of objects of s3://"),
        "{}",
        desk.screen()
    );
    desk.keys("<enter>");
    let Some(Request::Account(AccountRequest::SaveSheet { sheet, to })) = desk.started().pop() else {
        panic!("nothing is saved: {}", desk.screen())
    };
    assert_eq!(to, PathBuf::from("/data/objects.csv"));
    let keys: Vec<_> = sheet.rows.iter().map(|row| row[0].1.clone()).collect();
    assert_eq!(keys, ["other.csv", "housing.csv"]);
    for (pane, what) in [("1", "keys"), ("2", "grants"), ("4", "jobs"), ("5", "files")] {
        desk.keys(pane).keys("E");
        let screen = desk.screen();
        assert!(screen.contains(&format!("of {what}")), "{screen}");
        desk.keys("<esc>");
    }
}
