use tokio::io::DuplexStream;

use super::*;
use crate::server::{Incoming, Replies, Requests, split};

type AgentRequests = Requests<ReadHalf<DuplexStream>>;
type AgentReplies = Replies<WriteHalf<DuplexStream>>;

/// Runs a client against an agent that is written down in the test.
fn with_agent<A, C>(
    agent: impl FnOnce(AgentRequests, AgentReplies) -> A,
    client: impl FnOnce(Client<DuplexStream>) -> C,
) where
    A: Future<Output = ()>,
    C: Future<Output = ()>,
{
    let (ours, theirs) = tokio::io::duplex(4096);
    let (requests, replies) = split(theirs);
    let both = async { tokio::join!(agent(requests, replies), client(Client::new(ours))) };
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(both);
}

async fn command(requests: &mut AgentRequests) -> String {
    match requests.next().await.unwrap().unwrap() {
        Incoming::Command { name, .. } => name,
        other => panic!("{other:?}"),
    }
}

/// Answers registrations until a command comes.
async fn command_after_registration(
    requests: &mut AgentRequests,
    replies: &mut AgentReplies,
) -> String {
    loop {
        match requests.next().await.unwrap().unwrap() {
            Incoming::Register(_) => replies.confirm().await.unwrap(),
            Incoming::Command { name, .. } => return name,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn requests_and_their_answers() {
    with_agent(
        |mut requests, mut replies| async move {
            assert_eq!(command(&mut requests).await, "version");
            let version = Message::new().with("daemon", "holdfast");
            replies.respond(version).await.unwrap();
            assert_eq!(command(&mut requests).await, "nonsense");
            replies.unknown_command().await.unwrap();
            assert_eq!(
                requests.next().await.unwrap(),
                Some(Incoming::Register("nonsense".to_owned()))
            );
            replies.unknown_event().await.unwrap();
            assert_eq!(requests.next().await.unwrap(), None);
        },
        |mut client| async move {
            let version = client.request("version", Message::new()).await.unwrap();
            assert_eq!(version.get_str("daemon"), Some("holdfast"));
            let unknown = client.request("nonsense", Message::new()).await;
            assert!(
                matches!(unknown, Err(ClientError::UnknownCommand(name)) if name == "nonsense")
            );
            let unknown = client.register("nonsense").await;
            assert!(matches!(unknown, Err(ClientError::UnknownEvent(name)) if name == "nonsense"));
        },
    );
}

#[test]
fn streams() {
    with_agent(
        |mut requests, mut replies| async move {
            let name = command_after_registration(&mut requests, &mut replies).await;
            assert_eq!(name, "list-sas");
            for number in 0..3_u32 {
                let sa = Message::new().with("n", number);
                replies.event("list-sa", sa).await.unwrap();
                replies.event("log", Message::new()).await.unwrap();
            }
            replies.respond(Message::success()).await.unwrap();
            let unregister = Incoming::Unregister("list-sa".to_owned());
            assert_eq!(requests.next().await.unwrap(), Some(unregister));
            replies.confirm().await.unwrap();
        },
        |mut client| async move {
            client.register("log").await.unwrap();
            let (sas, response) = client
                .collect("list-sas", "list-sa", Message::new())
                .await
                .unwrap();
            let numbers: Vec<_> = sas.iter().filter_map(|sa| sa.get_int("n")).collect();
            assert_eq!(numbers, [0, 1, 2]);
            assert_eq!(response, Message::success());
            for _ in 0..3 {
                assert_eq!(client.next_event().await.unwrap().name, "log");
            }
            assert!(matches!(
                client.next_event().await,
                Err(ClientError::Closed)
            ));
        },
    );
}

#[test]
fn the_answer_to_an_abandoned_request_is_skipped() {
    let (asked, may_answer) = tokio::sync::oneshot::channel();
    with_agent(
        |mut requests, mut replies| async move {
            assert_eq!(command(&mut requests).await, "slow");
            may_answer.await.unwrap();
            replies.respond(Message::failure("late")).await.unwrap();
            assert_eq!(command(&mut requests).await, "quick");
            replies.respond(Message::success()).await.unwrap();
        },
        |mut client| async move {
            {
                let mut slow = Box::pin(client.request("slow", Message::new()));
                // Written at the first poll, and no answer comes before it is given up.
                std::future::poll_fn(|context| {
                    assert!(slow.as_mut().poll(context).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
            }
            asked.send(()).unwrap();
            let answer = client.request("quick", Message::new()).await.unwrap();
            assert_eq!(answer, Message::success());
        },
    );
}

#[test]
fn a_request_abandoned_while_it_is_written_spoils_the_connection() {
    with_agent(
        |requests, _replies| async move {
            tokio::task::yield_now().await;
            drop(requests);
        },
        |mut client| async move {
            let long = Message::new().with("k", vec![0_u8; 60_000]);
            let mut request = Box::pin(client.request("long", long));
            std::future::poll_fn(|context| {
                assert!(request.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
            drop(request);
            let next = client.request("version", Message::new()).await;
            assert!(matches!(next, Err(ClientError::Abandoned)));
        },
    );
}

#[test]
fn kept_events_are_bounded() {
    let flood = MAX_KEPT_EVENTS + 5;
    with_agent(
        |mut requests, mut replies| async move {
            command_after_registration(&mut requests, &mut replies).await;
            for number in 0..flood {
                let line = Message::new().with("n", number);
                replies.event("log", line).await.unwrap();
            }
            replies.respond(Message::success()).await.unwrap();
        },
        |mut client| async move {
            client.register("log").await.unwrap();
            client.request("stats", Message::new()).await.unwrap();
            assert_eq!(client.lost_events(), 5);
            let oldest = client.next_event().await.unwrap();
            assert_eq!(oldest.message.get_int("n"), Some(5));
        },
    );
}

#[test]
fn an_agent_that_answers_without_being_asked() {
    with_agent(
        |_requests, mut replies| async move {
            replies.respond(Message::success()).await.unwrap();
        },
        |mut client| async move {
            let event = client.next_event().await;
            assert!(matches!(event, Err(ClientError::UnexpectedPacket)));
        },
    );
}

#[test]
fn nobody_at_the_address() {
    let address: Address = "unix:///nonexistent/holdfast.vici".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    let error = runtime.block_on(Client::connect(&address)).unwrap_err();
    assert!(
        matches!(error, ClientError::Connect { error, .. } if error.kind() == io::ErrorKind::NotFound)
    );
}
