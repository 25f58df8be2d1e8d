"""Versions of a prompt's file, from git's history and from the disk."""

import os
import subprocess
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import BadValue, Unreadable
from workbench.prompts import Prompt, history

SETTINGS = {
    "GIT_AUTHOR_NAME": "A. Author", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C. Committer", "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


@pytest.fixture
def git(tmp_path, monkeypatch):
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "repository"
    folder.mkdir()

    def run(*arguments, day=1):
        dates = {
            f"GIT_{who}_DATE": f"2024-05-{day:02}T12:00:00+00:00" for who in ("AUTHOR", "COMMITTER")
        }
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
            env={**os.environ, **dates},
        )

    run("init", "-q", "-b", "main")
    run.folder = folder
    return run


def saved(git, name, text, subject, day):
    path = git.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    git("add", "--all")
    git("commit", "-q", "--allow-empty-message", "-m", subject, day=day)
    return path


BODY = "# user\n\nRead what follows with care, take your time.\n\nAnswer in {} words:\n\n{{{{ input }}}}\n"


def test_versions_follow_a_file_through_its_history_and_names(git, tmp_path, monkeypatch):
    path = saved(git, "old.md", BODY.format("ten"), "Begin", 1)
    saved(git, "other.md", "Hi {{ a }}", "Another file", 2)
    saved(git, "old.md", BODY.format("nine"), "Fewer words", 3)
    (git.folder / "new").mkdir()
    git("mv", "old.md", "new/name.md")
    git("commit", "-q", "-m", "Move", day=4)
    path = git.folder / "new" / "name.md"
    monkeypatch.chdir(tmp_path)  # far from the repository
    found = wb.prompts.versions(path)
    assert [(each.date, each.author, each.subject, each.path) for each in found] == [
        ("2024-05-04T12:00:00+00:00", "A. Author", "Move", "new/name.md"),
        ("2024-05-03T12:00:00+00:00", "A. Author", "Fewer words", "old.md"),
        ("2024-05-01T12:00:00+00:00", "A. Author", "Begin", "old.md"),
    ]
    assert all(len(each.commit) == 40 for each in found)
    assert (
        found[0].digest
        == found[1].digest
        == Prompt.of(BODY.format("nine")).digest
        != found[2].digest
    )
    assert [found[0].prompt.name, found[2].prompt.name] == ["name", "old"]
    assert found[2].prompt.source == f"old.md at {found[2].commit[:8]}"
    assert "[-ten-]{+nine+}" in repr(wb.prompts.diff(found[2], found[0]))
    assert list(found.frame.columns) == list(history._COLUMNS)
    assert found.frame["digest"].tolist() == [each.digest for each in found]
    assert repr(found).splitlines()[0] == f"{path}: 3 versions"
    assert repr(found).splitlines()[1].split() == ["commit", "date", "author", "subject", "digest"]
    assert "Fewer words" in found._repr_html_() == wb.prompts.versions(path)._repr_html_()


def test_what_is_on_the_disk_and_in_no_commit_comes_first(git):
    path = saved(git, "a.md", "Hi {{ a }}", "Begin", 1)
    assert len(wb.prompts.versions(path)) == 1
    path.write_text("Hello {{ a }}")
    found = wb.prompts.versions(path)
    assert [each.commit is None for each in found] == [True, False]
    assert found[0].prompt == wb.prompts.read(path)[0]
    assert "not committed" in repr(found)


def test_a_broken_version_is_listed_with_its_fault(git):
    saved(git, "a.md", "Hi {{ a", "Broken", 1)
    path = saved(git, "a.md", "Hi {{ a }}", "Mended", 2)
    found = wb.prompts.versions(path)
    assert found[0].error is None
    assert found[1].digest is None
    assert found[1].error.startswith(
        "a template must be Jinja2 of the kind that prompts may use, but in line 1 of"
    )
    assert "no prompt" in repr(found)
    with pytest.raises(BadValue):
        found[1].prompt  # noqa: B018


def test_a_file_that_went_and_came_has_the_versions_that_it_had(git):
    path = saved(git, "a.md", "One {{ a }}", "One", 1)
    git("rm", "-q", "a.md")
    git("commit", "-q", "-m", "Gone", day=2)
    saved(git, "a.md", "Two {{ a }}", "Two", 3)
    assert [each.subject for each in wb.prompts.versions(path)] == ["Two", "One"]


@pytest.mark.parametrize(
    "name", ["-n.md", "*.md", ":(glob)a.md", "a b\nc.md", "é'\".md", "--output=x.md", "$(id).md"]
)
def test_a_hostile_name_is_a_name(git, name):
    saved(git, "a.md", "Other {{ a }}", "Other", 1)
    path = saved(git, name, "Hi {{ a }}", "\x1b[31mred</td><script>", 2)
    found = wb.prompts.versions(path)
    assert [each.content for each in found] == [b"Hi {{ a }}"]
    assert "\x1b" not in repr(found)
    assert "<script>" not in found._repr_html_()
    assert {each.name for each in git.folder.iterdir()} == {".git", "a.md", name}


def test_settings_of_a_repository_run_nothing_and_call_nobody(git, tmp_path):
    path = saved(git, "a.md", "Hi {{ a }}", "Begin", 1)
    (git.folder / ".gitattributes").write_text("*.md diff=x\n")
    trap = f"touch {tmp_path / 'trapped'}"
    for setting in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.x.textconv",
        "gpg.program",
    ):
        git("config", setting, trap)
    git("config", "log.showSignature", "true")
    assert len(wb.prompts.versions(path)) == 1
    assert not (tmp_path / "trapped").exists()


def test_without_a_repository_there_is_the_file_itself(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("Hi {{ a }}")
    found = wb.prompts.versions(path)
    assert [(each.commit, each.prompt.name) for each in found] == [(None, "a")]
    assert found.note.startswith("git: not a git repository")


def test_a_file_that_git_does_not_know(git):
    (git.folder / "a.md").write_text("Hi {{ a }}")
    assert wb.prompts.versions(git.folder / "a.md").note.startswith(
        "git: your current branch 'main'"
    )
    saved(git, "b.md", "Hi {{ b }}", "Begin", 1)
    git("rm", "-q", "--cached", "a.md")
    git("commit", "-q", "-m", "Forget", day=2)
    (git.folder / "c.md").write_text("Hi {{ c }}")
    found = wb.prompts.versions(git.folder / "c.md")
    assert (len(found), found.note) == (1, "in no commit")


def test_without_git_there_is_the_file_itself(git, monkeypatch):
    path = saved(git, "a.md", "Hi {{ a }}", "Begin", 1)
    monkeypatch.setenv("PATH", "")
    found = wb.prompts.versions(path)
    assert (len(found), found.note) == (1, "git is not installed")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(Unreadable) as caught:
        wb.prompts.versions(tmp_path / "a.md")
    assert str(caught.value) == (
        f"{tmp_path / 'a.md'} must be a readable file, but there is no such file; check the path."
    )


def test_a_link_has_the_history_of_its_file(git, tmp_path):
    path = saved(git, "a.md", "Hi {{ a }}", "Begin", 1)
    link = tmp_path / "link.md"
    link.symlink_to(path)
    assert [each.subject for each in wb.prompts.versions(Path(link))] == ["Begin"]
