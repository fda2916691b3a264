//! Columns that are more than a number, a text or bytes: the driver for any database reads nothing else, not even JSON.
//!
//! A derived row says `#[sqlx(try_from = "Column<T>")]` at a field of type `T`. The conversion is in the decoding, and what
//! `try_from` calls cannot fail: sqlx 0.9.0 throws away the error of a conversion that `try_from` makes.
//!
//! Rows that become a type of `host-model`, which knows no SQL, are read by hand where they are used: deriving would take a
//! second struct with the same columns.

use std::str::FromStr;

use host_model::requests::{Action, State, Step};
use serde_json::Value;
use sqlx::{Any, Database, Decode, Type, any::AnyTypeInfo, error::BoxDynError};

use crate::error::StoreError;

/// A `T` as it comes out of its column.
pub(crate) struct Column<T>(pub(crate) T);

/// What can be read from a column.
pub(crate) trait FromColumn: Sized {
    /// What is in the column.
    type Stored;

    /// What that stands for.
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

/// The value whose word is `stored`; an error calls it `what`.
pub(crate) fn word<T: FromStr>(what: &str, stored: &str) -> Result<T, StoreError> {
    stored.parse().map_err(|_| StoreError::Unreadable(format!("{what} {stored:?}")))
}

/// `column!(T: S, read)`: columns of `S` are read as `T` by the function `read`.
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
column!(State: String, |stored| word("the word", &stored));
column!(Step: String, |stored| word("the word", &stored));

// What came of a request or of one of its attempts, as JSON.
column!(Option<Value>: Option<String>, |text| {
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| StoreError::Unreadable("what came of a request".to_owned()))
});
