//! An entry of the erasure ledger: one line of the file, a MAC in hexadecimal, a space, and JSON.

use serde::{Deserialize, Serialize};

use crate::{
    mac::RowMac,
    seal::{PersonKey, Vault},
};

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LedgerLine {
    /// The number of the line: a database knows the last one that it has written.
    pub(crate) number: i64,
    #[serde(flatten)]
    pub(crate) entry: LedgerEntry,
}

/// What a line records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "what")]
pub(crate) enum LedgerEntry {
    /// The key that the hashes of a tenant's people are made with, sealed with the master key: a backup from before the
    /// tenant's first person does not have it.
    TenantKey {
        tenant: String,
        #[serde(with = "hex")]
        sealed_key: Vec<u8>,
    },
    /// The erasure of a name.
    Erasure(ErasedName),
}

/// A person's name, as a keyed hash, and the end of its erasure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::FromRow)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ErasedName {
    pub(crate) tenant: String,
    /// Which key of the tenant the name is hashed with: see [`key_id`].
    #[sqlx(default)]
    pub(crate) key_id: String,
    pub(crate) connection: String,
    pub(crate) kind: String,
    #[serde(with = "hex")]
    pub(crate) name: Vec<u8>,
    /// When the vendor accepted an erasure; `None` if it never did.
    pub(crate) erased_at: Option<i64>,
    /// When an erasure did not find the person at the vendor; `None` if none did.
    pub(crate) not_found_at: Option<i64>,
}

/// Returns an id of a tenant's key for people, which does not reveal it.
pub(crate) fn key_id(key: &PersonKey) -> String {
    hex::encode(&key.digest(b"erasure ledger")[..8])
}

impl LedgerLine {
    /// Returns the line as text, without a newline. `None` if it cannot be expressed in JSON, which does not happen.
    pub(crate) fn text(&self, vault: &Vault) -> Option<String> {
        let json = serde_json::to_string(self).ok()?;
        let RowMac(mac) = vault.row("erasure ledger").text(&json).mac();
        Some(format!("{} {json}", hex::encode(mac)))
    }

    /// Reads a line. Returns `None` for one that this program did not write with this master key.
    pub(crate) fn read(text: &str, vault: &Vault) -> Option<Self> {
        let (mac, json) = text.split_once(' ')?;
        let mac = RowMac(hex::decode(mac).ok()?);
        let is_authentic = vault.row("erasure ledger").text(json).matches(Some(&mac));
        is_authentic.then(|| serde_json::from_str(json).ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::master_key;

    #[test]
    fn a_line_is_read_as_it_was_written_and_no_other_is() {
        let vault = master_key().vault();
        let key = LedgerEntry::TenantKey { tenant: "acme".to_owned(), sealed_key: vec![1, 2] };
        let erased = LedgerEntry::Erasure(ErasedName {
            tenant: "acme".to_owned(),
            key_id: "00".to_owned(),
            connection: "newsletter".to_owned(),
            kind: "email".to_owned(),
            name: vec![3; 32],
            erased_at: Some(17),
            not_found_at: None,
        });
        for entry in [key, erased] {
            let line = LedgerLine { number: 5, entry };
            let text = line.text(&vault).unwrap();
            assert_eq!(LedgerLine::read(&text, &vault), Some(line));
            for (at, _) in text.char_indices() {
                assert_eq!(LedgerLine::read(&text[..at], &vault), None, "cut at {at}");
            }
            let changed = text.replace("\"acme\"", "\"evil\"");
            assert_eq!(LedgerLine::read(&changed, &vault), None);
        }
    }
}
