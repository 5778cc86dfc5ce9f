"""Interactive widgets: see, correct and explore; every computation is delegated to retina_tools."""

from widgets.catalogue_view import CatalogueView, view_catalogue
from widgets.eye_view import EyeView, view_eye

__all__ = ["CatalogueView", "EyeView", "view_catalogue", "view_eye"]
