//! Hostile peers against a running master: strangers on its ports, accepted minions that lie, local users who want more.
//! `README.md` beside this file says which known mistake each test is about. Names begin with its id.

mod accounts;
mod alone;
mod batches;
mod commands;
mod crossed;
mod daemons;
mod events;
mod files;
mod ids;
mod killed;
mod lasting;
mod limits;
mod minions;
mod tokens;
mod users;
mod victim;
mod wheels;
