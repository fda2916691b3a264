//! The secrets that a request is sent with: settings, and what the host fetches by itself from the vendor.

use super::{Egress, caller::Caller, declaration::Declared, permit, refused::no_credential};
use host_model::{
    contract::http::{HttpError, HttpErrorKind, Request},
    secret::Secrets,
};

/// Those of `secrets` that can be fetched anew.
pub(crate) fn renewable(caller: &Caller<'_>, declared: &Declared, mut secrets: Secrets) -> Secrets {
    secrets.retain(|name, _| exchange_for(caller, declared, name).is_some());
    secrets
}

/// The operation that fetches `name` for `declared`; none for an exchange that brings the successor of what it uses.
fn exchange_for<'a>(caller: &Caller<'a>, declared: &Declared, name: &str) -> Option<&'a Declared> {
    caller.declaration.exchange_for(name).filter(|exchange| exchange.name != declared.name)
}

impl Egress {
    /// The secrets that `declared` is sent with, none of them `refused`; what is missing is fetched, where it can be.
    pub(crate) async fn secrets(
        &self,
        caller: &Caller<'_>,
        declared: &Declared,
        refused: &Secrets,
    ) -> Result<Secrets, HttpError> {
        let secrets = self.at_hand(caller, declared, refused);
        if missing(caller, declared, &secrets).is_empty() {
            return Ok(secrets);
        }
        let renewing = self.captured.renewing(caller.connection);
        // Whoever waited here finds what the one before fetched.
        let _one_at_a_time = renewing.lock().await;
        self.fetched(caller, declared, refused, &[]).await
    }

    /// As [`secrets`](Self::secrets), while nobody else fetches any for this connection; `under_way` are the operations
    /// that wait for this.
    async fn fetched(
        &self,
        caller: &Caller<'_>,
        declared: &Declared,
        refused: &Secrets,
        under_way: &[&str],
    ) -> Result<Secrets, HttpError> {
        let secrets = self.at_hand(caller, declared, refused);
        for (name, exchange) in missing(caller, declared, &secrets) {
            // A checked manifest has no circle in its exchanges; were there one, it must not take the stack along.
            if !under_way.contains(&exchange.name.as_str()) {
                self.exchange(caller, exchange, name, refused, under_way).await?;
            }
        }
        let secrets = self.at_hand(caller, declared, refused);
        match missing(caller, declared, &secrets).first() {
            None => Ok(secrets),
            Some((name, exchange)) => Err(no_credential(format!(
                "connection {}: {} brought no {name} but the one that was refused",
                caller.connection.key, exchange.name
            ))),
        }
    }

    /// What is there now. An optional secret that the operator left empty is not: what it stands in is left out.
    fn at_hand(&self, caller: &Caller<'_>, declared: &Declared, refused: &Secrets) -> Secrets {
        let now = self.clock.now();
        let found = declared.secrets.iter().filter_map(|name| {
            let captured = self.captured.get(caller.connection, name, now);
            let secret = captured.or_else(|| caller.connection.secrets.get(name).cloned())?;
            let was_refused =
                refused.get(name).is_some_and(|refused| refused.matches(secret.expose().as_bytes()));
            (!was_refused).then(|| (name.clone(), secret))
        });
        found.collect()
    }

    /// Sends `exchange`, so that the secret `name` is kept.
    async fn exchange(
        &self,
        caller: &Caller<'_>,
        exchange: &Declared,
        name: &str,
        refused: &Secrets,
        under_way: &[&str],
    ) -> Result<(), HttpError> {
        permit::allowed_by_operator(caller, exchange).map_err(|error| no_credential(error.message))?;
        // An exchange may itself need a secret that is fetched first.
        let waiting = [under_way, &[exchange.name.as_str()]].concat();
        let secrets = Box::pin(self.fetched(caller, exchange, refused, &waiting)).await?;
        let request = Request { operation: exchange.name.clone(), ..Default::default() };
        let key = &caller.connection.key;
        let failed = |why: String| {
            no_credential(format!("connection {key}: {} brought no {name}: {why}", exchange.name))
        };
        let answer =
            self.carry(caller, exchange, &secrets, &request).await.map_err(|error| match error.kind {
                HttpErrorKind::Denied | HttpErrorKind::NoCredential => failed(error.message),
                // The operation itself was not sent, whatever became of the exchange.
                _ => HttpError { request_sent: false, ..error },
            })?;
        match self.captured.get(caller.connection, name, self.clock.now()) {
            Some(_) => Ok(()),
            None => Err(failed(format!("the vendor answered {}", answer.status))),
        }
    }
}

/// The secrets that can be fetched and are not there, with the operation that fetches each.
fn missing<'a>(
    caller: &Caller<'a>,
    declared: &'a Declared,
    secrets: &Secrets,
) -> Vec<(&'a str, &'a Declared)> {
    let absent = declared.secrets.iter().filter(|name| !secrets.contains_key(*name));
    absent.filter_map(|name| Some((name.as_str(), exchange_for(caller, declared, name)?))).collect()
}
