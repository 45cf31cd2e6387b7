"""Objects by the original libraries: Amazon's S3 encryption client, the AWS Encryption SDK, and cryptography's Fernet.

Usage: encryption_clients.py BUCKET KMS-KEY-ARN. What neither writes any more (version 1, instruction files) is made of what they
wrote, by the format's own rules, and read back by the client where it still reads it.
"""

import base64
import json
import os
import sys

import aws_encryption_sdk
import boto3
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from botocore.config import Config
from cryptography.fernet import Fernet
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite
from s3_encryption.materials.materials import CommitmentPolicy as S3Policy

BUCKET, KEY = sys.argv[1:]
BODY = b"x,y\n1,2\n2,4\n3,6\n" * 9
CONFIG = Config(s3={"addressing_style": "path"})


def clients():
    return boto3.client("s3", config=CONFIG), boto3.client("kms")


def s3_encryption(suite, policy):
    s3, kms = clients()
    return S3EncryptionClient(
        s3, S3EncryptionClientConfig(KmsKeyring(kms, KEY), encryption_algorithm=suite, commitment_policy=policy)
    )


def written_by_s3_clients():
    gcm = AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF
    committing = AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    second = s3_encryption(gcm, S3Policy.FORBID_ENCRYPT_ALLOW_DECRYPT)
    second.put_object(Bucket=BUCKET, Key="s3ec/v2", Body=BODY)
    s3_encryption(committing, S3Policy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT).put_object(
        Bucket=BUCKET, Key="s3ec/v3", Body=BODY
    )
    plain, _ = clients()
    answer = plain.get_object(Bucket=BUCKET, Key="s3ec/v2")
    body, envelope = answer["Body"].read(), answer["Metadata"]

    # The same object with its envelope in an instruction file, which the client opens.
    plain.put_object(Bucket=BUCKET, Key="s3ec/beside", Body=body)
    plain.put_object(
        Bucket=BUCKET,
        Key="s3ec/beside.instruction",
        Body=json.dumps(envelope).encode(),
        Metadata={"x-amz-crypto-instr-file": ""},
    )
    assert second.get_object(Bucket=BUCKET, Key="s3ec/beside")["Body"].read() == BODY

    # Of version 1 there is no writer any more: its names, as the format has them.
    plain.put_object(
        Bucket=BUCKET,
        Key="s3ec/v1",
        Body=os.urandom(len(BODY) + 16 - len(BODY) % 16),
        Metadata={
            "x-amz-key": envelope["x-amz-key-v2"],
            "x-amz-iv": base64.b64encode(os.urandom(16)).decode(),
            "x-amz-matdesc": json.dumps({"kms_cmk_id": KEY}),
        },
    )


def written_by_the_sdk():
    s3, _ = clients()
    keys = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[KEY])
    committing = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    without = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    for policy, suites in [
        (committing, [Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY, Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384]),
        (
            without,
            [
                Algorithm.AES_128_GCM_IV12_TAG16,
                Algorithm.AES_256_GCM_IV12_TAG16,
                Algorithm.AES_192_GCM_IV12_TAG16_HKDF_SHA256,
                Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
            ],
        ),
    ]:
        sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
        for suite in suites:
            for context in ({}, {"purpose": "Prüfung", "team": "blue"}):
                message, _ = sdk.encrypt(
                    source=BODY, key_provider=keys, algorithm=suite, encryption_context=context
                )
                name = f"sdk/{suite.name}-{len(context)}"
                s3.put_object(Bucket=BUCKET, Key=name, Body=message)
                s3.put_object(Bucket=BUCKET, Key=f"{name}.base64", Body=base64.b64encode(message))


def written_by_cryptography():
    s3, _ = clients()
    s3.put_object(Bucket=BUCKET, Key="fernet/token", Body=Fernet(Fernet.generate_key()).encrypt(BODY))


written_by_s3_clients()
written_by_the_sdk()
written_by_cryptography()
