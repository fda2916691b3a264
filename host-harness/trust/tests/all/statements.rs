//! Which statements can be read and signed.

use host_model::{digest::Digest, unread::Unread};
use host_trust::{
    Doubled, MAX_VERSION, NotARevision, PREDICATE_TYPE, Refusal, Revision, STATEMENT_TYPE, SignError,
    Statement, UnfitStatement,
};
use serde_json::{Value, json};

use crate::publisher::{COMPONENT, PLUGIN, Publisher, release, verify};

/// The statement of [`release`], written by hand.
fn written() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "newsletter", "digest": {"sha256": hex::encode(Digest::of(COMPONENT).0)}}],
        "predicateType": "urn:saas-connector:release:v1",
        "predicate": {
            "version": "1.4.0",
            "revision": 7,
            "notAfter": "2027-01-16T08:00:00Z",
            "contractVersion": "0.2.0",
            "manifest": {"sha256": hex::encode(Digest::of(b"manifest").0)},
            "conformance": {"result": "passed", "seed": 7},
        },
    })
}

fn with(place: &str, value: Value) -> Value {
    let mut statement = written();
    *statement.pointer_mut(place).unwrap() = value;
    statement
}

fn refusal(statement: &Value) -> Refusal {
    let publisher = Publisher::new();
    verify(&publisher.trusted(), COMPONENT, &publisher.envelope_of(statement)).unwrap_err()
}

#[test]
fn a_statement_that_was_written_by_hand_is_read_and_fields_that_came_later_are_ignored() {
    let publisher = Publisher::new();
    let mut statement = written();
    statement["predicate"]["later"] = json!({"revision": 99});
    let signed = verify(&publisher.trusted(), COMPONENT, &publisher.envelope_of(&statement)).unwrap();
    assert_eq!(signed.statement(), Some(&release()));
}

#[test]
fn a_statement_of_another_type_is_refused_although_a_trusted_key_signed_it() {
    let publisher = Publisher::new();
    let other = |found: &str, expected| Refusal::OtherStatement { found: found.to_owned(), expected };
    let provenance = "https://slsa.dev/provenance/v1";
    let mut attested = with("/predicateType", json!(provenance));
    attested["predicate"] = json!({"buildDefinition": {}});
    assert_eq!(refusal(&attested), other(provenance, PREDICATE_TYPE));
    let old = "https://in-toto.io/Statement/v0.1";
    assert_eq!(refusal(&with("/_type", json!(old))), other(old, STATEMENT_TYPE));
    let payload = written().to_string();
    let bundle = publisher.envelope("application/json", payload.as_bytes());
    let refused = verify(&publisher.trusted(), COMPONENT, &bundle).unwrap_err();
    assert_eq!(refused, other("application/json", "application/vnd.in-toto+json"));
}

#[test]
fn a_statement_is_about_exactly_one_component() {
    let subject = written()["subject"][0].clone();
    assert_eq!(refusal(&with("/subject", json!([subject, subject]))), Refusal::Doubled(Doubled::Subjects(2)));
    let none = Unread {
        place: "subject".to_owned(),
        found: "an empty list".to_owned(),
        expected: Some("one component".to_owned()),
    };
    assert_eq!(refusal(&with("/subject", json!([]))), Refusal::UnreadableStatement(none));
}

#[test]
fn a_statement_that_cannot_be_read_is_refused_with_the_place() {
    for (place, value, told) in [
        (
            "/predicate/revision",
            json!(0),
            "predicate.revision: expected a revision from 1 to 9007199254740991, found 0",
        ),
        (
            "/predicate/revision",
            json!("7"),
            "predicate.revision: invalid type: string, expected a whole number",
        ),
        (
            "/predicate/contractVersion",
            json!("9.9.9"),
            "predicate.contractVersion: unknown variant, expected `0.1.0` or `0.2.0`",
        ),
        ("/predicate/conformance", json!({"seed": 7}), "predicate.conformance: missing field `result`"),
        (
            "/predicate/notAfter",
            Value::Null,
            "predicate.notAfter: invalid type: null, expected a timestamp string",
        ),
    ] {
        let Refusal::UnreadableStatement(unread) = refusal(&with(place, value)) else { panic!("{place}") };
        assert_eq!(unread.to_string(), told);
    }
    for digest in [json!({"sha512": "aa"}), json!({"sha256": "aa"}), json!({"sha256": "x".repeat(64)})] {
        let refused = refusal(&with("/subject/0/digest", digest));
        assert!(matches!(refused, Refusal::UnreadableStatement(_)), "{refused:?}");
    }
    let publisher = Publisher::new();
    for payload in [b"".as_slice(), b"{", b"[]", b"\xff"] {
        let bundle = publisher.envelope("application/vnd.in-toto+json", payload);
        let refused = verify(&publisher.trusted(), COMPONENT, &bundle).unwrap_err();
        assert!(matches!(refused, Refusal::UnreadableStatement(_)), "{refused:?}");
    }
    let unread = |payload: &str| {
        let bundle = publisher.envelope("application/vnd.in-toto+json", payload.as_bytes());
        match verify(&publisher.trusted(), COMPONENT, &bundle) {
            Err(Refusal::UnreadableStatement(unread)) => unread.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let twice = written().to_string().replace("\"revision\":7", "\"revision\":7,\"revision\":8");
    assert_eq!(unread(&twice), "predicate: duplicate field `revision`");
    let two = format!("{0} {0}", written());
    assert_eq!(unread(&two), "more text after the statement, expected one statement");
    assert_eq!(unread("[]"), "invalid type: sequence, expected a map");
}

#[test]
fn a_statement_that_could_not_be_shown_is_neither_signed_nor_read() {
    let unfit_names = ["", "News", "news letter", "news\u{202e}", &"n".repeat(65)];
    let key = Publisher::new().key;
    for name in unfit_names {
        let unsigned = key.sign(&Statement { plugin: name.to_owned(), ..release() });
        assert_eq!(unsigned, Err(SignError::Unfit(UnfitStatement::Name)), "{name:?}");
        let refused = refusal(&with("/subject/0/name", json!(name)));
        assert_eq!(refused, Refusal::UnfitStatement(UnfitStatement::Name), "{name:?}");
    }
    for version in ["", " ", "1.4\u{200b}.0", &"1".repeat(MAX_VERSION + 1)] {
        let unsigned = key.sign(&Statement { version: version.to_owned(), ..release() });
        assert!(matches!(unsigned, Err(SignError::Unfit(UnfitStatement::Version(_)))), "{version:?}");
        let refused = refusal(&with("/predicate/version", json!(version)));
        assert!(matches!(refused, Refusal::UnfitStatement(UnfitStatement::Version(_))), "{version:?}");
    }
    let unsigned = key.sign(&Statement { not_after: i64::MAX, ..release() });
    assert_eq!(unsigned, Err(SignError::Unfit(UnfitStatement::NotAfter(i64::MAX))));
}

#[test]
fn a_revision_is_at_least_1_and_exact_in_every_reader_of_json() {
    assert_eq!(Revision::try_from(1).map(u64::from), Ok(1));
    assert_eq!(Revision::try_from(Revision::MAX).map(u64::from), Ok(Revision::MAX));
    for found in [0, Revision::MAX + 1, u64::MAX] {
        assert_eq!(Revision::try_from(found), Err(NotARevision { found }));
    }
    assert_eq!(Revision::MAX, 9_007_199_254_740_991);
}

#[test]
fn what_is_signed_is_the_statement_that_was_given() {
    let publisher = Publisher::new();
    let given = Statement {
        version: "2.0.0-rc.1+build 7".to_owned(),
        revision: Revision::try_from(Revision::MAX).unwrap(),
        not_after: release().not_after + 1,
        ..release()
    };
    let signed = verify(&publisher.trusted(), COMPONENT, &publisher.bundle(&given)).unwrap();
    assert_eq!(signed.statement(), Some(&given));
    assert_eq!(given.plugin, PLUGIN);
}
