"""What measures: speed, size and sync, on this machine, now. Every figure in docs/ comes from a command here."""
