//! Execution modules: what `salt '*' module.function` runs. One file per Salt module; rows in alphabetical order.

mod aliases;
mod alternatives;
mod apkpkg;
mod aptpkg;
mod archive;
mod beacons;
mod cmdmod;
mod config;
mod cp;
mod cron;
mod data;
mod debconfmod;
mod defaults;
mod disk;
mod dpkg_lowpkg;
mod environ;
mod event;
mod file;
mod filter;
mod git;
mod gpg;
mod grains;
mod groupadd;
mod hashutil;
mod hosts;
mod http;
mod ini_manage;
mod initd_service;
mod iptables;
mod jinja;
mod key;
mod kmod;
mod linux_shadow;
mod linux_sysctl;
mod localemod;
mod logmod;
mod match_;
mod mine;
mod mod_random;
mod mount;
mod network;
mod packages;
mod pillar;
mod pip;
mod pkg_resource;
mod ps;
mod publish;
mod rpm;
mod saltutil;
mod schedule;
mod sha_crypt;
mod slsutil;
mod ssh;
mod state;
mod status;
mod sysmod;
mod systemd_service;
mod test;
mod timezone;
mod useradd;
mod virtualenv_mod;
mod yumpkg;

use crate::loader::Module;

/// Every execution module.
pub static ALL: &[&Module] = &[
    &aliases::MODULE,
    &alternatives::MODULE,
    &apkpkg::MODULE,
    &aptpkg::MODULE,
    &archive::MODULE,
    &beacons::MODULE,
    &cmdmod::MODULE,
    &config::MODULE,
    &cp::MODULE,
    &cron::MODULE,
    &data::MODULE,
    &debconfmod::MODULE,
    &defaults::MODULE,
    &disk::MODULE,
    &dpkg_lowpkg::MODULE,
    &environ::MODULE,
    &event::MODULE,
    &file::MODULE,
    &git::MODULE,
    &gpg::MODULE,
    &grains::MODULE,
    &groupadd::MODULE,
    &hashutil::MODULE,
    &hosts::MODULE,
    &ini_manage::MODULE,
    &http::MODULE,
    &initd_service::debian::MODULE,
    &initd_service::openrc::MODULE,
    &initd_service::red_hat::MODULE,
    &iptables::MODULE,
    &jinja::MODULE,
    &key::MODULE,
    &kmod::MODULE,
    &linux_shadow::MODULE,
    &linux_sysctl::MODULE,
    &localemod::MODULE,
    &logmod::MODULE,
    &match_::MODULE,
    &mine::MODULE,
    &mod_random::MODULE,
    &mount::MODULE,
    &network::MODULE,
    &pillar::MODULE,
    &pip::MODULE,
    &pkg_resource::MODULE,
    &ps::MODULE,
    &publish::MODULE,
    &saltutil::MODULE,
    &schedule::MODULE,
    &slsutil::MODULE,
    &ssh::MODULE,
    &state::MODULE,
    &status::MODULE,
    &sysmod::MODULE,
    &systemd_service::MODULE,
    &test::MODULE,
    &timezone::MODULE,
    &useradd::MODULE,
    &virtualenv_mod::MODULE,
    &yumpkg::MODULE,
    &yumpkg::lowpkg::MODULE,
];
