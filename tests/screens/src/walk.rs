//! A walk: one user, who opens screens, reads, and acts by what is written on them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed set-up fails the test")]

use std::time::Duration;

use serde_json::{Value, json};
use test_support::eventually;
use thirtyfour::{By, Key, WebElement};

use crate::{
    browser::Browser,
    driver::Driver,
    look::{check_console, look},
    service::Service,
};

/// How a user acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub(crate) enum Hands {
    /// With scripts on, by keyboard alone.
    #[strum(to_string = "by_keyboard")]
    Keyboard,
    /// With scripts off, by mouse.
    #[strum(to_string = "without_scripts")]
    Mouse,
}

impl Hands {
    pub(crate) const BOTH: [Self; 2] = [Self::Keyboard, Self::Mouse];
}

/// More elements than any screen of a walk has.
const MAX_TABS: usize = 300;

pub(crate) struct Walk {
    name: &'static str,
    hands: Hands,
    browser: Browser,
    pub(crate) service: Service,
}

impl Walk {
    pub(crate) async fn begin(name: &'static str, hands: Hands, driver: &Driver) -> Self {
        let service = Service::start(name).await;
        let browser = Browser::start(driver).await;
        if hands == Hands::Mouse {
            browser.turn_scripts_off().await;
        }
        Self { name, hands, browser, service }
    }

    /// Whether the scripts of the page run.
    pub(crate) fn has_scripts(&self) -> bool {
        self.hands == Hands::Keyboard
    }

    /// Ends the walk. A walk whose last console message was an error fails.
    pub(crate) async fn end(self) {
        check_console(&self.browser, self.name).await;
        self.browser.quit().await;
    }

    /// Creates an API key with `arguments`, such as `--read-only`, and signs in with it.
    pub(crate) async fn sign_in(&self, name: &str, arguments: &[&str]) {
        let create = [&["api-key", "create", "--name", name], arguments].concat();
        let key = self.service.run(&create);
        self.open("/").await;
        self.fill("API key", key.trim()).await;
        self.act("Sign in").await;
        self.sees("Sign out").await;
    }

    /// Types an address.
    pub(crate) async fn open(&self, path: &str) {
        self.browser.driver().goto(format!("{}{path}", self.service.address)).await.unwrap();
    }

    /// Follows the link, presses the button or opens the summary with exactly this text. Those in the main part of the
    /// screen come first. Returns once the screen has been left, if it is.
    pub(crate) async fn act(&self, text: &str) {
        let element = self.find(&format!("a button with the text {text:?}"), &named(text)).await;
        self.press(&element).await;
        self.leave(&element).await;
    }

    /// Follows the link with exactly this text to a file, which leaves the screen as it is.
    pub(crate) async fn download(&self, text: &str) {
        let element = self.find(&format!("a link with the text {text:?}"), &named(text)).await;
        self.press(&element).await;
    }

    /// Acts like [`Self::act`], in the row, item or section in which `row` is written.
    pub(crate) async fn act_in(&self, row: &str, text: &str) {
        let within = "//*[self::tr or self::li or self::article or self::section or self::fieldset]";
        let path =
            format!("({within}[contains(normalize-space(.), {})])[last()]{}", quoted(row), named(text));
        let element = self.find(&format!("{text:?} at {row:?}"), &path).await;
        self.press(&element).await;
        self.leave(&element).await;
    }

    /// Replaces what is in the field whose label begins with `label`.
    pub(crate) async fn fill(&self, label: &str, value: &str) {
        let field = self.field(label).await;
        self.reach(&field).await;
        if self.hands == Hands::Mouse {
            field.click().await.unwrap();
        }
        let control = Key::Control + "a";
        field.send_keys(control).await.unwrap();
        field.send_keys(Key::Delete + "").await.unwrap();
        field.send_keys(value).await.unwrap();
    }

    /// Chooses the option whose text begins with `option`, in the field whose label begins with `label`.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        let field = self.field(label).await;
        self.reach(&field).await;
        field.send_keys(option).await.unwrap();
        let chosen = "return arguments[0].selectedOptions[0].textContent.trim()";
        let chosen = self.browser.driver().execute(chosen, vec![field.to_json().unwrap()]).await.unwrap();
        let chosen = chosen.json().as_str().unwrap().to_owned();
        assert!(chosen.starts_with(option), "{label}: {chosen} is chosen, not {option}");
    }

    /// Ticks the checkbox or radio button whose label begins with `label`, or unticks the checkbox.
    pub(crate) async fn tick(&self, label: &str) {
        let field = self.field(label).await;
        if self.hands == Hands::Mouse {
            field.click().await.unwrap();
        } else {
            self.reach(&field).await;
            field.send_keys(" ").await.unwrap();
        }
    }

    /// Chooses a file in the field whose label begins with `label`. No hands reach the system's dialogue.
    pub(crate) async fn choose_file(&self, label: &str, file: &std::path::Path) {
        self.field(label).await.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    /// Waits until the screen says `text`.
    pub(crate) async fn sees(&self, text: &str) {
        eventually(&format!("{}: {text:?}", self.name), || self.text(), |shown| shown.contains(text)).await;
    }

    /// Opens the same screen again and again until it says `text`, as a user without scripts does.
    pub(crate) async fn sees_on_reload(&self, text: &str) {
        let again = async || {
            self.browser.driver().refresh().await.unwrap();
            self.text().await
        };
        eventually(&format!("{}: {text:?}", self.name), again, |shown| shown.contains(text)).await;
    }

    /// Waits until the screen says `text`: by itself with scripts, or when it is opened again.
    pub(crate) async fn comes_to_see(&self, text: &str) {
        if self.has_scripts() { self.sees(text).await } else { self.sees_on_reload(text).await }
    }

    /// Checks that the screen does not say `text`.
    pub(crate) async fn sees_no(&self, text: &str) {
        let shown = self.text().await;
        assert!(!shown.contains(text), "{}: {text:?} in {shown}", self.name);
    }

    /// Waits until the screen does not say `text` any more.
    pub(crate) async fn is_gone(&self, text: &str) {
        eventually(&format!("{}: no {text:?}", self.name), || self.text(), |shown| !shown.contains(text))
            .await;
    }

    /// Checks that the screen has no link or button with exactly this text.
    pub(crate) async fn offers_no(&self, text: &str) {
        assert!(self.shown(&named(text)).await.is_none(), "{}: {text:?} is offered", self.name);
    }

    /// Returns what is written on the screen.
    pub(crate) async fn text(&self) -> String {
        // The page may be between two documents.
        let body = self.browser.driver().find(By::Tag("body")).await;
        match body {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Returns the address of the screen, without the host.
    pub(crate) async fn path(&self) -> String {
        let url = self.browser.driver().current_url().await.unwrap();
        url[url::Position::BeforePath..].to_owned()
    }

    /// Looks at the screen under the name `screen`: see [`look`]. Once per screen and state, so not without scripts.
    pub(crate) async fn look(&self, screen: &str) {
        let name = format!("{}/{screen}", self.name);
        if self.has_scripts() {
            look(&self.browser, &name).await;
        }
    }

    /// Runs a function body in the page, such as one that hides the tab. Returns what it returns.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.browser.evaluate(script, vec![]).await
    }

    /// Sends a command of the protocol of the developer tools.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        self.browser.devtools(command, parameters).await;
    }

    /// Lets `time` pass. The screen is opened again, at the new address of the service.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let path = self.path().await;
        self.service.pass(time);
        self.open(&path).await;
    }

    async fn field(&self, label: &str) -> WebElement {
        let label_path = format!("//label[starts-with(normalize-space(.), {})]", quoted(label));
        let path = format!("//*[@id={label_path}/@for] | {label_path}//input");
        self.find(&format!("a field with the label {label:?}"), &path).await
    }

    async fn find(&self, what: &str, path: &str) -> WebElement {
        let find = async || self.shown(path).await;
        let found = eventually(&format!("{}: {what}", self.name), find, Option::is_some).await;
        found.unwrap_or_else(|| panic!("{what} is gone"))
    }

    /// Returns the first visible element at `path`; `None` if there is none.
    async fn shown(&self, path: &str) -> Option<WebElement> {
        for element in self.browser.driver().find_all(By::XPath(path)).await.unwrap_or_default() {
            if element.is_displayed().await.unwrap_or(false) {
                return Some(element);
            }
        }
        None
    }

    /// Acts on an element.
    async fn press(&self, element: &WebElement) {
        if self.hands == Hands::Mouse {
            return element.click().await.unwrap();
        }
        self.reach(element).await;
        element.send_keys(Key::Enter + "").await.unwrap();
    }

    /// Waits until the screen with the link or button that was pressed is left: to load it again before would abandon the
    /// form that is on its way.
    async fn leave(&self, pressed: &WebElement) {
        let is_there =
            "return arguments[0].isConnected && arguments[0].matches('a, button:not([type=button])')";
        let is_there = async || {
            let answered = self.browser.driver().execute(is_there, vec![pressed.to_json().unwrap()]).await;
            // An element of another document is an error.
            answered.is_ok_and(|answer| answer.json() == &json!(true))
        };
        eventually(&format!("{}: the screen is left", self.name), is_there, |is_there| !is_there).await;
    }

    /// With the keyboard, moves the focus to an element by tabs alone, and checks that it shows.
    async fn reach(&self, element: &WebElement) {
        if self.hands == Hands::Mouse {
            return;
        }
        let is_there = "return document.activeElement === arguments[0]";
        let element_json = element.to_json().unwrap();
        for _ in 0..MAX_TABS {
            if self.browser.evaluate(is_there, vec![element_json.clone()]).await == json!(true) {
                let outline = "return getComputedStyle(arguments[0]).outlineStyle";
                let outline = self.browser.evaluate(outline, vec![element_json]).await;
                assert_ne!(outline, "none", "{}: the focus does not show at {element:?}", self.name);
                return;
            }
            self.browser.driver().action_chain().send_keys(Key::Tab + "").perform().await.unwrap();
        }
        panic!("{}: no tab leads to {:?}", self.name, element.outer_html().await);
    }
}

/// Returns the path to links, buttons and summaries with exactly this text.
fn named(text: &str) -> String {
    format!("//*[self::a or self::button or self::summary][normalize-space(.)={}]", quoted(text))
}

/// Returns `text` as an `XPath` expression quotes it.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
