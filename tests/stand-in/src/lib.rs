//! A local Iterable with a memory, a movable clock and every documented oddity.
