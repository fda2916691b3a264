//! How much of a vendor's long limits the requests of connections have used.

use host_harness::egress::is_long;
use host_model::contract::manifest::Limit;
use host_store::{StoreError, limits::LimitUsage};

use super::Requests;

/// A limit of an hour or more, and how much of it the connection's vendor account has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit: Limit,
    /// How much of it is used.
    pub usage: LimitUsage,
}

impl Requests {
    /// Returns the quotas of each connection, in the order of `keys`. A connection that is not served has none.
    pub async fn quotas(&self, keys: &[String]) -> Result<Vec<Vec<Quota>>, StoreError> {
        let mut limits = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let Ok(calls) = self.served.calls(key) else { continue };
            let account = calls.connection().account;
            let long = calls.plugin().manifest().limits.iter().filter(|limit| is_long(limit));
            limits.extend(long.map(|limit| (place, account, limit.clone())));
        }
        let counted = limits.iter().map(|(_, account, limit)| (*account, limit.clone())).collect();
        let usage = self.ledger.usage(counted).await?;
        let mut quotas = vec![Vec::new(); keys.len()];
        for ((place, _, limit), usage) in limits.into_iter().zip(usage) {
            if let Some(of_connection) = quotas.get_mut(place) {
                of_connection.push(Quota { limit, usage });
            }
        }
        Ok(quotas)
    }
}
