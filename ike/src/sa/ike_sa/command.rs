//! What others want of the IKE_SA.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment,
    sa::{event::CloseCause, exchange::informational, io::Command},
};

impl IkeSa {
    pub(super) fn on_command(&mut self, command: Command, now: Instant, env: &mut dyn Environment) {
        match command {
            Command::Initiate(config) => {
                if !self.is_deleting() && !self.has_child(&config.name) {
                    self.enqueue_child(config, None);
                }
            }
            Command::TerminateChild(inbound_spi) => {
                if self.is_established() {
                    self.terminate_lineage(inbound_spi);
                }
            }
            Command::RekeyChild(inbound_spi) => {
                if self.is_established() {
                    self.rekey_child(inbound_spi, None);
                }
            }
            Command::Rekey => {
                if self.is_established() {
                    self.rekey_ike(None);
                }
            }
            Command::Terminate => self.terminate(CloseCause::Terminated, env),
            Command::Redirect(to) => self.redirect(to),
            Command::CheckPath => self.check_path(now, env),
            Command::Probe => {
                if self.is_established() {
                    self.probe();
                }
            }
            Command::Abandon(cause) => self.close(cause, env),
            Command::Configure(connection) => {
                // What is negotiated already stays as it is.
                if self.is_established() {
                    self.connection = connection;
                }
            }
        }
    }

    fn terminate(&mut self, cause: CloseCause, env: &mut dyn Environment) {
        match self.state {
            State::Established(_) => self.begin_delete(cause),
            State::Deleting(..) | State::Closed => {}
            State::Authenticating(_) => {
                // The responder may have accepted us already. If so it takes this request, whose
                // message ID follows that of IKE_AUTH; if not it ignores it.
                self.send_once(&informational::delete_ike_sa(), env);
                self.close(cause, env);
            }
            State::Connecting { .. } | State::HalfOpen(_) => self.close(cause, env),
        }
    }
}
