//! Event tags and the framing of the event bus. Salt: utils/event.py; salt-wire.md §14.
