//! Runs privacy connectors as sandboxed WebAssembly components: library and the program connector-host.

fn main() {}
