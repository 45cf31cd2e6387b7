//! The actions and condition keys that a bucket policy may name, as AWS's service authorization reference lists them.

use crate::policy::globs;

/// What a bucket policy may say of the bucket.
const OF_BUCKETS: &[&str] = &[
    "createbucket",
    "createbucketmetadatatableconfiguration",
    "deletebucket",
    "deletebucketmetadatatableconfiguration",
    "deletebucketpolicy",
    "deletebucketwebsite",
    "getaccelerateconfiguration",
    "getanalyticsconfiguration",
    "getbucketabac",
    "getbucketacl",
    "getbucketcors",
    "getbucketlocation",
    "getbucketlogging",
    "getbucketmetadatatableconfiguration",
    "getbucketnotification",
    "getbucketobjectlockconfiguration",
    "getbucketownershipcontrols",
    "getbucketpolicy",
    "getbucketpolicystatus",
    "getbucketpublicaccessblock",
    "getbucketrequestpayment",
    "getbuckettagging",
    "getbucketversioning",
    "getbucketwebsite",
    "getencryptionconfiguration",
    "getintelligenttieringconfiguration",
    "getinventoryconfiguration",
    "getlifecycleconfiguration",
    "getmetricsconfiguration",
    "getreplicationconfiguration",
    "listbucket",
    "listbucketmultipartuploads",
    "listbucketversions",
    "listtagsforresource",
    "pausereplication",
    "putaccelerateconfiguration",
    "putanalyticsconfiguration",
    "putbucketabac",
    "putbucketacl",
    "putbucketcors",
    "putbucketlogging",
    "putbucketnotification",
    "putbucketobjectlockconfiguration",
    "putbucketownershipcontrols",
    "putbucketpolicy",
    "putbucketpublicaccessblock",
    "putbucketrequestpayment",
    "putbuckettagging",
    "putbucketversioning",
    "putbucketwebsite",
    "putencryptionconfiguration",
    "putintelligenttieringconfiguration",
    "putinventoryconfiguration",
    "putlifecycleconfiguration",
    "putmetricsconfiguration",
    "putreplicationconfiguration",
    "tagresource",
    "untagresource",
    "updatebucketmetadatainventorytableconfiguration",
    "updatebucketmetadatajournaltableconfiguration",
];

/// What it may say of its objects.
const OF_OBJECTS: &[&str] = &[
    "abortmultipartupload",
    "bypassgovernanceretention",
    "deleteobject",
    "deleteobjecttagging",
    "deleteobjectversion",
    "deleteobjectversiontagging",
    "getobject",
    "getobjectacl",
    "getobjectattributes",
    "getobjectlegalhold",
    "getobjectretention",
    "getobjecttagging",
    "getobjecttorrent",
    "getobjectversion",
    "getobjectversionacl",
    "getobjectversionattributes",
    "getobjectversionforreplication",
    "getobjectversiontagging",
    "getobjectversiontorrent",
    "initiatereplication",
    "listmultipartuploadparts",
    "objectowneroverridetobucketowner",
    "putobject",
    "putobjectacl",
    "putobjectlegalhold",
    "putobjectretention",
    "putobjecttagging",
    "putobjectversionacl",
    "putobjectversiontagging",
    "replicatedelete",
    "replicateobject",
    "replicatetags",
    "restoreobject",
    "updateobjectencryption",
];

/// What S3 knows besides, of accounts and of other kinds of resource.
const ELSEWHERE: &[&str] = &[
    "createaccesspoint",
    "createjob",
    "createstoragelensgroup",
    "deleteaccesspoint",
    "deletestoragelensgroup",
    "describejob",
    "getaccesspoint",
    "getaccountpublicaccessblock",
    "listaccessgrants",
    "listaccesspoints",
    "listallmybuckets",
    "listjobs",
    "listmultiregionaccesspoints",
    "liststoragelensconfigurations",
    "putaccountpublicaccessblock",
    "putstoragelensconfiguration",
    "updatejobpriority",
    "updatejobstatus",
];

/// S3's own condition keys; those that end in `/` have a name behind it.
const KEYS: &[&str] = &[
    "accessgrantsinstancearn",
    "accesspointnetworkorigin",
    "accesspointtag/",
    "authtype",
    "buckettag/",
    "dataaccesspointaccount",
    "dataaccesspointarn",
    "delimiter",
    "destinationregion",
    "existingobjecttag/",
    "if-match",
    "if-none-match",
    "inventoryaccessibleoptionalfields",
    "isreplicationpauserequest",
    "locationconstraint",
    "max-keys",
    "object-lock-legal-hold",
    "object-lock-mode",
    "object-lock-remaining-retention-days",
    "object-lock-retain-until-date",
    "objectcreationoperation",
    "prefix",
    "requestobjecttag/",
    "requestobjecttagkeys",
    "resourceaccount",
    "signatureage",
    "signatureversion",
    "tlsversion",
    "versionid",
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// Those of every service.
const GLOBAL: &[&str] = &[
    "assumedroot",
    "calledvia",
    "calledviafirst",
    "calledvialast",
    "currenttime",
    "ec2instancesourceprivateipv4",
    "ec2instancesourcevpc",
    "epochtime",
    "federatedprovider",
    "multifactorauthage",
    "multifactorauthpresent",
    "principalaccount",
    "principalarn",
    "principalisawsservice",
    "principalorgid",
    "principalorgpaths",
    "principalservicename",
    "principalservicenameslist",
    "principaltag/",
    "principaltype",
    "referer",
    "requestedregion",
    "requesttag/",
    "resourceaccount",
    "resourceorgid",
    "resourceorgpaths",
    "resourcetag/",
    "securetransport",
    "sourceaccount",
    "sourcearn",
    "sourceidentity",
    "sourceip",
    "sourceorgid",
    "sourceorgpaths",
    "sourcevpc",
    "sourcevpcarn",
    "sourcevpce",
    "tagkeys",
    "tokenissuetime",
    "useragent",
    "userid",
    "username",
    "viaawsservice",
    "vpceaccount",
    "vpceorgid",
    "vpceorgpaths",
    "vpcsourceip",
];

/// Services whose credentials bring keys of their own along.
const BROUGHT: &[&str] = &["ec2", "glue", "identitystore", "lambda", "saml", "ssm"];

/// Keys that are asked of these acts only.
const NARROW: &[(&[&str], &[&str])] = &[
    (
        &["s3:delimiter", "s3:max-keys", "s3:prefix"],
        &["listbucket", "listbucketversions"],
    ),
    (
        &[
            "s3:x-amz-server-side-encryption",
            "s3:x-amz-server-side-encryption-aws-kms-key-id",
        ],
        &["putobject", "replicateobject", "updateobjectencryption"],
    ),
    (&["s3:x-amz-copy-source", "s3:x-amz-metadata-directive"], &["putobject"]),
];

/// What of a bucket an action or a resource speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reach {
    pub(super) bucket: bool,
    pub(super) objects: bool,
}

impl Reach {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            bucket: self.bucket || other.bucket,
            objects: self.objects || other.objects,
        }
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.bucket && other.bucket || self.objects && other.objects
    }
}

/// What an action reaches, with its wildcards; none if S3 knows nothing like it.
pub(super) fn reach(action: &str) -> Option<Reach> {
    let action = action.to_lowercase();
    let pattern = match action.as_str() {
        "*" => "*",
        action => action.strip_prefix("s3:")?,
    };
    let any = |names: &[&str]| names.iter().any(|name| globs(pattern, name));
    let reach = Reach {
        bucket: any(OF_BUCKETS),
        objects: any(OF_OBJECTS),
    };
    (reach.bucket || reach.objects || any(ELSEWHERE)).then_some(reach)
}

/// Whether there is such a condition key.
pub(super) fn is_key(key: &str) -> bool {
    let key = key.to_lowercase();
    let Some((of, name)) = key.split_once(':') else {
        return false;
    };
    let among = |names: &[&str]| {
        names.iter().any(|known| match known.strip_suffix('/') {
            Some(_) => name.len() > known.len() && name.starts_with(known),
            None => *known == name,
        })
    };
    match of {
        "s3" => among(KEYS),
        "aws" => among(GLOBAL),
        // An identity provider's.
        of => of.contains('.') || BROUGHT.contains(&of),
    }
}

/// Whether a condition key can be asked of an action; of one with wildcards it can of some.
pub(super) fn applies(key: &str, action: &str) -> bool {
    let (key, action) = (key.to_lowercase(), action.to_lowercase());
    let narrow = NARROW.iter().find(|(keys, _)| keys.contains(&key.as_str()));
    let name = action.strip_prefix("s3:").unwrap_or(&action);
    narrow.is_none_or(|(_, actions)| actions.iter().any(|known| globs(name, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_reach_buckets_objects_both_or_neither() {
        let said = |action| reach(action).map(|reach| (reach.bucket, reach.objects));
        for (action, reached) in [
            ("s3:GetObject", Some((false, true))),
            ("S3:listbucket", Some((true, false))),
            ("s3:*", Some((true, true))),
            ("*", Some((true, true))),
            ("s3:Get?bject*", Some((false, true))),
            ("s3:ListAllMyBuckets", Some((false, false))),
            ("s3:GetObjects", None),
            ("s3:Fetch*", None),
            ("kms:Decrypt", None),
        ] {
            assert_eq!(said(action), reached, "{action}");
        }
    }

    #[test]
    fn condition_keys_are_known_by_their_service() {
        for key in [
            "s3:prefix",
            "aws:PrincipalTag/team",
            "s3:ExistingObjectTag/a",
            "ec2:SourceInstanceARN",
        ] {
            assert!(is_key(key), "{key}");
        }
        for key in [
            "s3:color",
            "aws:Colour",
            "aws:PrincipalTag/",
            "kms:ViaService",
            "prefix",
        ] {
            assert!(!is_key(key), "{key}");
        }
        assert!(applies("s3:prefix", "s3:ListBucket") && applies("s3:prefix", "s3:*"));
        assert!(!applies("s3:prefix", "s3:GetObject") && applies("aws:SourceIp", "s3:GetObject"));
    }
}
