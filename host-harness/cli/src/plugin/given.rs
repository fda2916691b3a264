//! The settings that are given with a version, because it requires them.

use clap::Args;
use host_api::types::{
    connections::SecretText,
    given_settings::{ConnectionSettings, GivenSettings},
};

use crate::{failure::Failure, reference::SecretReference};

/// Settings that apply as a version begins to serve.
#[derive(Debug, Args)]
pub(crate) struct GivenOptions {
    /// A setting that the version requires, which applies as it begins to serve: as NAME=VALUE for every connection of the
    /// plugin, or as CONNECTION.NAME=VALUE for one. May be given several times. The API key needs `connections:write`.
    #[arg(long = "setting", value_name = "[CONNECTION.]NAME=VALUE")]
    settings: Vec<String>,
    /// A secret setting that the version requires, by reference: [CONNECTION.]NAME=file:PATH or
    /// [CONNECTION.]NAME=env:VARIABLE. May be given several times.
    #[arg(long = "secret", value_name = "[CONNECTION.]NAME=REFERENCE")]
    secrets: Vec<SecretReference>,
}

impl GivenOptions {
    /// Returns the settings; `None` if there are none.
    pub(super) fn read(&self) -> Result<Option<GivenSettings>, Failure> {
        if self.settings.is_empty() && self.secrets.is_empty() {
            return Ok(None);
        }
        let mut given = GivenSettings::default();
        for typed in &self.settings {
            let (place, value) = typed.split_once('=').filter(|(place, _)| !place.is_empty()).ok_or_else(|| {
                Failure::misused(
                    "--setting: expected NAME=VALUE or CONNECTION.NAME=VALUE, such as newsletter.region=eu",
                )
            })?;
            match of_connection(place) {
                Some((connection, name)) => {
                    values(&mut given, connection).settings.insert(name.to_owned(), value.to_owned())
                }
                None => given.settings.insert(place.to_owned(), value.to_owned()),
            };
        }
        for reference in &self.secrets {
            let read = reference.read().map_err(|wrong| Failure::misused(format!("--secret: {wrong}")));
            let (place, secret) = read?;
            let secret = SecretText::from(secret);
            match of_connection(&place) {
                Some((connection, name)) => {
                    values(&mut given, connection).secrets.insert(name.to_owned(), secret)
                }
                None => given.secrets.insert(place, secret),
            };
        }
        Ok(Some(given))
    }
}

fn values<'a>(given: &'a mut GivenSettings, connection: &str) -> &'a mut ConnectionSettings {
    given.connections.entry(connection.to_owned()).or_default()
}

/// The connection and the name in `place`; `None` if it is a name alone. Keys of connections have no dots.
fn of_connection(place: &str) -> Option<(&str, &str)> {
    place.split_once('.').filter(|(connection, name)| !connection.is_empty() && !name.is_empty())
}
