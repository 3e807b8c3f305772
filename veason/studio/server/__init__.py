"""The app. Only this package knows gradio; importing the package itself does not load it."""
