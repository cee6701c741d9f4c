//! Which masters a minion speaks to, and in which order. Salt: minion.py (`MinionManager._spawn_minions`,
//! `eval_master`).

use flate2::Crc;
use thiserror::Error;

use crate::config::Opts;
use crate::transport::master_channel::{AddressError, MasterAddress};

/// Options that name no usable master.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MastersError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("'master' is empty: set it in the minion's configuration")]
    None,
    #[error("master_uri_format '{0}' is not supported: use default or ip_only")]
    UriFormat(String),
    #[error("master_type '{0}' is not supported: use str, failover, distributed or disable")]
    Type(String),
}

/// The masters of a minion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Masters {
    /// `master_type: disable`.
    None,
    /// All of them, at the same time.
    Each(Vec<MasterAddress>),
    /// One at a time: the first that lets us in, the next one when it is lost.
    Failover(Vec<MasterAddress>),
}

impl Masters {
    /// Reads `master`, `master_port`, `master_type` and their like. `random` gives numbers from 0 to 1
    /// (`random_master`).
    ///
    /// # Errors
    /// [`MastersError`] names the option to be set right.
    pub fn from_opts(opts: &Opts, random: impl FnMut() -> f64) -> Result<Self, MastersError> {
        let kind = match opts.str("master_type") {
            "" => "str",
            kind => kind,
        };
        if kind == "disable" {
            return Ok(Masters::None);
        }
        let port = u16::try_from(opts.int("master_port")).ok().filter(|port| *port > 0).unwrap_or(4506);
        let names = opts.list_of_str("master");
        let ip_only = match opts.str("master_uri_format") {
            "ip_only" => true,
            "" | "default" => false,
            other => return Err(MastersError::UriFormat(other.to_owned())),
        };
        let mut addresses = Vec::with_capacity(names.len());
        for name in names.iter().filter(|name| !name.trim().is_empty()) {
            let address =
                if ip_only { MasterAddress::ip_only(name, port)? } else { MasterAddress::parse(name, port)? };
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(MastersError::None);
        }
        match kind {
            "str" => Ok(Masters::Each(addresses)),
            "failover" => {
                if opts.bool("random_master") || opts.bool("master_shuffle") {
                    // With a master to go back to, that one stays the first.
                    let fixed = usize::from(opts.bool("master_failback"));
                    shuffle(addresses.get_mut(fixed..).unwrap_or_default(), random);
                }
                Ok(Masters::Failover(addresses))
            }
            "distributed" => {
                let mut crc = Crc::new();
                crc.update(opts.id().as_bytes());
                let index = usize::try_from(crc.sum()).unwrap_or_default() % addresses.len();
                let preferred = addresses.remove(index);
                addresses.insert(0, preferred);
                Ok(Masters::Failover(addresses))
            }
            other => Err(MastersError::Type(other.to_owned())),
        }
    }
}

/// Fisher and Yates.
fn shuffle(addresses: &mut [MasterAddress], mut random: impl FnMut() -> f64) {
    for last in (1..addresses.len()).rev() {
        let pick = (random() * (last as f64 + 1.0)) as usize;
        addresses.swap(last, pick.min(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::value::Value;

    fn masters(master: impl Into<Value>, kind: &str) -> Result<Masters, MastersError> {
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("master", master);
        opts.set("master_type", kind);
        opts.set("id", "web1");
        Masters::from_opts(&opts, || 0.0)
    }

    fn address(text: &str) -> MasterAddress {
        MasterAddress::parse(text, 4506).expect("an address")
    }

    #[test]
    fn one_or_several_masters_at_the_same_time() {
        assert_eq!(masters("salt", "str"), Ok(Masters::Each(vec![address("salt:4506")])));
        let two = Value::list(["a", "b:1", "a"]);
        assert_eq!(masters(two, "str"), Ok(Masters::Each(vec![address("a"), address("b:1")])));
        assert_eq!(masters("salt", "disable"), Ok(Masters::None));
    }

    #[test]
    fn failover_and_distributed_use_one_at_a_time() {
        let three = || Value::list(["a", "b", "c"]);
        let list = |names: [&str; 3]| Ok(Masters::Failover(names.map(address).to_vec()));
        assert_eq!(masters(three(), "failover"), list(["a", "b", "c"]));
        let Ok(Masters::Failover(order)) = masters(three(), "distributed") else { panic!("failover") };
        assert_eq!(order.len(), 3);
        let Ok(Masters::Failover(again)) = masters(three(), "distributed") else { panic!("failover") };
        assert_eq!(order, again, "the same minion always prefers the same master");
    }

    #[test]
    fn a_random_order_leaves_the_master_to_go_back_to_in_its_place() {
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("master", Value::list(["a", "b", "c"]));
        opts.set("master_type", "failover");
        opts.set("random_master", true);
        let order = |opts: &Opts| match Masters::from_opts(opts, || 0.0) {
            Ok(Masters::Failover(order)) => order.into_iter().map(|address| address.host).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(order(&opts), ["b", "c", "a"]);
        opts.set("master_failback", true);
        assert_eq!(order(&opts), ["a", "c", "b"]);
    }

    #[test]
    fn an_address_only_may_have_colons_without_brackets() {
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("master_uri_format", "ip_only");
        opts.set("master", "fd00::1");
        let expected = MasterAddress { host: "fd00::1".to_owned(), port: 4506 };
        assert_eq!(Masters::from_opts(&opts, || 0.0), Ok(Masters::Each(vec![expected])));
        opts.set("master", "salt:4506");
        assert!(matches!(Masters::from_opts(&opts, || 0.0), Err(MastersError::Address(_))));
        opts.set("master_uri_format", "other");
        assert!(matches!(Masters::from_opts(&opts, || 0.0), Err(MastersError::UriFormat(_))));
    }

    #[test]
    fn what_names_no_master_is_refused() {
        assert_eq!(masters("", "str"), Err(MastersError::None));
        assert_eq!(masters("salt", "func"), Err(MastersError::Type("func".to_owned())));
        assert!(matches!(masters("a b", "str"), Err(MastersError::Address(_))));
    }
}
