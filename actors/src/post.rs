//! Addresses with a meter: how many messages wait for each kind of actor, and how long each takes.
//!
//! actix tells neither. So every message travels as [`Mail`], which counts as waiting until it is
//! handled or dropped, and whose handling is timed.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use actix::{
    Actor, Addr, Context, Handler, Message,
    dev::{MessageResponse, OneshotSender, Request},
    prelude::SendError,
};

use crate::{
    data_plane::DataPlaneActor, histogram::Histogram, ike_sa::IkeSaActor, supervisor::Supervisor,
    transport::Transport,
};

/// What is known of the mail to one kind of actor.
#[derive(Debug)]
pub(crate) struct Meter {
    waiting: AtomicUsize,
    handling: Histogram,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            handling: Histogram::of_handling(),
        }
    }
}

impl Meter {
    /// Messages in the mailboxes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How long messages took.
    pub(crate) fn handling(&self) -> &Histogram {
        &self.handling
    }
}

/// The meters of all kinds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meters {
    pub(crate) supervisor: Arc<Meter>,
    pub(crate) transport: Arc<Meter>,
    pub(crate) data_plane: Arc<Meter>,
    pub(crate) ike_sa: Arc<Meter>,
}

impl Meters {
    /// Each with the name of its kind.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Meter)> {
        [
            ("supervisor", &*self.supervisor),
            ("transport", &*self.transport),
            ("data_plane", &*self.data_plane),
            ("ike_sa", &*self.ike_sa),
        ]
        .into_iter()
    }
}

/// A message on its way.
pub(crate) struct Mail<M> {
    message: M,
    waiting: Waiting,
}

/// Counts for as long as it lives.
struct Waiting(Arc<Meter>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<M: Message> Message for Mail<M> {
    type Result = M::Result;
}

/// What a handler answers, as the answer to the [`Mail`].
pub(crate) struct Answer<A: Handler<M>, M: Message>(A::Result);

impl<A: Handler<M>, M: Message> MessageResponse<A, Mail<M>> for Answer<A, M> {
    fn handle(self, context: &mut A::Context, sender: Option<OneshotSender<M::Result>>) {
        self.0.handle(context, sender);
    }
}

/// Where an actor is written to.
pub(crate) struct Post<A: Actor> {
    address: Addr<A>,
    meter: Arc<Meter>,
}

impl<A: Actor> fmt::Debug for Post<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

impl<A: Actor> Clone for Post<A> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            meter: Arc::clone(&self.meter),
        }
    }
}

impl<A: Actor<Context = Context<A>>> Post<A> {
    /// An address whose mail this meter counts.
    pub(crate) fn new(address: Addr<A>, meter: &Arc<Meter>) -> Self {
        Self {
            address,
            meter: Arc::clone(meter),
        }
    }

    fn mail<M>(&self, message: M) -> Mail<M> {
        self.meter.waiting.fetch_add(1, Ordering::Relaxed);
        Mail {
            message,
            waiting: Waiting(Arc::clone(&self.meter)),
        }
    }

    /// As [`Addr::do_send`]: ignores the bound, and whether anybody is there.
    pub(crate) fn do_send<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Mail<M>>,
    {
        self.address.do_send(self.mail(message));
    }

    /// As [`Addr::send`]: the answer can be waited for.
    pub(crate) fn send<M>(&self, message: M) -> Request<A, Mail<M>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Mail<M>>,
    {
        self.address.send(self.mail(message))
    }

    /// As [`Addr::try_send`]: within the bound of this handle.
    pub(crate) fn try_send<M>(&self, message: M) -> Result<(), SendError<Mail<M>>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<Mail<M>>,
    {
        self.address.try_send(self.mail(message))
    }
}

macro_rules! take_mail {
    ($($actor:ty),* $(,)?) => {
        $(impl<M: Message> Handler<Mail<M>> for $actor
        where
            Self: Handler<M>,
        {
            type Result = Answer<Self, M>;

            fn handle(&mut self, mail: Mail<M>, context: &mut Context<Self>) -> Answer<Self, M> {
                let Mail { message, waiting } = mail;
                let meter = Arc::clone(&waiting.0);
                drop(waiting);
                let began = Instant::now();
                let answer = <Self as Handler<M>>::handle(self, message, context);
                meter.handling.observe(began.elapsed());
                Answer(answer)
            }
        })*
    };
}

take_mail!(Supervisor, Transport, DataPlaneActor, IkeSaActor);
