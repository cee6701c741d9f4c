//! Hears what `--example pub` publishes under one topic, and tells what happens to its connection.

use zmtp::{Options, SubSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp://127.0.0.1:5556".into()).parse()?;
    let mut sub = SubSocket::new(Options::default());
    let mut events = sub.events(); // before the first dial, so that none is missed
    sub.subscribe(b"even");
    sub.dial(&endpoint);
    loop {
        // Both calls may be dropped at any time: nothing is lost.
        tokio::select! {
            message = sub.recv() => println!("{:?}", message.parts()),
            event = events.recv() => println!("{event:?}"),
        }
    }
}
