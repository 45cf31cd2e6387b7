//! What follows an operation. It is kept with the operation, under its id, until that has ended: another question never
//! takes its place, no other answer leads to it, and after a failure nothing follows but what was typed coming back.
//! What each leads to is told in `ended` and `results`, and done beside the action that needs it.

use super::review::Review;
use crate::app::form::{Form, PolicyChange};
use crate::domain::{KeySpec, Request};

/// What follows an operation.
#[derive(Debug, Clone)]
pub enum Continuation {
    /// What came of it is told, and shown where there is something to read.
    Nothing,
    /// Should it fail, the form comes back as it was filled in.
    Form(Box<Form>),
    /// Should it fail, the policy comes back as it was edited.
    Review(Box<Review>),
    /// The question whether the bucket that was counted is emptied; and deleted, if this is true.
    EmptyBucket(bool),
    /// The form of the deletion of the key whose dependents were looked for.
    DeleteKey,
    /// The policy that was read is changed; should that fail, the form it was asked in comes back.
    ChangePolicy(PolicyChange, Option<Box<Form>>),
    /// The policy that was drafted is looked at, for this new key; or the form comes back.
    NewKey(Box<KeySpec>, Box<Form>),
    /// The clean-up on screen is filled.
    CleanUp,
    /// A line of clean-up was taken down, or could not be: all of it is looked at again.
    PlanCleanUp,
    /// Something was done about what was found, or could not be: it is looked for again, so.
    LookAgain(Box<Request>),
    /// What was found again takes the place of what is on screen.
    Refill,
}
