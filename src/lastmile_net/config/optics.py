"""`Optics`: what the light may lose between the OLT and the customer."""

from __future__ import annotations

from lastmile_net.config.models import Frozen


class Optics(Frozen):
    """Optical budget of a route; see the fields."""
