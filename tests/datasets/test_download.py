"""Downloads from a server on this machine: checked, unpacked, noted; and every way they fail."""

import hashlib
import io
import json
import socket
import tarfile
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from retina_tools import datasets
from retina_tools.datasets import DatasetError
from retina_tools.datasets.card import Archive, cache_folder
from retina_tools.datasets.download import fetch
from retina_tools.datasets.sets import hrf, stare

DIRECT = datasets.catalogue().set_index("name")["direct_download"]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.delenv("RETINA_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def server(tmp_path):
    """A folder served on a free port of the loopback, with the addresses asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked = []

    class Handler(QuietHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
    thread.join()


def picture(kind="JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (150, 90, 60)).save(buffer, kind)
    return buffer.getvalue()


def hrf_zip(number="01") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"images/{number}_h.jpg", picture())
    return buffer.getvalue()


def hrf_card(url, sha256=None):
    return replace(hrf.CARD, archives=(Archive(f"{url}all.zip", "all.zip", sha256),))


def test_a_download_is_checked_unpacked_and_found_afterwards(server, cache):
    folder, url, asked = server
    content = hrf_zip()
    (folder / "all.zip").write_bytes(content)
    card = hrf_card(url, hashlib.sha256(content).hexdigest())
    assert fetch(card, progress=False) == cache / "hrf"
    assert datasets.open_dataset("hrf").table["image_id"].tolist() == ["01_h"]
    assert not (cache / "hrf" / "all.zip").exists()
    assert not (cache / "checksums.json").exists()  # known in advance, nothing to note
    fetch(card, progress=False)
    assert asked == ["/all.zip"]


def test_tar_archives_go_to_folders_of_their_own(server, cache, tmp_path):
    folder, url, _ = server
    for name, member in (("stare-images", "im0001.ppm"), ("labels-ah", "im0001.ah.ppm")):
        with tarfile.open(folder / f"{name}.tar", "w") as archive:
            info = tarfile.TarInfo(member)
            content = picture("PPM")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    archives = tuple(Archive(f"{url}{n}.tar", f"{n}.tar", folder=n) for n in ("stare-images", "labels-ah"))
    home = fetch(replace(stare.CARD, archives=archives), tmp_path / "mine", progress=False)
    assert home == tmp_path / "mine"
    assert datasets.stare(home)[0]["mask"].sel(structure="vessel").values.all()


def test_another_file_than_the_one_on_record_is_refused(server, cache):
    folder, url, _ = server
    (folder / "all.zip").write_bytes(hrf_zip())
    with pytest.raises(DatasetError, match=r"not the file expected.*on record") as caught:
        fetch(hrf_card(url, "0" * 64), progress=False)
    assert hrf.CARD.obtain in str(caught.value)
    assert "hrf" not in datasets.detect()
    assert list((cache / "hrf").iterdir()) == []


def test_an_unknown_checksum_is_noted_and_holds_for_later_downloads(server, cache, tmp_path):
    folder, url, _ = server
    content = hrf_zip()
    (folder / "all.zip").write_bytes(content)
    fetch(hrf_card(url), tmp_path / "first", progress=False)
    assert json.loads((cache / "checksums.json").read_text()) == {f"{url}all.zip": hashlib.sha256(content).hexdigest()}
    fetch(hrf_card(url), tmp_path / "second", progress=False)
    (folder / "all.zip").write_bytes(hrf_zip("02"))
    with pytest.raises(DatasetError, match=r"noted at the first download.*delete its line in .*checksums\.json"):
        fetch(hrf_card(url), tmp_path / "third", progress=False)
    (cache / "checksums.json").write_text("{broken")
    with pytest.raises(DatasetError, match="repair or delete"):
        fetch(hrf_card(url), tmp_path / "fourth", progress=False)


def test_a_download_that_was_deleted_is_fetched_again(server, cache):
    folder, url, asked = server
    (folder / "all.zip").write_bytes(hrf_zip())
    home = fetch(hrf_card(url), progress=False)
    (home / "images" / "01_h.jpg").unlink()
    fetch(hrf_card(url), progress=False)
    assert asked == ["/all.zip", "/all.zip"]
    assert len(datasets.hrf(home)) == 1


def test_an_archive_that_cannot_be_unpacked_is_not_kept(server, cache):
    folder, url, _ = server
    (folder / "all.zip").write_bytes(b"<html>please log in</html>")
    with pytest.raises(DatasetError, match="could not be unpacked"):
        fetch(hrf_card(url), progress=False)
    assert list((cache / "hrf").iterdir()) == []
    assert not (cache / "checksums.json").exists()


def test_archives_cannot_write_outside_their_folder(server, cache, tmp_path):
    folder, url, _ = server
    with tarfile.open(folder / "evil.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../../escaped.txt"))
    card = replace(hrf.CARD, archives=(Archive(f"{url}evil.tar", "evil.tar"),))
    with pytest.raises(DatasetError, match="could not be unpacked"):
        fetch(card, tmp_path / "a" / "b", progress=False)
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_file_that_is_gone_says_where_to_get_it_by_hand(server, cache):
    _, url, _ = server
    with pytest.raises(DatasetError, match=r"could not be downloaded.*404.*by hand") as caught:
        fetch(hrf_card(url), progress=False)
    assert hrf.CARD.homepage in str(caught.value)


def test_no_network_says_so(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(DatasetError, match=r"could not be downloaded.*Check the connection"):
        fetch(hrf_card(url), progress=False)


def test_a_folder_that_cannot_be_made_says_so(cache, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"could not be downloaded.*file"):
        fetch(hrf_card("http://127.0.0.1:9/"), tmp_path / "file" / "below", progress=False)


@pytest.mark.parametrize("name", DIRECT.index[~DIRECT])
def test_sets_behind_a_registration_say_where_to_get_and_where_to_put_them(name, cache):
    with pytest.raises(DatasetError, match="cannot be downloaded by a program") as caught:
        getattr(datasets, f"fetch_{name}")()
    message = str(caught.value)
    assert "http" in message
    assert "RETINA_DATA" in message
    assert f"datasets.{name}(folder)" in message
    assert not cache.exists()
