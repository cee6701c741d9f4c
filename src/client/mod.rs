//! LocalClient: publish a job and gather its returns. Salt: client/__init__.py.
