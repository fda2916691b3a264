//! One call: a fresh store and instance for one tenant, bounded in every direction, dropped on any end.

mod calls;
mod failure;
mod handed;
mod host_time;
mod masks;
#[cfg(feature = "measure")]
pub mod measure;
mod meter;
mod room;
mod state;
mod turns;

pub use calls::{CallResult, Calls};
pub(crate) use failure::{failure_of, too_slow_to_load};
pub use host_model::failure::{CallFailure, FailureKind};
pub(crate) use masks::{About, Masks};
pub use room::Room;
pub(crate) use state::{Access, CallState};
pub use turns::LONGEST_SETTLING;
pub use turns::Turns;
pub use turns::UNTOLD;

use std::sync::Arc;

use wasmtime::{
    Store, UpdateDeadline,
    component::{Instance, InstancePre},
};

use crate::{
    connection::CallLimits,
    engine::{Engine, TICK},
};
use meter::Meter;

/// A fresh store and instance of `plugin`. The only place where anything is instantiated.
pub(crate) struct Sandbox {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
}

impl Sandbox {
    /// Begins a call; the deadline is armed before the instance's own start code runs.
    pub(crate) async fn begin(
        engine: &Engine,
        plugin: &InstancePre<CallState>,
        limits: &CallLimits,
        access: Option<Access>,
        meter: Arc<Meter>,
    ) -> wasmtime::Result<Self> {
        let mut store = Store::new(engine.wasmtime(), CallState::new(limits, access, meter));
        store.limiter(|state| &mut state.bounds);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        let mut ticks_left = ticks(limits.cpu_ms);
        store.call_hook(|mut store, border| {
            store.data_mut().host_time.passes(border);
            Ok(())
        });
        // Each tick met while the guest computes costs one; a wait in a host function costs one at most, however long.
        // What the host computes for the guest is added.
        store.epoch_deadline_callback(move |mut store| {
            let host_time = &mut store.data_mut().host_time;
            // Other tasks may run before this one goes on.
            host_time.pause();
            ticks_left = ticks_left.saturating_sub(1 + host_time.charge());
            if ticks_left > 0 {
                return Ok(UpdateDeadline::Yield(1));
            }
            store.data().meter.cpu_spent();
            Ok(UpdateDeadline::Interrupt)
        });
        let instance = plugin.instantiate_async(&mut store).await?;
        Ok(Self { store, instance })
    }
}

fn ticks(cpu_ms: u64) -> u64 {
    let tick_ms = u64::try_from(TICK.as_millis()).unwrap_or(1).max(1);
    (cpu_ms / tick_ms).max(1)
}
