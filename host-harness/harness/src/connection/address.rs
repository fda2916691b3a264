//! Addresses that are never allowed as destinations: a permitted *name* may still resolve to the metadata service or
//! the internal network. Every address is checked here, and the connection is made to the checked address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Which addresses a connection may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The public internet, over TLS.
    #[default]
    Public,
    /// The public internet and this machine, over TLS.
    PublicAndLoopback,
    /// Only this machine, over plain HTTP, which is allowed nowhere else.
    Loopback,
}

impl Reach {
    /// Returns why `address` is not allowed, or `None` if it is.
    pub fn refusal(self, address: IpAddr) -> Option<&'static str> {
        let address = unwrapped(address);
        match (address.is_loopback(), self) {
            (true, Self::Public) => Some("loopback"),
            (true, _) => None,
            (false, Self::Loopback) => Some("not loopback, and plain HTTP is only allowed to loopback"),
            (false, _) => match address {
                IpAddr::V4(v4) => special_v4(v4),
                IpAddr::V6(v6) => special_v6(v6),
            },
        }
    }
}

/// Converts an IPv4 address in IPv6 form (mapped, or through NAT64) to the IPv4 address that packets reach.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// IANA's special-purpose IPv4 registry, plus multicast.
const SPECIAL_V4: [(Ipv4Net, &str); 16] = [
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local, used for cloud metadata"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 31, 196, 0, 24), "AS112"),
    (v4(192, 52, 193, 0, 24), "AMT"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 3), "multicast or reserved"),
];

/// Ranges within global unicast that are not allowed; everything outside global unicast is not allowed either.
const SPECIAL_V6: [(Ipv6Net, &str); 5] = [
    (v6(0x2001, 0, 23), "protocol assignments, including Teredo"),
    (v6(0x2001, 0xdb8, 32), "documentation"),
    (v6(0x2002, 0, 16), "6to4, which wraps an IPv4 address"),
    (v6(0x2620, 0x4f, 32), "AS112"),
    (v6(0x3fff, 0, 20), "documentation"),
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 3);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if !GLOBAL_UNICAST.contains(&address) {
        return Some("not global unicast");
    }
    SPECIAL_V6.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reach: Reach, address: &str) -> bool {
        reach.refusal(address.parse().unwrap()).is_some()
    }

    const PUBLIC: [&str; 8] = [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "172.32.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "64:ff9b::101:101",
    ];

    const SPECIAL: [&str; 48] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::2",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:192.168.1.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:1:2::3",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:a00:1::1",
        "2620:4f:8000::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];

    const LOOPBACK: [&str; 5] =
        ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"];

    #[test]
    fn public_addresses_are_within_reach() {
        for address in PUBLIC {
            assert!(!refused(Reach::Public, address), "{address}");
            assert!(!refused(Reach::PublicAndLoopback, address), "{address}");
        }
    }

    #[test]
    fn special_addresses_are_never_reachable() {
        for address in SPECIAL {
            for reach in [Reach::Public, Reach::PublicAndLoopback, Reach::Loopback] {
                assert!(refused(reach, address), "{address} {reach:?}");
            }
        }
    }

    #[test]
    fn loopback_is_reached_only_if_it_is_allowed_and_plain_http_reaches_nothing_else() {
        for address in LOOPBACK {
            assert!(refused(Reach::Public, address), "{address}");
            assert!(!refused(Reach::PublicAndLoopback, address), "{address}");
            assert!(!refused(Reach::Loopback, address), "{address}");
        }
        for address in PUBLIC {
            assert!(refused(Reach::Loopback, address), "{address}");
        }
    }
}
