"""The benchmark: the whole job on made-up files of the whole country, beside other ways to do it."""
