//! Tokens that were cut off, flipped, mutated or put together: none opens to anything but what was sealed.

use fastrand::Rng;
use proptest::prelude::*;

use super::*;

/// The longest plaintext whose token has no more than 4 KiB.
const LONGEST: usize = 3007;

/// What opens is what was sealed: other spellings of the same bytes are no attack.
fn assert_harmless(key: &DataKey, plaintext: &[u8], changed: &[u8], how: impl Fn() -> String) -> bool {
    match opened(key, changed) {
        Ok(got) => {
            assert!(got == plaintext, "{}: this is a security issue", how());
            true
        }
        Err(_) => false,
    }
}

#[test]
fn no_truncation_of_a_token_opens() {
    let key = key(2);
    assert!(token_len(LONGEST as u64) <= 4096 && token_len(LONGEST as u64 + 1) > 4096);
    for len in (0..=50).chain((64..LONGEST).step_by(211)).chain([LONGEST]) {
        let token = sealed(&key, &bytes(len));
        for cut in 0..token.len() {
            assert!(
                opened(&key, &token[..cut]).is_err(),
                "{len} bytes cut at {cut}: this is a security issue"
            );
        }
    }
}

#[test]
fn no_flipped_bit_of_a_token_opens_to_anything_else() {
    let key = key(3);
    for len in [0, 1, 14, 15, 16, 17, 31, 32, 100, 1000, LONGEST] {
        let plaintext = bytes(len);
        let token = sealed(&key, &plaintext);
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[at] ^= 1 << bit;
                let how = || format!("{len} bytes, byte {at}, bit {bit}");
                // Trailing bits and the other alphabet spell the same bytes.
                if assert_harmless(&key, &plaintext, &changed, how) {
                    assert!(at >= token.len() - 4 || b"+/-_".contains(&changed[at]), "{}", how());
                }
            }
        }
    }
}

/// `STRONGROOM_MUTATIONS=1000000` for the long mode.
#[test]
fn no_mutation_of_a_longer_token_opens_to_anything_else() {
    let count = std::env::var("STRONGROOM_MUTATIONS").map_or(2000, |count| count.parse().unwrap());
    let seed = getrandom::u64().unwrap();
    let mut dice = Rng::with_seed(seed);
    let key = key(4);
    // Around what is read at a time, and mostly shorter, so that there can be many.
    let lengths = [
        3000,
        4096,
        5000,
        9000,
        20_000,
        70_000,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK + 7,
    ];
    let tokens = lengths.map(|len| {
        let plaintext = bytes(len);
        (sealed(&key, &plaintext), plaintext)
    });
    let others = [3000, 70_000, CHUNK].map(|len| sealed(&self::key(5), &bytes(len)));
    let mut same = 0;
    for round in 0..count {
        // Four of five are short.
        let among = if dice.u8(..5) < 4 { 5 } else { tokens.len() };
        let at = dice.usize(..among);
        let (token, plaintext) = &tokens[at];
        let other = match dice.u8(..3) {
            0 => &others[dice.usize(..others.len())],
            _ => &tokens[dice.usize(..tokens.len())].0,
        };
        let mut changed = token.clone();
        for _ in 0..dice.usize(1..4) {
            mutate(&mut dice, &mut changed, other);
        }
        let how = || format!("seed {seed}, round {round}, token of {} bytes", plaintext.len());
        // A whole other token of the same key is a swap, which the binding refuses.
        let is_swap = tokens.iter().any(|(token, _)| *token == changed);
        same += u64::from(!is_swap && assert_harmless(&key, plaintext, &changed, how));
    }
    println!("{count} mutations, {same} of them other spellings of the same bytes, 0 wrong plaintexts");
}

/// One change of a kind that a disk, a network or an enemy may make.
fn mutate(dice: &mut Rng, token: &mut Vec<u8>, other: &[u8]) {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=";
    if token.is_empty() {
        token.push(b'g');
    }
    let at = dice.usize(..token.len());
    // Mostly a few bytes, or a few blocks, sometimes anything.
    let most = *dice.choice(&[4, 64, 4096, token.len()]).unwrap();
    let to = (at + 1 + dice.usize(..most)).min(token.len());
    match dice.u8(..10) {
        0 => token[at] ^= 1 << dice.u8(..8),
        1 => token[at] = *dice.choice(ALPHABET).unwrap(),
        2 => token[at] = dice.u8(..),
        3 => token.truncate(at),
        4 => drop(token.drain(at..to)),
        5 => {
            let again = token[at..to].to_vec();
            token.splice(at..at, again);
        }
        6 => {
            // The same place of another token: blocks that belong elsewhere.
            let to = to.min(other.len()).max(at.min(other.len()));
            token.splice(at.., other[at.min(other.len())..to].to_vec());
        }
        7 => {
            let end = to.min(other.len());
            if at < end {
                token[at..end].copy_from_slice(&other[at..end]);
            }
        }
        8 => token[at..to].reverse(),
        _ => token.extend(
            dice.choice(&[&other[..at.min(other.len())], b"\n", b"====", b"AAAA"])
                .unwrap()
                .to_vec(),
        ),
    }
}

#[test]
fn a_wrong_signing_half_of_the_key_never_opens() {
    let right: Vec<u8> = (0..32).collect();
    let token = sealed(
        &DataKey::from_plaintext(&Zeroizing::new(right.clone())).unwrap(),
        b"ten bytes!",
    );
    for bit in 0..128 {
        let mut half = right.clone();
        half[bit / 8] ^= 1 << (bit % 8);
        let half = DataKey::from_plaintext(&Zeroizing::new(half)).unwrap();
        assert!(
            matches!(opened(&half, &token), Err(EnvelopeError::Mac)),
            "bit {bit}: this is a security issue"
        );
    }
}

#[test]
fn a_wrong_encryption_half_never_opens_unnoticed() {
    let right: Vec<u8> = (0..32).collect();
    let right_key = DataKey::from_plaintext(&Zeroizing::new(right.clone())).unwrap();
    let token = sealed(&right_key, b"ten bytes!");
    let header = verify(&right_key, &mut Cursor::new(&token)).unwrap().header;
    let told = Subject {
        prefix: Some("prefix/"),
        name: "name",
        header: &header,
        length: 10,
    };
    let mac = binding::bind(&right_key, told);
    binding::check(&right_key, told, &mac).unwrap();
    let (mut dice, mut garbage) = (Rng::with_seed(6), 0);
    for round in 0..4000 {
        let mut half = right.clone();
        half[16..].fill_with(|| dice.u8(..));
        let half = DataKey::from_plaintext(&Zeroizing::new(half)).unwrap();
        // Fernet does not commit to its key: about one in 256 paddings looks right.
        garbage += u32::from(opened(&half, &token).is_ok());
        assert!(
            binding::check(&half, told, &mac).is_err(),
            "round {round}: this is a security issue"
        );
    }
    assert!(garbage > 0, "what the binding is for did not happen in 4000 rounds");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_random_text_opens(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(opened(&key(11), &text).is_err());
    }
}
