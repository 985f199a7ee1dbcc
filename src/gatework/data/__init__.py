"""Files and frames in, regular series and their schema out.

Knows nothing of models or training: readers return numpy and plain data, `store` and `windows` the
tensors that a network reads.
"""

from gatework.data.columns import Columns
from gatework.data.frequency import Frequency
from gatework.data.ingest import to_panel
from gatework.data.output import as_given, forecast_frame
from gatework.data.panel import Panel, PanelSchema, Series
from gatework.data.tables import as_text, read_table, write_table

__all__ = [
    "Columns",
    "Frequency",
    "Panel",
    "PanelSchema",
    "Series",
    "as_given",
    "as_text",
    "forecast_frame",
    "read_table",
    "to_panel",
    "write_table",
]
