"""Colours that the colour-blind tell apart, and that stay apart in black and white.

Okabe & Ito 2008, jfly.uni-koeln.de/color; ordered so that neighbours differ in lightness too. Colour never stands alone:
series also differ in their marks and are named beside them.
"""

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY)
MARKS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)))

# Becomes currentColor: what is drawn in it follows the page, light or dark.
INK = "#010203"
