//! Asks `--example rep`, with a limit of time, and survives its restart.

use std::time::Duration;

use zmtp::{Options, ReqError, ReqSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp://127.0.0.1:5555".into()).parse()?;
    let mut req = ReqSocket::connect(&endpoint, Options::default());
    for number in 1..=10 {
        req.send(format!("question {number}").into()).await?;
        loop {
            match tokio::time::timeout(Duration::from_secs(1), req.recv()).await {
                Ok(Ok(reply)) => break println!("{:?}", reply.first()),
                Ok(Err(ReqError::PeerLost)) => break println!("the server went away with the question"),
                Ok(Err(error)) => return Err(error.into()),
                Err(_elapsed) => println!("still waiting"), // the dropped call lost nothing
            }
        }
    }
    req.close().await;
    Ok(())
}
