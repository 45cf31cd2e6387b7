//! What a terminal tells of the mouse, in the form of SGR: `ESC [ < button ; column ; row M`, or `m` where it was let go.

/// What a person did with the mouse, at which cell, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub act: MouseAct,
    /// The column.
    pub column: u16,
    /// The row.
    pub row: u16,
}

/// What a mouse is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseAct {
    /// Its left button was pressed.
    Press,
    /// Its wheel was turned up.
    WheelUp,
    /// Its wheel was turned down.
    WheelDown,
}

/// Shift, which is for selecting text; Alt and Control, which mean nothing here; and a move with a button held.
const OTHER: u16 = 4 | 8 | 16 | 32;

/// What follows `ESC [ <`, without its last byte.
pub(super) fn report(parameters: &[u8]) -> Option<Mouse> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut numbers = text.split(';').map(|number| number.parse::<u16>().ok());
    let (button, column, row) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || button & OTHER != 0 {
        return None;
    }
    let act = match button {
        0 => MouseAct::Press,
        64 => MouseAct::WheelUp,
        65 => MouseAct::WheelDown,
        _ => return None,
    };
    Some(Mouse {
        act,
        column: column.checked_sub(1)?,
        row: row.checked_sub(1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_and_the_wheel_are_told_from_all_else() {
        let at = |act| Some(Mouse { act, column: 9, row: 4 });
        assert_eq!(report(b"0;10;5"), at(MouseAct::Press));
        assert_eq!(report(b"64;10;5"), at(MouseAct::WheelUp));
        assert_eq!(report(b"65;10;5"), at(MouseAct::WheelDown));
        // The other buttons, Shift, a move, what no terminal says.
        let others: [&[u8]; 9] = [
            b"1;10;5",
            b"2;10;5",
            b"4;10;5",
            b"32;10;5",
            b"66;10;5",
            b"0;0;5",
            b"0;10",
            b"0;10;5;1",
            b"0;-1;99999",
        ];
        for other in others {
            assert_eq!(report(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
