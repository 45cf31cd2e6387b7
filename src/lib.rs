//! A terminal dashboard for training models on data that must stay encrypted.

pub mod actions;
pub mod app;
pub mod aws;
pub mod cli;
pub mod config;
pub mod domain;
pub mod envelope;
pub mod sandbox;
pub mod training;
pub mod ui;
pub mod worker;
