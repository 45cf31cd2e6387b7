use super::*;

#[expect(clippy::default_trait_access, reason = "the files' type has no name of its own here")]
async fn chain_of(selected: &str) -> Result<Option<Chain>, Fault> {
    const CONFIG: &str = "[profile keys]\naws_access_key_id = A\naws_secret_access_key = s\n\
        [profile mfa]\nrole_arn = arn:mfa\nsource_profile = keys\nmfa_serial = device\nexternal_id = x\nduration_seconds = 900\n\
        [profile plain]\nrole_arn = arn:plain\nsource_profile = keys\n\
        [profile through]\nrole_arn = arn:through\nsource_profile = mfa\nrole_session_name = ann\n\
        [profile host]\nrole_arn = arn:host\ncredential_source = Environment\nmfa_serial = device\n\
        [profile itself]\nrole_arn = arn:itself\nsource_profile = itself\nmfa_serial = device\naws_access_key_id = A\naws_secret_access_key = s\n\
        [profile round]\nrole_arn = arn:round\nsource_profile = about\nmfa_serial = device\n\
        [profile about]\nrole_arn = arn:about\nsource_profile = round\n\
        [profile login]\nsso_session = company\nsso_account_id = 1\nsso_role_name = r\n\
        [sso-session company]\nsso_start_url = https://company.test\nsso_region = eu-west-1\nsso_registration_scopes = a:b, c\n\
        [profile legacy]\nsso_start_url = https://old.test\nsso_region = us-west-2\nsso_account_id = 1\nsso_role_name = r\n\
        [profile both]\nrole_arn = arn:both\nsource_profile = login\nmfa_serial = device\n\
        [profile console]\nlogin_session = arn:ann\nregion = eu-west-1\n\
        [profile behind]\nrole_arn = arn:behind\nsource_profile = console\n\
        [profile further]\nrole_arn = arn:further\nsource_profile = behind\nmfa_serial = device\n\
        [profile gives]\ncredential_process = give\n\
        [profile process]\nrole_arn = arn:process\nsource_profile = gives\n\
        [profile odd]\naws_access_key_id = A\u{e9}\naws_secret_access_key = s\n\
        [profile behind-odd]\nrole_arn = arn:behind\nsource_profile = odd\n\
        [profile no-role]\nsso_start_url = https://old.test\nsso_region = us-west-2\nsso_account_id = 1\n\
        [profile lost]\nrole_arn = arn:lost\nsource_profile = gone\n\
        [profile lost-session]\nsso_session = gone\nsso_account_id = 1\nsso_role_name = r\n\
        [profile half]\nsso_start_url = https://old.test\nsso_account_id = 1\nsso_role_name = r\n\
        [profile behind-half]\nrole_arn = arn:behind\nsource_profile = half-session\n\
        [profile half-session]\nsso_session = half\nsso_account_id = 1\nsso_role_name = r\n\
        [sso-session half]\nsso_start_url = https://half.test\n";
    let fs = Fs::from_slice(&[("/config", CONFIG)]);
    let env = Env::from_slice(&[("AWS_CONFIG_FILE", "/config"), ("HOME", "/home")]);
    let files = profile::load(&fs, &env, &Default::default(), Some(selected.to_owned().into())).await;
    chain(&files.unwrap())
}

async fn of(selected: &str) -> Option<Chain> {
    chain_of(selected).await.unwrap()
}

#[tokio::test]
async fn what_a_profile_lacks_is_named() {
    for (name, at, words) in [
        ("lost", "lost", "its source_profile is [profile gone]"),
        ("lost-session", "lost-session", "its sso_session is [sso-session gone]"),
        ("behind-odd", "odd", "the access key from"),
        ("no-role", "no-role", "it has no sso_role_name"),
        ("half", "half", "it has no sso_region"),
        ("behind-half", "half-session", "[sso-session half] has no sso_region"),
    ] {
        let fault = chain_of(name).await.unwrap_err();
        assert!(fault.object == at && fault.cause.contains(words), "{name}: {fault}");
    }
}

async fn sso_of(selected: &str) -> Sso {
    let sso = match of(selected).await.unwrap().sign_in.unwrap().to {
        SignInTo::Sso(sso) => Some(sso),
        SignInTo::Console(_) => None,
    };
    sso.unwrap()
}

async fn arns(selected: &str) -> Vec<String> {
    of(selected)
        .await
        .unwrap()
        .roles
        .into_iter()
        .map(|role| role.arn)
        .collect()
}

#[tokio::test]
async fn a_chain_in_which_a_device_a_login_or_unseen_credentials_are_wanted_is_followed_and_no_other() {
    let mfa = of("mfa").await.unwrap();
    assert!(matches!(&mfa.source, Source::Keys(keys) if keys.access_key_id() == "A"));
    let role = &mfa.roles[0];
    assert_eq!((role.serial.as_deref(), role.seconds), (Some("device"), Some(900)));
    assert_eq!((role.external_id.as_deref(), &*role.session), (Some("x"), "strongroom"));
    assert_eq!(arns("through").await, ["arn:mfa", "arn:through"]);
    assert!(matches!(of("host").await.unwrap().source, Source::Named(place) if place == "Environment"));
    assert!(matches!(of("itself").await.unwrap().source, Source::Keys(_)));
    let unseen = of("process").await.unwrap();
    assert!(matches!(&unseen.source, Source::Profile(name) if name == "gives") && !unseen.wants_somebody());
    for name in ["keys", "gives", "plain", "round", "nowhere"] {
        assert!(of(name).await.is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_login_is_found_by_its_session_or_by_its_start_url_and_behind_roles() {
    let session = sso_of("login").await;
    assert_eq!(
        (&*session.key, &*session.start_url),
        ("company", "https://company.test")
    );
    assert_eq!(
        (&*session.region, session.scopes),
        ("eu-west-1", vec!["a:b".to_owned(), "c".to_owned()])
    );
    let legacy = sso_of("legacy").await;
    assert_eq!((&*legacy.key, &*legacy.region), ("https://old.test", "us-west-2"));
    assert_eq!(sso_of("both").await.key, "company");
    assert_eq!(arns("both").await, ["arn:both"]);
    // Who logs in does it with the profile that has the login.
    assert_eq!(of("both").await.unwrap().sign_in.unwrap().profile, "login");
}

#[tokio::test]
async fn a_session_of_the_console_is_found_and_behind_roles() {
    for (name, roles) in [
        ("console", vec![]),
        ("behind", vec!["arn:behind"]),
        ("further", vec!["arn:behind", "arn:further"]),
    ] {
        let sign_in = of(name).await.unwrap().sign_in.unwrap();
        assert_eq!((&*sign_in.profile, sign_in.session()), ("console", "arn:ann"), "{name}");
        assert_eq!(sign_in.way(), LoginWay::Console);
        assert_eq!(arns(name).await, roles);
    }
}

#[test]
fn a_section_of_services_is_one_with_this_name_and_of_this_kind() {
    for config in ["[services own]\n", "[default]\nregion = x\n[ services\town ] # mine\n"] {
        assert!(has_services(config, "own"), "{config}");
    }
    for config in [
        "",
        "[services other]\n",
        "[profile own]\n",
        "# [services own]\n",
        "services own",
    ] {
        assert!(!has_services(config, "own"), "{config}");
    }
}
