//! A client for each service, made on first use; KMS's one for each region that a key is in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_config::Region;

use super::answer::Witness;
use super::renewal::Renews;
use super::{Aws, patience, s3};
use crate::domain::Arn;

/// Made on first use: building all nine costs more than the first frame may take.
#[derive(Default)]
pub(super) struct Clients {
    s3: OnceLock<aws_sdk_s3::Client>,
    s3_control: OnceLock<aws_sdk_s3::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    /// Of other regions.
    kms_elsewhere: Mutex<HashMap<String, aws_sdk_kms::Client>>,
    sagemaker: OnceLock<aws_sdk_sagemaker::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    ecr: OnceLock<aws_sdk_ecr::Client>,
    /// Of the region of each key that was asked about.
    cloudtrail: Mutex<HashMap<String, aws_sdk_cloudtrail::Client>>,
}

/// None of those that are there: they speak as whoever had them made.
impl Clone for Clients {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What every client has: the gate, the witness, and credentials that are renewed.
macro_rules! watched {
    ($aws:ident, $config:expr) => {
        $config
            .interceptor($aws.gate())
            .interceptor(Witness)
            .interceptor($aws.hears())
            .retry_classifier(Renews)
    };
}

/// Those that are made like every other.
macro_rules! plain {
    ($($name:ident: $sdk:ident),+ $(,)?) => {
        impl Aws {
            $(pub(in crate::aws) fn $name(&self) -> &$sdk::Client {
                self.inner.clients.$name.get_or_init(|| {
                    let config = $sdk::config::Builder::from(&self.inner.config);
                    $sdk::Client::from_conf(watched!(self, config).build())
                })
            })+
        }
    };
}

plain! {
    sagemaker: aws_sdk_sagemaker,
    iam: aws_sdk_iam,
    sts: aws_sdk_sts,
    logs: aws_sdk_cloudwatchlogs,
    ecr: aws_sdk_ecr,
}

impl Aws {
    /// For bodies that stream: stalled streams are cut, long ones are not.
    pub(in crate::aws) fn s3(&self) -> &aws_sdk_s3::Client {
        self.inner.clients.s3.get_or_init(|| {
            let config = self.s3_config().timeout_config(patience::of_bodies());
            aws_sdk_s3::Client::from_conf(config.build())
        })
    }

    /// For everything of S3 whose answer is small.
    pub(in crate::aws) fn s3_control(&self) -> &aws_sdk_s3::Client {
        let make = || aws_sdk_s3::Client::from_conf(self.s3_config().build());
        self.inner.clients.s3_control.get_or_init(make)
    }

    pub(in crate::aws) fn kms(&self) -> &aws_sdk_kms::Client {
        self.inner.clients.kms.get_or_init(|| self.kms_in(None))
    }

    /// Where the key is, as its ARN says; here if it says nothing.
    pub(in crate::aws) fn kms_of(&self, key: &str) -> aws_sdk_kms::Client {
        let region = Arn::parse(key)
            .filter(|arn| arn.service == "kms")
            .map_or("", |arn| arn.region);
        if region.is_empty() || region == self.inner.region {
            return aws_sdk_kms::Client::clone(self.kms());
        }
        let mut known = self
            .inner
            .clients
            .kms_elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let client = known.entry(region.to_owned());
        client.or_insert_with(|| self.kms_in(Some(region))).clone()
    }

    fn kms_in(&self, region: Option<&str>) -> aws_sdk_kms::Client {
        let mut config = aws_sdk_kms::config::Builder::from(&self.inner.config);
        if let Some(region) = region {
            config = config.region(Region::new(region.to_owned()));
        }
        aws_sdk_kms::Client::from_conf(watched!(self, config).build())
    }

    /// Where the key is: events are kept in the region of what they are about.
    pub(in crate::aws) fn cloudtrail_of(&self, key: &str) -> aws_sdk_cloudtrail::Client {
        let region = Arn::parse(key).map_or("", |arn| arn.region);
        let region = Some(region)
            .filter(|region| !region.is_empty())
            .unwrap_or(&self.inner.region);
        let clients = &self.inner.clients.cloudtrail;
        let mut known = clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = known.entry(region.to_owned()).or_insert_with(|| {
            let config = aws_sdk_cloudtrail::config::Builder::from(&self.inner.config);
            let config = config.region(Region::new(region.to_owned()));
            aws_sdk_cloudtrail::Client::from_conf(watched!(self, config).build())
        });
        client.clone()
    }

    fn s3_config(&self) -> aws_sdk_s3::config::Builder {
        let in_path = self.s3_endpoint().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.inner.config)
            // A custom endpoint seldom answers for BUCKET.HOST.
            .force_path_style(in_path)
            .endpoint_resolver(s3::ByBucket::new(Arc::clone(&self.inner.regions)))
            .interceptor(s3::Listens {
                regions: Arc::clone(&self.inner.regions),
            })
            .interceptor(s3::Terms(self.inner.uploads.clone()))
            .interceptor(self.inner.slowed.clone())
            .retry_classifier(s3::Redirects);
        watched!(self, config)
    }
}
