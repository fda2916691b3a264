//! The error of a stand-in that cannot start.

/// Why a stand-in cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is in use, or the system refuses it.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The requested port.
        port: u16,
        /// The system's error.
        source: std::io::Error,
    },
    /// The certificate, key or trusted authority cannot be used.
    #[error("cannot use this certificate, key or authority: {0}")]
    Tls(#[from] rustls::Error),
    /// The client for deliveries cannot be created.
    #[error("cannot create the client for deliveries: {0}")]
    Client(#[from] reqwest::Error),
}
