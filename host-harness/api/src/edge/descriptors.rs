//! How many connections fit into the file descriptors of the process, so that clients of the webhooks leave enough for
//! the API, the database and requests to vendors.

/// Descriptors besides those of clients and of one request to a vendor for each worker. About 40 are for the database,
/// the log, components, listeners and the runtime; the rest is for calls through the API, posts and DNS look-ups.
const RESERVED: usize = 96;

/// With fewer connections, a listener is useless.
const MIN_CONNECTIONS: usize = 8;

/// The maximum number of simultaneous connections of each listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    /// That of the API.
    pub(crate) api: usize,
    /// That of the webhooks; 0 if they have no listener of their own.
    pub(crate) webhooks: usize,
}

/// The process may have fewer descriptors than the service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the process may open {limit} files, but needs at least {least}: raise the limit (`ulimit -n`, or `LimitNOFILE=` \
     of a systemd unit) or lower `workers`"
)]
pub struct FewDescriptors {
    /// The number that it may have.
    limit: usize,
    /// The number that it needs.
    least: usize,
}

/// The `configured` caps, lowered to what fits into the limit of this process beside that many `workers`. Logs a warning
/// if they are lowered.
pub(crate) fn caps(configured: Caps, workers: u32) -> Result<Caps, FewDescriptors> {
    let Some(limit) = limit() else { return Ok(configured) };
    let lowered = lowered(configured, RESERVED + workers as usize, limit)?;
    if lowered != configured {
        tracing::warn!(
            open_files = limit,
            max_connections = lowered.api,
            max_webhook_connections = lowered.webhooks,
            "fewer connections are accepted than configured, because of the limit of open files; raise that limit"
        );
    }
    Ok(lowered)
}

/// `configured`, or proportionally fewer if `limit` descriptors, minus the `reserved` ones, are not enough.
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
    // The API keeps its minimum, regardless of the configured share of the webhooks.
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
        assert_eq!(of(api, u32::MAX as usize, 1_024), Ok((8, 888)), "the API keeps its minimum");
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
            "the process may open 64 files, but needs at least 144: raise the limit (`ulimit -n`, or `LimitNOFILE=` \
             of a systemd unit) or lower `workers`"
        );
    }
}
