"""Images of rows: only real ones, only from here."""

import base64

import pytest

from workbench.errors import InputError
from workbench.ratings.assignment.pictures import data_uri, images_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
KINDS = {
    "png": PNG,
    "jpeg": b"\xff\xd8\xff\xe0" + b"\x00" * 20,
    "gif": b"GIF89a" + b"\x00" * 20,
    "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
}


def images(tmp_path, **cells):
    return images_of({"row_id": "r1", **cells}, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_becomes_a_data_uri_of_its_own_kind_whatever_its_name(tmp_path, kind):
    (tmp_path / "picture.svg").write_bytes(KINDS[kind])
    encoded = base64.b64encode(KINDS[kind]).decode()
    assert images(tmp_path, image="picture.svg") == (f"data:image/{kind};base64,{encoded}",)


def test_images_come_singly_in_lists_and_as_data_uris(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    uri = data_uri(PNG, "x")
    wrong = uri.replace("image/png", "image/svg+xml")
    assert images(tmp_path, image=str(tmp_path / "a.png"), images=[uri, wrong]) == (uri, uri, uri)
    assert images(tmp_path, image={"bytes": PNG, "path": None}) == (uri,)
    assert images(tmp_path, image=None, images=[]) == images(tmp_path) == ()


def test_an_image_of_two_megabytes_is_the_largest(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG.ljust(2_000_000, b"\x00"))
    assert len(images(tmp_path, image="a.png")) == 1
    (tmp_path / "a.png").write_bytes(PNG.ljust(2_000_001, b"\x00"))
    with pytest.raises(InputError) as caught:
        images(tmp_path, image="a.png")
    assert str(caught.value) == (
        "an image must have at most 2 MB, but that of row 'r1' has more; make it smaller."
    )


SVG = "data:image/svg+xml;base64," + base64.b64encode(b"<svg onload='alert(1)'/>").decode()
REFUSED = {
    "svg": (
        SVG,
        "an image must be PNG, JPEG, GIF or WebP, but that of row 'r1' begins with b'<svg onl'; "
        "convert it.",
    ),
    "address": (
        "https://example.org/x.png",
        "an image must be a path or a data URI, but row 'r1' has the address "
        "'https://example.org/x.png'; download it.",
    ),
    "broken": (
        "data:image/png;base64,%%%",
        "a data URI must be data:image/…;base64,… of at most 2 MB, but row 'r1' has "
        "'data:image/png;base64,%%%' … (25 characters); encode the image anew.",
    ),
    "number": (
        3,
        "an image must be a path or a data URI, but row 'r1' has a int; write one of these.",
    ),
}


@pytest.mark.parametrize(("cell", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_image_is_refused(tmp_path, cell, said):
    with pytest.raises(InputError) as caught:
        images(tmp_path, image=cell)
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["missing.png", ".", "nul\x00.png", "/dev/zero"])
def test_a_path_that_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(InputError) as caught:
        images(tmp_path, image=name)
    assert str(caught.value).startswith(
        "the image of row 'r1' must be a file that can be read, but"
    )


def test_a_text_file_is_no_image(tmp_path):
    (tmp_path / "passwd").write_text("root:x:0:0")
    with pytest.raises(InputError):
        images(tmp_path, image="passwd")
