//! Harness and the suites that run host, plugin and stand-in together.
