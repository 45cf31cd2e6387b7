//! The checksums that S3 keeps beside an object: asked for by headers or trailers, checked on the way in, given
//! back on reads. Without a request for one S3 computes CRC-64/NVME, and so does this.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType};
use serde::{Deserialize, Serialize};

use crate::api::ApiError;

/// The five algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

const ALL: [Algorithm; 5] = [
    Algorithm::Crc32,
    Algorithm::Crc32c,
    Algorithm::Crc64Nvme,
    Algorithm::Sha1,
    Algorithm::Sha256,
];

impl Algorithm {
    /// As `x-amz-checksum-algorithm` names it.
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        ALL.into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                ApiError::invalid_request(
                    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                     [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
                )
            })
    }

    /// S3's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The same as S3's sentences about uploads have it.
    pub(crate) fn lower(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// The algorithms that a set has values of.
    pub(crate) fn of(checksum: &Checksum) -> impl Iterator<Item = Self> {
        ALL.into_iter().filter(|algorithm| algorithm.value(checksum).is_some())
    }

    /// This algorithm's value alone.
    pub(crate) fn only(self, checksum: &Checksum) -> Checksum {
        self.value(checksum)
            .map_or_else(Checksum::default, |value| self.set(value.clone()))
    }

    /// The header or trailer that carries it.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Whether `x-amz-trailer` announces its header.
    fn is_among(self, trailers: Option<&str>) -> bool {
        let mut names = trailers.into_iter().flat_map(|names| names.split(','));
        names.any(|name| name.trim().eq_ignore_ascii_case(self.header()))
    }

    /// This algorithm's value of a set.
    pub(crate) fn value(self, checksum: &Checksum) -> Option<&String> {
        match self {
            Self::Crc32 => checksum.checksum_crc32.as_ref(),
            Self::Crc32c => checksum.checksum_crc32c.as_ref(),
            Self::Crc64Nvme => checksum.checksum_crc64nvme.as_ref(),
            Self::Sha1 => checksum.checksum_sha1.as_ref(),
            Self::Sha256 => checksum.checksum_sha256.as_ref(),
        }
    }

    fn slot(self, checksum: &mut Checksum) -> &mut Option<String> {
        match self {
            Self::Crc32 => &mut checksum.checksum_crc32,
            Self::Crc32c => &mut checksum.checksum_crc32c,
            Self::Crc64Nvme => &mut checksum.checksum_crc64nvme,
            Self::Sha1 => &mut checksum.checksum_sha1,
            Self::Sha256 => &mut checksum.checksum_sha256,
        }
    }

    fn set(self, value: String) -> Checksum {
        let mut checksum = Checksum::default();
        *self.slot(&mut checksum) = Some(value);
        checksum
    }

    fn combining(self) -> Option<(CrcAlgorithm, usize)> {
        match self {
            Self::Crc32 => Some((CrcAlgorithm::Crc32IsoHdlc, 4)),
            Self::Crc32c => Some((CrcAlgorithm::Crc32Iscsi, 4)),
            Self::Crc64Nvme => Some((CrcAlgorithm::Crc64Nvme, 8)),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Crc32 => Crc32::checksum(bytes).to_vec(),
            Self::Crc32c => Crc32c::checksum(bytes).to_vec(),
            Self::Crc64Nvme => Crc64Nvme::checksum(bytes).to_vec(),
            Self::Sha1 => Sha1::checksum(bytes).to_vec(),
            Self::Sha256 => Sha256::checksum(bytes).to_vec(),
        }
    }
}

/// Whether a multipart object's checksum is over its bytes or over its parts' checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    FullObject,
    Composite,
}

impl Kind {
    /// As `x-amz-checksum-type` names it; S3's default for the algorithm without one.
    pub(crate) fn parse(name: Option<&str>, algorithm: Algorithm) -> Result<Self, ApiError> {
        let refused = |kind: &str| {
            ApiError::invalid_request(format!(
                "The {kind} checksum type cannot be used with the {} checksum algorithm.",
                algorithm.lower()
            ))
        };
        match name {
            Some("COMPOSITE") if algorithm == Algorithm::Crc64Nvme => Err(refused("COMPOSITE")),
            Some("FULL_OBJECT") if algorithm.combining().is_none() => Err(refused("FULL_OBJECT")),
            Some("FULL_OBJECT") => Ok(Self::FullObject),
            Some("COMPOSITE") => Ok(Self::Composite),
            Some(_) => Err(ApiError::invalid_request(
                "Value for x-amz-checksum-type header is invalid.",
            )),
            None if algorithm == Algorithm::Crc64Nvme => Ok(Self::FullObject),
            None => Ok(Self::Composite),
        }
    }

    /// S3's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => ChecksumType::FULL_OBJECT,
            Self::Composite => ChecksumType::COMPOSITE,
        }
    }
}

/// s3s's shape, as rows keep it: the five values in the order of [`ALL`].
pub(crate) mod stored {
    use s3s::dto::Checksum;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(checksum: &Checksum, serializer: S) -> Result<S::Ok, S::Error> {
        super::ALL
            .map(|algorithm| algorithm.value(checksum))
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Checksum, D::Error> {
        let values = <[Option<String>; 5]>::deserialize(deserializer)?;
        let mut checksum = Checksum::default();
        for (algorithm, value) in super::ALL.into_iter().zip(values) {
            *algorithm.slot(&mut checksum) = value;
        }
        Ok(checksum)
    }
}

/// An object's checksums.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checksums {
    #[serde(with = "stored")]
    pub(crate) values: Checksum,
    pub(crate) kind: Kind,
}

impl Checksums {
    /// Checksums over the whole body.
    pub(crate) fn full(values: Checksum) -> Self {
        Self {
            values,
            kind: Kind::FullObject,
        }
    }

    /// What a multipart object gets: from its parts' lengths and checksums.
    pub(crate) fn of_parts(algorithm: Algorithm, kind: Kind, parts: &[(u64, &Checksum)]) -> Option<Self> {
        let digests: Vec<Vec<u8>> = parts
            .iter()
            .map(|(_, checksum)| STANDARD.decode(algorithm.value(checksum)?).ok())
            .collect::<Option<_>>()?;
        let value = match kind {
            Kind::Composite => format!(
                "{}-{}",
                STANDARD.encode(algorithm.digest(&digests.concat())),
                parts.len()
            ),
            Kind::FullObject => {
                let (crc, width) = algorithm.combining()?;
                let number = |digest: &[u8]| digest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                let whole = parts
                    .iter()
                    .zip(&digests)
                    .map(|((length, _), digest)| (*length, number(digest)))
                    .reduce(|(so_far, left), (length, right)| {
                        (so_far + length, checksum_combine(crc, left, right, length))
                    })?;
                STANDARD.encode(&whole.1.to_be_bytes()[8 - width..])
            }
        };
        Some(Self {
            values: algorithm.set(value),
            kind,
        })
    }

    /// The names of the algorithms with a value, for listings.
    pub(crate) fn algorithms(&self) -> Vec<ChecksumAlgorithm> {
        ALL.into_iter()
            .filter(|algorithm| algorithm.value(&self.values).is_some())
            .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name()))
            .collect()
    }
}

/// A hasher for `algorithm` alone.
pub(crate) fn hasher(algorithms: &[Algorithm]) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    for algorithm in algorithms {
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::default()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::default()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::default()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::default()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::default()),
        }
    }
    hasher
}

/// Which algorithms a request names, by a value in its headers, in its announced trailers, or by name only.
pub(crate) fn requested(
    given: &Checksum,
    trailer: Option<&str>,
    named: Option<&str>,
) -> Result<Vec<Algorithm>, ApiError> {
    let mut algorithms: Vec<Algorithm> = ALL
        .into_iter()
        .filter(|algorithm| algorithm.value(given).is_some() || algorithm.is_among(trailer))
        .collect();
    if algorithms.is_empty()
        && let Some(name) = named
    {
        algorithms.push(Algorithm::parse(name)?);
    }
    Ok(algorithms)
}

/// Compares what the client sent with what arrived; `trailer` finds a trailing header, of those that were `announced`.
pub(crate) fn verify(
    given: &Checksum,
    announced: Option<&str>,
    trailer: impl Fn(&str) -> Option<String>,
    computed: &Checksum,
) -> Result<(), ApiError> {
    for algorithm in ALL {
        let Some(expected) = algorithm.value(given).cloned().or_else(|| trailer(algorithm.header())) else {
            if algorithm.is_among(announced) {
                return Err(ApiError::new(
                    "MalformedTrailerError",
                    "The request contained trailing data that was not well-formed or did not conform to our published \
                     schema.",
                ));
            }
            continue;
        };
        if algorithm.value(computed).is_some_and(|value| *value != expected) {
            let message = format!(
                "The {} you specified did not match the calculated checksum.",
                algorithm.name()
            );
            return Err(ApiError::new("BadDigest", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = hasher(&[algorithm]);
        hasher.update(bytes);
        hasher.finalize()
    }

    #[test]
    fn parts_combine_to_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| (n * 31 % 251) as u8).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let sums: Vec<(u64, Checksum)> = bytes
                .chunks(33_333)
                .map(|part| (part.len() as u64, of(algorithm, part)))
                .collect();
            let parts: Vec<(u64, &Checksum)> = sums.iter().map(|(length, sum)| (*length, sum)).collect();
            let whole = Checksums::of_parts(algorithm, Kind::FullObject, &parts).unwrap();
            assert_eq!(
                algorithm.value(&whole.values),
                algorithm.value(&of(algorithm, &bytes)),
                "{}",
                algorithm.name()
            );
        }
    }

    #[test]
    fn a_composite_checksum_says_how_many_parts_it_covers() {
        let one = of(Algorithm::Sha256, b"one");
        let whole = Checksums::of_parts(Algorithm::Sha256, Kind::Composite, &[(3, &one), (3, &one)]).unwrap();
        assert!(whole.values.checksum_sha256.unwrap().ends_with("-2"));
    }

    #[test]
    fn a_wrong_checksum_is_refused_wherever_it_was_sent() {
        let right = of(Algorithm::Crc32, b"right");
        let wrong = of(Algorithm::Crc32, b"wrong");
        assert!(verify(&right, None, |_| None, &right).is_ok());
        assert_eq!(verify(&wrong, None, |_| None, &right).unwrap_err().code, "BadDigest");
        let trailer = |name: &str| (name == "x-amz-checksum-crc32").then(|| wrong.checksum_crc32.clone().unwrap());
        assert!(verify(&Checksum::default(), None, trailer, &right).is_err());
        let announced = Some("x-amz-checksum-crc32");
        assert_eq!(
            verify(&Checksum::default(), announced, |_| None, &right)
                .unwrap_err()
                .code,
            "MalformedTrailerError"
        );
    }
}
