//! `wardline-relay serve`.

use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wardline_identity::{SystemClock, SystemEntropy};

use super::arguments::ServeArguments;
use super::{Problem, say};
use crate::config::Config;
use crate::run::{Opened, RunOptions, Sources, run};
use crate::telemetry::init_log;

pub(super) fn execute(arguments: ServeArguments, json: bool) -> Result<(), Problem> {
    let config = configuration(&arguments)?;
    init_log(&config.telemetry.log, config.telemetry.log_format).map_err(|error| Problem::log(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Problem::runtime(&source))?;
    runtime.block_on(async {
        let shutdown = CancellationToken::new();
        stop_on_signals(&shutdown).map_err(|source| Problem::runtime(&source))?;
        let options = RunOptions {
            data_dir: arguments.data_dir.clone(),
            config,
            sources: Sources { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) },
            shutdown,
            on_listening: Box::new(move |opened| announce(opened, json)),
        };
        run(options).await.map_err(|error| Problem::run(&error, &arguments.data_dir))
    })
}

/// The file, and what the flags say instead.
fn configuration(arguments: &ServeArguments) -> Result<Config, Problem> {
    let mut config = match &arguments.config {
        Some(path) => Config::read(path).map_err(|error| Problem::config(&error, path))?,
        None => Config::default(),
    };
    config.listen = arguments.listen.or(config.listen);
    config.telemetry.metrics = arguments.metrics.or(config.telemetry.metrics);
    if let Some(log) = &arguments.log {
        config.telemetry.log.clone_from(log);
    }
    config.telemetry.log_format = arguments.log_format.unwrap_or(config.telemetry.log_format);
    Ok(config)
}

/// Whoever started the relay waits for this line. If nobody reads it, the relay serves all the same.
fn announce(opened: Opened, json: bool) {
    let line = if json {
        let mut object = json!({"event": "listening", "address": opened.address.to_string()});
        if let Some(metrics) = opened.metrics {
            object["metrics"] = metrics.to_string().into();
        }
        object.to_string()
    } else {
        format!("listening {} (QUIC and TCP)", opened.address)
    };
    if say(&line).is_err() {
        tracing::warn!("nobody reads standard output");
    }
}

/// SIGTERM and SIGINT stop the relay; more of them change nothing, since stopping has an end of its own.
fn stop_on_signals(shutdown: &CancellationToken) -> std::io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let (mut signals, shutdown) = (signal(kind)?, shutdown.clone());
        tokio::spawn(async move {
            if signals.recv().await.is_some() {
                shutdown.cancel();
            }
        });
    }
    Ok(())
}
