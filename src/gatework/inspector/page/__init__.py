"""The page: a Trace as one offline HTML file, and the same in a notebook's frame.

It draws what the analyses found; it must not compute what they do.
"""

from gatework.inspector.page.extras import Extras
from gatework.inspector.page.page import notebook_html, page_html, write_page

__all__ = ["Extras", "notebook_html", "page_html", "write_page"]
