//! The exchange of a value.

use std::fmt;

use crate::atomics::{Atomics, Native};

/// Holds the current value, which is replaced as a whole.
pub struct Current<T, A: Atomics = Native> {
    value: A::Lock<T>,
}

impl<T: Clone, A: Atomics> Current<T, A> {
    /// Begins with `value`.
    pub fn new(value: T) -> Self {
        Self { value: A::lock(value) }
    }

    /// Returns the current value.
    pub fn get(&self) -> T {
        A::locked(&self.value, |value| value.clone())
    }

    /// Replaces the current value. Returns the one that was current until now.
    pub fn swap(&self, value: T) -> T {
        A::locked(&self.value, |current| std::mem::replace(current, value))
    }
}

impl<T: Clone + fmt::Debug, A: Atomics> fmt::Debug for Current<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.get()).finish()
    }
}
