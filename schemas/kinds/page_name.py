"""Page names: nothing is repaired but what a reader cannot see; the naming policy judges the rest."""

from schemas.text import clean

repair = clean
