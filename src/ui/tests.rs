//! Nothing that is drawn looks at all rows of a list: what is needed of them is kept where they change.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{Abilities, Theme, render};
use crate::app::table::{Listing as _, WALKED};
use crate::app::{
    Arrangement, Event, Habits, KeyCode, KeyPress, Keymap, Page, Settings, State, ThemeName, Topic, update,
};
use crate::domain::{
    AwsContext, BucketRow, FileRow, Grant, Job, JobKind, JobStatus, KmsKey, ObjectFormat, ObjectInfo, ObjectRow,
};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/0001";

fn filled(size: (u16, u16)) -> State {
    let (mut state, _) = State::new(Settings {
        context: AwsContext::default(),
        contexts: Vec::new(),
        recent: Vec::new(),
        profiles: Vec::new(),
        region: None,
        endpoint: None,
        sandbox: true,
        read_only: false,
        open: None,
        start_dir: PathBuf::from("/data"),
        sample: None,
        consents: BTreeSet::new(),
        arrangement: Arrangement::default(),
        keymap: Keymap::default(),
        habits: Habits::default(),
        has_mouse: true,
        theme: ThemeName::default(),
        now: Timestamp::UNIX_EPOCH,
        size,
    });
    let key = |index: usize| KmsKey {
        id: format!("{index:04}"),
        arn: format!("arn:aws:kms:us-east-1:111122223333:key/{index:04}"),
        aliases: vec![format!("alias/data-{index}")],
        detail: None,
    };
    let grant = |index: usize| Grant {
        id: index.to_string(),
        key_arn: KEY.to_owned(),
        name: None,
        grantee: format!("arn:aws:iam::111122223333:role/role-{index}"),
        retiring: None,
        operations: vec!["Decrypt".to_owned()],
        constraint: None,
        created: None,
    };
    let bucket = BucketRow {
        name: "sagemaker-b".to_owned(),
        created: None,
    };
    let object = |index: usize| ObjectRow::Object {
        key: format!("object-{index:03}"),
        size: 9,
        modified: None,
        etag: Some("e".to_owned()),
        info: Some(Box::new(ObjectInfo {
            format: ObjectFormat::Strongroom,
            refuted: Vec::new(),
            // Of keys that are listed, and of one that is not.
            kms_key_arn: Some(format!("arn:aws:kms:us-east-1:111122223333:key/{:04}", index * 2)),
            data_key_uri: None,
            name: None,
            prefix: None,
            plaintext_bytes: None,
            context: Vec::new(),
            metadata: Vec::new(),
            content_type: None,
        })),
    };
    let job = |index: usize| Job {
        kind: JobKind::Training,
        name: format!("job-{index:03}"),
        arn: String::new(),
        status: JobStatus::Completed,
        secondary: None,
        created: None,
        modified: None,
        ended: None,
        detail: None,
        progress: None,
    };
    let file = |index: usize| FileRow {
        name: format!("file-{index:03}.csv"),
        path: PathBuf::from(format!("/data/file-{index:03}.csv")),
        is_dir: false,
        is_link: false,
        size: 9,
        modified: None,
    };
    let place = Topic::Objects {
        bucket: "sagemaker-b".to_owned(),
        prefix: String::new(),
    };
    let dir = PathBuf::from("/data");
    for (topic, page) in [
        (Topic::Keys, Page::Keys((0..90).map(key).collect())),
        (Topic::Buckets, Page::Buckets(vec![bucket])),
        (place, Page::Objects((0..90).map(object).collect())),
        (Topic::Jobs, Page::Jobs((0..90).map(job).collect())),
        (
            Topic::Files(dir.clone()),
            Page::Files {
                dir,
                rows: (0..90).map(file).collect(),
            },
        ),
        (
            Topic::Grants("arn:aws:kms:us-east-1:111122223333:key/0000".to_owned()),
            Page::Grants((0..90).map(grant).collect()),
        ),
    ] {
        let at = state.now;
        update(
            &mut state,
            Event::Answer {
                topic,
                walk: 1,
                first: true,
                last: true,
                at,
                page,
            },
        );
    }
    assert_eq!((state.objects.count(), state.grants.count()), (90, 90));
    state
}

fn press(state: &mut State, code: KeyCode) {
    let (ctrl, alt, shift) = (false, false, false);
    update(state, Event::Key(KeyPress { code, ctrl, alt, shift }));
}

#[test]
fn no_screen_looks_at_all_rows_of_a_list_while_it_is_drawn() {
    let theme = Theme::new(ThemeName::Terminal, Abilities::ALL);
    for size in [(80, 24), (120, 36), (200, 50)] {
        for keys in [
            "1", "2", "3", "4", "5", "1j", "3 jj", "5  j", "1ss", "3sw", "3/9", "1\n", "2\n", "3\n", "4\n", "5\n",
            "4l", "w", "wjjj", "1a", "3a", "4a", "3?", ":", "O", "!", "o", "1M", "3d", "2n", "5e", "3U", "i", "3z",
        ] {
            let mut state = filled(size);
            for key in keys.chars() {
                press(
                    &mut state,
                    if key == '\n' {
                        KeyCode::Enter
                    } else {
                        KeyCode::Char(key)
                    },
                );
            }
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            let before = WALKED.get();
            terminal.draw(|frame| render(&state, &theme, frame)).unwrap();
            assert_eq!(WALKED.get(), before, "after {keys:?} at {size:?}");
        }
    }
}
