//! Keeps the system's table as the ledger says.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use holdfast_ike::TrafficSelector;

use super::{Ledger, Netlink, Operation, Owner, Route};
use crate::plane::InstallError;

/// How long routes that an earlier run left to hold traffic back stay, needed or not: whoever needs
/// them says so meanwhile.
const HANDOVER: Duration = Duration::from_secs(10);

/// The ledger and the way to the system.
pub(crate) struct Keeper {
    netlink: Netlink,
    ledger: Ledger,
    /// What an earlier run left.
    left: Vec<Route>,
    /// Until when it stays.
    until: Instant,
}

impl Keeper {
    /// Adds the rules that lead to our table. `marked` says whether our own datagrams pass by them.
    pub(crate) async fn begin(mut netlink: Netlink, marked: bool) -> Result<Self, String> {
        Ok(Self {
            left: netlink.begin().await?,
            until: Instant::now() + HANDOVER,
            netlink,
            ledger: Ledger::new(marked),
        })
    }

    /// When [`Keeper::hand_over`] is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.left.is_empty()).then_some(self.until)
    }

    /// Deletes what an earlier run left and nobody needs now.
    pub(crate) async fn hand_over(&mut self) {
        for route in std::mem::take(&mut self.left) {
            if !self.ledger.needs(route) {
                self.netlink.delete(route).await;
            }
        }
    }

    /// Adds the routes of one owner; on error none of them is left.
    pub(crate) async fn add(
        &mut self,
        owner: Owner,
        local: &[TrafficSelector],
        remote: &[TrafficSelector],
        peers: &[IpAddr],
    ) -> Result<(), InstallError> {
        let operations = self.ledger.install(owner, local, remote, peers)?;
        self.establish(owner, operations, (local, remote)).await
    }

    /// Lets traffic pass by the tunnels.
    pub(crate) async fn pass(
        &mut self,
        owner: Owner,
        remote: &[TrafficSelector],
    ) -> Result<(), InstallError> {
        let operations = self.ledger.pass(owner, remote);
        self.establish(owner, operations, (&[], remote)).await
    }

    /// Lets no traffic leave.
    pub(crate) async fn prohibit(
        &mut self,
        owner: Owner,
        remote: &[TrafficSelector],
    ) -> Result<(), InstallError> {
        let operations = self.ledger.prohibit(owner, remote);
        self.establish(owner, operations, (&[], remote)).await
    }

    async fn establish(
        &mut self,
        owner: Owner,
        operations: Vec<Operation>,
        (local, remote): (&[TrafficSelector], &[TrafficSelector]),
    ) -> Result<(), InstallError> {
        for operation in operations {
            match operation {
                Operation::Delete(route) => self.netlink.delete(route).await,
                Operation::Add(route) => {
                    if let Err(reason) = self.netlink.add(route, local).await {
                        self.remove(owner).await;
                        return Err(route_error(remote, route, reason));
                    }
                }
            }
        }
        Ok(())
    }

    /// The peer of an owner has another address now.
    pub(crate) async fn move_peer(
        &mut self,
        owner: Owner,
        peer: IpAddr,
        remote: &[TrafficSelector],
    ) -> Result<(), InstallError> {
        let operations = self.ledger.move_peer(owner, peer, remote)?;
        self.carry_out(operations).await;
        Ok(())
    }

    /// Removes the routes of one owner.
    pub(crate) async fn remove(&mut self, owner: Owner) {
        let operations = self.ledger.remove(owner);
        self.carry_out(operations).await;
    }

    async fn carry_out(&mut self, operations: Vec<Operation>) {
        for operation in operations {
            match operation {
                Operation::Delete(route) => self.netlink.delete(route).await,
                Operation::Add(route) => {
                    if let Err(reason) = self.netlink.add(route, &[]).await {
                        tracing::warn!(?route, reason, "cannot add a route");
                    }
                }
            }
        }
    }

    /// Removes all routes and the rules.
    pub(crate) async fn end(mut self) {
        for owner in self.ledger.owners() {
            self.remove(owner).await;
        }
        self.hand_over().await;
        self.netlink.end().await;
    }
}

/// Names the selector that a route is for.
fn route_error(remote: &[TrafficSelector], route: Route, reason: String) -> InstallError {
    let net = route.net();
    let selector = remote
        .iter()
        .find(|selector| selector.subnets().contains(&net))
        .copied()
        .unwrap_or_else(|| TrafficSelector::from_net(net));
    InstallError::Route { selector, reason }
}
