//! Joins the connector to its sandbox.
