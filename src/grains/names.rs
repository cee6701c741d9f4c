//! `localhost`, `fqdn`, `host`, `domain`, `fqdn_ip4`, `fqdn_ip6` and `fqdns`: the names of this machine.
//! Salt: grains/core.py, utils/network.py (`get_fqhostname`), modules/network.py (`fqdns`).

use std::net::IpAddr;
use std::time::Duration;

use super::machine::Machine;
use crate::host::resolver::{Answer, Question, Resolver};
use crate::map;
use crate::value::{Map, Value, sort};

/// All name servers together may take this long. Salt waits for the C library, which may take half a minute.
const BUDGET: Duration = Duration::from_millis(500);

/// What is known of the names of this machine.
pub(super) struct Names {
    pub fqdn: String,
    pub fqdn_ip4: Vec<String>,
    pub fqdn_ip6: Vec<String>,
    /// Names of its addresses, sorted.
    pub fqdns: Vec<String>,
}

impl Names {
    /// Asks `/etc/hosts` and, where that does not know, name servers.
    pub fn ask(machine: &Machine) -> Self {
        let hostname = machine.uname.node.clone();
        let addresses: Vec<IpAddr> =
            machine.interfaces().iter().flat_map(|interface| &interface.addresses).map(|it| it.ip).collect();
        let outside: Vec<IpAddr> = addresses.iter().copied().filter(|ip| !ip.is_loopback()).collect();
        let mut resolver = Resolver::from_files(&machine.root);
        resolver.own = Answer { name: hostname.clone(), aliases: Vec::new(), addresses: outside.clone() };
        // A name that /etc/hosts knows is made canonical first; the C library looks for IPv6 before IPv4.
        let known = [Question::V6(hostname.clone()), Question::V4(hostname.clone())];
        let name =
            known.iter().find_map(|question| resolver.local(question)).map_or(hostname, |answer| answer.name);
        let mut questions = Vec::new();
        // Without addresses of a family on the machine, Salt does not ask for such.
        if !name.is_empty() && addresses.iter().any(IpAddr::is_ipv4) {
            questions.push(Question::V4(name.clone()));
        }
        if !name.is_empty() && addresses.iter().any(IpAddr::is_ipv6) {
            questions.push(Question::V6(name.clone()));
        }
        let forward = questions.len();
        if machine.option("enable_fqdns_grains", true) {
            questions.extend(outside.into_iter().map(Question::Reverse));
        }
        let mut answers = resolver.answer(&questions, BUDGET);
        let reverse = answers.split_off(forward);
        let mut fqdns: Vec<String> = reverse.into_iter().flatten().map(Answer::full_name).collect();
        sort::all(&mut fqdns);
        fqdns.dedup();
        let found: Vec<Answer> = answers.into_iter().flatten().collect();
        let texts = |v6: bool| {
            let ips = found.iter().flat_map(|answer| &answer.addresses).filter(|ip| ip.is_ipv6() == v6);
            ips.map(IpAddr::to_string).collect::<Vec<_>>()
        };
        let (fqdn_ip4, fqdn_ip6) = (texts(false), texts(true));
        let fqdn = found.first().map_or(name, |answer| answer.name.clone());
        let fqdn = if fqdn.is_empty() { "localhost.localdomain".to_owned() } else { fqdn };
        Names { fqdn, fqdn_ip4, fqdn_ip6, fqdns }
    }
}

/// `localhost`, `fqdn`, `host`, `domain`.
pub(super) fn hostname(machine: &Machine) -> Map {
    let fqdn = &machine.names().fqdn;
    let (host, domain) = fqdn.split_once('.').unwrap_or((fqdn, ""));
    map! { "localhost" => machine.uname.node.as_str(), "fqdn" => fqdn, "host" => host, "domain" => domain }
}

/// `fqdns`.
pub(super) fn fqdns(machine: &Machine) -> Map {
    map! { "fqdns" => Value::list(machine.names().fqdns.clone()) }
}
