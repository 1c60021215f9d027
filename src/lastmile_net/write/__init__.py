"""Leave a plan on disk as a run's folder: all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastmile_net.lazy import lazily, publicly

if TYPE_CHECKING:
    from lastmile_net.write.atomic import recover
    from lastmile_net.write.drawing import redraw_map
    from lastmile_net.write.inputs import InputFile, Inputs
    from lastmile_net.write.run import FORMATS, known_formats, write_run

__all__ = ["FORMATS", "InputFile", "Inputs", "known_formats", "recover", "redraw_map", "write_run"]

__getattr__ = lazily(
    __name__,
    {
        "FORMATS": "lastmile_net.write.run",
        "InputFile": "lastmile_net.write.inputs",
        "Inputs": "lastmile_net.write.inputs",
        "known_formats": "lastmile_net.write.run",
        "recover": "lastmile_net.write.atomic",
        "redraw_map": "lastmile_net.write.drawing",
        "write_run": "lastmile_net.write.run",
    },
)
__dir__ = publicly(__name__)
