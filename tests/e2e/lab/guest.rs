//! A virtual machine with a kernel of its own: ESP in the kernel, where this machine's has none.
//!
//! It stands at the ends of a namespace's cables, in place of the namespace. What the lab wants done
//! inside goes over a virtual console to `guest/agent`.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    sync::Mutex,
    time::Duration,
};

use base64ct::{Base64, Encoding};

use super::{Lab, Namespace, process::Process, userland, wait};

/// Of memory: the root file system is a file of the host's.
const MEGABYTES: &str = "384";
/// Booting takes 3 s on an idle machine, without any help of the processor.
const BOOT: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(60);

/// A running virtual machine.
pub(crate) struct Guest {
    console: Mutex<Console>,
    _process: Process,
}

struct Console {
    reader: BufReader<UnixStream>,
    number: u64,
}

impl Guest {
    /// Boots one whose `eth0`, `eth1` and so on are these devices of the namespace. The namespace's
    /// own addresses there are taken away.
    pub(crate) fn boot(lab: &Lab, namespace: &Namespace, devices: &[&str]) -> Self {
        let directory = lab.subdirectory(&format!("{}-guest", namespace.name()));
        let socket = directory.join("console.sock");
        let image = userland::guest();
        let image = image.display();
        let mut command = namespace.command("qemu-system-x86_64");
        // Emulation works on every machine; a hypervisor inside another one may hang.
        command
            .args(["-accel", "tcg", "-cpu", "max", "-m", MEGABYTES, "-smp", "1"])
            .args(["-nodefaults", "-display", "none", "-no-reboot"])
            .args(["-kernel", &format!("{image}/vmlinuz")])
            .args(["-initrd", &format!("{image}/initrd")])
            .args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"])
            .args(["-serial", "stdio"])
            .args([
                "-drive",
                &format!("file={image}/root.squashfs,format=raw,if=virtio,readonly=on"),
            ])
            .args(["-device", "virtio-serial-pci"])
            .args([
                "-chardev",
                &format!(
                    "socket,id=console,path={},server=on,wait=off",
                    socket.display()
                ),
            ])
            .args(["-device", "virtserialport,chardev=console,name=agent"]);
        for (number, device) in devices.iter().enumerate() {
            let tap = plug(namespace, device, number);
            command
                .args([
                    "-netdev",
                    &format!("tap,id={tap},ifname={tap},script=no,downscript=no"),
                ])
                .args(["-device", &format!("virtio-net-pci,netdev={tap}")]);
        }
        let process = Process::spawn("guest", command, &directory.join("guest.log"));
        let stream = wait::until("the virtual machine's console", BOOT, || {
            UnixStream::connect(&socket).ok()
        });
        stream.set_read_timeout(Some(BOOT)).expect("a time limit");
        let mut console = Console {
            reader: BufReader::new(stream),
            number: 0,
        };
        assert_eq!(console.line(), "ready", "the virtual machine's first word");
        console
            .reader
            .get_ref()
            .set_read_timeout(Some(ANSWER))
            .expect("a time limit");
        let guest = Self {
            console: Mutex::new(console),
            _process: process,
        };
        for number in 0..devices.len() {
            guest.run(&format!("ip link set eth{number} up"));
        }
        guest
    }

    /// Runs a shell script inside and hands back what it printed; a failure fails the test.
    pub(crate) fn run(&self, script: &str) -> String {
        self.attempt(script)
            .unwrap_or_else(|printed| panic!("in the virtual machine, `{script}`:\n{printed}"))
    }

    /// Runs a shell script inside: what it printed, as an error if it failed.
    pub(crate) fn attempt(&self, script: &str) -> Result<String, String> {
        let mut console = self.console.lock().expect("nobody panicked meanwhile");
        let (status, printed) = console.ask(script);
        if status == 0 {
            Ok(printed)
        } else {
            Err(printed)
        }
    }

    /// Writes a file inside.
    pub(crate) fn write(&self, path: &str, octets: impl AsRef<[u8]>) {
        let encoded = Base64::encode_string(octets.as_ref());
        self.run(&format!("echo {encoded} | base64 -d > {path}"));
    }
}

/// Connects a device to a new tap, whose name is handed back.
fn plug(namespace: &Namespace, device: &str, number: usize) -> String {
    for arguments in [
        format!("link add bridge{number} type bridge"),
        format!("tuntap add tap{number} mode tap"),
        format!("addr flush dev {device}"),
        format!("link set {device} master bridge{number}"),
        format!("link set tap{number} master bridge{number}"),
        format!("link set tap{number} up"),
        format!("link set bridge{number} up"),
    ] {
        namespace.ip(&arguments.split(' ').collect::<Vec<_>>());
    }
    format!("tap{number}")
}

impl Console {
    fn ask(&mut self, script: &str) -> (i32, String) {
        self.number += 1;
        let script = Base64::encode_string(script.as_bytes());
        writeln!(self.reader.get_mut(), "{} {script}", self.number).expect("the console takes it");
        let line = self.line();
        let words: Vec<&str> = line.split(' ').collect();
        let [number, status, printed] = words.as_slice() else {
            panic!("the virtual machine answered `{line}`");
        };
        assert_eq!(*number, self.number.to_string(), "answers come in order");
        let printed = Base64::decode_vec(printed).expect("base64 of the agent's");
        let status = status.parse().expect("an exit status");
        (status, String::from_utf8_lossy(&printed).into_owned())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader
            .read_line(&mut line)
            .expect("the virtual machine answers in time");
        line.trim_end_matches('\n').to_owned()
    }
}
