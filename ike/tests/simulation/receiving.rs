//! Which IKE_SA a datagram is for, and whether there is to be one.

use std::time::Instant;

use holdfast_ike::{
    Path,
    sa::{Admitted, Candidate, IkeSa, Input},
    wire::Header,
};

use crate::{endpoint::Endpoint, network::Network};

impl Endpoint {
    pub(crate) fn receive(&mut self, path: Path, data: &[u8], now: Instant, network: &mut Network) {
        let Ok(header) = Header::parse(data) else {
            if self.trusting {
                self.faults.push("unparsable datagram".into());
            }
            return;
        };
        let ours = if header.flags.initiator {
            header.spis.responder
        } else {
            header.spis.initiator
        };
        let known = if ours.is_zero() {
            self.half_open
                .get(&(path.remote, header.spis.initiator))
                .copied()
        } else {
            self.routes.get(&ours).copied()
        };
        if let Some(spi) = known {
            return self.feed(spi, Input::Datagram { path, data }, now, network);
        }
        match self.admission.judge(data, path, now, &mut self.env) {
            Admitted::Accept(request) => {
                let spi = self.new_spi();
                let from = path.remote;
                let initiator_spi = request.initiator_spi();
                let candidate = Candidate {
                    kept_down: false,
                    connection: self.connection.clone(),
                    contacts: self.contacts.clone(),
                };
                let options = self.options.clone();
                match IkeSa::respond(*request, vec![candidate], spi, options, now, &mut self.env) {
                    Ok(sa) => {
                        self.half_open.insert((from, initiator_spi), spi);
                        self.admission.opened(from.ip());
                        self.track(spi, sa, Some(from), now, network);
                    }
                    Err(refusal) => {
                        if let Some(reply) = refusal.reply {
                            network.send(path, &reply, now, &mut self.env.rng);
                        }
                    }
                }
            }
            Admitted::Reply(reply) | Admitted::Disown(reply) => {
                network.send(path, &reply, now, &mut self.env.rng);
            }
            Admitted::Drop(_) => {}
        }
    }
}
