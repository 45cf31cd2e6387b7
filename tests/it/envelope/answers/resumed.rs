//! An upload that was interrupted: what S3 has of it is asked, and it is finished or thrown away.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};

use super::*;

pub(super) const DRIVEN: &[&str] = &["AbortMultipartUpload", "ListParts"];

/// An upload of two parts of which one arrived, as it can be had again and again.
struct Interrupted {
    arguments: Vec<String>,
    journal: (PathBuf, String),
    id: String,
    /// The first part, and what the object is like when it is done.
    part: bytes::Bytes,
    metadata: std::collections::HashMap<String, String>,
    etag: String,
}

const OBJECT: &str = "resumed/data.bin";

impl Fake {
    async fn finished(&self) -> Option<String> {
        let head = self.world.s3.head_object().bucket(BUCKET).key(OBJECT).send().await;
        head.ok()?.e_tag
    }

    async fn resume(&self, upload: &Interrupted, more: &[&str]) -> Output {
        let arguments: Vec<&str> = upload
            .arguments
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        self.world
            .command_at(self.proxy.url(), &arguments)
            .output()
            .await
            .unwrap()
    }

    /// Kills an upload after its first part.
    async fn interrupt(&self) -> Interrupted {
        let source = self.world.write("data.bin", &noise(8 * MIB));
        let arguments = self.world.encrypting(&source, "s3://training-bucket/resumed/");
        let arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        let silent = Proxy::start(&self.world.sandbox, |seen| {
            if seen.line.contains("partNumber=2") {
                Trouble::StallUnanswered
            } else {
                Trouble::None
            }
        });
        let told: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = self.world.command_at(silent.url(), &told).spawn().unwrap();
        uploads::until_parts(&self.world, 1).await;
        child.kill().await.unwrap();
        // The same request at another endpoint is another one.
        let path = self.world.journals().remove(0);
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace(silent.url(), self.proxy.url());
        fs::write(&path, &text).unwrap();
        let line = text.lines().find(|line| line.starts_with("{\"upload\"")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        let id = line["upload"]["id"].as_str().unwrap().to_owned();
        let length = line["upload"]["part"].as_u64().unwrap();
        let mut upload = Interrupted {
            arguments,
            journal: (path, text),
            id,
            part: bytes::Bytes::new(),
            metadata: std::collections::HashMap::new(),
            etag: String::new(),
        };
        let done = good(&self.resume(&upload, &[]).await);
        assert_eq!(done[0]["resumed"], true);
        let get = self
            .world
            .s3
            .get_object()
            .bucket(BUCKET)
            .key(OBJECT)
            .range(format!("bytes=0-{}", length - 1));
        let object = get.send().await.unwrap();
        upload.metadata = object.metadata.clone().unwrap();
        upload.etag = object.e_tag.clone().unwrap();
        upload.part = object.body.collect().await.unwrap().into_bytes();
        upload
    }

    /// Makes it as it was when it was killed.
    async fn interrupt_again(&self, upload: &Interrupted) {
        let s3 = &self.world.s3;
        s3.delete_object().bucket(BUCKET).key(OBJECT).send().await.unwrap();
        for journal in self.world.journals() {
            fs::remove_file(journal).unwrap();
        }
        let open = s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        for left in open.uploads() {
            let abort = s3.abort_multipart_upload().bucket(BUCKET).key(OBJECT);
            abort.set_upload_id(left.upload_id.clone()).send().await.unwrap();
        }
        let begin = s3.create_multipart_upload().bucket(BUCKET).key(OBJECT);
        let begin = begin
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject);
        let begun = begin.set_metadata(Some(upload.metadata.clone())).send().await.unwrap();
        let id = begun.upload_id.unwrap();
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key(OBJECT)
            .upload_id(&id)
            .part_number(1);
        let part = part.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        part.body(ByteStream::from(upload.part.clone())).send().await.unwrap();
        let (path, text) = &upload.journal;
        fs::write(path, text.replace(&upload.id, &id)).unwrap();
    }

    /// What is left open is remembered, so that it can still be finished or thrown away.
    async fn is_remembered(&self) -> bool {
        self.world.open_uploads().await == 0 || !self.world.journals().is_empty()
    }
}

/// A process's exit as an act's result; its words are no fault of ours to look into.
fn said(output: &Output) -> Result<(), Fault> {
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let kind = if told.contains("this was not ") {
        FaultKind::Foreign
    } else {
        FaultKind::Other
    };
    // As a fault is said: what it came of, then what to do.
    let (cause, remedy) = told.split_once("; ").unwrap_or((&told, ""));
    Err(Fault::new(kind, "encrypt", "", cause, remedy))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_makes_an_interrupted_upload_look_finished_or_forgets_it() {
    let mut fake = Fake::start().await;
    let upload = fake.interrupt().await;
    for name in ["ListParts", "AbortMultipartUpload"] {
        // One that is not to be resumed is aborted, and encrypted anew.
        let more: &[&str] = if name == "ListParts" { &[] } else { &["--no-resume"] };
        fake.proxy.forget();
        fake.interrupt_again(&upload).await;
        fake.spoil_all(name, Spoil::Cut(usize::MAX));
        good(&fake.resume(&upload, more).await);
        assert!(fake.proxy.operations().iter().any(|operation| named(operation) == name));
        assert_eq!(
            fake.finished().await.as_ref() == Some(&upload.etag),
            name == "ListParts"
        );
        let length = fake.proxy.longest();
        for spoil in spoils(length, length.div_ceil(fake.cuts).max(1)) {
            fake.interrupt_again(&upload).await;
            fake.spoil_all(name, spoil);
            let output = fake.resume(&upload, more).await;
            let holds = match fake.finished().await {
                Some(etag) => name != "ListParts" || etag == upload.etag,
                None => false,
            };
            let is_remembered = fake.is_remembered().await;
            fake.judge(&format!("{name} is kept in mind"), spoil, Ok(()), is_remembered);
            fake.judge(name, spoil, said(&output), holds);
        }
        fake.driven.insert(name.to_owned());
    }
    fake.assert_held(DRIVEN);
}
