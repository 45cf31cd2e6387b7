//! Everything that is tested from outside, in one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "it/acts.rs"]
mod acts;
#[path = "it/audit.rs"]
mod audit;
#[path = "it/aws_login.rs"]
mod aws_login;
#[path = "it/bring.rs"]
mod bring;
#[path = "it/buckets.rs"]
mod buckets;
#[path = "it/cli.rs"]
mod cli;
#[path = "it/clones.rs"]
mod clones;
#[path = "it/company.rs"]
mod company;
#[path = "it/conditions.rs"]
mod conditions;
#[path = "it/conformance.rs"]
mod conformance;
#[path = "it/contexts.rs"]
mod contexts;
#[path = "it/core.rs"]
mod core;
#[path = "it/desk.rs"]
mod desk;
#[path = "it/edge.rs"]
mod edge;
#[path = "it/empty_places.rs"]
mod empty_places;
#[path = "it/encrypt_prefix.rs"]
mod encrypt_prefix;
#[path = "it/envelope.rs"]
mod envelope;
#[path = "it/fake.rs"]
mod fake;
#[path = "it/guardrails.rs"]
mod guardrails;
#[path = "it/hands.rs"]
mod hands;
#[path = "it/hosts.rs"]
mod hosts;
#[path = "it/interrupted.rs"]
mod interrupted;
#[path = "it/killed.rs"]
mod killed;
#[path = "it/late_answers.rs"]
mod late_answers;
#[path = "it/layering.rs"]
mod layering;
#[path = "it/log_screen.rs"]
mod log_screen;
#[path = "it/look_ahead.rs"]
mod look_ahead;
#[path = "it/manifest_parts.rs"]
mod manifest_parts;
#[path = "it/many.rs"]
mod many;
#[path = "it/mfa.rs"]
mod mfa;
#[path = "it/mouse.rs"]
mod mouse;
#[path = "it/moved_jobs.rs"]
mod moved_jobs;
#[path = "it/panics.rs"]
mod panics;
#[path = "it/place.rs"]
mod place;
#[path = "it/policies.rs"]
mod policies;
#[path = "it/privilege.rs"]
mod privilege;
#[path = "it/processing.rs"]
mod processing;
#[path = "it/processing_jobs.rs"]
mod processing_jobs;
#[path = "it/proof.rs"]
mod proof;
#[path = "it/proxy.rs"]
mod proxy;
#[path = "it/pty.rs"]
mod pty;
#[path = "it/readme.rs"]
mod readme;
#[path = "it/readonly.rs"]
mod readonly;
#[path = "it/regions.rs"]
mod regions;
#[path = "it/renewed.rs"]
mod renewed;
#[path = "it/rewrap.rs"]
mod rewrap;
#[path = "it/roles.rs"]
mod roles;
#[path = "it/rotate.rs"]
mod rotate;
#[path = "it/ruled.rs"]
mod ruled;
#[path = "it/screens.rs"]
mod screens;
#[path = "it/sentences.rs"]
mod sentences;
#[path = "it/sessions.rs"]
mod sessions;
#[path = "it/silent.rs"]
mod silent;
#[path = "it/small.rs"]
mod small;
#[path = "it/sso.rs"]
mod sso;
#[path = "it/step_data.rs"]
mod step_data;
#[path = "it/step_jobs.rs"]
mod step_jobs;
#[path = "it/step_keys.rs"]
mod step_keys;
#[path = "it/step_session.rs"]
mod step_session;
#[path = "it/story.rs"]
mod story;
#[path = "it/terminal.rs"]
mod terminal;
#[path = "it/themes.rs"]
mod themes;
#[path = "it/trouble.rs"]
mod trouble;
#[path = "it/verdicts.rs"]
mod verdicts;
#[path = "it/walk.rs"]
mod walk;
#[path = "it/walk_jobs.rs"]
mod walk_jobs;
#[path = "it/who.rs"]
mod who;
#[path = "it/whole_walk.rs"]
mod whole_walk;
#[path = "it/wide.rs"]
mod wide;
#[path = "it/worker.rs"]
mod worker;
#[path = "it/world.rs"]
mod world;
