//! The command line as a user sees it: arguments in; standard output, standard error, exit code and files out. Expected
//! values come from real Salt, by the scripts in `goldens/`.

mod alone;
mod archive;
mod broken;
mod finger;
mod interrupted;
mod keyvalue;
mod lint;
mod no_log;
mod orchestrated;
mod ordered;
mod over_ssh;
mod own_pillar;
mod paused;
mod profiled;
mod programs;
mod proxy;
mod queued;
mod recursed;
mod reload;
mod returners;
mod runner;
mod salt_key;
mod secrets;
mod serialize;
mod sudo;
mod told;
mod unwritable;
mod yaml_logs;
