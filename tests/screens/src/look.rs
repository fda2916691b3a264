//! What is looked at on each screen: accessibility by axe, the console, the width, the weight; and its pictures.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{path::PathBuf, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::{
    browser::{Browser, Scheme, Size},
    target_dir,
};

const WIDE: Size = Size { width: 1280, height: 900 };
/// 200 % zoom of the wide one.
const ZOOMED: Size = Size { width: 640, height: 450 };
/// What WCAG 2.2, 1.4.10 Reflow, asks for.
const NARROW: Size = Size { width: 320, height: 640 };

/// Maximum size of a screen with everything that it loads, in bytes.
const MAX_WEIGHT: u64 = 100_000;

/// The environment variable that asks for pictures.
const PICTURES: &str = "CONNECTOR_HOST_SCREENS";

/// axe-core, which `cargo xtask test` fetches.
static AXE: LazyLock<String> = LazyLock::new(|| {
    let file = target_dir().join("browser/axe-core@4.14.1/package/axe.min.js");
    std::fs::read_to_string(&file).expect("axe-core is fetched by `cargo xtask test`")
});

/// Looks at the screen that `browser` shows. `name` names it in failures and pictures, such as `requests/list`.
pub(crate) async fn look(browser: &Browser, name: &str) {
    for size in [ZOOMED, NARROW, WIDE] {
        browser.resize(size).await;
        let scrolled = browser.evaluate("return document.documentElement.scrollWidth", vec![]).await;
        assert!(scrolled.as_u64() <= Some(size.width.into()), "{name} is {scrolled} px wide in {size:?}");
    }
    for (shape, size) in [("narrow", NARROW), ("wide", WIDE)] {
        browser.resize(size).await;
        for scheme in [Scheme::Dark, Scheme::Light] {
            browser.prefer(scheme).await;
            if std::env::var_os(PICTURES).is_some() {
                keep_picture(browser, &format!("{name}-{shape}-{scheme}.png")).await;
            }
            check_accessibility(browser, &format!("{name} ({shape}, {scheme})")).await;
        }
    }
    let weight = "const parts = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                  return parts.reduce((sum, part) => sum + part.encodedBodySize, 0)";
    let weight = browser.evaluate(weight, vec![]).await;
    assert!(weight.as_u64() <= Some(MAX_WEIGHT), "{name} weighs {weight} bytes");
    check_console(browser, name).await;
}

/// Fails if the browser has reported an error or a warning, such as a violation of the Content-Security-Policy.
pub(crate) async fn check_console(browser: &Browser, name: &str) {
    let logged = browser.console().await;
    assert!(logged.is_empty(), "{name}: {logged:#?}");
}

async fn check_accessibility(browser: &Browser, name: &str) {
    // The script stays in the page until the next one is loaded.
    if browser.evaluate("return typeof axe", vec![]).await == "undefined" {
        browser.evaluate(&AXE, vec![]).await;
    }
    let run = "const end = arguments[arguments.length - 1]; \
               axe.run({resultTypes: ['violations']}).then(found => end(found.violations.flatMap(rule => \
               rule.nodes.map(node => `${rule.id}: ${rule.help}: ${node.target} ${node.failureSummary}`))), \
               error => end([String(error)]))";
    let found = browser.driver().execute_async(run, vec![]).await.unwrap();
    assert_eq!(found.json(), &Value::Array(vec![]), "{name}");
}

async fn keep_picture(browser: &Browser, file: &str) {
    let path: PathBuf = target_dir().join("screens").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, BASE64_STANDARD.decode(browser.picture().await).unwrap()).unwrap();
}
