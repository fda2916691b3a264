//! How many connections fit into the descriptors of the process, so that clients of the webhooks leave enough for the API, the
//! database and requests to vendors.

use host_service::settings::ServiceConfig;

/// Descriptors beside those of clients and of one request to a vendor for each worker. Some 40 are database, log, components,
/// listeners and runtime; the rest is for calls through the API, posts and look-ups of names.
const RESERVED: usize = 96;

/// With fewer connections a listener is of no use.
const MIN_CONNECTIONS: usize = 8;

/// How many connections each listener holds at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    /// The API's.
    pub(crate) api: usize,
    /// The webhooks' own; 0 if they have none.
    pub(crate) webhooks: usize,
}

/// The process may have fewer descriptors than the service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the process may open {limit} files, expected at least {least}: raise the limit (`ulimit -n`, or `LimitNOFILE=` of a \
     systemd unit) or lower `workers`"
)]
pub struct FewDescriptors {
    /// How many it may have.
    limit: usize,
    /// How many are needed.
    least: usize,
}

/// The caps of `config`, lowered to what the limit of this process has room for. Logs if they are lowered.
pub(crate) fn caps(config: &ServiceConfig) -> Result<Caps, FewDescriptors> {
    let edge = &config.edge;
    let webhooks = config.webhook_listen.map_or(0, |_| edge.max_webhook_connections);
    let configured = Caps { api: edge.max_connections, webhooks };
    let Some(limit) = limit() else { return Ok(configured) };
    let lowered = lowered(configured, RESERVED + config.workers as usize, limit)?;
    if lowered != configured {
        tracing::warn!(
            open_files = limit,
            max_connections = lowered.api,
            max_webhook_connections = lowered.webhooks,
            "fewer connections are accepted than configured, since the process may open so many files; raise its limit"
        );
    }
    Ok(lowered)
}

/// `configured`, or in proportion what fits into `limit` descriptors beside those that are `reserved`.
fn lowered(configured: Caps, reserved: usize, limit: usize) -> Result<Caps, FewDescriptors> {
    let Caps { api, webhooks } = configured;
    let least = Caps { api: api.min(MIN_CONNECTIONS), webhooks: webhooks.min(MIN_CONNECTIONS) };
    let needed = reserved + least.api + least.webhooks;
    if limit < needed {
        return Err(FewDescriptors { limit, least: needed });
    }
    let (room, all) = (limit - reserved, api.saturating_add(webhooks));
    if all <= room {
        return Ok(configured);
    }
    // The API keeps its least, whatever share the webhooks are configured to have.
    let webhooks = (webhooks.saturating_mul(room) / all).clamp(least.webhooks, room - least.api);
    Ok(Caps { api: api.min(room - webhooks), webhooks })
}

#[cfg(unix)]
fn limit() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(unix))]
fn limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 128 descriptors reserved.
    fn of(api: usize, webhooks: usize, limit: usize) -> Result<(usize, usize), FewDescriptors> {
        lowered(Caps { api, webhooks }, 128, limit).map(|Caps { api, webhooks }| (api, webhooks))
    }

    #[test]
    fn the_defaults_fit_into_1024_files_and_are_lowered_in_proportion_for_fewer() {
        let usual = host_service::settings::edge::EdgeConfig::default();
        let (api, webhooks) = (usual.max_connections, usual.max_webhook_connections);
        assert_eq!(of(api, webhooks, 1_024), Ok((api, webhooks)));
        assert_eq!(of(api, webhooks, 256), Ok((43, 85)));
        assert_eq!(of(api, 0, 256), Ok((128, 0)));
        assert_eq!(of(api, u32::MAX as usize, 1_024), Ok((8, 888)), "the API keeps its least");
    }

    #[test]
    fn all_connections_and_what_is_reserved_never_exceed_the_limit() {
        for limit in 128..1_200 {
            for (api, webhooks) in [(256, 512), (1, 1), (1_000, 8), (8, 1_000), (300, 0)] {
                match of(api, webhooks, limit) {
                    Ok((a, w)) => {
                        assert!(128 + a + w <= limit && a <= api && w <= webhooks, "{limit} {a} {w}");
                        assert!(a >= api.min(8) && w >= webhooks.min(8), "{limit} {a} {w}");
                    }
                    Err(few) => assert!(few.limit < few.least, "{few}"),
                }
            }
        }
    }

    #[test]
    fn too_few_files_for_a_service_are_an_error_that_says_how_many_it_needs() {
        assert_eq!(of(256, 512, 143), Err(FewDescriptors { limit: 143, least: 144 }));
        assert_eq!(
            of(256, 512, 64).unwrap_err().to_string(),
            "the process may open 64 files, expected at least 144: raise the limit (`ulimit -n`, or `LimitNOFILE=` of a \
             systemd unit) or lower `workers`"
        );
    }
}
