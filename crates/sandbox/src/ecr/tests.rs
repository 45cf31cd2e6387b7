use super::*;

fn ecr() -> Ecr {
    Ecr::open(
        &Place::new("111122223333", "us-east-1"),
        &Clock::default(),
        &Disk::default(),
        None,
    )
    .unwrap()
}

fn request(body: &Value) -> Request {
    Request::parse(body).unwrap()
}

#[test]
fn an_image_is_found_by_tag_and_by_digest_until_its_last_tag_goes() {
    let ecr = ecr();
    ecr.create(&request(&json!({ "repositoryName": "example-image" })))
        .unwrap();
    let manifest = json!({ "layers": [{ "size": 7 }], "config": { "size": 3 } }).to_string();
    let put = json!({ "repositoryName": "example-image", "imageManifest": manifest, "imageTag": "latest" });
    let image = ecr.put(&request(&put)).unwrap();
    assert_eq!(ecr.put(&request(&put)).unwrap_err().code, "ImageAlreadyExistsException");
    let digest = &image["image"]["imageId"]["imageDigest"];
    let ids =
        json!({ "repositoryName": "example-image", "imageIds": [{ "imageTag": "latest" }, { "imageDigest": digest }] });
    let got = ecr.get_images(&request(&ids)).unwrap();
    assert_eq!(got["images"][0]["imageManifest"], manifest);
    assert_eq!(got["images"].as_array().unwrap().len(), 2);
    let details = ecr
        .describe_images(&request(&json!({ "repositoryName": "example-image" })))
        .unwrap();
    assert_eq!(details["imageDetails"][0]["imageSizeInBytes"], 10);
    let full = json!({ "repositoryName": "example-image" });
    let refused = ecr.delete(&request(&full)).unwrap_err();
    assert_eq!(refused.code, "RepositoryNotEmptyException");
    let by_tag = json!({ "repositoryName": "example-image", "imageIds": [{ "imageTag": "latest" }] });
    ecr.delete_images(&request(&by_tag)).unwrap();
    assert_eq!(
        ecr.get_images(&request(&ids)).unwrap()["failures"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    ecr.delete(&request(&full)).unwrap();
}

#[test]
fn repositories_are_listed_page_by_page() {
    let ecr = ecr();
    for name in ["aa", "bb", "cc"] {
        ecr.create(&request(&json!({ "repositoryName": name }))).unwrap();
    }
    let first = ecr.describe(&request(&json!({ "maxResults": 2 }))).unwrap();
    let second = ecr
        .describe(&request(&json!({ "maxResults": 2, "nextToken": first["nextToken"] })))
        .unwrap();
    assert_eq!(first["repositories"].as_array().unwrap().len(), 2);
    assert_eq!(second["repositories"][0]["repositoryName"], "cc");
    assert!(second.get("nextToken").is_none());
}

#[test]
fn no_tag_of_a_repository_is_lost_behind_another_of_its_key() {
    let tags = json!([{ "Key": "team", "Value": "vision" }, { "Key": "team", "Value": "speech" }]);
    let refused = ecr().create(&request(&json!({ "repositoryName": "aa", "tags": tags })));
    assert_eq!(refused.unwrap_err().code, "InvalidTagParameterException");
}

#[test]
fn repository_names_follow_ecr() {
    for good in ["example-image", "team/example_image", "a.b/c-d"] {
        assert!(valid_name(good), "{good}");
    }
    for bad in ["", "a", "Upper", "-a", "a-", "a//b", "a--b"] {
        assert!(!valid_name(bad), "{bad}");
    }
}
