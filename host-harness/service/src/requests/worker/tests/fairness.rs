//! Connections that all have more due requests than there is room for.

use super::*;

const CONNECTIONS: [(&str, &str); 6] =
    [("acme", "c0"), ("acme", "c1"), ("acme", "c2"), ("acme", "c3"), ("acme", "c4"), ("acme", "c5")];

/// How many requests wait at each connection.
const WAITING: usize = 6;

/// How many attempts run at once; half of them for one tenant.
const WORKERS: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_tenant_take_turns_although_each_has_more_due_requests() {
    let bench = Bench::with(&CONNECTIONS).await;
    let (mut people, mut last) = (Vec::new(), String::new());
    for (_, connection) in CONNECTIONS {
        for n in 0..WAITING {
            let email = format!("{connection}-{n}@example.com");
            bench.stand_in.seed(email.as_str(), None);
            last = bench.submit(connection, opt_out("6539"), Subject::email(&email)).await.view.id;
            people.push(email);
        }
    }
    let worker = bench.parts.worker(WORKERS).run(CancellationToken::new(), Duration::ZERO);
    let worker = tokio::spawn(worker);
    bench.once(&last, |view| view.state == RequestState::Done).await;
    worker.abort();
    // The people in the order in which the vendor first heard of them.
    let mut heard: Vec<&String> = Vec::new();
    for sent in bench.stand_in.take_requests().iter().map(|sent| format!("{sent:?}")) {
        let about = people.iter().find(|email| sent.contains(email.as_str()));
        heard.extend(about.filter(|email| !heard.contains(email)));
    }
    for (_, connection) in CONNECTIONS {
        let turn = heard.iter().position(|email| email.starts_with(connection)).unwrap();
        assert!(
            turn < 2 * CONNECTIONS.len(),
            "{connection} had its first turn after {turn} people: {heard:?}"
        );
    }
}
