//! The exchange of a value while calls use it, and the counter that shows when the last use of an earlier value has ended.
//! Both are generic over their atomics: with the feature `shuttle`, the tests run this code under many orders of its
//! threads. A crate of its own, so that this feature changes how nothing else is built.

mod atomics;
mod current;
mod in_use;

pub use atomics::{Atomics, Native};
pub use current::Current;
pub use in_use::{InUse, Uses};
