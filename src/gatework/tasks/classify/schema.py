"""What new data must agree with: saved with a run, and how its rows become sequences again."""

from typing import final

import msgspec

from gatework.data.labelled import Sequences
from gatework.data.rows import Rows
from gatework.data.text_rows import TextColumns, to_texts
from gatework.errors import InputError


@final
class TextSchema(msgspec.Struct, frozen=True, tag="text"):
    """Texts in a column of a table.

    Attributes:
        columns: Which columns; None if the texts did not come from a table.
        separator: What stands between several labels in one cell.
    """

    columns: TextColumns | None = None
    separator: str | None = None

    def to_sequences(self, rows: Rows) -> Sequences:
        """Read rows of a table.

        Raises:
            InputError: A column is absent, or holds something else.
        """
        columns = self.columns
        if columns is None:
            raise InputError("this model was fitted on plain texts; give it a list of texts")
        return to_texts(rows, columns, separator=self.separator)


Schema = TextSchema
