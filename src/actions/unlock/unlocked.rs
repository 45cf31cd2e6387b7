//! A data key, and what its token must be.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;

use crate::actions::faults::fault_of;
use crate::domain::{Bond, Fault, FaultKind, WayOut};
use crate::envelope::binding::{self, Subject};
use crate::envelope::manifest::BundleFile;
use crate::envelope::{
    DataKey, EnvelopeError, FirstPass, HEADER_LEN, HEADER_TEXT, Metadata, Opened, decrypt, first_pass, header_of,
    verify,
};

/// A data key, and what its token must be.
pub(in crate::actions) struct Unlocked {
    pub(in crate::actions) key: Arc<DataKey>,
    pub(in crate::actions) kms_key_arn: String,
    pub(super) tie: Tie,
}

/// What says that the data key is the token's, and what holds of its place if the token is the one that is meant.
pub(super) enum Tie {
    /// A person.
    Named,
    /// Nothing: it is the one that was found, there.
    Guessed(String),
    Metadata {
        metadata: Box<Metadata>,
        bond: Bond,
        /// Where a person says that the data key is, if the metadata has another.
        instead: Option<String>,
    },
    /// A bundle, of this place.
    Listed {
        bundle: String,
        file: BundleFile,
        /// The token may be newer than the bundle.
        is_live: bool,
    },
}

/// Doing what, to what: as faults say it.
pub(in crate::actions) type Doing<'a> = (&'a str, &'a str);

impl Unlocked {
    /// Decrypts the token that is meant, and tells what is proved of its place. The output comes back only if all of it holds:
    /// it must be one that nobody else sees until then.
    pub(in crate::actions) fn decrypt<W: Write>(
        &self,
        token: &mut (impl Read + Send),
        output: W,
        doing: Doing<'_>,
    ) -> Result<(Opened, Bond, W), Fault> {
        self.reading(token, doing, |token, header| {
            if header.is_some_and(|header| self.is_another(header)) {
                // Another token, or another key: its end tells which. Until there nothing of it need be written.
                verify(&self.key, token)?;
                return Err(EnvelopeError::Unbound);
            }
            let (opened, output) = decrypt(&self.key, token, output)?;
            Ok((opened, self.check(&opened)?, output))
        })
    }

    /// Checks the same, and writes nothing.
    pub(in crate::actions) fn verify(
        &self,
        token: &mut (impl Read + Send),
        doing: Doing<'_>,
    ) -> Result<(Opened, Bond), Fault> {
        self.reading(token, doing, |token, _| {
            let opened = verify(&self.key, token)?;
            Ok((opened, self.check(&opened)?))
        })
    }

    /// Checks the same of a token that is read again by [`release`](crate::envelope::release).
    pub(in crate::actions) fn first_pass(
        &self,
        token: &mut (impl Read + Send),
        doing: Doing<'_>,
    ) -> Result<(FirstPass, Bond), Fault> {
        self.reading(token, doing, |token, _| {
            let pass = first_pass(&self.key, token)?;
            let bond = self.check(pass.opened())?;
            Ok((pass, bond))
        })
    }

    fn reading<R, T: Read + Send>(
        &self,
        token: &mut T,
        doing: Doing<'_>,
        read: impl FnOnce(&mut BufReader<&mut T>, Option<&[u8; HEADER_LEN]>) -> Result<R, EnvelopeError>,
    ) -> Result<R, Fault> {
        let mut token = BufReader::with_capacity(HEADER_TEXT, token);
        let beginning = token.fill_buf().map_err(EnvelopeError::Read);
        let beginning = beginning.map_err(|error| fault_of(doing.0, doing.1, &error))?;
        let header = header_of(beginning);
        read(&mut token, header.as_ref()).map_err(|error| self.fault(doing, header.as_ref(), &error))
    }

    pub(super) fn is_another(&self, header: &[u8; HEADER_LEN]) -> bool {
        match &self.tie {
            Tie::Metadata { metadata, .. } => metadata.check(&self.key, header).is_err(),
            Tie::Listed { file, is_live, .. } => !is_live && check_listed(&self.key, file, header).is_err(),
            Tie::Named | Tie::Guessed(_) => false,
        }
    }

    /// What is proved of the token's place, if it is the one that is meant.
    pub(in crate::actions) fn check(&self, opened: &Opened) -> Result<Bond, EnvelopeError> {
        match &self.tie {
            Tie::Named | Tie::Guessed(_) => Ok(Bond::Unbound),
            Tie::Metadata { metadata, bond, .. } => {
                metadata.check(&self.key, &opened.header)?;
                if metadata.length == opened.plaintext_bytes {
                    Ok(bond.clone())
                } else {
                    Err(EnvelopeError::Unbound)
                }
            }
            Tie::Listed { file, is_live, .. } => match check_opened(&self.key, file, opened) {
                Err(_) if *is_live => Ok(Bond::Unbound),
                checked => checked.map(|()| Bond::Inside),
            },
        }
    }

    /// The fault of a token that begins so and does not open. Under a data key that may be another token's nothing is known of
    /// it, but what no key makes good.
    pub(in crate::actions) fn fault(
        &self,
        (act, object): Doing<'_>,
        header: Option<&[u8; HEADER_LEN]>,
        error: &EnvelopeError,
    ) -> Fault {
        let is_of_key = matches!(error, EnvelopeError::Mac | EnvelopeError::Padding);
        match &self.tie {
            Tie::Guessed(at) if is_of_key => another(act, object, at),
            Tie::Metadata {
                instead: Some(named), ..
            } if is_of_key || matches!(error, EnvelopeError::Unbound) => instead(act, object, named),
            Tie::Listed { bundle, file, is_live } if is_of_key || matches!(error, EnvelopeError::Unbound) => {
                let is_its = header.is_some_and(|header| check_listed(&self.key, file, header).is_ok());
                if is_its {
                    fault_of(act, object, error)
                } else if *is_live {
                    another(act, object, bundle)
                } else {
                    not_listed(act, object, bundle)
                }
            }
            Tie::Named | Tie::Guessed(_) | Tie::Metadata { .. } | Tie::Listed { .. } => fault_of(act, object, error),
        }
    }
}

/// Whether a token that was read is the one that is listed.
pub(in crate::actions) fn check_opened(
    key: &DataKey,
    listed: &BundleFile,
    opened: &Opened,
) -> Result<(), EnvelopeError> {
    if listed.length != opened.plaintext_bytes {
        return Err(EnvelopeError::Unbound);
    }
    check_listed(key, listed, &opened.header)
}

/// Whether a token that begins so is the one that is listed, if it is whole.
pub(in crate::actions) fn check_listed(
    key: &DataKey,
    listed: &BundleFile,
    header: &[u8; HEADER_LEN],
) -> Result<(), EnvelopeError> {
    let mac = super::decode(&listed.mac).ok_or(EnvelopeError::Unbound)?;
    let subject = Subject {
        prefix: listed.prefix.as_deref(),
        name: &listed.name,
        header,
        length: listed.length,
    };
    binding::check(key, subject, &mac)
}

/// The fault of a token that is not the one which a bundle lists under its name.
pub(in crate::actions) fn not_listed(act: &str, object: impl fmt::Display, bundle: &str) -> Fault {
    let cause = format!("it is not the token that {bundle} lists under this name, or that is of another job");
    let remedy = "get both again from where they were made";
    Fault::integrity(act, object.to_string(), cause, remedy)
}

fn instead(act: &str, object: &str, named: &str) -> Fault {
    let cause = format!(
        "it does not open under the data key that you named, {named}, and its metadata has another; whether the token is whole \
         is not known"
    );
    let remedy = "without --data-key it is opened with its own";
    Fault::new(FaultKind::OtherKey, act, object, cause, remedy)
}

fn another(act: &str, object: &str, at: &str) -> Fault {
    let cause = format!(
        "it does not open under the data key that was found for it, {at}; nothing says that this one is its own, so whether \
         the token is whole is not known"
    );
    Fault::new(FaultKind::OtherKey, act, object, cause, "").by(WayOut::NameDataKey)
}
