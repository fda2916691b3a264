//! What the host observed in calls, in words.

use host_api::types::observed::{Observed, ObservedRequest};

/// Maximum number of requests that are listed.
const MAX_LISTED: usize = 5;

/// Describes what the host observed, in one line.
pub(super) fn words(observed: &Observed) -> String {
    let mut parts = vec![requests(&observed.requests)];
    if !observed.requests.is_empty() && !observed.names_person {
        parts.push("none of the answered ones named the person".to_owned());
    }
    if !observed.exempt.is_empty() {
        let exempt = observed.exempt.join(", ");
        parts.push(format!("taken on trust, since the connector declares that nothing proves it: {exempt}"));
    }
    parts.join("; ")
}

fn requests(sent: &[ObservedRequest]) -> String {
    if sent.is_empty() {
        return "no request".to_owned();
    }
    let mut listed: Vec<String> = sent.iter().take(MAX_LISTED).map(request).collect();
    if sent.len() > MAX_LISTED {
        listed.push(format!("{} more", sent.len() - MAX_LISTED));
    }
    listed.join(", ")
}

fn request(request: &ObservedRequest) -> String {
    let ObservedRequest { operation, method, path, effect, status, .. } = request;
    let status = status.map_or_else(|| "not answered".to_owned(), |status| status.to_string());
    let target = method.as_ref().zip(path.as_ref());
    let target = target.map_or_else(String::new, |(method, path)| format!("{method} {path}, "));
    format!("{operation} ({target}{effect}, {status})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_says_what_was_sent_whom_it_named_and_what_is_taken_on_trust() {
        let request =
            json!({"operation": "forget", "effect": "write", "status": 202, "sent_at": 0, "took_ms": 1});
        let targeted = json!({"operation": "look", "method": "GET", "path": "/users/{email}", "effect": "read",
            "status": 200, "sent_at": 0, "took_ms": 1});
        let unanswered =
            json!({"operation": "read", "effect": "read", "status": null, "sent_at": 0, "took_ms": 1});
        for (record, said) in [
            (json!({"requests": [], "names_person": false}), "no request"),
            (
                json!({"requests": [request, unanswered], "names_person": true}),
                "forget (write, 202), read (read, not answered)",
            ),
            (json!({"requests": [targeted], "names_person": true}), "look (GET /users/{email}, read, 200)"),
            (
                json!({"requests": [unanswered], "names_person": false, "exempt": ["confirm-erased"]}),
                "read (read, not answered); none of the answered ones named the person; taken on trust, since the \
                 connector declares that nothing proves it: confirm-erased",
            ),
            (
                json!({"requests": vec![request; 7], "names_person": true}),
                "forget (write, 202), forget (write, 202), forget (write, 202), forget (write, 202), \
                 forget (write, 202), 2 more",
            ),
        ] {
            assert_eq!(words(&serde_json::from_value(record).unwrap()), said);
        }
    }
}
