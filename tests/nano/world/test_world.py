"""The toy world: same seed, same clip; any frame by itself; masks that fit the drawing; facts that masks confirm."""

from __future__ import annotations

import numpy as np
import pytest

from veason_nano.world.facts import Facts
from veason_nano.world.render import BACKDROPS, Renderer, paint_backdrop
from veason_nano.world.scene import COLOURS, PATTERNS, Actor, Appearance, Backdrop, Scene, measure_tracks
from veason_nano.world.shapes import SHAPES
from veason_nano.world.stories import ACTS, REACH, make_scene

SIZE = (160, 120)


def single(look: Appearance, num_frames: int = 3, centre: tuple[float, float] = (0.667, 0.5)) -> Scene:
    path = np.tile(centre, (num_frames, 1))
    still = np.zeros(num_frames)
    actor = Actor(look, path, still + 0.2, still, 1.0)
    backdrop = Backdrop("gradient", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 0)
    return Scene(0, num_frames, 4 / 3, 24.0, (actor,), path * 0, (), backdrop, noise=0.0)


def owners(scene: Scene) -> np.ndarray:
    renderer = Renderer(scene, SIZE)
    return np.stack([renderer.draw(frame)[1] for frame in range(scene.num_frames)])


def test_a_seed_gives_the_same_frame_whatever_was_drawn_before() -> None:
    alone = Renderer(make_scene(5, num_frames=20), SIZE).frame(13)
    renderer = Renderer(make_scene(5, num_frames=20), SIZE)
    in_order = [renderer.frame(frame) for frame in range(14)][13]
    np.testing.assert_array_equal(alone, in_order)


def test_other_seeds_give_other_clips() -> None:
    assert not np.array_equal(Renderer(make_scene(1), SIZE).frame(0), Renderer(make_scene(2), SIZE).frame(0))


def test_scenes_have_two_to_seven_objects_and_16_to_300_frames() -> None:
    scenes = [make_scene(seed) for seed in range(120)]
    assert all(1 <= len(scene.objects) <= 7 for scene in scenes)
    assert np.mean([len(scene.objects) >= 2 for scene in scenes]) > 0.9
    assert min(scene.num_frames for scene in scenes) >= 16
    assert max(scene.num_frames for scene in scenes) <= 300


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mask_is_where_the_colour_is(shape: str) -> None:
    scene = single(Appearance(shape, "red"))
    image, owner = Renderer(scene, SIZE).draw(0)
    is_red = image[..., 0].astype(int) - image[..., 1] > 60
    mask = owner == 0
    assert mask.sum() > 500
    assert (mask & is_red).sum() / (mask | is_red).sum() > 0.9


@pytest.mark.parametrize("shape", sorted(REACH))
def test_a_mask_covers_the_same_part_of_the_picture_at_any_size(shape: str) -> None:
    scene = single(Appearance(shape, "blue"))
    shares = [(Renderer(scene, size).draw(0)[1] == 0).mean() for size in ((640, 480), (160, 120), (112, 112))]
    assert max(shares) / min(shares) < 1.08


def test_the_nearer_object_owns_the_pixels() -> None:
    one, two = single(Appearance("ball", "red")).actors[0], single(Appearance("block", "blue")).actors[0]
    base = single(Appearance("ball", "red"))
    near = Actor(two.appearance, two.centre, two.radius * 0.5, two.angle, 2.0)
    both = Scene(0, 3, 4 / 3, 24.0, (one, near), base.camera, (), base.backdrop)
    owner = Renderer(both, SIZE).draw(0)[1]
    assert owner[60, 80] == 1
    assert (owner == 0).any()


def test_coarse_tracks_agree_with_the_drawn_masks() -> None:
    scene = make_scene(11, num_frames=24, acts=("hide",))
    tracks, drawn = measure_tracks(scene), owners(scene)
    for actor in scene.objects:
        exact = (drawn == actor).mean((1, 2))
        assert np.abs(tracks.area[actor] - exact).max() < 0.01


@pytest.mark.parametrize("act", sorted(ACTS))
def test_every_act_makes_scenes_that_can_be_seen(act: str) -> None:
    for seed in range(3):
        facts = Facts(make_scene(seed, num_frames=32, acts=(act,)))
        assert facts.objects


def test_what_enters_is_absent_from_the_masks_before() -> None:
    checked = 0
    for seed in range(12):
        scene = make_scene(seed, num_frames=32, acts=("parade",))
        facts, drawn = Facts(scene), owners(scene)
        for actor in facts.objects:
            if entry := facts.entry(actor):
                assert not (drawn[0] == actor).any()
                assert (drawn[entry.frame :] == actor).any()
                checked += 1
    assert checked > 10


def test_what_hides_is_gone_from_the_masks_meanwhile() -> None:
    checked = 0
    for seed in range(8):
        scene = make_scene(seed, num_frames=40, acts=("hide",))
        facts, drawn = Facts(scene), owners(scene)
        for actor in facts.objects:
            if hiding := facts.hiding(actor):
                middle = (hiding.start + hiding.stop) // 2
                assert (drawn[middle] == actor).sum() < 0.2 * (drawn == actor).sum((1, 2)).max()
                checked += 1
    assert checked >= 4


def test_a_push_moves_what_stood_still_and_a_near_miss_does_not() -> None:
    kinds = set()
    for seed in range(14):
        scene = make_scene(seed, num_frames=48, acts=("collide",))
        (event,) = scene.events
        moved = np.hypot(*(scene.actors[event.other].centre - scene.actors[event.other].centre[0]).T)
        gap = np.hypot(*(scene.actors[event.subject].centre - scene.actors[event.other].centre).T).min()
        touch = sum(
            REACH[scene.actors[k].appearance.shape] * scene.actors[k].radius[0] for k in (event.subject, event.other)
        )
        kinds.add(event.kind)
        assert (moved.max() > 0.1) == (event.kind == "collides")
        assert (gap > touch + 0.03) == (event.kind == "nearly_hits")
        assert moved[: event.start].max() < 0.02
    assert kinds == {"collides", "nearly_hits"}


@pytest.mark.parametrize("kind", BACKDROPS)
def test_backdrops_are_larger_than_the_picture_and_not_flat(kind: str) -> None:
    painted = paint_backdrop(Backdrop(kind, (0.9, 0.9, 0.9), (0.2, 0.2, 0.2), 3), 4 / 3, SIZE)
    assert painted.shape[0] > SIZE[1]
    assert painted.shape[1] > SIZE[0]
    assert painted.std() > 0.005


def test_every_word_of_a_look_changes_the_picture() -> None:
    base = Renderer(single(Appearance("ball", "red", "plain")), SIZE).frame(0).astype(int)
    for colour in COLOURS:
        for pattern in PATTERNS:
            if (colour, pattern) != ("red", "plain"):
                other = Renderer(single(Appearance("ball", colour, pattern)), SIZE).frame(0).astype(int)
                assert np.abs(other - base).max() > 40
