//! What the host and the process that compiles for it write to each other: a line of JSON, then bytes. The component
//! follows the request, the compiled code the response.

use serde::{Deserialize, Serialize};

use super::{compatibility::Compatibility, limits::CompileLimits};
use crate::engine::settings::BacktraceDetail;

/// The maximum length of the line. The longest is a compiler's sentence.
pub(super) const MAX_LINE_BYTES: u64 = 64 << 10;

/// What the host asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CompileRequest {
    /// What the process may use.
    pub(super) limits: CompileLimits,
    /// The setting of the host's engine that code depends on.
    pub(super) detail: BacktraceDetail,
    /// The length of the component.
    pub(super) component_bytes: u64,
}

/// How compiling ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CompileResponse {
    /// The code follows.
    Compiled {
        /// What it was compiled for.
        compatibility: Compatibility,
        /// Its length.
        code_bytes: u64,
    },
    /// The compiler refused the component, with this sentence.
    Refused(String),
    /// There was not enough memory.
    OutOfMemory,
}
