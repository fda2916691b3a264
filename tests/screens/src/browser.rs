//! A browser, and what `WebDriver` has no command of its own for.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::{
    BrowserLogEntry, CapabilitiesHelper as _, ChromeCapabilities, ChromiumLikeCapabilities as _, WebDriver,
};

use crate::driver::Driver;

/// Without these, a browser calls its maker's hosts, and as root it does not start.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A picture of a whole page has none, and would be cut off where one was.
    "--hide-scrollbars",
    "--lang=en-GB",
];

/// Longer than a page takes on a machine that runs every suite at once.
const PATIENCE: Duration = Duration::from_mins(1);

/// A width and a height, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// The colours that the reader prefers.
#[derive(Clone, Copy, Debug, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// A browser with an empty profile. It ends with its driver at the latest.
pub(crate) struct Browser(WebDriver);

impl Browser {
    pub(crate) async fn start(driver: &Driver) -> Self {
        let mut capabilities = ChromeCapabilities::new();
        for argument in ARGUMENTS {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities.set("goog:loggingPrefs", json!({"browser": "ALL"})).unwrap();
        let browser = WebDriver::new(driver.address.as_str(), capabilities).await.unwrap();
        browser.set_script_timeout(PATIENCE).await.unwrap();
        browser.set_page_load_timeout(PATIENCE).await.unwrap();
        Self(browser)
    }

    pub(crate) fn driver(&self) -> &WebDriver {
        &self.0
    }

    pub(crate) async fn quit(self) {
        self.0.quit().await.unwrap();
    }

    /// Sends a command of the protocol of the developer tools.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.0.cdp().send_raw(command, parameters).await.unwrap()
    }

    /// Returns what the console has received since the last call, violations of the Content-Security-Policy among it.
    pub(crate) async fn console(&self) -> Vec<String> {
        let logged = self.0.browser_log().await.unwrap();
        let reported = logged.iter().filter(|entry| !is_expected(entry));
        reported.map(|entry| format!("{entry:?}")).collect()
    }

    /// Runs a function body in the page. Returns what it returns.
    pub(crate) async fn evaluate(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.0.execute(script, arguments).await.unwrap().json().clone()
    }

    pub(crate) async fn turn_scripts_off(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    pub(crate) async fn resize(&self, size: Size) {
        let Size { width, height } = size;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Sets the colours, and no motion, which would be caught half-way.
    pub(crate) async fn prefer(&self, scheme: Scheme) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme.to_string()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Returns the whole page as a PNG file in base64.
    pub(crate) async fn picture(&self) -> String {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        self.devtools("Page.captureScreenshot", parameters).await["data"].as_str().unwrap().to_owned()
    }
}

/// Returns whether the page can do nothing about what the browser says: it recommends a field for a name beside each
/// password, and an API key has none; and a form that is refused is answered with a status of 4xx.
fn is_expected(entry: &BrowserLogEntry) -> bool {
    match entry.source.as_deref() {
        Some("recommendation") => true,
        Some("network") => entry.message.contains("status of 4") && !entry.message.contains("/page/"),
        _ => false,
    }
}
