"""Outcomes, reasons and changes in a few words; their codes are for machines."""

from __future__ import annotations

OUTCOMES = {"existing": "connected today", "planned": "connected by the plan", "unserved": "left unconnected"}
REASONS_IN_SHORT = {
    "invalid_location": "location not usable",
    "no_street_in_reach": "no street in reach",
    "street_island": "street not tied to the network",
    "route_too_long": "route too long",
    "optical_budget": "too much optical loss",
    "no_free_port": "no free port",
    "line_full": "existing line full",
    "optical_unknown": "optical loss not known",
    "over_budget": "beyond the budget or aim",
    "excluded": "excluded by the planner",
}
CHANGES = {
    "fix_location": "give its location",
    "raise_max_drop_m": "raise the limit on drops",
    "open_passage": "open a passage",
    "extend_streets": "add the missing street",
    "link_island": "link the street to the network",
    "raise_max_route_m": "raise the limit on routes",
    "raise_max_stretch": "raise the limit on detours",
    "add_ports": "add ports",
    "add_spare": "add spare capacity",
    "reduce_loss": "save optical loss",
    "state_loss": "state the optical loss",
    "raise_budget": "go beyond the budget or aim",
    "include": "take the exclusion off",
}


def verdict(outcome: str, reason: str | None) -> str:
    """Return an outcome in words, with the reason where there is one; codes that are not known as they are."""
    told = OUTCOMES.get(outcome, outcome)
    return f"{told}: {REASONS_IN_SHORT.get(reason, reason)}" if reason else told
