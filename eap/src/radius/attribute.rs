//! Attributes (RFC 2865 section 5).

/// What an attribute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

#[expect(missing_docs, reason = "they are called what the RFCs call them")]
impl Kind {
    pub const USER_NAME: Self = Self(1);
    pub const NAS_IP_ADDRESS: Self = Self(4);
    pub const NAS_PORT: Self = Self(5);
    pub const SERVICE_TYPE: Self = Self(6);
    pub const FRAMED_IP_ADDRESS: Self = Self(8);
    pub const FILTER_ID: Self = Self(11);
    pub const REPLY_MESSAGE: Self = Self(18);
    pub const STATE: Self = Self(24);
    pub const CLASS: Self = Self(25);
    pub const VENDOR_SPECIFIC: Self = Self(26);
    pub const SESSION_TIMEOUT: Self = Self(27);
    pub const IDLE_TIMEOUT: Self = Self(28);
    pub const CALLED_STATION_ID: Self = Self(30);
    pub const CALLING_STATION_ID: Self = Self(31);
    pub const NAS_IDENTIFIER: Self = Self(32);
    pub const ACCT_STATUS_TYPE: Self = Self(40);
    pub const ACCT_INPUT_OCTETS: Self = Self(42);
    pub const ACCT_OUTPUT_OCTETS: Self = Self(43);
    pub const ACCT_SESSION_ID: Self = Self(44);
    pub const ACCT_AUTHENTIC: Self = Self(45);
    pub const ACCT_SESSION_TIME: Self = Self(46);
    pub const ACCT_INPUT_PACKETS: Self = Self(47);
    pub const ACCT_OUTPUT_PACKETS: Self = Self(48);
    pub const ACCT_TERMINATE_CAUSE: Self = Self(49);
    pub const ACCT_INPUT_GIGAWORDS: Self = Self(52);
    pub const ACCT_OUTPUT_GIGAWORDS: Self = Self(53);
    pub const NAS_PORT_TYPE: Self = Self(61);
    pub const EAP_MESSAGE: Self = Self(79);
    pub const MESSAGE_AUTHENTICATOR: Self = Self(80);
    pub const ACCT_INTERIM_INTERVAL: Self = Self(85);
    pub const NAS_PORT_ID: Self = Self(87);
    pub const NAS_IPV6_ADDRESS: Self = Self(95);
    /// RFC 6911.
    pub const FRAMED_IPV6_ADDRESS: Self = Self(168);
}

/// The attributes of a packet, each with a type, a length and a value.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Checks that they are whole.
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let mut rest = octets;
        while !rest.is_empty() {
            let length = usize::from(*rest.get(1)?);
            if length < 2 {
                return None;
            }
            rest = rest.get(length..)?;
        }
        Some(Self(octets))
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = (Kind, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let &[kind, length, ..] = rest else {
                return None;
            };
            let value = rest.get(2..usize::from(length))?;
            rest = &rest[usize::from(length)..];
            Some((Kind(kind), value))
        })
    }

    /// The values of one kind, in order.
    pub fn all(self, kind: Kind) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter_map(move |(found, value)| (found == kind).then_some(value))
    }

    /// The first value of a kind.
    pub fn first(self, kind: Kind) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    /// The first value of a kind, as a number.
    pub fn number(self, kind: Kind) -> Option<u32> {
        let value = self.first(kind)?.try_into().ok()?;
        Some(u32::from_be_bytes(value))
    }

    /// The values of a vendor's attribute.
    pub fn of_vendor(self, vendor: u32, kind: u8) -> impl Iterator<Item = &'a [u8]> {
        self.all(Kind::VENDOR_SPECIFIC)
            .filter_map(move |value| {
                let (id, rest) = value.split_first_chunk()?;
                (u32::from_be_bytes(*id) == vendor).then_some(rest)
            })
            .filter_map(Self::parse)
            .flat_map(move |inner| inner.all(Kind(kind)))
    }

    /// Where the value of the first attribute of a kind begins, and its length.
    pub(super) fn place(self, kind: Kind) -> Option<(usize, usize)> {
        let mut at = 0;
        for (found, value) in self.iter() {
            if found == kind {
                return Some((at + 2, value.len()));
            }
            at += 2 + value.len();
        }
        None
    }
}
