"""Training: losses, soft labels, augmentation, recipes, splits and the loop."""

import dataclasses

import numpy as np
import pytest
import torch

from retina_tools import phantom
from retina_tools.schema import EyeError
from retina_tools.segmentation.networks.store import load_network
from retina_tools.segmentation.training import loop, losses
from retina_tools.segmentation.training.augmentation import Augmentation, draw_batch, mix_amplitudes, other_camera
from retina_tools.segmentation.training.loop import train_network, validate
from retina_tools.segmentation.training.recipe import Recipe, Source, read_recipe, shipped_recipes
from retina_tools.segmentation.training.run import train
from retina_tools.segmentation.training.samples import Sample, prepare
from retina_tools.segmentation.training.soft_labels import soft_label
from retina_tools.segmentation.training.sources import split_by_patient

STILL = Augmentation((1.0, 1.0), 0.0, False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
TINY = Recipe(
    name="tiny",
    title="a network for tests",
    structures=("vessel",),
    frame_px=128,
    input="contrast",
    network={"kind": "cascade", "coarse": [8, 16], "fine": [4, 8]},
    sources=(Source("phantom", options={"count": 2, "size": 160}),),
    loss={"cross_entropy": 1.0, "soft_dice": 1.0},
    steps=120,
    batch=4,
    crop_px=64,
    learning_rate=1e-2,
    augmentation=dataclasses.replace(STILL, scale=(0.8, 1.2), turn_deg=180.0, mirror=True),
)


@pytest.fixture(scope="module")
def samples():
    eyes = (phantom.eye(seed=seed, size=192, field_angle_deg=30) for seed in (1, 2, 3))
    return prepare(eyes, ("vessel",), source="phantom", frame_px=128, kind="contrast")


def logits_of(probability):
    return torch.logit(torch.as_tensor(probability, dtype=torch.float32).clamp(1e-6, 1 - 1e-6)).expand(1, 1, -1, -1)


HALF = torch.tensor([[1.0, 0.0], [1.0, 0.0]]).expand(1, 1, 2, 2)
ALL = torch.ones(1, 1, 2, 2)


@pytest.mark.parametrize("name", ["cross_entropy", "soft_dice", "soft_jaccard", "focal_l1"])
def test_the_truth_costs_nothing_and_its_opposite_the_most(name):
    loss = losses.LOSSES[name]
    right, unsure, wrong = (float(loss(logits_of(p), HALF, ALL)) for p in (HALF[0, 0], 0.5 * ALL[0, 0], 1 - HALF[0, 0]))
    assert right < 0.01
    assert right < unsure <= wrong


@pytest.mark.parametrize("name", ["cross_entropy", "soft_dice", "soft_jaccard", "focal_l1"])
def test_pixels_without_weight_do_not_count(name):
    loss = losses.LOSSES[name]
    weights = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).expand(1, 1, 2, 2)
    one, other = torch.tensor([[0.9, 0.1], [0.9, 0.1]]), torch.tensor([[0.9, 0.1], [0.2, 0.7]])
    assert float(loss(logits_of(one), HALF, weights)) == pytest.approx(float(loss(logits_of(other), HALF, weights)))


def test_losses_have_their_closed_forms():
    unsure = logits_of(0.5 * ALL[0, 0])
    assert float(losses.cross_entropy(unsure, HALF, ALL)) == pytest.approx(np.log(2))
    # Probabilities one half: 2 x 1 + 1 over 4 x 0.25 + 2 + 1.
    assert float(losses.soft_dice(unsure, HALF, ALL)) == pytest.approx(1 - 3 / 4)
    # Signed zero everywhere shares nothing with labels of one.
    assert float(losses.soft_jaccard(unsure, HALF, ALL)) == pytest.approx(1)
    assert float(losses.focal_l1(unsure, HALF, ALL)) == pytest.approx(1)


def test_the_soft_jaccard_is_least_at_the_soft_label_itself():
    soft = torch.tensor([[0.8, 0.1], [0.6, 0.3]]).expand(1, 1, 2, 2)
    at = float(losses.soft_jaccard(logits_of(soft[0, 0]), soft, ALL))
    assert at == pytest.approx(0, abs=1e-5)
    for shift in (-0.1, 0.1):
        assert float(losses.soft_jaccard(logits_of(soft[0, 0] + shift), soft, ALL)) > at + 0.05


def test_a_broken_vessel_costs_more_centreline_than_a_thin_one():
    vessel = torch.zeros(1, 1, 32, 32)
    vessel[..., 12:19, :] = 1
    thin, broken = torch.zeros_like(vessel), vessel.clone()
    thin[..., 14:17, :] = 1
    broken[..., 10:22] = 0
    weights = torch.ones_like(vessel)
    cost = [float(losses.centreline_dice(logits_of(each[0, 0]), vessel, weights)) for each in (vessel, thin, broken)]
    assert cost[0] < cost[1] + 1e-3
    assert cost[1] < cost[2]


def test_unknown_losses_are_refused():
    with pytest.raises(EyeError, match="no loss 'hinge'; wanted some of cross_entropy"):
        losses.combined_loss(logits_of(HALF[0, 0]), HALF, ALL, parts={"hinge": 1.0})


def test_soft_labels_are_sure_in_the_middle_and_on_thin_vessels_and_unsure_at_wide_edges():
    mask = np.zeros((60, 60), bool)
    mask[10:25], mask[40:42] = True, True
    label = soft_label(mask)
    assert label[17, 30] == pytest.approx(1)
    assert label[40, 30] == pytest.approx(1)
    assert 0.5 < label[10, 30] < 0.65
    assert 0.35 < label[9, 30] < 0.5
    assert label[55, 30] == 0
    np.testing.assert_array_equal(label > 0.5, mask)


def test_a_recipe_chooses_between_drawn_and_doubted_labels(tmp_path):
    eye = phantom.eye(seed=1, size=192, field_angle_deg=30)
    hard, soft = (
        prepare([eye], ("vessel",), source="phantom", frame_px=128, kind="contrast", labels=labels)[0].targets[0]
        for labels in ("hard", "soft")
    )
    np.testing.assert_array_equal(soft, np.rint(255 * soft_label(hard >= 128)))
    np.testing.assert_array_equal(soft >= 128, hard >= 128)
    assert (soft != hard).any()
    text = shipped_recipes()["vessels"].read_text()
    (tmp_path / "soft.toml").write_text(f'labels = "soft"\n{text}')
    assert read_recipe(tmp_path / "soft.toml").labels == "soft"
    (tmp_path / "odd.toml").write_text(f'labels = "vague"\n{text}')
    with pytest.raises(EyeError, match="labels is 'vague', wanted one of hard, soft"):
        read_recipe(tmp_path / "odd.toml")


def test_soft_labels_of_nothing_are_nothing():
    assert not soft_label(np.zeros((8, 8), bool)).any()


def test_without_augmentation_a_crop_is_a_piece_of_the_eye(samples):
    planes, targets, weights = draw_batch(samples[:1], np.random.default_rng(0), crop_px=128, augmentation=STILL)
    np.testing.assert_allclose(planes[0], samples[0].planes.astype(np.float32), atol=1e-4)
    np.testing.assert_allclose(targets[0], samples[0].targets / 255, atol=1e-4)
    np.testing.assert_array_equal(weights[0, 0] > 0, samples[0].fov)


def test_picture_truth_and_weight_move_together():
    y, x = np.mgrid[:96, :96]
    spot = np.hypot(y - 40, x - 60) < 8
    sample = Sample(
        "a", "a", "test", np.repeat(spot[None], 3, 0).astype(np.float16), np.ones((96, 96), bool),
        255 * spot[None].astype(np.uint8), np.array([True]), np.zeros((96, 96), bool), np.array([False]),
    )  # fmt: skip
    moved = dataclasses.replace(STILL, scale=(0.7, 1.6), turn_deg=180.0, mirror=True)
    random = np.random.default_rng(3)
    for _ in range(10):
        planes, targets, weights = draw_batch([sample], random, crop_px=96, augmentation=moved)
        np.testing.assert_allclose(planes[0, 0], targets[0, 0], atol=1e-2)
        assert weights.shape == targets.shape


def test_enlargement_enlarges_areas_by_its_square():
    y, x = np.mgrid[:128, :128]
    spot = np.hypot(y - 63.5, x - 63.5) < 15
    sample = Sample(
        "a", "a", "test", np.repeat(spot[None], 3, 0).astype(np.float16), np.ones((128, 128), bool),
        255 * spot[None].astype(np.uint8), np.array([True]), np.zeros((128, 128), bool), np.array([False]),
    )  # fmt: skip
    twice = dataclasses.replace(STILL, scale=(2.0, 2.0), turn_deg=180.0)
    _, targets, _ = draw_batch([sample], np.random.default_rng(0), crop_px=128, augmentation=twice)
    assert float(targets.sum()) == pytest.approx(4 * spot.sum(), rel=0.02)


def test_structures_that_were_not_annotated_have_no_weight():
    eye = phantom.eye(seed=1, size=160)
    (sample,) = prepare([eye], ("vessel", "laser_scar"), source="phantom", frame_px=128, kind="contrast")
    assert sample.known.tolist() == [True, "laser_scar" in eye["structure"].values]


def test_other_cameras_leave_the_outside_black_and_still_ones_change_nothing(samples):
    planes, _, _ = draw_batch(samples, np.random.default_rng(0), crop_px=128, augmentation=STILL)
    random = np.random.default_rng(1)
    torch.testing.assert_close(other_camera(planes, random, STILL), planes, rtol=0, atol=1e-6)
    changed = other_camera(planes, random, Augmentation())
    outside = ~(planes != 0).any(1, keepdim=True).expand_as(planes)
    assert not changed[outside].any()
    assert (changed - planes).abs().mean() > 0.05


def test_mixing_takes_low_amplitudes_and_keeps_fine_structure():
    random = np.random.default_rng(0)
    planes = torch.from_numpy(random.normal(size=(2, 1, 64, 64)).astype(np.float32))
    mixed = mix_amplitudes(planes, random, share=1.0, band=0.1)
    before, after = torch.fft.rfft2(planes), torch.fft.rfft2(mixed)
    high = (torch.fft.fftfreq(64).abs() > 0.12)[:, None] & (torch.fft.rfftfreq(64) > 0.12)[None, :]
    torch.testing.assert_close(after[:, :, high], before[:, :, high], rtol=1e-3, atol=1e-2)
    assert (after - before).abs().max() > 1
    assert mix_amplitudes(planes, random, share=0.0) is planes


def test_patients_are_on_one_side_of_a_split_and_phantoms_are_never_held_out(samples):
    eyes = [
        dataclasses.replace(samples[0], image_id=f"{p}{side}", patient_id=str(p), source="clinic")
        for p in range(7)
        for side in "LR"
    ]
    seen = []
    for fold in range(3):
        learned, held_out = split_by_patient([*eyes, *samples], 3, fold)
        assert not {s.patient_id for s in held_out} & {s.patient_id for s in learned}
        assert all(s.source == "clinic" for s in held_out)
        assert len(learned) + len(held_out) == len(eyes) + len(samples)
        seen += [s.image_id for s in held_out]
    assert sorted(seen) == sorted(s.image_id for s in eyes)
    with pytest.raises(EyeError, match="Fold 3 of 3"):
        split_by_patient(eyes, 3, 3)


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_shipped_recipes_can_be_read_and_built(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.sources
    assert all(part in losses.LOSSES for part in recipe.loss)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "no TOML"),
        ("name = 'a'", "'title' is missing"),
        ("colour = 'blue'", "'colour' is no key of a recipe"),
    ],
)
def test_recipes_that_are_none_are_refused(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(EyeError, match=said):
        read_recipe(tmp_path / "mine.toml")
    with pytest.raises(EyeError, match="no recipe 'nowhere'; give a TOML file or one of"):
        read_recipe("nowhere")


@pytest.fixture(scope="module")
def trained(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return train_network(TINY, samples, folder, held_out=samples, every=TINY.steps // 2, show_progress=False), folder


def test_a_network_learns_the_vessels_of_three_eyes(samples, trained):
    network, folder = trained
    (found,) = validate(network, samples, ("vessel",))
    assert found["best_dice"] > 0.75
    assert len((folder / "log.csv").read_text().splitlines()) == 3


class PowerCutError(Exception):
    """What happens in the middle of a training."""


def test_an_interrupted_training_ends_where_an_undisturbed_one_does(samples, trained, tmp_path, monkeypatch):
    advance = loop._Run.advance

    def advance_until_cut(run, *batch):
        if run.step == TINY.steps - 10:
            raise PowerCutError
        return advance(run, *batch)

    monkeypatch.setattr(loop._Run, "advance", advance_until_cut)
    with pytest.raises(PowerCutError):
        train_network(TINY, samples, tmp_path, held_out=samples, every=TINY.steps // 2, show_progress=False)
    monkeypatch.undo()
    again = train_network(TINY, samples, tmp_path, held_out=samples, every=TINY.steps // 2, show_progress=False)
    for key, value in trained[0].state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=1e-3, atol=1e-4)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


def test_a_folder_of_another_training_is_not_gone_on_with(samples, trained):
    with pytest.raises(EyeError, match="belongs to another recipe"):
        train_network(dataclasses.replace(TINY, learning_rate=1e-3), samples, trained[1], show_progress=False)
    with pytest.raises(EyeError, match="no eyes to learn from"):
        train_network(TINY, [], trained[1], show_progress=False)


def test_one_call_makes_weights_that_can_be_loaded(tmp_path):
    path = train(TINY, tmp_path, steps=2, show_progress=False)
    card, _ = load_network(path)
    assert card.structures == ("vessel",)
    assert card.commercial_use
    assert card.experimental
    assert "synthetic eyes alone" in str(card)
    assert {p.name for p in tmp_path.iterdir()} == {
        "tiny.safetensors", "tiny.json", "log.csv", "examples.png", "checkpoint.pt",
    }  # fmt: skip
    with pytest.raises(EyeError, match="'clinic' is no source of this recipe; wanted some of phantom"):
        train(TINY, tmp_path / "other", only=["clinic"], show_progress=False)
