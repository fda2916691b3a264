//! No change, and no input, makes anything trusted.

use std::sync::LazyLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use host_trust::{Refusal, Signed};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::publisher::{COMPONENT, FIRST, NOW, Publisher, foreign_to, release, verify};

static PUBLISHER: LazyLock<Publisher> = LazyLock::new(Publisher::new);

/// A statement's bundle and a signature's, both of [`COMPONENT`].
static SIGNED: LazyLock<[Value; 2]> =
    LazyLock::new(|| [PUBLISHER.bundle(&release()), PUBLISHER.component_bundle(COMPONENT)]);

fn verify_text(bundle: &[u8]) -> Result<Signed, Refusal> {
    PUBLISHER.trusted().verify(COMPONENT, Some(bundle), FIRST, NOW)
}

/// Changes one byte in the base64 at `place`.
fn changed_at(bundle: &Value, place: &str, at: Index, by: u8) -> Value {
    let mut bundle = bundle.clone();
    let text = bundle.pointer_mut(place).unwrap();
    let bytes = changed(BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap(), at, by);
    *text = json!(BASE64_STANDARD.encode(bytes));
    bundle
}

fn changed(mut bytes: Vec<u8>, at: Index, by: u8) -> Vec<u8> {
    let at = at.index(bytes.len());
    bytes[at] ^= by;
    bytes
}

/// JSON that may stand anywhere in a bundle.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[A-Za-z0-9+/=]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            Just("mediaType".to_owned()),
            Just("dsseEnvelope".to_owned()),
            Just("messageSignature".to_owned()),
            Just("signatures".to_owned()),
            Just("sig".to_owned()),
            "[a-z]{1,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(test_support::cases(512))]

    #[test]
    fn a_changed_byte_of_the_payload_or_of_a_signature_is_refused(at in any::<Index>(), by in 1..=u8::MAX) {
        let [statement, component] = &*SIGNED;
        for (bundle, place) in [
            (statement, "/dsseEnvelope/payload"),
            (statement, "/dsseEnvelope/signatures/0/sig"),
            (component, "/messageSignature/signature"),
        ] {
            let refused = verify(&PUBLISHER.trusted(), COMPONENT, &changed_at(bundle, place, at, by));
            prop_assert_eq!(refused, Err(foreign_to(&PUBLISHER)), "{}", place);
        }
    }

    #[test]
    fn a_changed_byte_of_the_type_of_the_payload_is_refused(at in any::<Index>(), to in "[ -~]") {
        let mut bundle = SIGNED[0].clone();
        let payload_type = bundle["dsseEnvelope"]["payloadType"].as_str().unwrap().to_owned();
        let at = at.index(payload_type.len());
        let changed = [&payload_type[..at], &to, &payload_type[at + 1..]].concat();
        prop_assume!(changed != payload_type);
        bundle["dsseEnvelope"]["payloadType"] = json!(changed);
        let refused = verify(&PUBLISHER.trusted(), COMPONENT, &bundle);
        prop_assert_eq!(refused, Err(foreign_to(&PUBLISHER)));
    }

    #[test]
    fn a_component_with_a_changed_a_missing_or_a_further_byte_is_refused(at in any::<Index>(), by in 1..=u8::MAX) {
        let (last, rest) = COMPONENT.split_last().unwrap();
        let changed = changed(COMPONENT.to_vec(), at, by);
        for component in [changed, rest.to_vec(), [COMPONENT, &[*last]].concat()] {
            for bundle in &*SIGNED {
                let refused = verify(&PUBLISHER.trusted(), &component, bundle);
                prop_assert!(matches!(refused, Err(Refusal::Swapped { .. })), "{:?}", refused);
            }
        }
    }

    #[test]
    fn a_changed_byte_anywhere_in_the_text_of_a_bundle_never_changes_what_was_signed(at in any::<Index>(), by in 1..=u8::MAX) {
        for bundle in &*SIGNED {
            let text = bundle.to_string().into_bytes();
            let before = verify_text(&text).unwrap();
            if let Ok(signed) = verify_text(&changed(text, at, by)) {
                prop_assert_eq!(signed, before);
            }
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let refused = verify_text(&bytes);
        prop_assert!(matches!(refused, Err(Refusal::UnreadableBundle(_))), "{:?}", refused);
    }

    #[test]
    fn random_json_in_the_place_of_any_part_of_a_bundle_is_refused(part in any_json(), which in any::<Index>()) {
        let places = [
            "",
            "/mediaType",
            "/dsseEnvelope",
            "/dsseEnvelope/payload",
            "/dsseEnvelope/payloadType",
            "/dsseEnvelope/signatures",
            "/dsseEnvelope/signatures/0",
            "/dsseEnvelope/signatures/0/sig",
        ];
        let mut bundle = SIGNED[0].clone();
        *bundle.pointer_mut(places[which.index(places.len())]).unwrap() = part;
        prop_assert!(verify(&PUBLISHER.trusted(), COMPONENT, &bundle).is_err(), "{}", bundle);
    }

    #[test]
    fn a_signed_payload_of_random_json_is_refused(statement in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let payload_type = "application/vnd.in-toto+json";
        for payload in [statement.to_string().into_bytes(), bytes] {
            let bundle = PUBLISHER.envelope(payload_type, &payload);
            let refused = verify(&PUBLISHER.trusted(), COMPONENT, &bundle);
            prop_assert!(matches!(refused, Err(Refusal::UnreadableStatement(_))), "{:?}", refused);
        }
    }

    #[test]
    fn whatever_is_read_as_a_key_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        for text in [bytes.clone(), crate::publisher::pem("PUBLIC KEY", &bytes).into_bytes()] {
            prop_assert!(host_trust::TrustedKey::from_pem(&text).is_err());
        }
        let private = crate::publisher::pem("PRIVATE KEY", &bytes);
        prop_assert!(host_trust::ReleaseKey::from_pem(private.as_bytes()).is_err());
    }
}
