//! `log.write`: log lines for the operator, limited by a quota, escaped, and with the connection's secrets and the
//! person's identifiers masked.

use crate::{bindings::contract::log, sandbox::state::CallState};

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
        let line = escaped(&access.masks.text(&message), room);
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

/// Escapes control characters, so that a line cannot forge another or change a terminal's colours, and truncates the
/// text to `room` bytes.
fn escaped(text: &str, room: usize) -> String {
    let mut line = String::new();
    for character in text.chars() {
        let start = line.len();
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > room {
            line.truncate(start);
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_line_forges_no_other_and_colours_no_terminal() {
        assert_eq!(escaped("a\nERROR b\u{1b}[31m", 100), r"a\nERROR b\u{1b}[31m");
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(escaped("ééé", 5), "éé");
        assert_eq!(escaped("a\u{1b}", 3), "a");
    }
}
