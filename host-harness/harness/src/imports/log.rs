//! `log.write`: log lines for the operator, limited by a quota, escaped, and with the connection's secrets and the
//! person's identifiers masked.
//! Tested in `tests/all/limits/data.rs`.

use crate::{bindings::contract::log, sandbox::state::CallState};
use host_model::text;

impl log::Host for CallState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.handed.count(message.len())?;
        if self.log.lines_left == 0 || self.log.bytes_left == 0 {
            self.log.dropped += 1;
            return Ok(());
        }
        let room = self.log.line_bytes.min(self.log.bytes_left);
        let access = self.access("log.write")?;
        // Masked before truncation: half a secret would not be found.
        let line = text::escaped_within(&access.masks.text(&message), room);
        let (tenant, connection) = (&access.connection.tenant, access.connection.key.as_str());
        let interface = access.interface.as_ref();
        match level {
            log::Level::Debug => tracing::debug!(%tenant, connection, interface, "guest: {line}"),
            log::Level::Info => tracing::info!(%tenant, connection, interface, "guest: {line}"),
            log::Level::Warn => tracing::warn!(%tenant, connection, interface, "guest: {line}"),
            log::Level::Error => tracing::error!(%tenant, connection, interface, "guest: {line}"),
        }
        self.log.lines_left -= 1;
        self.log.bytes_left -= line.len().min(self.log.bytes_left);
        Ok(())
    }
}
