"""What the page's events and look-ups do, once they are parsed: the stage, the queue, and files in and out."""
