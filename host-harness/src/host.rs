//! The host: every plugin and connection of a configuration, ready for calls.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use crate::{
    clock::{Clock, SystemClock},
    config::{Config, PluginSource, UnknownConnection},
    connection::ConnectionSpec,
    egress::{DryRun, Egress, Network, Transport},
    engine::{Engine, PoolSize},
    plugin::{LoadError, LoadPolicy, Plugin, Slot, SwapError, WatchError, Watched, watch},
    sandbox::{Calls, Room, Turns},
};

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine refused its configuration, mostly for want of address space.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// A plugin's file cannot be read.
    #[error("plugin {plugin}: cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The plugin's name.
        plugin: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A plugin does not load.
    #[error("plugin {plugin}: {cause}")]
    Load {
        /// The plugin's name.
        plugin: String,
        /// Why.
        cause: LoadError,
    },
    /// A plugin's connections do not suit it.
    #[error("plugin {plugin}: {cause}")]
    Connections {
        /// The plugin's name.
        plugin: String,
        /// Why.
        cause: SwapError,
    },
    /// A plugin's file cannot be watched.
    #[error("plugin {plugin}: {cause}")]
    Watch {
        /// The plugin's name.
        plugin: String,
        /// Why.
        cause: WatchError,
    },
}

/// Plugins and connections, ready for calls; lives as long as the process.
pub struct Host {
    engine: Arc<Engine>,
    room: Arc<Room>,
    turns: Arc<Turns>,
    egress: Arc<Egress>,
    slots: BTreeMap<String, Arc<Slot>>,
    plugin_of: HashMap<String, String>,
    _watched: Vec<Watched>,
}

impl Host {
    /// Loads every plugin of `config` and resolves its connections; requests go out to the network.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Arc::new(Network::default()), Arc::new(SystemClock::default())).await
    }

    /// The same, with another way out and another clock.
    pub async fn start_with(
        config: Config,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let engine =
            Engine::new(pool_size(&config)).map_err(|error| StartError::Engine(format!("{error:#}")))?;
        let engine = Arc::new(engine);
        let room = Arc::new(Room::new(&engine, config.host.tenant_concurrent_calls as usize));
        let plugin_of = config.connections.iter().map(|c| (c.key.clone(), c.plugin.clone())).collect();
        let (mut slots, mut watched) = (BTreeMap::new(), Vec::new());
        for (name, source) in &config.plugins {
            let specs = config.connections.iter().filter(|spec| spec.plugin == *name).cloned().collect();
            let slot = Arc::new(fill(&engine, name, source, specs).await?);
            if source.watch {
                let watching = watch(&source.path, Arc::clone(&engine), source.policy, Arc::clone(&slot));
                watched.push(watching.map_err(|cause| StartError::Watch { plugin: name.clone(), cause })?);
            }
            slots.insert(name.clone(), slot);
        }
        let turns = Arc::new(Turns::new(Arc::clone(&clock)));
        let egress = Arc::new(Egress::by_clock(transport, clock));
        Ok(Self { engine, room, turns, egress, slots, plugin_of, _watched: watched })
    }

    /// The calls of a connection, on the plugin version that is current now.
    pub fn connection(&self, key: &str) -> Result<Calls, UnknownConnection> {
        let generation =
            self.plugin_of.get(key).and_then(|plugin| self.slots.get(plugin)).map(|slot| slot.current());
        let found = generation.as_ref().and_then(|generation| {
            generation.connection(key).map(|connection| (generation.plugin(), connection))
        });
        let Some((plugin, connection)) = found else {
            return Err(UnknownConnection::among(key, self.plugin_of.keys().map(String::as_str)));
        };
        Ok(Calls {
            engine: Arc::clone(&self.engine),
            room: Arc::clone(&self.room),
            turns: Arc::clone(&self.turns),
            plugin: Arc::clone(plugin),
            connection: Arc::clone(connection),
            egress: Arc::clone(&self.egress),
            trace: None,
        })
    }

    /// Where the plugin of that name stands, to look at or to swap.
    pub fn plugin(&self, name: &str) -> Option<&Arc<Slot>> {
        self.slots.get(name)
    }

    /// Loads a component, to put it in a [`Slot`] of this host.
    pub async fn load(&self, bytes: Vec<u8>, policy: &LoadPolicy) -> Result<Plugin, LoadError> {
        Plugin::load(&self.engine, bytes, policy).await
    }
}

/// A way out that reads for real and writes nothing: what a dry run goes through.
pub fn dry_run() -> Arc<Egress> {
    Arc::new(Egress::new(Arc::new(DryRun(Network::default()))))
}

async fn fill(
    engine: &Arc<Engine>,
    name: &str,
    source: &PluginSource,
    specs: Vec<ConnectionSpec>,
) -> Result<Slot, StartError> {
    let bytes = tokio::fs::read(&source.path).await.map_err(|cause| StartError::Unreadable {
        plugin: name.to_owned(),
        path: source.path.clone(),
        cause,
    })?;
    let plugin = Plugin::load(engine, bytes, &source.policy)
        .await
        .map_err(|cause| StartError::Load { plugin: name.to_owned(), cause })?;
    Slot::new(plugin, specs).map_err(|cause| StartError::Connections { plugin: name.to_owned(), cause })
}

/// The pool's memories are as large as the most generous connection allows.
fn pool_size(config: &Config) -> PoolSize {
    let default = crate::connection::CallLimits::default().memory_bytes;
    let memory_bytes =
        config.connections.iter().map(|spec| spec.limits.memory_bytes).fold(default, usize::max);
    PoolSize { calls: config.host.concurrent_calls, memory_bytes }
}
