//! The Iterable connector: erasure, consent both ways, consent webhooks and their token.
