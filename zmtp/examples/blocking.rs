//! The pure part alone, with threads and blocking sockets of the standard library:
//! `cargo run -p zmtp --no-default-features --example blocking`. A REP's connection answers one DEALER's.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Instant,
};

use zmtp::{
    Message, Options, SocketType,
    connection::{Connection, Event},
    envelope,
};

/// A connection and its stream: the whole driver.
struct Blocking {
    connection: Connection,
    stream: TcpStream,
}

impl Blocking {
    fn new(socket_type: SocketType, stream: TcpStream) -> io::Result<Blocking> {
        let connection = Connection::new(socket_type, Arc::new(Options::default()), Instant::now());
        let mut blocking = Blocking { connection, stream };
        blocking.flush()?;
        while !blocking.connection.is_ready() {
            blocking.event()?;
        }
        Ok(blocking)
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(piece) = self.connection.take_transmit() {
            self.stream.write_all(&piece)?;
        }
        Ok(())
    }

    /// The next event; reads as long as there is none, and no longer than the connection's next deadline.
    fn event(&mut self) -> io::Result<Event> {
        let mut buffer = [0; 4096];
        loop {
            let event = self.connection.poll_event(Instant::now()).map_err(io::Error::other)?;
            self.flush()?;
            if let Some(event) = event {
                return Ok(event);
            }
            let now = Instant::now();
            let patience = self.connection.poll_timeout().map(|deadline| {
                deadline.saturating_duration_since(now).max(std::time::Duration::from_millis(1))
            });
            self.stream.set_read_timeout(patience)?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(octets) => {
                    self.connection.handle_input(Instant::now(), buffer.get(..octets).unwrap_or_default());
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    self.connection.handle_timeout(Instant::now()).map_err(io::Error::other)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self, message: &Message) -> io::Result<()> {
        self.connection.send(message).map_err(io::Error::other)?;
        self.flush()
    }

    fn recv(&mut self) -> io::Result<Message> {
        loop {
            if let Event::Message(message) = self.event()? {
                return Ok(message);
            }
        }
    }
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || {
        let mut rep = Blocking::new(SocketType::Rep, listener.accept()?.0)?;
        let request = rep.recv()?;
        let (envelope, body) =
            envelope::split(request).map_err(|_| io::Error::other("a request without an envelope"))?;
        rep.send(&envelope::join(envelope, Message::from(body.first().to_ascii_uppercase())))
    });
    let mut dealer = Blocking::new(SocketType::Dealer, TcpStream::connect(address)?)?;
    dealer.send(&envelope::join(envelope::Envelope::empty(), Message::from("no runtime at all")))?;
    println!("{:?}", dealer.recv()?.parts());
    server.join().map_err(|_| io::Error::other("the server panicked"))?
}
