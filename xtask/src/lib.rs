//! What tests share with the project's own commands: the paths of components, and whether they are current.

pub mod components;
