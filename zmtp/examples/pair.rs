//! Two ends of one wire.

use zmtp::{Message, Options, PairSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut left = PairSocket::bind(&"inproc://wire".parse()?, Options::default()).await?;
    let mut right = PairSocket::connect(&"inproc://wire".parse()?, Options::default());
    right.send(Message::from("ping")).await;
    println!("left heard {:?}", left.recv().await.first());
    left.send(Message::from("pong")).await;
    println!("right heard {:?}", right.recv().await.first());
    Ok(())
}
