//! What control clients ask for.

use std::{collections::BTreeSet, sync::Arc};

use actix::{Context, Handler, MessageResult};
use holdfast_ike::sa::{Command, Role};

use super::{
    FORGET, Supervisor,
    attempt::Goal,
    connection::Supervised,
    messages::{
        ForceClose, IkeSaListing, Initiate, Initiated, ListIkeSas, ListStatus, Rekey, Selector,
        Terminate, Victim,
    },
    registry::Record,
};
use crate::handle::IkeSaId;

impl Handler<Initiate> for Supervisor {
    type Result = Result<Initiated, String>;

    fn handle(&mut self, wanted: Initiate, context: &mut Context<Self>) -> Self::Result {
        if self.draining.is_some() {
            return Err("the agent is shutting down".to_owned());
        }
        let (connection, goal) = self.find_goal(wanted)?;
        let refusal = self.connections.get(&connection);
        if let Some(refusal) = refusal.and_then(Supervised::kept_down) {
            return Err(refusal);
        }
        let text = match &goal {
            Goal::IkeSa => format!("IKE_SA {connection} is up"),
            Goal::Child(name) => format!("CHILD_SA {name} is up"),
        };
        let waiter = self
            .with(&connection, context, |connection, world, actions| {
                connection.initiate(&goal, world, actions)
            })
            .flatten();
        Ok(match waiter {
            None => Initiated::Already { connection, text },
            Some(waiter) => Initiated::Joined { connection, waiter },
        })
    }
}

impl Supervisor {
    fn find_goal(&self, wanted: Initiate) -> Result<(Arc<str>, Goal), String> {
        let has =
            |connection: &Supervised, child: &str| connection.config().children.contains_key(child);
        match (wanted.ike, wanted.child) {
            (None, None) => Err("missing configuration name".to_owned()),
            (Some(ike), child) => {
                let (name, connection) = self
                    .connections
                    .get_key_value(&*ike)
                    .ok_or_else(|| format!("IKE_SA config '{ike}' not found"))?;
                let goal = match child {
                    None => Goal::IkeSa,
                    Some(child) if has(connection, &child) => Goal::Child(child.into()),
                    Some(child) => return Err(format!("CHILD_SA config '{child}' not found")),
                };
                Ok((Arc::clone(name), goal))
            }
            (None, Some(child)) => self
                .connections
                .iter()
                .find(|(_, connection)| has(connection, &child))
                .map(|(name, _)| (Arc::clone(name), Goal::Child(child.as_str().into())))
                .ok_or_else(|| format!("CHILD_SA config '{child}' not found")),
        }
    }
}

impl Handler<Terminate> for Supervisor {
    type Result = Result<Vec<Victim>, String>;

    fn handle(&mut self, message: Terminate, context: &mut Context<Self>) -> Self::Result {
        let selector = message.0;
        if selector.is_empty() {
            Err("missing terminate selector".to_owned())
        } else if selector.names_child() {
            Ok(self.terminate_children(&selector, context))
        } else {
            Ok(self.terminate_ike_sas(&selector, context))
        }
    }
}

impl Supervisor {
    fn terminate_children(
        &mut self,
        selector: &Selector,
        context: &mut Context<Self>,
    ) -> Vec<Victim> {
        let mut victims = Vec::new();
        let mut targets = Vec::new();
        for record in self.registry.after(None).filter(|r| selector.takes_ike(r)) {
            for child in &record.children {
                if !child.replaced && selector.takes_child(&child.up.name, child.id) {
                    targets.push((record.id, child.up.inbound_spi, Arc::clone(&child.up.name)));
                }
            }
        }
        // A child that is only wanted so far is withdrawn too.
        let mut withdrawn = BTreeSet::new();
        if let Some(child) = &selector.child {
            for (name, connection) in &self.connections {
                let meant = selector.ike.as_ref().is_none_or(|ike| **ike == **name);
                if meant && connection.wants_child(child) {
                    withdrawn.insert((Arc::clone(name), Arc::<str>::from(child.as_str())));
                }
            }
        }
        for (id, spi, name) in targets {
            let connection = self.registry.get(id).and_then(|r| r.connection.clone());
            if let Some(connection) = &connection {
                withdrawn.insert((Arc::clone(connection), name));
            }
            let gone = self.registry.get_mut(id).and_then(|record| {
                let child = record
                    .children
                    .iter_mut()
                    .find(|child| child.up.inbound_spi == spi)?;
                Some(child.gone())
            });
            self.command(id, Command::TerminateChild(spi));
            victims.push(Victim {
                ike_sa: None,
                connection,
                gone,
            });
        }
        for (connection, child) in withdrawn {
            let had_none = victims.is_empty();
            self.with(&connection, context, |connection, _, actions| {
                connection.withdraw_child(&child);
                connection.stop_needless_attempt(actions);
            });
            if had_none {
                victims.push(Victim {
                    ike_sa: None,
                    connection: Some(connection),
                    gone: None,
                });
            }
        }
        victims
    }

    pub(super) fn terminate_ike_sas(
        &mut self,
        selector: &Selector,
        context: &mut Context<Self>,
    ) -> Vec<Victim> {
        let mut victims = Vec::new();
        let ids: Vec<IkeSaId> = self
            .registry
            .after(None)
            .filter(|record| selector.takes_ike(record))
            .map(|record| record.id)
            .collect();
        let mut withdrawn: BTreeSet<Arc<str>> = BTreeSet::new();
        if let Some(ike) = &selector.ike
            && selector.ike_id.is_none()
            && let Some((name, _)) = self.connections.get_key_value(&**ike)
        {
            withdrawn.insert(Arc::clone(name));
        }
        for id in ids {
            let Some(record) = self.registry.get_mut(id) else {
                continue;
            };
            let gone = Some(record.gone());
            let connection = record.connection.clone();
            self.command(id, Command::Terminate);
            victims.push(Victim {
                ike_sa: Some(id),
                connection: connection.clone(),
                gone,
            });
            // Whoever takes down the last one does not want it back.
            if let Some(name) = connection
                && self.registry.newest_usable(&name).is_none()
            {
                withdrawn.insert(name);
            }
        }
        for name in withdrawn {
            let wanted = self
                .with(&name, context, |connection, world, actions| {
                    let wanted = connection.wants_anything();
                    connection.withdraw(world, actions);
                    wanted
                })
                .unwrap_or(false);
            if victims.is_empty() && wanted {
                victims.push(Victim {
                    ike_sa: None,
                    connection: Some(name),
                    gone: None,
                });
            }
        }
        victims
    }
}

impl Handler<Rekey> for Supervisor {
    type Result = Result<usize, String>;

    fn handle(&mut self, message: Rekey, context: &mut Context<Self>) -> Self::Result {
        let Rekey { selector, reauth } = message;
        if reauth && selector.names_child() {
            return Err("only an IKE_SA can be authenticated anew: name one".to_owned());
        }
        let mut targets = Vec::new();
        for record in self.registry.after(None).filter(|r| selector.takes_ike(r)) {
            if selector.names_child() {
                let children = record.children.iter();
                let meant =
                    children.filter(|c| !c.closing && selector.takes_child(&c.up.name, c.id));
                targets.extend(meant.map(|c| (record.id, Some(c.up.inbound_spi))));
            } else if record.usable() && reauth && record.role == Role::Responder {
                return Err(format!(
                    "the peer began IKE_SA {}: only the peer can authenticate anew",
                    record.id
                ));
            } else if record.usable() {
                targets.push((record.id, None));
            }
        }
        for &(id, child) in &targets {
            if let Some(spi) = child {
                self.command(id, Command::RekeyChild(spi));
            } else if !reauth {
                self.command(id, Command::Rekey);
            } else if let Some(connection) =
                self.registry.get(id).and_then(|r| r.connection.clone())
            {
                self.with(&connection, context, |connection, world, actions| {
                    connection.needs_replacement(id, world, actions);
                });
            }
        }
        Ok(targets.len())
    }
}

impl Selector {
    /// Whether it selects nothing in particular.
    pub(crate) fn is_empty(&self) -> bool {
        self.ike.is_none() && self.ike_id.is_none() && !self.names_child()
    }

    pub(super) fn takes_ike(&self, record: &Record) -> bool {
        self.ike_id.is_none_or(|id| id == record.id.0)
            && self
                .ike
                .as_ref()
                .is_none_or(|ike| record.connection.as_deref() == Some(&**ike))
    }

    fn takes_child(&self, name: &str, id: u32) -> bool {
        self.child_id.is_none_or(|wanted| wanted == id)
            && self.child.as_ref().is_none_or(|wanted| **wanted == *name)
    }

    fn names_child(&self) -> bool {
        self.child.is_some() || self.child_id.is_some()
    }
}

impl Handler<ForceClose> for Supervisor {
    type Result = ();

    fn handle(&mut self, ForceClose(ids): ForceClose, _: &mut Context<Self>) {
        for id in ids {
            self.command(id, FORGET);
        }
    }
}

impl Handler<ListIkeSas> for Supervisor {
    type Result = MessageResult<ListIkeSas>;

    fn handle(&mut self, page: ListIkeSas, _: &mut Context<Self>) -> Self::Result {
        let selector = &page.selector;
        let listings: Vec<IkeSaListing> = self
            .registry
            .after(page.cursor)
            .filter(|record| selector.takes_ike(record))
            .filter_map(|record| {
                let mut listing = self.listing(record);
                if selector.names_child() {
                    listing
                        .children
                        .retain(|child| selector.takes_child(&child.up.name, child.id));
                    if listing.children.is_empty() {
                        return None;
                    }
                }
                Some(listing)
            })
            .take(page.limit)
            .collect();
        MessageResult(listings)
    }
}

impl Handler<ListStatus> for Supervisor {
    type Result = MessageResult<ListStatus>;

    fn handle(&mut self, page: ListStatus, _: &mut Context<Self>) -> Self::Result {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = page.cursor.map_or(Unbounded, Excluded);
        let statuses = self
            .connections
            .range::<Arc<str>, _>((from, Unbounded))
            .filter(|(name, _)| page.name.as_ref().is_none_or(|wanted| **wanted == ***name))
            .take(page.limit)
            .map(|(_, connection)| self.status_of(connection))
            .collect();
        MessageResult(statuses)
    }
}

#[cfg(feature = "fault-injection")]
impl Handler<super::messages::InjectPanic> for Supervisor {
    type Result = bool;

    fn handle(&mut self, message: super::messages::InjectPanic, _: &mut Context<Self>) -> bool {
        let port = self.ports.get(&message.0);
        if let Some(port) = port {
            port.order(crate::handle::Order::Panic);
        }
        port.is_some()
    }
}
