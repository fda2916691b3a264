//! Loads a service with deliveries and then with requests, and measures how many it takes and carries out, and at what
//! cost.

use std::time::{Duration, Instant};

use tokio::{task::JoinSet, time::sleep};
use xtask::growth::{DatabaseKind, MeasuredService, ServerWork, Work};

use crate::{
    client::{connected, deliver, metric, opt_out},
    server::{Database, combined},
    service::{Installation, Process},
};

/// The number of clients, each of which sends the next one once the last one is acknowledged.
const CLIENTS: usize = 32;

/// How long the server is watched while there is nothing to do.
const REST: Duration = Duration::from_secs(3);
/// The computing time in [`REST`] of a process that has nothing to do, at most, in milliseconds.
const RESTING_CPU_MS: f64 = 300.0;
/// Time between two looks at what is still to be done.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the work of one kind may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// How much is sent.
#[derive(Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) deliveries: usize,
    pub(crate) requests: usize,
}

/// What the clients send.
#[derive(Clone, Copy)]
enum Kind {
    Delivery,
    Request,
}

/// The processes of a service under load.
struct Load<'a> {
    installation: &'a Installation,
    database: Option<&'a Database>,
    processes: Vec<Process>,
    /// What the server does for them while there is nothing to do, a second.
    rest: Option<ServerWork>,
}

/// Starts the service of `installation` with this number of processes, and measures it under a load of `amount`.
pub(crate) async fn measured(
    installation: &Installation,
    database: Option<&Database>,
    processes: usize,
    amount: Amount,
) -> MeasuredService {
    let processes: Vec<Process> = (0..processes).map(|number| installation.start(number, database)).collect();
    let ready_ms = most(&processes, |process| process.ready_after.as_secs_f64() * 1_000.0);
    let mut load = Load { installation, database, processes, rest: None };
    load.until_at_rest().await;
    let rest_mib = most(&load.processes, Process::memory_mib);
    load.rest = load.at_rest().await;
    let deliveries = load.work(Kind::Delivery, amount.deliveries).await;
    let requests = load.work(Kind::Request, amount.requests).await;
    let round_trip_ms = match database {
        Some(database) => Some(database.round_trip_ms().await),
        None => None,
    };
    let count = load.processes.len();
    let service = MeasuredService {
        database: if database.is_some() { DatabaseKind::Postgresql } else { DatabaseKind::Sqlite },
        processes: u32::try_from(count).unwrap(),
        connections: u32::try_from(installation.connections).unwrap(),
        round_trip_ms,
        ready_ms,
        rest_mib,
        peak_mib: most(&load.processes, Process::peak_mib),
        at_rest: load.rest.map(|rest| divided(rest, count as f64)),
        deliveries,
        requests,
    };
    load.processes.into_iter().for_each(Process::stop);
    service
}

impl Load<'_> {
    /// Waits until the processes have nothing to do: a start has work of its own, for each connection.
    async fn until_at_rest(&self) {
        let began = Instant::now();
        loop {
            let before = self.cpu_ms();
            sleep(REST).await;
            if self.cpu_ms() - before < RESTING_CPU_MS * self.processes.len() as f64 {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the service is not at rest after {PATIENCE:?}");
        }
    }

    async fn at_rest(&self) -> Option<ServerWork> {
        let (before, began) = (self.database?.work().await, Instant::now());
        sleep(REST).await;
        let after = self.database?.work().await;
        Some(divided(combined(after, before, |after, before| after - before), began.elapsed().as_secs_f64()))
    }

    /// Sends `count` of a kind, and waits until all of them are carried out.
    async fn work(&self, kind: Kind, count: usize) -> Work {
        let before = self.server().await;
        let (cpu_before, began) = (self.cpu_ms(), Instant::now());
        self.send(kind, count).await;
        let taken = began.elapsed();
        while !self.is_done(kind, count).await {
            assert!(began.elapsed() < PATIENCE, "not everything is carried out after {PATIENCE:?}");
            sleep(PAUSE).await;
        }
        let done = began.elapsed();
        let service_cpu_ms = (self.cpu_ms() - cpu_before) / count as f64;
        let after = self.server().await;
        let server = before.zip(after).zip(self.rest).map(|((before, after), rest)| {
            let seconds = began.elapsed().as_secs_f64();
            let all = combined(after, before, |after, before| after - before);
            divided(combined(all, rest, |all, rest| (all - rest * seconds).max(0.0)), count as f64)
        });
        let a_second = |time: Duration| count as f64 / time.as_secs_f64();
        Work { taken_a_second: a_second(taken), done_a_second: a_second(done), service_cpu_ms, server }
    }

    async fn server(&self) -> Option<ServerWork> {
        match self.database {
            Some(database) => Some(database.work().await),
            None => None,
        }
    }

    fn cpu_ms(&self) -> f64 {
        self.processes.iter().map(Process::cpu_ms).sum()
    }

    /// Sends `count` of a kind to the processes in turn, spread over the connections.
    async fn send(&self, kind: Kind, count: usize) {
        let mut under_way = JoinSet::new();
        for client in 0..CLIENTS {
            let (connections, key) = (self.installation.connections, self.installation.key.clone());
            let address = self.processes[client % self.processes.len()].address.clone();
            under_way.spawn(async move {
                let mut stream = connected(&address).await;
                for at in (client..count).step_by(CLIENTS) {
                    let connection = at % connections;
                    match kind {
                        Kind::Delivery => {
                            let email = format!("left-{at}@example.com");
                            assert_eq!(deliver(&mut stream, connection, &email).await, 200);
                        }
                        Kind::Request => {
                            let email = format!("asked-{at}@example.com");
                            assert_eq!(opt_out(&mut stream, connection, &key, &email).await, 202);
                        }
                    }
                }
            });
        }
        under_way.join_all().await;
    }

    async fn is_done(&self, kind: Kind, count: usize) -> bool {
        let key = &self.installation.key;
        match kind {
            Kind::Delivery => {
                let mut read = 0;
                for process in &self.processes {
                    read += metric(&process.address, key, "connector_host_readings_total").await;
                }
                read >= count as u64
            }
            Kind::Request => {
                metric(&self.processes[0].address, key, "connector_host_requests_open").await == 0
            }
        }
    }
}

/// Returns the highest of what `of` returns for each process.
fn most(processes: &[Process], of: impl Fn(&Process) -> f64) -> f64 {
    processes.iter().map(of).fold(0.0, f64::max)
}

fn divided(work: ServerWork, by: f64) -> ServerWork {
    combined(work, work, |all, _| all / by)
}
