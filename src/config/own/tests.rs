use super::*;
use crate::app::{Command, Keyed};
use crate::domain::PlaintextPlace;

#[test]
fn the_sample_names_every_setting_and_changes_nothing() {
    let sample = include_str!("../../../assets/config.toml");
    let uncommented: String = sample
        .lines()
        .filter_map(|line| line.strip_prefix("#: "))
        .collect::<Vec<_>>()
        .join("\n");
    for text in [sample, &uncommented] {
        let own = parse(text, Abilities::ALL).unwrap();
        assert_eq!((own.theme, own.abilities), (ThemeName::Terminal, Abilities::ALL));
        assert!(own.has_mouse);
        assert_eq!(own.keymap, Keymap::default());
        assert_eq!(own.named, []);
    }
}

#[test]
fn what_is_shown_without_a_list_is_named() {
    let text = "[show]\nkeys = ['alias/data']\nbuckets = ['team-data', 'arn:aws:s3:eu-west-1:111122223333:accesspoint/team']\n\
                jobs = ['nightly']\n";
    let named = [
        Named::Key("alias/data".to_owned()),
        Named::Place(ObjectUri::new("team-data", "")),
        Named::Place(ObjectUri::new("arn:aws:s3:eu-west-1:111122223333:accesspoint/team", "")),
        Named::Job("nightly".to_owned()),
    ];
    assert_eq!(parse(text, Abilities::ALL).unwrap().named, named);
}

#[test]
fn own_keys_and_colours_are_taken_and_the_terminal_has_the_last_word() {
    assert!(!parse("mouse = false", Abilities::ALL).unwrap().has_mouse);
    let text = "theme = 'light'\n[keys]\nencrypt = ['ctrl-e']\n";
    let own = parse(text, Abilities::ALL).unwrap();
    assert_eq!(
        (own.theme, own.keymap.key(Command::Do(Keyed::Encrypt))),
        (ThemeName::Light, "Ctrl-e".to_owned())
    );
    let colours = |text: &str, colours| {
        parse(
            text,
            Abilities {
                colours,
                ..Abilities::ALL
            },
        )
        .unwrap()
        .abilities
        .colours
    };
    assert_eq!(colours(text, Colours::None), Colours::None);
    assert_eq!(colours("theme = 'none'", Colours::Many), Colours::None);
    assert_eq!(colours("theme = 'high-contrast'", Colours::Sixteen), Colours::Sixteen);
}

#[test]
fn contexts_are_named_and_say_who_and_where() {
    let text = "[contexts.prod]\nprofile = 'p'\nregion = 'eu-west-1'\nrole = 'arn:aws:iam::1:role/r'\n\
                read-only = true\ncolour = 'red'\nshow = { jobs = ['nightly'] }\n\
                jobs = { subnets = ['subnet-1'], security-groups = ['sg-1'], encrypt-between-hosts = true, plaintext = 'volume' }\n\
                roles = { path = '/team/', permissions-boundary = 'arn:aws:iam::1:policy/bounds', tags = { team = 'x' } }\n\
                uploads.'team-*' = { sse = 'aws:kms', bucket-key = true }\n[contexts.dev]\n";
    let own = parse(text, Abilities::ALL).unwrap();
    let prod = AwsContext {
        name: Some("prod".to_owned()),
        profile: Some("p".to_owned()),
        region: Some("eu-west-1".to_owned()),
        role: Some("arn:aws:iam::1:role/r".to_owned()),
        read_only: true,
        colour: Some(Colour::Red),
        named: vec![Named::Job("nightly".to_owned())],
        jobs: JobSettings {
            subnets: vec!["subnet-1".to_owned()],
            security_groups: vec!["sg-1".to_owned()],
            encrypts_traffic: true,
            plaintext: PlaintextPlace::Volume,
            ..JobSettings::default()
        },
        roles: RoleSettings {
            path: Some("/team/".to_owned()),
            boundary: Some("arn:aws:iam::1:policy/bounds".to_owned()),
            tags: [("team".to_owned(), "x".to_owned())].into(),
        },
        uploads: vec![UploadRule {
            buckets: "team-*".to_owned(),
            settings: UploadSettings {
                encryption: Some("aws:kms".to_owned()),
                bucket_key: true,
                ..UploadSettings::default()
            },
        }],
    };
    let dev = AwsContext {
        name: Some("dev".to_owned()),
        ..AwsContext::default()
    };
    assert_eq!(own.contexts, [dev, prod]);
}

#[test]
fn a_wrong_file_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    for (text, cause) in [
        ("colour = 'dark'", "unknown field `colour`"),
        ("\n\nkeys = 5", "(line 3)"),
        ("theme = 'pink'", "unknown variant `pink`"),
        ("[keys]\nencrypt = ['d']", "`d` means both `encrypt` and `decrypt`"),
        ("[show]\nkeys = ['data']", "`data` in show.keys names none"),
        (
            "[show]\nbuckets = ['s3://data/']",
            "`s3://data/` in show.buckets names none",
        ),
        (
            "[show]\nbuckets = ['d--use1-az4--x-s3']",
            "give a general purpose bucket",
        ),
        (
            "[show]\nbuckets = ['arn:aws:s3:eu-west-1:111122223333:accesspoint/team/a']",
            "in show.buckets: of ARNs only those",
        ),
        ("[show]\njobs = ['']", "`` in show.jobs names none"),
        ("[roles]\npermissions-boundary = 'bounds'", "is no ARN of a policy"),
        ("[contexts.a]\nrole = 'r'", "`r` in contexts.a.role is no ARN of a role"),
        ("[contexts.a]\nprofile = ''", "contexts.a.profile is empty"),
        ("[contexts.a]\nregion = ''", "contexts.a.region is empty"),
        ("[roles]\npath = 'nope'", "it begins and ends with /"),
        ("[roles]\ntags = { 'aws:a' = '1' }", "roles.tags: "),
        ("[jobs]\nspot = -4", "are no seconds"),
        ("[jobs]\nsubnets = ['subnet-1']", "go together"),
        (
            "[jobs]\nsubnets = ['a']\nsecurity-groups = ['sg-1']",
            "begin with subnet-",
        ),
        ("[jobs]\nenvironment = { '1A' = '' }", "is no name of a variable"),
        ("[uploads.'*']\ntags = { 'aws:a' = '1' }", "keeps for itself"),
        ("[uploads.'*']\nsse-key = 'k'", "go with aws:kms"),
        ("[uploads.'*']\ndata-keys-below = 'a'", "is no prefix"),
        (
            "[uploads.'*']\nacl = 'bucket-owner'",
            "is none of bucket-owner-full-control, ",
        ),
        ("[uploads.'*']\nstorage-class = 'standard'", "is none of STANDARD, "),
        ("[uploads.'*']\nsse = 'kms'", "is none of AES256, aws:kms, aws:kms:dsse"),
        ("[uploads.'*']\nexpected-owner = '1'", "it has twelve digits"),
        ("[uploads.'*']\nsse-c = true", "unknown field `sse-c`"),
        ("[contexts.a]\ncolour = 'pink'", "unknown variant `pink`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let fault = read(Some(&path), Abilities::ALL).unwrap_err();
        assert!(fault.cause.contains(cause), "{}", fault.cause);
        assert_eq!(fault.cause.lines().count(), 1);
        assert_eq!(fault.object, path.display().to_string());
    }
    assert!(read(Some(&folder.path().join("none.toml")), Abilities::ALL).is_err());
    // It has no end.
    let endless = read(Some(Path::new("/dev/zero")), Abilities::ALL).unwrap_err();
    assert!(endless.cause.contains("longer than"), "{}", endless.cause);
}
