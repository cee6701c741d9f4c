//! CURVE: a server that knows its clients by their keys, and one client it knows.

use zmtp::{
    Authorizer, Credentials, Decision, Mechanism, Message, Options, RepSocket, ReqSocket,
    mechanism::curve::SecretKey,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (server_key, client_key) = (SecretKey::generate()?, SecretKey::generate()?);
    println!("the server's public key, to be told to clients: {}", server_key.public());

    let known = client_key.public();
    let curve_serverkey = server_key.public();
    let options = Options {
        mechanism: Mechanism::CurveServer { curve_secretkey: server_key },
        authorizer: Some(Authorizer::new(move |request| match request.credentials {
            Credentials::Curve { public_key } if public_key == known => Decision::Accept("friend".into()),
            _ => Decision::Deny,
        })),
        ..Options::default()
    };
    let mut rep = RepSocket::bind(&"tcp://127.0.0.1:0".parse()?, options).await?;
    let mechanism = Mechanism::CurveClient { curve_serverkey, curve_secretkey: client_key };
    let endpoint = rep.local_endpoint().ok_or("it listens")?;
    let mut req = ReqSocket::connect(&endpoint, Options { mechanism, ..Options::default() });
    req.send(Message::from("nobody else can read this")).await?;
    println!("{:?}", rep.recv().await.first());
    rep.send(Message::from("nor this"))?;
    println!("{:?}", req.recv().await?.first());
    Ok(())
}
