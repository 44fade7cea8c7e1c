"""The window: thin views of the presenters, on tkinter."""
