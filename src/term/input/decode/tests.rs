use proptest::prelude::*;

use super::*;

/// A terminal under a clock of its own: pieces, each after so long a pause.
fn typed<'a>(pieces: impl IntoIterator<Item = (u64, &'a [u8])>) -> Vec<Input> {
    let (mut decoder, mut typed) = (Decoder::default(), Vec::new());
    for (pause, bytes) in pieces {
        wait(&mut decoder, Duration::from_millis(pause), &mut typed);
        decoder.feed(bytes, &mut typed);
    }
    wait(&mut decoder, Duration::from_secs(10), &mut typed);
    typed
}

fn wait(decoder: &mut Decoder, mut pause: Duration, typed: &mut Vec<Input>) {
    while let Some(patience) = decoder.patience().filter(|patience| *patience <= pause) {
        pause -= patience;
        decoder.silence(typed);
    }
}

fn at_once(bytes: &[u8]) -> Vec<Input> {
    typed([(0, bytes)])
}

fn char(c: char) -> Input {
    Input::Key(keys::character(c))
}

fn with(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

#[test]
fn an_escape_and_a_p_200_ms_apart_are_two_keys() {
    assert_eq!(
        typed([(0, b"\x1b".as_slice()), (200, b"P")]),
        [key(KeyCode::Esc), char('P')]
    );
    for letter in [b"[", b"]", b"O", b"X", b"_", b"^", b"\\", b"e"] {
        let expected = [key(KeyCode::Esc), char(char::from(letter[0]))];
        assert_eq!(typed([(0, b"\x1b".as_slice()), (200, letter)]), expected);
    }
    assert_eq!(
        typed([(0, b"\x1b".as_slice()), (60, b"e")]),
        [key(KeyCode::Esc), char('e')]
    );
    assert_eq!(at_once(b"\x1b\x1b"), [key(KeyCode::Esc), key(KeyCode::Esc)]);
}

#[test]
fn esc_and_a_letter_that_begins_a_sequence_are_two_keys_when_nothing_follows() {
    let alt = |letter: u8| {
        let mut key = keys::character(char::from(letter));
        key.modifiers |= KeyModifiers::ALT;
        Input::Key(key)
    };
    for letter in *b"O[P]X^_\\" {
        let both = [ESC, letter];
        // As one read, which is Alt to who is told: the core takes it for two keys where Alt means nothing.
        assert_eq!(at_once(&both), [alt(letter)], "{}", both.escape_ascii());
        assert_eq!(typed([(0, both.as_slice()), (150, b"j")]), [alt(letter), char('j')]);
        let by_hand = typed([(0, b"\x1b".as_slice()), (60, &[letter]), (150, b"j")]);
        assert_eq!(by_hand, [key(KeyCode::Esc), char(char::from(letter)), char('j')]);
    }
    // What no sequence goes on with.
    for letter in *b"O[" {
        assert_eq!(at_once(&[ESC, letter, b'\r']), [alt(letter), key(KeyCode::Enter)]);
        assert_eq!(at_once(&[ESC, letter, ESC]), [alt(letter), key(KeyCode::Esc)]);
        assert_eq!(
            at_once(&[ESC, letter, ESC, b'[', b'A']),
            [alt(letter), key(KeyCode::Up)]
        );
    }
    assert_eq!(at_once(b"\x1b[["), [alt(b'['), char('[')]);
    assert_eq!(at_once(b"\x1b[[x"), [alt(b'['), char('['), char('x')]);
    assert_eq!(at_once(b"\x1b[[A"), [key(KeyCode::F(1))]);
}

#[test]
fn an_answer_presses_nothing_wherever_it_is_cut() {
    let answers: [&[u8]; 24] = [
        b"\x1bP>|WezTerm 20240203-110809-5046fb0e\x1b\\",
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
        b"\x1b]52;c;ZQ==\x1b\\",
        b"\x1b_Gi=31;OK\x1b\\",
        b"\x1b^private y e\x1b\\",
        b"\x1bXsos y e\x1b\\",
        b"\x1bP1$r0 q\x1b\\",
        b"\x1bP1+r544e=787465726d\x1b\\",
        b"\x1bPholds \x1b[A \x1b]e \x1bOP \x9c y \xe2\x9c e\x1b\x1b\\",
        b"\x90>|eight bits e\x9c",
        b"\x9d11;caf\xc3\x9c e\x9c",
        b"\xc2\x90>|as characters e\xc2\x9c",
        b"\x9fe\x07",
        b"\x9ee\x1b\\",
        b"\x98e\x9c",
        b"\x1b[24;80R",
        b"\x1b[1;5R",
        b"\x1b[?64;1;2;6;9;15;18;21;22c",
        b"\x1b[>41;354;0c",
        b"\x1b[?2026;2$y",
        b"\x1b[?1u",
        b"\x1b[I\x1b[O",
        b"\x1b[<35;10;10M\x1b[M !!",
        b"\x9b?1;2c",
    ];
    for answer in answers {
        for cut in 0..=answer.len() {
            let (head, tail) = answer.split_at(cut);
            assert_eq!(
                typed([(0, head), (50, tail)]),
                [],
                "{} cut at {cut}",
                answer.escape_ascii()
            );
            let then_a_key = typed([(0, head), (50, tail), (0, b"j".as_slice())]);
            assert_eq!(then_a_key, [char('j')], "{} and a key", answer.escape_ascii());
        }
    }
}

#[test]
fn a_string_without_an_end_is_over_after_a_second() {
    for begun in [
        b"\x1bPabc".as_slice(),
        b"\x1b]abc",
        b"\x1b_abc\x1b",
        b"\x9d",
        b"\x1b[1;",
        b"\x8f",
        b"\xe2\x9c",
    ] {
        assert_eq!(typed([(0, begun), (50, b"".as_slice()), (1001, b"j")]), [char('j')]);
    }
    assert_eq!(typed([(0, b"\x1b[200~abc".as_slice()), (5001, b"j")]), [char('j')]);
}

#[test]
fn a_paste_is_a_paste_however_it_is_cut() {
    let text = "e\x1bP\x1b[A\r\n\u{9c}数据";
    let bytes = format!("\x1b[200~{text}\x1b[201~j");
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.as_bytes().split_at(cut);
        assert_eq!(
            typed([(0, head), (50, tail)]),
            [Input::Paste(text.to_owned()), char('j')]
        );
    }
}

#[test]
fn every_key_is_what_it_says() {
    use KeyCode::{
        BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp, Right, Tab,
        Up,
    };
    let none = KeyModifiers::NONE;
    let (shift, alt, control) = (KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL);
    let table: [(&str, KeyCode, KeyModifiers); 41] = [
        ("a", Char('a'), none),
        ("A", Char('A'), shift),
        ("数", Char('数'), none),
        ("é", Char('é'), none),
        ("\x1be", Char('e'), alt),
        ("\x1bé", Char('é'), alt),
        ("\x1b\r", Enter, alt),
        ("\r", Enter, none),
        ("\n", Char('j'), control),
        ("\t", Tab, none),
        ("\x7f", Backspace, none),
        ("\x03", Char('c'), control),
        ("\x1a", Char('z'), control),
        ("\x00", Char(' '), control),
        ("\x1d", Char('5'), control),
        ("\x1b[A", Up, none),
        ("\x1b[B", Down, none),
        ("\x1bOA", Up, none),
        ("\x1b[1;5C", Right, control),
        ("\x1b[1;2D", Left, shift),
        ("\x1b[H", Home, none),
        ("\x1bOF", End, none),
        ("\x1b[1~", Home, none),
        ("\x1b[2~", Insert, none),
        ("\x1b[3;3~", Delete, alt),
        ("\x1b[8~", End, none),
        ("\x1b[5~", PageUp, none),
        ("\x1b[6~", PageDown, none),
        ("\x1b[Z", BackTab, shift),
        ("\x1bOP", F(1), none),
        ("\x1bOR", F(3), none),
        ("\x1b[[E", F(5), none),
        ("\x1b[15~", F(5), none),
        ("\x1b[17~", F(6), none),
        ("\x1b[24~", F(12), none),
        ("\x1b[1;2P", F(1), shift),
        ("\x1b[97;5u", Char('a'), control),
        ("\x1b[97;2u", Char('A'), shift),
        ("\x1b[27u", Esc, none),
        ("\x1b[9;2u", BackTab, shift),
        ("\x1b[27;5;46~", Char('.'), control),
    ];
    for (bytes, code, modifiers) in table {
        assert_eq!(at_once(bytes.as_bytes()), [with(code, modifiers)], "{bytes:?}");
        let byte_by_byte = bytes.as_bytes().chunks(1).map(|piece| (20, piece));
        assert_eq!(typed(byte_by_byte), [with(code, modifiers)], "{bytes:?} byte by byte");
    }
    // Let go again, with Super, and keys that have no name here.
    for bytes in ["\x1b[97;1:3u", "\x1b[97;9u", "\x1b[57358u", "\x1b[99~", "\x1b[5A"] {
        assert_eq!(at_once(bytes.as_bytes()), [], "{bytes:?}");
    }
}

/// A control string, or an answer that is a control sequence, with its end.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let content = proptest::collection::vec(any::<u8>(), 0..40).prop_map(|mut bytes| {
        bytes.retain(|byte| *byte != BEL);
        while let Some(at) = bytes.windows(2).position(|pair| pair == b"\x1b\\") {
            bytes.remove(at);
        }
        bytes
    });
    let begun = proptest::sample::select(vec![b'P', b']', b'_', b'^', b'X']);
    let ended = proptest::sample::select(vec![b"\x1b\\".to_vec(), vec![BEL]]);
    let string =
        (begun, content, ended).prop_map(|(begun, content, ended)| [vec![ESC, begun], content, ended].concat());
    let private = proptest::sample::select(vec!["?", ">", "="]);
    let sequence = (private, "[0-9;]{0,20}", "[$ ]?[a-zA-Z~]")
        .prop_map(|(sign, numbers, last)| format!("\x1b[{sign}{numbers}{last}").into_bytes());
    prop_oneof![4 => string, 1 => sequence]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_terminals_answer_a_person_s_keys_are_all_there_is(
        answers in proptest::collection::vec((answer(), "[a-z]{0,2}"), 1..40),
        cuts in proptest::collection::vec((1_usize..12, 0_u64..=50), 1..40),
    ) {
        let bytes: Vec<u8> = answers.iter().flat_map(|(answer, keys)| [answer, keys.as_bytes()].concat()).collect();
        let expected: Vec<Input> = answers.iter().flat_map(|(_, keys)| keys.chars().map(char)).collect();
        let (mut rest, mut pieces) = (bytes.as_slice(), Vec::new());
        for (length, pause) in cuts.iter().cycle() {
            let (head, tail) = rest.split_at((*length).min(rest.len()));
            pieces.push((*pause, head));
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(typed(pieces), expected);
    }

    #[test]
    fn no_bytes_stop_the_keyboard_for_good(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let typed = typed([(0, noise.as_slice()), (10_000, b"j".as_slice())]);
        prop_assert_eq!(typed.last(), Some(&char('j')));
    }
}
