//! Guests for the tests: one misdeed or one skill each. Built for wasm by `cargo xtask build`.
