//! A login, told step by step.

use super::Context;
use crate::actions;
use crate::app::{Event, LoginEvent};

/// Logs in, if the credentials in use rest on a login.
pub(super) async fn run(context: &Context) {
    let event = match context.aws().await {
        Ok(aws) if aws.has_login() => {
            let tell = |device| {
                let outlet = context.outlet.clone();
                tokio::spawn(async move { outlet.send(Event::Login(LoginEvent::Code(device))).await });
            };
            match actions::log_in(&aws, tell).await {
                Ok(login) => LoginEvent::Done {
                    until: login.until,
                    session: login.session,
                },
                Err(fault) => LoginEvent::Failed(fault),
            }
        }
        Ok(_) => LoginEvent::NotNeeded,
        Err(fault) => LoginEvent::Failed(fault),
    };
    context.outlet.send(Event::Login(event)).await;
}
