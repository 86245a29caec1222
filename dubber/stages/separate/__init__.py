"""Speech and bed taken apart."""
