//! `strongroom login`: logs in to the single sign-on of the profile.

use tokio_util::sync::CancellationToken;

use crate::actions;
use crate::aws::Aws;
use crate::console;
use crate::domain::{DeviceCode, Fault};

/// Says where to agree, opens that page where somebody watches, and waits for it.
///
/// # Errors
/// As the login.
pub async fn run(aws: &Aws, (): &(), _: CancellationToken) -> Result<(), Fault> {
    let login = actions::log_in(aws, tell).await?;
    let file = login.file.display();
    console::line(&format!("Logged in until {}: the token is in {file}", login.until))
}

fn tell(device: DeviceCode) {
    console::explain(&format!(
        "Open   {}\nThere agree if it shows the code   {}\nWaiting until {}.\n",
        device.url, device.code, device.expires
    ));
    if console::is_watched() && actions::open_page(&device.url).is_ok() {
        console::explain("A browser was started with that page.\n");
    }
}
