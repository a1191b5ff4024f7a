//! Agreeing on a proposal (RFC 7296 sections 2.7, 3.3.3 and 3.3.6).
//!
//! Both sides work on the same view of a proposal: for each transform type the values that it
//! allows. Types that may be left out then have the one value that leaving them out means, so that
//! saying it and leaving it out are the same.

use super::{
    AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal,
    ProposalSpi, Protocol, Slot, Transform,
    additional::{self, Allowed},
};
use crate::{EspSuite, crypto::IkeSuite};

/// What the responder chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected<S> {
    /// The algorithms.
    pub suite: S,
    /// What to answer: the number of the chosen proposal and one transform of each of its types.
    /// Its SPI is left to the caller.
    pub proposal: Proposal,
    /// The SPI in the proposal that was chosen: the initiator's.
    pub offered_spi: ProposalSpi,
}

/// What becomes of the key exchange methods in ESP proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchangeUse {
    /// IKE_AUTH: that exchange has no KE payload, so methods on either side mean nothing
    /// (RFC 7296 section 1.2).
    Strip,
    /// CREATE_CHILD_SA: both sides must agree on one, or on none.
    Negotiate,
}

/// Chooses from an initiator's IKE proposals. Our own order counts, first of proposals, then of
/// the algorithms within one. Whether the initiator's KE payload is for the chosen method is for
/// the caller to see to (RFC 7296 section 1.2: INVALID_KE_PAYLOAD).
pub fn select_ike(offered: &[Proposal], configured: &[Proposal]) -> Option<Selected<IkeSuite>> {
    select(offered, configured, Protocol::Ike, |ours, theirs| {
        choose_ike(ours, theirs).map(|chosen| (chosen.ike_suite(), chosen))
    })
}

/// Chooses from an initiator's ESP proposals, as [`select_ike`] does.
pub fn select_esp(
    offered: &[Proposal],
    configured: &[Proposal],
    key_exchange: KeyExchangeUse,
) -> Option<Selected<EspSuite>> {
    select(offered, configured, Protocol::Esp, |ours, theirs| {
        choose_esp(ours, theirs, key_exchange).map(|chosen| (chosen.esp_suite(), chosen))
    })
}

/// The algorithms that the responder chose, if its answer is a choice from what we sent: exactly
/// one proposal with the number of one of ours, and one transform of each type from it
/// (RFC 7296 section 2.7).
pub fn accept_ike(sent: &[Proposal], answered: &[Proposal]) -> Option<IkeSuite> {
    accept(sent, answered, Protocol::Ike, choose_ike).map(|chosen| chosen.ike_suite())
}

/// As [`accept_ike`], for ESP. `sent` is what was sent: without key exchange in IKE_AUTH.
pub fn accept_esp(sent: &[Proposal], answered: &[Proposal]) -> Option<EspSuite> {
    let choose = |ours: &_, theirs: &_| choose_esp(ours, theirs, KeyExchangeUse::Negotiate);
    accept(sent, answered, Protocol::Esp, choose).map(|chosen| chosen.esp_suite())
}

impl Proposal {
    /// Whether a peer that allows the very same could choose it.
    pub(super) fn can_be_chosen(&self) -> bool {
        Values::of(self, self.protocol).is_some_and(|values| {
            let chosen = match self.protocol {
                Protocol::Ike => choose_ike(&values, &values),
                _ => choose_esp(&values, &values, KeyExchangeUse::Negotiate),
            };
            chosen.is_some()
        })
    }
}

fn select<S>(
    offered: &[Proposal],
    configured: &[Proposal],
    protocol: Protocol,
    choose: impl Fn(&Values, &Values) -> Option<(S, Chosen)>,
) -> Option<Selected<S>> {
    let readable: Vec<(&Proposal, Values)> = offered
        .iter()
        .filter_map(|theirs| Some((theirs, Values::of(theirs, protocol)?)))
        .collect();
    configured
        .iter()
        .filter_map(|ours| Values::of(ours, protocol))
        .find_map(|ours| {
            readable.iter().find_map(|(proposal, theirs)| {
                let (suite, chosen) = choose(&ours, theirs)?;
                Some(Selected {
                    suite,
                    proposal: chosen.answer(proposal, theirs),
                    offered_spi: proposal.spi,
                })
            })
        })
}

fn accept(
    sent: &[Proposal],
    answered: &[Proposal],
    protocol: Protocol,
    choose: impl Fn(&Values, &Values) -> Option<Chosen>,
) -> Option<Chosen> {
    let [answer] = answered else { return None };
    let answered = Values::of(answer, protocol)?;
    if !answered.is_single() {
        return None;
    }
    sent.iter()
        .filter(|sent| sent.number == answer.number)
        .filter_map(|sent| Values::of(sent, protocol))
        .find_map(|sent| choose(&sent, &answered))
}

/// One cipher with its key length.
type Cipher = (EncryptionId, Option<u16>);

/// The values that a proposal allows for each type, in its order.
struct Values {
    encryption: Vec<Cipher>,
    prf: Vec<PrfId>,
    integrity: Vec<IntegrityId>,
    key_exchange: Vec<KeyExchangeMethod>,
    extended_sequence_numbers: Vec<bool>,
    additional: Allowed,
    /// Optional types that it does name.
    named: Named,
    /// Transforms that are not understood.
    unknown: usize,
}

#[derive(Default)]
struct Named {
    integrity: bool,
    key_exchange: bool,
    extended_sequence_numbers: bool,
    additional: Vec<Slot>,
}

impl Values {
    /// `None` when the proposal cannot be chosen whatever our side allows: for another protocol,
    /// or with a transform type that is unknown or that this protocol has not (RFC 7296 section
    /// 3.3.6: "If the responder receives a proposal that contains a Transform Type it does not
    /// understand ... it MUST consider this proposal unacceptable").
    fn of(proposal: &Proposal, protocol: Protocol) -> Option<Self> {
        if proposal.protocol != protocol {
            return None;
        }
        let mut values = Self {
            encryption: Vec::new(),
            prf: Vec::new(),
            integrity: Vec::new(),
            key_exchange: Vec::new(),
            extended_sequence_numbers: Vec::new(),
            additional: Allowed::default(),
            named: Named::default(),
            unknown: 0,
        };
        for transform in &proposal.transforms {
            values.add(*transform, protocol)?;
        }
        values.imply_missing();
        Some(values)
    }

    fn add(&mut self, transform: Transform, protocol: Protocol) -> Option<()> {
        match (transform.transform_type(), protocol) {
            (1 | 3 | 4 | 6..=12, _) | (2, Protocol::Ike) | (5, Protocol::Esp) => {}
            _ => return None,
        }
        match transform.transform_type() {
            3 => self.named.integrity = true,
            4 => self.named.key_exchange = true,
            5 => self.named.extended_sequence_numbers = true,
            other => self.named.additional.extend(Slot::of_transform_type(other)),
        }
        match transform {
            Transform::Encryption(id, key_bits) => self.encryption.push((id, key_bits)),
            Transform::Prf(id) => self.prf.push(id),
            Transform::Integrity(id) => self.integrity.push(id),
            Transform::KeyExchange(id) => self.key_exchange.push(id),
            Transform::ExtendedSequenceNumbers(value) => {
                self.extended_sequence_numbers.push(value);
            }
            Transform::AdditionalKeyExchange(slot, id) => {
                additional::allow(&mut self.additional, slot, id);
            }
            // "... it MUST consider this transform unacceptable; other transforms with the same
            // Transform Type are processed as usual."
            Transform::Unknown { .. } => self.unknown += 1,
        }
        Some(())
    }

    /// What leaving out a type means. Sequence numbers are mandatory in ESP, but peers that leave
    /// them out mean short ones.
    fn imply_missing(&mut self) {
        if !self.named.integrity {
            self.integrity.push(IntegrityId::NONE);
        }
        if !self.named.key_exchange {
            self.key_exchange.push(KeyExchangeMethod::NONE);
        }
        if !self.named.extended_sequence_numbers {
            self.extended_sequence_numbers.push(false);
        }
        for slot in Slot::all().filter(|slot| !self.named.additional.contains(slot)) {
            additional::allow(&mut self.additional, slot, KeyExchangeMethod::NONE);
        }
    }

    /// Whether it is an answer: one transform of each type, all of them understood.
    fn is_single(&self) -> bool {
        self.unknown == 0
            && self.encryption.len() == 1
            && self.prf.len() <= 1
            && self.integrity.len() == 1
            && self.key_exchange.len() == 1
            && self.extended_sequence_numbers.len() == 1
            && self.additional.iter().all(|slot| slot.len() == 1)
    }

    fn allows(&self, slot: Slot, method: KeyExchangeMethod) -> bool {
        self.additional[usize::from(slot.number() - 1)].contains(&method)
    }

    /// The first key exchange and those after it.
    fn common_key_exchanges(
        &self,
        other: &Self,
    ) -> Option<(KeyExchangeMethod, AdditionalKeyExchanges)> {
        additional::choose(
            (&self.key_exchange, &other.key_exchange),
            (&self.additional, &other.additional),
        )
    }

    /// The first cipher of ours that the other side allows too, with an integrity algorithm that
    /// goes with it.
    fn common_cipher(&self, other: &Self) -> Option<(Cipher, IntegrityId)> {
        self.encryption
            .iter()
            .filter(|cipher| other.encryption.contains(cipher))
            .find_map(|cipher| {
                let integrity = self.integrity.iter().find(|integrity| {
                    // RFC 5282 section 8: AEAD ciphers have none. Others need one.
                    (**integrity == IntegrityId::NONE) == cipher.0.is_aead()
                        && other.integrity.contains(integrity)
                })?;
                Some((*cipher, *integrity))
            })
    }
}

/// The first value of ours that the other side allows too.
fn common<T: Copy + PartialEq>(ours: &[T], theirs: &[T]) -> Option<T> {
    ours.iter().find(|value| theirs.contains(value)).copied()
}

fn choose_ike(ours: &Values, theirs: &Values) -> Option<Chosen> {
    let (cipher, integrity) = ours.common_cipher(theirs)?;
    let (key_exchange, additional) = ours.common_key_exchanges(theirs)?;
    if key_exchange == KeyExchangeMethod::NONE {
        return None;
    }
    Some(Chosen {
        cipher,
        prf: Some(common(&ours.prf, &theirs.prf)?),
        integrity,
        key_exchange,
        additional,
        extended_sequence_numbers: false,
    })
}

fn choose_esp(ours: &Values, theirs: &Values, key_exchange: KeyExchangeUse) -> Option<Chosen> {
    let (cipher, integrity) = ours.common_cipher(theirs)?;
    let (key_exchange, additional) = match key_exchange {
        KeyExchangeUse::Strip => (KeyExchangeMethod::NONE, AdditionalKeyExchanges::NONE),
        KeyExchangeUse::Negotiate => ours.common_key_exchanges(theirs)?,
    };
    Some(Chosen {
        cipher,
        prf: None,
        integrity,
        key_exchange,
        additional,
        extended_sequence_numbers: common(
            &ours.extended_sequence_numbers,
            &theirs.extended_sequence_numbers,
        )?,
    })
}

/// One value of each type.
struct Chosen {
    cipher: Cipher,
    prf: Option<PrfId>,
    integrity: IntegrityId,
    key_exchange: KeyExchangeMethod,
    additional: AdditionalKeyExchanges,
    extended_sequence_numbers: bool,
}

impl Chosen {
    fn ike_suite(&self) -> IkeSuite {
        IkeSuite {
            encryption: self.cipher.0,
            key_bits: self.cipher.1.unwrap_or(0),
            integrity: self.separate_integrity(),
            prf: self.prf.expect("an IKE proposal has a PRF"),
            key_exchange: self.key_exchange,
            additional: self.additional,
        }
    }

    fn esp_suite(&self) -> EspSuite {
        EspSuite {
            encryption: self.cipher.0,
            key_bits: self.cipher.1.unwrap_or(0),
            integrity: self.separate_integrity(),
            key_exchange: Some(self.key_exchange)
                .filter(|method| *method != KeyExchangeMethod::NONE),
            additional: self.additional,
            extended_sequence_numbers: self.extended_sequence_numbers,
        }
    }

    fn separate_integrity(&self) -> Option<IntegrityId> {
        Some(self.integrity).filter(|integrity| *integrity != IntegrityId::NONE)
    }

    /// One transform for each type that the offer names, and no other (RFC 7296 section 3.3.6).
    /// Where the offer names methods although there can be no key exchange, the type is left out.
    fn answer(&self, offer: &Proposal, values: &Values) -> Proposal {
        let named = &values.named;
        let key_exchange = named.key_exchange && values.key_exchange.contains(&self.key_exchange);
        let additional = Slot::all().filter_map(|slot| {
            let method = self.additional.get(slot);
            let says = named.additional.contains(&slot) && values.allows(slot, method);
            says.then_some(Transform::AdditionalKeyExchange(slot, method))
        });
        let transforms = [
            Some(Transform::Encryption(self.cipher.0, self.cipher.1)),
            self.prf.map(Transform::Prf),
            named
                .integrity
                .then_some(Transform::Integrity(self.integrity)),
            key_exchange.then_some(Transform::KeyExchange(self.key_exchange)),
            named
                .extended_sequence_numbers
                .then_some(Transform::ExtendedSequenceNumbers(
                    self.extended_sequence_numbers,
                )),
        ];
        Proposal {
            number: offer.number,
            protocol: offer.protocol,
            spi: ProposalSpi::None,
            transforms: transforms.into_iter().flatten().chain(additional).collect(),
        }
    }
}

/// Whether one of `configured` allows these algorithms, whatever the key exchange.
pub fn takes_suite(configured: &[Proposal], suite: &IkeSuite) -> bool {
    let bits = Some(suite.key_bits).filter(|bits| *bits > 0);
    let mut wanted = vec![
        Transform::Encryption(suite.encryption, bits),
        Transform::Prf(suite.prf),
    ];
    wanted.extend(suite.integrity.map(Transform::Integrity));
    let allows = |proposal: &Proposal| {
        let transforms = &proposal.transforms;
        wanted
            .iter()
            .all(|transform| transforms.contains(transform))
    };
    configured.iter().any(allows)
}

#[cfg(test)]
mod tests;
