"""Whether a coverage that was asked for is missed, and whether any plan could reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lastmile_net.counts import homes

if TYPE_CHECKING:
    from collections.abc import Container, Mapping


def missed(aim: Mapping[str, Any], reasons: Container[str]) -> str:
    """
    Return a sentence on a coverage that is missed; empty where it is reached, or none was asked for.

    Parameters
    ----------
    aim
        What the summary says of the aim; without `reachable_gain` it is not known what any plan can reach.
    reasons
        Why customers stay unserved: with `no_free_port` it is ports that end what can be reached.
    """
    if aim.get("aim") != "coverage" or aim["gain"] >= aim["wanted_gain"]:
        return ""
    needed = f"{homes(aim['wanted_gain'])} more than today are needed"
    most = aim.get("reachable_gain")
    if most is None or most >= aim["wanted_gain"]:
        found = f"no plan was found that connects more than {aim['gain']:,}"
        return f"the coverage asked for is missed: {needed}, {found}"
    end = f"the ports serve at most {most:,}" if "no_free_port" in reasons else f"at most {most:,} are in reach"
    return f"the coverage asked for cannot be reached: {needed}, {end}"
