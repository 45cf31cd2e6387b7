"""What a person does with each capability of assets/policies: acts in their order, through the real program."""

import signal
import struct
import subprocess
import time

from conftest import STRONGROOM
from person import BACK_TAB, CLEAR, TAB
from terminal import ENTER, ESC

BUCKET, DATA = "sagemaker-data", "s3://sagemaker-data/data/"
TAG = ("strongroom:workflow", "walk")
TABLE = "x,y\n1,2\n2,4\n3,6\n4,8\n"


def browse_keys(p, _):
    p.sit_down("1").select("training").keys(ENTER).see("State Enabled", "Rotation off")
    p.keys(TAB).see("kms:*")


def browse_grants(p, _):
    p.sit_down("1").see("1 KMS keys 1").keys("2").see("feature-pipeline")


def browse_objects(p, _):
    open_data(p).keys(ENTER).see("says it is strongroom")
    p.keys("G").see("this one")


def browse_jobs(p, _):
    p.sit_down("4").select("first").see("Completed")
    p.keys("l").see("Log of first", "hello")
    assert "Completed" in p.run("watch", "first", "--json")


def browse_processing_jobs(p, _):
    p.keys(ESC, "4").select("second").see("Completed")
    p.keys(ENTER).see("echoes").keys(ESC)
    p.keys("l").see("Log of second", "hello")


def process(here, name, image):
    """A processing job as somebody else starts it."""
    here.admin["sagemaker"].create_processing_job(
        ProcessingJobName=name,
        RoleArn="arn:aws:iam::111122223333:role/trainer",
        AppSpecification={"ImageUri": image},
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    )


def start_processing(_, here):
    process(here, "bulk", "sleeps")


def stop_processing(p, _):
    p.sit_down("4").select("bulk").see("InProgress").keys(ENTER).see("sleeps").keys(ESC)
    p.keys("x").see("Stop the processing job bulk?").keys("y")
    p.see("Told the job bulk to stop", "has ended: Stopped", any_of=True)


def encrypt(p, _):
    (p.home / "new.csv").write_text(TABLE)
    p.run("encrypt", "new.csv", DATA, "--key", "alias/training")


def interrupt(name):
    def act(p, world):
        """An upload whose process is killed when S3 has a part of it."""
        (p.home / name).write_bytes(bytes(60 << 20))
        process = subprocess.Popen(
            [STRONGROOM, "encrypt", name, DATA, "--key", "alias/training"],
            env=p.world.environment(p.home),
            cwd=p.home,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        s3 = world.admin["s3"]
        while process.poll() is None:
            uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
            if any(s3.list_parts(Bucket=BUCKET, Key=u["Key"], UploadId=u["UploadId"]).get("Parts") for u in uploads):
                process.send_signal(signal.SIGKILL)
                process.wait()
                return
            time.sleep(0.01)
        p.heed(process.stderr.read())
        raise AssertionError("the upload was not interrupted")

    return act


def go_on(p, _):
    assert '"resumed":true' in p.run("encrypt", "long.bin", DATA, "--key", "alias/training", "--json")


def start_again(p, _):
    p.run("encrypt", "again.bin", DATA, "--key", "alias/training", "--no-resume")


def decrypt_one(p, _):
    """Which takes no right to list."""
    lacks, p.lacks = p.lacks, None if p.lacks == "s3:ListBucket" else p.lacks
    p.run("decrypt", DATA + "x.csv", "-o", "one.csv")
    p.lacks = lacks


def decrypt(p, _):
    p.run("decrypt", DATA, "-o", "opened")
    assert (p.home / "opened/x.csv").read_text() == TABLE


def verify(p, _):
    p.run("verify", DATA)


def audit(p, _):
    assert '"strongroom-bound":{"bytes"' in p.run("audit", DATA, "--deep", "--json")


def audit_versions(p, _):
    p.run("audit", DATA, "--versions", "--json")


def tag(_, world):
    tags = {"TagSet": [{"Key": "team", "Value": "blue"}]}
    world.admin["s3"].put_object_tagging(Bucket=BUCKET, Key="data/x.csv", Tagging=tags)


def rewrap_data(p, _):
    p.run("rewrap", DATA, "--to", "alias/training", "--context", "project=houses")


def rotate_ahead(p, _):
    p.run("rotate", DATA, "--dry-run", "--json")


def rotate(p, _):
    assert '"outcome":"sealed"' in p.run("rotate", DATA, "--json")


def put_plain(_, world):
    world.admin["s3"].put_object(Bucket=BUCKET, Key="plain/x.csv", Body=TABLE, Tagging="team=blue")


def encrypt_objects_ahead(p, _):
    p.run("encrypt", "s3://sagemaker-data/plain/", DATA + "plain/", "--key", "alias/training", "--dry-run", "--json")


def encrypt_objects(p, _):
    arguments = ["s3://sagemaker-data/plain/", DATA + "plain/", "--key", "alias/training", "--delete-plain", "--json"]
    assert '"before":"gone"' in p.run("encrypt", *arguments)


def put_plain_where_versions_are_kept(_, world):
    s3 = world.admin["s3"]
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="plain/y.csv", Body=TABLE)


ENGINE = ("--on", "processing", "--image", "none", "--role", "trainer", "--json")


def audit_on_processing(p, _):
    assert '"strongroom-bound":{"bytes"' in p.run("audit", DATA, *ENGINE, "--wait")


def audit_versions_on_processing(p, _):
    assert '"event":"begun"' in p.run("audit", DATA, *ENGINE, "--versions")


def rewrap_on_processing(p, _):
    arguments = ["--to", "alias/training", "--context", "project=houses", *ENGINE[:-1], "--wait"]
    assert "re-wrapped: 1 object" in p.run("rewrap", DATA, *arguments)


def grant(p, _):
    p.sit_down("1").see("1 KMS keys 1").keys("2").see("feature-pipeline")
    p.keys("n").take("trainer").keys(ENTER).see(
        "Granted the role trainer", "The grant works", "The grant is there", any_of=True
    )


def revoke(p, _):
    p.keys(ESC).select("trainer").keys("x").see("Revoke the grant of the role trainer").keys("y").see("Revoked the grant")


def retire(p, _):
    p.keys(ESC).select("feature-pipeline")
    p.action("retire grant").see("Retire the grant of").keys("y").see("Retired the grant")


def new_role(p, _):
    p.sit_down("2").action("new role").see("New execution role")
    p.keys(CLEAR, "mine", TAB, CLEAR, BUCKET, ENTER).see("the role mine", "Created")


def of_role(label, *seen):
    def act(p, _):
        p.keys(ESC).action(label).see("Role: ").take("mine").keys(ENTER).see(*seen)

    return act


def trust_me(p, _):
    p.keys(ESC).action("trust me").see("Role: ").take("mine").keys(ENTER)
    p.see("Let yourself assume the role mine?").keys("y").see("You may assume the role mine")


def detach(policy):
    def act(p, _):
        p.keys(ESC).action("detach policy").see("Take a policy off").take("mine").keys(TAB, policy, ENTER)
        p.see("ake the policy").keys("y").see("Took the policy")

    return act


def delete_role(p, _):
    p.keys(ESC).action("delete role").see("Role: ").take("mine").keys(ENTER).see("Delete the role mine?")
    p.agree().see("Deleted the role mine")


def new_full_role(p, _):
    p.sit_down("2").action("new role").see("New execution role")
    p.keys(CLEAR, "mine", TAB, CLEAR, BUCKET, BACK_TAB, BACK_TAB, " ", ENTER).see("the role mine", "Created")


def open_bucket(p):
    """The objects pane with the bucket open: where it is the only one it may open by itself."""
    p.sit_down("3")
    while f"3 Objects s3://{BUCKET}/" not in p.see(f"s3://{BUCKET}/", BUCKET, any_of=True).text():
        if p.is_there(BUCKET):
            p.keys(ENTER)
    return p.see("data/")


def open_data(p):
    """The same, with the cursor on the encrypted file."""
    open_bucket(p).select("data/").keys(ENTER)
    return p.select("x.csv")


def train(p, _):
    open_data(p).keys("t").see("Train on").take("trainer").keys(TAB, CLEAR, "own", TAB, CLEAR, "sleeps", ENTER)
    p.see("Started the job own")


def stop(p, _):
    p.keys(ESC, "4").select("own").see("InProgress").keys("x").see("Stop the job own?").keys("y")
    p.see("Told the job own to stop", "has ended: Stopped", any_of=True)


def clone(p, _):
    p.sit_down("4").select("first").keys(ENTER).see("echoes").keys(ESC)
    p.action("clone job").see("Train on s3://", "echoes").keys(ESC)


def clone_it(p, _):
    p.keys(ESC, "4").select("first").action("clone job").see("Train on s3://", "echoes").keys(ENTER)
    p.see("Started the job train-")


def preflight(p, _):
    open_data(p).keys("t").see("Train on").take("trainer").keys(BACK_TAB, " ", ENTER).see("Before the job")
    p.see("stands in the way of the job", "make the job", any_of=True)


# The headers of a static program and strongroom's mark, which is all that is looked at before a job begins.
STATIC = (
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120, 120, 0x1000)
    + b"strongroom:this-is-the-program:b7c1f0e2a94d4d6e:0.1.0;"
)


def preflight_of_what_is_brought(p, here):
    (p.home / "static").write_bytes(STATIC)
    p.keys(ESC, "3").select("x.csv").keys("t").see("Train on").take("trainer").keys(TAB, TAB, CLEAR, here.registry.image)
    p.keys(*[BACK_TAB] * 4, "static", TAB, " ", ENTER).see("Before the job")
    p.see("stands in the way of the job", "make the job", any_of=True)
    p.see("what the image runs is known")


def prove(p, _):
    assert '"method":"assumed"' in p.run("prove", "--key", "alias/training", "--role", "trainer", "--json")


def story(p, _):
    p.run("prove", "--key", "alias/training", "--role", "trainer", "--story", "--json")


def reason(p, _):
    assert '"method":"reasoned"' in p.run("prove", "--key", "alias/training", "--role", "untrusting", "--json")


def who(p, _):
    said = p.run("who", "alias/training", "--json")
    assert '"outside":0' in said and '"unread":["users whom' in said and '"is_whole":true' in said


def new_key(p, _):
    p.sit_down("1").see("KMS keys").keys("n").see("New KMS key").keys("ledger")
    p.keys(BACK_TAB, " ", ENTER).see("Created the key")


def look_at_key(p, _):
    p.sit_down("1").select("training").keys(ENTER).see("State Enabled").keys(TAB).see("kms:*").keys(ESC)


def key_action(label, before, done, *typed, question=None):
    def act(p, _):
        p.sit_down("1").select("training").action(label)
        if before:
            p.see(before)
        p.keys(*typed)
        if question:
            p.see(question).keys("y")
        p.see(done)

    return act


def edit_policy(p, _):
    p.sit_down("1").select("training").action("edit policy").see("Key policy", "+ ").keys("y")
    p.see("Replaced the policy")


def disable(p, _):
    p.sit_down("1").select("training").keys("x").see("Disable the key").keys("y").see("Disabled the key")


def enable(p, _):
    p.sit_down("1").select("training").see("Disabled").keys("u").see("Enabled the key")


def give_up(p, _):
    p.sit_down("1").select("training").see("Disabled").keys("x").see("Schedule the deletion").keys(ENTER)
    p.agree().see("PendingDeletion")


def take_back(p, _):
    p.keys("u").see("Cancelled the deletion of")


def dependents(p, _):
    p.sit_down("1").see("KMS keys").select("training").action("dependents").see("What depends on the key", "x.csv")
    p.keys(ESC)


def new_bucket(p, _):
    to_buckets(p).keys("n").see("New bucket").keys(CLEAR, "sagemaker-mine", ENTER)
    p.see("Created the bucket sagemaker-mine")


def delete_objects(p, _):
    open_data(p).keys("x").see("Delete").keys("y").see("Deleted")


def leave_an_upload(_, world):
    world.admin["s3"].create_multipart_upload(Bucket=BUCKET, Key="half")


def empty_bucket(p, _):
    open_bucket(p).keys(ESC).select(BUCKET).action("empty bucket").see("Empty the bucket sagemaker-data")
    p.agree().see("Emptied the bucket")


def delete_bucket(p, _):
    p.keys(ESC).select(BUCKET).action("delete bucket").see("Delete the bucket sagemaker-data")
    p.agree().see("Deleted the bucket")


def to_buckets(p):
    """The objects pane with its buckets: one opens by itself as they are listed, unless they are looked at already."""
    inside = f"3 Objects s3://{BUCKET}/"
    p.sit_down("3").until(lambda text: inside in text or ("3 Buckets" in text and BUCKET in text))
    if inside in p.text():
        p.keys(ESC)
    return p.see("Buckets")


def message(p, _):
    p.sit_down("1").see("KMS keys").select("training").action("encrypt message").see("1 to 4096 bytes")
    p.keys("the diagnosis", TAB, TAB, TAB, str(p.home / "c.bin"), ENTER).see("Encrypted message")
    p.keys(ESC).action("decrypt message").see("Ciphertext").keys(TAB, str(p.home / "c.bin"), ENTER).see("the diagnosis")
    p.keys(ESC)


def data_key(p, _):
    at = str(p.home / "c.datakey")
    p.action("new data key").see("Keep it at").keys(CLEAR, at, ENTER).see("data key was 32 bytes").keys(ESC)


def rewrap(p, _):
    at, anew = str(p.home / "c.datakey"), str(p.home / "anew.datakey")
    p.action("re-wrap data key").see("the plaintext data key never leaves KMS").keys(at, TAB, anew, ENTER).see("data key was 32 bytes", "anew.datakey")


def new_repository(p, _):
    p.sit_down("4").action("new repository").see("New ECR repository").keys(CLEAR, "mine", ENTER).see("The repository")


def push(p, _):
    (p.home / "Dockerfile").write_text("FROM scratch\n")
    p.keys(ESC).action("build image").see("Build a training image").keys(TAB, CLEAR, "mine", ENTER)
    p.see("Built and pushed")


def start_a_job(_, world, tags=()):
    """One that runs until it is stopped."""
    sagemaker = world.admin["sagemaker"]
    asked = sagemaker.describe_training_job(TrainingJobName="first")
    names = ["RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition"]
    sagemaker.create_training_job(
        TrainingJobName="sleeper",
        AlgorithmSpecification={"TrainingImage": "sleeps", "TrainingInputMode": "File"},
        Tags=tags,
        **{name: asked[name] for name in names},
    )


def bear_tags(p, world):
    """The walk has made all of it: by the tag."""
    kms, s3, iam, _, ecr = world.admin.values()
    [key] = kms.list_keys()["Keys"]
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": TAG[0], "TagValue": TAG[1]}])
    tag = {"Key": TAG[0], "Value": TAG[1]}
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [tag]})
    iam.tag_role(RoleName="trainer", Tags=[tag])
    ecr.create_repository(repositoryName="example-image", tags=[tag])
    start_a_job(p, world, [tag])


def plan_clean_up(p, _):
    p.sit_down("4").keys("w").see("The walk").keys("G", ENTER).see("What the walk made", "6 lines to take down")
    p.until(lambda text: "at work" not in text)


def take_down(p, world):
    rows = open_rows(p.text())
    p.keys(ENTER).agree().until(lambda text: open_rows(text) != rows and "at work" not in text)
    sagemaker = world.admin["sagemaker"]
    while sagemaker.list_training_jobs(StatusEquals="Stopping")["TrainingJobSummaries"]:
        time.sleep(0.1)


def nothing_is_left(p, _):
    assert open_rows(p.text()) == []


def open_rows(text):
    """The lines that are to be taken down."""
    return [line for line in text.splitlines() if "○" in line]
