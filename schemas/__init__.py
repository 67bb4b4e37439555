"""What a round asks for, as data, and the pandera schemas built from it."""
