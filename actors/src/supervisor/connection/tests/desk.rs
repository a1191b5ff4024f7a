//! A connection with its world, without actors: what the tests of this module sit at.

use std::{fmt::Write as _, os::unix::fs::PermissionsExt};

use holdfast_ike::{
    EspSpi,
    sa::{ChildDownCause, CloseCause, Failure, Role},
};

use super::super::{configure::Change, status::State, *};
use crate::supervisor::{
    policy::EndCause,
    registry::tests::{child, established, path},
};

/// A connection with its world, in which time is what the test says.
pub(super) struct Desk {
    pub(super) connection: Supervised,
    pub(super) registry: Registry,
    pub(super) now: Instant,
    pub(super) log: Vec<Action>,
    pub(super) spi: u32,
}

pub(super) fn connection(keys: &str, children: &[(&str, &str)]) -> Supervised {
    let mut text = format!(
        "[agent]\n[connections.paris]\nlocal_addrs = [\"192.0.2.1\"]\n{keys}\n\
         local = {{ auth = \"psk\", id = \"moon.example\" }}\n\
         remote = {{ auth = \"psk\", id = \"sun.example\" }}\n"
    );
    for (name, keys) in children {
        write!(
            text,
            "[connections.paris.children.{name}]\nlocal_ts = [\"10.1.0.0/16\"]\n\
             remote_ts = [\"10.2.0.0/16\"]\n{keys}\n"
        )
        .unwrap();
    }
    text.push_str("[secrets.paris]\ntype = \"psk\"\nsecret = { value = \"0123456789abcdef\" }\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("holdfast.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let loaded = holdfast_config::load(&file).unwrap_or_else(|error| panic!("{error}"));
    Supervised::new(
        Arc::clone(&loaded.config.connections["paris"]),
        Origin::File,
        Instant::now(),
    )
}

pub(super) const PERSISTENT: &str = "persistent = true\nremote_addrs = [\"192.0.2.2\"]";
pub(super) const ASKED: &str = "remote_addrs = [\"192.0.2.2\"]";
pub(super) const NET: (&str, &str) = ("net", "");

impl Desk {
    pub(super) fn new(keys: &str, children: &[(&str, &str)]) -> Self {
        Self {
            connection: connection(keys, children),
            registry: Registry::default(),
            now: Instant::now(),
            log: Vec::new(),
            spi: 1000,
        }
    }

    /// Lets the connection decide and plays the supervisor's part.
    pub(super) fn with<R>(
        &mut self,
        decide: impl FnOnce(&mut Supervised, &World<'_>, &mut Vec<Action>) -> R,
    ) -> R {
        let mut actions = Vec::new();
        let world = World {
            registry: &self.registry,
            now: self.now,
            fraction: 0.5,
        };
        let result = decide(&mut self.connection, &world, &mut actions);
        for action in actions {
            match &action {
                Action::Begin { child, .. } => {
                    let seed = self.registry.len() as u64 + 77;
                    let reserved = self.registry.reserve(|| (seed + rand()).to_be_bytes());
                    let name = Some("paris".into());
                    self.registry.begin(reserved, Role::Initiator, path(), name);
                    let world = World {
                        registry: &self.registry,
                        now: self.now,
                        fraction: 0.5,
                    };
                    self.connection.begun(reserved.0, child.as_ref(), &world);
                }
                Action::Command { id, command } => {
                    let record = self.registry.get_mut(*id).unwrap();
                    record.closing |= matches!(command, Command::Terminate | Command::Abandon(_));
                    if let Command::TerminateChild(spi) = command {
                        for child in &mut record.children {
                            child.closing |= child.up.inbound_spi == *spi;
                        }
                    }
                }
                Action::Resolve { .. }
                | Action::Trap(_)
                | Action::Untrap(_)
                | Action::Refuse(_)
                | Action::Say(_) => {}
            }
            self.log.push(action);
        }
        result
    }

    /// The connection is configured like this from now on.
    pub(super) fn configure(&mut self, keys: &str, children: &[(&str, &str)]) -> Change {
        let new = Arc::clone(connection(keys, children).config());
        let change =
            self.with(|connection, world, actions| connection.configure(new, world, actions));
        self.reconcile();
        change
    }

    pub(super) fn reconcile(&mut self) {
        self.with(Supervised::reconcile);
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now += span;
        self.reconcile();
    }

    pub(super) fn initiate(&mut self, goal: &Goal) -> Option<Waiter> {
        self.with(|connection, world, actions| connection.initiate(goal, world, actions))
    }

    /// The IKE_SA of the attempt under way.
    pub(super) fn attempt(&self) -> IkeSaId {
        match self.connection.phase {
            Phase::Connecting { id } => id,
            ref other => panic!("not connecting but {other:?}"),
        }
    }

    pub(super) fn establish(&mut self, id: IkeSaId) {
        let role = self.registry.get(id).unwrap().role;
        let facts = established("paris", role, self.now);
        self.registry.establish(id, Arc::new(facts));
        self.with(|connection, world, actions| connection.established(id, world, actions));
    }

    pub(super) fn child_up(&mut self, id: IkeSaId, name: &str) {
        self.spi += 2;
        let up = child(name, self.spi, self.now);
        self.registry.child_up(id, Arc::new(up));
        let name = name.into();
        self.with(|connection, world, actions| connection.child_up(id, &name, world, actions));
    }

    pub(super) fn child_down(&mut self, id: IkeSaId, cause: ChildDownCause) {
        let spi: EspSpi = self.registry.get(id).unwrap().children[0].up.inbound_spi;
        let role = self.registry.get(id).unwrap().role;
        let child = self.registry.child_down(id, spi).unwrap();
        self.with(|connection, world, actions| {
            connection.child_down(role, &child, cause, world, actions);
        });
    }

    pub(super) fn child_failed(&mut self, name: &str, failure: Failure) {
        let name = name.into();
        self.with(|connection, world, actions| {
            connection.child_failed(&name, failure, world, actions);
        });
    }

    pub(super) fn end(&mut self, id: IkeSaId, cause: EndCause) {
        let record = self.registry.remove(id).unwrap();
        self.with(|connection, world, actions| connection.ended(&record, cause, world, actions));
    }

    pub(super) fn close(&mut self, id: IkeSaId, cause: CloseCause) {
        self.end(id, EndCause::Closed(cause));
    }

    /// Brings it up as an operator who has no problems.
    pub(super) fn bring_up(&mut self) -> IkeSaId {
        self.reconcile();
        let id = self.attempt();
        self.establish(id);
        self.child_up(id, "net");
        id
    }

    pub(super) fn begun(&self) -> usize {
        let begins = |action: &&Action| matches!(action, Action::Begin { .. });
        self.log.iter().filter(begins).count()
    }

    pub(super) fn ordered(&self, wanted: &str) -> usize {
        self.log
            .iter()
            .filter(|action| match action {
                Action::Command { command, .. } => format!("{command:?}").starts_with(wanted),
                _ => false,
            })
            .count()
    }

    pub(super) fn state(&self) -> State {
        self.connection.status(&self.registry).state
    }

    pub(super) fn reason(&self) -> String {
        self.connection.status(&self.registry).reason.to_string()
    }
}

/// SPIs only have to differ.
pub(super) fn rand() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) << 16
}

pub(super) fn net() -> Goal {
    Goal::Child("net".into())
}
