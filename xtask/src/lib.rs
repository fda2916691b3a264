//! What tests and benches share with the project's own commands: the paths of components and whether they are current, the
//! variants of the connector template for Fides, and the figures of growth.

pub mod components;
pub mod fides_template;
pub mod growth;
