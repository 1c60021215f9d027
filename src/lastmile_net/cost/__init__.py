"""What edges, drops and equipment cost, and what it all adds up to, in whole cents."""

from lastmile_net.cost.crossings import CROSSED, CROSSINGS, count_crossings, price_crossings
from lastmile_net.cost.customers import (
    labour_of_drops,
    labour_of_equipment,
    price_drops,
    price_equipment,
    price_fibre,
)
from lastmile_net.cost.edges import EdgePrices, exclusions, price_edges
from lastmile_net.cost.money import from_cents, to_cents
from lastmile_net.cost.reuse import UNLIMITED, price_reuse
from lastmile_net.cost.surfaces import guessed_surfaces, surface_classes
from lastmile_net.cost.totals import CostBreakdown, overhead_on, total_cost, with_overhead, with_overheads

__all__ = [
    "CROSSED",
    "CROSSINGS",
    "UNLIMITED",
    "CostBreakdown",
    "EdgePrices",
    "count_crossings",
    "exclusions",
    "from_cents",
    "guessed_surfaces",
    "labour_of_drops",
    "labour_of_equipment",
    "overhead_on",
    "price_crossings",
    "price_drops",
    "price_edges",
    "price_equipment",
    "price_fibre",
    "price_reuse",
    "surface_classes",
    "to_cents",
    "total_cost",
    "with_overhead",
    "with_overheads",
]
