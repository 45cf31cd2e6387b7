//! Throughput of the envelope: `cargo bench --bench envelope`.

use std::io::{Cursor, sink};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use divan::Bencher;
use divan::counter::BytesCount;
use fernet::Fernet;
use strongroom_envelope::{DataKey, seal, verify};

const SIZES: &[usize] = &[1 << 10, 64 << 10, 1 << 20, 64 << 20];

fn main() {
    divan::main();
}

fn key() -> DataKey {
    DataKey::from_plaintext(&vec![7; 32].into()).expect("32 bytes are a data key")
}

fn token(size: usize) -> Vec<u8> {
    let mut token = Vec::new();
    seal(&key(), 0, &mut Cursor::new(vec![1; size]), &mut token).expect("memory can be read and written");
    token
}

#[divan::bench(args = SIZES, min_time = 0.5)]
fn encrypt(bencher: Bencher, size: usize) {
    let (key, plaintext) = (key(), vec![1; size]);
    bencher
        .counter(BytesCount::new(size))
        .bench(|| seal(&key, 0, &mut Cursor::new(&plaintext), &mut sink()));
}

#[divan::bench(args = SIZES, min_time = 0.5)]
fn encrypt_fernet_crate(bencher: Bencher, size: usize) {
    let key = Fernet::new(&URL_SAFE.encode([7; 32])).expect("base64 of 32 bytes is a Fernet key");
    let plaintext = vec![1; size];
    bencher.counter(BytesCount::new(size)).bench(|| key.encrypt(&plaintext));
}

#[divan::bench(args = SIZES, min_time = 0.5)]
fn verify_token(bencher: Bencher, size: usize) {
    let (key, token) = (key(), token(size));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| verify(&key, &mut Cursor::new(&token)));
}

#[divan::bench(args = SIZES, min_time = 0.5)]
fn decrypt(bencher: Bencher, size: usize) {
    let (key, token) = (key(), token(size));
    bencher
        .counter(BytesCount::new(size))
        .bench(|| strongroom_envelope::decrypt(&key, &mut Cursor::new(&token), sink()));
}
