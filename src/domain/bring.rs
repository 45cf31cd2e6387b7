//! strongroom brought to an image that has none: as a channel of the job, started by a shell before the image's own program.

/// The channel that it comes in; no data has this name.
pub const CHANNEL: &str = "strongroom";
/// Below the prefix of key objects: a folder for each version, named by its SHA-256.
pub const FOLDER: &str = ".strongroom/program/";
/// The file in there, and in the channel.
pub const FILE: &str = "strongroom";

/// What strongroom is known by among programs: it stands in none that is not built of this.
const MARK: &str = "strongroom:this-is-the-program:b7c1f0e2a94d4d6e:";
/// The mark with the version: [`version_of`] looks at it itself, so that no linker leaves it out.
#[used]
static MARKED: &str = concat!(
    "strongroom:this-is-the-program:b7c1f0e2a94d4d6e:",
    env!("CARGO_PKG_VERSION"),
    ";"
);
/// No version is longer.
const LONGEST_VERSION: usize = 64;

/// The version of the strongroom that this file is; none if it is another program.
pub fn version_of(file: &[u8]) -> Option<&str> {
    let mark = &std::hint::black_box(MARKED).as_bytes()[..MARK.len()];
    let longest = MARK.len() + LONGEST_VERSION;
    let mut rest = file;
    while let Some(at) = rest.iter().position(|byte| *byte == mark[0]) {
        rest = &rest[at..];
        let version = rest[..rest.len().min(longest)].strip_prefix(mark).and_then(version);
        if version.is_some() {
            return version;
        }
        rest = &rest[1..];
    }
    None
}

/// What stands behind a mark, to its end.
fn version(behind: &[u8]) -> Option<&str> {
    let end = behind.iter().position(|byte| *byte == b';')?;
    let version = std::str::from_utf8(&behind[..end]).ok()?;
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    (version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(inner)).then_some(version)
}

/// SageMaker takes no longer word of an entry point.
const LONGEST_WORD: usize = 256;
/// What a shell calls itself in its complaints.
const NAME: &str = "strongroom";

/// Copies the program to a folder of its own, where it is looked at, may run, and nobody else may write. Words that a job may
/// have in its environment are left alone. What goes wrong is the job's failure.
const SCRIPT: &str = concat!(
    r#"srm=${STRONGROOM_ML_ROOT:-/opt/ml};srf=$srm/input/data/strongroom/strongroom;trap 'exit 143' TERM;"#,
    r#"no(){ mkdir -p "$srm/output";echo "strongroom: $1">&2;echo "$1">"$srm/output/failure";exit 1;};"#,
    r#"has(){ command -v "$1">/dev/null 2>&1;};"#,
    r#"sum(){ if has sha256sum;then sha256sum;elif has shasum;then shasum -a 256;"#,
    r#"elif has openssl;then openssl dgst -sha256 -r;elif has python3;then "#,
    r#"python3 -c 'import hashlib,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())';fi;};"#,
    r#"[ -f "$srf" ]||no 'the channel strongroom brought no program';"#,
    r#"for srd in "$srm" /tmp /var/tmp "${HOME:-/root}" /dev/shm;do "#,
    r#"srt=$(mktemp -d "$srd/.strongroom-program-XXXXXX" 2>/dev/null)||"#,
    r#"{ srt=$srd/.strongroom-program-$$;mkdir -m 700 "$srt" 2>/dev/null||continue;};srp=$srt/strongroom;"#,
    r#"if cp "$srf" "$srp"&&chmod 500 "$srp";then srs=$(sum<"$srp");srs=${srs%% *};"#,
    r#"[ "$srs" ]||no 'the program that was brought cannot be checked: this image has none of "#,
    r#"sha256sum, shasum, openssl and python3';"#,
    r#"[ "$srs" = "$srh" ]||no 'the program in the channel strongroom is not the one that was sent, "#,
    r#"its SHA-256 differs: it was not run';"#,
    r#"if srv=$("$srp" --version 2>/dev/null);then case $srv in 'strongroom '*)exec "$srp" train -- "$@";;"#,
    r#"*)no 'the program in the channel strongroom is another one: its answer is not that of strongroom';;"#,
    r#"esac;fi;fi;rm -rf "$srt";done;"#,
    r#"no 'no folder of this image takes and runs a program (/opt/ml, /tmp, /var/tmp, HOME, /dev/shm; cp, chmod and mkdir)'"#,
);

/// strongroom, as a channel has brought it or will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Where it is: `s3://…`.
    pub uri: String,
    /// Of its bytes, in hexadecimal.
    pub sha256: String,
    /// Whether this start uploaded it, or found it there.
    pub is_new: bool,
}

/// What a job's `ContainerEntrypoint` is, so that the program of this SHA-256 runs the words that follow. The script is too
/// long for one word.
pub fn entrypoint(sha256: &str) -> Vec<String> {
    words(sha256, SCRIPT)
}

/// Where the container of a processing job finds the program.
pub const PROCESSING_FOLDER: &str = "/opt/ml/processing/input/strongroom";

/// The same of a processing job, whose words say which command of the program is run.
pub fn processing_entrypoint(sha256: &str) -> Vec<String> {
    let script = SCRIPT
        .replace("$srm/input/data/strongroom", "$srm/processing/input/strongroom")
        .replace(r#"exec "$srp" train -- "$@""#, r#"exec "$srp" "$@""#)
        .replace("output/failure", "output/message")
        .replace("the channel strongroom", "the input strongroom");
    words(sha256, &script)
}

fn words(sha256: &str, script: &str) -> Vec<String> {
    let script = |count: usize| format!("shift {count};srh={sha256};{script}");
    let count = script(0).len().div_ceil(LONGEST_WORD);
    let letters: Vec<char> = script(count).chars().collect();
    let parts = letters.chunks(LONGEST_WORD).map(String::from_iter);
    let joined: String = (1..=count).map(|number| format!("${{{number}}}")).collect();
    let shell = ["/bin/sh", "-c", &format!("eval \"{joined}\""), NAME].map(str::to_owned);
    shell.into_iter().chain(parts).collect()
}

/// Whether it is one of those.
pub fn is_entrypoint(words: &[String]) -> bool {
    sent(words).is_some_and(|sha256| entrypoint(sha256) == words)
}

/// Whether a processing job's command begins with one of those.
pub fn begins_processing(command: &[String]) -> bool {
    sent(command).is_some_and(|sha256| command.starts_with(&processing_entrypoint(sha256)))
}

/// The SHA-256 that an entry point was made for.
fn sent(words: &[String]) -> Option<&str> {
    let (_, rest) = words.get(4)?.split_once("srh=")?;
    rest.split_once(';').map(|(sha256, _)| sha256)
}

/// What helps a job that brought strongroom and failed so: its image has no shell.
pub fn remedy(failure: &str) -> Option<&'static str> {
    let is_shells = failure.contains("/bin/sh") && failure.contains("no such file");
    // A shell that is there leaves words, and so does strongroom.
    let is_wordless = failure
        .trim_start_matches("AlgorithmError: ")
        .starts_with(", exit code: 127");
    (is_shells || is_wordless).then_some(
        "the image seems to have no /bin/sh, which starts the strongroom that was brought: build an image with strongroom in \
         it (assets/container), and start the job without a program",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn no_word_of_the_entry_point_is_longer_than_sagemaker_takes() {
        let words = entrypoint(SHA256);
        assert!(words.len() <= 12, "{}", words.len());
        assert!(words.iter().all(|word| (1..=256).contains(&word.chars().count())));
        assert!(words.iter().all(|word| !word.contains(['\n', '\r'])));
        assert!(words[4].contains(SHA256));
    }

    #[test]
    fn a_processing_job_runs_the_command_of_its_words_from_its_own_input() {
        let words = processing_entrypoint(SHA256);
        assert!(words.iter().all(|word| (1..=256).contains(&word.chars().count())));
        let command = [words.clone(), vec!["bulk-worker".to_owned()]].concat();
        assert!(begins_processing(&command) && !is_entrypoint(&words));
        assert!(!begins_processing(&["strongroom".to_owned()]) && !begins_processing(&entrypoint(SHA256)));
        let script: String = words[4..].concat();
        assert!(script.contains(r#"exec "$srp" "$@""#), "{script}");
        assert!(
            script.contains("$srm/processing/input/strongroom/strongroom"),
            "{script}"
        );
        assert!(
            script.contains("output/message") && !script.contains("failure"),
            "{script}"
        );
    }

    #[test]
    fn a_program_says_which_strongroom_it_is() {
        assert_eq!(
            version(MARKED.strip_prefix(MARK).unwrap().as_bytes()),
            Some(env!("CARGO_PKG_VERSION"))
        );
        let file = |text: &str| [b"ssstrong\0", text.as_bytes(), b"\xff\xfe"].concat();
        assert_eq!(version_of(&file(MARKED)), Some(env!("CARGO_PKG_VERSION")));
        // What only knows the mark, as this test does, is not taken for its end.
        let twice = [&file(MARK)[..], &file(&format!("{MARK}1.2.3-rc.1;"))].concat();
        assert_eq!(version_of(&twice), Some("1.2.3-rc.1"));
        for other in [
            MARK,
            "",
            "strongroom 0.1.0",
            &format!("{MARK};"),
            &format!("{MARK}1.0\n;"),
            &format!("{MARK}1.0"),
        ] {
            assert_eq!(version_of(&file(other)), None, "{other}");
        }
    }

    #[test]
    fn an_entry_point_of_ours_is_known_from_others() {
        assert!(is_entrypoint(&entrypoint(SHA256)));
        let mut other = entrypoint(SHA256);
        other[6].push(';');
        assert!(!is_entrypoint(&other));
        assert!(!is_entrypoint(&["strongroom", "train", "--"].map(str::to_owned)));
        assert!(!is_entrypoint(&[]));
    }

    #[test]
    fn an_image_without_a_shell_is_told_from_a_command_that_is_not_found() {
        for (failure, is_shells) in [
            ("AlgorithmError: , exit code: 127", true),
            (
                "exec: \"/bin/sh\": stat /bin/sh: no such file or directory: unknown",
                true,
            ),
            (
                "AlgorithmError: fit exited with status 127; its output is in the job's log, exit code: 127",
                false,
            ),
            ("AlgorithmError: , exit code: 1", false),
        ] {
            assert_eq!(remedy(failure).is_some(), is_shells, "{failure}");
        }
    }
}
