"""Sessions recorded, replayed byte for byte, and forked."""
