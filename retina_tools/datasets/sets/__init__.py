"""One module per public dataset: its card, its loader and its download."""
