"""The app: `server` answers what the page asks, `web` is the page, served as it is. Only `server` knows gradio."""
