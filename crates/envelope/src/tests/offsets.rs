//! Where a text stops being base64 is told to the byte.

use std::io::Cursor;

use super::super::{CHUNK, EnvelopeError, verify};
use super::{bytes, key, sealed};

/// What is said of this text: what, and where.
fn said(text: &[u8]) -> (&'static str, u64) {
    match verify(&key(1), &mut Cursor::new(text)) {
        Err(EnvelopeError::NotBase64 { what, offset }) => (what, offset),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_character_is_told_at_its_place_wherever_it_stands() {
    for len in [0, 7, 3000, CHUNK, 2 * CHUNK + 7] {
        let token = sealed(&key(1), &bytes(len));
        for at in [0, 1, 3, 50, token.len() / 2, token.len() - 3] {
            for (letter, what) in [
                (b'!', "a character that is not base64"),
                (0, "a character that is not base64"),
                (0xff, "a character that is not base64"),
            ] {
                let mut wrong = token.clone();
                wrong[at] = letter;
                assert_eq!(said(&wrong), (what, at as u64), "{len} bytes, {letter:#x}");
            }
        }
    }
}

#[test]
fn what_follows_a_token_is_told_at_its_first_byte() {
    // Lengths whose tokens end in one, two and no characters of padding.
    for (len, padding) in [(7, 2), (23, 1), (39, 0)] {
        let token = sealed(&key(1), &bytes(len));
        assert!(token.ends_with(&b"=="[..padding]) && token[token.len() - padding - 1] != b'=');
        let end = token.len() as u64;
        for garbage in ["\0", "!GARBAGE", " \n\u{e9}"] {
            let spaces = garbage.len() - garbage.trim_start().len();
            let text = [&token, garbage.as_bytes()].concat();
            let what = match padding {
                0 => "a character that is not base64",
                _ => "data after the padding",
            };
            assert_eq!(said(&text), (what, end + spaces as u64), "{garbage:?}");
        }
        if padding > 0 {
            let text = [&token, &b"x-GARBAGE"[..]].concat();
            assert_eq!(said(&text), ("data after the padding", end));
            let text = [&token, &b"="[..]].concat();
            assert_eq!(said(&text), ("padding that does not belong there", end));
        }
    }
}

#[test]
fn padding_is_told_where_it_is_too_much_and_where_it_is_missing() {
    let token = sealed(&key(1), &bytes(7));
    let cut = &token[..token.len() - 1];
    assert_eq!(
        said(cut),
        ("it ends where padding or more is missing,", cut.len() as u64)
    );
    assert_eq!(said(b"gAAA=AAA"), ("padding that does not belong there", 4));
    assert_eq!(said(b"gAAAAA==gAAA").1, 8);
}

#[test]
fn white_space_before_within_and_after_a_token_moves_the_place_and_nothing_else() {
    let token = sealed(&key(1), &bytes(500));
    let spaced: Vec<u8> = token.chunks(60).flat_map(|line| [b"\r\n  ", line].concat()).collect();
    assert_eq!(verify(&key(1), &mut Cursor::new(&spaced)).unwrap().plaintext_bytes, 500);
    let mut wrong = spaced.clone();
    wrong[200] = b'*';
    assert_eq!(said(&wrong), ("a character that is not base64", 200));
}
