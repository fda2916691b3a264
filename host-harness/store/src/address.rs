//! Where a database is: a file of SQLite, or a server of PostgreSQL.

use std::{fmt, net::IpAddr, path::PathBuf};

use host_model::secret::Secret;
use url::Url;

use crate::postgres::route::Route;

/// Where a database is. It prints no password.
#[derive(Clone, Debug)]
pub enum DatabaseAddress {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of PostgreSQL.
    Server(PostgresAddress),
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(address) => write!(f, "{address}"),
        }
    }
}

/// The schemes of URLs of PostgreSQL.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The parameters of a URL that are passed on.
const PARAMETERS: [&str; 9] =
    ["application_name", "dbname", "host", "options", "port", "sslcert", "sslkey", "sslrootcert", "user"];

/// The parameter for TLS.
const TLS: &str = "sslmode";

/// The driver's parameter for the number of statements that it keeps for each connection.
const STATEMENT_CACHE: &str = "statement-cache-capacity";

/// The values of the parameter for TLS. The others of PostgreSQL send in clear text if the server does not offer TLS.
const TLS_MODES: [&str; 4] = ["disable", "require", "verify-ca", "verify-full"];

/// The database of a PostgreSQL server, and how it is reached. It prints no password.
#[derive(Clone)]
pub struct PostgresAddress {
    /// Without the password.
    url: Url,
    password: Option<Secret>,
    route: Route,
}

/// The parameter with settings of a session, which are not kept behind a pooler.
const SETTINGS: &str = "options";

/// Why a URL is not one of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongDatabaseUrl {
    /// It is not a URL.
    #[error("not a URL ({0}): expected one such as postgres://USER@HOST:5432/DATABASE")]
    NotAUrl(url::ParseError),
    /// It names no database.
    #[error("the URL names no database: expected one such as postgres://USER@HOST:5432/DATABASE")]
    NoDatabase,
    /// It contains a password.
    #[error(
        "the URL contains a password, which would be shown where the URL is: remove it, and set \
         `database-password = {{ env = \"NAME\" }}` or `{{ file = \"PATH\" }}`"
    )]
    Password,
    /// It has a parameter that has no effect here.
    #[error("the parameter `{0}` is not supported: expected one of {known}", known = PARAMETERS.join(", "))]
    UnknownParameter(String),
    /// It leads to a pooler and has settings for a session.
    #[error(
        "the parameter `{SETTINGS}` has no effect by way of a pooler: remove it, and set it for the user, such as with \
         `ALTER ROLE name SET search_path = …`"
    )]
    SettingsWithPooler,
    /// It has a mode for TLS that may send in clear text.
    #[error("`sslmode={0}` is not supported: expected one of {known}", known = TLS_MODES.join(", "))]
    TlsMode(String),
}

impl PostgresAddress {
    /// Returns whether `text` is the URL of a PostgreSQL database rather than the path of a file.
    pub fn is_url(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Reads a URL, as PostgreSQL's own programs read it, with its password apart. The connection uses TLS and checks the
    /// server's name, unless the URL says otherwise or the server is on this machine.
    pub fn new(text: &str, password: Option<Secret>) -> Result<Self, WrongDatabaseUrl> {
        let mut url = Url::parse(text).map_err(WrongDatabaseUrl::NotAUrl)?;
        let parameter = |name: &str| url.query_pairs().any(|(key, _)| key == name);
        if url.password().is_some() || parameter("password") {
            return Err(WrongDatabaseUrl::Password);
        }
        if url.path().trim_matches('/').is_empty() && !parameter("dbname") {
            return Err(WrongDatabaseUrl::NoDatabase);
        }
        for (key, value) in url.query_pairs() {
            if key == TLS && !TLS_MODES.contains(&&*value) {
                return Err(WrongDatabaseUrl::TlsMode(value.into_owned()));
            }
            if key != TLS && !PARAMETERS.contains(&&*key) {
                return Err(WrongDatabaseUrl::UnknownParameter(key.into_owned()));
            }
        }
        if !parameter(TLS) {
            let mode = if is_on_this_machine(&url) { "disable" } else { "verify-full" };
            url.query_pairs_mut().append_pair(TLS, mode);
        }
        Ok(Self { url, password, route: Route::Direct })
    }

    /// Says that the URL leads to a pooler such as `PgBouncer`, which gives each transaction any of its connections to the
    /// server. Everything works then, but a query takes two round trips. `PgBouncer` has to be told to ignore a parameter
    /// that the driver sends: `ignore_startup_parameters = extra_float_digits`. Refuses a URL with settings for a session.
    pub fn pooled(self) -> Result<Self, WrongDatabaseUrl> {
        if self.url.query_pairs().any(|(key, _)| key == SETTINGS) {
            return Err(WrongDatabaseUrl::SettingsWithPooler);
        }
        Ok(Self { route: Route::Pooler, ..self })
    }

    /// Returns how the server is reached.
    pub(crate) fn route(&self) -> Route {
        self.route
    }

    /// The URL with the password, for the driver.
    pub(crate) fn with_password(&self) -> String {
        let mut url = self.url.clone();
        if self.route == Route::Pooler {
            url.query_pairs_mut().append_pair(STATEMENT_CACHE, "0");
        }
        if let Some(password) = &self.password {
            url.query_pairs_mut().append_pair("password", password.expose());
        }
        url.into()
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        write!(f, "{url}")
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Returns whether a URL leads to a socket or a loopback address.
fn is_on_this_machine(url: &Url) -> bool {
    let named = url.query_pairs().find(|(key, _)| key == "host").map(|(_, host)| host.into_owned());
    let host = named.or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    // Without a host, the driver uses the socket, or `localhost`.
    host.is_empty()
        || host.starts_with('/')
        || host.starts_with("%2F")
        || host == "localhost"
        || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> PostgresAddress {
        PostgresAddress::new(url, Secret::new("hunter2&/")).unwrap()
    }

    #[test]
    fn a_connection_to_another_machine_uses_tls_unless_the_url_turns_it_off() {
        for (url, mode) in [
            ("postgres://db.example.com/host", "verify-full"),
            ("postgresql://app@10.0.0.2:6432/host", "verify-full"),
            ("postgres://db.example.com/host?sslmode=disable", "disable"),
            ("postgres://db.example.com/host?sslrootcert=/etc/ca.pem&sslmode=verify-ca", "verify-ca"),
            ("postgres://app@127.0.0.1/host", "disable"),
            ("postgres://app@[::1]/host", "disable"),
            ("postgres://localhost/host", "disable"),
            ("postgres:///host?host=/run/postgresql", "disable"),
            ("postgres://%2Frun%2Fpostgresql/host", "disable"),
            ("postgres:///host?host=db.example.com", "verify-full"),
        ] {
            let found = address(url).with_password();
            assert!(found.contains(&format!("sslmode={mode}")), "{url}: {found}");
        }
    }

    #[test]
    fn what_would_be_ignored_or_shown_is_refused() {
        let parameter = |name: &str| WrongDatabaseUrl::UnknownParameter(name.to_owned());
        for (url, refused) in [
            ("postgres://app:secret@host/db", WrongDatabaseUrl::Password),
            ("postgres://app@host/db?password=secret", WrongDatabaseUrl::Password),
            ("postgres://app@host", WrongDatabaseUrl::NoDatabase),
            ("postgres://app@host/", WrongDatabaseUrl::NoDatabase),
            ("postgres://app@host/db?sslmode=prefer", WrongDatabaseUrl::TlsMode("prefer".to_owned())),
            ("postgres://app@host/db?connect_timeout=3", parameter("connect_timeout")),
            ("postgres://app@host:port/db", WrongDatabaseUrl::NotAUrl(url::ParseError::InvalidPort)),
        ] {
            assert_eq!(PostgresAddress::new(url, None).unwrap_err(), refused, "{url}");
        }
    }

    #[test]
    fn by_way_of_a_pooler_no_statement_is_kept_and_no_setting_of_a_session_is_accepted() {
        let pooled = address("postgres://db.example.com:6432/host").pooled().unwrap();
        assert!(
            pooled.with_password().contains("&statement-cache-capacity=0&"),
            "{}",
            pooled.with_password()
        );
        let refused = address("postgres://db.example.com/host?options=-csearch_path%3Dapp").pooled();
        assert_eq!(refused.unwrap_err(), WrongDatabaseUrl::SettingsWithPooler);
    }

    #[test]
    fn an_address_prints_no_password() {
        let address = address("postgres://app@db.example.com:5433/host?application_name=x");
        for printed in [address.to_string(), format!("{address:?}")] {
            assert_eq!(printed, "postgres://app@db.example.com:5433/host");
        }
        assert!(address.with_password().ends_with("&password=hunter2%26%2F"), "{}", address.with_password());
    }
}
