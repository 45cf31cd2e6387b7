"""Whoever reads along sees what he should: else he who sees nothing says nothing."""

import os
import time

import pytest
from watcher import Watcher

SECRET = b"plain words"


@pytest.fixture
def watcher(tmp_path):
    (tmp_path / "deep/down").mkdir(parents=True)
    watcher = Watcher([SECRET], tmp_path)
    yield watcher
    watcher.close()


def paths(watcher):
    return {sighting.path for sighting in watcher.close()}


@pytest.mark.parametrize("folder", [".", "deep/down", "new", "new/er"])
def test_a_file_of_five_milliseconds_is_seen(watcher, tmp_path, folder):
    path = tmp_path / folder / "file"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"some " + SECRET)
    time.sleep(0.005)
    path.unlink()
    # On a machine that is too busy it is known at least that there was one.
    assert str(path) in paths(watcher) | watcher.unread
    assert not any(sighting.stays for sighting in watcher.sightings)


@pytest.mark.parametrize("event", ["modify", "moved_to"])
def test_what_becomes_plain_and_encrypted_again_is_seen(watcher, tmp_path, event):
    path = tmp_path / "deep/file"
    path.write_bytes(b"a token")
    watcher.settle()
    if event == "moved_to":
        path.rename(tmp_path / "deep/down/moved")
        path = tmp_path / "deep/down/moved"
        watcher.settle()
    with open(path, "r+b", buffering=0) as file:
        file.write(SECRET)
        assert watcher.plain() == {str(path)}
        file.truncate(3)
    assert watcher.plain() == set()
    [sighting] = watcher.close()
    assert (sighting.path, sighting.event, sighting.stays) == (str(path), "modify", False)


def test_what_moves_in_or_moves_with_its_folder_is_seen_where_it_is(watcher, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "file").write_bytes(SECRET)
    (elsewhere / "folder").mkdir()
    (elsewhere / "folder/file").write_bytes(SECRET)
    (elsewhere / "file").rename(tmp_path / "file")
    (elsewhere / "folder").rename(tmp_path / "folder")
    assert watcher.plain() == {f"{tmp_path}/file", f"{tmp_path}/folder/file"}
    (tmp_path / "folder").rename(tmp_path / "deep/down/folder")
    assert watcher.plain() == {f"{tmp_path}/file", f"{tmp_path}/deep/down/folder/file"}
    (tmp_path / "deep/down/folder/file").write_bytes(b"a token")
    stays = {sighting.path: sighting.stays for sighting in watcher.close()}
    assert stays == {f"{tmp_path}/file": True, f"{tmp_path}/folder/file": False, f"{tmp_path}/deep/down/folder/file": False}


def test_it_is_told_how_long_it_was_there(watcher, tmp_path):
    (tmp_path / "file").write_bytes(SECRET)
    watcher.settle()
    began = time.monotonic()
    while time.monotonic() < began + 0.3:
        assert watcher.plain() == {f"{tmp_path}/file"}
    (tmp_path / "file").unlink()
    [sighting] = watcher.close()
    assert 0.25 < sighting.seconds and not sighting.stays


def test_what_a_link_leads_to_and_what_is_no_file_is_somewhere_else(watcher, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "file").write_bytes(SECRET)
    (tmp_path / "deep/down").rmdir()
    (tmp_path / "deep/down").symlink_to(elsewhere)
    (tmp_path / "file").symlink_to(elsewhere / "file")
    (tmp_path / "deep").rename(tmp_path / "aside")
    (tmp_path / "deep").symlink_to(elsewhere)
    os.mkfifo(tmp_path / "pipe")
    (elsewhere / "file").write_bytes(SECRET)
    assert paths(watcher) == set() and watcher.unread == set()
