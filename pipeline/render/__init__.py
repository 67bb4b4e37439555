"""Rendering: one result becomes papers, workbooks, letters and tables. Nothing is counted here."""
