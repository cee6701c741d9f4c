//! Answers every question in capitals.

use zmtp::{Message, Options, RepSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp://127.0.0.1:5555".into()).parse()?;
    let mut rep = RepSocket::bind(&endpoint, Options::default()).await?;
    println!("answering at {endpoint}");
    loop {
        let question = rep.recv().await;
        rep.send(Message::from(question.first().to_ascii_uppercase()))?;
    }
}
