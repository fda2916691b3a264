//! The parts that a component consists of at run time, counted as its limits count them.
//! Tested in `tests/all/load/parts.rs`.

use serde::{Deserialize, Serialize};
use strum::Display;

use crate::connection::CallLimits;

/// A part that is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
pub enum ComponentPart {
    /// Instances of core modules.
    #[strum(to_string = "core instances")]
    CoreInstances,
    /// Linear memories.
    #[strum(to_string = "memories")]
    Memories,
    /// Bytes that all memories together begin with.
    #[strum(to_string = "bytes of memory at its start")]
    MemoryBytes,
    /// Tables.
    #[strum(to_string = "tables")]
    Tables,
    /// Elements that all tables together begin with.
    #[strum(to_string = "table elements at its start")]
    TableElements,
}

impl ComponentPart {
    /// Returns the key of its limit in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::CoreInstances => "limits.core-instances",
            Self::Memories => "limits.memories",
            Self::MemoryBytes => "limits.memory-bytes",
            Self::Tables => "limits.tables",
            Self::TableElements => "limits.table-elements",
        }
    }
}

/// The parts of one instance of a component, with those of its nested components. A module that is instantiated twice
/// counts twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentParts {
    /// Instances of core modules.
    pub core_instances: u64,
    /// Linear memories.
    pub memories: u64,
    /// Bytes that all memories together begin with.
    pub memory_bytes: u64,
    /// Tables.
    pub tables: u64,
    /// Elements that all tables together begin with.
    pub table_elements: u64,
}

impl ComponentParts {
    /// Adds the parts of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.core_instances, other.core_instances),
            (&mut self.memories, other.memories),
            (&mut self.memory_bytes, other.memory_bytes),
            (&mut self.tables, other.tables),
            (&mut self.table_elements, other.table_elements),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    /// Returns the first part of which there are more than `limits` allow, with both numbers.
    pub(super) fn beyond(&self, limits: &CallLimits) -> Option<(ComponentPart, u64, u64)> {
        let size = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        [
            (ComponentPart::CoreInstances, self.core_instances, limits.core_instances.into()),
            (ComponentPart::Memories, self.memories, limits.memories.into()),
            (ComponentPart::MemoryBytes, self.memory_bytes, size(limits.memory_bytes)),
            (ComponentPart::Tables, self.tables, limits.tables.into()),
            (ComponentPart::TableElements, self.table_elements, size(limits.table_elements)),
        ]
        .into_iter()
        .find(|(_, found, allowed)| found > allowed)
    }
}
