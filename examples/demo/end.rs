//! One end as the story handles it: a child process.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{Failure, configuration::Files, control::Control};

/// How a series of pings went.
pub(crate) struct Pings {
    pub(crate) sent: usize,
    pub(crate) answered: usize,
    pub(crate) median: Duration,
}

/// A running end. It ends with this value.
pub(crate) struct End {
    child: Child,
    orders: ChildStdin,
    results: BufReader<ChildStdout>,
    pub(crate) control: Control,
}

impl End {
    /// Starts it and waits until it answers.
    pub(crate) fn start(files: &Files, address: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("agent")
            .arg(&files.configuration)
            .arg(address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("a pipe to the child")?;
        let results = BufReader::new(child.stdout.take().ok_or("a pipe from the child")?);
        let control = Control::new(files.socket.clone())?;
        let mut end = Self {
            child,
            orders,
            results,
            control,
        };
        let start = Instant::now();
        while !end.control.answers() {
            if let Some(status) = end.child.try_wait()? {
                return Err(format!("an end did not start: {status}").into());
            }
            if start.elapsed() > Duration::from_secs(10) {
                return Err("an end does not answer".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(end)
    }

    /// Has the host behind it ping `to`.
    pub(crate) fn ping(
        &mut self,
        to: &str,
        count: usize,
        interval: Duration,
        patience: Duration,
    ) -> Result<Pings, Failure> {
        let (interval, patience) = (interval.as_micros(), patience.as_millis());
        writeln!(self.orders, "ping {to} {count} {interval} {patience}")?;
        let mut line = String::new();
        self.results.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok());
        let result = (number(), number(), number());
        let (Some(sent), Some(answered), Some(median)) = result else {
            return Err("the end stopped answering orders".into());
        };
        Ok(Pings {
            sent,
            answered,
            median: Duration::from_micros(median as u64),
        })
    }

    /// Resident memory in kilobytes.
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("VmRSS")?;
        Ok(number.parse()?)
    }

    /// Ends it as a crash would.
    pub(crate) fn crash(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as an operator would; says how long that took.
    pub(crate) fn terminate(mut self) -> Result<Duration, Failure> {
        let start = Instant::now();
        kill(
            Pid::from_raw(i32::try_from(self.child.id())?),
            Signal::SIGTERM,
        )?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("an end did not drain: {status}").into());
        }
        Ok(start.elapsed())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
