//! What only a person knows or can do, asked for in the middle of a call.

use jiff::Timestamp;

use super::Plaintext;
use crate::printable;

/// A question to the person, and its answer's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Tells it from all others of this process.
    pub id: u64,
    /// What is wanted.
    pub wanted: Wanted,
}

/// What is wanted of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The code that a device of this profile shows.
    MfaCode {
        /// The profile.
        profile: String,
        /// The device's serial number or ARN.
        serial: String,
        /// Why the code before was not taken.
        refused: Option<String>,
    },
    /// A login: the profile's has ended, or there was none.
    Login {
        /// The profile.
        profile: String,
        /// What tells one login from another: profiles may share it.
        session: String,
        /// How it is made.
        way: LoginWay,
        /// Whether the person said that it was done, and there is none all the same.
        is_still_missing: bool,
    },
}

/// How a person logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginWay {
    /// To single sign-on, in a browser: from here.
    SingleSignOn,
    /// To the console's own session, by the AWS CLI: in another terminal.
    Console,
}

impl LoginWay {
    /// What does it for a profile, in a shell.
    pub fn command(self, profile: &str) -> String {
        let words = match self {
            Self::SingleSignOn => "aws sso login",
            Self::Console => "aws login",
        };
        format!("{words} --profile {}", printable::shell_word(profile.as_bytes()))
    }
}

/// What a person who logs in goes to, and sees there. All of it is the service's, and untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The page, with the code filled in where the service has such a one.
    pub url: String,
    /// The page alone.
    pub page: String,
    /// The code that it must show.
    pub code: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// What the person says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This code.
    Code(Plaintext),
    /// It is done.
    Done,
    /// Nothing: what waits for it fails.
    No,
}

/// How many digits the code of a device has.
pub const CODE_DIGITS: usize = 6;

/// Whether a device may show this.
pub fn is_code(text: &[u8]) -> bool {
    text.len() == CODE_DIGITS && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_logs_in_names_the_profile_as_a_shell_reads_it() {
        assert_eq!(LoginWay::Console.command("dev"), "aws login --profile dev");
        let odd = LoginWay::SingleSignOn.command("my team; rm");
        assert_eq!(odd, "aws sso login --profile 'my team; rm'");
    }

    #[test]
    fn a_code_has_six_digits_and_shows_itself_to_nobody() {
        assert!(is_code(b"012345"));
        for text in ["", "12345", "1234567", "12345a", "12 345", "１２３４５６"] {
            assert!(!is_code(text.as_bytes()), "{text}");
        }
        let answer = Answer::Code("012345".to_owned().into());
        assert!(!format!("{answer:?}").contains("012345"));
    }
}
