//! A forwarder: XSUB towards publishers, XPUB towards subscribers. Subscriptions travel up, messages down.

use zmtp::{Options, XPubEvent, XPubSocket, XSubSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let back_at = arguments.next().unwrap_or("tcp://127.0.0.1:5557".into()).parse()?;
    let front_at = arguments.next().unwrap_or("tcp://127.0.0.1:5558".into()).parse()?;
    let mut back = XSubSocket::bind(&back_at, Options::default()).await?;
    let mut front = XPubSocket::bind(&front_at, Options::default()).await?;
    println!("publishers connect to {back_at}, subscribers to {front_at}");
    loop {
        tokio::select! {
            message = back.recv() => front.publish(message),
            event = front.recv() => match event {
                XPubEvent::Subscribed(topic) => back.subscribe(&topic),
                XPubEvent::Unsubscribed(topic) => back.unsubscribe(&topic),
                XPubEvent::Message(message) => back.send(message),
            },
        }
    }
}
