//! What really was on the wire: tcpdump writes, tshark reads.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{Lab, Namespace, process::Process, run, wait};

/// A running capture.
pub(crate) struct Capture {
    process: Process,
    file: PathBuf,
}

impl Capture {
    /// Captures what passes `device` and fits `filter` (tcpdump's language); returns once it does.
    pub(crate) fn start(lab: &Lab, namespace: &Namespace, device: &str, filter: &str) -> Self {
        let stem = format!("{}-{device}-{:x}", namespace.name(), discriminator());
        let file = lab.directory().join(format!("{stem}.pcap"));
        let log = lab.directory().join(format!("{stem}.tcpdump.log"));
        let mut command = namespace.command("tcpdump");
        // Without immediate mode the last packets wait in the kernel's buffer, and die with it.
        command.args([
            "--immediate-mode",
            "-i",
            device,
            "-n",
            "-U",
            "-s",
            "0",
            "-Z",
            "root",
            "-B",
            "8192",
            "-w",
        ]);
        command.arg(&file);
        if !filter.is_empty() {
            command.arg(filter);
        }
        let process = Process::spawn("tcpdump", command, &log);
        wait::until("tcpdump captures", Duration::from_secs(10), || {
            process.log().contains("listening on").then_some(())
        });
        Self { process, file }
    }

    /// Ends the capture; the packets can be read afterwards.
    pub(crate) fn stop(mut self) -> Packets {
        // What has just passed may still be on its way to the capture's buffer.
        std::thread::sleep(Duration::from_millis(200));
        self.process.signal(Signal::SIGINT);
        self.process
            .wait(Duration::from_secs(10))
            .expect("tcpdump ends when interrupted");
        Packets {
            file: self.file.clone(),
        }
    }

    /// What has been written so far.
    pub(crate) fn so_far(&self) -> Packets {
        Packets {
            file: self.file.clone(),
        }
    }
}

/// A captured file.
pub(crate) struct Packets {
    file: PathBuf,
}

impl Packets {
    /// The given fields of all packets that fit tshark's display filter, one row each.
    pub(crate) fn fields(&self, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        self.fields_with(&Preferences::default(), filter, fields)
    }

    /// As [`Packets::fields`], with tshark's preferences taken from a directory of its own.
    pub(crate) fn fields_with(
        &self,
        preferences: &Preferences,
        filter: &str,
        fields: &[&str],
    ) -> Vec<Vec<String>> {
        let mut command = Command::new("tshark");
        if let Some(directory) = &preferences.directory {
            command
                .env("WIRESHARK_CONFIG_DIR", directory)
                .env("HOME", directory);
        }
        command
            .arg("-n")
            .arg("-r")
            .arg(&self.file)
            .args(["-Y", filter, "-T", "fields"]);
        for preference in &preferences.settings {
            command.args(["-o", preference]);
        }
        for field in fields {
            command.args(["-e", field]);
        }
        run(&mut command)
            .lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect()
    }

    /// How many packets fit tshark's display filter.
    pub(crate) fn count(&self, filter: &str) -> usize {
        self.fields(filter, &["frame.number"]).len()
    }
}

/// How tshark is to look at a capture.
#[derive(Default)]
pub(crate) struct Preferences {
    /// Wireshark's personal configuration directory (key tables live there).
    pub(crate) directory: Option<PathBuf>,
    /// Further `-o` settings.
    pub(crate) settings: Vec<String>,
}

/// Distinguishes the files of several captures of one device.
fn discriminator() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The octets of a field that tshark prints in hexadecimal.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hex"))
        .collect()
}
