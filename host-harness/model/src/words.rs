//! Words of the database, the same as in JSON.

/// A word that none of the type's values has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the word {0:?}")]
pub struct UnknownWord(pub String);

/// Gives an enum of unit variants its words: `word`, `from_word` and `Display`.
#[macro_export]
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word of this value.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of that word.
            ///
            /// # Errors
            ///
            /// [`UnknownWord`]($crate::words::UnknownWord) if no value has it.
            pub fn from_word(word: &str) -> Result<Self, $crate::words::UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    other => Err($crate::words::UnknownWord(other.to_owned())),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub use words;
