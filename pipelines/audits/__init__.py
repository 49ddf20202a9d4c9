"""Audits: what must be true of everything that is kept, looked at from outside."""
