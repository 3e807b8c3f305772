"""Instructions about real clips, each written while looking at its clip, for `nano_limits.py`.

They were written after the rule and its limit were fixed, and none is used in a test. About two in five have no word
that nano-policy does not know: there the pictures alone can tell that it would only guess.
"""

from __future__ import annotations

ABOUT_CLIPS = {
    "01_dog": (
        "the Australian shepherd while it is in mid-air",
        "the lady wearing jeans",
        "the stick lying on the pavement",
        "the hedge on the left-hand side",
        "she bends down to greet her pet",
        "the rope dragged along the ground",
        "whatever the girl throws",
        "dog.",
        "DOG JUMPING",
        "the one who never leaves the picture",
        "the one that leaves on the right and comes back",
        "what is being chased",
        "the thing at the bottom that stays still",
        "the two that move together at the end",
        "the fastest thing on the screen",
        "the smaller of the two that move",
        "what the white one runs after",
    ),
    "04_coffee": (
        "the stream of liquid",
        "the gooseneck kettle",
        "the cup that gets filled up",
        "both hands of the barista",
        "the round table top",
        "T-shirt",
        "the metal pot as soon as it is tilted",
        "the wooden bench in the background",
        "coffee?",
        "la tasse bleue",
        "the blue object",
        "the blue one that stays in its place",
        "what goes up at the beginning",
        "the large white thing that is nearly still",
        "the object on the left that moves up",
        "what comes out of the other object",
        "everything except the blue thing",
    ),
}
"""By the folder of the clip in `VEASON_REAL_CLIPS`."""

ABOUT_SEQUENCES = {
    "blackswan": ("the bird's beak", "the water around the animal", "the only one that moves"),
    "breakdance": ("the performer in red", "spectators in sunglasses", "the red one in front of the others"),
    "car-roundabout": ("the dark SUV", "the car entering from the right at the end", "the red one that comes last"),
    "cows": ("the spotted cattle", "the muddy ground", "the white and orange one"),
    "dog": ("the golden retriever sniffing the leaves", "its harness", "the white one that goes around"),
    "drift-straight": ("the race car", "the tyre wall", "the red one that is small at first and then large"),
    "horsejump-high": ("the jockey", "the fence being jumped over", "the one that goes up and down again"),
    "libby": ("the puppy behind the bars", "pink flowers", "the one that hides behind things"),
    "paragliding-launch": ("the pilot with the backpack", "the hillside", "the one that gets smaller"),
    "scooter-black": ("the biker with the white helmet", "parked motorcycles", "the one that comes nearer"),
}
"""By the name of the DAVIS 2016 sequence."""
