//! Why a stand-in does not start.

/// Why a stand-in does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or the system refuses it.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate, key or trusted authority cannot be used.
    #[error("cannot use this certificate, key or authority: {0}")]
    Tls(#[from] rustls::Error),
    /// The client for deliveries cannot be made.
    #[error("cannot make the client for deliveries: {0}")]
    Client(#[from] reqwest::Error),
}
