//! Who can use a key, and who did: what is read first is shown first, then the event history page by page.

use super::Question;
use crate::actions::Aws;
use crate::actions::who::{PAGES, Reading, history, since};
use crate::app::{Page, WhoPage};
use crate::domain::who::{Extent, HISTORY_DAYS, Uses};
use crate::domain::{Fault, FaultKind};
use crate::worker::budget::Api;

impl Question<'_> {
    /// As much of the history as a screen is for; who turned up in it is looked at in the end.
    pub(super) async fn who(&self, aws: &Aws, key_arn: &str) -> Result<(), Fault> {
        let mut reading = self.call(Api::GetKeyPolicy, Reading::of(aws, key_arn)).await?;
        self.can(&reading, true).await;
        let (since, mut token, mut uses) = (since(HISTORY_DAYS), None, Uses::default());
        let mut pages = 0;
        let extent = loop {
            let asked = token.take();
            match self.call(Api::LookupEvents, history(aws, key_arn, since, asked)).await {
                Ok(page) => {
                    page.rows.iter().cloned().for_each(|event| uses.note(event));
                    self.did(page.rows, Extent::Reading, false).await;
                    pages += 1;
                    match page.next {
                        Some(_) if pages >= PAGES => break Extent::Part,
                        Some(next) => token = Some(next),
                        None => break Extent::Whole(since),
                    }
                }
                // Nobody looks any more.
                Err(fault) if fault.kind == FaultKind::Cancelled => return Err(fault),
                Err(fault) => break Extent::Failed(Box::new(fault)),
            }
        };
        if reading.look_at(aws, &uses).await {
            self.can(&reading, false).await;
        }
        self.did(Vec::new(), extent, true).await;
        Ok(())
    }

    async fn can(&self, reading: &Reading, is_first: bool) {
        let access = Box::new(reading.concluded());
        self.answer(is_first, false, Page::Who(WhoPage::Can(access))).await;
    }

    async fn did(&self, events: Vec<crate::domain::who::KeyUse>, extent: Extent, is_last: bool) {
        self.answer(false, is_last, Page::Who(WhoPage::Did(events, extent)))
            .await;
    }
}
