"""Static figures: the eye with its masks, associations, a cohort. Each says in words what it shows."""

from retina_tools.plotting.forest import plot_forest
from retina_tools.plotting.overlay import plot_overlay, structure_table
from retina_tools.plotting.scatter import plot_cohort
from retina_tools.plotting.theme import OKABE_ITO, SYMBOLS, describe, plain, register, template

register()

__all__ = [
    "OKABE_ITO",
    "SYMBOLS",
    "describe",
    "plain",
    "plot_cohort",
    "plot_forest",
    "plot_overlay",
    "register",
    "structure_table",
    "template",
]
