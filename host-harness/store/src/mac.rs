//! Message authentication codes for rows. Without the master key, write access to the database file is not enough to
//! create a row that grants something, or to extend what a row grants. A row that is put back from an older copy of the
//! same database is still valid.
//!
//! Layout: a version byte, then HMAC-SHA256 under a key derived from the master key. The message is the name of the kind
//! of row and its columns, each with a tag for its presence and its length, so that no two rows have the same message.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    columns::column,
    keyed::{KEY_BYTES, hmac, keyed},
};

/// The first byte of a code: the layout of the message and its algorithm.
const VERSION: u8 = 1;

/// A row's message authentication code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMac(pub(crate) Vec<u8>);

column!(Option<RowMac>: Option<Vec<u8>>, |mac| Ok(mac.map(RowMac)));

/// The key of all codes.
#[derive(Clone)]
pub(crate) struct MacKey(Zeroizing<[u8; KEY_BYTES]>);

impl MacKey {
    /// Derives the key from the master key.
    pub(crate) fn of(master: &[u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(keyed(master, &[b"row authentication"])))
    }

    /// Begins the message of a row of this kind.
    pub(crate) fn row(&self, kind: &str) -> RowMessage {
        let message = RowMessage(hmac(&self.0));
        message.text(kind)
    }
}

/// The message of a row, column by column.
#[must_use]
pub(crate) struct RowMessage(Hmac<Sha256>);

impl RowMessage {
    /// Adds a column, which may be `NULL`.
    pub(crate) fn optional(mut self, column: Option<&[u8]>) -> Self {
        let Some(column) = column else {
            self.0.update(&[0]);
            return self;
        };
        self.0.update(&[1]);
        self.0.update(&(column.len() as u64).to_be_bytes());
        self.0.update(column);
        self
    }

    /// Adds a column of bytes.
    pub(crate) fn bytes(self, column: &[u8]) -> Self {
        self.optional(Some(column))
    }

    /// Adds a column of text.
    pub(crate) fn text(self, column: &str) -> Self {
        self.bytes(column.as_bytes())
    }

    /// Adds a column with a number.
    pub(crate) fn number(self, column: i64) -> Self {
        self.bytes(&column.to_be_bytes())
    }

    /// Adds a column with a number, which may be `NULL`.
    pub(crate) fn optional_number(self, column: Option<i64>) -> Self {
        match column {
            Some(number) => self.number(number),
            None => self.optional(None),
        }
    }

    /// Returns the code of the message.
    pub(crate) fn mac(self) -> RowMac {
        let code: [u8; 32] = self.0.finalize().into_bytes().into();
        RowMac([&[VERSION][..], &code].concat())
    }

    /// Returns whether `mac` is the code of the message. Takes the same time wherever they differ.
    pub(crate) fn matches(self, mac: Option<&RowMac>) -> bool {
        let Some((&VERSION, code)) = mac.and_then(|RowMac(mac)| mac.split_first()) else { return false };
        self.0.verify_slice(code).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MacKey {
        MacKey::of(&[byte; KEY_BYTES])
    }

    #[test]
    fn a_code_holds_for_one_message_under_one_key_and_uncut() {
        let message = |key: &MacKey| key.row("api-key").text("ops").optional(None).number(17);
        let mac = message(&key(1)).mac();
        assert!(message(&key(1)).matches(Some(&mac)));
        assert!(!message(&key(2)).matches(Some(&mac)));
        assert!(!message(&key(1)).matches(None));
        for cut in 0..mac.0.len() {
            assert!(!message(&key(1)).matches(Some(&RowMac(mac.0[..cut].to_vec()))), "{cut}");
        }
        let other_version = RowMac([&[VERSION + 1][..], &mac.0[1..]].concat());
        assert!(!message(&key(1)).matches(Some(&other_version)));
    }

    #[test]
    fn rows_that_differ_only_in_where_a_column_ends_or_in_null_have_different_codes() {
        let row = || key(1).row("api-key");
        let codes = [
            row().text("ab").text("c").mac(),
            row().text("a").text("bc").mac(),
            row().text("abc").mac(),
            row().text("abc").text("").mac(),
            row().text("abc").optional(None).mac(),
            row().optional(None).text("abc").mac(),
            key(1).row("publication").text("abc").mac(),
        ];
        for (at, code) in codes.iter().enumerate() {
            assert!(!codes[at + 1..].contains(code), "{at}");
        }
    }
}
