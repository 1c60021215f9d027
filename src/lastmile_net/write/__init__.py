"""Leave a plan on disk as a run's folder: all of it or nothing."""

from lastmile_net.write.atomic import recover
from lastmile_net.write.drawing import redraw_map
from lastmile_net.write.inputs import InputFile, Inputs
from lastmile_net.write.run import FORMATS, known_formats, write_run

__all__ = ["FORMATS", "InputFile", "Inputs", "known_formats", "recover", "redraw_map", "write_run"]
