//! A request as it was sent, for people.
//! Tested in `cli/tests/cli.rs`.

use host_harness::egress::Exchange;
use host_model::text::Escaped;

/// The exchange in lines: request, headers, body, answer.
pub(super) fn exchange(exchange: &Exchange) -> String {
    let outcome = match &exchange.outcome {
        Ok(status) => format!("{status}"),
        Err(error) => format!("no answer: {}", Escaped(error)),
    };
    format!("{}\n< {outcome} after {} ms", request(exchange), exchange.took.as_millis())
}

/// The request alone.
pub(super) fn request(exchange: &Exchange) -> String {
    let mut lines = vec![format!("> {} ({})", Escaped(&exchange.line), exchange.operation)];
    let headers = exchange.headers.iter();
    lines.extend(headers.map(|(name, value)| format!("> {}: {}", Escaped(name), Escaped(value))));
    let body = exchange.body.iter().flat_map(|body| body.lines());
    lines.extend(body.map(|line| format!("> {}", Escaped(line))));
    lines.join("\n")
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use host_model::contract::http::{HttpError, HttpErrorKind};

    pub(crate) fn forget() -> Exchange {
        Exchange {
            operation: "users-forget".into(),
            line: "POST https://api.example.com/api/users/forget".into(),
            headers: vec![("api-key".into(), "[redacted]".into())],
            body: Some(r#"{"email":"ada@example.com"}"#.into()),
            acts: true,
            outcome: Ok(200),
            took: Duration::from_millis(12),
        }
    }

    #[test]
    fn an_exchange_is_shown_as_it_was_sent_and_answered() {
        assert_eq!(
            exchange(&forget()),
            "> POST https://api.example.com/api/users/forget (users-forget)\n> api-key: [redacted]\n\
             > {\"email\":\"ada@example.com\"}\n< 200 after 12 ms"
        );
        let odd = Exchange {
            line: "GET https://api.example.com/\u{1b}[1A".into(),
            headers: vec![("x-a".into(), "\u{9b}2J".into())],
            body: Some("a\r\n< 200 after 1 ms\u{1b}[32m\u{202e}".into()),
            ..forget()
        };
        assert_eq!(
            request(&odd),
            "> GET https://api.example.com/\\u{1b}[1A (users-forget)\n> x-a: \\u{9b}2J\n> a\n\
             > < 200 after 1 ms\\u{1b}[32m\\u{202e}"
        );
        let error = HttpError {
            kind: HttpErrorKind::TimedOut,
            message: "the response did not start in time".into(),
            request_sent: true,
            retry_after_ms: None,
        };
        let unanswered = exchange(&Exchange { outcome: Err(error), headers: vec![], body: None, ..forget() });
        assert_eq!(
            unanswered,
            "> POST https://api.example.com/api/users/forget (users-forget)\n\
             < no answer: the response did not start in time after 12 ms"
        );
    }
}
