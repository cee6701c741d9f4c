//! `/etc/hosts`. hosts(5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Answer, Question};

/// The lines of a hosts file.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    lines: Vec<(IpAddr, Vec<String>)>,
}

impl Hosts {
    /// Reads the text of a hosts file; lines that are none are passed over.
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split('#').next()?.split_whitespace();
            let ip = words.next()?.parse().ok()?;
            let names: Vec<String> = words.map(str::to_owned).collect();
            (!names.is_empty()).then_some((ip, names))
        };
        Hosts { lines: text.lines().filter_map(line).collect() }
    }

    pub(super) fn answer(&self, question: &Question) -> Option<Answer> {
        match question {
            Question::V4(name) => self.forward(name, false),
            Question::V6(name) => self.forward(name, true),
            Question::Reverse(ip) => {
                let (_, names) = self.lines.iter().find(|(line, _)| line == ip)?;
                let (name, aliases) = names.split_first()?;
                Some(Answer { name: name.clone(), aliases: aliases.to_vec(), addresses: vec![*ip] })
            }
        }
    }

    fn forward(&self, name: &str, v6: bool) -> Option<Answer> {
        let mut answer: Option<Answer> = None;
        for (ip, names) in &self.lines {
            // glibc: an IPv4 question finds `::1` as 127.0.0.1.
            let ip = match ip {
                IpAddr::V6(Ipv6Addr::LOCALHOST) if !v6 => IpAddr::V4(Ipv4Addr::LOCALHOST),
                ip => *ip,
            };
            if ip.is_ipv6() != v6 || !names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                continue;
            }
            let answer = answer.get_or_insert_with(|| Answer {
                name: names.first().cloned().unwrap_or_default(),
                aliases: names.iter().skip(1).cloned().collect(),
                addresses: Vec::new(),
            });
            if !answer.addresses.contains(&ip) {
                answer.addresses.push(ip);
            }
        }
        answer
    }
}
