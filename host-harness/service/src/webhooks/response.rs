//! The responses to a vendor's delivery.
//! Tested in `src/webhooks/receive/tests.rs`.

use std::time::Duration;

/// The response to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookResponse {
    /// The delivery is stored, or was already stored before: 200.
    Taken,
    /// No such connection, or no credential that it accepts; the response does not reveal which: 401.
    Refused,
    /// The framing of the body is invalid, or the connection was closed: 400.
    Broken,
    /// The body took too long to arrive: 408.
    TooSlow,
    /// The body is larger than [`MAX_DELIVERY_BODY`](super::receive::MAX_DELIVERY_BODY): 413.
    TooLarge,
    /// The connection's rate limit is exceeded: 429.
    TooMany(Duration),
    /// The delivery cannot be stored now: 503.
    Unavailable(Duration),
}

impl WebhookResponse {
    /// Returns the HTTP status.
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

/// The reason that a body did not arrive completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incomplete {
    /// The body is larger than [`MAX_DELIVERY_BODY`](super::receive::MAX_DELIVERY_BODY).
    TooLarge,
    /// The body took too long to arrive.
    TooSlow,
    /// The framing of the body is invalid, or the connection was closed.
    Broken,
}

impl From<Incomplete> for WebhookResponse {
    fn from(incomplete: Incomplete) -> Self {
        match incomplete {
            Incomplete::TooLarge => Self::TooLarge,
            Incomplete::TooSlow => Self::TooSlow,
            Incomplete::Broken => Self::Broken,
        }
    }
}
