//! Binds the configured addresses.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use host_service::settings::listen::ListenAddress;
use tokio::{
    net::{TcpListener, lookup_host},
    time::timeout,
};
use url::Host;

/// How long the look-up of a name may take: resolvers give up after ten seconds by default.
const MAX_LOOKUP: Duration = Duration::from_secs(15);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name has no address.
    #[error(
        "service.{key}: cannot resolve `{name}`: {cause}; expected a name or an address of this machine, such as \
         localhost or 127.0.0.1"
    )]
    Unresolved {
        /// The key of the setting.
        key: &'static str,
        /// The name.
        name: String,
        /// What the resolver said.
        cause: String,
    },
    /// The system refused all of its addresses; `cause` is about the last one.
    #[error("service.{key}: cannot listen on {address}: {cause}")]
    Refused {
        /// The key of the setting.
        key: &'static str,
        /// The address.
        address: ListenAddress,
        /// The error of the system.
        cause: io::Error,
    },
}

/// Binds `address`, the value of the setting `key`. If a name has several addresses, the first one that can be bound is
/// used, IPv4 before IPv6.
pub(crate) async fn bind(key: &'static str, address: &ListenAddress) -> Result<TcpListener, BindError> {
    let addresses = match &address.host {
        Host::Ipv4(ip) => vec![SocketAddr::from((*ip, address.port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((*ip, address.port))],
        Host::Domain(name) => {
            resolved(key, name, MAX_LOOKUP, lookup_host((name.as_str(), address.port))).await?
        }
    };
    let bound = TcpListener::bind(addresses.as_slice()).await;
    bound.map_err(|cause| BindError::Refused { key, address: address.clone(), cause })
}

/// The addresses that `look_up` finds for `name` within `limit`, at least one.
async fn resolved(
    key: &'static str,
    name: &str,
    limit: Duration,
    look_up: impl Future<Output = io::Result<impl Iterator<Item = SocketAddr>>>,
) -> Result<Vec<SocketAddr>, BindError> {
    let failed = |cause: String| BindError::Unresolved { key, name: name.to_owned(), cause };
    let found = timeout(limit, look_up)
        .await
        .map_err(|_| failed(format!("no answer within {limit:?}")))?
        .map_err(|error| failed(error.to_string()))?;
    let mut addresses: Vec<_> = found.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const EXPECTED: &str = "; expected a name or an address of this machine, such as localhost or 127.0.0.1";

    #[tokio::test]
    async fn a_name_is_bound_at_one_of_its_addresses() {
        for text in ["localhost:0", "127.0.0.1:0"] {
            let bound = bind("listen", &text.parse().unwrap()).await.unwrap();
            assert!(bound.local_addr().unwrap().ip().is_loopback(), "{text}");
        }
    }

    #[tokio::test]
    async fn ipv4_comes_before_ipv6() {
        let (v6, v4) = ("[::1]:1".parse().unwrap(), "127.0.0.1:1".parse().unwrap());
        let found = resolved("listen", "here", MAX_LOOKUP, ready(Ok([v6, v4].into_iter()))).await;
        assert_eq!(found.unwrap(), [v4, v6]);
    }

    #[tokio::test]
    async fn an_address_in_use_is_named_with_its_key() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let held = std::net::TcpListener::bind(taken).unwrap();
        let address = ListenAddress::of(taken.ip(), held.local_addr().unwrap().port());
        let error = bind("webhook-listen", &address).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("service.webhook-listen: cannot listen on {taken}: Address already in use (os error 98)")
        );
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_an_error_and_so_is_a_resolver_that_does_not_answer() {
        type Found = std::vec::IntoIter<SocketAddr>;
        let told = |error: Result<Vec<SocketAddr>, BindError>| error.unwrap_err().to_string();
        let none = resolved("listen", "nowhere", MAX_LOOKUP, ready(Ok(Found::default()))).await;
        assert_eq!(
            told(none),
            format!("service.listen: cannot resolve `nowhere`: it has no address{EXPECTED}")
        );
        let failed =
            resolved("listen", "nowhere", MAX_LOOKUP, ready(Err::<Found, _>(io::Error::other("unknown"))))
                .await;
        assert_eq!(told(failed), format!("service.listen: cannot resolve `nowhere`: unknown{EXPECTED}"));
        let slow =
            resolved("listen", "nowhere", Duration::from_millis(10), pending::<io::Result<Found>>()).await;
        assert_eq!(
            told(slow),
            format!("service.listen: cannot resolve `nowhere`: no answer within 10ms{EXPECTED}")
        );
    }
}
