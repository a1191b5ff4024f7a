//! How large our datagrams are, and what to do when they do not get through (RFC 7383 section 2.5).

use std::time::{Duration, Instant};

use super::{IkeSa, receive::count_unopened};
use crate::{
    Environment, Path,
    config::Fragmentation,
    sa::{
        message::{Content, Message},
        secured::{OpenError, Opened},
        timers::Timer,
    },
};

/// A message is forgotten when nothing more of it came for so long: a peer that does not give up
/// has repeated it by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// The retransmission that tries smaller datagrams.
const DOUBTS_THE_PATH: u32 = 2;

/// Datagrams that every path carries whole (RFC 1122 section 3.3.2, RFC 8200 section 5).
const SAFE_IPV4: u16 = 576;
const SAFE_IPV6: u16 = 1280;

/// Headers of IP and UDP, and the non-ESP marker, for which there is room always.
const AROUND_IPV4: u16 = 20 + 8 + 4;
const AROUND_IPV6: u16 = 40 + 8 + 4;

/// Octets of IKE in an IP datagram of this size.
fn room(datagram: u16, path: Path) -> usize {
    let around = if path.remote.is_ipv4() {
        AROUND_IPV4
    } else {
        AROUND_IPV6
    };
    datagram.saturating_sub(around).into()
}

fn safe_room(path: Path) -> usize {
    let safe = if path.remote.is_ipv4() {
        SAFE_IPV4
    } else {
        SAFE_IPV6
    };
    room(safe, path)
}

impl IkeSa {
    /// Octets of IKE that one datagram on this path may carry before fragments are made. `None` is
    /// no limit: the peer takes no fragments, or we shall not make them.
    pub(super) fn fragment_limit(&mut self, path: Path) -> Option<usize> {
        let wanted = self.connection.fragmentation == Fragmentation::Yes;
        let room = room(self.options.fragment_size, path);
        let secured = self.secured()?;
        (wanted && secured.peer_takes_fragments).then_some(room)
    }

    /// Whether a request could be sent in smaller datagrams, should it not be answered.
    pub(super) fn may_shrink(&mut self, message: &Message) -> bool {
        let path = self.path;
        self.fragment_limit(path).is_some() && message.datagram_len() > safe_room(path)
    }

    /// A request has been sent more than once without an answer: perhaps the path does not carry
    /// datagrams of this size. There must be more fragments than before, so that the peer sees that
    /// they are others (RFC 7383 section 2.5.2).
    pub(super) fn shrink_fragments(&mut self, retransmission: u32) {
        if retransmission != DOUBTS_THE_PATH {
            return;
        }
        let Some(mut request) = self.requests.in_flight.take() else {
            return;
        };
        let header = self.header(request.exchange_type, request.message_id, false);
        if let Some(content) = request.content.take()
            && let Some(secured) = self.secured()
        {
            let smaller = secured.seal(&header, &content, Some(safe_room(request.path)));
            if smaller.datagrams().len() > request.message.datagrams().len() {
                request.message = smaller;
            }
        }
        self.requests.in_flight = Some(request);
    }

    /// The message that a datagram completed, if it did. What could not be opened is counted.
    pub(super) fn whole(
        &mut self,
        opened: Result<Opened, OpenError>,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Option<Content> {
        self.account_for_fragments(env);
        match opened {
            Ok(Opened::Whole(content)) => Some(content),
            Ok(Opened::Part) => {
                self.timers.set_after(Timer::Fragments, now, PATIENCE);
                None
            }
            Err(error) => {
                count_unopened(&error, env);
                None
            }
        }
    }

    /// Whoever has not authenticated shares the room for incomplete messages with all others of
    /// that kind. Later there is one sender for each IKE_SA, whom we know.
    fn account_for_fragments(&mut self, env: &mut dyn Environment) {
        let half_open = !self.is_established();
        let octets = match self.secured() {
            Some(secured) if half_open => secured.fragment_octets(),
            _ => 0,
        };
        if octets != std::mem::replace(&mut self.fragment_octets, octets)
            && !env.room_for_fragments(octets)
        {
            env.counters().fragments_refused.increment();
            self.forget_fragments(env);
        }
    }

    /// Nothing more of an incomplete message has come, or there is no room for it.
    pub(super) fn forget_fragments(&mut self, env: &mut dyn Environment) {
        if let Some(secured) = self.secured() {
            secured.forget_fragments();
        }
        for former in &mut self.formers {
            former.generation.secured.forget_fragments();
        }
        if std::mem::take(&mut self.fragment_octets) > 0 {
            env.room_for_fragments(0);
        }
    }
}
