//! Jobs of several hosts.

use super::*;

fn of(name: &str, hosts: u64) -> Value {
    let mut body = body(name);
    body["ResourceConfig"]["InstanceCount"] = json!(hosts);
    body
}

fn events(world: &Arc<World>) -> Vec<(String, String)> {
    let service = Caller::service(SERVICE, &world.home);
    let request = json!({ "logGroupName": Kind::Training.log_group() });
    let logged = crate::logs::call(world, &service, "FilterLogEvents", &request).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = logged["events"].as_array().unwrap().iter();
    rows.map(|event| (text(&event["logStreamName"]), text(&event["message"])))
        .collect()
}

#[tokio::test]
async fn each_host_is_told_which_it_is_and_has_a_log_stream_of_its_own() {
    let world = world(
        "host=$(grep -o '\"current_host\":\"[^\"]*' input/config/resourceconfig.json | cut -d'\"' -f4); echo said by $host; \
         cp input/config/resourceconfig.json model/$host; echo $host > model/shared",
    );
    let job = completed(&world, &of("job", 3)).await;
    assert_eq!(job["ResourceConfig"]["InstanceCount"], 3);
    let models: BTreeMap<_, _> = models(&world, "job").into_iter().collect();
    assert_eq!(models.len(), 4);
    assert_eq!(models["shared"], "algo-3\n");
    for host in ["algo-1", "algo-2", "algo-3"] {
        let told: Value = serde_json::from_str(&models[host]).unwrap();
        assert_eq!(
            told,
            json!({
                "current_host": host,
                "current_instance_type": "ml.m5.large",
                "current_group_name": "homogeneousCluster",
                "hosts": ["algo-1", "algo-2", "algo-3"],
                "instance_groups": [{
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": "ml.m5.large",
                    "hosts": ["algo-1", "algo-2", "algo-3"],
                }],
                "network_interface_name": "lo",
            })
        );
    }
    let mut said = events(&world);
    said.sort();
    let lines: Vec<_> = said
        .iter()
        .map(|(stream, line)| (stream.rsplit_once('-').unwrap().0, line.as_str()))
        .collect();
    let of = |stream, line| (stream, line);
    assert_eq!(
        lines,
        [
            of("job/algo-1", "said by algo-1"),
            of("job/algo-2", "said by algo-2"),
            of("job/algo-3", "said by algo-3")
        ]
    );
}

#[tokio::test]
async fn a_sharded_channel_gives_every_object_to_one_host_and_a_replicated_one_to_all() {
    let world = world(
        "first=$(ls input/data/part | head -n 1); ls input/data/part > model/${first:-none}; ls input/data/train | grep -qx x",
    );
    for number in 0..7 {
        put(&world, "sagemaker-b", &format!("parts/{number}"));
    }
    let marker = world.s3.put_bytes("sagemaker-b", "parts/", b"", About::default());
    marker.unwrap();
    let mut body = of("job", 3);
    let mut sharded = body["InputDataConfig"][0].clone();
    sharded["ChannelName"] = json!("part");
    sharded["DataSource"]["S3DataSource"]["S3Uri"] = json!("s3://sagemaker-b/parts");
    sharded["DataSource"]["S3DataSource"]["S3DataDistributionType"] = json!("ShardedByS3Key");
    body["InputDataConfig"].as_array_mut().unwrap().push(sharded);
    completed(&world, &body).await;
    let parts: Vec<String> = models(&world, "job").into_iter().map(|(_, names)| names).collect();
    assert_eq!(parts, ["0\n3\n6\n", "1\n4\n", "2\n5\n"]);

    // As AWS says: a host for which no object is left has none.
    body["TrainingJobName"] = json!("more-hosts");
    body["ResourceConfig"]["InstanceCount"] = json!(8);
    completed(&world, &body).await;
    let parts: Vec<String> = models(&world, "more-hosts").into_iter().map(|(name, _)| name).collect();
    assert_eq!(parts, ["0", "1", "2", "3", "4", "5", "6", "none"]);
}

#[tokio::test]
async fn groups_of_instances_have_their_names_and_the_channels_that_are_theirs() {
    let world = world(
        "host=$(grep -o '\"current_host\":\"[^\"]*' input/config/resourceconfig.json | cut -d'\"' -f4); \
         (grep -o '\"current_group_name\":\"[^\"]*' input/config/resourceconfig.json | cut -d'\"' -f4; ls input/data) > model/$host",
    );
    let mut body = body("job");
    body["ResourceConfig"] = json!({ "VolumeSizeInGB": 1, "InstanceGroups": [
        { "InstanceGroupName": "data", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2 },
        { "InstanceGroupName": "model", "InstanceType": "ml.p3.2xlarge", "InstanceCount": 1 },
    ] });
    body["InputDataConfig"][0]["DataSource"]["S3DataSource"]["InstanceGroupNames"] = json!(["data"]);
    completed(&world, &body).await;
    let texts: Vec<String> = models(&world, "job").into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["data\ntrain\n", "data\ntrain\n", "model\n"]);

    body["InputDataConfig"][0]["DataSource"]["S3DataSource"]["InstanceGroupNames"] = json!(["others"]);
    let refused = Training::parse(&body).unwrap_err().message;
    assert!(refused.contains("others is not among the InstanceGroups"), "{refused}");
}

/// Hosts that speak with each other: the first listens, the others say their names to it.
const SPEAKING: &str = r#"
exec python3 - <<'END'
import json, socket, time
told = json.load(open("input/config/resourceconfig.json"))
host, hosts = told["current_host"], told["hosts"]
mine = socket.gethostbyname(host)
open("model/" + host, "w").write(mine)
server = socket.create_server((mine, 29500))
heard = set()
for other in hosts:
    while True:
        try:
            socket.create_connection((other, 29500)).sendall(host.encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
while len(heard) < len(hosts):
    heard.add(server.accept()[0].recv(64))
assert heard == {name.encode() for name in hosts}, heard
END
"#;

#[tokio::test]
async fn hosts_reach_each_other_by_their_names_at_addresses_of_their_own() {
    for is_isolated in [false, true] {
        let world = world(SPEAKING);
        let mut body = of("job", 3);
        body["EnableNetworkIsolation"] = json!(is_isolated);
        completed(&world, &body).await;
        let mut addresses: Vec<String> = models(&world, "job").into_iter().map(|(_, text)| text).collect();
        addresses.dedup();
        assert_eq!(addresses.len(), 3, "{addresses:?}");
        let are_local = addresses.iter().all(|address| address.starts_with("127."));
        assert!(are_local, "{addresses:?}");
    }
}

#[tokio::test]
async fn isolated_hosts_reach_nothing_but_each_other() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let world = world(&format!(
        "bash -c '(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && touch model/reached'; touch model/tried"
    ));
    let mut body = of("job", 2);
    body["EnableNetworkIsolation"] = json!(true);
    completed(&world, &body).await;
    let names: Vec<String> = models(&world, "job").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tried"]);
}

#[tokio::test]
async fn when_one_host_fails_the_others_are_told_to_end_and_the_job_says_why() {
    let world = world(
        "if grep -q '\"current_host\":\"algo-2\"' input/config/resourceconfig.json; then \
         python3 -c 'import socket; server = socket.create_server((\"algo-2\", 29500)); server.accept(), server.accept()'; \
         echo no memory > output/failure; exit 7; fi; \
         trap 'echo told > checkpoints/told; exit 0' TERM; echo other > output/failure; \
         until bash -c '(exec 3<>/dev/tcp/algo-2/29500) 2>/dev/null'; do sleep 0.02; done; sleep 1000 & wait",
    );
    let mut body = of("job", 3);
    body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/kept" });
    let job = ended(&world, &body).await;
    assert_eq!(job["TrainingJobStatus"], "Failed");
    assert_eq!(reason(&job), "AlgorithmError: no memory, exit code: 7");
    assert_eq!(text(&world, "kept/told"), "told\n");
    assert!(is_swept(&world));
}

#[tokio::test]
async fn a_host_that_will_not_end_with_another_is_killed() {
    let world = world_with(
        "if grep -q '\"current_host\":\"algo-2\"' input/config/resourceconfig.json; then \
         exit 1; fi; trap '' TERM; touch up; while :; do sleep 0.05; done",
        0,
    );
    let job = ended(&world, &of("job", 2)).await;
    assert_eq!(reason(&job), "AlgorithmError: , exit code: 1");
    assert!(is_swept(&world));
}

#[tokio::test]
async fn checkpoints_of_every_host_are_in_s3_while_they_run() {
    let world = world(
        "host=$(grep -o '\"current_host\":\"[^\"]*' input/config/resourceconfig.json | cut -d'\"' -f4); \
         echo $host > checkpoints/$host; exec sleep 1000",
    );
    let mut body = of("job", 3);
    body["CheckpointConfig"] = json!({ "S3Uri": "s3://sagemaker-b/kept" });
    create_unasked(&world, &body).unwrap();
    for host in ["algo-1", "algo-2", "algo-3"] {
        let key = format!("kept/{host}");
        until(|| world.s3.find("sagemaker-b", &key).unwrap().is_some()).await;
    }
    assert_eq!(jobs(&world).describe("job").unwrap()["TrainingJobStatus"], "InProgress");
    jobs(&world).stop("job").unwrap();
    assert_eq!(finished(&world, "job").await["TrainingJobStatus"], "Stopped");
}

#[test]
fn more_hosts_than_a_machine_takes_are_a_limit_exceeded() {
    assert!(Training::parse(&of("job", 16)).is_ok());
    let refused = Training::parse(&of("job", 17)).unwrap_err();
    assert_eq!(refused.code, "ResourceLimitExceeded");
}
