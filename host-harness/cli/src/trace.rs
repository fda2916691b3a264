//! A request as it was sent, and what a call used, for people.
//! Tested in `cli/tests/cli.rs`.

use host_harness::egress::{CallUsage, Exchange, TraceEvent};
use host_model::text::Escaped;

/// The event in lines; `None` for a request that was not sent yet.
pub(super) fn event(event: &TraceEvent) -> Option<String> {
    match event {
        TraceEvent::Asked(_) => None,
        TraceEvent::Exchange(traced) => Some(exchange(traced)),
        TraceEvent::Call(usage) => Some(call(usage)),
    }
}

/// What the call used of its limits, and the functions that the sandbox stopped.
fn call(CallUsage { interface, computing, memory, requests, masked_texts, frames }: &CallUsage) -> String {
    let mut lines = vec![format!(
        "= {interface}: computing {} of {} ms, memory {} of {} MiB, requests {} of {}",
        computing.used.as_millis(),
        computing.limit.as_millis(),
        mebibytes(memory.used),
        mebibytes(memory.limit),
        requests.used,
        requests.limit
    )];
    if *masked_texts > 0 {
        lines.push(format!(
            "= masked a person's identifier or a secret in {masked_texts} texts of the connector"
        ));
    }
    lines.extend(frames.iter().map(|frame| format!("= ended in {frame}")));
    lines.join("\n")
}

/// `bytes` in MiB with one decimal, such as `1.2`.
fn mebibytes(bytes: usize) -> String {
    let tenths = bytes.saturating_mul(10).div_ceil(1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

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
    use host_harness::egress::Amount;
    use host_model::contract::{
        Interface,
        http::{HttpError, HttpErrorKind},
    };

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
    fn what_a_call_used_is_shown_beside_its_limits_and_where_it_was_stopped_below() {
        let usage = CallUsage {
            interface: Interface::Erasure,
            computing: Amount { used: Duration::from_millis(3), limit: Duration::from_secs(2) },
            memory: Amount { used: 1_245_184, limit: 64 << 20 },
            requests: Amount { used: 2, limit: 256 },
            masked_texts: 1,
            frames: vec!["example::erase (src/lib.rs:12)".into(), "cabi_erase".into()],
        };
        assert_eq!(
            event(&TraceEvent::Call(usage)).unwrap(),
            "= erasure: computing 3 of 2000 ms, memory 1.2 of 64.0 MiB, requests 2 of 256\n\
             = masked a person's identifier or a secret in 1 texts of the connector\n\
             = ended in example::erase (src/lib.rs:12)\n= ended in cabi_erase"
        );
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
