//! What an API key grants: the data that it reaches, its scopes, and the hosts to which its requests may report.
//! Tested in `src/api_keys.rs`.

use std::collections::BTreeSet;

use host_model::scope::Scopes;
use serde_json::json;
use sqlx::{FromRow, Row, any::AnyRow};
use strum::AsRefStr;

use crate::{error::StoreError, mac::RowMessage, placeholders::one_of};

/// Everything that an API key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The data that it may do it with.
    pub reach: KeyReach,
    /// What it may do.
    pub scopes: Scopes,
    /// The hosts that its requests may name in a callback, as `host` or `host:port`.
    pub callback_hosts: BTreeSet<String>,
}

impl Grant {
    /// Creates a grant of `scopes` for all data, or for that of `tenants`.
    pub fn of(tenants: Option<BTreeSet<String>>, scopes: Scopes) -> Self {
        let reach = KeyReach { tenants, connections: None };
        Self { reach, scopes, callback_hosts: BTreeSet::new() }
    }

    /// Returns the parts in which `other` grants more than this. A grant for everything includes every callback host.
    pub fn exceeded_by(&self, other: &Self) -> Vec<GrantPart> {
        let KeyReach { tenants, connections } = &self.reach;
        let may_post_anywhere = self.reach.is_everything();
        let parts = [
            (GrantPart::Scopes, self.scopes.include(&other.scopes)),
            (GrantPart::Tenants, is_within(tenants.as_ref(), other.reach.tenants.as_ref())),
            (GrantPart::Connections, is_within(connections.as_ref(), other.reach.connections.as_ref())),
            (
                GrantPart::CallbackHosts,
                may_post_anywhere || other.callback_hosts.is_subset(&self.callback_hosts),
            ),
        ];
        parts.into_iter().filter(|(_, is_included)| !is_included).map(|(part, _)| part).collect()
    }
}

/// Returns whether the names of `inner` are among those of `outer`. `None` stands for all names.
fn is_within(outer: Option<&BTreeSet<String>>, inner: Option<&BTreeSet<String>>) -> bool {
    outer.is_none_or(|outer| inner.is_some_and(|inner| inner.is_subset(outer)))
}

/// A part of a [`Grant`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, AsRefStr)]
#[strum(serialize_all = "snake_case")]
pub enum GrantPart {
    /// What it may do.
    Scopes,
    /// The tenants that it can access.
    Tenants,
    /// The connections that it can access.
    Connections,
    /// The hosts that its requests may name in a callback.
    CallbackHosts,
}

/// The data that an API key can access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyReach {
    /// Only that of these tenants; `None` for all.
    pub tenants: Option<BTreeSet<String>>,
    /// Only that of the connections with these keys, whose tenants are named; `None` for all, and for what does not belong
    /// to a connection.
    pub connections: Option<BTreeSet<String>>,
}

impl KeyReach {
    /// Creates the reach of everything of `tenant`.
    pub fn of_tenant(tenant: &str) -> Self {
        Self { tenants: Some(BTreeSet::from([tenant.to_owned()])), connections: None }
    }

    /// Returns whether it includes everything of `tenant`, not only of one of its connections.
    pub fn includes_tenant(&self, tenant: &str) -> bool {
        self.connections.is_none() && self.includes_some_of(tenant)
    }

    /// Returns whether it may include something of `tenant`. Connections without their tenants include nothing: the key of
    /// a deleted connection can be used again by another tenant.
    pub fn includes_some_of(&self, tenant: &str) -> bool {
        match &self.tenants {
            Some(tenants) => tenants.contains(tenant),
            None => self.connections.is_none(),
        }
    }

    /// Returns whether it includes the connection `key` of `tenant`.
    pub fn includes(&self, tenant: &str, key: &str) -> bool {
        self.includes_some_of(tenant) && self.connections.as_ref().is_none_or(|keys| keys.contains(key))
    }

    /// Returns whether it includes all that `other` includes.
    pub fn includes_all_of(&self, other: &Self) -> bool {
        is_within(self.tenants.as_ref(), other.tenants.as_ref())
            && is_within(self.connections.as_ref(), other.connections.as_ref())
    }

    /// Returns whether it includes the data of all tenants.
    pub fn is_everything(&self) -> bool {
        self.tenants.is_none() && self.connections.is_none()
    }

    /// Returns the SQL condition that a row belongs to it, whose [`values`](Self::values) are bound from `first` on.
    pub(crate) fn condition(&self, tenant: &str, connection: &str, first: usize) -> String {
        if self.tenants.is_none() && self.connections.is_some() {
            return "FALSE".to_owned();
        }
        let any = || "TRUE".to_owned();
        let count = self.tenants.as_ref().map_or(0, BTreeSet::len);
        let of_tenants = self.tenants.as_ref().map_or_else(any, |all| one_of(tenant, first, all.len()));
        let of_connections =
            self.connections.as_ref().map_or_else(any, |all| one_of(connection, first + count, all.len()));
        format!("({of_tenants} AND {of_connections})")
    }

    /// Returns the values of the [`condition`](Self::condition), in order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &String> {
        let connections = self.connections.iter().filter(|_| self.tenants.is_some()).flatten();
        self.tenants.iter().flatten().chain(connections)
    }
}

/// The columns of a grant in the table of API keys. Lists are JSON.
pub(crate) struct GrantColumns {
    pub(crate) tenants: Option<String>,
    /// 1 if all areas may be written. 0 if they may only be read, or if `scopes` lists what may be done.
    pub(crate) may_write: i64,
    pub(crate) connections: Option<String>,
    pub(crate) scopes: Option<String>,
    pub(crate) callback_hosts: Option<String>,
}

impl GrantColumns {
    /// The names of the columns.
    pub(crate) const NAMES: &str = "tenants, may_write, connections, scopes, callback_hosts";

    pub(crate) fn of(Grant { reach, scopes, callback_hosts }: &Grant) -> Self {
        let list = |list: &BTreeSet<String>| json!(list).to_string();
        let only = match scopes {
            Scopes::All | Scopes::ReadAll => None,
            Scopes::Only(scopes) => Some(json!(scopes).to_string()),
        };
        Self {
            tenants: reach.tenants.as_ref().map(list),
            may_write: i64::from(*scopes == Scopes::All),
            connections: reach.connections.as_ref().map(list),
            scopes: only,
            callback_hosts: (!callback_hosts.is_empty()).then(|| list(callback_hosts)),
        }
    }

    /// Adds the columns to the message of a key. Those of schema 9 are left out if they are all null, so that the code
    /// of a key of an earlier schema stays valid.
    pub(crate) fn authenticated(&self, message: RowMessage, created_at: i64) -> RowMessage {
        let bytes = |column: &'_ Option<String>| column.clone().map(String::into_bytes);
        let message =
            message.optional(bytes(&self.tenants).as_deref()).number(self.may_write).number(created_at);
        let later = [&self.connections, &self.scopes, &self.callback_hosts];
        if later.iter().all(|column| column.is_none()) {
            return message;
        }
        later.into_iter().fold(message, |message, column| message.optional(bytes(column).as_deref()))
    }
}

impl<'r> FromRow<'r, AnyRow> for Grant {
    fn from_row(row: &'r AnyRow) -> Result<Self, sqlx::Error> {
        let list = |column: &str| -> Result<Option<BTreeSet<String>>, sqlx::Error> {
            let text: Option<String> = row.try_get(column)?;
            text.map(|text| read(column, &text)).transpose()
        };
        let only: Option<String> = row.try_get("scopes")?;
        let may_write: i64 = row.try_get("may_write")?;
        let scopes = match only {
            Some(text) => Scopes::Only(read("scopes", &text)?),
            None if may_write != 0 => Scopes::All,
            None => Scopes::ReadAll,
        };
        let reach = KeyReach { tenants: list("tenants")?, connections: list("connections")? };
        Ok(Self { reach, scopes, callback_hosts: list("callback_hosts")?.unwrap_or_default() })
    }
}

fn read<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| {
        let why = StoreError::Unreadable(format!("an API key's {column}: {error}"));
        sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(why) }
    })
}
