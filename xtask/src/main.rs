//! The project's own commands: build, test, demo, lint, bench.

fn main() {}
