//! Logging in to single sign-on: the device flow of OAuth, and the token where the AWS CLI and the SDKs look for it.
//!
//! Whoever may see the token is this person for hours: it is written by nobody else's leave (0600), whole or not at all, and
//! wiped here.

use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_ssooidc::Client;
use aws_sdk_ssooidc::error::ProvideErrorMetadata;
use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use jiff::{SignedDuration, Timestamp, Unit};
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::fault::{Expected, Heard, of};
use super::profile::{SignInTo, Sso};
use super::{Aws, fault, patience};
use crate::domain::{DeviceCode, Fault, FaultKind, LoginWay};

const ACT: &str = "log in to";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Between two questions, where the service does not say.
const INTERVAL: Duration = Duration::from_secs(5);
/// A registration that ends sooner is not used for another login.
const BEFORE_IT_ENDS: SignedDuration = SignedDuration::from_mins(15);

/// What is kept of a login, in the words of the AWS CLI.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct Kept {
    start_url: String,
    region: String,
    access_token: String,
    #[zeroize(skip)]
    expires_at: Timestamp,
    #[serde(flatten)]
    registration: Registration,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// What this program is to the service.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct Registration {
    client_id: String,
    client_secret: String,
    #[zeroize(skip)]
    #[serde(rename = "registrationExpiresAt")]
    ends_at: Timestamp,
}

/// Until when a login holds, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Until then, or longer where it can be renewed.
    pub until: Timestamp,
    /// The file.
    pub file: PathBuf,
    /// What tells it from other logins.
    pub session: String,
}

/// Logs in: tells the page and the code, and waits until the person has agreed there, for as long as the code lasts.
///
/// # Errors
/// When there is nothing to log in to, when the person refuses or takes too long, or when the token cannot be kept.
pub(crate) async fn log_in(aws: &Aws, tell: impl Fn(DeviceCode)) -> Result<Login, Fault> {
    let sso = match aws.sign_in().map(|sign_in| (&sign_in.to, &sign_in.profile)) {
        Some((SignInTo::Sso(sso), _)) => sso,
        Some((SignInTo::Console(_), profile)) => return Err(by_the_cli(profile)),
        None => return Err(nothing_to_log_in_to()),
    };
    let object = sso.start_url.as_str();
    let file = cache()?.join(file_name(&sso.key));
    let config = aws_sdk_ssooidc::config::Builder::from(&aws.inner.config)
        .region(aws_config::Region::new(sso.region.clone()))
        .timeout_config(patience::of_calls());
    let client = Client::from_conf(config.build());

    let (registration, started) = begin(&client, sso, &file).await?;
    let began = Timestamp::now();
    let lasts = Duration::from_secs(u64::try_from(started.expires_in).unwrap_or_default());
    let page = started.verification_uri.expected(ACT, object, "page")?;
    let url = started.verification_uri_complete.unwrap_or_else(|| page.clone());
    if !(is_page(&page) && is_page(&url)) {
        return Err(fault::not_an_answer(ACT, object, "the page that it gives is none"));
    }
    tell(DeviceCode {
        url,
        page,
        code: started.user_code.expected(ACT, object, "code")?,
        expires: after(began, lasts),
    });
    let device = Zeroizing::new(started.device_code.expected(ACT, object, "device code")?);
    let interval = match u64::try_from(started.interval) {
        Ok(seconds @ 1..) => Duration::from_secs(seconds),
        _ => INTERVAL,
    };
    let agreed = agreement(&client, sso, &registration, &device, interval);
    let answer = tokio::time::timeout(lasts, agreed)
        .await
        .unwrap_or_else(|_| Err(too_late(object)))?;

    let lasts = Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or_default());
    let kept = Kept {
        start_url: sso.start_url.clone(),
        region: sso.region.clone(),
        access_token: answer.access_token.expected(ACT, object, "token")?,
        expires_at: after(Timestamp::now(), lasts),
        registration,
        refresh_token: answer.refresh_token,
    };
    keep(&file, &kept).map_err(|error| {
        let file = file.display().to_string();
        Fault::io(
            "keep the token in",
            file,
            error.to_string(),
            "check the folder's owner and mode",
        )
    })?;
    Ok(Login {
        until: kept.expires_at,
        file,
        session: sso.key.clone(),
    })
}

type Started = aws_sdk_ssooidc::operation::start_device_authorization::StartDeviceAuthorizationOutput;

/// Asks for a code, as who this program was to the service the last time if that still holds.
async fn begin(client: &Client, sso: &Sso, file: &Path) -> Result<(Registration, Started), Fault> {
    if let Some(known) = registered(sso, file)
        && let Ok(started) = start(client, sso, &known).await
    {
        return Ok((known, started));
    }
    let new = register(client, sso).await?;
    let started = start(client, sso, &new).await?;
    Ok((new, started))
}

async fn register(client: &Client, sso: &Sso) -> Result<Registration, Fault> {
    let object = sso.start_url.as_str();
    let scopes = Some(sso.scopes.clone()).filter(|scopes| !scopes.is_empty());
    let call = client.register_client().client_name("strongroom").client_type("public");
    let answer = call.set_scopes(scopes).send().await.heard(ACT, object)?;
    Ok(Registration {
        client_id: answer.client_id.expected(ACT, object, "client")?,
        client_secret: answer.client_secret.expected(ACT, object, "client secret")?,
        ends_at: Timestamp::from_second(answer.client_secret_expires_at).unwrap_or_default(),
    })
}

async fn start(client: &Client, sso: &Sso, known: &Registration) -> Result<Started, Fault> {
    let call = client
        .start_device_authorization()
        .client_id(&known.client_id)
        .client_secret(&known.client_secret);
    call.start_url(&sso.start_url).send().await.heard(ACT, &sso.start_url)
}

/// Asks again and again until the person has agreed.
async fn agreement(
    client: &Client,
    sso: &Sso,
    known: &Registration,
    device: &str,
    mut interval: Duration,
) -> Result<aws_sdk_ssooidc::operation::create_token::CreateTokenOutput, Fault> {
    let object = sso.start_url.as_str();
    loop {
        tokio::time::sleep(interval).await;
        let call = client
            .create_token()
            .client_id(&known.client_id)
            .client_secret(&known.client_secret)
            .grant_type(GRANT)
            .device_code(device);
        let error = match call.send().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(CreateTokenError::AuthorizationPendingException(_)) => {}
            Some(CreateTokenError::SlowDownException(_)) => interval += INTERVAL,
            Some(CreateTokenError::ExpiredTokenException(_)) => return Err(too_late(object)),
            Some(CreateTokenError::AccessDeniedException(_)) => {
                let said = error.message().unwrap_or("AccessDeniedException");
                let cause = format!("the login was refused in the browser: {said}");
                return Err(Fault::denied(ACT, object, cause, "log in again, and allow it there"));
            }
            _ => {
                let fault = of(ACT, object, &error);
                if !fault.is_transient() {
                    return Err(fault);
                }
            }
        }
    }
}

fn too_late(object: &str) -> Fault {
    let cause = "the code has expired before anybody agreed in the browser";
    Fault::new(FaultKind::Expired, ACT, object, cause, "log in again")
}

fn by_the_cli(profile: &str) -> Fault {
    let cause = "only the AWS CLI makes the login that it has";
    let remedy = format!("run `{}`", LoginWay::Console.command(profile));
    Fault::invalid("log in with the profile", profile, cause, remedy)
}

fn nothing_to_log_in_to() -> Fault {
    let cause = "the credentials in use are not a profile's of single sign-on";
    let remedy = "choose a profile with sso_session or sso_start_url; `aws configure sso` makes one";
    Fault::invalid("log in", "", cause, remedy)
}

fn after(moment: Timestamp, time: Duration) -> Timestamp {
    let end = SignedDuration::try_from(time)
        .ok()
        .and_then(|time| moment.checked_add(time).ok());
    let end = end.unwrap_or(moment);
    end.round(Unit::Second).unwrap_or(end)
}

/// Where tokens are kept.
fn cache() -> Result<PathBuf, Fault> {
    let home = std::env::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| {
        let cause = "there is no home folder, where tokens are kept";
        Fault::invalid("log in", "", cause, "set HOME")
    })?;
    Ok(home.join(".aws/sso/cache"))
}

/// The name that all programs know: of the session, or of the start URL where there is none.
fn file_name(key: &str) -> String {
    let digest = Sha1::digest(key.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex + ".json"
}

fn registered(sso: &Sso, file: &Path) -> Option<Registration> {
    let bytes = Zeroizing::new(std::fs::read(file).ok()?);
    let kept: Kept = serde_json::from_slice(&bytes).ok()?;
    let is_same = kept.start_url == sso.start_url && kept.region == sso.region;
    let holds = kept.registration.ends_at > Timestamp::now() + BEFORE_IT_ENDS;
    (is_same && holds).then(|| kept.registration.clone())
}

fn keep(file: &Path, kept: &Kept) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(file);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let text = Zeroizing::new(serde_json::to_vec(kept)?);
    // Made with mode 0600.
    let mut made = tempfile::NamedTempFile::new_in(folder)?;
    made.write_all(&text)?;
    made.as_file().sync_all()?;
    made.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// What a browser may be given: it opens files too.
fn is_page(url: &str) -> bool {
    ["https://", "http://127.0.0.1:", "http://localhost:"]
        .iter()
        .any(|begin| url.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn sso() -> Sso {
        Sso {
            key: "company".to_owned(),
            start_url: "https://company.awsapps.com/start".to_owned(),
            region: "eu-west-1".to_owned(),
            scopes: Vec::new(),
        }
    }

    #[test]
    fn the_file_is_named_as_the_sdks_look_for_it() {
        assert_eq!(file_name("admin"), "d033e22ae348aeb5660fc2140aec35850c4da997.json");
    }

    #[test]
    fn a_token_is_kept_for_its_owner_alone_whole_in_the_words_of_the_cli_and_its_registration_is_used_again() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".aws/sso/cache/x.json");
        let kept = |client: &str, seconds: i64| Kept {
            start_url: sso().start_url,
            region: sso().region,
            access_token: "secret".to_owned(),
            expires_at: Timestamp::from_second(1_800_000_000).unwrap(),
            registration: Registration {
                client_id: client.to_owned(),
                client_secret: "hidden".to_owned(),
                ends_at: after(Timestamp::now(), Duration::from_secs(seconds.cast_unsigned())),
            },
            refresh_token: Some("again".to_owned()),
        };
        keep(&file, &kept("first", 60)).unwrap();
        assert!(registered(&sso(), &file).is_none(), "it ends too soon");
        keep(&file, &kept("second", 86_400)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(json["startUrl"], "https://company.awsapps.com/start");
        assert_eq!(json["region"], "eu-west-1");
        assert_eq!(json["accessToken"], "secret");
        assert_eq!(json["expiresAt"], "2027-01-15T08:00:00Z");
        assert_eq!(json["clientId"], "second");
        assert_eq!(json["clientSecret"], "hidden");
        assert_eq!(json["refreshToken"], "again");
        assert!(json["registrationExpiresAt"].as_str().unwrap().ends_with('Z'));
        assert_eq!(registered(&sso(), &file).unwrap().client_id, "second");
        let elsewhere = Sso {
            region: "us-east-1".to_owned(),
            ..sso()
        };
        assert!(registered(&elsewhere, &file).is_none());
    }
}
