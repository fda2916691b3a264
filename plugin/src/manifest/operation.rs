//! What the operator approves: requests, and the limits that they count against.

/// At most `requests` requests in any `period_ms`, counted over all operations that name the limit.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name by which operations refer to it.
    pub name: &'static str,
    /// The maximum number of requests in a period.
    pub requests: u32,
    /// The length of the period, in milliseconds.
    pub period_ms: u64,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// A header.
    Header,
    /// A field of the JSON body.
    Body,
}

/// A field that the host itself writes into a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it goes.
    pub place: RequestPart,
    /// The name of the header or field.
    pub name: &'static str,
    /// The value, with blanks such as `{api-key}`.
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
    /// Its name in requests and error messages.
    pub name: &'static str,
    /// What it is for, in an operator's words.
    pub purpose: &'static str,
    /// The interfaces whose calls may send it.
    pub used_by: &'static [&'static str],
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// Whether it changes anything at Iterable.
    pub effect: Effect,
    /// The path, with a blank for each value that varies.
    pub path: &'static str,
    /// The type of the body; `None` if there is no body.
    pub content_type: Option<&'static str>,
    /// The fields that the host writes.
    pub fields: &'static [Field],
    /// The maximum size of an answer in bytes, if it may exceed the host's usual limit.
    pub response_limit: Option<u64>,
    /// The limits that it counts against.
    pub limits: &'static [&'static str],
    /// Whether the host may repeat it on its own.
    pub repeatable: bool,
}

impl Operation {
    /// Whether it changes anything at Iterable.
    pub fn writes(&self) -> bool {
        self.effect == Effect::Write
    }
}
