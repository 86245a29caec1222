"""What was said: words with times from a recogniser, or segments from a transcript that a person gives."""
