"""Time: spans, slots and their planning. Standard library and numpy only; knows no files, models, audio or video."""
