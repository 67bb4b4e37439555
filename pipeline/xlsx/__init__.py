"""Workbooks written from nothing: cells, looks, notes, drop-downs, links. No cell's text becomes a formula."""
