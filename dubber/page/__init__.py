"""The report as one page that stands alone: a run's report and short clips of its sound in, HTML out. Writes no file,
measures nothing, and knows no project."""

from dubber.page.clips import Clips, clip
from dubber.page.document import html, parts

__all__ = ["Clips", "clip", "html", "parts"]
