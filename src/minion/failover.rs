//! One master after the other: `master_type: failover` and `distributed`, with `master_alive_interval` and
//! `master_failback`. Salt: minion.py (`eval_master`), modules/status.py (`ping_master`).

use std::sync::Arc;
use std::time::Duration;

use crate::event::Filter;
use crate::log::{debug, error, info, warn};

use super::link::{Link, LinkEnd};
use super::spool::Adopt;
use super::{Daemon, periodic, resolve};
use crate::transport::master_channel::{MasterAddress, MasterChannel, SignInError, answers};

/// Tries the masters in turn, for ever.
pub async fn run(daemon: Arc<Daemon>, addresses: Vec<MasterAddress>) -> SignInError {
    let wait = daemon.opts.duration("acceptance_wait_time").max(Duration::from_secs(1));
    if daemon.opts.float("retry_dns") > 0.0 && daemon.opts.str("master_type") == "failover" {
        info!(
            "'master_type' is failover: a master without an address is passed over (retry_dns is not used)"
        );
    }
    let mut order: Vec<&MasterAddress> = addresses.iter().collect();
    let mut first = true;
    loop {
        let mut next = None;
        for address in order {
            match try_one(&daemon, address, addresses.first(), first).await {
                End::Lost => {
                    warn!("Connection to master {address} lost: moving it to the end of the list of masters");
                    next = Some(after_loss(&addresses, address));
                    break;
                }
                End::Failback => {
                    info!("Master {} answers again: going back to it", first_of(&addresses));
                    next = Some(addresses.iter().collect());
                    break;
                }
                End::Unreachable(why) => {
                    error!("Master {address} could not be reached, trying next master (if any): {why}");
                }
            }
            first = false;
        }
        first = false;
        order = match next {
            Some(order) => order,
            None => {
                error!("No master could be reached or all masters denied the minion's connection attempt.");
                tokio::time::sleep(wait).await;
                addresses.iter().collect()
            }
        };
    }
}

enum End {
    Lost,
    /// The first master of the list is there again.
    Failback,
    Unreachable(String),
}

async fn try_one(
    daemon: &Arc<Daemon>,
    address: &MasterAddress,
    preferred: Option<&MasterAddress>,
    first: bool,
) -> End {
    info!("Trying master {address}");
    if let Err(problem) = resolve::once(address, daemon.opts.bool("ipv6")).await {
        return End::Unreachable(problem);
    }
    let mut settings = daemon.settings(address.clone());
    settings.policy.trouble_is_final = true;
    let channel = MasterChannel::new(settings);
    let link = Link::new(Arc::clone(daemon), channel, Adopt::new(&address.to_string(), Some(&[])));
    if first {
        periodic::earlier_jobs(Arc::clone(&link)).await;
    }
    let better = preferred.filter(|preferred| *preferred != address);
    let end = tokio::select! {
        end = Arc::clone(&link).run() => end,
        () = there_again(daemon, better) => {
            daemon.left(&link);
            return End::Failback;
        }
    };
    match end {
        LinkEnd::Lost => End::Lost,
        LinkEnd::Refused(refused) => End::Unreachable(refused.to_string()),
    }
}

/// Ends when the master that should be used answers, because `status.ping_master` says so, or with `master_failback`;
/// otherwise never.
async fn there_again(daemon: &Daemon, better: Option<&MasterAddress>) {
    let Some(better) = better else { return std::future::pending().await };
    tokio::select! {
        () = told(daemon, better) => {}
        () = asked(daemon, better) => {}
    }
}

/// Ends with the event that tells that this master answers.
async fn told(daemon: &Daemon, better: &MasterAddress) {
    let mut events = daemon.bus.subscribe(Filter::prefix("__master_failback"));
    loop {
        let Some(event) = events.next().await else { return std::future::pending().await };
        let master = event.data.str("master").unwrap_or_default();
        if MasterAddress::parse(master, better.port).is_ok_and(|master| master == *better) {
            return;
        }
        warn!("Bad master '{master}' when mine failback is '{better}'");
    }
}

async fn asked(daemon: &Daemon, better: &MasterAddress) {
    let Some(every) = failback_interval(daemon) else { return std::future::pending().await };
    let settings = daemon.settings(better.clone());
    let patience = settings.policy.timeout;
    loop {
        tokio::time::sleep(every).await;
        if answers(&settings, patience).await {
            return;
        }
        debug!("master {better} does not answer yet");
    }
}

/// `master_failback_interval`, or `master_alive_interval`.
fn failback_interval(daemon: &Daemon) -> Option<Duration> {
    if !daemon.opts.bool("master_failback") {
        return None;
    }
    let own = daemon.opts.duration("master_failback_interval");
    let alive = daemon.opts.duration("master_alive_interval");
    [own, alive].into_iter().find(|interval| !interval.is_zero())
}

/// The order after `lost` was lost: it comes last.
fn after_loss<'a>(addresses: &'a [MasterAddress], lost: &MasterAddress) -> Vec<&'a MasterAddress> {
    let (lost, mut order): (Vec<_>, Vec<_>) = addresses.iter().partition(|address| *address == lost);
    order.extend(lost);
    order
}

fn first_of(addresses: &[MasterAddress]) -> String {
    addresses.first().map(MasterAddress::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_master_comes_last() {
        let addresses: Vec<_> =
            ["a", "b", "c"].iter().map(|name| MasterAddress::parse(name, 1).expect("an address")).collect();
        let order = after_loss(&addresses, &addresses[1]);
        assert_eq!(order.iter().map(|address| address.host.as_str()).collect::<Vec<_>>(), ["a", "c", "b"]);
    }
}
