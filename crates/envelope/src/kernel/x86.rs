//! AES-NI and SHA-NI woven together. The one file with `unsafe`: to call a function whose processor features were found
//! at run time is all it is needed for; no pointer is read or written by hand.
//!
//! [`Keys`] can only be made where every feature is there, and holds the round keys of FIPS 197; the rounds of SHA-256
//! are those of FIPS 180-4 in the order that the instructions want (`ABEF` and `CDGH`, four rounds at a time).
#![expect(unsafe_code, reason = "functions with processor features found at run time")]

use std::arch::x86_64::*;

use sha2::block_api::compress256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Block, Words};

const ROUNDS: usize = 10;

/// Proof that the processor has what this file needs, and the round keys, both ways.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Keys {
    forward: [Block; ROUNDS + 1],
    /// In the order of the equivalent inverse cipher.
    backward: [Block; ROUNDS + 1],
}

impl Keys {
    /// `None` where the processor lacks a feature. Boxed from the beginning: a move would leave a copy behind.
    pub(super) fn new(key: &Block) -> Option<Box<Self>> {
        let able = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        able.then(|| {
            let mut keys = Box::new(Self {
                forward: [[0; 16]; ROUNDS + 1],
                backward: [[0; 16]; ROUNDS + 1],
            });
            // SAFETY: the features that `expand` is compiled for were just found.
            unsafe { expand(key, &mut keys) };
            keys
        })
    }

    pub(super) fn encrypt(
        &self,
        chain: &mut Block,
        (plain, sealed): (&[Block], &mut [Block]),
        state: &mut [u32; 8],
        words: &[Words],
    ) {
        // SAFETY: there is a `Keys`, so `new` found the features.
        unsafe { encrypt(&self.forward, chain, (plain, sealed), state, words) }
    }

    pub(super) fn decrypt(&self, chain: &mut Block, blocks: &mut [Block], state: &mut [u32; 8], words: &[Words]) {
        // SAFETY: there is a `Keys`, so `new` found the features.
        unsafe { decrypt(&self.backward, chain, blocks, state, words) }
    }
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
fn encrypt(
    keys: &[Block; ROUNDS + 1],
    chain: &mut Block,
    (plain, sealed): (&[Block], &mut [Block]),
    state: &mut [u32; 8],
    words: &[Words],
) {
    let keys = keys.each_ref().map(|key| load(key));
    let mut last = load(chain);
    let woven = words.len().min(plain.len() / 4);
    let (quads, rest) = plain.split_at(woven * 4);
    let (sealed_quads, sealed_rest) = sealed.split_at_mut(woven * 4);
    let (beside, alone) = words.split_at(woven);

    let mut sha = Sha::load(state);
    let quads = quads.as_chunks::<4>().0.iter().zip(sealed_quads.as_chunks_mut::<4>().0);
    for ((quad, sealed_quad), word) in quads.zip(beside) {
        let before = sha;
        let mut schedule = schedule(word);
        // One AES block for every sixteen rounds of SHA-256, two AES rounds for every four of them.
        for (sixteen, (block, sealed)) in quad.iter().zip(sealed_quad).enumerate() {
            last = _mm_xor_si128(last, _mm_xor_si128(load(block), keys[0]));
            for four in 0..4 {
                last = _mm_aesenc_si128(last, keys[1 + 2 * four]);
                sha.rounds(&mut schedule, sixteen, four);
                last = _mm_aesenc_si128(last, keys[2 + 2 * four]);
            }
            last = _mm_aesenc_si128(last, keys[9]);
            last = _mm_aesenclast_si128(last, keys[10]);
            store(sealed, last);
        }
        sha.add(before);
    }
    sha.store(state);

    for (block, sealed) in rest.iter().zip(sealed_rest) {
        last = _mm_xor_si128(last, _mm_xor_si128(load(block), keys[0]));
        for key in &keys[1..ROUNDS] {
            last = _mm_aesenc_si128(last, *key);
        }
        last = _mm_aesenclast_si128(last, keys[ROUNDS]);
        store(sealed, last);
    }
    store(chain, last);
    compress256(state, alone);
}

#[target_feature(enable = "aes,sha,ssse3,sse4.1")]
fn decrypt(keys: &[Block; ROUNDS + 1], chain: &mut Block, blocks: &mut [Block], state: &mut [u32; 8], words: &[Words]) {
    let keys = keys.each_ref().map(|key| load(key));
    let mut last = load(chain);
    let woven = words.len().min(blocks.len() / 4);
    let (quads, rest) = blocks.split_at_mut(woven * 4);
    let (beside, alone) = words.split_at(woven);

    let mut sha = Sha::load(state);
    for (quad, word) in quads.as_chunks_mut::<4>().0.iter_mut().zip(beside) {
        let before = sha;
        let mut schedule = schedule(word);
        // Blocks decrypt independently of each other: all four at once, a few AES rounds for every sixteen of SHA-256.
        let sealed = quad.each_ref().map(|block| load(block));
        let mut open = sealed.map(|block| _mm_xor_si128(block, keys[0]));
        for sixteen in 0..4 {
            for four in 0..4 {
                sha.rounds(&mut schedule, sixteen, four);
                let round = 1 + sixteen * 4 + four;
                if round < ROUNDS {
                    open = open.map(|block| _mm_aesdec_si128(block, keys[round]));
                } else if round == ROUNDS {
                    open = open.map(|block| _mm_aesdeclast_si128(block, keys[ROUNDS]));
                }
            }
        }
        for (index, block) in quad.iter_mut().enumerate() {
            store(block, _mm_xor_si128(open[index], last));
            last = sealed[index];
        }
        sha.add(before);
    }
    sha.store(state);

    for block in rest {
        let sealed = load(block);
        let mut open = _mm_xor_si128(sealed, keys[0]);
        for key in &keys[1..ROUNDS] {
            open = _mm_aesdec_si128(open, *key);
        }
        open = _mm_aesdeclast_si128(open, keys[ROUNDS]);
        store(block, _mm_xor_si128(open, last));
        last = sealed;
    }
    store(chain, last);
    compress256(state, alone);
}

/// The state of SHA-256 as its instructions want it.
#[derive(Clone, Copy)]
struct Sha {
    abef: __m128i,
    cdgh: __m128i,
}

#[expect(
    clippy::many_single_char_names,
    reason = "the names that FIPS 180-4 gives its eight words"
)]
impl Sha {
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(state: &[u32; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = state.map(u32::cast_signed);
        Self {
            abef: _mm_set_epi32(a, b, e, f),
            cdgh: _mm_set_epi32(c, d, g, h),
        }
    }

    #[inline]
    #[target_feature(enable = "sse2,sse4.1")]
    fn store(self, state: &mut [u32; 8]) {
        let words = |vector| {
            let mut bytes = [0; 16];
            store(&mut bytes, vector);
            let word = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
            [word(12), word(8), word(4), word(0)]
        };
        let ([a, b, e, f], [c, d, g, h]) = (words(self.abef), words(self.cdgh));
        *state = [a, b, c, d, e, f, g, h];
    }

    /// Rounds `16 * sixteen + 4 * four` and the three after it.
    #[inline]
    #[target_feature(enable = "sha,ssse3,sse4.1")]
    fn rounds(&mut self, schedule: &mut [__m128i; 4], sixteen: usize, four: usize) {
        if sixteen > 0 {
            let before = schedule[(four + 3) % 4];
            let sum = _mm_add_epi32(
                _mm_sha256msg1_epu32(schedule[four], schedule[(four + 1) % 4]),
                _mm_alignr_epi8::<4>(before, schedule[(four + 2) % 4]),
            );
            schedule[four] = _mm_sha256msg2_epu32(sum, before);
        }
        let [k0, k1, k2, k3] = K[4 * sixteen + four].map(u32::cast_signed);
        let words = _mm_add_epi32(schedule[four], _mm_set_epi32(k3, k2, k1, k0));
        self.cdgh = _mm_sha256rnds2_epu32(self.cdgh, self.abef, words);
        self.abef = _mm_sha256rnds2_epu32(self.abef, self.cdgh, _mm_shuffle_epi32::<0x0e>(words));
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn add(&mut self, before: Self) {
        self.abef = _mm_add_epi32(self.abef, before.abef);
        self.cdgh = _mm_add_epi32(self.cdgh, before.cdgh);
    }
}

/// The first sixteen words of a block, which are big-endian in memory.
#[inline]
#[target_feature(enable = "ssse3")]
fn schedule(words: &Words) -> [__m128i; 4] {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let (quarters, _) = words.as_chunks::<16>();
    [
        _mm_shuffle_epi8(load(&quarters[0]), big_endian),
        _mm_shuffle_epi8(load(&quarters[1]), big_endian),
        _mm_shuffle_epi8(load(&quarters[2]), big_endian),
        _mm_shuffle_epi8(load(&quarters[3]), big_endian),
    ]
}

#[target_feature(enable = "aes,sse4.1")]
fn expand(key: &Block, keys: &mut Keys) {
    let mut forward = [load(key); ROUNDS + 1];
    forward[1] = next_key(forward[0], _mm_aeskeygenassist_si128::<0x01>(forward[0]));
    forward[2] = next_key(forward[1], _mm_aeskeygenassist_si128::<0x02>(forward[1]));
    forward[3] = next_key(forward[2], _mm_aeskeygenassist_si128::<0x04>(forward[2]));
    forward[4] = next_key(forward[3], _mm_aeskeygenassist_si128::<0x08>(forward[3]));
    forward[5] = next_key(forward[4], _mm_aeskeygenassist_si128::<0x10>(forward[4]));
    forward[6] = next_key(forward[5], _mm_aeskeygenassist_si128::<0x20>(forward[5]));
    forward[7] = next_key(forward[6], _mm_aeskeygenassist_si128::<0x40>(forward[6]));
    forward[8] = next_key(forward[7], _mm_aeskeygenassist_si128::<0x80>(forward[7]));
    forward[9] = next_key(forward[8], _mm_aeskeygenassist_si128::<0x1b>(forward[8]));
    forward[10] = next_key(forward[9], _mm_aeskeygenassist_si128::<0x36>(forward[9]));

    for (round, key) in forward.into_iter().enumerate() {
        store(&mut keys.forward[round], key);
        let inverse = if round == 0 || round == ROUNDS {
            key
        } else {
            _mm_aesimc_si128(key)
        };
        store(&mut keys.backward[ROUNDS - round], inverse);
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn next_key(before: __m128i, assist: __m128i) -> __m128i {
    let mut key = before;
    for _ in 0..3 {
        key = _mm_xor_si128(before, _mm_slli_si128::<4>(key));
    }
    _mm_xor_si128(key, _mm_shuffle_epi32::<0xff>(assist))
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &Block) -> __m128i {
    let value = u128::from_le_bytes(*block).cast_signed();
    _mm_set_epi64x((value >> 64) as i64, value as i64)
}

#[inline]
#[target_feature(enable = "sse2,sse4.1")]
fn store(block: &mut Block, value: __m128i) {
    let (low, high) = (_mm_cvtsi128_si64(value), _mm_extract_epi64::<1>(value));
    block[..8].copy_from_slice(&low.to_le_bytes());
    block[8..].copy_from_slice(&high.to_le_bytes());
}

/// The round constants, four at a time.
const K: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];
