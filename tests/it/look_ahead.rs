//! What the look before a job asks for.

use strongroom::actions;
use strongroom::domain::{Outcome, Weight};

use crate::place::{Place, connection_at};
use crate::proxy::{Proxy, Trouble};
use crate::walk::{BUCKET, TABLE, job, with_data};

#[test]
fn before_a_job_each_object_of_its_data_is_asked_for_once_and_an_empty_one_is_named() {
    const FILES: usize = 40;
    let place = Place::new();
    let key_arn = with_data(&place);
    let role_arn = place.role("trainer", BUCKET);
    let folder = place.path("many");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..FILES {
        std::fs::write(folder.join(format!("{number}.csv")), TABLE).unwrap();
    }
    let to = format!("s3://{BUCKET}/many/");
    place
        .run(&["encrypt", folder.to_str().unwrap(), &to, "--key", &key_arn])
        .ok();
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let sandbox = place.sandbox.as_ref().unwrap();
    let connection = connection_at(sandbox, proxy.url());
    let aws = place.wait(actions::connect(&connection)).unwrap();
    let spec = job("job-1", &role_arn, "many/");
    let look = || match place.wait(actions::preflight(&aws, &spec)).unwrap() {
        Outcome::Preflighted { findings, .. } => findings
            .into_iter()
            .find(|finding| finding.what == "the data says it is encrypted")
            .unwrap(),
        other => panic!("{other:?}"),
    };
    let finding = look();
    assert_eq!(finding.weight, Weight::Well, "{finding:?}");
    assert!(finding.detail.contains("40 files"), "{finding:?}");
    let asked = proxy.operations();
    let of_data: Vec<&String> = asked.iter().filter(|asked| asked.contains("/many/")).collect();
    assert_eq!(of_data.len(), FILES, "{of_data:?}");

    // What stands as it stood is not asked for again; what was written anew is.
    let asked = |proxy: &Proxy| {
        let all = proxy.operations();
        let of_data: Vec<String> = all.into_iter().filter(|asked| asked.contains("/many/")).collect();
        proxy.forget();
        of_data
    };
    // A list tells seconds: of what is younger than two nothing is kept.
    let begun = std::time::Instant::now();
    loop {
        look();
        if asked(&proxy).is_empty() {
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "nothing is kept");
    }
    assert_eq!(look().weight, Weight::Well);
    assert_eq!(asked(&proxy), Vec::<String>::new());
    let again = [
        "encrypt",
        folder.join("7.csv").to_str().unwrap(),
        &to,
        "--key",
        &key_arn,
        "--overwrite",
    ]
    .map(str::to_owned);
    place.run(&again.each_ref().map(String::as_str)).ok();
    look();
    let once = asked(&proxy);
    assert!(once.len() == 1 && once[0].contains("/many/7.csv"), "{once:?}");

    place.put(BUCKET, "many/empty", b"");
    let finding = look();
    assert_eq!(finding.weight, Weight::Blocks);
    assert!(
        finding.detail.contains("many/empty is not an encrypted token"),
        "{finding:?}"
    );
}
