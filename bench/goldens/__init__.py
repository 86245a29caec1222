"""Runs our parts on golden inputs: one module per room of `tts.indextts2`, one runner per golden component."""
