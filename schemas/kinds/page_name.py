"""Page names: nothing is repaired but what a reader cannot see; the naming policy judges the rest."""

from schemas.text import in_latin_letters

repair = in_latin_letters
