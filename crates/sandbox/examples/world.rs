//! A world alone, as `strongroom sandbox --json` serves it, without the rest of strongroom: quick to build.
//!
//! `cargo run -p strongroom-sandbox --example world -- sandbox [--empty] [--port N] [--dir DIR]
//! [--account ID]... [--region NAME]... [--image URI=COMMAND]...`
//! Jobs of images that were not named run `$STRONGROOM_PROGRAM train`, if that is set.

use std::error::Error;
use std::path::PathBuf;

use strongroom_sandbox::{Options, Sandbox};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        empty: false,
        program: std::env::var_os("STRONGROOM_PROGRAM").map(PathBuf::from),
        ..Options::default()
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} lacks its value"));
        match argument.as_str() {
            "sandbox" | "--json" => {}
            "--empty" => options.empty = true,
            "--port" => options.port = value()?.parse()?,
            "--dir" => options.dir = Some(PathBuf::from(value()?)),
            "--account" => options.accounts.push(value()?),
            "--region" => options.regions.push(value()?),
            "--image" => {
                let named = value()?;
                let (uri, command) = named.split_once('=').ok_or("--image takes URI=COMMAND")?;
                options.images.push((uri.to_owned(), command.to_owned()));
            }
            other => return Err(format!("what is {other}?").into()),
        }
    }
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sandbox = Sandbox::start(options).await?;
    println!(
        "{}",
        serde_json::json!({
            "AWS_ENDPOINT_URL": sandbox.endpoint_url(),
            "AWS_ACCESS_KEY_ID": sandbox.access_key_id(),
            "AWS_SECRET_ACCESS_KEY": sandbox.secret_access_key(),
            "AWS_REGION": sandbox.region(),
            "AWS_DEFAULT_REGION": sandbox.region(),
            "accounts": sandbox.accounts(),
            "regions": sandbox.regions(),
            "pid": std::process::id(),
        })
    );
    if !sandbox.confines_jobs().await {
        eprintln!("world: training jobs are not confined");
    }
    tokio::select! { _ = end.recv() => {} _ = interrupt.recv() => {} }
    sandbox.stop().await;
    Ok(())
}
