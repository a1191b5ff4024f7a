//! What waits to be run: for each connection one command after the other, of all connections some
//! at a time.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use holdfast_actors::hooks::{Event, Happening, Outcome, Report};
use holdfast_config::{Command, Connection};
use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    command,
    environment::{self, Variables},
};

/// Commands that run at a time.
const AT_A_TIME: usize = 16;

/// Events that wait.
pub(super) const MOST: usize = 4096;

/// Commands that are to run.
pub(super) struct Queue {
    connections: BTreeMap<String, Entry>,
    slots: Arc<Semaphore>,
    room: Arc<Semaphore>,
    reports: mpsc::Sender<Report>,
    tasks: JoinSet<()>,
}

/// A connection with commands.
struct Entry {
    connection: Arc<Connection>,
    /// Held by the command that runs.
    turn: Arc<Mutex<()>>,
    /// No longer configured: it is there for what goes with it.
    gone: bool,
}

/// One command for one event.
struct Task {
    hook: &'static str,
    command: Command,
    variables: Variables,
}

impl Queue {
    pub(super) fn new(config: &Path, reports: mpsc::Sender<Report>) -> io::Result<Self> {
        let mut queue = Self {
            connections: BTreeMap::new(),
            slots: Arc::new(Semaphore::new(AT_A_TIME)),
            room: Arc::new(Semaphore::new(MOST)),
            reports,
            tasks: JoinSet::new(),
        };
        queue.reload(config)?;
        Ok(queue)
    }

    /// Takes what the files say now. An error changes nothing.
    pub(super) fn reload(&mut self, config: &Path) -> io::Result<()> {
        let loaded = holdfast_config::load(config).map_err(io::Error::other)?;
        self.apply(&loaded.config.connections);
        Ok(())
    }

    pub(super) fn apply(&mut self, connections: &BTreeMap<String, Arc<Connection>>) {
        self.connections.retain(|_, entry| !entry.gone);
        for (name, entry) in &mut self.connections {
            entry.gone = !connections.contains_key(name);
        }
        for (name, connection) in connections {
            let turn = self
                .connections
                .get(name)
                .map(|entry| Arc::clone(&entry.turn));
            let entry = Entry {
                connection: Arc::clone(connection),
                turn: turn.unwrap_or_default(),
                gone: false,
            };
            self.connections.insert(name.clone(), entry);
        }
    }

    /// Runs what is configured for this, once it is its turn.
    pub(super) fn add(&mut self, happening: Arc<Happening>) {
        while self.tasks.try_join_next().is_some() {}
        let Some(entry) = self.connections.get(&happening.connection) else {
            return;
        };
        let tasks = tasks(&entry.connection, &happening);
        let Some(first) = tasks.first() else {
            return;
        };
        let reports = self.reports.clone();
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            let refused = report(&happening, first.hook, Outcome::Refused);
            let _ = reports.try_send(refused);
            return;
        };
        let (turn, slots) = (Arc::clone(&entry.turn), Arc::clone(&self.slots));
        let timeout = entry.connection.hooks.timeout;
        self.tasks.spawn(async move {
            // Tasks take their turn in the order in which they were made.
            let _turn = turn.lock().await;
            let Ok(_slot) = slots.acquire().await else {
                return;
            };
            for task in tasks {
                let ran = command::run(&task.command, &task.variables, timeout).await;
                let report = Report {
                    output: ran.output,
                    took: u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX),
                    ..report(&happening, task.hook, ran.outcome)
                };
                // The agent may be gone.
                let _ = reports.send(report).await;
            }
            drop(room);
        });
    }

    /// How many wait or run.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        MOST - self.room.available_permits()
    }

    /// Waits for all of it.
    pub(super) async fn finish(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

fn report(happening: &Happening, hook: &str, outcome: Outcome) -> Report {
    Report {
        connection: happening.connection.clone(),
        hook: hook.to_owned(),
        outcome,
        output: String::new(),
        took: 0,
    }
}

/// The commands of an event: the child's own first when it comes up, last when it goes.
fn tasks(connection: &Connection, happening: &Happening) -> Vec<Task> {
    let hooks = &connection.hooks;
    let (hook, command) = match &happening.event {
        Event::Up(_) => ("on_up", &hooks.on_up),
        Event::Down(_) => ("on_down", &hooks.on_down),
        Event::Alert { .. } => ("on_alert", &hooks.on_alert),
    };
    let mut tasks: Vec<Task> = command
        .iter()
        .map(|command| Task {
            hook,
            command: command.clone(),
            variables: environment::of(happening),
        })
        .collect();
    let (Event::Up(child) | Event::Down(child)) = &happening.event else {
        return tasks;
    };
    let updown = connection.children.get(&child.name);
    if let Some(command) = updown.and_then(|child| child.updown.as_ref()) {
        let pairs = environment::of_pairs(happening, child);
        let of_child = pairs.map(|variables| Task {
            hook: "updown",
            command: command.clone(),
            variables,
        });
        match happening.event {
            Event::Up(_) => drop(tasks.splice(..0, of_child)),
            _ => tasks.extend(of_child),
        }
    }
    tasks
}
