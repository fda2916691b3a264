//! Metrics for Prometheus. No label contains personal data or a secret.
//!
//! Labels have the same names as the fields of log lines: `tenant`, `connection`, `operation`, `status`.

use crate::posts::post::PostError;
use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    metrics::{MetricType, counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use host_store::gauges::Gauges;

/// In seconds: from a request within one data centre to a call's usual wall-clock limit.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];

/// A list, because a metric may have a label for only some of its values.
type Labels = Vec<(&'static str, String)>;

/// Counts events. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Metrics>);

#[derive(Debug)]
struct Metrics {
    registry: Registry,
    attempts: Family<Labels, Counter>,
    attempt_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    deliveries: Family<Labels, Counter>,
    readings: Family<Labels, Counter>,
    plugin_steps: Family<Labels, Counter>,
    plugin_step_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    posts: Family<Labels, Counter>,
    connections_refused: Family<Labels, Counter>,
    calls_refused: Family<Labels, Counter>,
    claims: Family<Labels, Counter>,
    notifications: Family<Labels, Counter>,
}

impl Default for Telemetry {
    /// The library appends `_total` to a counter's name and a full stop to its help text.
    fn default() -> Self {
        let mut registry = Registry::default();
        let mut counter = |name: &str, what: &str| {
            let family = Family::default();
            registry.register(name, what, Family::clone(&family));
            family
        };
        let attempts = counter("connector_host_attempts", "Attempts to carry out requests, by result");
        let deliveries =
            counter("connector_host_deliveries", "Webhook deliveries received, by response status");
        let readings = counter("connector_host_readings", "Deliveries read by their connectors, by result");
        let plugin_steps = counter(
            "connector_host_plugin_steps",
            "Steps of plugin versions, by state and, if refused, by reason",
        );
        let posts = counter("connector_host_posts", "Posts of alarms and consent events, by result");
        let connections_refused: Family<Labels, Counter> = counter(
            "connector_host_connections_refused",
            "Connections closed immediately because too many were open, by listener",
        );
        for listener in ["api", "webhooks"] {
            // Created at start, so that the first refusal is visible as an increase.
            drop(connections_refused.get_or_create(&labels([("listener", listener)])));
        }
        let calls_refused: Family<Labels, Counter> = counter(
            "connector_host_calls_refused",
            "API requests answered with an error, by response status, and requests that cannot be read",
        );
        drop(calls_refused.get_or_create(&labels([("status", "401")])));
        let claims = counter("connector_host_claims", "Requests and deliveries claimed by this replica");
        let notifications =
            counter("connector_host_notifications", "Notifications between replicas, sent, lost or received");
        let attempt_seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let what = "Duration of attempts in seconds";
        registry.register("connector_host_attempt_seconds", what, attempt_seconds.clone());
        let plugin_step_seconds =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let what = "Duration of the steps of plugin versions in seconds";
        registry.register("connector_host_plugin_step_seconds", what, plugin_step_seconds.clone());
        Self(Arc::new(Metrics {
            registry,
            attempts,
            attempt_seconds,
            deliveries,
            readings,
            plugin_steps,
            plugin_step_seconds,
            posts,
            connections_refused,
            calls_refused,
            claims,
            notifications,
        }))
    }
}

impl Telemetry {
    /// Counts an attempt of `operation` that ended with `status`.
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

    /// Counts a webhook to `connection`, a tenant and a key, with its response status. `None` if there is no such
    /// connection.
    pub(crate) fn delivery(&self, connection: Option<(&str, &str)>, status: u16) {
        let status = status.to_string();
        let labels = match connection {
            Some((tenant, key)) => labels([("tenant", tenant), ("connection", key), ("status", &status)]),
            None => labels([("status", &status)]),
        };
        self.0.deliveries.get_or_create(&labels).inc();
    }

    /// Counts a reading of a delivery with its result.
    pub(crate) fn reading(&self, tenant: &str, connection: &str, status: &str) {
        let labels = labels([("tenant", tenant), ("connection", connection), ("status", status)]);
        self.0.readings.get_or_create(&labels).inc();
    }

    /// Counts a step of a version of `plugin` that reached `state` or was refused for `reason`.
    pub(crate) fn plugin_step(&self, plugin: &str, state: &str, reason: Option<&str>, took: Duration) {
        let mut counted = labels([("plugin", plugin), ("state", state)]);
        self.0.plugin_step_seconds.get_or_create(&counted).observe(took.as_secs_f64());
        counted.extend(reason.map(|reason| ("reason", reason.to_owned())));
        self.0.plugin_steps.get_or_create(&counted).inc();
    }

    /// Counts a post of `what` as accepted or not, and logs it.
    pub(crate) fn post(&self, tenant: &str, what: &str, result: &Result<(), PostError>) {
        let status = if result.is_ok() { "taken" } else { "not-taken" };
        tracing::info!(tenant, operation = what, status, "post finished");
        let labels = labels([("tenant", tenant), ("operation", what), ("status", status)]);
        self.0.posts.get_or_create(&labels).inc();
    }

    /// Counts claims of `work`, which is `requests` or `deliveries`.
    pub(crate) fn claimed(&self, work: &str, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.claims.get_or_create(&labels([("operation", work)])).inc_by(count);
    }

    /// Counts a notification between replicas, which was `sent`, `not-sent` or `received`.
    pub(crate) fn notification(&self, status: &str) {
        self.0.notifications.get_or_create(&labels([("status", status)])).inc();
    }

    /// Counts a connection at `listener` that was closed immediately.
    pub fn connection_refused(&self, listener: &str) {
        self.0.connections_refused.get_or_create(&labels([("listener", listener)])).inc();
    }

    /// Counts an API request that was answered with the error `status`, or `unreadable`.
    pub fn call_refused(&self, status: &str) {
        self.0.calls_refused.get_or_create(&labels([("status", status)])).inc();
    }

    /// Returns all metrics in the Prometheus text format. `gauges` are the current values from the store, at `now` in
    /// milliseconds since the Unix epoch.
    pub fn rendered(&self, gauges: &Gauges, now: i64) -> String {
        let mut held = Registry::default();
        held.register_collector(Box::new(StoreGauges { gauges: gauges.clone(), now }));
        let mut text = String::new();
        for registry in [&self.0.registry, &held] {
            // Writing to a string cannot fail.
            let _written = prometheus_text::encode(&mut text, registry);
        }
        text
    }
}

fn labels<const N: usize>(labels: [(&'static str, &str); N]) -> Labels {
    labels.map(|(name, value)| (name, value.to_owned())).into()
}

/// The store's gauges at one point in time. A metric family would keep showing values that are gone.
#[derive(Debug)]
struct StoreGauges {
    gauges: Gauges,
    now: i64,
}

impl Collector for StoreGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, what, gauges) in [
            ("connector_host_requests_open", "Open requests, by state.", &self.gauges.requests),
            ("connector_host_alarms_open", "Open alarms, by kind.", &self.gauges.alarms),
        ] {
            let mut metric = encoder.encode_descriptor(name, what, None, MetricType::Gauge)?;
            for gauge in gauges {
                metric.encode_family(&gauge.labels)?.encode_gauge(&gauge.value)?;
            }
        }
        let database = &self.gauges.database;
        let due = database.next_due_at.map_or(0, |at| self.now.saturating_sub(at).max(0) / 1_000);
        for (name, what, value) in [
            ("connector_host_replicas", "Processes that serve the database.", Some(database.replicas)),
            (
                "connector_host_oldest_due_request_seconds",
                "How long the oldest due request has been due.",
                Some(due),
            ),
            (
                "connector_host_oldest_transaction_seconds",
                "Age of the database server's oldest transaction.",
                database.oldest_transaction_seconds,
            ),
            (
                "connector_host_dead_rows",
                "Replaced rows of the table of open requests that are not removed yet.",
                database.dead_rows,
            ),
        ] {
            if let Some(value) = value {
                encoder.encode_descriptor(name, what, None, MetricType::Gauge)?.encode_gauge(&value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use host_store::gauges::{DatabaseGauges, Gauge};

    use super::*;

    /// All metrics rendered below. The library renders the series of a metric in any order.
    const RENDERED: &str = r#"
# HELP connector_host_attempts_total Attempts to carry out requests, by result.
# TYPE connector_host_attempts_total counter
connector_host_attempts_total{tenant="acme",connection="newsletter",operation="erasure",status="done"} 2
# HELP connector_host_attempt_seconds Duration of attempts in seconds.
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
# HELP connector_host_deliveries_total Webhook deliveries received, by response status.
# TYPE connector_host_deliveries_total counter
connector_host_deliveries_total{tenant="acme",connection="newsletter",status="200"} 1
connector_host_deliveries_total{status="401"} 1
# HELP connector_host_readings_total Deliveries read by their connectors, by result.
# TYPE connector_host_readings_total counter
connector_host_readings_total{tenant="acme",connection="newsletter",status="unreadable"} 1
# HELP connector_host_posts_total Posts of alarms and consent events, by result.
# TYPE connector_host_posts_total counter
connector_host_posts_total{tenant="acme",operation="consent-event",status="not-taken"} 1
# HELP connector_host_connections_refused_total Connections closed immediately because too many were open, by listener.
# TYPE connector_host_connections_refused_total counter
connector_host_connections_refused_total{listener="api"} 0
connector_host_connections_refused_total{listener="webhooks"} 1
# HELP connector_host_calls_refused_total API requests answered with an error, by response status, and requests that cannot be read.
# TYPE connector_host_calls_refused_total counter
connector_host_calls_refused_total{status="401"} 0
connector_host_calls_refused_total{status="unreadable"} 1
# HELP connector_host_requests_open Open requests, by state.
# TYPE connector_host_requests_open gauge
connector_host_requests_open{tenant="acme",status="waiting"} 3
# HELP connector_host_alarms_open Open alarms, by kind.
# TYPE connector_host_alarms_open gauge
# HELP connector_host_claims_total Requests and deliveries claimed by this replica.
# TYPE connector_host_claims_total counter
connector_host_claims_total{operation="requests"} 2
# HELP connector_host_notifications_total Notifications between replicas, sent, lost or received.
# TYPE connector_host_notifications_total counter
connector_host_notifications_total{status="not-sent"} 1
# HELP connector_host_replicas Processes that serve the database.
# TYPE connector_host_replicas gauge
connector_host_replicas 3
# HELP connector_host_oldest_due_request_seconds How long the oldest due request has been due.
# TYPE connector_host_oldest_due_request_seconds gauge
connector_host_oldest_due_request_seconds 7
# HELP connector_host_oldest_transaction_seconds Age of the database server's oldest transaction.
# TYPE connector_host_oldest_transaction_seconds gauge
connector_host_oldest_transaction_seconds 60
"#;

    #[test]
    fn metrics_have_stable_names_labels_and_bounds() {
        let telemetry = Telemetry::default();
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_millis(30));
        telemetry.attempt("acme", "newsletter", "erasure", "done", Duration::from_mins(5));
        telemetry.delivery(Some(("acme", "newsletter")), 200);
        telemetry.delivery(None, 401);
        telemetry.reading("acme", "newsletter", "unreadable");
        telemetry.post("acme", "consent-event", &Err(PostError::without_answer("refused")));
        telemetry.connection_refused("webhooks");
        telemetry.call_refused("unreadable");
        let waiting =
            Gauge { labels: vec![("tenant", "acme".into()), ("status", "waiting".into())], value: 3 };
        telemetry.claimed("requests", 2);
        telemetry.notification("not-sent");
        let database = DatabaseGauges {
            replicas: 3,
            next_due_at: Some(1_000),
            oldest_transaction_seconds: Some(60),
            dead_rows: None,
        };
        let text =
            telemetry.rendered(&Gauges { requests: vec![waiting], alarms: Vec::new(), database }, 8_500);
        let lines = |text: &str| text.trim().lines().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(lines(&text), lines(RENDERED));
    }
}
