use KeyExchangeMethod as M;

use super::*;

fn allowed(slots: &[&[M]]) -> Allowed {
    let mut allowed = Allowed::default();
    for slot in Slot::all() {
        let methods = slots.get(slot.index()).copied().unwrap_or(&[M::NONE]);
        for method in methods {
            allow(&mut allowed, slot, *method);
        }
    }
    allowed
}

fn chosen(first: &[M], slots: &[&[M]]) -> Option<Vec<M>> {
    let slots = allowed(slots);
    let (method, additional) = choose((first, first), (&slots, &slots))?;
    let others = additional.iter().map(|(_, method)| method);
    Some([method].into_iter().chain(others).collect())
}

#[test]
fn slots_are_transform_types_6_to_12() {
    let types: Vec<_> = Slot::all().map(Slot::transform_type).collect();
    assert_eq!(types, [6, 7, 8, 9, 10, 11, 12]);
    for slot in Slot::all() {
        assert_eq!(Slot::of_transform_type(slot.transform_type()), Some(slot));
    }
    for other in [0, 1, 4, 5, 13, 255] {
        assert_eq!(Slot::of_transform_type(other), None);
    }
    assert!(Slot::new(0).is_none() && Slot::new(8).is_none());
}

#[test]
fn the_first_of_ours_in_each_slot() {
    assert_eq!(
        chosen(
            &[M::CURVE_25519],
            &[&[M::ML_KEM_768], &[M::ECP_384, M::NONE]]
        ),
        Some(vec![M::CURVE_25519, M::ML_KEM_768, M::ECP_384])
    );
    assert_eq!(
        chosen(&[M::CURVE_25519], &[&[M::NONE, M::ML_KEM_768]]),
        Some(vec![M::CURVE_25519]),
        "NONE is a choice like any other"
    );
    let slots = allowed(&[&[M::NONE], &[M::NONE], &[M::ML_KEM_512]]);
    let (_, additional) = choose((&[M::ECP_256], &[M::ECP_256]), (&slots, &slots)).unwrap();
    assert_eq!(
        additional.nth(0),
        Some(M::ML_KEM_512),
        "slots may stay empty"
    );
    assert_eq!(additional.nth(1), None);
    assert_eq!(additional.get(Slot::new(3).unwrap()), M::ML_KEM_512);
}

#[test]
fn no_method_twice() {
    assert_eq!(chosen(&[M::ECP_256], &[&[M::ECP_256]]), None);
    assert_eq!(
        chosen(&[M::ECP_256], &[&[M::ECP_256, M::NONE]]),
        Some(vec![M::ECP_256])
    );
    assert_eq!(
        chosen(
            &[M::ECP_256],
            &[&[M::ML_KEM_512, M::ML_KEM_768], &[M::ML_KEM_512]]
        ),
        Some(vec![M::ECP_256, M::ML_KEM_768, M::ML_KEM_512]),
        "an earlier choice is taken back"
    );
    assert_eq!(
        chosen(&[M::ECP_256, M::ECP_384], &[&[M::ECP_256]]),
        Some(vec![M::ECP_384, M::ECP_256]),
        "the first one too"
    );
}

#[test]
fn nothing_is_added_to_nothing() {
    assert_eq!(chosen(&[M::NONE], &[&[M::ML_KEM_768]]), None);
    assert_eq!(chosen(&[M::NONE], &[&[M::NONE]]), Some(vec![M::NONE]));
    assert_eq!(
        chosen(&[M::NONE, M::ECP_256], &[&[M::ML_KEM_768]]),
        Some(vec![M::ECP_256, M::ML_KEM_768])
    );
}

/// A peer may repeat itself as often as it likes: only what we allow is tried.
#[test]
fn absurd_offers_are_cheap() {
    let few: &[M] = &[M::ECP_256, M::ECP_384, M::ECP_521];
    let ours = allowed(&[few; 7]);
    let flood = vec![M::ECP_256; 250];
    let theirs = allowed(&[&flood[..]; 7]);
    assert!(choose((&[M::NONE], &[M::NONE]), (&ours, &theirs)).is_none());
    assert!(choose((&[M::CURVE_25519], &[M::CURVE_25519]), (&ours, &ours)).is_none());
}
