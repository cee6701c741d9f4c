//! Halite and real Salt, each in the place of the other: which side is ours is a parameter, the scenario is the same,
//! and original against original passes it too, which tests the test.

mod bad_input;
mod beside;
mod bus;
mod clients;
mod events;
mod fleet;
mod functions;
mod grains;
mod https;
mod jobs;
mod keys;
mod lasting;
mod masters;
mod one_job;
mod options;
mod original;
mod peers;
mod pillar;
mod returners;
mod runners;
mod states;
