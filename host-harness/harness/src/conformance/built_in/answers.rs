//! Answers of every kind, as a vendor, or something in front of it, may give them.

use fastrand::Rng;
use host_model::contract::{
    Subject,
    http::{HttpError, HttpErrorKind},
};
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use serde_json::{Map, Value, json};

use crate::{conformance::script::failure, egress::VendorResponse};

/// One or more of each class, and those that have a meaning of their own.
const STATUSES: [u16; 9] = [200, 302, 400, 401, 403, 404, 429, 500, 503];

/// Levels of a deeply nested body: enough to exhaust the stack of a parser that recurses without a limit.
const NESTED_LEVELS: usize = 20_000;

/// Maximum number of levels of a random document.
const RANDOM_LEVELS: usize = 4;

/// The content of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultBody {
    Empty,
    EmptyObject,
    RandomJson,
    RandomBytes,
    DeeplyNested,
    /// The person's identifiers, as a vendor's error may repeat them.
    Echo,
}

impl FaultBody {
    const ALL: [Self; 6] =
        [Self::Empty, Self::EmptyObject, Self::RandomJson, Self::RandomBytes, Self::DeeplyNested, Self::Echo];

    fn about(self) -> &'static str {
        match self {
            Self::Empty => "an empty body",
            Self::EmptyObject => "the body {}",
            Self::RandomJson => "random JSON",
            Self::RandomBytes => "random bytes",
            Self::DeeplyNested => "a deeply nested body",
            Self::Echo => "a body that repeats the person's identifiers",
        }
    }

    fn bytes(self, person: &Subject, random: &mut Rng) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::EmptyObject => b"{}".to_vec(),
            Self::RandomJson => document(person, RANDOM_LEVELS, random).to_string().into_bytes(),
            // Without digits, which the host would take for identifiers in a delivery that is not JSON.
            Self::RandomBytes => (0..random.usize(1..2_000)).map(|_| random.u8(128..)).collect(),
            Self::DeeplyNested => {
                [r#"{"data":["#.repeat(NESTED_LEVELS), "]}".repeat(NESTED_LEVELS)].concat().into_bytes()
            }
            Self::Echo => echo(person).to_string().into_bytes(),
        }
    }
}

/// An answer to every request of a call.
#[derive(Clone, Debug)]
pub(super) struct FaultAnswer {
    /// What it is, in words.
    pub(super) about: String,
    pub(super) body: FaultBody,
    pub(super) response: Result<VendorResponse, HttpError>,
}

impl FaultAnswer {
    /// Returns its body.
    pub(super) fn bytes(&self) -> &[u8] {
        self.response.as_ref().map(|response| response.body.as_slice()).unwrap_or_default()
    }
}

/// Returns each status with each body, and each failure.
pub(super) fn all(person: &Subject, random: &mut Rng) -> Vec<FaultAnswer> {
    let mut answers = Vec::new();
    for status in STATUSES {
        for body in FaultBody::ALL {
            let mut headers = HeaderMap::new();
            if matches!(status, 429 | 503) {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
            }
            let about = format!("status {status} with {}", body.about());
            let response = VendorResponse { status, headers, body: body.bytes(person, random) };
            answers.push(FaultAnswer { about, body, response: Ok(response) });
        }
    }
    let failures = [
        ("a vendor that does not answer", HttpErrorKind::TimedOut),
        ("no connection", HttpErrorKind::Unreachable),
    ];
    answers.extend(failures.map(|(about, kind)| FaultAnswer {
        about: about.to_owned(),
        body: FaultBody::Empty,
        response: Err(failure(kind)),
    }));
    answers
}

fn echo(person: &Subject) -> Value {
    let names: Vec<_> = person.identifiers().iter().map(|known| known.value.as_str()).collect();
    let sentence = format!("there is no person {}", names.join(", "));
    json!({"code": names.first(), "message": sentence, "msg": sentence, "error": {"message": sentence}, "data": names})
}

/// Returns a random document. Its numbers are so long that no text contains one by chance.
fn document(person: &Subject, levels: usize, random: &mut Rng) -> Value {
    const KEYS: [&str; 12] = [
        "id", "name", "code", "message", "error", "data", "items", "results", "user", "email", "status",
        "total",
    ];
    let kind = if levels == 0 { random.u8(..5) } else { random.u8(..9) };
    match kind {
        0 => Value::Null,
        1 => Value::from(random.bool()),
        2 => Value::from(random.u64(1 << 50..1 << 53)),
        3 => Value::from((0..random.usize(..40)).map(|_| random.alphabetic()).collect::<String>()),
        4 => {
            let names = person.identifiers();
            random.choice(names).map_or(Value::Null, |known| Value::from(known.value.as_str()))
        }
        5 | 6 => (0..random.usize(..5)).map(|_| document(person, levels - 1, random)).collect(),
        _ => {
            let entry = |random: &mut Rng| {
                let key = random.choice(KEYS).unwrap_or_default().to_owned();
                (key, document(person, levels - 1, random))
            };
            let entries: Map<_, _> = (0..random.usize(1..6)).map(|_| entry(random)).collect();
            Value::Object(entries)
        }
    }
}
