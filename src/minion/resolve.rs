//! Whether a master's name has an address, before it is dialled: `retry_dns` and `retry_dns_count`. Salt: minion.py
//! (`resolve_dns`). Later changes of the address are noticed by `zmtp`, which asks anew at each attempt.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::log::error;

use crate::config::Opts;
use crate::transport::master_channel::{MasterAddress, SignInError};

/// Asks once.
///
/// # Errors
/// Why there is no address.
pub async fn once(address: &MasterAddress, ipv6: bool) -> Result<IpAddr, String> {
    let literal = address.host.contains(':');
    let usable = |found: &SocketAddr| found.is_ipv4() || ipv6 || literal;
    match tokio::net::lookup_host((address.host.as_str(), address.port)).await {
        Ok(mut found) => match found.find(usable) {
            Some(found) => Ok(found.ip()),
            None => Err(format!("'{}' has no IPv4 address, and the option ipv6 is off", address.host)),
        },
        Err(problem) => Err(format!("the name '{}' is not known: {problem}", address.host)),
    }
}

/// Asks until there is an address: every `retry_dns` seconds, `retry_dns_count` times if that is set. With
/// `retry_dns: 0` nobody waits (Salt goes to 127.0.0.1 then; we go on asking at each attempt to connect).
///
/// # Errors
/// When the tries are used up.
pub async fn patiently(address: &MasterAddress, opts: &Opts) -> Result<Option<IpAddr>, SignInError> {
    let every = opts.duration("retry_dns");
    let mut left =
        opts.get("retry_dns_count").filter(|count| !count.is_null()).map(|_| opts.int("retry_dns_count"));
    loop {
        let problem = match once(address, opts.bool("ipv6")).await {
            Ok(ip) => return Ok(Some(ip)),
            Err(problem) => problem,
        };
        if every.is_zero() {
            error!("Master hostname: '{}' not found or not responsive ({problem})", address.host);
            return Ok(None);
        }
        if let Some(left) = &mut left {
            if *left <= 0 {
                return Err(SignInError::Broken(format!(
                    "Master address: '{}' could not be resolved. Invalid or unresolveable address. Set 'master' value \
                     in minion config.",
                    address.host
                )));
            }
            *left -= 1;
        }
        error!(
            "Master hostname: '{}' not found or not responsive ({problem}). Retrying in {} seconds",
            address.host,
            every.as_secs_f32()
        );
        tokio::time::sleep(every.max(Duration::from_millis(10))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    fn nowhere() -> MasterAddress {
        // RFC 6761: a name that nobody has.
        MasterAddress { host: "no-such-master.invalid".to_owned(), port: 4506 }
    }

    #[tokio::test]
    async fn a_name_without_address_is_given_up_after_the_tries() {
        let mut opts = Opts::defaults(Role::Minion);
        opts.set("retry_dns", 0.01);
        opts.set("retry_dns_count", 2);
        let given_up = patiently(&nowhere(), &opts).await.expect_err("no address");
        assert!(given_up.to_string().starts_with("Master address: 'no-such-master.invalid' could not be"));
        opts.set("retry_dns", 0);
        assert!(patiently(&nowhere(), &opts).await.expect("no waiting").is_none());
    }

    #[tokio::test]
    async fn numbers_are_addresses() {
        let address = MasterAddress { host: "127.0.0.1".to_owned(), port: 4506 };
        let opts = Opts::defaults(Role::Minion);
        let found = patiently(&address, &opts).await.expect("an address");
        assert_eq!(found, Some(IpAddr::from([127, 0, 0, 1])));
    }
}
