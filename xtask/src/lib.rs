//! What the tests share with the project's own commands: where components are, and whether they are current.

pub mod components;
