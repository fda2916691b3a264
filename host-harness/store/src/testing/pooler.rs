//! A pooler before the server of the tests.

use url::Url;

use super::server::{SERVER, ServerDatabase, address};
use crate::address::PostgresAddress;

/// The environment variable with the URL of the pooler, such as `postgres://postgres@127.0.0.1:6432/postgres`. It pools
/// transactions of every database of the server of the tests.
const POOLER: &str = "CONNECTOR_HOST_TEST_PGBOUNCER";

/// A pooler.
pub(crate) struct Pooler(Url);

impl Pooler {
    /// Returns the pooler that the environment names. If it names none, says that the test is skipped.
    pub(crate) fn new() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests are not configured by a file")]
        let variables = (std::env::var(SERVER), std::env::var(POOLER));
        let (Ok(_), Ok(pooler)) = variables else {
            println!(
                "skipped: {SERVER} and {POOLER} have no URLs of a PostgreSQL server and a pooler before it"
            );
            return None;
        };
        Some(Self(Url::parse(&pooler).unwrap_or_else(|error| panic!("{POOLER}: {error}"))))
    }

    /// Returns the address of a database by way of the pooler.
    pub(crate) fn address(&self, database: &ServerDatabase) -> PostgresAddress {
        address(&self.0, database.name()).pooled().unwrap()
    }
}

#[cfg(test)]
impl Pooler {
    /// Returns the host and the port of the pooler.
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let host = self.0.host_str().unwrap_or_else(|| panic!("{POOLER}: expected a URL with a host"));
        (host.to_owned(), self.0.port().unwrap_or(6432))
    }

    /// Returns the pooler by way of a proxy that listens on this port.
    pub(crate) fn by_way_of(&self, port: u16) -> Self {
        let mut proxy = self.0.clone();
        proxy.set_host(Some("127.0.0.1")).unwrap();
        proxy.set_port(Some(port)).unwrap();
        Self(proxy)
    }
}
