//! Webhook endpoints: the loopback check and merge tags.

use std::net::IpAddr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Returns whether a URL points to this machine. Nothing is ever sent anywhere else.
pub(crate) fn to_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let Some(host) = url.host_str() else { return false };
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || literal.is_ok_and(|address| address.is_loopback())
}

/// Fills the merge tags of an endpoint from an event's `dataFields`. Undefined tags become empty.
pub(crate) fn merge_tags(endpoint: &str, event: &Value) -> String {
    let mut filled = String::new();
    let mut rest = endpoint;
    while let Some((before, tag)) = rest.split_once("{{") {
        filled.push_str(before);
        let Some((name, after)) = tag.split_once("}}") else {
            filled.push_str("{{");
            rest = tag;
            continue;
        };
        let value = event.get("dataFields").and_then(|fields| fields.get(name.trim()));
        let text = match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        filled.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_tags_are_filled_and_undefined_ones_blank() {
        let event = json!({"dataFields": {"campaignId": 12, "campaignName": "A & B", "workflowId": null}});
        let endpoint =
            "https://hooks.example.com/?c={{campaignId}}&n={{campaignName}}&w={{workflowId}}&x={{other}}";
        assert_eq!(merge_tags(endpoint, &event), "https://hooks.example.com/?c=12&n=A%20%26%20B&w=&x=");
        assert_eq!(
            merge_tags("https://hooks.example.com/{{open", &event),
            "https://hooks.example.com/{{open"
        );
    }

    #[test]
    fn nothing_leaves_this_machine() {
        assert!(
            to_loopback("http://127.0.0.1:9/x")
                && to_loopback("http://[::1]/")
                && to_loopback("https://localhost")
        );
        assert!(
            !to_loopback("https://hooks.example.com/")
                && !to_loopback("http://192.0.2.1/")
                && !to_loopback("x")
        );
        assert!(!to_loopback("http://127.0.0.1.example.com/"));
    }
}
