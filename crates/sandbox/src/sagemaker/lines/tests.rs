use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use super::super::kind::Kind;
use super::super::request::Asked;
use super::super::tests::{body, world};
use super::*;

#[tokio::test]
async fn what_a_host_said_before_its_end_is_read_though_its_pipe_stays_open() {
    let (world, mut body) = (world("true"), body("job"));
    body["AlgorithmSpecification"]["MetricDefinitions"] = json!([{ "Name": "loss", "Regex": "loss=([0-9.]+)" }]);
    let asked = Asked::parse(Kind::Training, &body).unwrap();
    let metrics = Arc::new(Metrics::default());
    let log = Log {
        world: Arc::clone(&world),
        place: world.home.clone(),
        containers: Arc::clone(asked.containers()),
        stream: None,
        metrics: Arc::clone(&metrics),
    };
    let (mut held_open, pipe) = pipe::pipe().unwrap();
    held_open.write_all(b"loss=1\nloss=2").await.unwrap();
    let over = CancellationToken::new();
    over.cancel();
    read(pipe, Arc::new(log), over).await;
    assert_eq!(metrics.last()[0].json()["Value"], 2.0);
}
