//! Which operations only read.
//!
//! An operation that is not on the list changes something, so a call that is added later is refused in a read-only
//! session, and kept in the audit log, until somebody thinks about it. `Decrypt` changes nothing in AWS and is what
//! `decrypt` and `verify` are made of.

use aws_sdk_kms::operation::create_grant::CreateGrantInput;
use aws_sdk_kms::operation::decrypt::DecryptInput;
use aws_sdk_kms::operation::encrypt::EncryptInput;
use aws_sdk_kms::operation::generate_data_key::GenerateDataKeyInput;
use aws_sdk_kms::operation::generate_data_key_pair::GenerateDataKeyPairInput;
use aws_sdk_kms::operation::generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintextInput;
use aws_sdk_kms::operation::generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintextInput;
use aws_sdk_kms::operation::re_encrypt::ReEncryptInput;
use aws_sdk_kms::operation::retire_grant::RetireGrantInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;

/// The names of `reading.txt`.
fn reading() -> impl Iterator<Item = &'static str> {
    include_str!("reading.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
}

/// Whether a call changes nothing: by its name, or because it is a dry run.
pub(super) fn only_reads(operation: &str, input: &Input) -> bool {
    reading().any(|name| name == operation) || is_dry_run(input)
}

fn is_dry_run(input: &Input) -> bool {
    macro_rules! asks {
        ($($kind:ty),+ $(,)?) => {
            $(input.downcast_ref::<$kind>().is_some_and(|input| input.dry_run == Some(true)))||+
        };
    }
    asks!(
        CreateGrantInput,
        DecryptInput,
        EncryptInput,
        GenerateDataKeyInput,
        GenerateDataKeyPairInput,
        GenerateDataKeyPairWithoutPlaintextInput,
        GenerateDataKeyWithoutPlaintextInput,
        ReEncryptInput,
        RetireGrantInput,
    )
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::interceptors::context::Input;

    use super::{EncryptInput, only_reads, reading};

    /// And one that nobody knows.
    fn writing() -> impl Iterator<Item = &'static str> {
        include_str!("writing.txt").lines().chain([""])
    }

    fn nothing() -> Input {
        Input::erase(())
    }

    #[test]
    fn whatever_is_not_listed_changes_something() {
        for operation in writing() {
            assert!(!only_reads(operation, &nothing()), "{operation}");
        }
        for operation in reading() {
            assert!(only_reads(operation, &nothing()), "{operation}");
        }
    }

    #[test]
    fn whatever_changes_something_says_what_it_is_called_on() {
        let parts = ["", "UploadPart", "UploadPartCopy"];
        for operation in writing().filter(|operation| !parts.contains(operation)) {
            assert!(super::super::resource::KNOWN.contains(&operation), "{operation}");
        }
        for operation in super::super::resource::KNOWN {
            assert!(reading().all(|name| name != *operation), "{operation}");
        }
    }

    #[test]
    fn a_dry_run_changes_nothing() {
        let encrypt = |dry| Input::erase(EncryptInput::builder().key_id("k").dry_run(dry).build().unwrap());
        assert!(only_reads("Encrypt", &encrypt(true)));
        assert!(!only_reads("Encrypt", &encrypt(false)));
    }

    #[test]
    fn no_listed_operation_begins_with_a_writing_verb() {
        for verb in [
            "Create", "Put", "Delete", "Update", "Enable", "Disable", "Schedule", "Cancel", "Stop", "Revoke",
        ] {
            assert!(!reading().any(|operation| operation.starts_with(verb)), "{verb}");
        }
    }
}
