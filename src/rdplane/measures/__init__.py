"""What a rate is made of and what a code is good for: measures of a trained cell beside rate and distortion.

One measure a module; `rdplane.measures.measure` computes all of them. Imported by itself, the package needs no torch:
`columns`, `gap` and `category` work on numbers in a table.
"""

__all__: list[str] = []
