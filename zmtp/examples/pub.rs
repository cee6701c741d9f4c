//! Publishes the time under two topics, as fast as nobody needs it: `cargo run -p zmtp --example pub`, and `--example sub`.

use std::time::{Duration, SystemTime};

use zmtp::{Message, Options, PubSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp://127.0.0.1:5556".into()).parse()?;
    let publisher = PubSocket::bind(&endpoint, Options { sndhwm: Some(100), ..Options::default() }).await?;
    println!("publishing at {endpoint}, waiting for a subscriber");
    publisher.wait_for_subscribers(1).await;
    loop {
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let topic = if seconds % 2 == 0 { "even" } else { "odd" };
        publisher.send(Message::from_parts(vec![topic.into(), seconds.to_string().into()])).await;
        for (peer, lost) in publisher.dropped() {
            println!("{peer} is slow and lost {lost} messages so far");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
