//! What the operator agrees to: requests, and the limits that they count against.

/// At most `requests` in any `period_ms`, counted over all operations that name it.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// What operations call it.
    pub name: &'static str,
    /// How many.
    pub requests: u32,
    /// In how many milliseconds.
    pub period_ms: u64,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A header.
    Header,
    /// A field of the JSON body.
    Body,
}

/// What the host itself writes into a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Where.
    pub place: Place,
    /// The header's or the field's name.
    pub name: &'static str,
    /// With blanks such as `{api-key}`.
    pub value: &'static str,
}

/// What a request does at Iterable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It may change something.
    Write,
}

/// A request that may be made.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// What requests and error messages call it.
    pub name: &'static str,
    /// What it is for, in an operator's words.
    pub purpose: &'static str,
    /// The interfaces whose calls may send it.
    pub used_by: &'static [&'static str],
    /// In capitals.
    pub method: &'static str,
    /// Whether it changes anything at Iterable.
    pub effect: Effect,
    /// With a blank for what varies.
    pub path: &'static str,
    /// None where there is no body.
    pub content_type: Option<&'static str>,
    /// Written by the host.
    pub fields: &'static [Field],
    /// In bytes, where an answer may outgrow the usual cap.
    pub response_limit: Option<u64>,
    /// The limits it counts against.
    pub limits: &'static [&'static str],
    /// Whether the host may send it again by itself.
    pub repeatable: bool,
}

impl Operation {
    /// Whether it changes anything at Iterable.
    pub fn writes(&self) -> bool {
        self.effect == Effect::Write
    }
}
