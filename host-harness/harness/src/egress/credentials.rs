//! The secrets that a request is sent with: secret settings, and secrets that the host fetches from the vendor.
//! Tested in `src/egress/tests/credentials.rs`.

use super::{
    Egress, caller::Sender, declaration::DeclaredOperation, permit, refused::no_credential,
    transport::VendorResponse,
};
use host_model::{
    contract::http::{HttpError, HttpErrorKind, Request},
    secret::Secrets,
};

/// Keeps only the secrets that can be fetched again.
pub(crate) fn renewable(caller: &Sender<'_>, declared: &DeclaredOperation, mut secrets: Secrets) -> Secrets {
    secrets.retain(|name, _| exchange_for(caller, declared, name).is_some());
    secrets
}

/// Returns the operation that fetches `name` for `declared`, or `None` for an exchange that returns the successor of
/// the secret it uses.
fn exchange_for<'a>(
    caller: &Sender<'a>,
    declared: &DeclaredOperation,
    name: &str,
) -> Option<&'a DeclaredOperation> {
    caller.declaration.exchange_for(name).filter(|exchange| exchange.name != declared.name)
}

impl Egress {
    /// Returns the secrets for `declared`, excluding `refused` ones. Missing secrets are fetched if possible.
    pub(crate) async fn secrets(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        refused: &Secrets,
    ) -> Result<Secrets, HttpError> {
        self.restore_rotated(caller).await?;
        let secrets = self.at_hand(caller, declared, refused);
        if missing(caller, declared, &secrets).is_empty() {
            return Ok(secrets);
        }
        let renewing = self.captured.renewing(caller.connection);
        // A call that waited here finds what the previous one fetched.
        let _one_at_a_time = renewing.lock().await;
        let secrets = self.at_hand(caller, declared, refused);
        if missing(caller, declared, &secrets).is_empty() {
            return Ok(secrets);
        }
        // So does a process that waited for another one.
        let _turn = self.take_turn(caller).await?;
        self.fetched(caller, declared, refused, &[]).await
    }

    /// Carries out a request of the guest whose response contains secrets. Returns the secrets that it was sent with, too.
    pub(super) async fn fetch_for_guest(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        refused: &Secrets,
        request: &Request,
    ) -> Result<(Secrets, VendorResponse), HttpError> {
        self.restore_rotated(caller).await?;
        let renewing = self.captured.renewing(caller.connection);
        let _one_at_a_time = renewing.lock().await;
        let _turn = self.take_turn(caller).await?;
        let secrets = self.fetched(caller, declared, refused, &[]).await?;
        let answer = self.carry(caller, declared, &secrets, request).await?;
        Ok((secrets, answer))
    }

    /// Same as [`secrets`](Self::secrets), while the caller holds the lock for this connection. `under_way` contains
    /// the operations that wait for this one.
    async fn fetched(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        refused: &Secrets,
        under_way: &[&str],
    ) -> Result<Secrets, HttpError> {
        let secrets = self.at_hand(caller, declared, refused);
        for (name, exchange) in missing(caller, declared, &secrets) {
            // A checked manifest has no cycles in its exchanges, but a cycle must never overflow the stack.
            if !under_way.contains(&exchange.name.as_str()) {
                self.exchange(caller, exchange, name, refused, under_way).await?;
            }
        }
        let secrets = self.at_hand(caller, declared, refused);
        match missing(caller, declared, &secrets).first() {
            None => Ok(secrets),
            Some((name, exchange)) => Err(no_credential(format!(
                "connection {}: {} returned no {name} but the one that was refused",
                caller.connection.key, exchange.name
            ))),
        }
    }

    /// Returns the secrets that are available now. An optional secret that the operator left empty is missing, and the
    /// fields that use it are left out.
    fn at_hand(&self, caller: &Sender<'_>, declared: &DeclaredOperation, refused: &Secrets) -> Secrets {
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

    /// Sends `exchange` so that the secret `name` is stored.
    async fn exchange(
        &self,
        caller: &Sender<'_>,
        exchange: &DeclaredOperation,
        name: &str,
        refused: &Secrets,
        under_way: &[&str],
    ) -> Result<(), HttpError> {
        permit::allowed_by_operator(caller, exchange).map_err(|error| no_credential(error.message))?;
        // An exchange may itself need a secret that must be fetched first.
        let waiting = [under_way, &[exchange.name.as_str()]].concat();
        let secrets = Box::pin(self.fetched(caller, exchange, refused, &waiting)).await?;
        let request = Request { operation: exchange.name.clone(), ..Default::default() };
        let key = &caller.connection.key;
        let failed = |why: String| {
            no_credential(format!("connection {key}: {} returned no {name}: {why}", exchange.name))
        };
        let answer =
            self.carry(caller, exchange, &secrets, &request).await.map_err(|error| match error.kind {
                HttpErrorKind::Denied | HttpErrorKind::NoCredential => failed(error.message),
                // The operation itself was not sent, whatever happened to the exchange.
                _ => HttpError { request_sent: false, ..error },
            })?;
        match self.captured.get(caller.connection, name, self.clock.now()) {
            Some(_) => Ok(()),
            None => Err(failed(format!("the vendor answered {}", answer.status))),
        }
    }
}

/// Returns the missing secrets that can be fetched, with the operation that fetches each.
fn missing<'a>(
    caller: &Sender<'a>,
    declared: &'a DeclaredOperation,
    secrets: &Secrets,
) -> Vec<(&'a str, &'a DeclaredOperation)> {
    let absent = declared.secrets.iter().filter(|name| !secrets.contains_key(*name));
    absent.filter_map(|name| Some((name.as_str(), exchange_for(caller, declared, name)?))).collect()
}
