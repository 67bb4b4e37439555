"""From the inbox to the outbox: read, recognise, normalise, validate, consolidate, render, publish."""
