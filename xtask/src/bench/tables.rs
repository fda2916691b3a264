//! The tables about growth, from the figures of a run.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use xtask::growth::{Claims, DatabaseKind, Figures, MeasuredService, ServerWork, Work};

/// A table of the page.
pub(super) struct Table {
    /// How the page names its place.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) markdown: String,
}

/// The number of connections whose figures the sums use.
const TYPICAL: u32 = 1_000;

/// Round trips between the service and its database, with what they take, in milliseconds.
const DISTANCES: [(&str, f64); 2] = [("in the same data centre, 0.2 ms", 0.2), ("in another one, 1 ms", 1.0)];

/// Requests that Iterable allows an account to read a second, each request of the service one of them.
const READS_A_SECOND: f64 = 100.0;

/// Returns all tables, in the order of the page.
pub(super) fn all(figures: &Figures) -> Result<Vec<Table>> {
    let table = |name, title, markdown| Table { name, title, markdown };
    Ok(vec![
        table("machine", "the machine", machine(figures)),
        table("speed", "how many a second", speed(figures)),
        table("requests", "what a request costs", costs(figures, |service| &service.requests)),
        table("deliveries", "what a delivery costs", costs(figures, |service| &service.deliveries)),
        table("processes", "what a process costs", processes(figures)),
        table("claims", "claims beside a transaction that is held open", claims(&figures.claims)),
        table("distance", "how many a second with a server that is further away", distance(figures)),
        table("limits", "where the next limits lie", limits(figures)?),
    ])
}

fn machine(figures: &Figures) -> String {
    let machine = &figures.machine;
    let rows = [
        ("run on", machine.day.clone()),
        ("processor", format!("{}, {} cores", machine.processor, machine.cores)),
        (
            "disk",
            format!("{} writes with fsync a second, one after the other", count(f64::from(machine.fsyncs))),
        ),
        ("PostgreSQL", format!("{}, with its default settings, on the same machine", machine.postgresql)),
    ];
    rows_of("| | |\n|---|---|\n", rows.iter().map(|(what, is)| format!("| {what} | {is} |")))
}

fn speed(figures: &Figures) -> String {
    let head = "| database | processes | connections | webhooks acknowledged | to SQLite | webhooks read | requests accepted | \
                to SQLite | requests carried out | to SQLite |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    let row = |service: &MeasuredService| {
        let (deliveries, requests) = (&service.deliveries, &service.requests);
        let to_file = |of: fn(&MeasuredService) -> f64| {
            on_file(figures, service.connections)
                .map_or_else(String::new, |file| format!("{:.2}", of(service) / of(file)))
        };
        format!(
            "{} {} | {} | {} | {} | {} | {} | {} |",
            label(service),
            count(deliveries.taken_a_second),
            to_file(|service| service.deliveries.taken_a_second),
            count(deliveries.done_a_second),
            count(requests.taken_a_second),
            to_file(|service| service.requests.taken_a_second),
            count(requests.done_a_second),
            to_file(|service| service.requests.done_a_second),
        )
    };
    rows_of(head, figures.services.iter().map(row))
}

fn costs(figures: &Figures, of: fn(&MeasuredService) -> &Work) -> String {
    let head = "| database | processes | connections | round trips | commits | rows read | rows written | pages | log | \
                processor, server | processor, service |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    let row = |service: &MeasuredService| {
        let work = of(service);
        format!("{} {} {:.1} ms |", label(service), server_cells(work.server), work.service_cpu_ms)
    };
    rows_of(head, figures.services.iter().map(row))
}

/// Returns the cells for what a server did. What a file does is part of the service's own process.
fn server_cells(work: Option<ServerWork>) -> String {
    let Some(work) = work else { return "|".repeat(7) };
    format!(
        "{:.1} | {:.1} | {} | {:.1} | {} | {:.1} KB | {:.1} ms |",
        work.round_trips,
        work.commits,
        count(work.rows_read),
        work.rows_written,
        count(work.pages),
        work.wal_bytes / 1_000.0,
        work.cpu_ms
    )
}

fn processes(figures: &Figures) -> String {
    let head = "| database | processes | connections | ready after | memory at rest | memory at most | round trips at rest, a \
                second |\n|---|---:|---:|---:|---:|---:|---:|\n";
    let row = |service: &MeasuredService| {
        let trips = service.at_rest.map_or_else(String::new, |rest| count(rest.round_trips));
        format!(
            "{} {} ms | {:.0} MiB | {:.0} MiB | {trips} |",
            label(service),
            count(service.ready_ms),
            service.rest_mib,
            service.peak_mib
        )
    };
    rows_of(head, figures.services.iter().map(row))
}

fn distance(figures: &Figures) -> String {
    let head = "| database | processes | connections | a round trip | webhooks acknowledged | requests accepted | requests \
                carried out |\n|---|---:|---:|---:|---:|---:|---:|\n";
    let near = figures.services.iter().filter(|near| {
        figures.far.iter().any(|far| (far.processes, far.connections) == (near.processes, near.connections))
    });
    let near = near.filter(|service| service.database == DatabaseKind::Postgresql);
    let row = |service: &MeasuredService| {
        format!(
            "{} {:.2} ms | {} | {} | {} |",
            label(service),
            service.round_trip_ms.unwrap_or_default(),
            count(service.deliveries.taken_a_second),
            count(service.requests.taken_a_second),
            count(service.requests.done_a_second)
        )
    };
    rows_of(head, near.chain(&figures.far).map(row))
}

fn claims(claims: &[Claims]) -> String {
    let head = "| beside it | claims a second, at first | after two minutes | ratio | to find and claim one, at first | after \
                two minutes |\n|---|---:|---:|---:|---:|---:|\n";
    let row = |claims: &Claims| {
        let beside = if claims.held_open { "a transaction that is held open" } else { "nothing" };
        let (first, last) = (claims.over_time.first()?, claims.over_time.last()?);
        Some(format!(
            "| {beside} | {} | {} | {:.2} | {:.1} ms | {:.1} ms |",
            count(first.claims_a_second),
            count(last.claims_a_second),
            last.claims_a_second / first.claims_a_second,
            first.claim_ms,
            last.claim_ms
        ))
    };
    rows_of(head, claims.iter().filter_map(row))
}

fn limits(figures: &Figures) -> Result<String> {
    let one = figures.services.iter().find(|service| {
        (service.database, service.processes, service.connections) == (DatabaseKind::Postgresql, 1, TYPICAL)
    });
    let requests = &one.context("no figures of one process on PostgreSQL")?.requests;
    let server = requests.server.context("no figures of the server")?;
    let mut rows = vec![
        format!(
            "| one account at Iterable | {READS_A_SECOND:.0} reads a second, 1 each | {READS_A_SECOND:.0} |"
        ),
        processor("for the service", requests.service_cpu_ms),
        processor("for PostgreSQL", server.cpu_ms),
    ];
    for (distance, ms) in DISTANCES {
        let (trips, a_second) = (server.round_trips, count(1_000.0 / (server.round_trips * ms)));
        rows.push(format!(
            "| turns of the writers, database {distance} | 1,000 ms / ({trips:.1} × {ms} ms) | {a_second} |"
        ));
    }
    Ok(rows_of("| what | sum | requests a second |\n|---|---|---:|\n", rows))
}

fn processor(whose: &str, ms: f64) -> String {
    format!("| a core {whose} | 1,000 ms / {ms:.1} ms | {} |", count(1_000.0 / ms))
}

fn on_file(figures: &Figures, connections: u32) -> Option<&MeasuredService> {
    let mut services = figures.services.iter();
    services.find(|service| service.database == DatabaseKind::Sqlite && service.connections == connections)
}

/// Returns the first cells of a row about a service.
fn label(service: &MeasuredService) -> String {
    let MeasuredService { database, processes, connections, .. } = service;
    format!("| {} | {processes} | {} |", database_name(*database), count(f64::from(*connections)))
}

/// Returns the name of a kind of database.
pub(super) fn database_name(database: DatabaseKind) -> &'static str {
    match database {
        DatabaseKind::Sqlite => "SQLite",
        DatabaseKind::Postgresql => "PostgreSQL",
    }
}

/// Returns a number without its fraction, with its thousands apart.
pub(super) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn rows_of(head: &str, rows: impl IntoIterator<Item = String>) -> String {
    let mut table = head.to_owned();
    for row in rows {
        let _written = writeln!(table, "{row}");
    }
    table.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let counted = [0.4, 12.0, 999.6, 10_000.0, 1_234_567.0].map(count);
        assert_eq!(counted, ["0", "12", "1,000", "10,000", "1,234,567"]);
    }
}
