//! Runners: functions on the master. Salt: runners/.
