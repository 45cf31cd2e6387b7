//! Logging in to single sign-on, and the page where a person agrees to it.

use std::process::{Command, Stdio};

use super::Aws;
use crate::aws::sso;
use crate::domain::{DeviceCode, Fault};
use crate::printable::is_clean;

pub use crate::aws::sso::Login;

/// Logs in: tells the page and the code, and waits until the person has agreed there.
///
/// # Errors
/// When there is nothing to log in to, when the person refuses or takes too long, or when the token cannot be kept.
pub async fn log_in(aws: &Aws, tell: impl Fn(DeviceCode)) -> Result<Login, Fault> {
    sso::log_in(aws, tell).await
}

/// Has a page opened by what `$BROWSER` names, or else by `xdg-open`. Only pages of the web: the address is a stranger's.
///
/// # Errors
/// When it is none, or nothing here opens it.
pub fn open_page(url: &str) -> Result<(), Fault> {
    let refused = |cause: &str| {
        let remedy = "open it yourself: it can be copied";
        Fault::invalid("open", url, cause, remedy)
    };
    if !url.starts_with("https://") || !is_clean(url) || url.contains(char::is_whitespace) {
        return Err(refused("it is no address of a web page"));
    }
    let named = std::env::var("BROWSER").unwrap_or_default();
    let named = named.split(':').filter(|command| !command.trim().is_empty());
    for command in named.chain(["xdg-open"]) {
        if start(command, url) {
            return Ok(());
        }
    }
    Err(refused("neither BROWSER nor xdg-open opens pages here"))
}

/// Starts a command that may have `%s` where the page's address goes; whether there is such a command.
fn start(command: &str, url: &str) -> bool {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let mut arguments: Vec<String> = words.map(|word| word.replace("%s", url)).collect();
    if !command.contains("%s") {
        arguments.push(url.to_owned());
    }
    let silent = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = silent else {
        return false;
    };
    // It goes on as long as it likes, and leaves no zombie.
    std::thread::spawn(move || child.wait());
    true
}

#[cfg(test)]
mod tests {
    use super::open_page;

    #[test]
    fn only_pages_of_the_web_are_opened() {
        for url in [
            "file:///etc/passwd",
            "http://device.sso.eu-west-1.amazonaws.com/",
            "--help",
            "https://a b",
            "https://a\u{1b}[2J",
            "",
        ] {
            assert!(open_page(url).is_err(), "{url}");
        }
    }
}
