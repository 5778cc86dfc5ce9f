"""ONNX and TorchScript files with a label map: they draw what the network they were made from draws."""

import json
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from retina_tools import schema
from retina_tools.schema import EyeError, get_mask, get_probability
from retina_tools.segmentation import adapters
from retina_tools.segmentation.adapters import Settings, files
from retina_tools.segmentation.adapters.wnet_network import WNet

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIDE = 64
# What lwnet's network is, told by hand; its undecided channel is left out.
LABELS = {2: ["artery", "vessel"], 3: ["vein", "vessel"]}


@pytest.fixture(scope="module")
def wnet_files(formats, tmp_path_factory):
    """One W-Net as checkpoint, as ONNX and as TorchScript."""
    folder = tmp_path_factory.mktemp("wnet")
    state = formats.random_state(formats.wnet(4))
    network = WNet(4).eval()
    network.load_state_dict(state)
    torch.save({"model_state_dict": state}, folder / "wnet.pth")
    picture = torch.zeros(1, 3, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both formats are on their way out of torch, not out of people's folders
        torch.onnx.export(network, (picture,), folder / "wnet.onnx", dynamo=False, input_names=["picture"])
        torch.jit.trace(network, picture).save(folder / "wnet.pt")
    return folder


def channel_probabilities(photograph, folder):
    """Probabilities as torch itself gives them, brought to the photograph by hand."""
    from retina_tools.segmentation import Frame

    network = WNet(4).eval()
    network.load_state_dict(torch.load(folder / "wnet.pth", weights_only=True)["model_state_dict"])
    frame = Frame.of(photograph, diameter_px=SIDE)
    with torch.inference_mode():
        planes = network(torch.from_numpy(frame.image).permute(2, 0, 1)[None]).softmax(1)[0].numpy()
    return [frame.to_native(plane) for plane in planes]


@pytest.mark.parametrize("name", ["wnet.onnx", "wnet.pt"])
def test_an_exchanged_network_gives_what_torch_gives(wnet_files, photograph, name):
    load = adapters.onnx_model if name.endswith("onnx") else adapters.torchscript
    eye = load(wnet_files / name, Settings(LABELS, "softmax", SIDE))(photograph)
    planes = channel_probabilities(photograph, wnet_files)
    # Well inside the field, where nothing is taken off its edge.
    y, x = np.indices(planes[0].shape)
    inside = np.hypot(y - 95.5, x - 95.5) < 0.9 * 192 / 2 * 0.9
    inside &= photograph["fov"].values
    for structure, wanted in (("artery", planes[2]), ("vein", planes[3]), ("vessel", planes[2] + planes[3])):
        found = get_probability(eye, structure)
        assert np.abs(found - wanted)[inside].max() < 1e-3
        assert not found[~photograph["fov"].values].any()
    # Where two classes are as likely to the last digits, either may win.
    least, most = np.sort(planes, axis=0)[-2:]
    clear = inside & (most - least > 2e-3)
    assert clear.sum() > 0.9 * inside.sum()
    np.testing.assert_array_equal(get_mask(eye, "vein")[clear], (np.argmax(planes, 0) == 3)[clear])
    assert files.digest(wnet_files / name) in eye.attrs["provenance"][-1]


def test_settings_lie_beside_the_file_as_json(wnet_files, photograph, tmp_path):
    path = tmp_path / "wnet.onnx"
    path.write_bytes((wnet_files / "wnet.onnx").read_bytes())
    with pytest.raises(EyeError, match=r"no settings '.*wnet\.json'.*\"labels\""):
        adapters.onnx_model(path)
    told = {"labels": {"2": "artery", "3": "vein"}, "activation": "softmax", "licence": "MIT", "data": ["DRIVE"]}
    (tmp_path / "wnet.json").write_text(json.dumps(told))
    segmenter = adapters.onnx_model(path)
    assert (segmenter.card.size_px, segmenter.card.licence.name, segmenter.card.data) == (SIDE, "MIT", ("DRIVE",))
    other = adapters.onnx_model(wnet_files / "wnet.onnx", told)
    np.testing.assert_array_equal(segmenter(photograph)["probability"], other(photograph)["probability"])


def graph(tmp_path, *, channels=1, outputs=2, side="side", kind="FLOAT", layout="nchw", name="mean.onnx", weight=1.0):
    """An ONNX file made by hand: every output channel is a share of the mean of the colours, or of a green plane."""
    helper, types = onnx.helper, onnx.TensorProto
    shape = [1, channels, side, side] if layout == "nchw" else [1, side, side, channels]
    weights = weight * np.arange(1, outputs + 1, dtype=np.float32)[:, None, None, None] / outputs / channels
    kernel = onnx.numpy_helper.from_array(np.broadcast_to(weights, (outputs, channels, 1, 1)).copy(), "kernel")
    nodes = [helper.make_node("Cast", ["picture"], ["float"], to=types.FLOAT)]
    if layout == "nchw":
        nodes.append(helper.make_node("Conv", ["float", "kernel"], ["drawn"]))
    else:
        nodes += [
            helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "kernel"], ["made"]),
            helper.make_node("Transpose", ["made"], ["drawn"], perm=[0, 2, 3, 1]),
        ]
    made = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("picture", getattr(types, kind), shape)],
        [helper.make_tensor_value_info("drawn", types.FLOAT, None)],
        [kernel],
    )
    path = tmp_path / name
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def uneven():
    """An eye of one colour, so that what a mean of colours should be is known."""
    y, x = np.indices((96, 96))
    fov = np.hypot(y - 47.5, x - 47.5) <= 45
    return schema.new_eye(np.where(fov[..., None], np.uint8([204, 102, 51]), np.uint8(0)), fov=fov)


@pytest.mark.parametrize(
    ("made", "told", "value"),
    [
        ({"channels": 3}, {}, (0.8 + 0.4 + 0.2) / 3),
        ({"channels": 3, "layout": "nhwc"}, {"layout": "nhwc"}, (0.8 + 0.4 + 0.2) / 3),
        ({"channels": 3, "kind": "FLOAT16"}, {}, (0.8 + 0.4 + 0.2) / 3),
        ({"channels": 3, "kind": "DOUBLE"}, {"order": "bgr"}, (0.8 + 0.4 + 0.2) / 3),
        ({"channels": 1}, {"order": "green"}, 0.4),
        ({"channels": 1}, {"order": "green", "std": [1, 0.5, 1]}, 0.8),
        ({"channels": 3}, {"mean": [0.1, -0.1, 0], "std": [2, 1, 1]}, (0.35 + 0.5 + 0.2) / 3),
        ({"channels": 1, "kind": "UINT8"}, {"order": "green", "white": 2}, 1.0),
    ],
)
def test_colours_order_layout_and_type_reach_the_network(tmp_path, uneven, made, told, value):
    settings = {"labels": {1: "optic_disc", 0: "optic_cup"}, "activation": "none", "size_px": 48} | told
    eye = adapters.onnx_model(graph(tmp_path, **made), settings)(uneven)
    assert get_probability(eye, "optic_disc")[48, 48] == pytest.approx(value, abs=2e-3)
    assert get_probability(eye, "optic_cup")[48, 48] == pytest.approx(value / 2, abs=2e-3)
    assert get_mask(eye, "optic_cup")[48, 48] == (value / 2 >= 0.5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_activations_and_thresholds(tmp_path, uneven, activation):
    path = graph(tmp_path, channels=1, outputs=2)
    logits = np.array([0.2, 0.4])
    wanted = (1 / (1 + np.exp(-logits)) if activation == "sigmoid" else np.exp(logits) / np.exp(logits).sum())[1]
    for threshold, drawn in ((wanted - 0.01, True), (wanted + 0.01, False)):
        settings = Settings({1: "vessel"}, activation, 48, order="green", thresholds={"vessel": threshold})
        eye = adapters.onnx_model(path, settings)(uneven)
        assert get_probability(eye, "vessel")[48, 48] == pytest.approx(wanted, abs=2e-3)
        assert get_mask(eye, "vessel")[48, 48] == drawn


@pytest.mark.parametrize("rows", [slice(0, 192), slice(30, 150)])
def test_what_a_network_draws_lies_where_it_saw_it(tmp_path, photograph, rows):
    """A network that gives the green it is shown: neither shifted nor stretched, on a whole field and on a cut one."""
    image, fov = photograph["image"].values[rows], photograph["fov"].values[rows]
    eye = schema.new_eye(image, fov=fov)
    settings = Settings({0: "vessel"}, "none", 192, order="green")
    drawn = get_probability(adapters.onnx_model(graph(tmp_path, outputs=1), settings)(eye), "vessel")
    y, x = np.indices(fov.shape)
    inside = fov & (np.hypot(y + rows.start - 95.5, x - 95.5) < 80) & (y > 3) & (y < len(y) - 4)
    green = image[..., 1] / 255
    assert np.abs(drawn - green)[inside].mean() < 0.01
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        assert np.abs(np.roll(drawn, shift, axis) - green)[inside].mean() > np.abs(drawn - green)[inside].mean()


def test_logits_taken_for_probabilities_are_noticed(tmp_path, uneven):
    settings = Settings({1: "vessel"}, "none", 48, order="green", white=255)
    with pytest.raises(EyeError, match=r"no probabilities; its activation is sigmoid or softmax"):
        adapters.onnx_model(graph(tmp_path, channels=1), settings)(uneven)


def test_values_that_are_no_numbers_are_noticed(tmp_path, uneven):
    settings = Settings({1: "vessel"}, "sigmoid", 48, order="green")
    with pytest.raises(EyeError, match="no numbers"):
        adapters.onnx_model(graph(tmp_path, channels=1, weight=np.nan), settings)(uneven)


def test_more_channels_than_the_labels_tell_are_noticed(tmp_path, uneven):
    path = graph(tmp_path, channels=1, outputs=4)
    for channels in (0, 4):  # the file tells how many there are
        settings = Settings({1: "vessel"}, "softmax", 48, order="green", channels=channels)
        assert get_probability(adapters.onnx_model(path, settings)(uneven), "vessel")[48, 48] < 0.3
    with pytest.raises(EyeError, match=r"shape \(4, 48, 48\), wanted \(3, 48, 48\)"):
        adapters.onnx_model(path, Settings({1: "vessel"}, "softmax", 48, order="green", channels=3))(uneven)


def test_sizes_and_planes_that_do_not_fit_are_refused(tmp_path):
    path = graph(tmp_path, channels=3, side=48)
    with pytest.raises(EyeError, match="pictures of 48 px, and the settings say 64"):
        adapters.onnx_model(path, Settings({1: "vessel"}, "softmax", 64))
    assert adapters.onnx_model(path, Settings({1: "vessel"}, "softmax")).card.size_px == 48
    with pytest.raises(EyeError, match="wants 3 colour planes, and the settings give it 1"):
        adapters.onnx_model(path, Settings({1: "vessel"}, "softmax", order="green"))
    with pytest.raises(EyeError, match="set size_px"):
        adapters.onnx_model(graph(tmp_path, channels=3, name="any.onnx"), Settings({1: "vessel"}, "softmax"))
    with pytest.raises(EyeError, match=r"no output 'masks'; it has drawn"):
        adapters.onnx_model(path, Settings({1: "vessel"}, "softmax", output="masks"))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"activation": "softmax"}, "no 'labels'"),
        ({"labels": {"1": "vessel"}}, "no 'activation'"),
        ({"labels": {}, "activation": "softmax"}, "label map is empty"),
        ({"labels": {"1": "macule"}, "activation": "softmax"}, "did you mean 'macula'"),
        ({"labels": {"one": "vessel"}, "activation": "softmax"}, "cannot be used"),
        ({"labels": {"-1": "vessel"}, "activation": "softmax"}, r"channels \[-1\]"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "channels": 1}, "the model has 1"),
        ({"labels": {"1": "vessel"}, "activation": "tanh"}, "activation is 'tanh', wanted one of sigmoid"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "order": "hsv"}, "order is 'hsv'"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "mean": [0.5]}, "mean has 1 values, wanted 3"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "std": [1, 0, 1]}, "above zero"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "thresholds": {"vein": 0.5}}, "of 'vein' is none"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "thresholds": {"vessel": 0}}, "above 0"),
        ({"labels": {"1": "vessel"}, "activation": "softmax", "size": 512}, "have 'size', wanted some of labels"),
        ([], "are a list"),
    ],
)
def test_settings_that_are_none_are_refused(tmp_path, told, said):
    (tmp_path / "told.json").write_text(json.dumps(told))
    with pytest.raises(EyeError, match=said):
        adapters.onnx_model(graph(tmp_path), tmp_path / "told.json")


def test_settings_that_are_no_json_are_refused(tmp_path):
    (tmp_path / "mean.json").write_text("labels: 1")
    with pytest.raises(EyeError, match="are no JSON"):
        adapters.onnx_model(graph(tmp_path))


def test_files_of_another_kind_are_refused(tmp_path, wnet_files):
    told = Settings({1: "vessel"}, "softmax", 64)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(EyeError, match="cannot be read as ONNX"):
        adapters.onnx_model(tmp_path / "text.onnx", told)
    with pytest.raises(EyeError, match="cannot be read as TorchScript"):
        adapters.torchscript(wnet_files / "wnet.pth", told)
    with pytest.raises(EyeError, match=r"is a TorchScript archive; load it with adapters\.torchscript"):
        adapters.lwnet(wnet_files / "wnet.pt")


def test_weights_in_a_file_beside_are_on_the_card(tmp_path):
    path = graph(tmp_path)
    (tmp_path / "mean.onnx.data").write_bytes(b"weights")
    card = adapters.onnx_model(path, Settings({1: "vessel"}, "softmax", 48, order="green")).card
    assert list(card.files) == ["mean.onnx", "mean.onnx.data"]


def test_onnx_needs_no_torch(tmp_path, uneven, monkeypatch):
    path = graph(tmp_path, channels=1)
    monkeypatch.setitem(sys.modules, "torch", None)
    eye = adapters.load_adapter("onnx", path, settings=Settings({1: "vessel"}, "softmax", 48, order="green"))(uneven)
    assert get_probability(eye, "vessel").max() > 0.5


def test_onnx_without_onnxruntime_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EyeError, match=r"pip install 'retina_tools\[onnx\]'"):
        adapters.onnx_model(graph(tmp_path))


class _Several(nn.Module):
    """A network that gives a coarse and a fine drawing, in a mapping."""

    def forward(self, picture: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"coarse": picture[:, :1] * 0, "fine": picture[:, 1:2]}


def test_one_of_several_outputs_is_taken_by_name_or_number(tmp_path, uneven):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(_Several()).save(tmp_path / "several.pt")
    for output, value in (("fine", 0.4), (1, 0.4), ("coarse", 0), (-2, 0)):
        settings = Settings({0: "vessel"}, "none", 48, output=output)
        eye = adapters.torchscript(tmp_path / "several.pt", settings)(uneven)
        assert get_probability(eye, "vessel")[48, 48] == pytest.approx(value, abs=2e-3)
    with pytest.raises(EyeError, match="no output 2; it has coarse, fine"):
        adapters.torchscript(tmp_path / "several.pt", Settings({0: "vessel"}, "none", 48, output=2))(uneven)


def test_a_part_of_the_field_can_be_shown(tmp_path, uneven):
    settings = Settings({1: "optic_disc"}, "softmax", 32, order="green", view="disc")
    segmenter = adapters.onnx_model(graph(tmp_path, channels=1), settings)
    eye = segmenter(schema.with_parts(uneven, landmarks={"optic_disc": (40.0, 60.0)}))
    y, x = np.nonzero(get_mask(eye, "optic_disc"))
    assert ((y.min() + y.max()) / 2, (x.min() + x.max()) / 2) == pytest.approx((40, 60), abs=1)
    assert np.ptp(y) + 1 == pytest.approx(0.4 * 91, abs=2)


def test_an_eye_without_a_picture_is_refused(tmp_path):
    segmenter = adapters.onnx_model(graph(tmp_path), Settings({1: "vessel"}, "softmax", 48, order="green"))
    with pytest.raises(EyeError, match="no image"):
        segmenter(schema.new_eye(masks={"vessel": np.zeros((32, 32), bool)}))


def test_other_structures_are_kept_and_the_eye_given_is_not_changed(tmp_path, uneven):
    segmenter = adapters.onnx_model(graph(tmp_path), Settings({1: "vessel"}, "softmax", 48, order="green"))
    disc = np.zeros((96, 96), bool)
    disc[40:50, 40:50] = True
    eye = schema.with_parts(uneven, masks={"optic_disc": disc})
    before = eye.copy(deep=True)
    drawn = segmenter(eye)
    assert before.identical(eye)
    np.testing.assert_array_equal(get_mask(drawn, "optic_disc"), disc)
    assert segmenter(eye).identical(drawn)
