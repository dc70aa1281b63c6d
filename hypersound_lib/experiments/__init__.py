"""The paper's experiments, by one command at any scale."""

from hypersound_lib.experiments.paper import ROWS, TableRow
from hypersound_lib.experiments.render import Table, render
from hypersound_lib.experiments.scales import Scale, scale
from hypersound_lib.experiments.table1 import read_results, reproduce
