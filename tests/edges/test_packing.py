"""A mirror is repacked while others use it, whatever happens meanwhile, and loses nothing that anybody needs."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pygit2
import pytest

from controller.deployments.leftovers import clean_mirrors
from controller.errors import NotFoundError, RetryableError
from controller.git import packing
from controller.git.mirror import Mirror
from tests.git_factories import commit, repository, tag

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def remote(tmp_path: Path) -> pygit2.Repository:
    return repository(tmp_path / "served" / "shop.git")


@pytest.fixture
def mirror(remote: pygit2.Repository, tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirrors" / "shop.git", remote.path)


def _path(mirror: Mirror) -> Path:
    return mirror._objects.path


def _fetched(remote: pygit2.Repository, mirror: Mirror, number: int, *, branch: str = "main") -> list[str]:
    """Commits, each of them fetched by itself."""
    made = []
    for n in range(number):
        files = {f"f{n % 7}": f"{branch} {n}\n" * 50, f"deep/{n % 5}/g": f"{n}"}
        made.append(commit(remote, files, branch=branch))
        mirror.fetch([f"refs/heads/{branch}"])
    return made


def _is_whole(mirror: Mirror) -> None:
    """Git itself finds nothing missing or damaged."""
    command = ("git", "-C", str(_path(mirror)), "fsck", "--full", "--no-dangling")
    checked = subprocess.run(command, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def _content(mirror: Mirror, id_: str) -> dict[str, bytes]:
    """Read anew, by a repository object that knows nothing yet."""
    tree = Mirror(_path(mirror), mirror.address.url).snapshot(id_).tree
    return {name: tree.read(name) for name in tree.names("") if name != "deep"}


def test_many_fetches_become_one_pack_with_everything_in_it(remote: pygit2.Repository, mirror: Mirror) -> None:
    ids = _fetched(remote, mirror, 40)
    before = {id_: _content(mirror, id_) for id_ in ids}
    assert (mirror.packs().count, mirror.packs().repacked_at) == (40, None)
    size = mirror.packs().size
    mirror.repack(NOW)
    after = mirror.packs()
    assert (after.count, after.repacked_at, dict(after.lost)) == (1, NOW, {})
    assert after.size < size
    assert {id_: _content(mirror, id_) for id_ in ids} == before
    _is_whole(mirror)
    assert not (_path(mirror) / packing.ASIDE).exists()


def test_a_mirror_goes_on_after_it_was_repacked(remote: pygit2.Repository, mirror: Mirror) -> None:
    _fetched(remote, mirror, 5)
    mirror.repack(NOW)
    (tip,) = _fetched(remote, mirror, 1)
    assert mirror.packs().count == 2
    mirror.repack(NOW + DAY)
    assert mirror.packs().count == 1
    assert mirror.known() == tip
    _is_whole(mirror)


def test_nothing_new_is_only_noted(remote: pygit2.Repository, mirror: Mirror) -> None:
    _fetched(remote, mirror, 3)
    mirror.repack(NOW)
    before = sorted((_path(mirror) / "objects" / "pack").iterdir())
    mirror.repack(NOW + DAY)
    assert sorted((_path(mirror) / "objects" / "pack").iterdir()) == before
    assert mirror.packs().repacked_at == NOW + DAY


def test_an_empty_mirror_is_repacked_to_nothing(mirror: Mirror) -> None:
    mirror.repack(NOW)
    assert (mirror.packs().count, mirror.packs().repacked_at) == (0, NOW)


def test_tags_and_commits_of_deployments_are_kept_for_ever(remote: pygit2.Repository, mirror: Mirror) -> None:
    old = _fetched(remote, mirror, 3)
    marked = tag(remote, "v1", old[0])
    mirror.fetch(["refs/tags/v1"])
    mirror.keep(old[2], "D1")
    commit(remote, {"other": "1"}, parents=[])
    mirror.fetch()
    remote.references.delete("refs/tags/v1")
    for days in range(60):
        mirror.repack(NOW + days * DAY)
        mirror.fetch()
    assert _content(mirror, old[2])["f2"] == b"main 2\n" * 50
    assert _content(mirror, marked)["f0"] == b"main 0\n" * 50
    assert mirror.packs().count == 1
    _is_whole(mirror)


def test_what_no_ref_reaches_goes_after_two_weeks_and_not_before(remote: pygit2.Repository, mirror: Mirror) -> None:
    gone = _fetched(remote, mirror, 3)
    (new,) = [commit(remote, {"other": "1"}, parents=[])]
    mirror.fetch()
    mirror.repack(NOW)
    assert (mirror.packs().count, list(mirror.packs().lost.values())) == (2, [NOW])
    for days in range(1, 14):
        mirror.repack(NOW + days * DAY)
        assert _content(mirror, gone[2])["f2"] == b"main 2\n" * 50
        assert list(mirror.packs().lost.values()) == [NOW]
    mirror.repack(NOW + packing.GRACE)
    assert (mirror.packs().count, dict(mirror.packs().lost)) == (1, {})
    with pytest.raises(NotFoundError):
        _content(mirror, gone[2])
    with pytest.raises(NotFoundError):
        mirror.snapshot(gone[2])
    assert _content(mirror, new) == {"other": b"1"}
    _is_whole(mirror)


def test_what_is_found_again_is_lost_no_more(remote: pygit2.Repository, mirror: Mirror) -> None:
    old = _fetched(remote, mirror, 3)
    commit(remote, {"other": "1"}, parents=[])
    mirror.fetch()
    mirror.repack(NOW)
    mirror.keep(old[1], "D1")
    for days in range(1, 30):
        mirror.repack(NOW + days * DAY)
    assert _content(mirror, old[1])["f1"] == b"main 1\n" * 50
    _is_whole(mirror)


def test_what_is_lost_a_second_time_has_two_weeks_again(remote: pygit2.Repository, mirror: Mirror) -> None:
    old = _fetched(remote, mirror, 2)
    commit(remote, {"other": "1"}, parents=[])
    mirror.fetch()
    mirror.repack(NOW)
    mirror.keep(old[1], "D1")
    mirror.repack(NOW + 14 * DAY)
    mirror.forget("D1")
    (newer,) = _fetched(remote, mirror, 1)
    mirror.repack(NOW + 15 * DAY)
    mirror.repack(NOW + 28 * DAY)
    assert _content(mirror, old[1])["f1"] == b"main 1\n" * 50
    mirror.repack(NOW + 29 * DAY)
    with pytest.raises(NotFoundError):
        _content(mirror, old[1])
    assert mirror.known() == newer
    _is_whole(mirror)


def test_a_ref_that_comes_while_the_lost_go_keeps_them(remote: pygit2.Repository, mirror: Mirror) -> None:
    old = _fetched(remote, mirror, 2)
    commit(remote, {"other": "1"}, parents=[])
    mirror.fetch()
    mirror.repack(NOW)
    later = NOW + packing.GRACE
    done = packing.repack(_path(mirror), later)
    mirror.keep(old[1], "D1")
    assert packing.drop(_path(mirror), done) == 0
    mirror.repack(later)
    assert _content(mirror, old[1])["f1"] == b"main 1\n" * 50
    _is_whole(mirror)


def test_loose_objects_go_into_the_pack(remote: pygit2.Repository, mirror: Mirror) -> None:
    _fetched(remote, mirror, 2)
    here = pygit2.Repository(str(_path(mirror)))
    tip = commit(here, {"loose": "yes"})
    dangling = here.create_blob(b"nobody names it")
    mirror.repack(NOW)
    assert list(_path(mirror).glob("objects/??/*")) == []
    assert _content(mirror, tip)["loose"] == b"yes"
    assert pygit2.Repository(str(_path(mirror)))[dangling].data == b"nobody names it"
    assert list(mirror.packs().lost.values()) == [NOW]
    _is_whole(mirror)


def test_a_pack_that_an_operator_marked_stays(remote: pygit2.Repository, mirror: Mirror) -> None:
    _fetched(remote, mirror, 3)
    packs = _path(mirror) / "objects" / "pack"
    marked = min(packs.glob("*.pack"))
    marked.with_suffix(".keep").touch()
    mirror.repack(NOW)
    assert marked.exists()
    assert len(list(packs.glob("*.pack"))) == 2
    _is_whole(mirror)


def test_indexes_that_git_made_of_old_packs_do_not_stay(remote: pygit2.Repository, mirror: Mirror) -> None:
    ids = _fetched(remote, mirror, 3)
    for words in (("multi-pack-index", "write"), ("commit-graph", "write", "--reachable")):
        subprocess.run(("git", "-C", str(_path(mirror)), *words), check=True, capture_output=True)
    mirror.repack(NOW)
    assert _content(mirror, ids[0])["f0"] == b"main 0\n" * 50
    _is_whole(mirror)


def test_where_an_object_is_missing_nothing_is_touched(remote: pygit2.Repository, mirror: Mirror) -> None:
    ids = _fetched(remote, mirror, 3)
    packs = _path(mirror) / "objects" / "pack"
    holder = next(file for file in packs.glob("*.idx") if bytes.fromhex(ids[0]) in packing._indexed(file))
    for file in packs.glob(f"{holder.stem}.*"):
        file.unlink()
    before = sorted(packs.iterdir())
    with pytest.raises(RetryableError) as e:
        mirror.repack(NOW)
    assert str(e.value) == (
        f"{_path(mirror)}/: object {ids[0]} is missing, so nothing is repacked; "
        "remove this folder, and it is fetched anew at the next poll"
    )
    assert sorted(packs.iterdir()) == before


def test_a_repack_that_is_asked_to_stop_changes_nothing(remote: pygit2.Repository, mirror: Mirror) -> None:
    _fetched(remote, mirror, 3)
    before = sorted((_path(mirror) / "objects" / "pack").iterdir())
    for moment in range(30):
        left = iter(range(moment))
        with pytest.raises(packing.StoppedError):
            mirror.repack(NOW, lambda left=left: next(left, None) is None)
        assert sorted((_path(mirror) / "objects" / "pack").iterdir()) == before
    mirror.repack(NOW)
    assert mirror.packs().count == 1


def test_who_reads_meanwhile_goes_on_reading(remote: pygit2.Repository, mirror: Mirror) -> None:
    """Each thread has a repository object that knows the old packs, and has opened only some of them."""
    ids = _fetched(remote, mirror, 30)
    expected = {id_: _content(mirror, id_) for id_ in ids}
    stop, failures, reads = threading.Event(), [], [0] * 3
    ready = threading.Barrier(4)

    def read(n: int) -> None:
        luck = Random(n)
        mirror.commit(ids[n])
        ready.wait()
        try:
            while not stop.is_set():
                id_ = luck.choice(ids)
                mirror._objects.listing.cache_clear()
                tree = mirror.snapshot(id_).tree
                assert {name: tree.read(name) for name in tree.names("") if name != "deep"} == expected[id_]
                reads[n] += 1
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    ready.wait()
    for days in range(3):
        ids += _fetched(remote, mirror, 2)[:0]  # what is new is for the next repack
        mirror.repack(NOW + days * DAY)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert min(reads) > 0
    _is_whole(mirror)


def test_a_repository_object_that_saw_the_old_packs_finds_all_in_the_new_one(
    remote: pygit2.Repository, mirror: Mirror
) -> None:
    """Whoever is in the middle of something keeps the object that it has: it is not exchanged under its hands."""
    ids = _fetched(remote, mirror, 10)
    cold, warm = (pygit2.Repository(str(_path(mirror))) for _ in range(2))
    assert ids[0] in cold  # has read the indexes
    before = {id_: warm[id_].tree["f0"].data for id_ in ids[:5]}
    mirror.repack(NOW)
    assert {id_: warm[id_].tree["f0"].data for id_ in ids[:5]} == before
    assert {id_: cold[id_].tree["f0"].data for id_ in ids[:5]} == before
    assert [cold[id_].message for id_ in ids] == ["Change something"] * 10


def test_packs_that_are_gone_give_their_room_back(remote: pygit2.Repository, mirror: Mirror) -> None:
    ids = _fetched(remote, mirror, 10)
    for id_ in ids:
        mirror.snapshot(id_).tree.names("")
    assert any(str(_path(mirror)) in name for name in _open_files())
    mirror.repack(NOW)
    mirror.commit(ids[0])
    gc.collect()
    assert [name for name in _open_files() if str(_path(mirror)) in name and "(deleted)" in name] == []


def test_fetches_may_come_meanwhile(remote: pygit2.Repository, mirror: Mirror) -> None:
    ids = _fetched(remote, mirror, 5)
    done = threading.Event()
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            ids.extend(_fetched(remote, mirror, 60))
        except BaseException as e:
            failures.append(e)
        done.set()

    thread = threading.Thread(target=fetch)
    thread.start()
    days = 0
    while not done.is_set():
        mirror.repack(NOW + days * DAY)
        days += 1
    thread.join()
    assert failures == []
    assert days > 1
    assert mirror.known() == ids[-1]
    _is_whole(mirror)


_CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from controller.git.mirror import Mirror
mirror = Mirror(Path(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
mirror.repack(datetime.fromisoformat(sys.argv[3]))
print("done", flush=True)
"""


def test_whoever_is_killed_at_any_moment_leaves_a_whole_mirror(
    remote: pygit2.Repository, mirror: Mirror, tmp_path: Path
) -> None:
    luck = Random(7)
    kept: list[str] = []
    cut = 0
    for turn in range(12):
        made = _fetched(remote, mirror, 4)
        mirror.keep(made[1], f"D{turn}")
        kept.append(made[1])
        commit(remote, {"other": str(turn)}, parents=[])  # what came before is reached by deployments alone
        mirror.fetch()
        command = (sys.executable, "-c", _CHILD, str(_path(mirror)), remote.path, (NOW + turn * 5 * DAY).isoformat())
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(luck.uniform(0, 0.03))
        child.send_signal(signal.SIGKILL)
        cut += child.communicate()[0] == ""
        _is_whole(mirror)
        clean_mirrors(tmp_path)
        _is_whole(mirror)
        for id_ in kept:
            assert _content(mirror, id_)
    assert cut > 0
    mirror.repack(NOW + 100 * DAY)
    mirror.repack(NOW + 200 * DAY)
    assert mirror.packs().count == 1
    assert all(_content(mirror, id_) for id_ in kept)
    _is_whole(mirror)


_FORKS = """
import os, shutil, signal, sys
from datetime import datetime
from pathlib import Path
from controller.git.mirror import Mirror
template, url, folder, now = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), datetime.fromisoformat(sys.argv[4])
steps = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}
for moment in range(1, 1000):
    shutil.copytree(template, folder / str(moment))
    mirror = Mirror(folder / str(moment), url)
    child = os.fork()
    if not child:
        left = [moment]
        def hook(event, arguments):
            if event in steps:
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        mirror.repack(now)
        os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
        print(moment)
        break
"""


def test_whoever_is_killed_before_any_step_leaves_a_whole_mirror(
    remote: pygit2.Repository, mirror: Mirror, tmp_path: Path
) -> None:
    """Each file that is moved or removed is a step, and there are packs of each kind: living, lost, lost for long."""
    old = _fetched(remote, mirror, 2)
    mirror.keep(old[0], "D1")
    commit(remote, {"other": "1"}, parents=[])
    mirror.fetch()
    mirror.repack(NOW)  # old[1] is lost
    later = _fetched(remote, mirror, 2)
    commit(remote, {"other": "2"}, parents=[])
    mirror.fetch()
    mirror.keep(later[0], "D2")
    commit(pygit2.Repository(str(_path(mirror))), {"loose": "yes"}, branch="refs/lockstep/deployments/D3")
    tips = _tips(mirror)
    folder = tmp_path / "data" / "mirrors"
    folder.mkdir(parents=True)
    now = (NOW + packing.GRACE).isoformat()
    command = (sys.executable, "-c", _FORKS, str(_path(mirror)), remote.path, str(folder), now)
    moments = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert moments > 25
    for moment in range(1, moments + 1):
        cut = Mirror(folder / str(moment), remote.path)
        _is_whole(cut)
        assert _tips(cut) == tips
        assert all(_content(cut, id_) for id_ in tips.values())
        clean_mirrors(tmp_path / "data")
        cut.repack(NOW + packing.GRACE)
        assert cut.packs().count == 2  # one living, and one of what was lost now
        _is_whole(cut)
        assert all(_content(cut, id_) for id_ in tips.values())


def _tips(mirror: Mirror) -> dict[str, str]:
    here = pygit2.Repository(str(_path(mirror)))
    return {name: str(here.references[name].target) for name in here.references}


def _open_files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(link))
        except FileNotFoundError:
            continue
    return found
