//! Files in the syntax of swanctl.conf: what is read from one, written plainly, reads the same.
//! Then what becomes of it: connections, and TOML.
#![no_main]

use std::path::Path;

use holdfast_config::{
    Agent, Setting, Settings,
    swanctl::{Files, connection, import_from, read_from},
};
use libfuzzer_sys::fuzz_target;

const FILE: &str = "swanctl.conf";

fn files(text: &str) -> Files {
    // The included file includes what includes it.
    let included = "x = 1\ninclude swanctl.conf\nl { y = 2 }".to_owned();
    Files::Fixed([(FILE.into(), text.to_owned()), ("a".into(), included)].into())
}

/// One statement a line, every value quoted.
fn write(settings: &Settings, out: &mut String) {
    for entry in settings.iter() {
        match entry.setting() {
            Setting::Value(value) => {
                let value = str::from_utf8(value).expect("files are text");
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                out.push_str(&format!("{} = \"{value}\"\n", entry.name()));
            }
            Setting::Section(section) => {
                out.push_str(&format!("{} {{\n", entry.name()));
                write(section, out);
                out.push_str("}\n");
            }
            Setting::List(_) => panic!("files hold no lists"),
        }
    }
}

fuzz_target!(|text: &str| {
    let files_read = files(text);
    let Ok(conf) = read_from(&files_read, Path::new(FILE)) else {
        return;
    };
    let mut plain = String::new();
    write(&conf.settings, &mut plain);
    let again = read_from(&files(&plain), Path::new(FILE)).expect("what was written plainly");
    assert!(again.settings == conf.settings, "{plain}");

    let agent = Agent::default();
    let connections = conf.settings.section("connections");
    let sections = connections.into_iter().flat_map(Settings::sections);
    let refused = sections
        .filter(|(entry, section)| connection(entry.name(), section, &agent).is_err())
        .count();
    let import = import_from(&files_read, Path::new(FILE), true).expect("it was read before");
    assert!(refused == 0 || !import.omitted.is_empty(), "something was left out in silence");
});
