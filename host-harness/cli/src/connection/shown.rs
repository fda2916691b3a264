//! Connections as text for people.
//! Tested in `src/tests/server/connections.rs`.

use host_api::types::{
    connections::{Connection, Connections},
    health::HealthState,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    client::ApiResponse,
    exit::Exit,
    output::{CommandOutput, detail, fact_lines, table},
    plugin::pins,
    words::{list as commas, optional, pairs, time, timestamp},
};

/// A table of connections.
pub(super) fn list(width: u16, ApiResponse { value, json }: ApiResponse<Connections>) -> CommandOutput {
    let columns = [
        ("key", None),
        ("tenant", None),
        ("plugin", None),
        ("state", None),
        ("owner", None),
        ("last test", None),
    ];
    let rows = value.connections.iter().map(|connection| {
        let Connection { key, tenant, plugin, .. } = connection.clone();
        vec![key, tenant, plugin, state(connection), owner(connection), tested(connection)]
    });
    let people = table(width, &columns, rows).to_string();
    CommandOutput { people, json, exit: Exit::Done }
}

/// One connection, with a line for each field.
pub(super) fn one(ApiResponse { value: connection, json }: ApiResponse<Connection>) -> CommandOutput {
    let mut lines = vec![fact_lines(&[
        ("connection", connection.key.clone()),
        ("tenant", connection.tenant.clone()),
        ("plugin", connection.plugin.clone()),
        ("version", version(&connection)),
        ("state", state(&connection)),
        ("owner", owner(&connection)),
        ("actions", commas(&connection.actions)),
        ("system", optional(connection.system.as_ref())),
        ("settings", pairs(&connection.settings)),
        ("secrets", pairs(&connection.secrets)),
        ("set aside", commas(&connection.set_aside)),
        ("webhook URL", optional(connection.webhook_url.as_ref())),
        ("egress", beside_defaults(&connection.egress)),
        ("limits", beside_defaults(&connection.limits)),
        ("used", quotas(&connection)),
        ("last test", tested(&connection)),
        ("created", timestamp(connection.created_at)),
        ("changed", timestamp(connection.changed_at)),
    ])];
    let errors = connection.problem.iter().flat_map(|problem| &problem.errors);
    lines.extend(errors.map(|error| format!("  {}{}", error.field, detail(&error.message))));
    CommandOutput { people: lines.join("\n"), json, exit: Exit::Done }
}

/// The members that differ from the defaults, named as in a configuration. Certificates are long, so they are only
/// counted.
fn beside_defaults<T: Serialize + Default>(value: &T) -> String {
    let (value, default) = (json!(value), json!(T::default()));
    let members = value.as_object().into_iter().flatten();
    commas(members.filter(|(name, value)| default.get(name) != Some(value)).map(|(name, value)| {
        let name = name.replace('_', "-");
        match value.as_array().filter(|_| name == "authorities") {
            Some(authorities) => format!("{name} = {}", authorities.len()),
            None => format!("{name} = {value}"),
        }
    }))
}

/// The connection's state, with the reason if it cannot do its work.
fn state(connection: &Connection) -> String {
    let state = match connection.health {
        HealthState::Unusable => "not served".to_owned(),
        HealthState::Disabled => "disabled".to_owned(),
        HealthState::Paused => format!("paused since {}", time(connection.paused_at)),
        HealthState::Parked => format!("parked since {}", time(connection.parked_at)),
        HealthState::Unanswered => "the vendor does not answer".to_owned(),
        HealthState::Ready => "active".to_owned(),
    };
    match &connection.health_why {
        Some(why) => format!("{state}: {why}"),
        None => state,
    }
}

/// What is used of each of the vendor's limits.
fn quotas(connection: &Connection) -> String {
    commas(connection.quotas.iter().map(|quota| {
        let room = quota.room_at.map_or_else(String::new, |at| format!(", room at {}", timestamp(at)));
        format!("{} {} of {}{room}", quota.limit.name, quota.used, quota.limit.requests)
    }))
}

/// The version that serves the connection, and the pin that decides so.
fn version(connection: &Connection) -> String {
    let version = optional(connection.version.as_ref());
    match &connection.pin {
        Some(pin) => {
            format!("{version} pinned for {} since {} by {}", pins::of(pin), timestamp(pin.at), pin.by)
        }
        None => version,
    }
}

fn owner(connection: &Connection) -> String {
    match &connection.file {
        None => "API".to_owned(),
        Some(file) if connection.left_file => format!("{file}, which no longer names it"),
        Some(file) => file.clone(),
    }
}

fn tested(connection: &Connection) -> String {
    let at = time(connection.tested_at);
    match connection.test_passed {
        Some(true) => format!("passed {at}"),
        Some(false) => format!("failed {at}"),
        None => String::new(),
    }
}
