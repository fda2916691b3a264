//! Does something that a connector must not do, as its setting `misdeed` says. Behaves well without the setting.

#![expect(
    clippy::panic,
    clippy::large_types_passed_by_value,
    clippy::unnecessary_wraps,
    reason = "deliberate misdeeds, and the signatures of a connector"
)]

use std::{
    cell::Cell,
    hint::black_box,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Outcome, Settings},
        privacy::saas_connector::{credentials, http, log, types::ErrorKind},
    },
    parts,
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{self, Delivery, Verdict},
};

struct Misbehaves;

impl Guest for Misbehaves {
    fn describe() -> Manifest {
        Manifest {
            settings: vec![parts::setting("domain"), parts::setting("misdeed"), parts::secret("api-key")],
            operations: vec![
                parts::operation("act", "POST", "/act"),
                parts::operation("look", "GET", "/look"),
            ],
            ..test_guests::manifest("misbehaves")
        }
    }

    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        let misdeed =
            settings.iter().find(|(name, _)| name == "misdeed").map(|(_, misdeed)| misdeed.as_str());
        match misdeed {
            None => answer("behaved"),
            Some("spin") => spin(),
            Some("grow") => grow(),
            Some("recurse") => answer(&recurse([1; 1_000]).to_string()),
            Some("trap") => trap(),
            Some("panic") => panic!("a panic's own words, with k-0123456789 among them"),
            Some("huge-string") => answer(&"x".repeat(6 << 20)),
            Some("huge-list") => Ok(vec![check(""); 300_000]),
            Some("long-prose") => Err(error(&"\u{1b}[31m\u{202e}long\r\n".repeat(1_000))),
            Some("log-flood") => log_flood(),
            Some("log-bytes") => log_bytes(),
            Some("log-forgery") => log_forgery(),
            Some("request-flood") => request_flood(),
            Some("remember") => remember(),
            Some("hand-text") => hand_text(),
            Some("hand-letters") => hand_letters(),
            Some("hand-pairs") => hand_pairs(),
            Some("hand-query") => hand_query(),
            Some("hand-body") => hand_body(),
            Some("hand-presented") => hand_presented(),
            Some("hand-message") => hand_message(),
            Some("ask-http") => ask(|| drop(http::send(&request("undeclared")))),
            Some("ask-log") => ask(|| log::write(log::Level::Debug, "")),
            Some("ask-token") => ask(|| {
                credentials::accepts_webhook_token("");
            }),
            Some("ask-hmac") => ask(|| {
                accepts_hmac("undeclared", &[]);
            }),
            Some("act-and-spin") => {
                let _unanswered = http::send(&request("act"));
                spin()
            }
            Some("act-and-trap") => {
                let _answered = http::send(&request("act"));
                trap()
            }
            Some("look-and-trap") => {
                let _answered = http::send(&request("look"));
                trap()
            }
            Some(other) => Err(error(&format!("unknown misdeed {other}"))),
        }
    }
}

impl webhook_verify::Guest for Misbehaves {
    /// Makes the host compute hashes endlessly, which it does only for deliveries.
    fn verify(_: Settings, _: Delivery) -> Result<Verdict, Error> {
        hash_flood()
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Allocates memory until there is none left.
fn grow() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 1 << 20]));
    }
}

fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Overflows the guest's own stack, which is in its memory.
#[inline(never)]
#[expect(unconditional_recursion, reason = "the misdeed")]
fn recurse(held: [u64; 1_000]) -> u64 {
    let held = Cell::new(held);
    recurse(black_box(&held).get()) + black_box(&held).get()[1]
}

fn log_flood() -> Result<Vec<Check>, Error> {
    for line in 0..5_000 {
        log::write(log::Level::Warn, &format!("line {line}"));
    }
    answer("logged")
}

/// Logs lines longer than the cap, until they use up the quota of bytes.
fn log_bytes() -> Result<Vec<Check>, Error> {
    for _ in 0..200 {
        log::write(log::Level::Info, &"é".repeat(100_000));
    }
    answer("logged")
}

fn log_forgery() -> Result<Vec<Check>, Error> {
    log::write(
        log::Level::Info,
        "all is well\n2026-11-24T00:00:00Z ERROR forged: \u{1b}[2J\u{202e}gone, k-0123456789",
    );
    answer("logged")
}

/// Makes the host compute endlessly.
fn hash_flood() -> ! {
    let message = vec![1; 4 << 20];
    ask(|| {
        accepts_hmac("api-key", &message);
    })
}

fn accepts_hmac(secret: &str, message: &[u8]) -> bool {
    credentials::accepts_hmac(credentials::Hash::Sha512, secret, credentials::KeyForm::Text, message, &[])
}

/// Calls the host endlessly.
fn ask(one: impl Fn()) -> ! {
    loop {
        one();
    }
}

/// The maximum size of one host call's arguments. Each kind of argument is tried: text in ASCII and in letters of three
/// bytes, pairs of texts, and bytes. The host refuses each call.
const MOST: usize = 5 << 20;
const SPARED: usize = 4 << 10;

fn hand_text() -> ! {
    let text = "x".repeat(MOST - SPARED);
    ask(|| log::write(log::Level::Info, &text))
}

fn hand_letters() -> ! {
    let text = "€".repeat((MOST - SPARED) / 3);
    ask(|| log::write(log::Level::Info, &text))
}

/// Each pair takes 48 bytes in the host.
fn pairs() -> Vec<(String, String)> {
    vec![Default::default(); (MOST - SPARED) / 48]
}

fn hand_pairs() -> ! {
    let request = http::Request { values: pairs(), ..request("undeclared") };
    ask(|| drop(http::send(&request)))
}

fn hand_query() -> ! {
    let request = http::Request { query: pairs(), ..request("undeclared") };
    ask(|| drop(http::send(&request)))
}

fn hand_body() -> ! {
    let request = http::Request { body: Some(vec![1; MOST - SPARED]), ..request("undeclared") };
    ask(|| drop(http::send(&request)))
}

fn hand_presented() -> ! {
    let presented = "x".repeat(MOST - SPARED);
    ask(|| {
        credentials::accepts_webhook_token(&presented);
    })
}

fn hand_message() -> ! {
    let message = vec![1; MOST - SPARED];
    ask(|| {
        accepts_hmac("undeclared", &message);
    })
}

fn request_flood() -> Result<Vec<Check>, Error> {
    let kinds = (0..2_000).map(|_| http::send(&request("look")).map_err(|error| (error.kind, error.message)));
    let (sent, refused): (Vec<_>, Vec<_>) = kinds.partition(Result::is_ok);
    let last = refused.last().and_then(|refusal| refusal.as_ref().err());
    answer(&format!("{} sent, {} refused, last {last:?}", sent.len(), refused.len()))
}

/// Counts its calls in a static, which must not survive a call.
fn remember() -> Result<Vec<Check>, Error> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    answer(&format!("call {}", CALLS.fetch_add(1, Relaxed) + 1))
}

fn request(operation: &str) -> http::Request {
    http::Request { operation: operation.to_owned(), values: Vec::new(), query: Vec::new(), body: None }
}

fn answer(detail: &str) -> Result<Vec<Check>, Error> {
    Ok(vec![check(detail)])
}

fn check(detail: &str) -> Check {
    Check { name: "misdeed".to_owned(), outcome: Outcome::Passed, detail: detail.to_owned() }
}

fn error(message: &str) -> Error {
    Error {
        kind: ErrorKind::Other,
        code: "Misdeed".to_owned(),
        message: message.to_owned(),
        retry_after_ms: None,
        may_have_acted: false,
    }
}

test_guests::base::export!(Misbehaves);
test_guests::webhook_verify::export!(Misbehaves);
