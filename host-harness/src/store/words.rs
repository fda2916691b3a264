//! Words of the database, the same as in JSON.

/// Gives an enum its words.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(crate) fn from_word(word: &str) -> Result<Self, $crate::store::StoreError> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    other => Err($crate::store::StoreError::Unreadable(format!("the word {other:?}"))),
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

pub(crate) use words;
