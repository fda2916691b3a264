//! A service's problem document, for people.

use serde_json::Value;

use crate::{
    document::{list, text},
    exit::Exit,
};

/// What a service answered instead of what was asked for: RFC 9457.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) document: Value,
}

impl Said {
    /// What a caller did wrong is wrong usage; what vendor or service did not do is a no.
    pub(super) fn exit(&self) -> Exit {
        if self.status >= 500 { Exit::Refused } else { Exit::Misused }
    }

    pub(super) fn detail(&self) -> String {
        let detail = text(&self.document, "detail");
        if detail.is_empty() { format!("the service answered {}", self.status) } else { detail }
    }

    /// The title, the detail, and each field that the detail leaves out.
    pub(super) fn people(&self) -> String {
        let (title, detail) = (text(&self.document, "title"), self.detail());
        let mut lines = vec![if title.is_empty() {
            format!("error: {detail}")
        } else {
            format!("error: {title}: {detail}")
        }];
        let fields = list(&self.document, "errors").iter();
        let fields = fields.map(|error| (text(error, "field"), text(error, "message")));
        let left_out = fields.filter(|(_, message)| !detail.contains(message.as_str()));
        lines.extend(left_out.map(|(field, message)| format!("  {field}: {message}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, document: Value) -> Said {
        Said { status, document }
    }

    #[test]
    fn a_problem_is_told_with_each_field_once() {
        let errors = json!([{"field": "a", "message": "is wrong"}, {"field": "b", "message": "is missing"}]);
        let problem =
            said(422, json!({"title": "It does not suit", "detail": "setting a is wrong", "errors": errors}));
        assert_eq!(problem.people(), "error: It does not suit: setting a is wrong\n  b: is missing");
        assert_eq!(problem.exit(), Exit::Misused);
        assert_eq!(said(502, json!({})).people(), "error: the service answered 502");
        assert_eq!(said(502, json!({})).exit(), Exit::Refused);
    }
}
