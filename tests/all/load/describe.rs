//! Start functions, `describe`, and the manifest.

use super::*;

const SPENT: &str = "the sandbox ended the call: its CPU time is used up (limits.cpu-ms)";

#[tokio::test]
async fn a_guest_that_never_starts_is_refused() {
    assert_eq!(
        refusal(guest("spins_at_start")).await,
        format!("could not describe itself: {SPENT}, in start (tests/guests/wat/spins_at_start.wat:4)")
    );
    assert_eq!(
        refusal(guest("traps_at_start")).await,
        "could not describe itself: the sandbox ended the call: \
         it trapped: wasm trap: wasm `unreachable` instruction executed, in start (tests/guests/wat/traps_at_start.wat:4)"
    );
}

/// A component without names, such as `describe_loops`, is refused without them.
#[tokio::test]
async fn a_guest_that_never_describes_itself_is_refused() {
    assert_eq!(refusal(guest("describe_loops")).await, format!("could not describe itself: {SPENT}"));
    assert_eq!(
        refusal(guest("describe_traps")).await,
        "could not describe itself: the sandbox ended the call: \
         it trapped: wasm trap: wasm `unreachable` instruction executed, in wasm-function[1] \
         (tests/guests/wat/describe_traps.wat:5)"
    );
}

#[tokio::test]
async fn a_guest_that_uses_an_import_to_describe_itself_is_refused() {
    assert_eq!(
        refusal(guest("describe_sends")).await,
        "could not describe itself: the sandbox ended the call: \
         it broke the contract: describe used the import http.send, but must not use any"
    );
}

#[tokio::test]
async fn a_guest_that_begins_with_more_than_it_may_have_is_refused() {
    assert_eq!(
        refusal(guest("huge_memory")).await,
        format!(
            "{PREFIX}it has 1073741824 bytes of memory at its start, more than the 67108864 that limits.memory-bytes \
             allows; raise the limit if you trust the plugin"
        )
    );
    let refused = refusal(guest("huge_table")).await;
    assert!(
        refused.contains("table elements at its start, more than the 10000 that limits.table-elements"),
        "{refused}"
    );
}

#[tokio::test]
async fn every_broken_rule_of_a_manifest_is_reported() {
    let refused = refusal(guest("breaks_every_rule")).await;
    let told: Vec<_> = refused.lines().collect();
    assert_eq!(told, RULES, "{refused}");
}

const RULES: &[&str] = &[
    "its manifest breaks 36 of the contract's rules:",
    "  - connector \"Not A Name\": expected a lower-case word such as api-key, of at most 64 characters",
    "  - version has 1001 characters; at most 1000 are allowed",
    "  - item-kinds has 201 entries; at most 200 are allowed",
    "  - operation same is declared twice",
    "  - setting webhook-url: the host itself fills in that name",
    "  - setting letter: its default \"c\" is not among its options",
    "  - setting public: a secret has no default and no options, since a manifest is public",
    "  - setting foreign-host: its option \"api.xn--bcher-kva.example\" is written with characters outside ASCII; write it as it is quoted here, in ASCII",
    "  - limit none-at-all: expected 1 to 1,000,000 requests, in a period of 1 ms to 31 days or at the same time",
    "  - limit no-time: expected 1 to 1,000,000 requests, in a period of 1 ms to 31 days or at the same time",
    "  - webhook-token-slot: a body called \"token\" is not allowed; expected a header or a query parameter",
    "  - identifier kind by-nothing: it identifies by \"nowhere\", which is not a setting, or is secret",
    "  - identifier kind by-any: expected 1 to 200 non-empty values of the setting letter for which it identifies",
    "  - identifier kind by-none: it identifies if letter is \"b\", which is not among the setting's options",
    "  - proves-without erase-not-found: expected a reason for the operator",
    "  - proves-without: erase-not-found is listed twice",
    "  - operation hostless: its host-setting nowhere is not a setting, or is secret",
    "  - operation traces: method \"TRACE\" is not one of GET, HEAD, POST, PUT, PATCH, DELETE",
    "  - operation reverses: its purpose contains U+202E as its character 6, which is not allowed: it is invisible or changes how the text is shown",
    "  - operation deletes: DELETE cannot have the effect read; only GET, HEAD and POST can",
    "  - operation climbs: path \"/a/../b\" must begin with one slash and contain only printable ASCII, with no `?`, `#`, `%`, backslash, and no segment that is empty (except at the end), `.` or `..`",
    "  - operation for-all: used-by names \"everybody\", which is not an interface of the contract (connector, erasure, consent, webhook-verify, webhook-token)",
    "  - operation for-nobody: no interface uses it and it captures no secret, so it is never sent",
    "  - operation limited: unheard-of is not one of the manifest's limits",
    "  - operation fetches: nothing fills the blank {person}: it is neither a setting nor a captured secret, and the host, which alone sends this operation, has no values for it",
    "  - operation shows-token: nothing fills the blank {webhook-token} unless only webhook-token uses the operation",
    "  - operation keeps: it captures the unknown secret unused: no blank and no secret setting has that name",
    "  - operation overwrites: it captures letter, which is a setting that is not secret",
    "  - operation smuggles: it may not write the header Host, which the host writes itself",
    "  - operation spaces: \"X Y\" cannot be the name of a header field",
    "  - operation breaks-line: the value of its field X-Y contains characters that a header cannot carry",
    "  - operation misspells: its field X-Key contains {Letter}, which is neither a setting nor a captured secret: did you mean {letter}? If it is a value of the request, choose another name; if it is literal text, write a space inside the braces",
    "  - operation bodyless: its body field key needs a content-type of JSON or application/x-www-form-urlencoded",
    "  - operation typeless: content-type \"no type\" is not a media type",
    "  - operation asks: response header \"Not One\" is not a header name",
    "  - operation itself: it needs a secret that only it or an operation that depends on it can fetch",
];

/// If the host needed one of them, it would fetch forever.
#[tokio::test]
async fn secrets_that_fetch_each_other_are_refused() {
    assert_eq!(
        refusal(guest("fetches_in_circles")).await,
        "its manifest breaks 2 of the contract's rules:\n  \
           - operation egg: it needs a secret that only it or an operation that depends on it can fetch\n  \
           - operation hen: it needs a secret that only it or an operation that depends on it can fetch"
    );
}
