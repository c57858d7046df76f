"""Floor 6: files and pictures that people look at."""

from molediff.report.files import write_ensemble, write_generation, write_json, write_sdf, write_table
from molediff.report.grid import draw_grid
from molediff.report.page import write_page
from molediff.report.strip import draw_strip, write_frames

__all__ = [
    "draw_grid",
    "draw_strip",
    "write_ensemble",
    "write_frames",
    "write_generation",
    "write_json",
    "write_page",
    "write_sdf",
    "write_table",
]
