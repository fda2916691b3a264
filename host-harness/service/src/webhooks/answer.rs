//! What a vendor is answered at the door.

use std::time::Duration;

/// What the vendor is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is stored, or was before. 200.
    Taken,
    /// No such connection, or no credential that it accepts: nobody learns which. 401.
    Refused,
    /// Its body's framing is broken, or the connection was cut. 400.
    Broken,
    /// Its body took too long to arrive. 408.
    TooSlow,
    /// Its body is larger than [`LARGEST_BODY`](super::receive::LARGEST_BODY). 413.
    TooLarge,
    /// More than a connection may bring. 429.
    TooMany(Duration),
    /// It cannot be stored now. 503.
    Unavailable(Duration),
}

impl Answer {
    /// Its status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Taken => 200,
            Self::Broken => 400,
            Self::Refused => 401,
            Self::TooSlow => 408,
            Self::TooLarge => 413,
            Self::TooMany(_) => 429,
            Self::Unavailable(_) => 503,
        }
    }
}

/// Why a body did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomplete {
    /// It is larger than [`LARGEST_BODY`](super::receive::LARGEST_BODY).
    TooLarge,
    /// It took too long.
    TooSlow,
    /// Its framing is broken, or the connection was cut.
    Broken,
}

impl From<Incomplete> for Answer {
    fn from(incomplete: Incomplete) -> Self {
        match incomplete {
            Incomplete::TooLarge => Self::TooLarge,
            Incomplete::TooSlow => Self::TooSlow,
            Incomplete::Broken => Self::Broken,
        }
    }
}
