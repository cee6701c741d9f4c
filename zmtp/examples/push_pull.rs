//! A ventilator and two workers: PUSH deals out in turn and waits for those who are slow.

use zmtp::{Message, Options, PullSocket, PushSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let push = PushSocket::bind(&"tcp://127.0.0.1:0".parse()?, Options::default()).await?;
    let endpoint = push.local_endpoint().ok_or("it listens")?;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 1..=2 {
        let mut pull = PullSocket::connect(&endpoint, Options { rcvhwm: Some(2), ..Options::default() });
        workers.spawn(async move {
            for _ in 0..5 {
                println!("worker {worker}: {:?}", pull.recv().await.first());
            }
        });
    }
    for number in 0..10 {
        push.send(Message::from(format!("job {number}").into_bytes())).await;
    }
    // Jobs may be dealt out unevenly while the second worker is still connecting; stop with the first that is done.
    workers.join_next().await.ok_or("there are workers")??;
    Ok(())
}
