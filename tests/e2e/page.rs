//! The web page, in a real browser.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use crate::lab::{
    Lab,
    browser::Browser,
    charon::Charon,
    holdfast::{Holdfast, Settings, tunnel_tables},
    http,
    sas::agreed_tunnel,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    traffic, wait,
};

const ADDRESS: &str = "127.0.0.1:8500";
const URL: &str = "http://127.0.0.1:8500/";
const LIMIT: Duration = Duration::from_secs(20);

/// Where pictures for the documentation go, if anybody wants them.
fn pictures() -> Option<PathBuf> {
    std::env::var_os("HOLDFAST_PICTURES").map(PathBuf::from)
}

fn agent() -> String {
    format!("dataplane = \"userspace\"\nhealth = \"{ADDRESS}\"")
}

/// Connections beside the tunnel: nobody is there, nobody wants it, traffic will bring it up.
fn others(here: std::net::IpAddr) -> String {
    let mut text = String::new();
    for (name, remote, lines, start) in [
        ("rome", "10.254.0.9", "persistent = true", "start"),
        ("berlin", "10.254.0.10", "", "none"),
        ("lisbon", "10.254.0.11", "", "trap"),
    ] {
        write!(
            text,
            "[connections.{name}]\nlocal_addrs = [\"{here}\"]\nremote_addrs = [\"{remote}\"]\n{lines}\n\
             local = {{ auth = \"psk\", id = \"moon.example\" }}\n\
             remote = {{ auth = \"psk\", id = \"{name}.example\" }}\n\
             reconnect = {{ initial = \"5s\", max = \"20s\" }}\n\
             retransmit = {{ timeout = \"300ms\", tries = 1 }}\n\
             [connections.{name}.children.office]\nremote_ts = [\"10.77.0.0/24\"]\n\
             start_action = \"{start}\"\n\
             [secrets.{name}]\ntype = \"psk\"\nids = [\"{name}.example\"]\nsecret = {{ value = \"x1\" }}\n\n"
        )
        .expect("writing to a string");
    }
    text
}

#[test]
fn the_page_follows_a_tunnel_that_falls_and_returns() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let mut charon = Charon::at_sun(&lab, &pair, &tunnel);
    let tables = tunnel_tables(&pair.moon, &pair.sun, &tunnel, &Settings::persistent());
    let tables = format!("{tables}{}", others(pair.moon.outer(tunnel.outer)));
    let holdfast = Holdfast::start(&lab, &pair.moon.namespace, &agent(), &tables);
    wait::until("the tunnel", LIMIT, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });

    let browser = Browser::start(&lab, &pair.moon.namespace);
    browser.open(URL);
    let state = |name: &str| {
        let article = format!("document.querySelector('article[data-name=\"{name}\"] > .state')");
        browser.value(&format!("{article}.textContent"))
    };
    let sentence = |name: &str| {
        let article =
            format!("document.querySelector('article[data-name=\"{name}\"] > .sentence')");
        let text = browser.value(&format!("{article}.textContent"));
        text.as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(state(CONNECTION), "up");
    assert!(
        sentence(CONNECTION).contains("sun."),
        "{}",
        sentence(CONNECTION)
    );
    assert_eq!(state("berlin"), "idle");
    wait::until("the reason and the next try", LIMIT, || {
        let text = sentence("rome");
        (text.contains("Down for") && text.contains("The next try is in")).then_some(())
    });
    wait::until("it listens", LIMIT, || {
        (browser.value("document.querySelector('#live').className") == "on").then_some(())
    });

    // From here on nothing is loaded again: the mark stays.
    browser.value("(window.mark = 'same page', true)");
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    assert!(traffic::ping(&pair.moon.namespace, here, there, 200) > 190);
    charon.process().kill();
    wait::until("the page says that it is down", LIMIT, || {
        (state(CONNECTION) != "up" && sentence(CONNECTION).contains("failed")).then_some(())
    });
    charon.crash_and_restart();
    wait::until("the page says that it is up", LIMIT, || {
        (state(CONNECTION) == "up").then_some(())
    });
    wait::until("traffic shows", LIMIT, || {
        traffic::ping(&pair.moon.namespace, here, there, 50);
        let lines = "document.querySelectorAll('article.up .spark path.in').length";
        (browser.value(lines) == 1).then_some(())
    });
    assert_eq!(browser.value("window.mark"), "same page");
    let lost = "document.querySelector('article.up .axis').textContent";
    let lost = browser.value(lost);
    assert!(
        lost.as_str().is_some_and(|text| text.contains("lost once")),
        "{lost}"
    );
    assert_eq!(
        browser.value("document.querySelectorAll('article.up .day path.down').length"),
        1
    );
    if let Some(directory) = pictures() {
        // A few minutes of traffic make a line.
        for round in 0..24_u32 {
            let gap = Duration::from_millis(u64::from(round % 7) * 700);
            traffic::ping(&pair.moon.namespace, here, there, 150 * (1 + round % 5));
            std::thread::sleep(gap);
        }
        browser.picture(&directory.join("page.png"));
        browser.be_dark();
        browser.picture(&directory.join("page-dark.png"));
    }

    browser.be_a_phone();
    let widths = browser.value("[document.documentElement.scrollWidth, window.innerWidth]");
    assert_eq!(
        widths,
        serde_json::json!([375, 375]),
        "no way to scroll sideways"
    );
    if let Some(directory) = pictures() {
        browser.picture(&directory.join("page-phone.png"));
    }
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn without_a_script_everything_is_there_and_nothing_else_may_run() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = others(pair.moon.outer(Tunnel::default().outer));
    let _holdfast = Holdfast::start(&lab, &pair.moon.namespace, &agent(), &tables);
    wait::until("the reason", LIMIT, || {
        let answer = http::get(&pair.moon.namespace, ADDRESS, "/", "");
        assert_eq!(answer.status, 200);
        let policy = answer
            .headers
            .contains("content-security-policy: default-src 'none';");
        assert!(policy, "{}", answer.headers);
        let told = ["data-name=\"rome\"", "Down for", "The next try is"];
        told.iter()
            .all(|part| answer.body.contains(part))
            .then_some(())
    });
}

#[test]
fn alone_a_thousand_connections_are_shown_quickly() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let mut tables = String::new();
    for number in 0..1000 {
        write!(
            tables,
            "[connections.site-{number}]\nremote_addrs = [\"10.254.1.1\"]\n\
             local = {{ auth = \"psk\", id = \"moon.example\" }}\n\
             remote = {{ auth = \"psk\", id = \"site-{number}.example\" }}\n\
             [connections.site-{number}.children.net]\nremote_ts = [\"10.77.0.0/24\"]\n"
        )
        .expect("writing to a string");
    }
    tables.push_str("[secrets.all]\ntype = \"psk\"\nsecret = { value = \"x1\" }\n");
    let agent = format!("dataplane = \"none\"\nhealth = \"{ADDRESS}\"");
    let _holdfast = Holdfast::start(&lab, &pair.moon.namespace, &agent, &tables);
    let browser = Browser::start(&lab, &pair.moon.namespace);
    browser.open(URL);
    assert_eq!(
        browser.value("document.querySelectorAll('article').length"),
        1000
    );
    let took = browser.value(
        "(([load]) => load.domContentLoadedEventEnd)(performance.getEntriesByType('navigation'))",
    );
    let took = took.as_f64().expect("a time");
    println!("1000 connections: shown after {took:.0} ms");
    assert!(took < 3000.0, "{took} ms");
    wait::until("it listens", LIMIT, || {
        (browser.value("document.querySelector('#live').className") == "on").then_some(())
    });
}
