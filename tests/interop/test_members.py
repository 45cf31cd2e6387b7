"""Whatever botocore can ask KMS, IAM, STS, Logs, ECR and SageMaker for is served or refused by name: nothing that a request
says is left out of account in silence."""

import json
import urllib.error
import urllib.request

import pytest
from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.session import get_session

SERVED = {
    "kms": """
        CancelKeyDeletion CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey DisableKey DisableKeyRotation
        EnableKey EnableKeyRotation Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateRandom GetKeyPolicy
        GetKeyRotationStatus ListAliases ListGrants ListKeyPolicies ListKeyRotations ListKeys ListResourceTags
        ListRetirableGrants PutKeyPolicy ReEncrypt ReplicateKey RetireGrant RevokeGrant RotateKeyOnDemand
        ScheduleKeyDeletion TagResource UntagResource UpdateAlias UpdateKeyDescription UpdatePrimaryRegion
    """,
    "iam": """
        AttachRolePolicy AttachUserPolicy CreateAccessKey CreatePolicy CreatePolicyVersion CreateRole CreateUser DeleteAccessKey DeletePolicy
        DeletePolicyVersion
        DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DeleteUser DeleteUserPermissionsBoundary
        DeleteUserPolicy DetachRolePolicy DetachUserPolicy GetPolicy GetPolicyVersion GetRole GetRolePolicy GetUser
        GetUserPolicy ListAccessKeys ListAttachedRolePolicies ListAttachedUserPolicies ListPolicies ListPolicyTags ListPolicyVersions
        ListRolePolicies ListRoleTags ListRoles ListUserPolicies ListUserTags ListUsers PutRolePermissionsBoundary
        PutRolePolicy PutUserPermissionsBoundary PutUserPolicy SetDefaultPolicyVersion SimulateCustomPolicy SimulatePrincipalPolicy TagPolicy
        TagRole TagUser UntagPolicy UntagRole UntagUser UpdateAccessKey UpdateAssumeRolePolicy UpdateRole
    """,
    "sts": "AssumeRole GetCallerIdentity",
    "logs": """
        CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DescribeLogGroups DescribeLogStreams
        FilterLogEvents GetLogEvents PutLogEvents
    """,
    "ecr": """
        BatchDeleteImage BatchGetImage CreateRepository DeleteRepository DescribeImages DescribeRepositories
        GetAuthorizationToken GetDownloadUrlForLayer ListImages ListTagsForResource PutImage
    """,
    "sagemaker": """
        AddTags CreateProcessingJob CreateTrainingJob DeleteTags DescribeProcessingJob DescribeTrainingJob
        ListProcessingJobs ListTags ListTrainingJobs StopProcessingJob StopTrainingJob
    """,
}

# Members of served operations that the sandbox does not heed, by the path at which it stops.
UNHEEDED = {
    "kms": """
        CreateGrant.Constraints.SourceArn CreateGrant.GranteeServicePrincipal CreateGrant.RetiringServicePrincipal
        CreateKey.CustomKeyStoreId CreateKey.XksKeyId Decrypt.Recipient GenerateDataKey.Recipient
        GenerateRandom.Recipient ListGrants.GranteeServicePrincipal ListKeys.ResourceOwners
        ListRetirableGrants.RetiringServicePrincipal
    """,
    "iam": """
        SimulateCustomPolicy.OrderedOrganizationPolicyInputList SimulateCustomPolicy.ResourceHandlingOption
        SimulatePrincipalPolicy.PolicyExclusionList SimulatePrincipalPolicy.ResourceHandlingOption
    """,
    "sts": """
        AssumeRole.MinimumSessionTokenSize AssumeRole.ProvidedContexts AssumeRole.SerialNumber AssumeRole.TokenCode
    """,
    "logs": """
        CreateLogGroup.deletionProtectionEnabled CreateLogGroup.kmsKeyId CreateLogGroup.tags
        DescribeLogGroups.accountIdentifiers DescribeLogGroups.includeLinkedAccounts DescribeLogGroups.logGroupClass
        DescribeLogGroups.logGroupIdentifiers FilterLogEvents.startFromHead FilterLogEvents.unmask GetLogEvents.unmask
        PutLogEvents.entity
    """,
    "ecr": """
        BatchGetImage.acceptedMediaTypes CreateRepository.encryptionConfiguration.kmsKey
        CreateRepository.imageScanningConfiguration CreateRepository.imageTagMutabilityExclusionFilters
        DescribeImages.filter.imageStatus GetAuthorizationToken.registryIds ListImages.filter.imageStatus
    """,
    "sagemaker": """
        CreateProcessingJob.ProcessingInputs.AppManaged CreateProcessingJob.ProcessingInputs.DatasetDefinition
        CreateProcessingJob.ProcessingOutputConfig.Outputs.AppManaged
        CreateProcessingJob.ProcessingOutputConfig.Outputs.FeatureStoreOutput
        CreateProcessingJob.ProcessingResources.ClusterConfig.InstancePreferences
        CreateProcessingJob.ProcessingResources.ClusterConfig.SelectedInstanceCount
        CreateProcessingJob.ProcessingResources.ClusterConfig.SelectedInstanceType
        CreateTrainingJob.AlgorithmSpecification.AlgorithmName
        CreateTrainingJob.AlgorithmSpecification.EnableSageMakerMetricsTimeSeries
        CreateTrainingJob.AlgorithmSpecification.TrainingImageConfig CreateTrainingJob.DebugRuleConfigurations
        CreateTrainingJob.InputDataConfig.DataSource.DatasetSource
        CreateTrainingJob.InputDataConfig.DataSource.FileSystemDataSource
        CreateTrainingJob.InputDataConfig.DataSource.S3DataSource.AttributeNames
        CreateTrainingJob.InputDataConfig.DataSource.S3DataSource.HubAccessConfig
        CreateTrainingJob.InputDataConfig.DataSource.S3DataSource.ModelAccessConfig
        CreateTrainingJob.InputDataConfig.ShuffleConfig CreateTrainingJob.MlflowConfig
        CreateTrainingJob.ModelPackageConfig CreateTrainingJob.ProfilerRuleConfigurations
        CreateTrainingJob.RemoteDebugConfig
        CreateTrainingJob.ResourceConfig.InstancePlacementConfig CreateTrainingJob.ResourceConfig.InstancePreferences
        CreateTrainingJob.ResourceConfig.SelectedInstanceCount CreateTrainingJob.ResourceConfig.SelectedInstanceType
        CreateTrainingJob.ResourceConfig.TrainingPlanArn CreateTrainingJob.ServerlessJobConfig
        CreateTrainingJob.SessionChainingConfig CreateTrainingJob.StoppingCondition.MaxPendingTimeInSeconds
        CreateTrainingJob.TensorBoardOutputConfig ListTrainingJobs.TrainingPlanArnEquals
        ListTrainingJobs.WarmPoolStatusEquals
    """,
}
# What a member is given that its service's model does not allow, by its type.
STRANGE = {
    "string": {"a": "structure"},
    "blob": 1,
    "integer": "many",
    "long": "many",
    "double": "many",
    "float": "many",
    "boolean": "perhaps",
    "timestamp": "some day",
    "structure": "text",
    "list": "text",
    "map": "text",
}
CASES = [(service, operation) for service, served in SERVED.items() for operation in served.split()]


def model(service):
    return get_session().get_service_model(service)


def value(shape):
    """Something that a shape may hold, with every member of its structures."""
    kind = shape.type_name
    if kind == "structure":
        return {name: value(member) for name, member in shape.members.items()}
    if kind == "list":
        return [value(shape.member)]
    if kind == "map":
        return {"name": value(shape.value)}
    if kind == "blob":
        return b"other"
    if kind == "boolean":
        return True
    if kind in ("integer", "long", "double", "float"):
        return 1
    if kind == "timestamp":
        return 1767225600
    return shape.enum[0] if shape.enum else "other"


def paths(shape, before=()):
    """Each member of a structure and of what it holds, by its path, with a value for it alone."""
    for name, member in shape.members.items():
        path, around = (*before, name), []
        yield path, member
        while member.type_name == "list":
            around.append(member)
            member = member.member
        if member.type_name == "structure":
            yield from paths(member, path)


def nested(shape, path, given):
    """The members of a request that holds only what leads to a path."""
    name, *rest = path
    member, lists = shape.members[name], 0
    if not rest:
        return {name: given}
    while member.type_name == "list":
        member, lists = member.member, lists + 1
    inner = nested(member, rest, given)
    for _ in range(lists):
        inner = [inner]
    return {name: inner}


class Asked:
    def __init__(self, sandbox, service):
        # What a request holds besides does not matter: names and types are looked at before anything else.
        self.client = sandbox.client(service, parameter_validation=False, inject_host_prefix=False)

    def __call__(self, operation, members):
        try:
            getattr(self.client, xform_name(operation))(**members)
        except ClientError as error:
            return error.response["Error"]
        return {"Code": "ok", "Message": ""}

    def raw(self, operation, members):
        """The code of the answer to a body that botocore would not write."""
        metadata = self.client.meta.service_model.metadata
        request = AWSRequest("POST", self.client.meta.endpoint_url + "/", data=json.dumps(members))
        request.headers["x-amz-target"] = f"{metadata['targetPrefix']}.{operation}"
        credentials = self.client._request_signer._credentials
        SigV4Auth(credentials, metadata.get("signingName", metadata["endpointPrefix"]), "us-east-1").add_auth(request)
        sent = urllib.request.Request(request.url, request.data.encode(), dict(request.headers))
        try:
            return urllib.request.urlopen(sent).status
        except urllib.error.HTTPError as error:
            return json.load(error)["__type"]


@pytest.mark.parametrize("service", SERVED)
def test_an_operation_that_is_not_served_is_refused_by_name(sandbox, service):
    asked = Asked(sandbox, service)
    code = "InvalidAction" if service in ("iam", "sts") else "UnknownOperationException"
    others = set(model(service).operation_names) - set(SERVED[service].split())
    signed = [name for name in sorted(others) if model(service).operation_model(name).auth_type != "none"]
    strange = {name: said for name in signed if (said := asked(name, {}))["Code"] != code or name not in said["Message"]}
    assert not strange


@pytest.mark.parametrize(("service", "operation"), CASES)
def test_a_member_is_heeded_or_refused_by_name(sandbox, service, operation):
    shape = model(service).operation_model(operation).input_shape
    if shape is None:
        return
    asked = Asked(sandbox, service)
    known = {path for path in UNHEEDED[service].split() if path.startswith(operation + ".")}
    refused, wrong = set(), {}
    for path, member in paths(shape):
        named = ".".join((operation, *path))
        said = asked(operation, nested(shape, path, value(member)))
        below = [other for other in known if f"{named}.".startswith(f"{other}.")]
        if "The sandbox does not implement" not in said["Message"]:
            if below:
                wrong[named] = said
            continue
        stop = operation + "." + said["Message"].split()[5].replace("[]", "")
        refused.add(stop)
        if not any(stop.startswith(other) for other in known):
            wrong[named] = said
    assert not wrong
    assert {other for other in known if not any(stop.startswith(other) for stop in refused)} == set()


@pytest.mark.parametrize(("service", "operation"), [case for case in CASES if case[0] not in ("iam", "sts")])
def test_a_member_of_another_type_is_refused(sandbox, service, operation):
    shape = model(service).operation_model(operation).input_shape
    unheeded = tuple(UNHEEDED[service].split())
    asked = Asked(sandbox, service)
    said = {}
    for path, member in paths(shape) if shape else ():
        named = ".".join((operation, *path))
        if not named.startswith(unheeded):
            said[named] = asked.raw(operation, nested(shape, path, STRANGE[member.type_name]))
    strange = {named: code for named, code in said.items() if code != "SerializationException"}
    assert not strange
