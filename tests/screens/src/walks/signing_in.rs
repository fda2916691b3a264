//! A user signs in, finds nothing to do, loses the way, and signs out.

use serde_json::json;

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    walk.open("/requests").await;
    walk.sees("API key").await;
    walk.look("sign-in").await;
    walk.fill("API key", "chk_wrong").await;
    walk.act("Sign in").await;
    walk.sees("This API key is unknown or revoked.").await;
    walk.look("sign-in-refused").await;
    walk.sign_in("ops", &[]).await;
    walk.sees("No alarm is open.").await;
    walk.look("start-empty").await;
    walk.open("/no-such-screen").await;
    walk.sees("There is no screen at this address.").await;
    walk.look("not-found").await;
    walk.act("Back to the overview").await;
    if walk.has_scripts() {
        pause_updates(&walk).await;
        show_exact_times(&walk).await;
        stay_signed_in(&walk).await;
    }
    walk.act("Sign out").await;
    walk.sees("API key").await;
    assert_eq!(walk.path().await, "/sign-in");
    walk.end().await;
}

/// Whether the screen would be refreshed now.
const IS_REFRESHED: &str = "const refresh = new CustomEvent('htmx:before:request', {bubbles: true, cancelable: true}); \
                            return document.querySelector('[data-live]').dispatchEvent(refresh)";

async fn pause_updates(walk: &Walk) {
    assert_eq!(walk.evaluate(IS_REFRESHED).await, json!(true));
    walk.act("Pause updates").await;
    walk.sees("Resume updates").await;
    assert_eq!(walk.evaluate(IS_REFRESHED).await, json!(false), "paused");
    walk.act("Resume updates").await;
    assert_eq!(walk.evaluate(IS_REFRESHED).await, json!(true));
    walk.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})").await;
    assert_eq!(walk.evaluate(IS_REFRESHED).await, json!(false), "in a hidden tab");
    walk.evaluate("delete document.hidden").await;
}

async fn show_exact_times(walk: &Walk) {
    walk.act("Keys").await;
    let shown =
        "return document.querySelector('time').textContent === document.querySelector('time').dateTime";
    assert_eq!(walk.evaluate(shown).await, json!(false));
    walk.act("Exact times").await;
    assert_eq!(walk.evaluate(shown).await, json!(true));
    walk.act("Audit").await;
    assert_eq!(walk.evaluate(shown).await, json!(true), "on the next screen too");
    walk.act("Exact times").await;
    assert_eq!(walk.evaluate(shown).await, json!(false));
}

/// The warning comes after 28 minutes. The first long wait of a document is cut short, as if they had passed.
async fn stay_signed_in(walk: &Walk) {
    let source = "const wait = setTimeout; let isFirst = true; window.setTimeout = (act, ms) => { \
                  const isShort = isFirst && ms === 28 * 60 * 1000; if (isShort) { isFirst = false; } \
                  return wait(act, isShort ? 0 : ms); }";
    walk.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
    walk.act("Overview").await;
    walk.sees("your session ends in two minutes").await;
    walk.look("signed-out-soon").await;
    walk.act("Stay signed in").await;
    walk.is_gone("your session ends in two minutes").await;
}
