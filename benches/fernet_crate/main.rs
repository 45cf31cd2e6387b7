//! For `benches/compare`: the `fernet` crate on the file that is named, in memory; prints the seconds of encrypting or
//! decrypting alone.

use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use fernet::Fernet;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(operation), Some(path)) = (arguments.next(), arguments.next()) else {
        return eprintln!("usage: fernet_crate encrypt|decrypt FILE");
    };
    let key = Fernet::new(&URL_SAFE.encode([7; 32])).expect("base64 of 32 bytes is a Fernet key");
    let plaintext = std::fs::read(path).expect("the file can be read");
    let begun = Instant::now();
    let token = key.encrypt(&plaintext);
    let mut seconds = begun.elapsed();
    if operation == "decrypt" {
        drop(plaintext);
        let begun = Instant::now();
        key.decrypt(&token).expect("the token was just made");
        seconds = begun.elapsed();
    }
    println!("{}", seconds.as_secs_f64());
}
