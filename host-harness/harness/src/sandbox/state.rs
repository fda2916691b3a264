//! The state of one call: the `T` of its store.
//! Tested in `tests/all/limits`.

use std::sync::Arc;

use tokio::time::Instant;
use wasmtime::ResourceLimiter;

use super::{
    handed::TransferBudget, host_time::HostTime, masks::Masks, meter::Meter, people_search::PeopleSearch,
};
use crate::{
    connection::{CallLimits, Connection},
    egress::{Declaration, Egress, Trace},
};
use host_model::contract::Interface;

/// Everything that a call may access through the contract's imports.
pub(crate) struct Access {
    pub(crate) interface: Interface,
    pub(crate) connection: Arc<Connection>,
    pub(crate) declaration: Arc<Declaration>,
    pub(crate) egress: Arc<Egress>,
    pub(crate) trace: Option<Trace>,
    pub(crate) deadline: Instant,
    /// Finds the people of the call in its requests.
    pub(crate) people: PeopleSearch,
    /// The masks for the call's texts.
    pub(crate) masks: Arc<Masks>,
    /// The placeholder for an accepted token in the current delivery, if any.
    pub(crate) accepted_placeholder: Option<String>,
}

/// The state of one call.
pub(crate) struct CallState {
    pub(crate) bounds: MemoryBounds,
    /// `None` while a plugin describes itself, when every import is refused.
    pub(crate) access: Option<Access>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) host_time: HostTime,
    pub(crate) handed: TransferBudget,
    pub(crate) requests_allowed: u32,
    pub(crate) log: LogQuota,
}

impl CallState {
    pub(crate) fn new(limits: &CallLimits, access: Option<Access>, meter: Arc<Meter>) -> Self {
        Self {
            bounds: MemoryBounds {
                memory_left: limits.memory_bytes,
                table_left: limits.table_elements,
                memories: limits.memories as usize,
                core_instances: limits.core_instances as usize,
                tables: limits.tables as usize,
                meter: Arc::clone(&meter),
            },
            access,
            meter,
            host_time: HostTime::default(),
            handed: TransferBudget::new(limits),
            requests_allowed: limits.requests,
            log: LogQuota {
                lines_left: limits.log_lines,
                line_bytes: limits.log_line_bytes,
                bytes_left: limits.log_bytes,
                dropped: 0,
            },
        }
    }

    /// Returns what the call may access. While a plugin describes itself, any access ends the call.
    pub(crate) fn access(&mut self, import: &'static str) -> wasmtime::Result<&mut Access> {
        self.access
            .as_mut()
            .ok_or_else(|| wasmtime::format_err!("describe used the import {import}, but must not use any"))
    }
}

impl Drop for CallState {
    fn drop(&mut self) {
        if let Some(access) = self.access.as_ref().filter(|_| self.log.dropped > 0) {
            tracing::warn!(
                tenant = %access.connection.tenant,
                connection = access.connection.key,
                dropped = self.log.dropped,
                "guest exceeded its log quota"
            );
        }
    }
}

/// The remaining log quota of a call.
pub(crate) struct LogQuota {
    pub(crate) lines_left: u32,
    pub(crate) line_bytes: usize,
    pub(crate) bytes_left: usize,
    pub(crate) dropped: u64,
}

/// Limits on the total of all memories and tables of a call: wasmtime's own limits apply to each separately.
pub(crate) struct MemoryBounds {
    memory_left: usize,
    table_left: usize,
    memories: usize,
    core_instances: usize,
    tables: usize,
    meter: Arc<Meter>,
}

impl ResourceLimiter for MemoryBounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let allowed = take(&mut self.memory_left, more);
        if allowed {
            self.meter.grown(more);
        } else {
            self.meter.memory_refused();
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = take(&mut self.table_left, desired.saturating_sub(current));
        if !allowed {
            self.meter.memory_refused();
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

fn take(left: &mut usize, amount: usize) -> bool {
    match left.checked_sub(amount) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
