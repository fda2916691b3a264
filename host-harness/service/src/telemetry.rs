//! What an operator sees from outside: metrics for Prometheus. No label holds personal data or a secret.
//!
//! Labels have the same names as the keys of log lines: `tenant`, `connection`, `operation`, `status`.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    metrics::{MetricType, counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use host_store::gauges::Gauges;

/// Seconds: from a request within one data centre to a call's usual wall clock.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// A list, since a metric may have a label for some of its values only.
type Labels = Vec<(&'static str, String)>;

/// Counts what happens. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Metrics>);

#[derive(Debug)]
struct Metrics {
    registry: Registry,
    attempts: Family<Labels, Counter>,
    attempt_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    deliveries: Family<Labels, Counter>,
    readings: Family<Labels, Counter>,
    posts: Family<Labels, Counter>,
    connections_refused: Family<Labels, Counter>,
}

impl Default for Telemetry {
    /// The library adds `_total` to a counter's name and the full stop to what it says of a metric.
    fn default() -> Self {
        let mut registry = Registry::default();
        let mut counter = |name: &str, what: &str| {
            let family = Family::default();
            registry.register(name, what, Family::clone(&family));
            family
        };
        let attempts =
            counter("connector_host_attempts", "Attempts to carry out requests, by how they ended");
        let deliveries =
            counter("connector_host_deliveries", "Webhooks received, by the status they were answered with");
        let readings =
            counter("connector_host_readings", "Deliveries read by their connectors, by what that came to");
        let posts = counter("connector_host_posts", "Posts of alarms and consent events, by how they ended");
        let connections_refused: Family<Labels, Counter> = counter(
            "connector_host_connections_refused",
            "Connections that were closed at once since too many were open, by listener",
        );
        for listener in ["api", "webhooks"] {
            // From the start, so that the first one is a rise.
            drop(connections_refused.get_or_create(&labels([("listener", listener)])));
        }
        let attempt_seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let what = "How long attempts took, in seconds";
        registry.register("connector_host_attempt_seconds", what, attempt_seconds.clone());
        Self(Arc::new(Metrics {
            registry,
            attempts,
            attempt_seconds,
            deliveries,
            readings,
            posts,
            connections_refused,
        }))
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
        let labels = labels([
            ("tenant", tenant),
            ("connection", connection),
            ("operation", operation),
            ("status", status),
        ]);
        self.0.attempts.get_or_create(&labels).inc();
        self.0.attempt_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A webhook to `connection`, a tenant and a key, was answered with `status`. `None` if there is no such connection.
    pub(crate) fn delivery(&self, connection: Option<(&str, &str)>, status: u16) {
        let status = status.to_string();
        let labels = match connection {
            Some((tenant, key)) => labels([("tenant", tenant), ("connection", key), ("status", &status)]),
            None => labels([("status", &status)]),
        };
        self.0.deliveries.get_or_create(&labels).inc();
    }

    /// A reading of a delivery came to `status`.
    pub(crate) fn reading(&self, tenant: &str, connection: &str, status: &str) {
        let labels = labels([("tenant", tenant), ("connection", connection), ("status", status)]);
        self.0.readings.get_or_create(&labels).inc();
    }

    /// A post of `what` was taken or not; also a line of the log.
    pub(crate) fn post(&self, tenant: &str, what: &str, is_taken: bool) {
        let status = if is_taken { "taken" } else { "not-taken" };
        tracing::info!(tenant, operation = what, status, "a post was answered");
        let labels = labels([("tenant", tenant), ("operation", what), ("status", status)]);
        self.0.posts.get_or_create(&labels).inc();
    }

    /// A connection at `listener` was closed at once.
    pub fn connection_refused(&self, listener: &str) {
        self.0.connections_refused.get_or_create(&labels([("listener", listener)])).inc();
    }

    /// Everything, in the text format of Prometheus; `gauges` are what the store holds now.
    pub fn rendered(&self, gauges: &Gauges) -> String {
        let mut held = Registry::default();
        held.register_collector(Box::new(Held(gauges.clone())));
        let mut text = String::new();
        for registry in [&self.0.registry, &held] {
            // Writing to a string does not fail.
            let _written = prometheus_text::encode(&mut text, registry);
        }
        text
    }
}

fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

/// Gauges of the store at one moment. A family would go on showing what is over.
#[derive(Debug)]
struct Held(Gauges);

impl Collector for Held {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, what, gauges) in [
            ("connector_host_requests_open", "Open requests, by state.", &self.0.requests),
            ("connector_host_alarms_open", "Alarms that are open, by kind.", &self.0.alarms),
        ] {
            let mut metric = encoder.encode_descriptor(name, what, None, MetricType::Gauge)?;
            for gauge in gauges {
                metric.encode_family(&gauge.labels)?.encode_gauge(&gauge.value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use host_store::gauges::Gauge;

    use super::*;

    /// Everything that is rendered below. The library renders the series of a metric in any order.
    const RENDERED: &str = r#"
# HELP connector_host_attempts_total Attempts to carry out requests, by how they ended.
# TYPE connector_host_attempts_total counter
connector_host_attempts_total{tenant="acme",connection="newsletter",operation="erasure",status="done"} 2
# HELP connector_host_attempt_seconds How long attempts took, in seconds.
# TYPE connector_host_attempt_seconds histogram
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="0.005"} 0
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="0.02"} 0
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="0.05"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="0.1"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="0.5"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="1"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="5"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="30"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="120"} 1
connector_host_attempt_seconds_bucket{tenant="acme",connection="newsletter",operation="erasure",status="done",le="+Inf"} 2
connector_host_attempt_seconds_sum{tenant="acme",connection="newsletter",operation="erasure",status="done"} 300.03
connector_host_attempt_seconds_count{tenant="acme",connection="newsletter",operation="erasure",status="done"} 2
# HELP connector_host_deliveries_total Webhooks received, by the status they were answered with.
# TYPE connector_host_deliveries_total counter
connector_host_deliveries_total{tenant="acme",connection="newsletter",status="200"} 1
connector_host_deliveries_total{status="401"} 1
# HELP connector_host_readings_total Deliveries read by their connectors, by what that came to.
# TYPE connector_host_readings_total counter
connector_host_readings_total{tenant="acme",connection="newsletter",status="unreadable"} 1
# HELP connector_host_posts_total Posts of alarms and consent events, by how they ended.
# TYPE connector_host_posts_total counter
connector_host_posts_total{tenant="acme",operation="consent-event",status="not-taken"} 1
# HELP connector_host_connections_refused_total Connections that were closed at once since too many were open, by listener.
# TYPE connector_host_connections_refused_total counter
connector_host_connections_refused_total{listener="api"} 0
connector_host_connections_refused_total{listener="webhooks"} 1
# HELP connector_host_requests_open Open requests, by state.
# TYPE connector_host_requests_open gauge
connector_host_requests_open{tenant="acme",status="waiting"} 3
# HELP connector_host_alarms_open Alarms that are open, by kind.
# TYPE connector_host_alarms_open gauge
"#;

    #[test]
    fn metrics_have_stable_names_labels_and_bounds() {
        let telemetry = Telemetry::default();
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_millis(30));
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_mins(5));
        telemetry.delivery(Some(("acme", "newsletter")), 200);
        telemetry.delivery(None, 401);
        telemetry.reading("acme", "newsletter", "unreadable");
        telemetry.post("acme", "consent-event", false);
        telemetry.connection_refused("webhooks");
        let waiting =
            Gauge { labels: vec![("tenant", "acme".into()), ("status", "waiting".into())], value: 3 };
        let text = telemetry.rendered(&Gauges { requests: vec![waiting], alarms: Vec::new() });
        let lines = |text: &str| text.trim().lines().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(lines(&text), lines(RENDERED));
    }
}
