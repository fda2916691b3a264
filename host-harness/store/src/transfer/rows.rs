//! Rows as they are copied, and digests of them.

use sha2::{Digest, Sha256};
use sqlx::{Row as _, any::AnyRow};

use super::tables::{ColumnKind, SharedColumn};
use crate::error::StoreError;

/// The size of a digest.
const DIGEST_BYTES: usize = 32;

/// The values of a row, in the order of its table's columns.
pub(super) struct CopiedRow(pub(super) Vec<CellValue>);

/// A value, typed even if it is missing: PostgreSQL wants to know what is missing.
pub(super) enum CellValue {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl CopiedRow {
    /// Takes the values of these columns from a row that was read.
    pub(super) fn of(row: &AnyRow, columns: &[SharedColumn]) -> Result<Self, StoreError> {
        let cell = |(place, column): (usize, &SharedColumn)| -> Result<CellValue, StoreError> {
            Ok(match column.kind {
                ColumnKind::Integer => CellValue::Integer(row.try_get(place)?),
                ColumnKind::Text => CellValue::Text(row.try_get(place)?),
                ColumnKind::Bytes => CellValue::Bytes(row.try_get(place)?),
            })
        };
        columns.iter().enumerate().map(cell).collect::<Result<_, _>>().map(Self)
    }

    fn digest(&self) -> [u8; DIGEST_BYTES] {
        let mut hash = Sha256::new();
        for cell in &self.0 {
            match cell {
                CellValue::Integer(value) => {
                    update(&mut hash, value.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
                }
                CellValue::Text(value) => update(&mut hash, value.as_deref().map(str::as_bytes)),
                CellValue::Bytes(value) => update(&mut hash, value.as_deref()),
            }
        }
        hash.finalize().into()
    }
}

/// Hashes a value so that no two rows of a table hash the same bytes.
fn update(hash: &mut Sha256, value: Option<&[u8]>) {
    let Some(value) = value else { return hash.update([0]) };
    hash.update([1]);
    hash.update(value.len().to_be_bytes());
    hash.update(value);
}

/// The number of rows, and a digest of them that does not depend on their order: both databases are then read in the order
/// that is fastest. No two rows of a table are the same, so that none cancel each other out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ContentDigest {
    pub(super) rows: i64,
    digest: [u8; DIGEST_BYTES],
}

impl ContentDigest {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &CopiedRow) {
        self.rows += 1;
        for (sum, byte) in self.digest.iter_mut().zip(row.digest()) {
            *sum ^= byte;
        }
    }
}
