//! Measures how the service grows: on both kinds of databases, with more processes and with more connections, and its queue
//! beside a transaction that is held open. `cargo xtask bench --growth` starts a server of `PostgreSQL`, runs it, and prints
//! its tables.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run has no result, and the measured numbers are small"
)]

#[path = "growth/claims.rs"]
mod claims;
#[path = "shared/client.rs"]
mod client;
#[path = "growth/distance.rs"]
mod distance;
#[path = "growth/load.rs"]
mod load;
#[path = "growth/process.rs"]
mod process;
#[path = "growth/server.rs"]
mod server;
#[path = "growth/service.rs"]
mod service;

use std::fs;

use jiff::Zoned;
use tempfile::TempDir;
use xtask::growth::{self, Claims, Figures, MeasuredMachine, MeasuredService};

use self::{claims::Beside, distance::Distance, load::Amount, server::Server, service::Installation};

/// The numbers of connections that are compared.
const CONNECTIONS: [usize; 3] = [10, 1_000, 10_000];
/// The numbers of processes that are compared.
const PROCESSES: [usize; 3] = [1, 2, 4];
/// Some seconds' worth of load, and as much for a server that is further away.
const AMOUNT: Amount = Amount { deliveries: 3_000, requests: 1_500 };
const AMOUNT_FAR: Amount = Amount { deliveries: 800, requests: 200 };

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` only checks that it builds.
        return;
    }
    let server = Server::find().await;
    let server =
        server.unwrap_or_else(|| panic!("`cargo xtask bench --growth` runs it, with a server of PostgreSQL"));
    let machine = machine(&server).await;
    let mut services = Vec::new();
    for connections in CONNECTIONS {
        services.extend(on_both(&server, connections).await);
    }
    let far = far(&server).await;
    let mut claims = Vec::new();
    for beside in [Beside::Nothing, Beside::OpenTransaction] {
        println!("claims on PostgreSQL, beside: {beside:?}");
        claims.push(self::claims::measured(&server, beside).await);
        say_claims(&claims);
    }
    let figures = Figures { machine, services, far, claims };
    fs::write(growth::file(), serde_json::to_vec_pretty(&figures).unwrap()).unwrap();
}

/// Measures services with this number of connections on both kinds of databases.
async fn on_both(server: &Server, connections: usize) -> Vec<MeasuredService> {
    let mut services =
        vec![load::measured(&Installation::new(connections, None).await, None, 1, AMOUNT).await];
    say(&services);
    let prepared = server.create("prepared").await;
    let installation = Installation::new(connections, Some(&prepared)).await;
    for processes in PROCESSES {
        // A copy for each, so that none has the rows of another.
        let database = prepared.copied("measured").await;
        services.push(load::measured(&installation, Some(&database), processes, AMOUNT).await);
        database.dropped().await;
        say(&services);
    }
    prepared.dropped().await;
    services
}

/// Measures services whose server is further away.
async fn far(server: &Server) -> Vec<MeasuredService> {
    let prepared = server.create("prepared").await;
    let installation = Installation::new(CONNECTIONS[0], Some(&prepared)).await;
    let distance = Distance::to(server.port()).await;
    let mut services = Vec::new();
    for processes in [1, 4] {
        let database = prepared.copied("measured").await.by_way_of(distance.port);
        services.push(load::measured(&installation, Some(&database), processes, AMOUNT_FAR).await);
        database.dropped().await;
        say(&services);
    }
    prepared.dropped().await;
    services
}

async fn machine(server: &Server) -> MeasuredMachine {
    let (processor, cores) = process::processor();
    let postgresql = server.version().await;
    let fsyncs = client::fsyncs(TempDir::new().unwrap().path());
    let day = Zoned::now().date().to_string();
    MeasuredMachine { day, processor, cores, postgresql, fsyncs }
}

/// Prints the last service, as progress.
fn say(services: &[MeasuredService]) {
    let Some(MeasuredService { database, processes, connections, deliveries, requests, .. }) =
        services.last()
    else {
        return;
    };
    println!(
        "{database:?}, {processes} processes, {connections} connections: {:.0} deliveries taken and {:.0} read a second, \
         {:.0} requests taken and {:.0} carried out a second",
        deliveries.taken_a_second, deliveries.done_a_second, requests.taken_a_second, requests.done_a_second
    );
}

/// Prints the first and the last interval of the last claims, as progress.
fn say_claims(claims: &[Claims]) {
    let over_time = claims.last().map_or(&[][..], |claims| &claims.over_time);
    if let [first, .., last] = over_time {
        println!(
            "{:.0} claims a second at first, {:.0} at last",
            first.claims_a_second, last.claims_a_second
        );
    }
}
