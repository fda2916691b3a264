//! Typed columns. The `Any` driver of sqlx reads only numbers, text and bytes, not even JSON.
//! Tested in `src/tests/odd_rows.rs`.
//!
//! A derived row has `#[sqlx(try_from = "Column<T>")]` on a field of type `T`. The conversion happens while decoding,
//! and the `try_from` call itself cannot fail: sqlx 0.9.0 discards the error of a conversion made by `try_from`.
//!
//! Rows of types from `host-model`, which does not depend on sqlx, are decoded by hand where they are used: deriving
//! would require a second struct with the same columns.

use std::str::FromStr;

use host_model::requests::{Action, RequestState, Step};
use serde_json::Value;
use sqlx::{Any, Database, Decode, Type, any::AnyTypeInfo, error::BoxDynError};

use crate::error::StoreError;

/// A `T` decoded from its column.
pub(crate) struct Column<T>(pub(crate) T);

/// A type that can be decoded from a column.
pub(crate) trait FromColumn: Sized {
    /// The type that is stored in the column.
    type Stored;

    /// Converts the stored value.
    fn from_column(stored: Self::Stored) -> Result<Self, StoreError>;
}

impl<T: FromColumn<Stored: Type<Any>>> Type<Any> for Column<T> {
    fn type_info() -> AnyTypeInfo {
        T::Stored::type_info()
    }

    fn compatible(found: &AnyTypeInfo) -> bool {
        T::Stored::compatible(found)
    }
}

impl<'r, T: FromColumn<Stored: Decode<'r, Any>>> Decode<'r, Any> for Column<T> {
    fn decode(value: <Any as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(T::from_column(T::Stored::decode(value)?)?))
    }
}

/// Parses the enum word `stored`. An error calls it `what`.
pub(crate) fn word<T: FromStr>(what: &str, stored: &str) -> Result<T, StoreError> {
    stored.parse().map_err(|_| StoreError::Unreadable(format!("{what} {stored:?}")))
}

/// `column!(T: S, read)`: decodes columns of type `S` as `T` with the function `read`.
macro_rules! column {
    ($type:ty: $stored:ty, $read:expr) => {
        impl $crate::columns::FromColumn for $type {
            type Stored = $stored;

            fn from_column(stored: $stored) -> Result<Self, $crate::error::StoreError> {
                let read: fn($stored) -> Result<Self, $crate::error::StoreError> = $read;
                read(stored)
            }
        }

        impl From<$crate::columns::Column<$type>> for $type {
            fn from($crate::columns::Column(value): $crate::columns::Column<$type>) -> Self {
                value
            }
        }
    };
}

pub(crate) use column;

column!(bool: i64, |number| Ok(number != 0));
column!(u32: i64, |number| Ok(u32::try_from(number).unwrap_or(u32::MAX)));
column!(Action: String, |stored| word("the word", &stored));
column!(RequestState: String, |stored| word("the word", &stored));
column!(Step: String, |stored| word("the word", &stored));

// The outcome of a request or the result of an attempt, as JSON.
column!(Option<Value>: Option<String>, |text| {
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| StoreError::Unreadable("the outcome of a request".to_owned()))
});
