//! The task that sends the deliveries in the outbox.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::Client;

use crate::clock::later;
use crate::endpoint::to_loopback;
use crate::outbox::{Delivery, Outcome};
use crate::project::Project;
use crate::shared::Shared;
use crate::switches::DeliveryRetry;

impl Project {
    /// Removes the earliest due delivery from the outbox and prepares it for sending.
    fn next_to_send(&mut self) -> Option<Delivery> {
        let mut delivery = self.outbox.take_due(self.now)?;
        let form = self.switches.token_header;
        if let Some(webhook) = self.webhooks().iter().find(|webhook| webhook.id == delivery.webhook) {
            delivery.headers = webhook.delivery_headers(form, self.now);
            delivery.url = webhook.url(&delivery.body);
        }
        self.outbox.begin(&delivery);
        Some(delivery)
    }

    fn sent(&mut self, delivery: Delivery) {
        let failed = match delivery.outcome {
            Outcome::Answered(status) => !(200..300).contains(&status),
            Outcome::Unanswered => true,
            Outcome::Waiting | Outcome::Kept | Outcome::Lost => false,
        };
        if failed && self.switches.delivery_retry == DeliveryRetry::Thrice && delivery.attempt <= 3 {
            let due = later(self.now, SignedDuration::from_secs(10));
            let (attempt, outcome) = (delivery.attempt + 1, Outcome::Waiting);
            self.outbox.put_again(Delivery { due, attempt, outcome, ..delivery.clone() });
        }
        self.outbox.end(delivery);
    }
}

/// Sends deliveries one at a time as they fall due, for the lifetime of the stand-in.
pub(crate) async fn deliver(shared: Arc<Shared>, client: Client) {
    let mut changed = shared.changes();
    loop {
        changed.mark_unchanged();
        let (next, due) = shared.with(|project| (project.next_to_send(), project.outbox.first_due()));
        if let Some(mut delivery) = next {
            delivery.outcome = send(&client, &delivery).await;
            shared.with(|project| project.sent(delivery));
            shared.notify_changed();
            continue;
        }
        let clock = shared.clock();
        tokio::select! {
            () = async { match due {
                Some(due) => clock.reaches(due).await,
                None => std::future::pending().await,
            } } => {}
            // The sender lives in `shared`, so waiting cannot fail.
            _ = changed.changed() => {}
        }
    }
}

async fn send(client: &Client, delivery: &Delivery) -> Outcome {
    if !to_loopback(&delivery.url) {
        return Outcome::Kept;
    }
    let mut request = client.post(&delivery.url).timeout(Duration::from_secs(10)).body(delivery.body_bytes());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => Outcome::Answered(answer.status().as_u16()),
        Err(_) => Outcome::Unanswered,
    }
}
