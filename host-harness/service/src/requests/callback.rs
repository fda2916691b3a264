//! Where a caller may have the end of a request posted.

use std::collections::BTreeSet;

use host_harness::connection::Reach;
use url::{Host, Url};

/// The maximum length of an address: browsers and proxies accept no longer ones.
const MAX_URL_CHARS: usize = 2_048;

/// An address that an API key allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackUrl {
    url: Url,
    reach: Reach,
}

/// Why an address is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefused {
    /// It is not an address that can be posted to.
    #[error(
        "expected an address such as https://privacy.example.com/ends, without user, password, query and fragment, of at \
         most {MAX_URL_CHARS} characters"
    )]
    NotAnAddress,
    /// The API key does not allow the host.
    #[error("the API key does not allow callbacks to {host}: create one with --callback-host {host}")]
    HostNotAllowed {
        /// The host, with its port if it is not the scheme's usual one.
        host: String,
    },
    /// The address is in a range that is never posted to.
    #[error("the address {address} is not allowed ({why})")]
    Address {
        /// The address.
        address: String,
        /// Why it is not allowed.
        why: &'static str,
    },
}

impl CallbackUrl {
    /// Parses `text`, whose host must be one of `hosts`. HTTPS reaches public addresses, plain HTTP only this machine.
    pub fn parse(text: &str, hosts: &BTreeSet<String>) -> Result<Self, CallbackRefused> {
        let url = Url::parse(text).map_err(|_| CallbackRefused::NotAnAddress)?;
        let reach = match url.scheme() {
            "https" => Reach::Public,
            "http" => Reach::Loopback,
            _ => return Err(CallbackRefused::NotAnAddress),
        };
        // Addresses are shown to everyone who may see the request, so they carry no secret.
        let has_secret = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        let is_bare = !has_secret && url.fragment().is_none();
        if !is_bare || text.chars().count() > MAX_URL_CHARS {
            return Err(CallbackRefused::NotAnAddress);
        }
        let host = url.host().ok_or(CallbackRefused::NotAnAddress)?;
        let named = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        if !hosts.iter().any(|allowed| is_at(&url, allowed)) {
            return Err(CallbackRefused::HostNotAllowed { host: named });
        }
        let literal = match host {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(name) if reach == Reach::Loopback && name != "localhost" => {
                let why = "plain HTTP is only allowed to this machine";
                return Err(CallbackRefused::Address { address: name.to_owned(), why });
            }
            Host::Domain(_) => None,
        };
        if let Some((address, why)) = literal.and_then(|address| Some((address, reach.refusal(address)?))) {
            return Err(CallbackRefused::Address { address: address.to_string(), why });
        }
        Ok(Self { url, reach })
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The addresses that its name may have.
    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }
}

/// Whether `url` leads to `allowed`, a `host` with the scheme's usual port or a `host:port`, in any spelling.
fn is_at(url: &Url, allowed: &str) -> bool {
    let Ok(allowed) = Url::parse(&format!("{}://{allowed}", url.scheme())) else { return false };
    allowed.host() == url.host() && allowed.port_or_known_default() == url.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, hosts: &[&str]) -> Result<Reach, CallbackRefused> {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        CallbackUrl::parse(text, &hosts).map(|url| url.reach())
    }

    #[test]
    fn only_the_hosts_of_the_key_are_allowed_with_their_port() {
        let hosts = &[
            "privacy.example.com",
            "127.0.0.1:8080",
            "[0:0::1]:9",
            "other.example.com:8443",
            "usual.example.com:443",
            "localhost:7",
        ];
        for (url, reach) in [
            ("https://privacy.example.com/ends", Reach::Public),
            ("https://PRIVACY.example.com:443/", Reach::Public),
            ("https://usual.example.com/", Reach::Public),
            ("http://localhost:7/", Reach::Loopback),
            ("https://other.example.com:8443/", Reach::Public),
            ("http://127.0.0.1:8080/ends", Reach::Loopback),
            ("http://0x7f.1:8080/ends", Reach::Loopback),
            ("http://[::1]:9/", Reach::Loopback),
        ] {
            assert_eq!(parsed(url, hosts), Ok(reach), "{url}");
        }
        for (url, host) in [
            ("https://privacy.example.com:8443/", "privacy.example.com:8443"),
            ("https://other.example.com/", "other.example.com"),
            ("https://privacy.example.com.evil.example/", "privacy.example.com.evil.example"),
            ("http://127.0.0.1/", "127.0.0.1"),
        ] {
            assert_eq!(
                parsed(url, hosts),
                Err(CallbackRefused::HostNotAllowed { host: host.to_owned() }),
                "{url}"
            );
        }
    }

    #[test]
    fn an_address_in_a_special_range_is_refused_even_if_the_key_names_it() {
        for (url, host, why) in [
            ("https://169.254.169.254/", "169.254.169.254", "link-local, used for cloud metadata"),
            ("https://127.0.0.1/", "127.0.0.1", "loopback"),
            ("https://10.0.0.1/", "10.0.0.1", "private"),
            (
                "http://privacy.example.com/",
                "privacy.example.com",
                "plain HTTP is only allowed to this machine",
            ),
            ("http://10.0.0.1/", "10.0.0.1", "not loopback, and plain HTTP is only allowed to loopback"),
        ] {
            let expected = CallbackRefused::Address { address: host.to_owned(), why };
            assert_eq!(parsed(url, &[host]), Err(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        let long = format!("https://privacy.example.com/{}", "x".repeat(MAX_URL_CHARS));
        for url in [
            "",
            "privacy.example.com",
            "ftp://privacy.example.com/",
            "file:///etc/passwd",
            "https://user@privacy.example.com/",
            "https://:password@privacy.example.com/",
            "https://privacy.example.com/#part",
            "https://privacy.example.com/?token=t",
            &long,
        ] {
            assert_eq!(parsed(url, &["privacy.example.com"]), Err(CallbackRefused::NotAnAddress), "{url}");
        }
    }
}
