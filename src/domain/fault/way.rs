//! Remedies that are an option on the command line and something else in the dashboard, the words of both side by side.

use serde::{Deserialize, Serialize};

/// Where a person reads a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// On the command line.
    CommandLine,
    /// In the dashboard.
    Dashboard,
}

/// A way out that every door has, each in its own manner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayOut {
    /// Write to another file, or replace the one that is there.
    ReplaceFile,
    /// Write to another object, or replace the one that is there.
    ReplaceObject,
    /// Open an object under a name that it was not written with.
    AcceptName,
    /// Open an object that has no metadata of ours.
    AcceptUnbound,
    /// Say from where it was moved.
    DeclareMove,
    /// Say where the encrypted data key is.
    NameDataKey,
    /// Keep a job's plaintext on its volume.
    UseVolume,
    /// Say which KMS key encrypts a job's volumes.
    NameVolumeKey,
    /// Go on with what was interrupted.
    GoOn,
    /// Log in to single sign-on.
    LogIn,
    /// Go on once a login is there that was made elsewhere.
    AfterLogin,
    /// Give the code of an MFA device after all.
    GiveCode,
    /// Be there when the code of an MFA device is asked for.
    BeThere,
}

impl WayOut {
    /// What this door calls it.
    pub fn at(self, door: Door) -> &'static str {
        match (self, door) {
            (Self::ReplaceFile | Self::ReplaceObject, Door::CommandLine) => "choose another name, or give --overwrite",
            (Self::ReplaceFile, Door::Dashboard) => "choose another name: from here no file is replaced",
            (Self::ReplaceObject, Door::Dashboard) => {
                "refresh the objects, then encrypt again: you are asked whether to replace it"
            }
            (Self::AcceptName, Door::CommandLine) => "if you trust the new name, decrypt it with --accept-name",
            (Self::AcceptName, Door::Dashboard) => {
                "if you trust the new name, decrypt it with `even if it was renamed` checked"
            }
            (Self::AcceptUnbound, Door::CommandLine) => {
                "if it never had any, name its data key with --data-key, or give --accept-unbound"
            }
            (Self::AcceptUnbound, Door::Dashboard) => {
                "if it never had any, decrypt it with `even without metadata` checked; a preview and a verification offer \
                 to read it all the same"
            }
            (Self::DeclareMove, Door::CommandLine) => {
                "if all of it was moved, give --moved-from with the prefix that it was put under"
            }
            (Self::DeclareMove, Door::Dashboard) => {
                "if all of it was moved, name the prefix that it was put under in `Moved from` of the job's form"
            }
            (Self::NameDataKey, Door::CommandLine) => "give --data-key s3://BUCKET/KEY or --data-key FILE",
            (Self::NameDataKey, Door::Dashboard) => {
                "copy the command line of `decrypt` and run it in a shell with --data-key added"
            }
            (Self::UseVolume, Door::CommandLine) => {
                "give `strongroom start` --plaintext volume, and a --volume that takes tokens and plaintext"
            }
            (Self::UseVolume, Door::Dashboard) => {
                "write `volume` into `Plaintext` of the job's form, with a `Volume GB` that takes tokens and plaintext"
            }
            (Self::NameVolumeKey, Door::CommandLine) => "give --volume-key KEY, or `volume-key` in [jobs]",
            (Self::NameVolumeKey, Door::Dashboard) => "name it in `Volume key` of the job's form",
            (Self::GoOn, Door::CommandLine) => "the same command goes on where it stopped",
            (Self::LogIn, Door::CommandLine) => "`strongroom login` does it too",
            (Self::LogIn, Door::Dashboard) => "`login` does it from here",
            (Self::AfterLogin, Door::CommandLine) => "then run it again",
            (Self::AfterLogin, Door::Dashboard) => "then `login` goes on from here",
            (Self::GiveCode, Door::CommandLine) => "run it again, and give the code that the device shows",
            (Self::GiveCode, Door::Dashboard) => "`login` asks for it again",
            (Self::BeThere, _) => {
                "run it in a terminal, or take a session before (`aws sts assume-role` with --serial-number and --token-code) \
                 and give its credentials in the environment"
            }
            (Self::GoOn, Door::Dashboard) => "`interrupted` in the menu of actions goes on where it stopped",
        }
    }
}
