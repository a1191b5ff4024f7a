//! Debian's Chromium without a screen, driven by WebDriver.

use std::{path::Path, process::Command, time::Duration};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use super::{Lab, Namespace, http, process::Process, wait};

/// Where its driver listens inside the namespace.
const DRIVER: &str = "127.0.0.1:9515";

/// A browser with one window.
pub(crate) struct Browser<'a> {
    namespace: &'a Namespace,
    session: String,
    _driver: Process,
}

impl<'a> Browser<'a> {
    /// Starts one inside a namespace.
    pub(crate) fn start(lab: &Lab, namespace: &'a Namespace) -> Self {
        let directory = lab.subdirectory(&format!("{}-browser", namespace.name()));
        let profile = directory.join("profile");
        let mut command = Command::new("ip");
        command
            .args([
                "netns",
                "exec",
                namespace.name(),
                "chromedriver",
                "--port=9515",
            ])
            .env("HOME", &directory);
        let driver = Process::spawn("chromedriver", command, &directory.join("driver.log"));
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": "/usr/bin/chromium" },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let mut browser = Self {
            namespace,
            session: String::new(),
            _driver: driver,
        };
        wait::until("chromedriver answers", Duration::from_secs(20), || {
            browser.try_call("GET", "/status", &json!({})).ok()
        });
        let session = browser
            .try_call("POST", "/session", &wanted)
            .unwrap_or_else(|error| panic!("no browser: {error}"));
        session["sessionId"]
            .as_str()
            .expect("a session")
            .clone_into(&mut browser.session);
        browser
    }

    /// Goes to an address and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.call("/url", &json!({ "url": url }));
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.call("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Gives the page the width of a phone.
    pub(crate) fn be_a_phone(&self) {
        let metrics =
            json!({ "width": 375, "height": 812, "deviceScaleFactor": 2, "mobile": true });
        self.chrome("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Asks the page for its dark clothes.
    pub(crate) fn be_dark(&self) {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        self.chrome(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    /// What the browser complains about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.call("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().map(Value::to_string).collect()
    }

    /// A picture of the window as PNG.
    pub(crate) fn picture(&self, file: &Path) {
        let path = format!("/session/{}/screenshot", self.session);
        let picture = self.try_call("GET", &path, &json!({})).expect("a picture");
        let picture = picture.as_str().expect("text");
        let picture = Base64::decode_vec(picture).expect("Base64");
        std::fs::write(file, picture).expect("the picture's file");
    }

    fn chrome(&self, command: &str, parameters: &Value) {
        self.call(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        );
    }

    fn call(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        self.try_call("POST", &path, body)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {DRIVER}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = self.namespace.enter(|| http::exchange(DRIVER, &request));
        let answer = answer.map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&answer.body)
            .map_err(|error| format!("{error}: {}", answer.body))?;
        match answer.status {
            200 => Ok(value["value"].clone()),
            _ => Err(value.to_string()),
        }
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // The driver ends the browser, the namespace whatever is left.
        let path = format!("/session/{}", self.session);
        let _ = self.try_call("DELETE", &path, &json!({}));
    }
}
