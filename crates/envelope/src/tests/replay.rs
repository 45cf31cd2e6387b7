//! Parts of a token, made again from their checkpoints.

use super::*;

/// The token, and the checkpoint of every part.
fn marked(key: &DataKey, plaintext: &[u8], part: u64) -> (Vec<u8>, Vec<Checkpoint>) {
    let (mut token, mut checkpoints) = (Vec::new(), Vec::new());
    let encryptor = Encryptor::resumed(key, NOW, [7; 16]);
    encryptor
        .run_marking(&mut Cursor::new(plaintext), &mut token, part, |checkpoint| {
            checkpoints.push(checkpoint);
        })
        .unwrap();
    (token, checkpoints)
}

fn replayed(checkpoint: &Checkpoint, plaintext: &[u8], characters: u64) -> Result<Vec<u8>, EnvelopeError> {
    let mut text = Vec::new();
    let mut input = Cursor::new(&plaintext[checkpoint.offset() as usize..]);
    checkpoint.clone().replay(&mut input, characters, &mut text)?;
    Ok(text)
}

#[test]
fn every_part_of_a_token_is_made_again_from_its_checkpoint_alone() {
    let key = key(12);
    let group = CHUNK as u64 / 3 * 4;
    // Around the end of what is processed at a time, where a last part may hold the end of the HMAC only.
    let ends = (CHUNK - 300..CHUNK + 20)
        .step_by(16)
        .chain([0, 1, 1000, 4 * CHUNK, 5 * CHUNK + 77]);
    for len in ends {
        let plaintext = bytes(len);
        for part in [group, 2 * group, 1000, u64::MAX - 3] {
            let (token, checkpoints) = marked(&key, &plaintext, part);
            let length = token.len() as u64;
            assert_eq!(checkpoints.len() as u64, length.div_ceil(part), "{len} bytes");
            for (index, checkpoint) in checkpoints
                .iter()
                .enumerate()
                .step_by(if part == 1000 { 97 } else { 1 })
            {
                let from = index as u64 * part;
                let to = (from + part.min(length)).min(length);
                let text = replayed(checkpoint, &plaintext, to - from).unwrap();
                assert!(text == token[from as usize..to as usize], "{len} bytes, part {index}");
            }
        }
    }
}

#[test]
fn a_checkpoint_reads_no_further_back_than_what_is_processed_at_a_time() {
    let plaintext = bytes(8 * PIECE);
    let part = PIECE as u64 / 3 * 4;
    let (_, checkpoints) = marked(&key(13), &plaintext, part);
    for (index, checkpoint) in checkpoints.iter().enumerate() {
        let begins = (index * PIECE) as u64;
        assert!(checkpoint.offset().abs_diff(begins) <= PIECE as u64, "part {index}");
    }
}

#[test]
fn another_plaintext_makes_other_parts_and_too_short_a_one_none() {
    let plaintext = bytes(4 * PIECE);
    let part = PIECE as u64 / 3 * 4;
    let (token, checkpoints) = marked(&key(14), &plaintext, part);
    let second = &checkpoints[2];
    let mut other = plaintext.clone();
    other[second.offset() as usize + 100] ^= 1;
    let from = 2 * part as usize;
    assert!(replayed(second, &plaintext, 2 * part).unwrap() == token[from..from + 2 * part as usize]);
    assert!(replayed(second, &other, 2 * part).unwrap() != token[from..from + 2 * part as usize]);
    let too_short = &plaintext[..second.offset() as usize + 10];
    assert!(matches!(
        replayed(second, too_short, 2 * part),
        Err(EnvelopeError::Read(_))
    ));
}
