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

/// The IKE_SA of this name.
fn owner(name: &str) -> IkeSaId {
    let number = |sum: u32, octet: u8| sum.wrapping_mul(131).wrapping_add(octet.into());
    IkeSaId(name.bytes().fold(1, number))
}

/// Acquires for the only IKE_SA of this name.
fn claim(pools: &Pools, name: &str, wanted: Option<IpAddr>) -> Result<IpAddr, PoolError> {
    take(pools, name, name, wanted, false)
}

/// Acquires for one IKE_SA of this name, which may replace the others.
fn take(
    pools: &Pools,
    name: &str,
    ike_sa: &str,
    wanted: Option<IpAddr>,
    replaces: bool,
) -> Result<IpAddr, PoolError> {
    let claim = Claim {
        owner: owner(ike_sa),
        identity: &id(name),
        peer: [192, 0, 2, 1].into(),
        wanted: wanted.unwrap_or(IpAddr::from([0; 4])),
        replaces,
    };
    let address = pools.acquire("p", &claim)?;
    Ok(address.expect("of this family"))
}

fn acquire(pools: &Pools, name: &str) -> Option<String> {
    Some(claim(pools, name, None).ok()?.to_string())
}

fn release(pools: &Pools, name: &str, address: &str) -> bool {
    pools.release("p", owner(name), address.parse().expect("an address"))
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
    let again = claim(&pools, "a", Some(wanted)).expect("an address");
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
        claim(&pools, "d", None),
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
        let given = claim(&pools, name, Some(address));
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
    assert!(!pools.release("other", owner("a"), address));
    assert_eq!(counts(&pools), (0, 1));
}

#[test]
fn the_same_range_keeps_its_leases() {
    let pools = pools("10.3.0.0/29");
    acquire(&pools, "a").expect("an address");
    let dns = Attribute::Dns([10, 0, 0, 1].into());
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
    assert_eq!(claim(&pools, "a", Some(last)), Ok(last));
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
    let mut online: BTreeMap<IpAddr, (Identification, Vec<String>)> = BTreeMap::new();
    let mut owners = 0_u32;
    let mut last: BTreeMap<Identification, HashSet<IpAddr>> = BTreeMap::new();
    for _ in 0..20_000 {
        if draw(2) == 0 {
            let who = draw(20).to_string();
            let wish = (draw(3) == 0).then(|| IpAddr::from([10, 3, 0, draw(16) as u8]));
            owners += 1;
            let ike_sa = owners.to_string();
            match take(&pools, &who, &ike_sa, wish, false) {
                Ok(address) => {
                    let who = id(&who);
                    last.entry(who.clone()).or_default().insert(address);
                    match online.insert(address, (who.clone(), vec![ike_sa.clone()])) {
                        None => {}
                        Some((other, mut holders)) => {
                            assert_eq!(other, who, "{address} is shared");
                            assert_eq!(Some(address), wish);
                            holders.push(ike_sa);
                            online.insert(address, (who, holders));
                        }
                    }
                }
                Err(error) => {
                    assert_eq!(error, PoolError::Full("p".to_owned()));
                    assert_eq!(online.len(), 14);
                }
            }
        } else if let Some(address) = online.keys().nth(draw(14) as usize).copied() {
            let (who, mut holders) = online.remove(&address).expect("somebody");
            let ike_sa = holders.pop().expect("somebody");
            if !holders.is_empty() {
                online.insert(address, (who, holders));
            }
            assert!(release(&pools, &ike_sa, &address.to_string()));
        }
        let (known, offline) = counts(&pools);
        assert_eq!(known, online.len());
        assert!(known + offline <= 14);
    }
    for lease in pools.leases("p", 100) {
        if lease.online {
            assert_eq!(online[&lease.address].0, *lease.identity);
        }
        assert!(last[&*lease.identity].contains(&lease.address));
    }
}

/// Of a client that comes back before its former IKE_SA is known to be dead.
#[test]
fn an_address_goes_over_to_the_next_ike_sa() {
    let pools = pools("10.3.0.0/29");
    let first: IpAddr = "10.3.0.1".parse().expect("an address");
    assert_eq!(take(&pools, "a", "a1", None, false), Ok(first));
    assert_eq!(take(&pools, "a", "a2", None, true), Ok(first));
    assert_eq!(counts(&pools), (1, 0));
    assert!(release(&pools, "a1", "10.3.0.1"));
    assert!(!release(&pools, "a1", "10.3.0.1"), "once only");
    assert_eq!(counts(&pools), (1, 0), "the next one has it");
    // Make before break: by name, and from where it is used already.
    assert_eq!(take(&pools, "a", "a3", Some(first), false), Ok(first));
    assert!(release(&pools, "a2", "10.3.0.1"));
    // Somebody else of the same name does not ask for it, and gets another one.
    let other = take(&pools, "a", "a4", None, false).expect("an address");
    assert_ne!(other, first);
    // One IKE_SA never gets the same address twice.
    let further = take(&pools, "a", "a3", None, true).expect("an address");
    assert_eq!(further, other);
    assert_ne!(take(&pools, "a", "a3", None, true), Ok(first));
    assert_eq!(pools.purge(owner("a3")), 3);
    assert_eq!(pools.purge(owner("a3")), 0);
    assert_eq!(counts(&pools), (1, 2));
}

#[test]
fn the_first_pool_with_an_address_serves() {
    let pools = Pools::default();
    for (name, addrs) in [
        ("small", "10.3.0.1"),
        ("six", "fd00::/64"),
        ("large", "10.4.0.0/24"),
    ] {
        pools.load(name, range(addrs), Vec::new()).expect("loaded");
    }
    let names = ["gone", "small", "six", "large"].map(std::sync::Arc::from);
    let lease = |name: &str, wanted: IpAddr| {
        let request = LeaseRequest {
            pools: &names,
            identity: &id(name),
            peer: [192, 0, 2, 1].into(),
            wanted,
            replaces: false,
        };
        let lease = pools.lease(owner(name), &request).expect("an address");
        format!("{} {}", lease.pool, lease.address)
    };
    let (v4, v6) = (IpAddr::from([0; 4]), IpAddr::from([0; 16]));
    assert_eq!(lease("a", v4), "small 10.3.0.1");
    assert_eq!(lease("b", v4), "large 10.4.0.1");
    assert_eq!(lease("a", v6), "six fd00::1");
    assert_eq!(pools.purge(owner("a")), 2);
}

#[test]
fn an_identity_gets_its_address_back_after_a_restart() {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let leases = vec![
        (address("10.9.0.2"), KeptLease::of(&id("carol"))),
        // The range was another one then.
        (address("10.8.0.9"), KeptLease::of(&id("dave"))),
    ];
    let kept = BTreeMap::from([("p".to_owned(), leases)]);
    let pools = Pools::remembering(Store::default(), kept);
    pools
        .load("p", range("10.9.0.1-10.9.0.3"), Vec::new())
        .expect("loaded");
    assert_eq!(counts(&pools), (0, 1));
    assert_eq!(acquire(&pools, "dave").as_deref(), Some("10.9.0.1"));
    assert_eq!(acquire(&pools, "carol").as_deref(), Some("10.9.0.2"));
}
