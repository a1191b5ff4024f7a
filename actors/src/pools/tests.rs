use std::collections::{BTreeMap, HashSet};

use super::*;

fn pools(addrs: &str) -> Pools {
    let pools = Pools::default();
    pools.load("p", range(addrs), Vec::new()).expect("loaded");
    pools
}

fn range(addrs: &str) -> AddressRange {
    AddressRange::parse(addrs).expect("a range")
}

fn id(name: &str) -> Identification {
    Identification::Fqdn(name.to_owned())
}

fn acquire(pools: &Pools, name: &str) -> Option<String> {
    let address = pools.acquire("p", &id(name), None).ok()?;
    Some(address.to_string())
}

fn release(pools: &Pools, name: &str, address: &str) -> bool {
    pools.release("p", &id(name), address.parse().expect("an address"))
}

fn counts(pools: &Pools) -> (usize, usize) {
    let status = &pools.list(None)[0];
    (status.online, status.offline)
}

#[test]
fn an_identity_gets_its_address_back() {
    let pools = pools("10.3.0.0/29");
    assert_eq!(acquire(&pools, "a").as_deref(), Some("10.3.0.1"));
    assert_eq!(acquire(&pools, "b").as_deref(), Some("10.3.0.2"));
    assert!(release(&pools, "a", "10.3.0.1"));
    assert_eq!(
        acquire(&pools, "c").as_deref(),
        Some("10.3.0.3"),
        "not that of a"
    );
    assert_eq!(counts(&pools), (2, 1));
    assert_eq!(acquire(&pools, "a").as_deref(), Some("10.3.0.1"));
    assert_eq!(counts(&pools), (3, 0));
}

#[test]
fn one_identity_may_have_several() {
    let pools = pools("10.3.0.0/29");
    assert_eq!(acquire(&pools, "a").as_deref(), Some("10.3.0.1"));
    assert_eq!(acquire(&pools, "a").as_deref(), Some("10.3.0.2"));
    assert!(release(&pools, "a", "10.3.0.1") && release(&pools, "a", "10.3.0.2"));
    let wanted = "10.3.0.2".parse().expect("an address");
    let again = pools
        .acquire("p", &id("a"), Some(wanted))
        .expect("an address");
    assert_eq!(again, wanted);
    assert_eq!(acquire(&pools, "a").as_deref(), Some("10.3.0.1"));
}

#[test]
fn a_full_pool_gives_what_has_been_unused_for_longest() {
    let pools = pools("10.3.0.1-10.3.0.3");
    for name in ["a", "b", "c"] {
        acquire(&pools, name).expect("an address");
    }
    assert_eq!(
        pools.acquire("p", &id("d"), None),
        Err(PoolError::Full("p".to_owned()))
    );
    assert!(release(&pools, "b", "10.3.0.2") && release(&pools, "a", "10.3.0.1"));
    assert_eq!(acquire(&pools, "d").as_deref(), Some("10.3.0.2"));
    assert_eq!(
        acquire(&pools, "b").as_deref(),
        Some("10.3.0.1"),
        "b's own is gone"
    );
    assert_eq!(acquire(&pools, "e"), None);
}

#[test]
fn a_requested_address_is_given_when_nobody_has_it() {
    let pools = pools("10.3.0.0/29");
    let ask = |name: &str, address: &str| {
        let address = address.parse().expect("an address");
        let given = pools.acquire("p", &id(name), Some(address));
        given.expect("an address").to_string()
    };
    assert_eq!(ask("a", "10.3.0.4"), "10.3.0.4");
    assert_eq!(ask("b", "10.3.0.4"), "10.3.0.1", "it is taken");
    assert_eq!(ask("c", "192.0.2.1"), "10.3.0.2", "not of this pool");
    assert!(release(&pools, "a", "10.3.0.4"));
    assert_eq!(ask("d", "10.3.0.4"), "10.3.0.3", "kept for a");
    assert_eq!(ask("e", "10.3.0.0"), "10.3.0.5", "4 is passed over");
}

#[test]
fn released_once() {
    let pools = pools("10.3.0.0/29");
    acquire(&pools, "a").expect("an address");
    assert!(!release(&pools, "b", "10.3.0.1"), "not b's");
    assert!(release(&pools, "a", "10.3.0.1"));
    assert!(!release(&pools, "a", "10.3.0.1"), "not in use");
    assert!(!release(&pools, "a", "10.3.0.2"), "never leased");
    assert!(!release(&pools, "a", "192.0.2.1"), "not of this pool");
    let address = "10.3.0.1".parse().expect("an address");
    assert!(!pools.release("other", &id("a"), address));
    assert_eq!(counts(&pools), (0, 1));
}

#[test]
fn the_same_range_keeps_its_leases() {
    let pools = pools("10.3.0.0/29");
    acquire(&pools, "a").expect("an address");
    let dns = Attribute::parse("dns", b"10.0.0.1").expect("an attribute");
    pools
        .load("p", range("10.3.0.0/29"), vec![dns.clone()])
        .expect("loaded");
    assert_eq!(counts(&pools), (1, 0));
    assert_eq!(pools.attributes("p"), [dns]);
    let refused = pools.load("p", range("10.4.0.0/29"), Vec::new());
    assert_eq!(
        refused.map_err(|error| error.to_string()),
        Err("pool p has 1 online leases, unable to replace it".to_owned())
    );
    let refused = pools.unload("p").map_err(|error| error.to_string());
    assert_eq!(
        refused,
        Err("pool p has 1 online leases, unable to unload it".to_owned())
    );
    assert!(release(&pools, "a", "10.3.0.1"));
    pools
        .load("p", range("10.4.0.0/29"), Vec::new())
        .expect("loaded");
    assert_eq!(counts(&pools), (0, 0));
    pools.unload("p").expect("unloaded");
    assert_eq!(pools.unload("p"), Err(PoolError::NotFound("p".to_owned())));
}

#[test]
fn the_largest_pool_costs_no_more_than_its_leases() {
    let pools = pools("0.0.0.0-127.255.255.255");
    let last = "127.255.255.255".parse().expect("an address");
    assert_eq!(pools.acquire("p", &id("a"), Some(last)), Ok(last));
    assert_eq!(acquire(&pools, "b").as_deref(), Some("0.0.0.0"));
    let leases = pools.leases("p", 10);
    assert_eq!(leases.len(), 2);
    assert_eq!(leases[1].address, last);
    assert_eq!(pools.leases("p", 1).len(), 1);
    assert!(pools.leases("q", 10).is_empty());
}

#[test]
fn as_many_pools_as_allowed() {
    let pools = Pools::default();
    for number in 0..MOST_POOLS {
        pools
            .load(&number.to_string(), range("10.0.0.1"), Vec::new())
            .expect("loaded");
    }
    assert_eq!(
        pools.load("x", range("10.0.0.1"), Vec::new()),
        Err(PoolError::TooMany)
    );
    assert_eq!(pools.load("7", range("10.0.0.2"), Vec::new()), Ok(()));
}

/// Random walks against the simplest model: who is online where.
#[test]
fn nobody_shares_an_address() {
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let pools = pools("10.3.0.0/28");
    let mut online: BTreeMap<IpAddr, Identification> = BTreeMap::new();
    let mut last: BTreeMap<Identification, HashSet<IpAddr>> = BTreeMap::new();
    for _ in 0..20_000 {
        if draw(2) == 0 {
            let who = id(&draw(20).to_string());
            let wish = (draw(3) == 0).then(|| IpAddr::from([10, 3, 0, draw(16) as u8]));
            match pools.acquire("p", &who, wish) {
                Ok(address) => {
                    last.entry(who.clone()).or_default().insert(address);
                    assert_eq!(online.insert(address, who), None, "{address} is shared");
                }
                Err(error) => {
                    assert_eq!(error, PoolError::Full("p".to_owned()));
                    assert_eq!(online.len(), 14);
                }
            }
        } else if let Some(address) = online.keys().nth(draw(14) as usize).copied() {
            let who = online.remove(&address).expect("somebody");
            assert!(pools.release("p", &who, address));
        }
        let (known, offline) = counts(&pools);
        assert_eq!(known, online.len());
        assert!(known + offline <= 14);
    }
    for lease in pools.leases("p", 100) {
        if lease.online {
            assert_eq!(online.get(&lease.address), Some(&*lease.identity));
        }
        assert!(last[&*lease.identity].contains(&lease.address));
    }
}
