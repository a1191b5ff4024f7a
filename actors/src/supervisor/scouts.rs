//! Scouts: where many connections wait for one silent peer, one of them asks it every few seconds, each
//! time another one. Retransmissions of a single attempt are up to a minute and a half apart, and those
//! of attempts that were begun together stay together: without this a peer that comes back without a
//! word would find nobody calling for that long. Who gets an answer tells the others.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use actix::{AsyncContext, Context};

use super::Supervisor;

/// Between two scouts.
const PACE: Duration = Duration::from_secs(4);

/// As many as this make each of them send one packet more in two minutes, at most.
const MANY: usize = 30;

impl Supervisor {
    /// Sends scouts from now on.
    pub(super) fn send_scouts(context: &mut Context<Self>) {
        context.run_interval(PACE, |supervisor, context| {
            if supervisor.draining.is_none() {
                supervisor.scout(context);
            }
        });
    }

    fn scout(&mut self, context: &mut Context<Self>) {
        let mut silent = BTreeMap::<IpAddr, Vec<&Arc<str>>>::new();
        for (name, connection) in &self.connections {
            if let Some(peer) = connection.silent_peer(&self.registry) {
                silent.entry(peer).or_default().push(name);
            }
        }
        let scouts: Vec<_> = silent
            .into_values()
            .filter(|names| names.len() >= MANY)
            .filter_map(|names| {
                let mut random = [0; 4];
                self.shared.random(&mut random);
                let number = usize::try_from(u32::from_ne_bytes(random)).unwrap_or(0);
                names.get(number % names.len()).copied().cloned()
            })
            .collect();
        for name in scouts {
            self.with(&name, context, |connection, world, actions| {
                connection.ask_again(world, actions);
            });
        }
    }
}
