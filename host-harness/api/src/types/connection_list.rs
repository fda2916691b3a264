//! Which connections are listed.

use host_service::connections::health::ConnectionQuery;
use host_store::{connections::ConnectionFilter, grant::KeyReach};
use serde::{Deserialize, Deserializer, de::IntoDeserializer as _};
use utoipa::IntoParams;

use super::{health::HealthState, page::PageLimit};

/// Filters of the list of connections.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ConnectionListQuery {
    /// Only connections of this tenant.
    pub tenant: Option<String>,
    /// Only connections that use this plugin.
    pub plugin: Option<String>,
    /// Only connections in one of these states, with commas between them, such as `paused,parked`.
    #[serde(default, deserialize_with = "comma_separated")]
    #[param(value_type = Option<String>)]
    pub health: Vec<HealthState>,
    /// Only connections whose key sorts after this one: the last one of the previous page.
    pub after: Option<String>,
    /// Maximum number of results.
    #[serde(default)]
    #[param(inline)]
    pub limit: PageLimit<1000, 1000>,
}

impl ConnectionListQuery {
    /// The query of those that belong to `reach`.
    pub(crate) fn of_reach(self, reach: KeyReach) -> ConnectionQuery {
        let Self { tenant, plugin, health, after, limit } = self;
        ConnectionQuery {
            filter: ConnectionFilter { reach, tenant, plugin, after },
            health: health.into_iter().map(Into::into).collect(),
            limit: limit.0 as usize,
        }
    }
}

/// Reads the states of a query, with commas between them; an empty text is no filter.
fn comma_separated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HealthState>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(|name| HealthState::deserialize(name.into_deserializer())).collect()
}
