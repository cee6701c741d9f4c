//! A ROUTER that knows its workers by name, and three DEALERs: one process, over inproc.

use zmtp::{DealerSocket, Endpoint, Message, Options, RouterSocket, RoutingId};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let endpoint: Endpoint = "inproc://workers".parse()?;
    // With `router_mandatory`, a message to nobody is an error instead of a silent drop.
    let options = Options { router_mandatory: true, ..Options::default() };
    let mut router = RouterSocket::bind(&endpoint, options).await?;
    for name in ["anna", "bela", "carl"] {
        let options = Options { routing_id: Some(RoutingId::new(name.as_bytes())?), ..Options::default() };
        let mut dealer = DealerSocket::connect(&endpoint, options);
        tokio::spawn(async move {
            dealer.send(Message::from("ready")).await;
            loop {
                let job = dealer.recv().await;
                dealer.send(Message::from(job.first().to_ascii_uppercase())).await;
            }
        });
    }
    for _ in 0..3 {
        let (worker, _ready) = router.recv().await;
        router.send(&worker, format!("a job for {worker}").into())?;
    }
    for _ in 0..3 {
        let (worker, result) = router.recv().await;
        println!("{worker}: {:?}", result.first());
    }
    assert!(router.send(&RoutingId::new(b"nobody")?, Message::from("?")).is_err());
    Ok(())
}
