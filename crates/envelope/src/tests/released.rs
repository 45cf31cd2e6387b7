//! What a second pass gives out of a token that is another one by then.

use super::super::first_pass::STRIDE;
use super::*;

fn given(key: &DataKey, first: &FirstPass, token: &[u8]) -> (Result<(), EnvelopeError>, Vec<u8>) {
    let mut out = Vec::new();
    let released = release(key, first, &mut Cursor::new(token), &mut out);
    (released, out)
}

#[test]
fn what_is_given_out_is_what_was_verified_whatever_was_changed_meanwhile() {
    let key = key(20);
    for len in [0, 15, 1000, STRIDE - 25, STRIDE, 2 * STRIDE + 12345] {
        let plaintext = bytes(len);
        let token = sealed(&key, &plaintext);
        let first = first_pass(&key, &mut Cursor::new(&token)).unwrap();
        assert_eq!(first.opened(), &verify(&key, &mut Cursor::new(&token)).unwrap());
        let (released, out) = given(&key, &first, &token);
        released.unwrap();
        assert!(out == plaintext, "{len}");
        let spaced: Vec<u8> = token.chunks(1000).flat_map(|line| [line, b"\n"].concat()).collect();
        let (released, out) = given(&key, &first, &spaced);
        released.unwrap();
        assert!(out == plaintext, "{len}");

        let refused = |what: &str, other: &[u8], from: usize| {
            let (released, out) = given(&key, &first, other);
            assert!(matches!(released, Err(EnvelopeError::Changed)), "{what}: {released:?}");
            assert!(plaintext.starts_with(&out), "{what}");
            // A character has bits of two bytes: the second may be the one that changed.
            let strides = (from * 6 + 5) / 8 / STRIDE;
            assert!(out.len() <= strides * STRIDE, "{what}: {} bytes", out.len());
        };
        let edge = STRIDE / 3 * 4;
        for at in [
            0,
            5,
            30,
            40,
            edge - 2,
            edge + 2,
            2 * edge,
            token.len() - 70,
            token.len() - 5,
        ] {
            if at < token.len() {
                let mut other = token.clone();
                other[at] = if other[at] == b'A' { b'B' } else { b'A' };
                refused(&format!("{len} bytes, changed at {at}"), &other, at);
            }
        }
        refused(&format!("{len} bytes, cut"), &token[..token.len() - 4], token.len() - 4);
        refused(
            &format!("{len} bytes, grown"),
            &[&token[..], b"AAAA"].concat(),
            token.len(),
        );
        refused("nothing", b"", 0);
        refused("another token", &sealed(&key, b"another"), 0);
    }
}

#[test]
fn a_good_token_with_the_same_beginning_is_not_the_one_that_was_verified() {
    let key = key(21);
    let made = |plaintext: &[u8]| {
        let mut token = Vec::new();
        let encryptor = Encryptor::resumed(&key, NOW, [7; 16]);
        encryptor.run(&mut Cursor::new(plaintext), &mut token).unwrap();
        token
    };
    let plaintext = bytes(STRIDE + 500);
    let first = first_pass(&key, &mut Cursor::new(made(&plaintext))).unwrap();
    let mut other = plaintext.clone();
    *other.last_mut().unwrap() ^= 1;
    let longer = [&plaintext[..], &plaintext].concat();
    for other in [&other, &longer, &plaintext[..STRIDE].to_vec()] {
        let (released, out) = given(&key, &first, &made(other));
        assert!(matches!(released, Err(EnvelopeError::Changed)), "{released:?}");
        assert!(
            plaintext.starts_with(&out) && out.len() <= STRIDE,
            "{} bytes",
            out.len()
        );
    }
}
