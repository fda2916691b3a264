//! What an operator sees from outside: metrics for Prometheus. No label holds personal data or a secret.
//!
//! Labels have the same names as the keys of log lines: `tenant`, `connection`, `operation`, `status`.

use std::{fmt, sync::Arc, time::Duration};

use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use host_store::gauges::{Gauge, Gauges};

/// Seconds: from a request within one data centre to a call's usual wall clock.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// The attempts of requests, by how they ended.
const ATTEMPTS: &str = "connector_host_attempts_total";
/// How long attempts took, in seconds.
const ATTEMPT_SECONDS: &str = "connector_host_attempt_seconds";
/// Webhooks received, by the status they were answered with.
const DELIVERIES: &str = "connector_host_deliveries_total";
/// Deliveries read by their connectors, by what that came to.
const READINGS: &str = "connector_host_readings_total";
/// Posts to the platform and of alarms, by how they ended.
const POSTS: &str = "connector_host_posts_total";
/// Requests that are not through, by state.
const REQUESTS_OPEN: &str = "connector_host_requests_open";
/// Alarms that nobody cleared, by kind.
const ALARMS_OPEN: &str = "connector_host_alarms_open";

const METADATA: Metadata<'static> = Metadata::new("host_service", Level::INFO, None);

/// Counts what happens. Clones share the counts.
#[derive(Clone)]
pub struct Telemetry(Arc<Recording>);

struct Recording {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let usual = PrometheusBuilder::new();
        // Fails only for an empty list of buckets.
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(ATTEMPT_SECONDS.to_owned()), &BUCKETS)
            .unwrap_or(usual);
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for (name, what) in [
            (ATTEMPTS, "Attempts to carry out requests, by how they ended."),
            (DELIVERIES, "Webhooks received, by the status they were answered with."),
            (READINGS, "Deliveries read by their connectors, by what that came to."),
            (POSTS, "Posts of alarms and consent events, by how they ended."),
        ] {
            recorder.describe_counter(name.into(), None, what.into());
        }
        recorder.describe_histogram(
            ATTEMPT_SECONDS.into(),
            None,
            "How long attempts took, in seconds.".into(),
        );
        Self(Arc::new(Recording { recorder, handle }))
    }
}

impl Telemetry {
    /// An attempt of `operation` ended as `status`.
    pub(crate) fn attempt(
        &self,
        tenant: &str,
        connection: &str,
        operation: &str,
        status: &str,
        took: Duration,
    ) {
        let labels =
            [("tenant", tenant), ("connection", connection), ("operation", operation), ("status", status)];
        self.count(ATTEMPTS, &labels);
        self.0
            .recorder
            .register_histogram(&key(ATTEMPT_SECONDS, &labels), &METADATA)
            .record(took.as_secs_f64());
    }

    /// A webhook to `connection`, a tenant and a key, was answered with `status`. `None` if there is no such connection.
    pub(crate) fn delivery(&self, connection: Option<(&str, &str)>, status: u16) {
        let status = status.to_string();
        match connection {
            Some((tenant, key)) => {
                self.count(DELIVERIES, &[("tenant", tenant), ("connection", key), ("status", &status)]);
            }
            None => self.count(DELIVERIES, &[("status", &status)]),
        }
    }

    /// A reading of a delivery came to `status`.
    pub(crate) fn reading(&self, tenant: &str, connection: &str, status: &str) {
        self.count(READINGS, &[("tenant", tenant), ("connection", connection), ("status", status)]);
    }

    /// A post of `what` was taken or not; also a line of the log.
    pub(crate) fn post(&self, tenant: &str, what: &str, is_taken: bool) {
        let status = if is_taken { "taken" } else { "not-taken" };
        tracing::info!(tenant, operation = what, status, "a post was answered");
        self.count(POSTS, &[("tenant", tenant), ("operation", what), ("status", status)]);
    }

    /// Everything, in the text format of Prometheus; `gauges` are what the store holds now.
    pub fn rendered(&self, gauges: &Gauges) -> String {
        let mut text = self.0.handle.render();
        section(&mut text, REQUESTS_OPEN, "Requests that are not through, by state.", &gauges.requests);
        section(&mut text, ALARMS_OPEN, "Alarms that are open, by kind.", &gauges.alarms);
        text
    }

    /// Keeps what is measured from growing between two looks.
    pub fn upkeep(&self) {
        self.0.handle.run_upkeep();
    }

    fn count(&self, name: &'static str, labels: &[(&'static str, &str)]) {
        self.0.recorder.register_counter(&key(name, labels), &METADATA).increment(1);
    }
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    let labels: Vec<_> = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
    Key::from_parts(name, labels)
}

/// Gauges of the store are rendered here: a recorder would go on showing what is over.
fn section(text: &mut String, name: &str, what: &str, gauges: &[Gauge]) {
    use std::fmt::Write;
    // Writing to a string does not fail.
    let _written = write!(text, "# HELP {name} {what}\n# TYPE {name} gauge\n");
    for gauge in gauges {
        let labels: Vec<_> = gauge.labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let _written = writeln!(text, "{name}{{{}}} {}", labels.join(","), gauge.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_carry_the_stable_labels() {
        let telemetry = Telemetry::default();
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_millis(30));
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_millis(30));
        telemetry.delivery(Some(("acme", "newsletter")), 200);
        telemetry.delivery(None, 401);
        telemetry.reading("acme", "newsletter", "unreadable");
        telemetry.post("acme", "consent-event", false);
        let gauges = Gauges {
            requests: vec![Gauge {
                labels: vec![("tenant", "acme".into()), ("status", "waiting".into())],
                value: 3,
            }],
            alarms: Vec::new(),
        };
        let text = telemetry.rendered(&gauges);
        for line in [
            "connector_host_attempts_total{tenant=\"acme\",connection=\"newsletter\",operation=\"erasure\",status=\"done\"} 2",
            "connector_host_deliveries_total{tenant=\"acme\",connection=\"newsletter\",status=\"200\"} 1",
            "connector_host_deliveries_total{status=\"401\"} 1",
            "connector_host_readings_total{tenant=\"acme\",connection=\"newsletter\",status=\"unreadable\"} 1",
            "connector_host_posts_total{tenant=\"acme\",operation=\"consent-event\",status=\"not-taken\"} 1",
            "connector_host_requests_open{tenant=\"acme\",status=\"waiting\"} 3",
            "# TYPE connector_host_attempt_seconds histogram",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }
}
