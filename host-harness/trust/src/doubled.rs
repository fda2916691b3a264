//! What a bundle must contain once.

use std::fmt;

/// What was found more than once, so that it is open which one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubled {
    /// The text goes on after the bundle, such as with a second one.
    Bundles,
    /// There is an envelope with a statement and a signature of the component itself.
    Contents,
    /// The envelope has this many signatures.
    Signatures(usize),
    /// The statement is about this many components.
    Subjects(usize),
    /// A field of the bundle occurs twice.
    Fields,
}

impl fmt::Display for Doubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundles => f.write_str("has more text after the bundle; expected one bundle"),
            Self::Contents => f.write_str(
                "has both an envelope with a statement and a signature of the component itself; expected one of them",
            ),
            Self::Signatures(found) => {
                write!(f, "has {found} signatures; expected exactly one: sign the release with one key")
            }
            Self::Subjects(found) => {
                write!(f, "has a statement about {found} components; expected a statement about one")
            }
            Self::Fields => f.write_str("has a field twice; expected each field once"),
        }
    }
}
