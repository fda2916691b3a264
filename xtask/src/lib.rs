//! What tests share with the project's own commands: the paths of components and whether they are current, and the
//! variants of the connector template for Fides.

pub mod components;
pub mod fides_template;
