"""Opt-out: what authors asked to leave out, kept in a ledger, and applied to crawls and builds."""
