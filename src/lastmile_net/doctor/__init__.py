"""The data doctor: what is wrong with the layers, what it would cost, and how to mend it."""

from lastmile_net.doctor.examine import check, check_layers
from lastmile_net.doctor.findings import CODES, Finding, Findings
from lastmile_net.doctor.mend import Mended, mend

__all__ = ["CODES", "Finding", "Findings", "Mended", "check", "check_layers", "mend"]
