//! The sandbox in which a call runs.
//! Tested in `tests/all/limits`.

use std::sync::Arc;

use wasmtime::{
    Store, UpdateDeadline,
    component::{Instance, InstancePre},
};

use super::{
    meter::Meter,
    state::{Access, CallState},
    ticks::TICK,
};
use crate::connection::CallLimits;

/// A new store and instance of a plugin. The only place where anything is instantiated.
pub(crate) struct Sandbox {
    pub(crate) store: Store<CallState>,
    pub(crate) instance: Instance,
}

impl Sandbox {
    /// Begins a call. The deadline is set before the instance's own start code runs.
    pub(crate) async fn begin(
        plugin: &InstancePre<CallState>,
        limits: &CallLimits,
        access: Option<Access>,
        meter: Arc<Meter>,
    ) -> wasmtime::Result<Self> {
        let mut store = Store::new(plugin.engine(), CallState::new(limits, access, meter));
        store.limiter(|state| &mut state.bounds);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        let mut ticks_left = ticks(limits.cpu_ms);
        store.call_hook(|mut store, border| {
            store.data_mut().host_time.passes(border);
            Ok(())
        });
        // Each tick during which the guest computes costs one. A wait in a host function costs at most one, whatever
        // its length. Computing time of the host for the guest is added.
        store.epoch_deadline_callback(move |mut store| {
            let host_time = &mut store.data_mut().host_time;
            // Other tasks may run before this one continues.
            host_time.pause();
            let used = 1 + host_time.charge();
            ticks_left = ticks_left.saturating_sub(used);
            store.data().meter.computed(used);
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
