//! A service's problem document, for people.

use host_api::types::problem::Problem;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::exit::Exit;

/// What a service answered instead of what was asked for: RFC 9457.
#[derive(Debug)]
pub(crate) struct Said {
    status: u16,
    problem: Option<Problem>,
    /// As it came.
    pub(crate) document: Value,
}

impl Said {
    /// An answer that may be no problem document, if something stands between here and the service.
    pub(crate) fn new(status: u16, document: Value) -> Self {
        Self { status, problem: Problem::deserialize(&document).ok(), document }
    }

    /// What a caller did wrong is wrong usage; what vendor or service did not do is a no.
    pub(super) fn exit(&self) -> Exit {
        if self.status >= 500 { Exit::Refused } else { Exit::Misused }
    }

    pub(super) fn detail(&self) -> String {
        match &self.problem {
            Some(problem) => problem.detail.clone(),
            None => format!("the service answered {}", self.status),
        }
    }

    /// The same with `option` in place of the API's `parameter`.
    pub(super) fn with_option(mut self, parameter: &str, option: &str) -> Self {
        if let Some(problem) = &mut self.problem {
            problem.detail = problem.detail.replace(parameter, option);
            self.document = json!(problem);
        }
        self
    }

    /// The title, the detail, and each field that the detail leaves out.
    pub(super) fn people(&self) -> String {
        let Some(problem) = &self.problem else { return format!("error: {}", self.detail()) };
        let mut lines = vec![format!("error: {}: {}", problem.title, problem.detail)];
        let left_out = problem.errors.iter().filter(|error| !problem.detail.contains(&error.message));
        lines.extend(left_out.map(|error| format!("  {}: {}", error.field, error.message)));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_each_field_once() {
        let errors = json!([{"field": "a", "message": "is wrong"}, {"field": "b", "message": "is missing"}]);
        let problem = json!({"type": "urn:connector-host:problem:unsuited", "status": 422, "title": "It does not suit",
                "detail": "setting a is wrong", "errors": errors});
        let problem = Said::new(422, problem);
        assert_eq!(problem.people(), "error: It does not suit: setting a is wrong\n  b: is missing");
        assert_eq!(problem.exit(), Exit::Misused);
        assert_eq!(Said::new(502, json!({})).people(), "error: the service answered 502");
        assert_eq!(Said::new(502, json!({})).exit(), Exit::Refused);
    }
}
