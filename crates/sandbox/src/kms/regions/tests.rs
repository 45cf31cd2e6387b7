use jiff::SignedDuration;

use super::super::call;
use super::*;

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-south-1"];

fn world() -> World {
    World::scratch(crate::Options {
        regions: REGIONS.map(str::to_owned).to_vec(),
        ..crate::Options::default()
    })
}

fn ask(world: &World, region: &str, operation: &str, body: &Value) -> Result<Value, String> {
    let mut owner = world.owner();
    region.clone_into(&mut owner.place.region);
    call(world, &owner, operation, body).map_err(|error| error.code)
}

/// The id of a key with replicas in the other regions.
fn family(world: &World) -> String {
    let made = ask(world, REGIONS[0], "CreateKey", &json!({ "MultiRegion": true })).unwrap();
    let id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    for region in &REGIONS[1..] {
        let replica = json!({ "KeyId": id, "ReplicaRegion": region });
        ask(world, REGIONS[0], "ReplicateKey", &replica).unwrap();
    }
    id
}

fn state(world: &World, region: &str, id: &str) -> Option<String> {
    let told = ask(world, region, "DescribeKey", &json!({ "KeyId": id })).ok()?;
    told["KeyMetadata"]["KeyState"].as_str().map(str::to_owned)
}

#[test]
fn a_primary_key_waits_for_its_own_deletion_once_the_last_replica_is_gone() {
    let world = world();
    let id = family(&world);
    let days = |days: i64| world.clock.advance(SignedDuration::from_hours(24 * days));
    let schedule = |region, days: i64| {
        let body = json!({ "KeyId": id, "PendingWindowInDays": days });
        ask(&world, region, "ScheduleKeyDeletion", &body).unwrap()
    };
    let told = schedule(REGIONS[0], 10);
    assert!(told.get("DeletionDate").is_none(), "{told}");
    schedule(REGIONS[1], 7);
    schedule(REGIONS[2], 9);
    days(8);
    assert_eq!(state(&world, REGIONS[1], &id), None);
    assert_eq!(state(&world, REGIONS[0], &id).unwrap(), "PendingReplicaDeletion");
    days(2);
    assert_eq!(state(&world, REGIONS[2], &id), None);
    assert_eq!(state(&world, REGIONS[0], &id).unwrap(), "PendingDeletion");
    days(9);
    assert_eq!(state(&world, REGIONS[0], &id).unwrap(), "PendingDeletion");
    days(2);
    assert_eq!(state(&world, REGIONS[0], &id), None);
}

#[test]
fn what_rotates_by_the_calendar_is_the_primary_key_and_its_replicas_follow_it() {
    let world = world();
    let id = family(&world);
    ask(&world, REGIONS[0], "EnableKeyRotation", &json!({ "KeyId": id })).unwrap();
    let material = |region| {
        let told = ask(&world, region, "DescribeKey", &json!({ "KeyId": id })).unwrap();
        told["KeyMetadata"]["CurrentKeyMaterialId"].clone()
    };
    let first = material(REGIONS[1]);
    world.clock.advance(SignedDuration::from_hours(24 * 366));
    assert_ne!(material(REGIONS[1]), first);
    assert_eq!(REGIONS.map(material), [(); 3].map(|()| material(REGIONS[0])));
    // Now it is the second one's turn.
    let primary = json!({ "KeyId": id, "PrimaryRegion": REGIONS[1] });
    ask(&world, REGIONS[0], "UpdatePrimaryRegion", &primary).unwrap();
    let before = material(REGIONS[0]);
    world.clock.advance(SignedDuration::from_hours(24 * 366));
    assert_ne!(material(REGIONS[0]), before);
    assert_eq!(material(REGIONS[0]), material(REGIONS[1]));
    let rotations = ask(&world, REGIONS[2], "ListKeyRotations", &json!({ "KeyId": id })).unwrap();
    assert_eq!(rotations["Rotations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_family_is_whole_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = || crate::Options {
        dir: Some(folder.path().join("world")),
        regions: REGIONS.map(str::to_owned).to_vec(),
        ..crate::Options::default()
    };
    let sandbox = crate::Sandbox::start(options()).await.unwrap();
    let id = family(&sandbox.world);
    let sealed = json!({ "KeyId": id, "Plaintext": "aGVsbG8=" });
    let sealed = ask(&sandbox.world, REGIONS[0], "Encrypt", &sealed).unwrap();
    sandbox.stop().await;
    let regions = Vec::new();
    let again = crate::Options { regions, ..options() };
    let sandbox = crate::Sandbox::start(again).await.unwrap();
    let opened = json!({ "CiphertextBlob": sealed["CiphertextBlob"] });
    let opened = ask(&sandbox.world, REGIONS[2], "Decrypt", &opened).unwrap();
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    let told = ask(&sandbox.world, REGIONS[1], "DescribeKey", &json!({ "KeyId": id })).unwrap();
    let replicas = &told["KeyMetadata"]["MultiRegionConfiguration"]["ReplicaKeys"];
    assert_eq!(replicas.as_array().unwrap().len(), 2);
    sandbox.stop().await;
}
