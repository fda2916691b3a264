//! Applying preferences again changes nothing, whichever API writes them: tested against an Iterable that stores one
//! person.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::manifest::operation::Operation;

/// An Iterable that knows one person, with or without the Subscriptions API.
struct One {
    additive: bool,
    profile: Value,
    writes: usize,
}

impl Vendor for One {
    fn warn(&mut self, _: &str) {}

    fn send(&mut self, request: Request) -> Result<Response, crate::http::SendError> {
        hold_to_manifest(&request, "consent");
        let operation = request.operation;
        self.writes += usize::from(operation.writes());
        let body = match operation.name {
            "list-channels" => CHANNELS.to_owned(),
            "list-message-types" => MESSAGE_TYPES.to_owned(),
            "list-email-lists" => LISTS.to_owned(),
            "read-user-by-email" => user(&self.profile),
            "replace-subscriptions" => {
                let sent: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
                let lists = sent.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("Ids"));
                lists.for_each(|(name, ids)| self.profile[name] = ids.clone());
                SUCCESS.to_owned()
            }
            _ if !self.additive => return Ok(answer(404, OFF)),
            _ => {
                self.change_one(operation, request.values[0].1.parse().unwrap());
                SUCCESS.to_owned()
            }
        };
        Ok(answer(200, &body))
    }
}

impl One {
    fn change_one(&mut self, operation: &Operation, id: i64) {
        let joins = operation.method == "PATCH";
        let (field, listed) = match (operation.path.split('/').nth(3).unwrap(), id) {
            ("messageChannel", _) => ("unsubscribedChannelIds", !joins),
            ("messageType", 11) => ("subscribedMessageTypeIds", joins),
            ("messageType", _) => ("unsubscribedMessageTypeIds", !joins),
            _ => ("emailListIds", joins),
        };
        let ids = self.profile[field].as_array_mut().unwrap();
        ids.retain(|found| *found != json!(id));
        if listed {
            ids.push(json!(id));
        }
    }
}

fn answer(status: u16, body: &str) -> Response {
    Response { status, retry_after_ms: None, body: body.as_bytes().to_vec() }
}

fn preferences() -> impl Strategy<Value = Vec<Preference>> {
    let items = [
        ("channel", "1"),
        ("channel", "2"),
        ("message-type", "10"),
        ("message-type", "11"),
        ("email-list", "100"),
    ];
    let one = (prop::sample::select(items.to_vec()), prop::bool::ANY, 0..3u64);
    let one = one.prop_map(|((kind, id), opts_in, second)| Preference {
        chosen_at_ms: second * 1000,
        ..preference(kind, id, if opts_in { Choice::OptIn } else { Choice::OptOut })
    });
    prop::collection::vec(one, 1..6)
}

proptest! {
    #![proptest_config(test_support::cases(64))]

    #[test]
    fn applying_holds_and_applying_again_changes_nothing(preferences in preferences(), additive: bool, channels in prop::collection::vec(1..9i64, 0..4)) {
        let profile = json!({"unsubscribedChannelIds": channels, "unsubscribedMessageTypeIds": [10, 77],
            "subscribedMessageTypeIds": [78], "emailListIds": [79]});
        let mut vendor = One { additive, profile, writes: 0 };
        let subject = identifiers(&[("email", "a@example.com")]);
        let first = apply(&settings(&[]), &mut vendor, &subject, &preferences).unwrap();
        let held = current(&settings(&[]), &mut vendor, &subject).unwrap().unwrap();
        for (preference, report) in preferences.iter().zip(&first.items) {
            let holds = held.iter().any(|held| held.item == preference.item && held.choice == preference.choice);
            prop_assert!(holds || report.change == Change::Refused);
        }
        for (field, others) in [("unsubscribedMessageTypeIds", 77), ("subscribedMessageTypeIds", 78), ("emailListIds", 79)] {
            prop_assert!(vendor.profile[field].as_array().unwrap().contains(&json!(others)));
        }
        let writes = vendor.writes;
        let again = apply(&settings(&[]), &mut vendor, &subject, &preferences).unwrap();
        prop_assert_eq!((vendor.writes, again.settles_after_ms), (writes, None));
        prop_assert!(again.items.iter().all(|item| item.change != Change::Applied));
    }
}
