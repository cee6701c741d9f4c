//! A forwarder: XSUB towards publishers, XPUB towards subscribers. Subscriptions travel up, messages down.

use zmtp::{Options, XPubEvent, XPubSocket, XSubSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut back = XSubSocket::bind(&"tcp://127.0.0.1:5557".parse()?, Options::default()).await?;
    let mut front = XPubSocket::bind(&"tcp://127.0.0.1:5558".parse()?, Options::default()).await?;
    println!("publishers connect to 5557, subscribers to 5558");
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
