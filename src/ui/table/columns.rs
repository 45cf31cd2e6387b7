//! The columns of a table: what each needs, and how wide each is.

use crate::app::format::{self, Tone};

/// Columns of this rank or a higher one go before a name is cut.
const LIGHT: usize = 4;

/// Cells that tell how something stands, cut.
const SHORT: usize = 9;

/// A column.
pub(in crate::ui) struct Column {
    pub(in crate::ui) title: &'static str,
    /// Fewest cells.
    pub(in crate::ui) least: usize,
    /// Its part of the cells left over; 0 keeps it at its least.
    pub(in crate::ui) share: usize,
    /// The least important go first when there is no room; 0 never goes.
    pub(in crate::ui) rank: usize,
    pub(in crate::ui) right: bool,
    /// Whether it is cut in the middle.
    pub(in crate::ui) middle: bool,
}

/// A text column that takes a share of what is left over.
pub(in crate::ui) const fn flex(title: &'static str, least: usize, share: usize, rank: usize) -> Column {
    Column {
        title,
        least,
        share,
        rank,
        right: false,
        middle: false,
    }
}

/// The same of names, which differ at either end.
pub(in crate::ui) const fn named(title: &'static str, least: usize, share: usize, rank: usize) -> Column {
    Column {
        middle: true,
        ..flex(title, least, share, rank)
    }
}

/// A column of fixed width.
pub(in crate::ui) const fn fixed(title: &'static str, least: usize, rank: usize) -> Column {
    flex(title, least, 0, rank)
}

/// A column of numbers, to the right.
pub(in crate::ui) const fn number(title: &'static str, least: usize, rank: usize) -> Column {
    Column {
        right: true,
        ..flex(title, least, 0, rank)
    }
}

/// A cell: its meaning and its words.
pub(in crate::ui) type Cell = (Tone, String);

/// What a column needs to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// Cells of the widest of the rows on screen, and of its title.
    cells: usize,
    /// The same without the rows that say it in another column too: a key without an alias is called by its id.
    own: usize,
    /// Whether it tells nothing: all rows are on screen, and it is empty, or the same in each.
    is_idle: bool,
    /// Whether it is empty in all rows on screen: its title alone is not worth its room.
    is_empty: bool,
}

pub(super) fn needs(columns: &[Column], sorted: Option<&str>, rows: &[Vec<Cell>], is_all: bool) -> Vec<Need> {
    let cells: Vec<Vec<usize>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|(_, words)| format::width(&format::clean(words)))
                .collect()
        })
        .collect();
    let need = |(index, column): (usize, &Column)| {
        let words = || {
            rows.iter()
                .filter_map(|row| row.get(index))
                .map(|(_, words)| words.as_str())
        };
        let of = |cells: &[usize]| cells.get(index).copied().unwrap_or(0);
        let widest = cells.iter().map(|cells| of(cells)).max().unwrap_or(0);
        let is_told = |row: &[Cell]| {
            let others = row.iter().enumerate().filter(|(at, _)| *at != index);
            let mut others = others.map(|(_, (_, words))| words);
            row.get(index)
                .is_some_and(|(_, words)| others.any(|other| other == words))
        };
        let own = rows.iter().zip(&cells).filter(|(row, _)| !is_told(row));
        let own = own.map(|(_, cells)| of(cells)).max().unwrap_or(0);
        let first = words().next().unwrap_or_default();
        let is_same = words().all(|words| words == first) && (rows.len() > 1 || first.is_empty());
        let may_go = is_all && column.rank > 1 && sorted != Some(column.title);
        Need {
            own,
            cells: widest.max(column.title.len() + usize::from(sorted == Some(column.title))),
            is_idle: may_go && is_same,
            is_empty: column.rank > 1 && sorted != Some(column.title) && widest == 0,
        }
    };
    columns.iter().enumerate().map(need).collect()
}

/// How wide each column is; none for empty ones and for those that there is no room for. Where not all have what they need those that tell
/// nothing go first, then the least important; what one does not need the others have.
pub(super) fn widths(columns: &[Column], needs: &[Need], room: usize) -> Vec<Option<usize>> {
    let mut least: Vec<usize> = columns
        .iter()
        .zip(needs)
        .map(|(column, need)| column.least.min(need.cells))
        .collect();
    let mut kept: Vec<bool> = needs.iter().map(|need| !need.is_empty).collect();
    let taken = |kept: &[bool], of: &dyn Fn(usize) -> usize| {
        (0..kept.len())
            .filter(|index| kept[*index])
            .map(|index| of(index) + 1)
            .sum::<usize>()
    };
    let whole = |index: usize| needs[index].cells;
    while taken(&kept, &whole) > room + 1 {
        let idle = (0..columns.len()).filter(|index| kept[*index] && needs[*index].is_idle);
        match idle.max_by_key(|index| columns[*index].rank) {
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    // A name that is cut says less than the columns of little weight do.
    let named = |index: usize| match columns[index].rank {
        0 => needs[index].own.min(room * 3 / 5).max(least[index]),
        _ => least[index],
    };
    while taken(&kept, &named) > room + 1 {
        let light = (0..columns.len()).filter(|index| kept[*index] && columns[*index].rank >= LIGHT);
        match light.max_by_key(|index| columns[*index].rank) {
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    loop {
        let over = taken(&kept, &|index| least[index]).saturating_sub(room + 1);
        if over == 0 {
            break;
        }
        let candidates = (0..columns.len()).filter(|index| kept[*index] && columns[*index].rank > 0);
        match candidates.max_by_key(|index| columns[*index].rank) {
            // How something stands is cut before it goes.
            Some(index) if columns[index].rank == 1 && least[index] > SHORT => {
                least[index] = least[index].saturating_sub(over).max(SHORT);
            }
            Some(index) => kept[index] = false,
            None => break,
        }
    }
    let mut widths = least.clone();
    let mut left = (room + 1).saturating_sub(taken(&kept, &|index| least[index]));
    // What a row is called comes before what is said of it, but for a name as long as the line.
    for index in (0..columns.len()).filter(|index| columns[*index].rank == 0) {
        let wanted = needs[index].cells.min(room * 3 / 5).saturating_sub(widths[index]);
        let extra = wanted.min(left);
        widths[index] += extra;
        left -= extra;
    }
    // Then what is needed, then what is left.
    for is_needed in [true, false] {
        let wants = |index: usize, widths: &[usize]| {
            kept[index]
                && if is_needed {
                    widths[index] < needs[index].cells
                } else {
                    columns[index].share > 0
                }
        };
        let mut shares: usize = (0..columns.len())
            .filter(|index| wants(*index, &widths))
            .map(|index| columns[index].share.max(1))
            .sum();
        // Those that need least first: what they leave is the others'.
        let mut order: Vec<usize> = (0..columns.len()).filter(|index| wants(*index, &widths)).collect();
        if is_needed {
            order.sort_by_key(|index| needs[*index].cells - widths[*index]);
        }
        for index in order {
            let share = columns[index].share.max(1);
            let part = left * share / shares;
            let extra = if is_needed {
                part.min(needs[index].cells - widths[index])
            } else {
                part
            };
            widths[index] += extra;
            left -= extra;
            shares -= share;
        }
    }
    let wide = widths.into_iter().zip(kept);
    // Where not even the one column fits, it is cut.
    wide.map(|(width, kept)| kept.then_some(width.min(room))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(cells: usize) -> Need {
        Need {
            cells,
            own: cells,
            is_idle: false,
            is_empty: false,
        }
    }

    fn all_need(cells: usize) -> [Need; 3] {
        [need(cells); 3]
    }

    #[test]
    fn the_least_important_columns_go_first_and_the_rest_share_the_room() {
        let columns = [flex("A", 10, 1, 0), fixed("B", 5, 2), number("C", 6, 1)];
        let widths = |room| widths(&columns, &[30, 5, 6].map(need), room);
        assert_eq!(widths(40), [Some(27), Some(5), Some(6)]);
        assert_eq!(widths(20), [Some(13), None, Some(6)]);
        assert_eq!(widths(12), [Some(12), None, None]);
        assert_eq!(widths(4), [Some(4), None, None]);
        assert_eq!(widths(0), [Some(0), None, None]);
    }

    #[test]
    fn what_a_column_does_not_need_the_others_have() {
        let columns = [flex("A", 10, 1, 0), flex("B", 10, 1, 1)];
        let need = |a, b| [a, b].map(need);
        assert_eq!(widths(&columns, &need(30, 4), 35), [Some(30), Some(4)]);
        assert_eq!(widths(&columns, &need(4, 30), 35), [Some(4), Some(30)]);
        assert_eq!(
            widths(&columns, &need(40, 40), 41),
            [Some(27), Some(13)],
            "the name comes first, and leaves some"
        );
        assert_eq!(widths(&columns, &need(22, 40), 41), [Some(22), Some(18)]);
    }

    #[test]
    fn columns_that_tell_nothing_make_room_where_it_is_needed() {
        let columns = [flex("A", 10, 1, 0), fixed("B", 10, 1), fixed("C", 10, 5)];
        let mut needs = all_need(10);
        needs[1].is_idle = true;
        assert_eq!(widths(&columns, &needs, 32), [Some(10), Some(10), Some(10)]);
        (needs[0].cells, needs[0].own) = (20, 20);
        assert_eq!(widths(&columns, &needs, 32), [Some(21), None, Some(10)]);
        needs = all_need(10);
        needs[1].is_empty = true;
        assert_eq!(
            widths(&columns, &needs, 80)[1],
            None,
            "an empty one has no room however much there is"
        );
    }

    #[test]
    fn how_something_stands_is_cut_before_it_goes() {
        let columns = [flex("A", 10, 1, 0), fixed("STATE", 15, 1), fixed("ID", 36, 5)];
        let needs = [26, 15, 36].map(need);
        let widths = |room| widths(&columns, &needs, room);
        assert_eq!(widths(42), [Some(26), Some(15), None]);
        assert_eq!(widths(25), [Some(10), Some(14), None]);
        assert_eq!(widths(20), [Some(10), Some(9), None]);
        assert_eq!(widths(19), [Some(19), None, None]);
    }

    #[test]
    fn a_name_is_whole_before_columns_of_little_weight_have_room() {
        let columns = [
            flex("A", 10, 1, 0),
            fixed("STATE", 10, 1),
            flex("ABOUT", 16, 2, 4),
            fixed("ID", 36, 5),
        ];
        let needs = [23, 10, 20, 36].map(need);
        // Both names are whole, and share what is left.
        assert_eq!(widths(&columns, &needs, 78), [Some(30), Some(10), Some(36), None]);
        assert_eq!(widths(&columns, &needs, 40), [Some(29), Some(10), None, None]);
        assert_eq!(
            widths(&columns, &needs, 120)[3],
            Some(36),
            "where there is room for both"
        );
    }

    #[test]
    fn a_column_tells_nothing_if_it_is_empty_or_the_same_in_all_rows_that_there_are() {
        let columns = [fixed("A", 3, 0), fixed("B", 3, 2), fixed("C", 3, 1)];
        let row = |a: &str, b: &str, c: &str| [a, b, c].map(|words| (Tone::Plain, words.to_owned())).to_vec();
        let idle = |rows: &[Vec<Cell>], is_all| {
            needs(&columns, Some("C"), rows, is_all)
                .iter()
                .map(|need| need.is_idle)
                .collect::<Vec<_>>()
        };
        let rows = [row("same", "same", "same"), row("same", "same", "same")];
        assert_eq!(
            idle(&rows, true),
            [false, true, false],
            "not the name, nor what they are sorted by"
        );
        assert_eq!(idle(&rows, false), [false; 3], "others may differ");
        assert_eq!(idle(&rows[..1], true), [false; 3], "one row is no comparison");
        let blank = [row("a", "", ""), row("b", "", "")];
        let empty = |is_all| needs(&columns, None, &blank, is_all)[1].is_empty;
        assert_eq!((empty(true), empty(false)), (true, true), "in a long list too");
    }
}
