//! AES-128-CBC and SHA-256 side by side, over whole blocks.
//!
//! Both are bound by latency: CBC encryption waits for the block before, SHA-256 for the round before, and each leaves
//! most of the processor idle. Run one after the other they take the sum of their times; woven into one instruction
//! stream they take little more than the slower of the two. That is the reason for the one file with `unsafe` of this
//! crate, `x86.rs`; measured on one thread, encrypting and authenticating went from 0.45 to 0.97 of `openssl speed
//! -evp aes-128-cbc` (figures and command in `benches/compare`).
//!
//! Elsewhere, and where the processor lacks AES-NI or SHA-NI, the `cbc`, `aes` and `sha2` crates do the same one after
//! the other. A differential test holds the two against each other.
//!
//! Round keys are expanded into a box, and every call is [`scrubbed`]: eleven of them do not fit into the registers
//! beside SHA-256's, so the stack gets them.

use aes::Aes128;
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use sha2::block_api::compress256;
use zeroize::ZeroizeOnDrop;

use super::scrub::scrubbed;

#[cfg(target_arch = "x86_64")]
mod x86;

/// One AES block.
pub(super) type Block = [u8; 16];
/// One SHA-256 block.
pub(super) type Words = [u8; 64];

/// An AES-128 key made ready, on the fastest path that this processor has.
pub(super) struct Kernel(Path);

enum Path {
    #[cfg(target_arch = "x86_64")]
    Woven(Box<x86::Keys>),
    Portable(Box<Aes128>),
}

/// Whatever the path, the round keys are wiped: both kinds do it themselves.
impl ZeroizeOnDrop for Kernel {}

impl Kernel {
    /// To be called where D is lent, which scrubs the stack.
    pub(super) fn new(key: &Block) -> Self {
        // Without optimisation intrinsics are calls; the crates are optimised in every profile.
        let woven = if cfg!(debug_assertions) { None } else { Self::woven(key) };
        woven.unwrap_or_else(|| Self::portable(key))
    }

    /// `None` where the processor cannot.
    fn woven(key: &Block) -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return x86::Keys::new(key).map(|keys| Self(Path::Woven(keys)));
        #[cfg(not(target_arch = "x86_64"))]
        return None;
    }

    fn portable(key: &Block) -> Self {
        Self(Path::Portable(Box::new(Aes128::new(&Array(*key)))))
    }

    /// Encrypts `plain` into `sealed`, which is as long, behind `chain`, which becomes the last of them, and compresses
    /// `words`, which are other bytes, into `state`.
    ///
    /// Not in place, so that nobody copies plaintext first: it comes from another thread's cache, and while the cipher
    /// waits for the block before there is time to fetch the next.
    pub(super) fn encrypt(
        &self,
        chain: &mut Block,
        (plain, sealed): (&[Block], &mut [Block]),
        state: &mut [u32; 8],
        words: &[Words],
    ) {
        assert_eq!(plain.len(), sealed.len(), "as many blocks come out as go in");
        scrubbed(|| match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Woven(keys) => keys.encrypt(chain, (plain, sealed), state, words),
            Path::Portable(aes) => {
                let mut cbc = cbc::Encryptor::inner_iv_init(aes.as_ref(), &Array(*chain));
                let (from, to) = (
                    Array::cast_slice_from_core(plain),
                    Array::cast_slice_from_core_mut(sealed),
                );
                cbc.encrypt_blocks_b2b(from, to).expect("both are as long");
                *chain = sealed.last().copied().unwrap_or(*chain);
                compress256(state, words);
            }
        });
    }

    /// Decrypts `blocks` in place behind `chain`, which becomes the last of them as it was, and compresses `words`,
    /// which may be a copy of the same bytes, into `state`.
    pub(super) fn decrypt(&self, chain: &mut Block, blocks: &mut [Block], state: &mut [u32; 8], words: &[Words]) {
        scrubbed(|| match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Woven(keys) => keys.decrypt(chain, blocks, state, words),
            Path::Portable(aes) => {
                let mut cbc = cbc::Decryptor::inner_iv_init(aes.as_ref(), &Array(*chain));
                *chain = blocks.last().copied().unwrap_or(*chain);
                cbc.decrypt_blocks(Array::cast_slice_from_core_mut(blocks));
                compress256(state, words);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes<const N: usize>(count: usize, seed: u8) -> Vec<[u8; N]> {
        (0..count)
            .map(|i| std::array::from_fn(|j| (i * 37 + j * 11) as u8 ^ seed.wrapping_mul(i as u8 | 1)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_woven_path_and_the_crates_agree(
            key in any::<[u8; 16]>(),
            iv in any::<[u8; 16]>(),
            start in any::<[u32; 8]>(),
            blocks in 0_usize..70,
            words in 0_usize..20,
            seed in any::<u8>(),
        ) {
            let (plain, data) = (bytes::<16>(blocks, seed), bytes::<64>(words, seed));
            let mut results = Vec::new();
            for kernel in Kernel::woven(&key).into_iter().chain([Kernel::portable(&key)]) {
                let (mut chain, mut sealed, mut state) = (iv, plain.clone(), start);
                kernel.encrypt(&mut chain, (&plain, &mut sealed), &mut state, &data);
                let (mut back, mut opened, mut again) = (iv, sealed.clone(), start);
                kernel.decrypt(&mut back, &mut opened, &mut again, &data);
                prop_assert_eq!(&opened, &plain);
                prop_assert_eq!((back, again), (chain, state));
                results.push((chain, sealed, state));
            }
            prop_assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
        }
    }

    #[test]
    fn the_standards_own_example_comes_out() {
        // NIST SP 800-38A, F.2.1: the first two blocks of CBC-AES128.
        let hex = |text: &str| u128::from_str_radix(text, 16).unwrap().to_be_bytes();
        let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
        for kernel in Kernel::woven(&key).into_iter().chain([Kernel::portable(&key)]) {
            let mut chain = hex("000102030405060708090a0b0c0d0e0f");
            let plain = [
                hex("6bc1bee22e409f96e93d7e117393172a"),
                hex("ae2d8a571e03ac9c9eb76fac45af8e51"),
            ];
            let mut blocks = [[0; 16]; 2];
            kernel.encrypt(&mut chain, (&plain, &mut blocks), &mut [0; 8], &[]);
            assert_eq!(blocks[0], hex("7649abac8119b246cee98e9b12e9197d"));
            assert_eq!(blocks[1], hex("5086cb9b507219ee95db113a917678b2"));
            assert_eq!(chain, blocks[1]);
        }
    }
}
