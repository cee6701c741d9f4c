//! The resolver against a name server of its own on the loopback.

use super::message::{A, PTR, Query, decode, reverse_name};
use super::*;

const HOSTS: &str = "127.0.0.1 localhost\n127.0.1.1 web1.example.org web1 # comment\n::1 localhost ip6-localhost\n\
    192.0.2.7 web1\nbad line\n";

fn resolver() -> Resolver {
    Resolver { hosts: Hosts::parse(HOSTS), sources: vec![Source::Hosts], ndots: 1, ..Default::default() }
}

fn one(resolver: &Resolver, question: Question) -> Option<Answer> {
    resolver.answer(&[question], Duration::from_secs(5)).remove(0)
}

#[test]
fn the_first_name_of_a_line_is_canonical_and_all_lines_count() {
    let answer = one(&resolver(), Question::V4("web1".to_owned())).expect("known");
    assert_eq!(answer.name, "web1.example.org");
    assert_eq!(
        answer.addresses,
        ["127.0.1.1", "192.0.2.7"].map(|ip| ip.parse::<IpAddr>().expect("an address"))
    );
    let answer = one(&resolver(), Question::Reverse("127.0.1.1".parse().expect("ip"))).expect("known");
    assert_eq!((answer.name.as_str(), answer.aliases.len()), ("web1.example.org", 1));
    assert_eq!(one(&resolver(), Question::V6("web1".to_owned())), None);
    let answer = one(&resolver(), Question::V4("ip6-localhost".to_owned())).expect("known");
    assert_eq!(answer.addresses, ["127.0.0.1".parse::<IpAddr>().expect("an address")]);
}

#[test]
fn nsswitch_orders_the_sources() {
    assert_eq!(sources("passwd: files\n"), [Source::Hosts, Source::Dns]);
    assert_eq!(
        sources("hosts:  files mdns4_minimal [NOTFOUND=return] dns myhostname\n"),
        [Source::Hosts, Source::Dns, Source::OwnName]
    );
}

#[test]
fn search_domains_come_first_for_short_names() {
    let resolver = Resolver { search: vec!["a.org".to_owned(), "b.org".to_owned()], ndots: 1, ..resolver() };
    assert_eq!(resolver.candidates("x"), ["x.a.org", "x.b.org", "x"]);
    assert_eq!(resolver.candidates("x.y"), ["x.y", "x.y.a.org", "x.y.b.org"]);
    assert_eq!(resolver.candidates("x."), ["x"]);
}

#[test]
fn names_of_addresses_are_reversed() {
    assert_eq!(reverse_name("192.0.2.7".parse().expect("ip")), "7.2.0.192.in-addr.arpa");
    assert_eq!(
        reverse_name("2001:db8::1".parse().expect("ip")),
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    );
}

/// Header, the question itself, then `answers`.
fn reply(query: &[u8], answers: &[&[u8]]) -> Vec<u8> {
    let mut octets = query.to_owned();
    octets[2] = 0x81;
    octets[7] = u8::try_from(answers.len()).expect("few");
    octets.extend(answers.concat());
    octets
}

const CNAME_RECORD: &[u8] = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x0f\x04real\x07example\0\0";
const A_RECORD: &[u8] = b"\x04real\x07example\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x07";

#[test]
fn aliases_lead_to_the_canonical_name() {
    let query = Query::new("www.example".to_owned(), A);
    let octets = reply(&query.encode(7).expect("a name"), &[CNAME_RECORD, A_RECORD]);
    let records = decode(&octets, &query).expect("a reply");
    let answer = summary(&query, records);
    assert_eq!(
        (answer.name.as_str(), answer.addresses.as_slice()),
        ("real.example", &["192.0.2.7".parse::<IpAddr>().expect("ip")][..])
    );
}

#[test]
fn hostile_replies_end() {
    let query = Query::new("x".to_owned(), PTR);
    let question = query.encode(7).expect("a name");
    // A pointer to itself, a record that says it is longer than the datagram, a cut header.
    let looping = reply(&question, &[b"\xc0\x13"]);
    assert_eq!(decode(&looping, &query), Some(vec![]));
    let long = reply(&question, &[b"\xc0\x0c\0\x0c\0\x01\0\0\0\x3c\xff\xff\x01"]);
    assert_eq!(decode(&long, &query), Some(vec![]));
    assert_eq!(decode(&question[..9], &query), None);
    // A question is not a reply; a reply to another question is none to this one.
    assert_eq!(decode(&question, &query), None);
    assert_eq!(decode(&reply(&question, &[]), &Query::new("y".to_owned(), PTR)), None);
    assert!(Query::new("a..b".to_owned(), A).encode(1).is_none());
    assert!(Query::new("a".repeat(64), A).encode(1).is_none());
}

#[test]
fn a_server_is_asked_and_a_silent_one_costs_the_budget_at_most() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = |socket: &UdpSocket| socket.local_addr().expect("an address");
    let resolver = Resolver {
        sources: vec![Source::Hosts, Source::Dns],
        servers: vec![address(&silent), address(&server)],
        ..resolver()
    };
    let answering = std::thread::spawn(move || {
        let mut buffer = [0_u8; 512];
        let (length, peer) = server.recv_from(&mut buffer).expect("a question");
        server.send_to(&reply(&buffer[..length], &[CNAME_RECORD, A_RECORD]), peer).expect("sent");
    });
    let questions = [Question::V4("www.example".to_owned()), Question::V4("localhost".to_owned())];
    let answers = resolver.answer(&questions, Duration::from_millis(400));
    answering.join().expect("answered");
    let names: Vec<_> = answers.iter().flatten().map(|answer| answer.name.as_str()).collect();
    assert_eq!(names, ["real.example", "localhost"]);
    assert_eq!(
        Resolver { servers: vec![address(&silent)], ..resolver }
            .answer(&questions, Duration::from_millis(1))
            .len(),
        2
    );
}
