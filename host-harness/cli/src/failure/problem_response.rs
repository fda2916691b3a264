//! A service's problem document, for people.

use host_api::types::problem::Problem;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::exit::Exit;
use host_model::text;

/// A problem document (RFC 9457) that a service answered with.
#[derive(Debug)]
pub(crate) struct ProblemResponse {
    status: u16,
    problem: Option<Problem>,
    /// The document as it was received.
    pub(crate) document: Value,
}

impl ProblemResponse {
    /// Reads an answer, which may not be a problem document if it comes from a proxy.
    pub(crate) fn new(status: u16, document: Value) -> Self {
        Self { status, problem: Problem::deserialize(&document).ok(), document }
    }

    /// A mistake of the caller is wrong usage; a failure of the vendor or the service, and a request that was not carried
    /// out, is a refusal.
    pub(super) fn exit(&self) -> Exit {
        let is_not_carried_out =
            self.problem.as_ref().is_some_and(|problem| problem.r#type.ends_with(":not-carried-out"));
        if self.status >= 500 || is_not_carried_out { Exit::Refused } else { Exit::Misused }
    }

    pub(super) fn detail(&self) -> String {
        match &self.problem {
            Some(problem) => problem.detail.clone(),
            None => format!("the service answered {}", self.status),
        }
    }

    /// Replaces the API's `parameter` in the detail with `option`.
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
        let mut lines =
            vec![format!("error: {}: {}", text::escaped(&problem.title), indented(&problem.detail))];
        let left_out = problem.errors.iter().filter(|error| !problem.detail.contains(&error.message));
        lines.extend(
            left_out.map(|error| format!("  {}: {}", text::escaped(&error.field), indented(&error.message))),
        );
        lines.join("\n")
    }
}

/// Escapes the hidden characters of each line of `text`, and indents the lines after the first one, so that none of them
/// looks like a line of this program.
fn indented(text: &str) -> String {
    let mut lines = text.lines().map(text::escaped);
    let mut shown = lines.next().unwrap_or_default().into_owned();
    for line in lines {
        let indent = if line.starts_with("  ") { "" } else { "  " };
        shown.extend(["\n", indent, &line]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_with_each_field_once() {
        let errors = json!([{"field": "a", "message": "is wrong"}, {"field": "b", "message": "is missing"}]);
        let problem = json!({"type": "urn:connector-host:problem:unsuited", "status": 422, "title": "It does not suit",
                "detail": "setting a is wrong", "errors": errors});
        let problem = ProblemResponse::new(422, problem);
        assert_eq!(problem.people(), "error: It does not suit: setting a is wrong\n  b: is missing");
        assert_eq!(problem.exit(), Exit::Misused);
        assert_eq!(ProblemResponse::new(502, json!({})).people(), "error: the service answered 502");
        assert_eq!(ProblemResponse::new(502, json!({})).exit(), Exit::Refused);
    }
    #[test]
    fn a_problem_cannot_move_the_cursor_or_pass_for_a_line_of_this_program() {
        let problem = json!({"type": "urn:connector-host:problem:unsuited", "status": 422, "title": "No\u{202e}",
            "detail": "it lacks:\n  a\nnext: run this\u{1b}[2J\u{1b}[32m", "errors": [{"field": "b\n", "message": "c\nd"}]});
        assert_eq!(
            ProblemResponse::new(422, problem).people(),
            "error: No\\u{202e}: it lacks:\n  a\n  next: run this\\u{1b}[2J\\u{1b}[32m\n  b\\n: c\n  d"
        );
    }
}
