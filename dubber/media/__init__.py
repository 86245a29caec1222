"""Films as files: read their headers, take their sound out on the film's clock, put a dub in.

Never knows what is said, by whom, or in which project it lies.
"""

from dubber.media.containers import output_suffix
from dubber.media.dialogue import MIXED, Dialogue, dialogue_in
from dubber.media.extraction import Extracted, extract
from dubber.media.ffmpeg import FFmpeg, ffmpeg_exe, ffmpeg_info, require_ffmpeg
from dubber.media.fonts import lacking, require_fonts
from dubber.media.header import Film, Stream, probe
from dubber.media.muxing import Muxed, mux, write_audio
from dubber.media.outputs import check_output
from dubber.media.shots import shots
from dubber.media.surround import Surround
from dubber.media.tracks import SYNTHETIC, MuxPlan, SoftSubtitle

__all__ = [
    "MIXED",
    "SYNTHETIC",
    "Dialogue",
    "Extracted",
    "FFmpeg",
    "Film",
    "MuxPlan",
    "Muxed",
    "SoftSubtitle",
    "Stream",
    "Surround",
    "check_output",
    "dialogue_in",
    "extract",
    "ffmpeg_exe",
    "ffmpeg_info",
    "lacking",
    "mux",
    "output_suffix",
    "probe",
    "require_ffmpeg",
    "require_fonts",
    "shots",
    "write_audio",
]
