use super::*;
use crate::domain::{BucketRow, KmsKey};

fn bucket(name: &str) -> BucketRow {
    BucketRow {
        name: name.to_owned(),
        created: None,
    }
}

fn buckets(names: &str) -> Vec<BucketRow> {
    names.split_whitespace().map(bucket).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn table(names: &str) -> Table<BucketRow> {
    let mut table = Table::default();
    table.resize(3);
    table.answer(1, true, true, at(1), buckets(names));
    table
}

fn shown<T: Row>(table: &Table<T>) -> String {
    let names = table.visible().map(|(row, is_cursor, is_marked)| {
        let sign = if is_cursor { ">" } else { "" };
        let mark = if is_marked { "*" } else { "" };
        format!("{sign}{mark}{}", row.id())
    });
    names.collect::<Vec<_>>().join(" ")
}

fn fault() -> Fault {
    Fault::denied("list", "buckets", "no", "")
}

#[test]
fn the_first_walk_is_shown_from_its_first_page() {
    let mut table = Table::default();
    table.resize(9);
    table.answer(1, true, false, at(1), buckets("b a"));
    assert_eq!(shown(&table), ">b a");
    table.answer(1, false, true, at(2), buckets("c"));
    assert_eq!(shown(&table), ">b a c");
    assert_eq!(table.freshness(), &Freshness::Ready(at(2)));
}

#[test]
fn a_later_walk_replaces_nothing_before_its_last_page() {
    let mut table = table("a b");
    table.answer(2, true, false, at(3), buckets("c"));
    assert_eq!(shown(&table), ">a b");
    table.answer(2, false, true, at(4), buckets("d"));
    assert_eq!(shown(&table), ">c d");
}

#[test]
fn rows_of_a_walk_that_broke_off_stay_until_the_next_has_passed_them() {
    let mut table = Table::default();
    table.resize(9);
    table.answer(1, true, false, at(1), buckets("a b"));
    table.answer(1, false, false, at(1), buckets("c"));
    table.failed(1, fault());
    assert_eq!(table.so_far(), None);
    table.answer(2, true, false, at(2), buckets("a b"));
    assert_eq!((shown(&table).as_str(), table.so_far()), (">a b c", Some(2)));
    table.answer(2, false, false, at(2), buckets("c d"));
    assert_eq!((shown(&table).as_str(), table.so_far()), (">a b c d", Some(4)));
    table.answer(2, false, true, at(3), buckets("e"));
    assert_eq!((shown(&table).as_str(), table.so_far()), (">a b c d e", None));
    assert!(table.is_whole());
}

#[test]
fn a_walk_whose_beginning_was_about_something_else_brings_nothing() {
    let mut table = table("a");
    table.reset();
    table.answer(1, false, true, at(2), buckets("b"));
    assert_eq!((shown(&table).as_str(), table.is_whole()), ("", false));
}

#[test]
fn what_was_listed_or_taken_off_during_a_walk_stays_so_at_its_end() {
    let mut table = table("b c");
    table.answer(2, true, false, at(2), buckets("b c"));
    table.merge(bucket("a"));
    table.remove(&["c".to_owned()].into());
    assert_eq!(shown(&table), "a >b");
    table.answer(2, false, true, at(3), buckets("d"));
    assert_eq!(
        table.rows().iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["b", "d", "a"]
    );
    table.answer(3, true, true, at(4), buckets("b c d"));
    assert_eq!(shown(&table), ">b c d");
}

#[test]
fn a_row_that_changes_goes_where_it_belongs_and_the_cursor_stays_on_its_row() {
    let mut table = table("a b c d");
    table.resize(9);
    table.sort_by("BUCKET");
    table.step(1);
    let rename = |to: &'static str| move |row: &mut BucketRow| row.name = to.to_owned();
    table.amend("a", rename("e"));
    assert_eq!(shown(&table), ">b c d e");
    table.amend("b", rename("dd"));
    assert_eq!(shown(&table), "c d >dd e");
    table.amend("e", rename("a"));
    assert_eq!(shown(&table), "a c d >dd");
}

#[test]
fn near_the_cursor_comes_before_what_is_on_screen_and_that_before_the_pages_around_it() {
    let mut table = table("a b c d e f g h i j k l");
    table.resize(2);
    table.step(5);
    let near: Vec<&str> = table.near().map(|row| row.name.as_str()).collect();
    assert_eq!(near, ["f", "e", "f", "g", "h", "c", "d"]);
}

#[test]
fn a_walk_with_more_to_bring_says_how_far_it_is() {
    let mut table = table("a b");
    assert_eq!(table.so_far(), None);
    table.answer(2, true, false, at(2), buckets("a"));
    assert_eq!((table.so_far(), table.is_whole()), (Some(1), true));
    table.answer(2, false, true, at(2), buckets("b"));
    assert_eq!(table.so_far(), None);
}

#[test]
fn pages_of_an_older_walk_are_dropped() {
    let mut table = table("a");
    table.answer(3, true, true, at(3), buckets("new"));
    table.answer(2, true, true, at(4), buckets("old"));
    assert_eq!(shown(&table), ">new");
}

#[test]
fn the_cursor_stays_with_its_row_over_refresh_and_sort() {
    let mut table = table("c a b");
    table.step(2);
    table.answer(2, true, true, at(2), buckets("x b c a"));
    assert_eq!(table.current().unwrap().name, "b");
    table.sort_by("BUCKET");
    assert_eq!(shown(&table), "a >b c");
    table.reverse();
    assert_eq!(table.current().unwrap().name, "b");
}

#[test]
fn a_failure_keeps_the_rows_and_their_age() {
    let mut table = table("a b");
    table.failed(2, fault());
    assert_eq!(shown(&table), ">a b");
    assert_eq!(table.freshness().at(), Some(at(1)));
    table.failed(1, fault());
    table.answer(3, true, true, at(5), buckets("a"));
    assert_eq!(table.freshness(), &Freshness::Ready(at(5)));
}

#[test]
fn the_window_follows_the_cursor_and_goes_no_further_than_needed() {
    let mut table = table("a b c d e");
    table.step(2);
    assert_eq!(shown(&table), "a b >c");
    table.step(1);
    assert_eq!(shown(&table), "b c >d");
    table.step(-1);
    assert_eq!(shown(&table), "b >c d");
    table.step(isize::MAX);
    assert_eq!(shown(&table), "c d >e");
    table.resize(5);
    assert_eq!(shown(&table), "a b c d >e");
    table.step(isize::MIN);
    assert_eq!(table.cursor(), 0);
}

#[test]
fn a_filter_is_fuzzy_and_its_best_match_comes_first() {
    let mut table = table("sagemaker-logs logs models");
    table.set_filter("logs");
    assert_eq!(shown(&table), ">logs sagemaker-logs");
    table.set_filter("smlg");
    assert_eq!(shown(&table), ">sagemaker-logs");
    table.set_filter("");
    assert_eq!(shown(&table), ">sagemaker-logs logs models");
}

#[test]
fn marked_rows_are_chosen_and_marks_go_with_their_rows() {
    let mut table = table("a b c");
    table.toggle_mark();
    table.step(1);
    table.toggle_mark();
    assert_eq!(shown(&table), "*a b >*c");
    let chosen: Vec<&str> = table.chosen().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(chosen, ["a", "c"]);
    table.answer(2, true, true, at(2), buckets("b c"));
    assert_eq!(table.marked(), 1);
}

#[test]
fn all_that_are_shown_are_marked_inverted_and_marked_in_a_range_from_the_last_mark() {
    let mut table = table("a b c d e");
    table.resize(9);
    table.set_filter("!c");
    table.mark_all();
    assert_eq!(shown(&table), ">*a *b *d *e");
    table.set_filter("");
    assert_eq!(shown(&table), ">*a *b c *d *e");
    table.invert_marks();
    assert_eq!(shown(&table), ">a b *c d e");
    table.clear_marks();
    table.step(1);
    table.toggle_mark();
    table.step(1);
    table.mark_range();
    assert_eq!(shown(&table), "a *b *c >*d e");
    table.step(1);
    table.mark_range();
    assert_eq!(shown(&table), "a *b *c *d >*e");
    // Without a mark a range is the row under the cursor.
    table.clear_marks();
    table.step(isize::MIN);
    table.mark_range();
    assert_eq!(shown(&table), ">*a b c d e");
}

#[test]
fn marked_rows_weigh_what_they_weigh_now() {
    let parcel = |name, grams| Parcel { name, grams };
    let mut parcels = Table::default();
    parcels.resize(9);
    parcels.answer(1, true, true, at(1), vec![parcel("lamp", 900), parcel("book", 400)]);
    parcels.mark_all();
    assert_eq!(parcels.marks(), (2, 1300));
    parcels.answer(2, true, true, at(2), vec![parcel("lamp", 800), parcel("vase", 700)]);
    assert_eq!(parcels.marks(), (1, 800));
    parcels.clear_marks();
    assert_eq!(parcels.marks(), (0, 0));
}

#[test]
fn what_is_saved_of_a_table_is_what_it_shows_in_its_order() {
    let parcel = |name, grams| Parcel { name, grams };
    let mut parcels = Table::default();
    let rows = vec![parcel("lamp", 900), parcel("book", 400), parcel("vase", 700)];
    parcels.answer(1, true, true, at(1), rows);
    parcels.sort_by("WEIGHT");
    parcels.set_filter("!book");
    let names: Vec<_> = parcels.records().iter().map(|row| row[0].1.clone()).collect();
    assert_eq!(names, ["vase", "lamp"]);
}

#[test]
fn each_column_has_a_letter_of_its_own() {
    let letters = |titles: &[&'static str]| -> String {
        let found = super::listing::lettered(titles.iter().copied());
        found.into_iter().map(|(_, letter)| letter).collect()
    };
    assert_eq!(
        letters(&["NAME", "STATE", "AGE", "DESCRIPTION", "KEY ID", "SPEC"]),
        "nsadkp"
    );
    assert_eq!(letters(&["GRANTEE", "MAY", "NAME", "AGE"]), "gmna");
}

#[test]
fn a_wanted_row_is_chosen_as_soon_as_it_comes_unless_the_person_moved() {
    let mut waiting = table("a b");
    waiting.want("c");
    waiting.answer(2, true, true, at(2), buckets("a b c"));
    assert_eq!(waiting.current().unwrap().name, "c");

    let mut moved = table("a b");
    moved.want("c");
    moved.step(1);
    moved.answer(2, true, true, at(2), buckets("a b c"));
    assert_eq!(moved.current().unwrap().name, "b");
}

#[test]
fn an_empty_table_has_nothing_to_point_at() {
    let mut table = table("");
    table.step(1);
    table.toggle_mark();
    assert!(table.current().is_none() && table.chosen().is_empty());
    assert_eq!(shown(&table), "");
}

/// A row of no pane.
struct Parcel {
    name: &'static str,
    grams: u32,
}

impl Row for Parcel {
    const ORDERS: &'static [Order<Self>] = &[
        ("NAME", |a, b| a.name.cmp(b.name)),
        ("WEIGHT", |a, b| a.grams.cmp(&b.grams)),
    ];

    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.name)
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{} {}", self.name, self.grams))
    }

    fn record(&self) -> Vec<Named> {
        vec![("name", self.name.into()), ("grams", self.grams.into())]
    }

    fn bytes(&self) -> u64 {
        u64::from(self.grams)
    }
}

#[test]
fn rows_of_a_new_kind_bring_their_orders_their_name_and_their_text_and_the_table_does_the_rest() {
    let mut parcels = Table::default();
    let rows = [("lamp", 900), ("book", 400), ("vase", 700)].map(|(name, grams)| Parcel { name, grams });
    parcels.answer(1, true, true, at(1), rows.into());
    let mut after = |act: &dyn Fn(&mut dyn Listing)| {
        act(&mut parcels);
        let sort = parcels
            .sort()
            .map_or(String::new(), |(title, _)| format!(" by {title}"));
        shown(&parcels) + &sort
    };
    assert_eq!(after(&|table| table.resize(9)), ">lamp book vase");
    assert_eq!(after(&|table| table.sort_by("NAME")), "book >lamp vase by NAME");
    assert_eq!(after(&|table| table.sort_by("WEIGHT")), "book vase >lamp by WEIGHT");
    assert_eq!(after(&|table| table.reverse()), ">lamp vase book by WEIGHT");
    assert_eq!(after(&|table| table.toggle_mark()), "*lamp >vase book by WEIGHT");
    assert_eq!(after(&|table| table.set_filter("400")), ">book by WEIGHT");
    assert_eq!(after(&|table| table.set_filter("")), "*lamp vase >book by WEIGHT");
    assert_eq!(after(&|table| table.step(isize::MIN)), ">*lamp vase book by WEIGHT");
    assert_eq!(after(&|table| table.sort_by("NAME")), "book >*lamp vase by NAME");
    let chosen: Vec<&str> = parcels.chosen().iter().map(|parcel| parcel.name).collect();
    assert_eq!(chosen, ["lamp"]);
}

#[test]
fn a_row_is_found_by_its_id_whatever_was_done_to_the_list() {
    let mut table = Table::default();
    table.answer(1, true, false, at(1), buckets("d b"));
    table.answer(1, false, false, at(1), buckets("e"));
    table.pin(bucket("pinned"));
    table.merge(bucket("a"));
    table.merge(bucket("b"));
    table.answer(1, false, true, at(2), buckets("f pinned"));
    table.remove(&["d".to_owned()].into());
    table.sort_by("BUCKET");
    let found = |table: &Table<BucketRow>| {
        for row in table.rows() {
            assert_eq!(table.get(&row.name), Some(row));
        }
        table.rows().len()
    };
    assert_eq!((found(&table), table.get("d")), (5, None));
    table.answer(2, true, true, at(3), buckets("e z"));
    assert_eq!(
        (found(&table), table.get("a")),
        (3, None),
        "what was named by hand stays"
    );
    table.reset();
    assert_eq!(table.get("z"), None);
}

#[test]
fn a_key_is_found_by_all_its_names_and_not_by_one_that_it_had() {
    let key = |number: usize, alias: &str| KmsKey {
        id: number.to_string(),
        arn: format!("arn:{number}"),
        aliases: vec![format!("alias/{alias}")],
        detail: None,
    };
    let mut table = Table::default();
    table.answer(1, true, true, at(1), vec![key(1, "one"), key(2, "two")]);
    let named = |table: &Table<KmsKey>, name| table.get(name).map(|key| key.id.clone());
    for name in ["arn:2", "2", "alias/two"] {
        assert_eq!(named(&table, name).as_deref(), Some("2"), "{name}");
    }
    table.amend("arn:2", |key| key.aliases = vec!["alias/other".to_owned()]);
    assert_eq!(named(&table, "alias/two"), None);
    assert_eq!(named(&table, "alias/other").as_deref(), Some("2"));
    table.merge(key(1, "uno"));
    assert_eq!(named(&table, "alias/one"), None);
    assert_eq!(named(&table, "alias/uno").as_deref(), Some("1"));
}
