"""Tiny models in the released formats: what they say is noise, but every real part loads and runs."""
