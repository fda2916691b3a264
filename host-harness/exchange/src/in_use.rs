//! Values whose uses are counted.

use std::{fmt, ops::Deref, sync::Arc};

use tokio::sync::Notify;

use crate::atomics::{Atomics, Native};

/// A use of a shared value. Each clone is a further use of it.
pub struct InUse<T, A: Atomics = Native> {
    // Dropped first: after the last use, the value is gone before that is reported.
    value: Arc<T>,
    counted: Counted<A>,
}

impl<T, A: Atomics> InUse<T, A> {
    /// Returns the value, without counting as a use of it.
    pub fn uncounted(&self) -> &Arc<T> {
        &self.value
    }

    /// Returns the counter of its uses.
    pub fn uses(&self) -> Uses<A> {
        Uses(Arc::clone(&self.counted.0))
    }
}

impl<T, A: Atomics> From<Arc<T>> for InUse<T, A> {
    /// Begins the first use. It is counted apart from every other use that began in this way.
    fn from(value: Arc<T>) -> Self {
        let counter = Counter { uses: A::one(), ended: Notify::new() };
        Self { value, counted: Counted(Arc::new(counter)) }
    }
}

impl<T, A: Atomics> Clone for InUse<T, A> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), counted: self.counted.clone() }
    }
}

impl<T, A: Atomics> Deref for InUse<T, A> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug, A: Atomics> fmt::Debug for InUse<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The number of uses of a value that are left. It is no use itself.
pub struct Uses<A: Atomics = Native>(Arc<Counter<A>>);

impl<A: Atomics> Uses<A> {
    /// Returns how many uses there are. 0 is final.
    pub fn left(&self) -> usize {
        A::read(&self.0.uses)
    }

    /// Completes when the last use has ended.
    pub async fn ended(&self) {
        // Register for the notification before the check, so that it is not missed in between.
        let ended = self.0.ended.notified();
        if self.left() > 0 {
            ended.await;
        }
    }
}

impl<A: Atomics> Clone for Uses<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Atomics> fmt::Debug for Uses<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uses({})", self.left())
    }
}

struct Counter<A: Atomics> {
    uses: A::Count,
    /// Notified once, when no use is left.
    ended: Notify,
}

/// One use in the count.
struct Counted<A: Atomics>(Arc<Counter<A>>);

impl<A: Atomics> Clone for Counted<A> {
    fn clone(&self) -> Self {
        A::increase(&self.0.uses);
        Self(Arc::clone(&self.0))
    }
}

impl<A: Atomics> Drop for Counted<A> {
    fn drop(&mut self) {
        if A::decrease(&self.0.uses) == 0 {
            self.0.ended.notify_waiters();
        }
    }
}
