//! The command line: one file per applet, exit codes, printing.
