//! Additional key exchanges (RFC 9370): up to seven after the first one, each negotiated by a
//! transform type of its own.

use super::KeyExchangeMethod;

/// How many there may be (RFC 9370 section 2.2.1).
const MOST: usize = 7;

/// The transform type of the first one; the others follow it (RFC 9370 section 4).
const FIRST_TYPE: u8 = 6;

/// Which additional key exchange: 1 to 7, in the order in which they take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u8);

impl Slot {
    /// The slot with this number.
    pub fn new(number: u8) -> Option<Self> {
        (1..=MOST as u8).contains(&number).then_some(Self(number))
    }

    /// The slot that this transform type negotiates.
    pub fn of_transform_type(transform_type: u8) -> Option<Self> {
        Self::new(transform_type.checked_sub(FIRST_TYPE)?.saturating_add(1))
    }

    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=MOST as u8).map(Self)
    }

    /// 1 to 7.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Additional Key Exchange 1 is transform type 6.
    pub fn transform_type(self) -> u8 {
        FIRST_TYPE - 1 + self.0
    }

    fn index(self) -> usize {
        usize::from(self.0 - 1)
    }
}

/// What each slot of a proposal allows.
pub(super) type Allowed = [Vec<KeyExchangeMethod>; MOST];

/// The additional key exchanges that were agreed on. A slot may be empty, also between others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AdditionalKeyExchanges([KeyExchangeMethod; MOST]);

impl Default for AdditionalKeyExchanges {
    fn default() -> Self {
        Self::NONE
    }
}

impl AdditionalKeyExchanges {
    /// None at all.
    pub const NONE: Self = Self([KeyExchangeMethod::NONE; MOST]);

    /// What was agreed for this slot; may be NONE.
    pub fn get(&self, slot: Slot) -> KeyExchangeMethod {
        self.0[slot.index()]
    }

    /// Those that take place, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, KeyExchangeMethod)> + '_ {
        Slot::all()
            .map(|slot| (slot, self.get(slot)))
            .filter(|(_, method)| *method != KeyExchangeMethod::NONE)
    }

    /// The method of the key exchange that takes place after `done` others.
    pub fn nth(&self, done: usize) -> Option<KeyExchangeMethod> {
        self.iter().nth(done).map(|(_, method)| method)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn set(&mut self, slot: Slot, method: KeyExchangeMethod) {
        self.0[slot.index()] = method;
    }
}

/// Adds a value to a slot.
pub(super) fn allow(allowed: &mut Allowed, slot: Slot, method: KeyExchangeMethod) {
    allowed[slot.index()].push(method);
}

/// One method for the first key exchange and one for each slot, of those that both sides allow, in
/// the order of ours. No method but NONE is used twice (RFC 9370 section 2.2.1), so an earlier
/// choice is taken back where it leaves nothing for a later one.
pub(super) fn choose(
    first: (&[KeyExchangeMethod], &[KeyExchangeMethod]),
    additional: (&Allowed, &Allowed),
) -> Option<(KeyExchangeMethod, AdditionalKeyExchanges)> {
    let (ours, theirs) = first;
    ours.iter()
        .filter(|method| theirs.contains(method))
        .find_map(|method| {
            let mut chosen = AdditionalKeyExchanges::NONE;
            let filled = fill(Slot::new(1), *method, additional, &mut chosen);
            // Without a first key exchange there is nothing that others could be added to.
            let founded = *method != KeyExchangeMethod::NONE || chosen.is_empty();
            (filled && founded).then_some((*method, chosen))
        })
}

/// Fills this slot and those after it. Bounded by what we allow, whatever the peer sends.
fn fill(
    slot: Option<Slot>,
    first: KeyExchangeMethod,
    allowed: (&Allowed, &Allowed),
    chosen: &mut AdditionalKeyExchanges,
) -> bool {
    let Some(slot) = slot else { return true };
    let (ours, theirs) = allowed;
    for method in &ours[slot.index()] {
        let used = || *method == first || chosen.iter().any(|(_, other)| other == *method);
        if !theirs[slot.index()].contains(method) || *method != KeyExchangeMethod::NONE && used() {
            continue;
        }
        chosen.set(slot, *method);
        if fill(Slot::new(slot.number() + 1), first, allowed, chosen) {
            return true;
        }
        chosen.set(slot, KeyExchangeMethod::NONE);
    }
    false
}

#[cfg(test)]
mod tests;
