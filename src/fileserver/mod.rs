//! The master's file server backends. Salt: fileserver/.
