"""The kit's own harness, loaded from this repository's copy, for golden folders laid out like it."""

from __future__ import annotations

import sys
from pathlib import Path

KIT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "indextts2"
"""The golden folder that comes with the repository."""

sys.path.insert(0, str(KIT))

from check import Case, Report, load_cases, load_manifest, manifest_info  # noqa: E402
from check import checkpoint as official_checkpoint  # noqa: E402
from weights import fill, integers, standard_buffers, tensor  # noqa: E402

__all__ = [
    "KIT",
    "Case",
    "Report",
    "fill",
    "integers",
    "load_cases",
    "load_manifest",
    "manifest_info",
    "official_checkpoint",
    "standard_buffers",
    "tensor",
]
