"""Interactive widgets: see, correct and explore; every computation is delegated to retina_tools."""

from widgets.eye_view import EyeView, view_eye

__all__ = ["EyeView", "view_eye"]
