"""DAVIS and YouTube-VOS: palette pictures whose pixel value is the object id."""
