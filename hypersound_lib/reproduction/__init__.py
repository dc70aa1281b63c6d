"""The paper's experiments, by one command at any scale."""

from hypersound_lib.reproduction.paper import ROWS, TableRow
from hypersound_lib.reproduction.render import Table, render
from hypersound_lib.reproduction.scales import Scale, scale
from hypersound_lib.reproduction.table1 import read_results, reproduce

__all__ = ["ROWS", "Scale", "Table", "TableRow", "read_results", "render", "reproduce", "scale"]
