//! For `benches/compare`: the `fernet` crate on the file that is named, in memory; prints the seconds of encrypting or
//! decrypting alone.

use std::time::Instant;

use strongroom::envelope::{DataKey, memory};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(operation), Some(path)) = (arguments.next(), arguments.next()) else {
        return eprintln!("usage: fernet_crate encrypt|decrypt FILE");
    };
    let key = DataKey::from_plaintext(&vec![7; 32].into()).expect("32 bytes are a data key");
    let plaintext = std::fs::read(path).expect("the file can be read");
    let begun = Instant::now();
    let token = memory::encrypt(&key, &plaintext);
    let mut seconds = begun.elapsed();
    if operation == "decrypt" {
        drop(plaintext);
        let begun = Instant::now();
        memory::decrypt(&key, &token).expect("the token was just made");
        seconds = begun.elapsed();
    }
    println!("{}", seconds.as_secs_f64());
}
