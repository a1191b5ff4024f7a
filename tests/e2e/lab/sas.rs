//! What a daemon says about its IKE_SAs and CHILD_SAs: the same question to charon and holdfast.

use std::{io, path::Path, time::Duration};

use super::{
    vici::{Client, Message},
    wait,
};

/// One IKE_SA as `list-sas` tells it.
#[derive(Clone, Debug)]
pub(crate) struct IkeSa {
    pub(crate) id: String,
    pub(crate) connection: String,
    pub(crate) state: String,
    pub(crate) initiator: bool,
    pub(crate) initiator_spi: String,
    pub(crate) responder_spi: String,
    pub(crate) children: Vec<ChildSa>,
}

/// One CHILD_SA as `list-sas` tells it.
#[derive(Clone, Debug)]
pub(crate) struct ChildSa {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) spi_in: String,
    pub(crate) spi_out: String,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
}

/// A daemon with a VICI socket.
pub(crate) trait Daemon {
    fn control_socket(&self) -> &Path;

    fn client(&self) -> io::Result<Client> {
        Client::connect(self.control_socket())
    }

    fn try_sas(&self) -> io::Result<Vec<IkeSa>> {
        let events = self
            .client()?
            .stream("list-sas", "list-sa", &Message::default())?;
        Ok(events
            .iter()
            .flat_map(Message::sections)
            .map(ike_sa)
            .collect())
    }

    /// Every value of a key in what it lists of IKE_SAs and of their CHILD_SAs.
    fn listed(&self, key: &str) -> Vec<String> {
        let mut client = self.client().expect("it answers");
        let events = client.stream("list-sas", "list-sa", &Message::default());
        let mut values = Vec::new();
        for event in events.expect("it lists") {
            event.collect(key, &mut values);
        }
        values
    }

    fn sas(&self) -> Vec<IkeSa> {
        self.try_sas().unwrap_or_else(|error| {
            panic!("list-sas at {}: {error}", self.control_socket().display())
        })
    }

    /// Runs `initiate` for a child and waits for its end.
    fn initiate(&self, child: &str, timeout: Duration) -> Result<(), String> {
        let timeout = timeout.as_millis().to_string();
        self.command("initiate", &[("child", child), ("timeout", &timeout)])
    }

    /// Runs a command; its own refusal is the error.
    fn command(&self, name: &str, arguments: &[(&str, &str)]) -> Result<(), String> {
        let mut client = self.client().map_err(|error| error.to_string())?;
        client
            .set_patience(Duration::from_secs(60))
            .map_err(|error| error.to_string())?;
        let answer = client
            .request(name, &Message::of(arguments))
            .map_err(|error| error.to_string())?;
        match answer.text("success") {
            Some("yes") => Ok(()),
            _ => Err(answer
                .text("errmsg")
                .unwrap_or("no reason given")
                .to_owned()),
        }
    }

    /// Waits until this child is installed, in exactly one IKE_SA, and hands that back.
    fn wait_for_tunnel(&self, child: &str, limit: Duration) -> IkeSa {
        let what = format!(
            "one tunnel `{child}` at {}",
            self.control_socket().display()
        );
        wait::until(&what, limit, || self.only_tunnel(child))
    }

    /// The one established IKE_SA with one installed child of this name, if that is all there is.
    fn only_tunnel(&self, child: &str) -> Option<IkeSa> {
        let sas = self.try_sas().ok()?;
        let [sa] = sas.as_slice() else { return None };
        let [only] = sa.children.as_slice() else {
            return None;
        };
        let up = sa.state == "ESTABLISHED" && only.state == "INSTALLED" && only.name == child;
        up.then(|| sa.clone())
    }
}

fn ike_sa((connection, sa): (&str, &Message)) -> IkeSa {
    let text = |key| sa.text(key).unwrap_or_default().to_owned();
    let children = sa.section("child-sas").map(Message::sections);
    IkeSa {
        id: text("uniqueid"),
        connection: connection.to_owned(),
        state: text("state"),
        initiator: sa.text("initiator") == Some("yes"),
        initiator_spi: text("initiator-spi"),
        responder_spi: text("responder-spi"),
        children: children
            .into_iter()
            .flatten()
            .map(|(_, child)| child_sa(child))
            .collect(),
    }
}

fn child_sa(child: &Message) -> ChildSa {
    let text = |key| child.text(key).unwrap_or_default().to_owned();
    let number = |key| {
        child
            .text(key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    ChildSa {
        name: text("name"),
        state: text("state"),
        spi_in: text("spi-in"),
        spi_out: text("spi-out"),
        packets_in: number("packets-in"),
        packets_out: number("packets-out"),
    }
}

/// The tunnel as both ends tell it: exactly one IKE_SA and one CHILD_SA each, and the same ones.
pub(crate) fn agreed_tunnel(one: &dyn Daemon, other: &dyn Daemon, child: &str) -> Option<IkeSa> {
    let (here, there) = (one.only_tunnel(child)?, other.only_tunnel(child)?);
    let same_ike = here.initiator_spi == there.initiator_spi
        && here.responder_spi == there.responder_spi
        && here.initiator != there.initiator;
    let same_child = here.children[0].spi_in == there.children[0].spi_out
        && here.children[0].spi_out == there.children[0].spi_in;
    (same_ike && same_child).then_some(here)
}
