"""Every row of `tests/conformance/recorded.txt`, asked with boto3."""

import base64

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.handlers import validate_bucket_name
from recorded import filled, mismatch, plain, scenes

SCENES = scenes()


def shaped(value, shape):
    """Members as boto3 takes them: the table has blobs as base64, as they travel; bodies as text."""
    if shape is None or isinstance(value, (int, float, bool)):
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: shaped(inner, shape.members.get(name)) for name, inner in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [shaped(inner, shape.member) for inner in value]
    if shape.type_name == "blob":
        return value.encode() if shape.serialization.get("streaming") else base64.b64decode(value)
    return value


@pytest.fixture(scope="module")
def ask(sandbox):
    clients = {}

    def client(service, caller, known):
        if (service, caller) not in clients:
            credentials = caller and {
                "AccessKeyId": known[f"${caller}.id"],
                "SecretAccessKey": known[f"${caller}.secret"],
                "SessionToken": known.get(f"${caller}.token"),
            }
            made = sandbox.client(service, credentials, parameter_validation=False)
            made.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
            clients[service, caller] = made
        return clients[service, caller]

    def ask(step, known):
        asked = client(step.service, step.caller, known)
        shape = asked.meta.service_model.operation_model(step.operation).input_shape
        members = shaped(filled(step.members, known), shape)
        try:
            return plain(getattr(asked, xform_name(step.operation))(**members)), None, {}
        except ClientError as error:
            told = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return None, [status, told["Code"], told.get("Message", "")], told

    return ask


def wrong(step, answer, error, fields, known):
    """What is wrong about an answer, or None."""
    if step.error is not None:
        return mismatch(step.error, error, known) or mismatch(step.fields, fields, known, partial=True)
    if error is not None:
        return f"refused: {error}"
    return step.answer is not None and mismatch(step.answer, answer, known, step.partial) or None


@pytest.mark.parametrize("title", SCENES)
def test_the_sandbox_answers_as_aws_was_recorded(ask, title):
    known, failures = {}, []
    for step in SCENES[title]:
        for _ in range(step.times):
            answer, error, fields = ask(step, known)
        failure = wrong(step, answer, error, fields, known)
        if step.differs:
            code, reason = step.differs
            said = error[1] if error else "ok"
            failure = failure is None and f"does not differ ({reason})" or said != code and f"{said}, not {code}" or None
        if failure:
            failures.append(f"{step.service}.{step.operation} {step.members}: {failure}")
        if failure and not step.is_row:
            break
    assert not failures, "\n" + "\n".join(failures)


def test_the_table_holds_what_concerns_the_sandbox():
    rows = [step for steps in SCENES.values() for step in steps if step.is_row]
    assert len(rows) >= 350
