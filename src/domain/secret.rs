//! Plaintext on its way between a person and KMS: shared, never copied, redacted, wiped with its last owner.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// A small plaintext. Cloning shares the one buffer, which is zeroed when the last clone is dropped; `Debug` shows its
/// length only.
///
/// What a terminal, a clipboard or the SDK's transport got of it cannot be wiped from here.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(Arc<Zeroizing<Vec<u8>>>);

impl Plaintext {
    /// Takes the buffer over.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(bytes))
    }

    /// The bytes themselves, for the screen or the file that a person chose.
    pub fn dangerously_show(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Plaintext {
    fn from(text: String) -> Self {
        Self::new(Zeroizing::new(text.into_bytes()))
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Plaintext;

    #[test]
    fn a_plaintext_never_shows_itself() {
        let secret = Plaintext::from("the diagnosis".to_owned());
        assert_eq!(format!("{secret:?}"), "Plaintext(13 bytes)");
        assert_eq!(secret.clone().dangerously_show(), b"the diagnosis");
    }
}
