"""Our networks have the names and shapes of the public checkpoints, and draw with what is in them."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retina_tools import schema
from retina_tools.schema import get_mask, get_probability
from retina_tools.segmentation import adapters
from retina_tools.segmentation.adapters import fundusegmenter_network, retsam_network, rrwnet_network, wnet_network

SMALL_RETSAM = {"width": 8, "heads": (1, 2, 4, 8), "depths": (1, 2, 1, 1), "window": 4}
SMALL_FUNDUSEGMENTER = {"width": 64, "layers": 4, "grid": 4, "patch": 16, "pretext": 10, "planes": 16}


def on_meta(build, *arguments):
    with torch.device("meta"):
        return build(*arguments)


def shapes(network):
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def parameters(network):
    return sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(
    ("classes", "widths", "count"),
    # Counts of wnet_drive, of AutoMorph's disc and cup, and of big_wnet_drive_av and big_wnet_hrf_av_1024.
    [(1, (8, 16, 32), 68_482), (3, (8, 16, 32), 68_678), (4, (8, 16, 32, 64), 279_464)],
)
def test_wnet_has_the_public_keys_shapes_and_number_of_parameters(formats, classes, widths, count):
    network = on_meta(wnet_network.WNet, classes, widths)
    assert shapes(network) == formats.wnet(classes, widths)
    assert parameters(network) == count


def test_rrwnet_has_the_public_keys_and_shapes(formats):
    network = on_meta(rrwnet_network.RRWNet)
    assert shapes(network) == formats.rrwnet()
    # model.safetensors on the hub has 248 MB of float32.
    assert round(4 * parameters(network) / 1e6) == 248


@pytest.mark.parametrize("classes", [2, 3])
def test_fundusegmenter_has_the_public_keys_and_shapes(formats, classes):
    network = on_meta(fundusegmenter_network.FunduSegmenter, fundusegmenter_network.Sizes(classes))
    assert shapes(network) == formats.fundusegmenter(classes)
    # The transformer without its adapters is ViT-L/16 with a head of 1000 classes: 304.3 million parameters.
    plain = [value for key, value in network.encoder.named_parameters() if ".adapter." not in key]
    assert sum(value.numel() for value in plain) == 304_326_632


def test_retsam_has_the_public_keys_shapes_and_number_of_parameters(formats):
    network = on_meta(retsam_network.RetSAM, retsam_network.Sizes())
    assert shapes(network) == formats.retsam()
    assert round(parameters(network) / 1e6, 1) == 765.7
    assert round(parameters(network.swinViT) / 1e6, 1) == 95.2


def saved(formats, tmp_path, model, *, safetensors=False, seed=0):
    """A small checkpoint with noise in a public format, wrapped as its authors wrap it; and how it is loaded."""
    keys, name, wrapped, load, options = {
        "vessels": (formats.wnet(1), "model_checkpoint.pth", "model_state_dict", adapters.lwnet, {"size_px": 64}),
        "arteries and veins": (
            formats.wnet(4, (8, 16, 32, 64)),
            "model_checkpoint.pth",
            "model_state_dict",
            adapters.lwnet,
            {"size_px": 64},
        ),
        "disc and cup": (
            formats.wnet(3),
            "model_checkpoint.pth",
            "model_state_dict",
            adapters.automorph_disc,
            {"size_px": 64},
        ),
        "rrwnet": (
            formats.rrwnet(4),
            "rrwnet_RITE_1.pth",
            None,
            adapters.rrwnet,
            {"size_px": 72, "accept_licence": True},
        ),
        "fundusegmenter": (
            formats.fundusegmenter(**SMALL_FUNDUSEGMENTER),
            "FunduSegmenter_OriginalImage.pth",
            "model",
            adapters.fundusegmenter,
            {"size_px": 64, "accept_licence": True},
        ),
        "retsam": (
            {f"model.{key}": shape for key, shape in formats.retsam(**SMALL_RETSAM).items()},
            "retsam_v1_for_public.ckpt",
            "state_dict",
            adapters.retsam,
            {"size_px": 128, "accept_licence": True},
        ),
    }[model]
    state = formats.random_state(keys, seed)
    path = tmp_path / name
    if safetensors:
        path = path.with_suffix(".safetensors")
        save_file(formats.without_second_names(state), path)
    else:
        torch.save({wrapped: state, "epoch": 3} if wrapped else state, path)
    return path, state, load, options


MODELS = {
    "vessels": ("vessel",),
    "arteries and veins": ("artery", "vein", "vessel"),
    "disc and cup": ("optic_disc", "optic_cup"),
    "rrwnet": ("artery", "vein", "vessel"),
    "fundusegmenter": ("optic_disc", "optic_cup"),
    "retsam": (
        *("artery", "vein", "optic_disc", "optic_cup", "tessellation", "arc_atrophy", "diffuse_atrophy"),
        *("patchy_atrophy", "haemorrhage", "hard_exudate", "cotton_wool_spot", "drusen"),
    ),
}


@pytest.mark.parametrize("model", MODELS)
def test_a_random_checkpoint_draws_probabilities_inside_the_field_alone(formats, tmp_path, photograph, model):
    path, _, load, options = saved(formats, tmp_path, model)
    segmenter = load(path, **options)
    eye = segmenter(photograph)
    fov = photograph["fov"].values
    assert set(eye.structure.values) == set(MODELS[model]) == set(segmenter.card.structures)
    for structure in MODELS[model]:
        probability, mask = get_probability(eye, structure), get_mask(eye, structure)
        assert probability.shape == fov.shape
        assert probability.min() >= 0
        assert probability.max() <= 1
        assert probability[fov].std() > 0, "the network's output does not depend on the picture"
        assert not probability[~fov].any()
        assert not mask[~fov].any()
    step = eye.attrs["provenance"][-1]
    assert path.name in step
    assert segmenter.card.sha256 in step
    assert len(segmenter.card.sha256) == 64


@pytest.mark.parametrize("model", MODELS)
def test_safetensors_with_each_tensor_once_draw_the_same(formats, tmp_path, photograph, model):
    path, _, load, options = saved(formats, tmp_path, model)
    other, *_ = saved(formats, tmp_path, model, safetensors=True)
    options = options | ({"view": "whole"} if model == "fundusegmenter" else {})
    first, second = load(path, **options)(photograph), load(other, **options)(photograph)
    for structure in MODELS[model]:
        np.testing.assert_array_equal(get_probability(first, structure), get_probability(second, structure))
        np.testing.assert_array_equal(get_mask(first, structure), get_mask(second, structure))


@pytest.mark.parametrize("model", MODELS)
def test_another_checkpoint_draws_something_else(formats, tmp_path, photograph, model):
    path, _, load, options = saved(formats, tmp_path, model)
    first = load(path, **options)(photograph)
    saved(formats, tmp_path, model, seed=1)
    second = load(path, **options)(photograph)
    assert any(
        np.abs(get_probability(first, structure) - get_probability(second, structure)).max() > 0.01
        for structure in MODELS[model]
    )


@pytest.mark.parametrize("model", MODELS)
def test_every_tensor_of_the_checkpoint_is_used_as_it_is(formats, tmp_path, model):
    from retina_tools.segmentation.adapters import files, fitting

    path, state, _, _ = saved(formats, tmp_path, model)
    weights = files.read_weights(path)
    build = {
        "vessels": lambda: wnet_network.WNet(1),
        "arteries and veins": lambda: wnet_network.WNet(4, (8, 16, 32, 64)),
        "disc and cup": lambda: wnet_network.WNet(3),
        "rrwnet": lambda: rrwnet_network.RRWNet(4),
        "fundusegmenter": lambda: fundusegmenter_network.FunduSegmenter(
            fundusegmenter_network.Sizes(3, 64, 4, 1, 10, 2, 16, 4, 16)
        ),
        "retsam": lambda: retsam_network.RetSAM(
            retsam_network.Sizes((2, 3, 2, 4, 5), 8, (1, 2, 4, 8), (1, 2, 1, 1), 4)
        ),
    }[model]
    network = fitting.fit(on_meta(build), weights, model)
    own = network.state_dict()
    assert {key.removeprefix("model.") for key in state} == set(own)
    for key, value in state.items():
        assert torch.equal(own[key.removeprefix("model.")], value)
    assert not network.training


def test_undecided_vessels_of_lwnet_count_half_for_each_kind():
    from retina_tools.segmentation.adapters.wnet import _ARTERIES_VEINS as HEAD

    logits = np.log(np.array([0.1, 0.4, 0.3, 0.2], np.float32))[:, None, None]
    np.testing.assert_allclose(HEAD.probabilities(logits).ravel(), [0.1, 0, 0.5, 0.4], atol=1e-6)


def test_an_ensemble_of_discs_is_the_mean_of_its_members(formats, tmp_path, photograph):
    paths = []
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        path, *_ = saved(formats, tmp_path / str(seed), "disc and cup", seed=seed)
        paths.append(path.parent)
    one, other = (get_probability(adapters.automorph_disc(p, size_px=64)(photograph), "optic_cup") for p in paths)
    both = adapters.automorph_disc(paths, size_px=64)
    assert len(both.card.files) == 2
    np.testing.assert_allclose(get_probability(both(photograph), "optic_cup"), (one + other) / 2, atol=2e-3)


def test_a_cup_lies_in_its_disc(formats, tmp_path, photograph):
    for model in ("disc and cup", "fundusegmenter", "retsam"):
        path, _, load, options = saved(formats, tmp_path, model)
        eye = load(path, **options)(photograph)
        assert not (get_mask(eye, "optic_cup") & ~get_mask(eye, "optic_disc")).any()


def test_rrwnet_corrects_as_often_as_it_is_told(formats, tmp_path, photograph):
    path, *_ = saved(formats, tmp_path, "rrwnet")
    found = [
        get_probability(adapters.rrwnet(path, size_px=72, iterations=n, accept_licence=True)(photograph), "artery")
        for n in (0, 5)
    ]
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_rrwnet_draws_nothing_where_it_was_shown_nothing(formats, tmp_path, photograph):
    from retina_tools.segmentation import Frame
    from retina_tools.segmentation.adapters.rrwnet import enhanced

    frame = Frame.of(photograph, diameter_px=180)
    planes = enhanced(frame)
    assert planes.min() == 0
    assert planes.max() == 1
    shown = frame.to_native((planes > 0).any(0).astype(np.float32)) > 0
    path, *_ = saved(formats, tmp_path, "rrwnet")
    drawn = get_probability(adapters.rrwnet(path, size_px=180, accept_licence=True)(photograph), "vessel") > 0
    assert not (drawn & ~shown).any()
    assert drawn.sum() > 0.95 * shown.sum()


def test_an_even_picture_has_nothing_to_enhance():
    from retina_tools.segmentation import Frame
    from retina_tools.segmentation.adapters.rrwnet import enhanced

    y, x = np.indices((300, 300))
    fov = np.hypot(y - 149.5, x - 149.5) <= 145
    grey = schema.new_eye(np.where(fov[..., None], np.uint8([120, 80, 40]), np.uint8(0)), fov=fov)
    assert not enhanced(Frame.of(grey, diameter_px=540)).any()


def test_the_square_around_the_disc_is_where_the_landmark_is(formats, tmp_path, photograph):
    path, _, load, options = saved(formats, tmp_path, "fundusegmenter")
    segmenter = load(path, view="disc", **options)
    for centre in ((96.0, 60.0), (80.0, 120.0)):
        eye = segmenter(schema.with_parts(photograph, landmarks={"optic_disc": centre}))
        y, x = np.nonzero(get_probability(eye, "optic_disc"))
        side = 0.4 * segmenter_field(photograph)
        for values, middle in ((y, centre[0]), (x, centre[1])):
            assert (values.max() + values.min()) / 2 == pytest.approx(middle, abs=1)
            assert np.ptp(values) + 1 == pytest.approx(side, abs=2)


def segmenter_field(eye):
    from retina_tools.segmentation import fit_fov_circle

    return fit_fov_circle(eye["fov"].values).diameter_px


def test_no_disc_to_cut_out_means_empty_masks_and_a_reason(formats, tmp_path):
    path, _, load, options = saved(formats, tmp_path, "fundusegmenter")
    grey = schema.new_eye(np.full((96, 96, 3), 120, np.uint8))
    eye = load(path, view="disc", **options)(grey)
    assert not get_mask(eye, "optic_disc").any()
    assert get_probability(eye, "optic_disc") is None
    assert "no optic disc" in eye.attrs["provenance"][-1]


@pytest.mark.slow
def test_retsam_at_its_own_size_with_a_quarter_of_its_channels(formats, tmp_path, photograph):
    torch.save(formats.random_state(formats.retsam(width=32)), tmp_path / "retsam.ckpt")
    eye = adapters.retsam(tmp_path / "retsam.ckpt", accept_licence=True)(photograph)
    assert set(eye.structure.values) == set(MODELS["retsam"])
    assert get_probability(eye, "artery")[photograph["fov"].values].std() > 0


@pytest.mark.slow
def test_our_swin_gives_what_monais_does(formats):
    pytest.importorskip("einops", reason="MONAI's Swin transformer needs einops")
    from monai.networks.nets.swin_unetr import SwinTransformer

    from retina_tools.segmentation.adapters.swin import Swin

    theirs = SwinTransformer(3, 8, (4, 4), (4, 4), (2, 2, 2, 2), (1, 2, 4, 8), spatial_dims=2, downsample="merging")
    ours = Swin(8, (1, 2, 4, 8), (2, 2, 2, 2), 4, 4)
    keys = {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    state = formats.random_state(keys)
    theirs.load_state_dict(state)
    ours.load_state_dict(state)
    picture = torch.randn(1, 3, 100, 140)
    with torch.inference_mode():
        for level, other in zip(theirs.eval()(picture, True), ours.eval()(picture), strict=True):
            torch.testing.assert_close(level, other, atol=1e-5, rtol=1e-5)
