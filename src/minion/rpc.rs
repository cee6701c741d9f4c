//! What a job process and its daemon say to each other over a socket pair: the job goes down, then questions come up
//! and answers go down in lock-step, and last of all comes the return.
//!
//! ```text
//! frame = length (4 octets, big-endian) | msgpack with bin types
//! down  = job                              {"job": map, "opts": map, "grains": map, "pillar": map, "master": str,
//!                                           "secrets": [str]}
//! up    = {"ask": "request", "load": map, "timeout_ms": int}
//!       | {"ask": "requests", "loads": [map], "timeout_ms": int}      "ok" is a list
//!       | {"ask": "pillar", "saltenv": str?, "pillarenv": str?, "overrides": map, "ext": map?}
//!                                                               "ok" is [pillar, [secret]]
//!       | {"ask": "fire", "tag": str, "data": map}
//!       | {"done": map}                          answered when the return is written down
//! down  = {"ok": any} | {"fault": str}
//! ```

use std::io::{self, Read, Write};

use bytes::Bytes;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::map;
use crate::value::msgpack::{Dialect, Reading, decode_shared, encode_into, encode_map_into, write_map_head};
use crate::value::{Map, Value};

/// The longest frame: both ends are ours, but a job may return a lot.
pub const LONGEST_FRAME: usize = 1 << 30;

/// As much memory is made before a frame has come.
const READ_AHEAD: usize = 8 << 20;

/// A frame that is none.
#[derive(Debug, Error)]
pub enum RpcError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a frame of {0} octets is too long")]
    TooLong(usize),
    #[error("a frame holds no map that was expected here")]
    Unexpected,
}

/// What a job starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The publish load.
    pub job: Map,
    pub opts: Map,
    pub grains: Map,
    pub pillar: Map,
    /// The master that published it.
    pub master: String,
    /// What the job may not show.
    pub secrets: Vec<String>,
}

/// What a job process says.
#[derive(Clone, Debug, PartialEq)]
pub enum Up {
    Request {
        load: Map,
        timeout_ms: i64,
    },
    /// Requests that do not wait for each other.
    Requests {
        loads: Vec<Map>,
        timeout_ms: i64,
    },
    Pillar {
        saltenv: Option<String>,
        pillarenv: Option<String>,
        overrides: Map,
        /// One more external source.
        ext: Option<Map>,
    },
    Fire {
        tag: String,
        data: Map,
    },
    /// The `_return` load.
    Done(Map),
}

/// An answer to a question: a value, or why there is none.
pub type Answer = Result<Value, String>;

impl Start {
    fn to_map(&self) -> Map {
        map! {
            "job" => self.job.clone(),
            "opts" => self.opts.clone(),
            "grains" => self.grains.clone(),
            "pillar" => self.pillar.clone(),
            "master" => self.master.as_str(),
            "secrets" => Value::list(self.secrets.clone()),
        }
    }

    fn from_map(mut map: Map) -> Result<Self, RpcError> {
        let mut take = |name: &str| match map.remove(name) {
            Some(Value::Map(map)) => Ok(map),
            _ => Err(RpcError::Unexpected),
        };
        let (job, opts, grains, pillar) = (take("job")?, take("opts")?, take("grains")?, take("pillar")?);
        let master = map.str("master").unwrap_or_default().to_owned();
        Ok(Start { job, opts, grains, pillar, master, secrets: texts(map.get("secrets")) })
    }
}

/// The texts of a list.
pub fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Up {
    fn to_map(&self) -> Map {
        match self {
            Up::Request { load, timeout_ms } => {
                map! { "ask" => "request", "load" => load.clone(), "timeout_ms" => *timeout_ms }
            }
            Up::Requests { loads, timeout_ms } => {
                map! { "ask" => "requests", "loads" => Value::list(loads.clone()), "timeout_ms" => *timeout_ms }
            }
            Up::Pillar { saltenv, pillarenv, overrides, ext } => map! {
                "ask" => "pillar",
                "saltenv" => saltenv.clone(),
                "pillarenv" => pillarenv.clone(),
                "overrides" => overrides.clone(),
                "ext" => ext.clone(),
            },
            Up::Fire { tag, data } => map! { "ask" => "fire", "tag" => tag.as_str(), "data" => data.clone() },
            Up::Done(load) => map! { "done" => load.clone() },
        }
    }

    fn from_map(mut map: Map) -> Result<Self, RpcError> {
        if let Some(Value::Map(load)) = map.remove("done") {
            return Ok(Up::Done(load));
        }
        let ask = map.str("ask").unwrap_or_default().to_owned();
        let loads = map.remove("loads");
        let mut take = |name: &str| match map.remove(name) {
            Some(Value::Map(map)) => Ok(map),
            _ => Err(RpcError::Unexpected),
        };
        match ask.as_str() {
            "request" => Ok(Up::Request {
                load: take("load")?,
                timeout_ms: map.get("timeout_ms").and_then(Value::as_int).ok_or(RpcError::Unexpected)?,
            }),
            "requests" => {
                let Some(Value::List(loads)) = loads else { return Err(RpcError::Unexpected) };
                let load =
                    |load| if let Value::Map(load) = load { Ok(load) } else { Err(RpcError::Unexpected) };
                let loads = loads.into_iter().map(load).collect::<Result<_, _>>()?;
                let timeout_ms = map.get("timeout_ms").and_then(Value::as_int).ok_or(RpcError::Unexpected)?;
                Ok(Up::Requests { loads, timeout_ms })
            }
            "pillar" => Ok(Up::Pillar {
                overrides: take("overrides")?,
                ext: take("ext").ok(),
                saltenv: map.str("saltenv").map(str::to_owned),
                pillarenv: map.str("pillarenv").map(str::to_owned),
            }),
            "fire" => Ok(Up::Fire {
                data: take("data")?,
                tag: map.str("tag").ok_or(RpcError::Unexpected)?.to_owned(),
            }),
            _ => Err(RpcError::Unexpected),
        }
    }
}

fn answer_from_map(mut map: Map) -> Result<Answer, RpcError> {
    match (map.remove("ok"), map.str("fault")) {
        (Some(value), _) => Ok(Ok(value)),
        (None, Some(text)) => Ok(Err(text.to_owned())),
        (None, None) => Err(RpcError::Unexpected),
    }
}

fn frame(map: &Map) -> Result<Vec<u8>, RpcError> {
    let mut frame = vec![0; HEAD];
    encode_map_into(&mut frame, map, Dialect::Bin);
    with_length(frame)
}

/// An answer may hold pieces of files: they are written once.
fn frame_of(answer: &Answer) -> Result<Vec<u8>, RpcError> {
    let mut frame = vec![0; HEAD];
    write_map_head(&mut frame, 1);
    let text;
    let (name, value) = match answer {
        Ok(value) => ("ok", value),
        Err(fault) => {
            text = Value::from(fault.as_str());
            ("fault", &text)
        }
    };
    encode_into(&mut frame, &name.into(), Dialect::Bin);
    encode_into(&mut frame, value, Dialect::Bin);
    with_length(frame)
}

const HEAD: usize = 4;

fn with_length(mut frame: Vec<u8>) -> Result<Vec<u8>, RpcError> {
    let body = frame.len() - HEAD;
    let length = u32::try_from(body).ok().filter(|_| body <= LONGEST_FRAME);
    let length = length.ok_or(RpcError::TooLong(body))?;
    frame.iter_mut().zip(length.to_be_bytes()).for_each(|(place, octet)| *place = octet);
    Ok(frame)
}

fn length_of(head: [u8; 4]) -> Result<usize, RpcError> {
    let length = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > LONGEST_FRAME { Err(RpcError::TooLong(length)) } else { Ok(length) }
}

fn map_of(body: Vec<u8>) -> Result<Map, RpcError> {
    match decode_shared(&Bytes::from(body), Reading::Typed) {
        Ok(Value::Map(map)) => Ok(map),
        _ => Err(RpcError::Unexpected),
    }
}

fn read_frame(from: &mut impl Read) -> Result<Map, RpcError> {
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let length = length_of(head)?;
    // Beyond that, memory grows with what arrives.
    let mut body = Vec::with_capacity(length.min(READ_AHEAD));
    from.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut body)?;
    map_of(body)
}

/// The job process' half: blocking.
pub mod child {
    use super::*;

    /// Reads the job.
    ///
    /// # Errors
    /// When the daemon is gone or says something else.
    pub fn read_start(from: &mut impl Read) -> Result<Start, RpcError> {
        Start::from_map(read_frame(from)?)
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// When the daemon is gone.
    pub fn ask(stream: &mut (impl Read + Write), question: &Up) -> Result<Answer, RpcError> {
        say(stream, question)?;
        answer_from_map(read_frame(stream)?)
    }

    fn say(stream: &mut impl Write, up: &Up) -> Result<(), RpcError> {
        stream.write_all(&frame(&up.to_map())?)?;
        Ok(stream.flush()?)
    }
}

/// The daemon's half: on the event loop.
pub mod parent {
    use super::*;

    /// Sends the job.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn send_start(to: &mut (impl AsyncWrite + Unpin), start: &Start) -> Result<(), RpcError> {
        Ok(to.write_all(&frame(&start.to_map())?).await?)
    }

    /// The next thing that the process says; `None` when it says nothing any more.
    ///
    /// # Errors
    /// When it does not keep to the conversation.
    pub async fn next(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Up>, RpcError> {
        let mut head = [0; 4];
        match from.read_exact(&mut head).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let length = length_of(head)?;
        let mut body = Vec::new();
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        from.take(wanted).read_to_end(&mut body).await?;
        if body.len() < length {
            return Ok(None);
        }
        Ok(Some(Up::from_map(map_of(body)?)?))
    }

    /// Answers a question.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn answer(to: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> Result<(), RpcError> {
        Ok(to.write_all(&frame_of(answer)?).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_job_goes_down_questions_come_up_and_answers_go_down() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
        ours.set_nonblocking(true).expect("set");
        let mut ours = tokio::net::UnixStream::from_std(ours).expect("a stream");
        let start = Start {
            job: map! { "jid" => "1" },
            opts: map! { "id" => "web1" },
            grains: map! { "os" => "Debian" },
            pillar: map! { "key" => Value::Bytes(vec![0xff].into()) },
            master: "m:4506".to_owned(),
            secrets: vec!["hush".to_owned()],
        };
        let expected = start.clone();
        let process = std::thread::spawn(move || {
            let mut stream = theirs;
            let start = child::read_start(&mut stream).expect("a job");
            let question = Up::Fire { tag: "a/b".to_owned(), data: map! { "n" => 1 } };
            let answer = child::ask(&mut stream, &question).expect("an answer");
            let refused = child::ask(&mut stream, &question).expect("an answer");
            let done = child::ask(&mut stream, &Up::Done(map! { "jid" => "1" })).expect("an answer");
            assert_eq!(done, Ok(Value::Null));
            (start, answer, refused)
        });
        parent::send_start(&mut ours, &start).await.expect("sent");
        let question = parent::next(&mut ours).await.expect("readable");
        assert_eq!(question, Some(Up::Fire { tag: "a/b".to_owned(), data: map! { "n" => 1 } }));
        parent::answer(&mut ours, &Ok(7.into())).await.expect("sent");
        parent::next(&mut ours).await.expect("readable");
        parent::answer(&mut ours, &Err("no".to_owned())).await.expect("sent");
        assert_eq!(parent::next(&mut ours).await.expect("readable"), Some(Up::Done(map! { "jid" => "1" })));
        parent::answer(&mut ours, &Ok(Value::Null)).await.expect("sent");
        assert_eq!(parent::next(&mut ours).await.expect("closed"), None);
        let (start, answer, refused) = process.join().expect("ended");
        assert_eq!((start, answer, refused), (expected, Ok(7.into()), Err("no".to_owned())));
    }

    #[test]
    fn a_frame_that_is_too_long_or_no_map_is_refused() {
        let mut long: &[u8] = &[0xff; 8];
        assert!(matches!(child::read_start(&mut long), Err(RpcError::TooLong(_))));
        let mut number: &[u8] = &[0, 0, 0, 1, 7];
        assert!(matches!(child::read_start(&mut number), Err(RpcError::Unexpected)));
    }
}
