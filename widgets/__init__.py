"""Interactive widgets: see, correct and explore; every computation is delegated to retina_tools."""
