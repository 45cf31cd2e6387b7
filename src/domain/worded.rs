//! Enums whose variants have a word each.

/// Makes one, with its word said beside each variant; the text before the variants says whose words these are.
macro_rules! worded {
    (
        $(#[$about:meta])*
        pub enum $name:ident: $whose:literal {
            $($(#[$of:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl $name {
            #[doc = $whose]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

/// Makes one of words of AWS's, with a variant for those that this version does not know.
macro_rules! worded_by_aws {
    (
        $(#[$about:meta])*
        pub enum $name:ident {
            $($(#[$of:meta])* $variant:ident,)+
        }
    ) => {
        $(#[$about])*
        pub enum $name {
            $($(#[$of])* $variant,)+
            /// In a state this version does not name.
            Other(String),
        }

        impl $name {
            /// AWS's own word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                    Self::Other(word) => word,
                }
            }

            /// From AWS's word.
            pub fn parse(word: &str) -> Self {
                match word {
                    $(stringify!($variant) => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

pub(super) use {worded, worded_by_aws};
