//! The addresses that the service listens on.

use std::{fmt, net::IpAddr, str::FromStr};

use url::Host;

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name, such as `localhost`, or an IP address.
    pub host: Host,
    /// The port; 0 for any that is free.
    pub port: u16,
}

/// The text is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "found `{found}`, expected a host and a port, such as \"127.0.0.1:7400\", \"localhost:7400\" or \"[::1]:7400\""
)]
pub struct NotAListenAddress {
    /// As found.
    pub found: String,
}

impl ListenAddress {
    /// The address of `ip` and `port`.
    pub fn of(ip: impl Into<IpAddr>, port: u16) -> Self {
        let host = match ip.into() {
            IpAddr::V4(address) => Host::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        };
        Self { host, port }
    }
}

impl FromStr for ListenAddress {
    type Err = NotAListenAddress;

    fn from_str(text: &str) -> Result<Self, NotAListenAddress> {
        let wrong = || NotAListenAddress { found: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        // `parse` would accept a sign.
        let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
        let host = Host::parse(host).map_err(|_| wrong())?;
        if matches!(&host, Host::Domain(name) if name.contains('*')) {
            return Err(wrong());
        }
        Ok(Self { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_with_a_port_are_read_and_printed_as_they_were_written() {
        for text in
            ["127.0.0.1:7400", "localhost:8080", "[::1]:7400", "host-1.example.com:0", "0.0.0.0:65535"]
        {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_was_found_and_what_is_expected() {
        for text in [
            "",
            ":7400",
            "7400",
            "localhost",
            "localhost:",
            "localhost:+80",
            "localhost:65536",
            "localhost:http",
            "::1:7400",
            "[::1]",
            "http://localhost:7400",
            "*:7400",
            "local host:7400",
            "127.0.0.1:7400/",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>().unwrap_err().to_string(),
                format!(
                    "found `{text}`, expected a host and a port, such as \"127.0.0.1:7400\", \"localhost:7400\" or \
                     \"[::1]:7400\""
                )
            );
        }
    }
}
