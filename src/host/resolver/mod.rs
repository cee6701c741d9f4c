//! Names and addresses: `/etc/hosts`, this machine's own name, and DNS, in the order of nsswitch.conf(5), with one
//! deadline for all questions together. The C library's resolver waits up to 30 seconds for each; grains cannot.

mod hosts;
mod message;

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::TryRng;

pub use hosts::Hosts;
use message::{Query, Record};

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// IPv4 addresses of a name.
    V4(String),
    /// IPv6 addresses of a name.
    V6(String),
    /// The name of an address.
    Reverse(IpAddr),
}

/// What is known about a name or an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The canonical name.
    pub name: String,
    pub aliases: Vec<String>,
    pub addresses: Vec<IpAddr>,
}

/// Where answers come from.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    pub hosts: Hosts,
    /// In the order of nsswitch.conf.
    pub sources: Vec<Source>,
    /// Name servers, at most three.
    pub servers: Vec<SocketAddr>,
    pub search: Vec<String>,
    pub ndots: usize,
    /// This machine's name and addresses, for [`Source::OwnName`].
    pub own: Answer,
}

impl Answer {
    /// The first name with a dot, as Python's `getfqdn` prefers.
    pub fn full_name(self) -> String {
        let dotted = std::iter::once(&self.name).chain(&self.aliases).find(|name| name.contains('.'));
        dotted.unwrap_or(&self.name).clone()
    }
}

/// One word of the `hosts:` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Hosts,
    OwnName,
    Dns,
}

impl Resolver {
    /// The resolver that files below `root` describe.
    pub fn from_files(root: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let mut resolver = Resolver {
            hosts: Hosts::parse(&read("etc/hosts")),
            sources: sources(&read("etc/nsswitch.conf")),
            ndots: 1,
            ..Default::default()
        };
        resolver.read_resolv_conf(&read("etc/resolv.conf"));
        resolver
    }

    fn read_resolv_conf(&mut self, text: &str) {
        const MAX_SERVERS: usize = 3;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    if let Some(server) = server.filter(|_| self.servers.len() < MAX_SERVERS) {
                        self.servers.push(SocketAddr::new(server, 53));
                    }
                }
                Some("domain" | "search") => self.search = words.map(str::to_owned).collect(),
                Some("options") => {
                    let ndots = words.find_map(|word| word.strip_prefix("ndots:")?.parse().ok());
                    self.ndots = ndots.unwrap_or(self.ndots);
                }
                _ => {}
            }
        }
        if self.servers.is_empty() {
            // resolv.conf(5): without a name server, the one of this machine is asked.
            self.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
        }
    }

    /// Answers all questions, DNS ones at the same time, within `budget`. What cannot be answered until then is `None`.
    pub fn answer(&self, questions: &[Question], budget: Duration) -> Vec<Option<Answer>> {
        let mut answers: Vec<Option<Answer>> = questions.iter().map(|_| None).collect();
        let mut asked = false;
        for source in &self.sources {
            match source {
                Source::Hosts => fill(questions, &mut answers, |question| self.hosts.answer(question)),
                Source::OwnName => fill(questions, &mut answers, |question| self.own_name(question)),
                Source::Dns if !asked => {
                    asked = true;
                    let open = questions.iter().zip(&answers).filter(|(_, answer)| answer.is_none());
                    let found = self.ask(&open.map(|(question, _)| question).collect::<Vec<_>>(), budget);
                    fill(questions, &mut answers, |question| found.get(question).cloned());
                }
                Source::Dns => {}
            }
        }
        answers
    }

    /// What is known without asking a name server.
    pub fn local(&self, question: &Question) -> Option<Answer> {
        self.sources.iter().find_map(|source| match source {
            Source::Hosts => self.hosts.answer(question),
            Source::OwnName => self.own_name(question),
            Source::Dns => None,
        })
    }

    fn own_name(&self, question: &Question) -> Option<Answer> {
        let addresses = |v6: bool| self.own.addresses.iter().copied().filter(move |ip| ip.is_ipv6() == v6);
        let own = |addresses: Vec<IpAddr>| {
            (!addresses.is_empty()).then(|| Answer { addresses, ..self.own.clone() })
        };
        match question {
            Question::V4(name) if *name == self.own.name => own(addresses(false).collect()),
            Question::V6(name) if *name == self.own.name => own(addresses(true).collect()),
            Question::Reverse(ip) if self.own.addresses.contains(ip) => own(vec![*ip]),
            _ => None,
        }
    }

    /// Names to try for `name`, best first. resolv.conf(5), "search" and "ndots".
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_owned()];
        }
        let searched = self.search.iter().map(|domain| format!("{name}.{}", domain.trim_matches('.')));
        let mut candidates: Vec<String> = searched.collect();
        let position = if name.matches('.').count() >= self.ndots { 0 } else { candidates.len() };
        candidates.insert(position, name.to_owned());
        candidates
    }

    fn ask(&self, questions: &[&Question], budget: Duration) -> HashMap<Question, Answer> {
        let mut pending: Vec<Asked> = Vec::new();
        for (place, question) in questions.iter().enumerate() {
            let queries = match question {
                Question::V4(name) => {
                    self.candidates(name).into_iter().map(|name| Query::new(name, message::A)).collect()
                }
                Question::V6(name) => {
                    self.candidates(name).into_iter().map(|name| Query::new(name, message::AAAA)).collect()
                }
                Question::Reverse(ip) => vec![Query::new(message::reverse_name(*ip), message::PTR)],
            };
            pending.extend(queries.into_iter().map(|query| Asked { place, query, reply: None }));
        }
        let started = Instant::now();
        let share = budget / u32::try_from(self.servers.len().max(1)).unwrap_or(1);
        for (turn, server) in (1_u32..).zip(&self.servers) {
            if pending.iter().all(|asked| asked.reply.is_some()) {
                break;
            }
            // A server that cannot be reached is passed over; the next one is asked what is left.
            let _ = exchange(*server, &mut pending, started + share * turn);
        }
        let mut found = HashMap::new();
        for asked in pending {
            let Some(question) = questions.get(asked.place) else { continue };
            let records = asked.reply.unwrap_or_default();
            if !records.is_empty() {
                found.entry((*question).clone()).or_insert_with(|| summary(&asked.query, records));
            }
        }
        found
    }
}

fn fill(questions: &[Question], answers: &mut [Option<Answer>], find: impl Fn(&Question) -> Option<Answer>) {
    for (question, answer) in questions.iter().zip(answers) {
        if answer.is_none() {
            *answer = find(question);
        }
    }
}

fn sources(nsswitch: &str) -> Vec<Source> {
    let line = nsswitch.lines().find_map(|line| line.trim().strip_prefix("hosts:"));
    let words = line.unwrap_or("files dns").split('#').next().unwrap_or_default().split_whitespace();
    words
        .filter_map(|word| match word {
            "files" => Some(Source::Hosts),
            "myhostname" => Some(Source::OwnName),
            "dns" | "resolve" => Some(Source::Dns),
            _ => None,
        })
        .collect()
}

struct Asked {
    place: usize,
    query: Query,
    /// `None` until a server has answered; then its records, none for "no such name".
    reply: Option<Vec<Record>>,
}

fn exchange(server: SocketAddr, pending: &mut [Asked], deadline: Instant) -> std::io::Result<()> {
    let local = if server.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    let mut ids: HashMap<u16, usize> = HashMap::new();
    for (index, asked) in pending.iter().enumerate().filter(|(_, asked)| asked.reply.is_none()) {
        let id = loop {
            // An id that cannot be guessed, and that no other question has.
            let [a, b, ..] = rand::rngs::SysRng.try_next_u32().map_err(std::io::Error::other)?.to_be_bytes();
            let id = u16::from_be_bytes([a, b]);
            if let std::collections::hash_map::Entry::Vacant(free) = ids.entry(id) {
                free.insert(index);
                break id;
            }
        };
        if let Some(octets) = asked.query.encode(id) {
            socket.send(&octets)?;
        }
    }
    let mut buffer = [0_u8; 4096];
    while pending.iter().any(|asked| asked.reply.is_none()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let reply = buffer.get(..length).unwrap_or_default();
        let index = reply.first_chunk().and_then(|id| ids.get(&u16::from_be_bytes(*id)));
        if let Some(asked) = index.and_then(|index| pending.get_mut(*index))
            && let Some(records) = message::decode(reply, &asked.query)
        {
            asked.reply = Some(records);
        }
    }
    Ok(())
}

fn summary(query: &Query, records: Vec<Record>) -> Answer {
    let mut answer = Answer { name: query.name.clone(), ..Default::default() };
    for record in records {
        match record {
            Record::Address(owner, ip) => {
                answer.name = owner;
                if !answer.addresses.contains(&ip) {
                    answer.addresses.push(ip);
                }
            }
            Record::Name(name) if answer.name == query.name => answer.name = name,
            Record::Name(name) => answer.aliases.push(name),
        }
    }
    answer
}

#[cfg(test)]
mod tests;
