//! The streaming path and the `fernet` crate as each other's oracle, and everything that may be done to a token.
mod hostile;
mod offsets;
mod released;
mod replay;
mod vectors;

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::binding::Subject;
use super::pipe::PIECE;
use super::*;

const NOW: u64 = 1_790_000_000;

fn key(seed: u8) -> DataKey {
    DataKey::from_plaintext(&Zeroizing::new((0..32).map(|i| i ^ seed).collect())).unwrap()
}

/// The `fernet` crate under the same key.
fn oracle(key: &DataKey) -> Fernet {
    let text = key.with(|key| URL_SAFE.encode(key.whole()));
    Fernet::new(&text).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn sealed(key: &DataKey, plaintext: &[u8]) -> Vec<u8> {
    let mut token = Vec::new();
    seal(key, NOW, &mut Cursor::new(plaintext), &mut token).unwrap();
    token
}

fn opened(key: &DataKey, token: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let alone = decrypt_on_one_thread(key, &mut Cursor::new(token), Vec::new());
    let both = decrypt(key, &mut Cursor::new(token), Vec::new());
    // Of several things that are wrong each may come upon another first.
    assert_eq!(alone.ok(), both.as_ref().ok().cloned());
    let (opened, plaintext) = both?;
    assert_eq!(opened.plaintext_bytes, plaintext.len() as u64);
    Ok(plaintext)
}

#[test]
fn the_stream_and_the_fernet_crate_open_each_others_tokens_at_every_edge() {
    let key = key(1);
    let blocks = [0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000];
    let chunks = [CHUNK - 1, CHUNK, CHUNK + 1];
    let pieces = [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 7];
    for len in blocks.into_iter().chain(chunks).chain(pieces) {
        let plaintext = bytes(len);
        let token = sealed(&key, &plaintext);
        assert_eq!(token.len() as u64, token_len(len as u64), "{len}");
        let text = std::str::from_utf8(&token).unwrap();
        assert_eq!(oracle(&key).decrypt(text).unwrap(), plaintext, "{len}");
        let theirs = oracle(&key).encrypt(&plaintext);
        assert_eq!(opened(&key, theirs.as_bytes()).unwrap(), plaintext, "{len}");
        let verified = verify(&key, &mut Cursor::new(&token)).unwrap();
        assert_eq!(verified.plaintext_bytes, len as u64, "{len}");
    }
}

#[test]
fn the_header_is_read_from_the_beginning_alone_in_both_alphabets() {
    let mut sealed = Vec::new();
    // Bytes that the two alphabets spell otherwise.
    let encryptor = Encryptor::resumed(&key(1), u64::MAX, [0xfb; 16]);
    let header = encryptor.header();
    encryptor.run(&mut Cursor::new(b"text"), &mut sealed).unwrap();
    let standard = String::from_utf8(sealed.clone()).unwrap();
    let standard = standard.replace('-', "+").replace('_', "/").into_bytes();
    assert_ne!(standard, sealed);
    for text in [&sealed, &standard] {
        assert_eq!(header_of(&text[..HEADER_TEXT]), Some(header));
        let spaced = [b" \n\t ", &text[..HEADER_TEXT], b"\0 anything"].concat();
        assert_eq!(header_of(&spaced), Some(header));
    }
    for text in ["", "gAAAAA", &"x".repeat(HEADER_TEXT), &"!".repeat(HEADER_TEXT)] {
        assert_eq!(header_of(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_token_begins_as_every_fernet_token_does() {
    assert!(sealed(&key(1), b"x").starts_with(b"gAAAAA"));
}

#[test]
fn both_alphabets_white_space_and_loose_trailing_bits_are_read() {
    let key = key(6);
    let token = String::from_utf8(sealed(&key, &bytes(1000))).unwrap();
    let standard = token.replace('-', "+").replace('_', "/");
    let lines: Vec<_> = token
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    for spelled in [standard, lines.join("\r\n"), format!(" {token}\n")] {
        assert_eq!(opened(&key, spelled.as_bytes()).unwrap(), bytes(1000));
    }
}

#[test]
fn what_is_no_base64_or_stands_behind_the_padding_is_refused() {
    let key = key(7);
    let token = String::from_utf8(sealed(&key, b"")).unwrap();
    assert!(token.ends_with("=="));
    let bare = token.trim_end_matches('=');
    for wrong in [
        bare.to_owned(),
        format!("{bare}="),
        format!("{token}="),
        format!("{token}AAAA"),
        token.replacen('A', "*", 1),
    ] {
        assert!(
            matches!(opened(&key, wrong.as_bytes()), Err(EnvelopeError::NotBase64 { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn swapped_names_prefixes_headers_and_lengths_are_refused() {
    let key = key(8);
    let (header, another) = ([1; HEADER_LEN], [2; HEADER_LEN]);
    let subject = |prefix, name, header, length| Subject {
        prefix,
        name,
        header,
        length,
    };
    let told = subject(Some("p/"), "a", &header, 5);
    let mac = binding::bind(&key, told);
    binding::check(&key, told, &mac).unwrap();
    for wrong in [
        subject(Some("p/"), "b", &header, 5),
        subject(Some("p/"), "a", &another, 5),
        subject(Some("p/"), "a", &header, 6),
        subject(Some("q/"), "a", &header, 5),
        // The same text, cut elsewhere or by another version.
        subject(Some("p"), "/a", &header, 5),
        subject(None, "p/a", &header, 5),
    ] {
        assert!(binding::check(&key, wrong, &mac).is_err(), "{wrong:?}");
    }
    assert!(binding::check(&self::key(9), told, &mac).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_the_bytes_arrive_the_token_is_the_same(len in 0_usize..2000, cuts in prop::collection::vec(1_usize..300, 0..40)) {
        let key = key(10);
        let plaintext = bytes(len);
        let iv = [9; 16];
        let mut whole = Vec::new();
        let mut encryptor = Encryptor::resumed(&key, NOW, iv);
        encryptor.update(&plaintext, &mut whole);
        encryptor.finish(&mut whole);

        let mut pieces = Vec::new();
        let mut encryptor = Encryptor::resumed(&key, NOW, iv);
        let mut rest = plaintext.as_slice();
        for cut in &cuts {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            encryptor.update(piece, &mut pieces);
            rest = after;
        }
        encryptor.update(rest, &mut pieces);
        encryptor.finish(&mut pieces);
        prop_assert_eq!(&whole, &pieces);

        let mut reader = TokenReader::decrypting(&key);
        let mut got = Vec::new();
        let mut rest = whole.as_slice();
        for cut in &cuts {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            reader.push(piece, &mut got).unwrap();
            rest = after;
        }
        reader.push(rest, &mut got).unwrap();
        reader.finish(&mut got).unwrap();
        prop_assert_eq!(got, plaintext);
    }
}
