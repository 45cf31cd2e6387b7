//! Actions on objects, and on the bucket they are in.

mod encrypt;

pub(in crate::app) use encrypt::encrypt_these;

use super::{asks, in_panes, only_if, start};
use crate::app::command::Keyed;
use crate::app::form::{Blank, Form, Sent};
use crate::app::format::{self, Tone};
use crate::app::pane::Pane;
use crate::app::pane::files::free;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin, Offer};
use crate::app::state::continuation::Continuation;
use crate::app::state::overlay::{Next, Overlay};
use crate::app::state::target::{Target, model_of};
use crate::app::{interrupted_uploads, outcome_text, requests};
use crate::domain::{Ask, BucketCount, ObjectFormat, ObjectRequest, ObjectRow, Request};

/// Bytes of plaintext that a preview keeps in memory.
const PREVIEWED: usize = 256 << 10;

pub(in crate::app) const ENCRYPT: Action = Action {
    label: Keyed::Encrypt.name(),
    help: Keyed::Encrypt.help(),
    changes: true,
    offered: |state, _| {
        let is_whole = state.files.current().is_some() && state.key().is_some() && state.place.is_some();
        only_if(
            is_whole,
            "To encrypt and upload: select a key (1), open a bucket (3), select a file (5).",
        )
    },
    begin: |_, _| Some(Begin::Do(encrypt::encrypt)),
};

pub(in crate::app) const DECRYPT: Action = Action {
    label: Keyed::Decrypt.name(),
    help: Keyed::Decrypt.help(),
    changes: false,
    offered: |state, target| {
        let elsewhere = "To decrypt, select an object (3), or a job that has written a model (4).";
        match target.pane {
            Pane::Jobs => only_if(target.model(state).is_some(), elsewhere),
            Pane::Keys | Pane::Grants | Pane::Objects | Pane::Files => on_objects(state, target, elsewhere),
        }
    },
    begin: |state, target| {
        let (bucket, objects) = match target.pane {
            Pane::Jobs => target.model(state).map(|(bucket, key)| (bucket, vec![key])),
            Pane::Keys | Pane::Grants | Pane::Objects | Pane::Files => chosen(state, target),
        }?;
        Some(Begin::Fill(decryption(state, bucket, objects)))
    },
};

pub(in crate::app) const VERIFY: Action = Action {
    label: Keyed::Verify.name(),
    help: Keyed::Verify.help(),
    changes: false,
    offered: |state, target| on_objects(state, target, "To verify, select an encrypted object (3)."),
    begin: |state, target| {
        let (bucket, objects) = chosen(state, target)?;
        start(ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound: false,
        })
    },
};

pub(in crate::app) const PREVIEW: Action = Action {
    label: Keyed::Preview.name(),
    help: Keyed::Preview.help(),
    changes: false,
    offered: |state, target| on_object(state, target, "To preview, select an encrypted object (3)."),
    begin: |state, target| {
        let (bucket, object) = target.place_of_object(state);
        Some(Begin::Start(preview(bucket, object, None)))
    },
};

pub(in crate::app) const MEMBERS: Action = Action {
    label: "members",
    help: "List the files inside the archive",
    changes: false,
    offered: |state, target| {
        let format = target.object(state).and_then(ObjectRow::info).map(|info| info.format);
        let is_archive = match target.pane {
            Pane::Jobs => target.model(state).is_some(),
            Pane::Objects => format == Some(ObjectFormat::Archive),
            Pane::Keys | Pane::Grants | Pane::Files => false,
        };
        only_if(
            is_archive,
            "To list members, select an archive (3), or a job that has a model (4).",
        )
    },
    begin: |state, target| {
        let (bucket, object) = target.place_of_object(state);
        start(ObjectRequest::ListArchive { bucket, object })
    },
};

pub(in crate::app) const VERSIONS: Action = Action {
    label: "versions",
    help: "Its versions: preview, verify, decrypt one, or compare two",
    changes: false,
    offered: |state, target| on_object(state, target, "To see versions, select an object (3)."),
    begin: |state, target| {
        let (bucket, object) = target.place_of_object(state);
        start(ObjectRequest::ListVersions { bucket, object })
    },
};

pub(super) const EMPTY_BUCKET: Action = Action {
    label: "empty bucket",
    help: "Delete everything in it; counted first, typed to agree",
    changes: true,
    offered: |state, target| only_if(target.bucket(state).is_some(), ""),
    begin: |_, target| counted_first(target, false),
};

pub(super) const DELETE_BUCKET: Action = Action {
    label: "delete bucket",
    help: "Delete everything in it, then the bucket",
    changes: true,
    offered: |state, target| only_if(target.bucket(state).is_some(), ""),
    begin: |_, target| counted_first(target, true),
};

pub(super) const INTERRUPTED: Action = Action {
    label: "interrupted",
    help: "Uploads that were interrupted on this machine: finish or abort them",
    changes: false,
    offered: |_, target| in_panes(target, &[Pane::Objects, Pane::Files]),
    begin: |_, _| Some(Begin::Do(|state, _| interrupted_uploads::open(state))),
};

/// Offered on an object that is still listed.
pub(super) fn on_object(state: &State, target: &Target, elsewhere: &'static str) -> Offer {
    only_if(
        target.pane == Pane::Objects && target.object(state).is_some(),
        elsewhere,
    )
}

fn counted_first(target: &Target, delete: bool) -> Option<Begin> {
    let bucket = target.bucket.clone()?;
    let count = Request::Object(ObjectRequest::CountBucket { bucket });
    Some(Begin::Then(count, Continuation::EmptyBucket(delete)))
}

/// The question whether the bucket that was counted is emptied, or deleted.
pub(in crate::app) fn bucket_counted(state: &State, continuation: &Continuation, count: &BucketCount) -> Option<Next> {
    let Continuation::EmptyBucket(delete) = continuation else {
        return None;
    };
    let request = emptying(count.bucket.clone(), *delete, count.objects, count.older());
    let known = format!(
        "{}{} and {}.",
        format::size(count.bytes),
        outcome_text::older(count),
        format::count(count.uploads as usize, "unfinished upload"),
    );
    requests::question(state, request, Ask::Never, &known).map(|question| Next::show(Overlay::Confirm(question)))
}

/// What is asked for in the end, as far as that is known before the bucket was counted.
pub(super) fn foreseen(first: &Request, continuation: &Continuation) -> Option<Request> {
    match (continuation, first) {
        (Continuation::EmptyBucket(delete), Request::Object(ObjectRequest::CountBucket { bucket })) => {
            Some(emptying(bucket.clone(), *delete, 0, 0))
        }
        _ => None,
    }
}

/// What empties a bucket of so much, and deletes it if that is wanted.
pub(in crate::app) fn emptying(bucket: String, delete: bool, expected: u64, older: u64) -> Request {
    Request::Object(if delete {
        ObjectRequest::DeleteBucket {
            bucket,
            expected,
            older,
        }
    } else {
        ObjectRequest::EmptyBucket {
            bucket,
            expected,
            older,
        }
    })
}

pub(in crate::app) fn preview(bucket: String, object: String, member: Option<String>) -> Request {
    Request::Object(ObjectRequest::Preview {
        bucket,
        object,
        member,
        most: PREVIEWED,
        accept_unbound: false,
    })
}

/// What deletes the selected or marked objects.
pub(super) fn deletion(state: &State, target: &Target) -> Option<Request> {
    let (bucket, objects) = chosen(state, target)?;
    Some(Request::Object(ObjectRequest::Delete { bucket, objects }))
}

/// The bucket, and its marked objects, else the one with the cursor; prefixes are not objects.
fn chosen(state: &State, target: &Target) -> Option<(String, Vec<String>)> {
    let (bucket, _) = target.place.as_ref().filter(|_| state.place == target.place)?;
    let rows = if state.objects.marked() > 0 {
        state.objects.chosen()
    } else {
        vec![target.object(state)?]
    };
    let objects = rows.into_iter().filter(|row| matches!(row, ObjectRow::Object { .. }));
    Some((bucket.clone(), objects.map(|row| row.key().to_owned()).collect()))
}

/// Offered where objects are marked, wherever the cursor is; where nothing is, on an object.
pub(super) fn on_objects(state: &State, target: &Target, elsewhere: &'static str) -> Offer {
    if target.pane != Pane::Objects || state.place != target.place || state.objects.marked() == 0 {
        return on_object(state, target, elsewhere);
    }
    only_if(
        state.objects.marked_alone() > 0,
        "Only prefixes are marked, and this is done to objects.",
    )
}

/// How many of those that are marked an action is done to, where it leaves some out.
pub(super) fn left_out(state: &State, action: &Action, target: &Target) -> Option<String> {
    let (done, marked) = (state.objects.marked_alone(), state.objects.marked());
    let is_of_objects = [&DECRYPT, &VERIFY, &super::REMOVE].contains(&action);
    let leaves = target.pane == Pane::Objects && state.place.is_some() && done < marked;
    (is_of_objects && leaves).then(|| format!("{done} of {marked} marked; prefixes are left out."))
}

/// A bucket, or where one is open a prefix of it.
pub(super) fn new(state: &State) -> Form {
    let Some((bucket, prefix)) = state.place.clone() else {
        let name = format!("sagemaker-{}", state.now.strftime("%Y-%m-%d-%H-%M-%S"));
        let note = "AmazonSageMakerFullAccess reaches only buckets whose name contains sagemaker.";
        let mut form = Blank::new("New bucket", note);
        let name = form.name("Name", name, "");
        return form.reading(move |filled| {
            let bucket = filled.required(name)?;
            asks(ObjectRequest::CreateBucket { bucket })
        });
    };
    let note = "S3 has no folders: a prefix exists once something is uploaded to it.";
    let mut form = Blank::new(format!("Go to a prefix of {bucket}"), note);
    let prefix = form.text("Prefix", prefix, "ends in /");
    form.reading(move |filled| {
        let prefix = filled.text(prefix);
        let ends_well = prefix.is_empty() || prefix.ends_with('/');
        let prefix = if ends_well { prefix } else { prefix + "/" };
        Ok(Sent::Go(bucket.clone(), prefix))
    })
}

fn decryption(state: &State, bucket: String, objects: Vec<String>) -> Form {
    let file = |object: &str| {
        let base = format::last_part(object);
        base.strip_suffix(".tar.gz").unwrap_or(base).to_owned()
    };
    let (title, label, to) = match objects.as_slice() {
        [only] => (
            format!("Decrypt s3://{bucket}/{only}"),
            "To",
            free(&state.dir, &state.files, &file(only)),
        ),
        several => {
            let title = format!("Decrypt {}", format::count(several.len(), "object"));
            (title, "Into the folder", state.dir.clone())
        }
    };
    let note = "The file appears only once its whole token is verified. An existing file is never replaced.";
    let about = format!("{bucket} {objects:?}");
    let mut form = Blank::about(about, title, note);
    let to = form.text(label, to.to_string_lossy(), "");
    let open = form.checks(
        "Open it",
        [("even if it was renamed", false), ("even without metadata", false)],
    );
    let dir = state.dir.clone();
    form.reading(move |filled| {
        let to = dir.join(filled.required(to)?);
        let [accept_name, accept_unbound] = filled.checked(open);
        let decrypt = |object: &String| {
            Request::Object(ObjectRequest::Decrypt {
                bucket: bucket.clone(),
                object: object.clone(),
                to: if objects.len() > 1 {
                    to.join(file(object))
                } else {
                    to.clone()
                },
                overwrite: false,
                accept_name,
                accept_unbound,
            })
        };
        Ok(Sent::Requests(objects.iter().map(decrypt).collect()))
    })
}

/// Asks where one version is to be decrypted to.
pub(in crate::app) fn ask_decrypt_version(state: &mut State, bucket: String, object: String, version: String) {
    let name = format!(
        "{}.{}",
        format::last_part(&object),
        version.chars().take(8).collect::<String>()
    );
    let note = "The file appears only once its whole token is verified. An existing file is never replaced.";
    let about = format!("{bucket} {object} {version}");
    let mut form = Blank::about(about, format!("Decrypt version {version} of {object}"), note);
    let to = form.text("To", free(&state.dir, &state.files, &name).to_string_lossy(), "");
    let dir = state.dir.clone();
    state.ask(form.reading(move |filled| {
        let request = ObjectRequest::Decrypt {
            bucket: bucket.clone(),
            object: object.clone(),
            to: dir.join(filled.required(to)?),
            overwrite: false,
            accept_name: false,
            accept_unbound: false,
        };
        let (version, request) = (version.clone(), Box::new(request));
        asks(ObjectRequest::OfVersion { version, request })
    }));
}

/// Decrypts the newest model of the selected key beside the local files.
pub(in crate::app) fn ask_model(state: &mut State) {
    let jobs = state.jobs.rows().iter().filter(|job| state.is_job_linked(job));
    let models = jobs.filter_map(|job| Some((job.created, model_of(job)?)));
    match models.max() {
        Some((_, (bucket, key))) => {
            let form = decryption(state, bucket, vec![key]);
            state.ask(form);
        }
        None => state.say(Tone::Warn, "No job of this key has written a model yet."),
    }
}
