//! How a token is cut into parts.

/// What an endpoint takes, and how much of it this program holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Parts of so many bytes are held in memory, as long as they suffice. A multiple of 1 MiB.
    pub part: u64,
    /// So many parts make an upload.
    pub parts: u64,
    /// No part is longer.
    pub longest: u64,
}

impl Default for Limits {
    /// S3's: 10,000 parts of at most 5 GiB, so objects to 48.8 TiB; in parts of 8 MiB, tokens to 78 GiB.
    fn default() -> Self {
        Self {
            part: 8 << 20,
            parts: 10_000,
            longest: 5 << 30,
        }
    }
}

impl Limits {
    /// How long the parts of a token are: the same until there would be too many of them, then as long as need be.
    /// `None` if no parts suffice.
    pub(in crate::actions) fn part_of(self, token_bytes: u64) -> Option<u64> {
        let needed = token_bytes.div_ceil(self.parts).next_multiple_of(STEP);
        let part = needed.max(self.part);
        (part <= self.longest).then_some(part)
    }

    /// Whether parts of this length are made while they are sent, for they would be too much to hold.
    pub(super) fn is_streamed(self, part: u64) -> bool {
        part > self.part
    }
}

/// Lengths of parts are a multiple of it: whole groups of base64, and few different lengths.
const STEP: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn parts_stay_small_until_ten_thousand_of_them_do_not_suffice() {
        let limits = Limits::default();
        for token in [1, 8 * MIB, 8 * MIB + 1, 10_000 * 8 * MIB] {
            assert_eq!(limits.part_of(token), Some(8 * MIB), "{token}");
        }
        assert!(!limits.is_streamed(8 * MIB));
        let part = limits.part_of(10_000 * 8 * MIB + 1);
        assert_eq!(part, Some(9 * MIB));
        assert!(limits.is_streamed(9 * MIB));
    }

    #[test]
    fn parts_of_every_token_that_s3_takes_are_within_its_limits() {
        let limits = Limits::default();
        let largest = 10_000 * 5 * GIB;
        assert_eq!(format!("{:.1}", largest as f64 / (1024 * GIB) as f64), "48.8");
        let mut token = 1;
        while token < largest {
            for token in [token - 1, token, token + 1, token / 10 * 17].map(|token| token.min(largest)) {
                let part = limits.part_of(token).unwrap_or_default();
                assert!((5 * MIB..=5 * GIB).contains(&part), "{token}: {part}");
                assert!(token.div_ceil(part) <= 10_000, "{token}: {part}");
                assert!(part.is_multiple_of(4), "{token}: {part}");
            }
            token *= 2;
        }
        assert_eq!(limits.part_of(largest), Some(5 * GIB));
        assert_eq!(limits.part_of(largest + 1), None);
    }
}
