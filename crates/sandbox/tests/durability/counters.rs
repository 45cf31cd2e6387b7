//! A number that only grows, kept in each service in that service's own way.

use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Answer, Client, Credentials};

/// Where a number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Counter {
    /// An object's body.
    S3,
    /// The same, encrypted with a customer's own key.
    Sealed,
    /// How many objects a list shows: each number is an object of its own.
    List,
    /// A key's description.
    Kms,
    /// How many aliases there are.
    Aliases,
    /// An alias that moves to and fro: it is always somewhere.
    Moving,
    /// A tag of a role.
    Iam,
    /// The last event of a stream.
    Logs,
    /// How many repositories there are.
    Ecr,
    /// A tag of a job.
    SageMaker,
    /// How far the clock is ahead, in hours.
    Clock,
}

pub(crate) const ALL: [Counter; 11] = [
    Counter::S3,
    Counter::Sealed,
    Counter::List,
    Counter::Kms,
    Counter::Aliases,
    Counter::Moving,
    Counter::Iam,
    Counter::Logs,
    Counter::Ecr,
    Counter::SageMaker,
    Counter::Clock,
];

const MOVING: &str = "alias/moving";
const GROUP: &str = "counters";
pub(crate) const ROLE: (&str, &str) = ("RoleName", "counter");
/// The job that has a tag.
pub(crate) const JOB: &str = "arn:aws:sagemaker:us-east-1:111122223333:training-job/counter";

/// Makes what the numbers are kept in; the key's id.
pub(crate) fn prepare(client: &mut Client) -> String {
    fn good(answer: std::io::Result<Answer>) -> Answer {
        let answer = answer.unwrap();
        assert!(answer.is_good(), "{}", answer.text());
        answer
    }
    good(client.s3("PUT", "/counters", b""));
    let open =
        b"<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType>\
                 </BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>";
    good(client.s3("PUT", "/counters?encryption=", open));
    let key = good(client.json("kms", "CreateKey", &json!({}))).json();
    let moving = json!({ "AliasName": MOVING, "TargetKeyId": key["KeyMetadata"]["KeyId"] });
    good(client.json("kms", "CreateAlias", &moving));
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22arn%3Aaws%3Aiam%3A%3A111122223333%3Auser%2Fstrongroom%22%2C%22Service%22%3A%22sagemaker.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
    let role = [ROLE, ("AssumeRolePolicyDocument", trust)];
    good(client.query("iam", "CreateRole", &role));
    let policy = "arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FAdministratorAccess";
    good(client.query("iam", "AttachRolePolicy", &[ROLE, ("PolicyArn", policy)]));
    good(client.json("logs", "CreateLogGroup", &json!({ "logGroupName": GROUP })));
    let stream = json!({ "logGroupName": GROUP, "logStreamName": "s" });
    good(client.json("logs", "CreateLogStream", &stream));
    good(client.json("sagemaker", "CreateTrainingJob", &job("counter", "true")));
    key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

/// A job of the role that [`prepare`] made.
pub(crate) fn job(name: &str, image: &str) -> serde_json::Value {
    json!({
        "TrainingJobName": name,
        "AlgorithmSpecification": { "TrainingImage": image, "TrainingInputMode": "File" },
        "RoleArn": "arn:aws:iam::111122223333:role/counter",
        "OutputDataConfig": { "S3OutputPath": "s3://counters/output" },
        "ResourceConfig": { "InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10 },
        "StoppingCondition": { "MaxRuntimeInSeconds": 120 },
    })
}

/// Waits until a job has ended; how.
pub(crate) fn ended(client: &mut Client, job: &str) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        let name = json!({ "TrainingJobName": job });
        let job = client.json("sagemaker", "DescribeTrainingJob", &name).unwrap().json();
        if job["TrainingJobStatus"] != "InProgress" {
            return job;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{job}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Counter {
    /// Sets the number to the next; `number` is one more than the last that was tried.
    pub(crate) fn write(self, client: &mut Client, key: &str, number: u64) -> std::io::Result<Answer> {
        let text = number.to_string();
        match self {
            Self::S3 => client.s3("PUT", "/counters/number", text.as_bytes()),
            Self::Sealed => client.s3_with_key("PUT", "/counters/sealed", text.as_bytes()),
            Self::List => client.s3("PUT", &format!("/counters/list/{number:06}"), text.as_bytes()),
            Self::Kms => {
                let request = json!({ "KeyId": key, "Description": text });
                client.json("kms", "UpdateKeyDescription", &request)
            }
            Self::Aliases => {
                let request = json!({ "AliasName": format!("alias/{number:06}"), "TargetKeyId": key });
                client.json("kms", "CreateAlias", &request)
            }
            // It has no number: that it is there counts for a large one.
            Self::Moving => {
                let request = json!({ "AliasName": MOVING, "TargetKeyId": key });
                client.json("kms", "UpdateAlias", &request)
            }
            Self::Iam => {
                let (name, value) = (("Tags.member.1.Key", "number"), ("Tags.member.1.Value", &*text));
                client.query("iam", "TagRole", &[ROLE, name, value])
            }
            Self::Logs => {
                let event = json!({ "timestamp": jiff::Timestamp::now().as_millisecond(), "message": text });
                let request = json!({ "logGroupName": GROUP, "logStreamName": "s", "logEvents": [event] });
                client.json("logs", "PutLogEvents", &request)
            }
            Self::Ecr => {
                let request = json!({ "repositoryName": format!("r{number:06}") });
                client.json("ecr", "CreateRepository", &request)
            }
            Self::SageMaker => {
                let request = json!({ "ResourceArn": JOB, "Tags": [{ "Key": "number", "Value": text }] });
                client.json("sagemaker", "AddTags", &request)
            }
            Self::Clock => client.control(&json!({ "advance": "1h" })),
        }
    }

    /// The number; 0 before the first. An error if there is no good answer.
    pub(crate) fn read(self, client: &mut Client, key: &str) -> std::io::Result<u64> {
        let good = |answer: Answer| {
            if answer.is_good() {
                Ok(answer)
            } else {
                Err(std::io::Error::other(format!("{}: {}", answer.status, answer.text())))
            }
        };
        let number = |text: &str| text.parse().unwrap_or(0);
        Ok(match self {
            Self::S3 => {
                let answer = client.s3("GET", "/counters/number", b"")?;
                if answer.status == 404 {
                    return Ok(0);
                }
                number(&good(answer)?.text())
            }
            Self::Sealed => {
                let answer = client.s3_with_key("GET", "/counters/sealed", b"")?;
                if answer.status == 404 {
                    return Ok(0);
                }
                number(&good(answer)?.text())
            }
            // More than a page would hide the last ones.
            Self::List => {
                let answer = good(client.s3("GET", "/counters?list-type=2&prefix=list%2F", b"")?)?;
                answer.text().matches("<Key>").count() as u64
            }
            Self::Kms => {
                let answer = good(client.json("kms", "DescribeKey", &json!({ "KeyId": key }))?)?;
                number(answer.json()["KeyMetadata"]["Description"].as_str().unwrap())
            }
            Self::Aliases => {
                let answer = good(client.json("kms", "ListAliases", &json!({ "KeyId": key }))?)?;
                answer.text().matches("\"alias/0").count() as u64
            }
            Self::Moving => {
                let answer = client.json("kms", "DescribeKey", &json!({ "KeyId": MOVING }))?;
                1_000_000 * u64::from(answer.is_good())
            }
            Self::Iam => {
                let answer = good(client.query("iam", "ListRoleTags", &[ROLE])?)?;
                number(&answer.element("Value").unwrap_or_default())
            }
            Self::Logs => {
                let request = json!({ "logGroupName": GROUP, "logStreamName": "s", "limit": 1 });
                let answer = good(client.json("logs", "GetLogEvents", &request)?)?.json();
                number(answer["events"][0]["message"].as_str().unwrap_or_default())
            }
            Self::Ecr => {
                let request = json!({ "maxResults": 1000 });
                let answer = good(client.json("ecr", "DescribeRepositories", &request)?)?;
                answer.json()["repositories"].as_array().unwrap().len() as u64
            }
            Self::SageMaker => {
                let answer = good(client.json("sagemaker", "ListTags", &json!({ "ResourceArn": JOB }))?)?;
                number(answer.json()["Tags"][0]["Value"].as_str().unwrap_or_default())
            }
            Self::Clock => {
                let answer = good(client.control(&json!({}))?)?.json();
                let ahead: jiff::SignedDuration = answer["ahead"].as_str().unwrap().parse().unwrap();
                ahead.as_hours() as u64
            }
        })
    }
}

/// A session of the role, if one was given.
pub(crate) fn session(client: &mut Client, own: &Credentials) -> Option<Credentials> {
    let parameters = [
        ("RoleArn", "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fcounter"),
        ("RoleSessionName", "s"),
    ];
    let answer = client.query("sts", "AssumeRole", &parameters).ok()?;
    Some(Credentials {
        address: own.address.clone(),
        key_id: answer.element("AccessKeyId")?,
        secret: answer.element("SecretAccessKey")?,
        token: Some(answer.element("SessionToken")?),
    })
}

/// Whether a session is still good.
pub(crate) fn is_good(session: &Credentials) -> bool {
    let answer = Client::new(session.clone()).query("sts", "GetCallerIdentity", &[]);
    answer.is_ok_and(|answer| answer.is_good())
}
